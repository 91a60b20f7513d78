//! Python's pickles, as far as PyTorch's state dictionaries use them.
//!
//! A pickle is a program for a machine with a stack. Here it can make plain values and tensors, and
//! nothing else: of the functions that a pickle may name seven are known by their names, none is
//! looked up, and what it asks of them is described and not done. All values lie in one list, so
//! that no nesting is deep, and a program of n bytes makes at most n of them.

use std::collections::HashMap;

/// What was expected, and what was found.
pub(super) type Fault = (String, String);

/// A value, by its place in [`Values`] where it has parts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    Float,
    Text(usize),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Function(Function),
    Storage(usize),
    Tensor(usize),
}

/// The functions and classes that a state dictionary names.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Function {
    OrderedDict,
    Parameter,
    Size,
    Tensor,
    /// Of tensors of this kind.
    Storage(Kind),
}

/// Kinds of numbers, as PyTorch names their storages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Double,
    Float,
    Half,
    BFloat16,
    Long,
    Int,
    Short,
    Char,
    Byte,
    Bool,
}

impl Kind {
    /// Bytes of one number.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Double | Self::Long => 8,
            Self::Float | Self::Int => 4,
            Self::Half | Self::BFloat16 | Self::Short => 2,
            Self::Char | Self::Byte | Self::Bool => 1,
        }
    }

    fn of_storage(class: &str) -> Option<Self> {
        Some(match class {
            "DoubleStorage" => Self::Double,
            "FloatStorage" => Self::Float,
            "HalfStorage" => Self::Half,
            "BFloat16Storage" => Self::BFloat16,
            "LongStorage" => Self::Long,
            "IntStorage" => Self::Int,
            "ShortStorage" => Self::Short,
            "CharStorage" => Self::Char,
            "ByteStorage" => Self::Byte,
            "BoolStorage" => Self::Bool,
            _ => return None,
        })
    }
}

/// Numbers that lie elsewhere in the file.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Storage {
    pub(super) kind: Kind,
    /// The text by which its numbers are found.
    pub(super) key: Value,
    /// How many numbers it says it has.
    pub(super) count: u64,
}

/// A view of a storage.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct TensorView {
    pub(super) storage: usize,
    pub(super) offset: i64,
    pub(super) size: Vec<i64>,
    pub(super) stride: Vec<i64>,
}

/// All values that a pickle made.
#[derive(Debug, Default)]
pub(super) struct Values {
    texts: Vec<String>,
    lists: Vec<Vec<Value>>,
    dicts: Vec<Vec<(Value, Value)>>,
    pub(super) storages: Vec<Storage>,
    tensors: Vec<TensorView>,
}

impl Values {
    pub(super) fn text(&self, value: Value) -> Option<&str> {
        match value {
            Value::Text(place) => self.texts.get(place).map(String::as_str),
            _ => None,
        }
    }

    pub(super) fn items(&self, value: Value) -> Option<&[Value]> {
        match value {
            Value::Tuple(place) | Value::List(place) => self.lists.get(place).map(Vec::as_slice),
            _ => None,
        }
    }

    pub(super) fn pairs(&self, value: Value) -> Option<&[(Value, Value)]> {
        match value {
            Value::Dict(place) => self.dicts.get(place).map(Vec::as_slice),
            _ => None,
        }
    }

    pub(super) fn tensor(&self, value: Value) -> Option<&TensorView> {
        match value {
            Value::Tensor(place) => self.tensors.get(place),
            _ => None,
        }
    }

    fn new_text(&mut self, text: String) -> Value {
        self.texts.push(text);
        Value::Text(self.texts.len() - 1)
    }

    fn new_items(&mut self, items: Vec<Value>) -> usize {
        self.lists.push(items);
        self.lists.len() - 1
    }

    fn new_dict(&mut self) -> Value {
        self.dicts.push(Vec::new());
        Value::Dict(self.dicts.len() - 1)
    }

    /// The sizes or strides of a tensor.
    fn integers(&self, value: Value) -> Option<Vec<i64>> {
        let items = self.items(value).filter(|items| items.len() <= MOST_AXES)?;
        let integers = items.iter().map(|item| match item {
            Value::Int(number) => Some(*number),
            _ => None,
        });
        integers.collect()
    }
}

/// As many as PyTorch allows.
const MOST_AXES: usize = 64;

/// The functions of state dictionaries take fewer arguments.
const MOST_ARGUMENTS: usize = 8;

/// Runs a pickle; gives its value and how many bytes it took.
pub(super) fn unpickle(bytes: &[u8], values: &mut Values) -> Result<(Value, usize), Fault> {
    let mut machine = Machine {
        bytes,
        place: 0,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        values,
    };
    let value = machine.run()?;
    Ok((value, machine.place))
}

struct Machine<'a> {
    bytes: &'a [u8],
    place: usize,
    stack: Vec<Value>,
    /// How high the stack was at each mark.
    marks: Vec<usize>,
    memo: HashMap<u64, Value>,
    values: &'a mut Values,
}

fn fault(expected: &str, found: impl Into<String>) -> Fault {
    (expected.to_owned(), found.into())
}

impl Machine<'_> {
    fn run(&mut self) -> Result<Value, Fault> {
        loop {
            let at = self.place;
            let opcode = self.take(1)?[0];
            match opcode {
                // PROTO, FRAME
                0x80 => self.skip(1)?,
                0x95 => self.skip(8)?,
                // MARK
                b'(' => self.marks.push(self.stack.len()),
                // STOP
                b'.' => return self.pop(),
                // POP
                b'0' => drop(self.pop()?),
                b'N' => self.stack.push(Value::None),
                0x88 => self.stack.push(Value::Bool(true)),
                0x89 => self.stack.push(Value::Bool(false)),
                // BININT, BININT1, BININT2, LONG1
                b'J' => {
                    let number = i32::from_le_bytes(self.array()?);
                    self.stack.push(Value::Int(number.into()));
                }
                b'K' => self.integer(1)?,
                b'M' => self.integer(2)?,
                0x8a => {
                    let length = self.take(1)?[0];
                    self.long(length.into())?;
                }
                // BINFLOAT
                b'G' => {
                    self.skip(8)?;
                    self.stack.push(Value::Float);
                }
                // BINUNICODE, SHORT_BINUNICODE
                b'X' => self.text(4)?,
                0x8c => self.text(1)?,
                // EMPTY_TUPLE, TUPLE, TUPLE1 to TUPLE3
                b')' => self.tuple(0)?,
                b't' => {
                    let items = self.marked()?;
                    let place = self.values.new_items(items);
                    self.stack.push(Value::Tuple(place));
                }
                0x85..=0x87 => self.tuple(usize::from(opcode - 0x84))?,
                // EMPTY_LIST, APPEND, APPENDS
                b']' => {
                    let place = self.values.new_items(Vec::new());
                    self.stack.push(Value::List(place));
                }
                b'a' => {
                    let item = self.pop()?;
                    self.append(vec![item])?;
                }
                b'e' => {
                    let items = self.marked()?;
                    self.append(items)?;
                }
                // EMPTY_DICT, SETITEM, SETITEMS
                b'}' => {
                    let dict = self.values.new_dict();
                    self.stack.push(dict);
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.set(&[key, value])?;
                }
                b'u' => {
                    let items = self.marked()?;
                    self.set(&items)?;
                }
                // BINPUT, LONG_BINPUT, MEMOIZE
                b'q' => self.memoize(1)?,
                b'r' => self.memoize(4)?,
                0x94 => {
                    let top = self.top()?;
                    self.memo.insert(self.memo.len() as u64, top);
                }
                // BINGET, LONG_BINGET
                b'h' => self.recall(1)?,
                b'j' => self.recall(4)?,
                // GLOBAL, STACK_GLOBAL
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.function(&module, &name)?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let texts = (self.values.text(module), self.values.text(name));
                    let (Some(module), Some(name)) = texts else {
                        return Err(fault("a function's name", "something else"));
                    };
                    let (module, name) = (module.to_owned(), name.to_owned());
                    self.function(&module, &name)?;
                }
                // REDUCE, BUILD, BINPERSID
                b'R' => self.call()?,
                b'b' => self.build()?,
                b'Q' => self.stored()?,
                _ => {
                    return Err(fault(
                        "the pickle of a state dictionary",
                        format!("the instruction {opcode:#04x} at its byte {at}"),
                    ));
                }
            }
        }
    }

    fn take(&mut self, count: usize) -> Result<&[u8], Fault> {
        let rest = &self.bytes[self.place..];
        let taken = rest.get(..count);
        let taken = taken.ok_or_else(|| fault("a whole pickle", "one that is cut short"))?;
        self.place += count;
        Ok(taken)
    }

    fn skip(&mut self, count: usize) -> Result<(), Fault> {
        self.take(count).map(drop)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let taken = self.take(N)?;
        let mut array = [0; N];
        array.copy_from_slice(taken);
        Ok(array)
    }

    /// A number of so many bytes, little end first.
    fn number(&mut self, bytes: usize) -> Result<u64, Fault> {
        let taken = self.take(bytes)?.iter().rev();
        Ok(taken.fold(0, |number, &byte| (number << 8) | u64::from(byte)))
    }

    fn integer(&mut self, bytes: usize) -> Result<(), Fault> {
        let number = self.number(bytes)?;
        self.stack.push(Value::Int(number as i64));
        Ok(())
    }

    /// A number with a sign.
    fn long(&mut self, bytes: usize) -> Result<(), Fault> {
        if bytes > 8 {
            return Err(fault(
                "numbers of at most 64 bits",
                format!("{bytes} bytes"),
            ));
        }
        let number = self.number(bytes)?;
        let unused = 64 - 8 * bytes as u32;
        let number = match bytes {
            0 => 0,
            _ => ((number << unused) as i64) >> unused,
        };
        self.stack.push(Value::Int(number));
        Ok(())
    }

    fn text(&mut self, length: usize) -> Result<(), Fault> {
        let length = self.number(length)?;
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let text = String::from_utf8(self.take(length)?.to_vec());
        let text = text.map_err(|_| fault("texts in UTF-8", "other bytes"))?;
        let text = self.values.new_text(text);
        self.stack.push(text);
        Ok(())
    }

    /// Up to the end of the line.
    fn line(&mut self) -> Result<String, Fault> {
        let rest = &self.bytes[self.place..];
        let length = rest.iter().position(|&byte| byte == b'\n');
        let length = length.ok_or_else(|| fault("a whole pickle", "one that is cut short"))?;
        let line = String::from_utf8_lossy(&rest[..length]).into_owned();
        self.place += length + 1;
        Ok(line)
    }

    fn top(&self) -> Result<Value, Fault> {
        let top = self.stack.last().copied();
        top.ok_or_else(|| fault("a value", "an empty stack"))
    }

    fn pop(&mut self) -> Result<Value, Fault> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    /// All above the last mark.
    fn marked(&mut self) -> Result<Vec<Value>, Fault> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len());
        let mark = mark.ok_or_else(|| fault("a mark", "none"))?;
        Ok(self.stack.split_off(mark))
    }

    fn tuple(&mut self, count: usize) -> Result<(), Fault> {
        let start = self.stack.len().checked_sub(count);
        let start = start.ok_or_else(|| fault("a tuple's values", "an empty stack"))?;
        let items = self.stack.split_off(start);
        let place = self.values.new_items(items);
        self.stack.push(Value::Tuple(place));
        Ok(())
    }

    fn append(&mut self, items: Vec<Value>) -> Result<(), Fault> {
        match self.top()? {
            Value::List(place) => self.values.lists[place].extend(items),
            _ => return Err(fault("a list", "something else")),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Value]) -> Result<(), Fault> {
        match self.top()? {
            Value::Dict(place) if items.len().is_multiple_of(2) => {
                let pairs = items.chunks_exact(2).map(|pair| (pair[0], pair[1]));
                self.values.dicts[place].extend(pairs);
                Ok(())
            }
            _ => Err(fault("a dictionary and its pairs", "something else")),
        }
    }

    fn memoize(&mut self, bytes: usize) -> Result<(), Fault> {
        let key = self.number(bytes)?;
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, bytes: usize) -> Result<(), Fault> {
        let key = self.number(bytes)?;
        let value = self.memo.get(&key).copied();
        let value = value.ok_or_else(|| fault("a value that was kept", "none"))?;
        self.stack.push(value);
        Ok(())
    }

    fn function(&mut self, module: &str, name: &str) -> Result<(), Fault> {
        let function = match (module, name) {
            ("collections", "OrderedDict") => Some(Function::OrderedDict),
            ("torch._utils", "_rebuild_tensor" | "_rebuild_tensor_v2") => Some(Function::Tensor),
            ("torch._utils", "_rebuild_parameter") => Some(Function::Parameter),
            ("torch", "Size") => Some(Function::Size),
            ("torch" | "torch.storage", class) => Kind::of_storage(class).map(Function::Storage),
            _ => None,
        };
        let function = function.ok_or_else(|| {
            let shown = format!("{module}.{name}");
            let shown: String = shown.escape_debug().take(100).collect();
            fault("tensors and plain values", format!("a call of {shown}"))
        })?;
        self.stack.push(Value::Function(function));
        Ok(())
    }

    fn call(&mut self) -> Result<(), Fault> {
        let (arguments, function) = (self.pop()?, self.pop()?);
        let (Value::Function(function), Value::Tuple(place)) = (function, arguments) else {
            return Err(fault("a call of a function", "one of something else"));
        };
        // Only as many are copied as matter: a program may call with one long tuple again and again.
        let arguments = self.values.lists[place].iter().take(MOST_ARGUMENTS);
        let arguments: Vec<Value> = arguments.copied().collect();
        let value = match (function, arguments.as_slice()) {
            // A list of pairs is not how PyTorch writes it.
            (Function::OrderedDict, []) => self.values.new_dict(),
            (Function::Size, [sizes @ Value::Tuple(_)]) => *sizes,
            (Function::Parameter, [tensor @ Value::Tensor(_), ..]) => *tensor,
            (Function::Tensor, [storage, offset, size, stride, ..]) => {
                self.view(*storage, *offset, *size, *stride)?
            }
            _ => return Err(fault("a function with its arguments", "other arguments")),
        };
        self.stack.push(value);
        Ok(())
    }

    fn view(
        &mut self,
        storage: Value,
        offset: Value,
        size: Value,
        stride: Value,
    ) -> Result<Value, Fault> {
        let lists = (self.values.integers(size), self.values.integers(stride));
        match (storage, offset, lists) {
            (Value::Storage(storage), Value::Int(offset), (Some(size), Some(stride)))
                if size.len() == stride.len() =>
            {
                self.values.tensors.push(TensorView {
                    storage,
                    offset,
                    size,
                    stride,
                });
                Ok(Value::Tensor(self.values.tensors.len() - 1))
            }
            _ => Err(fault(
                "a tensor's storage, sizes and strides",
                "other values",
            )),
        }
    }

    /// Attributes of a dictionary, such as the versions of its modules, are of no use here.
    fn build(&mut self) -> Result<(), Fault> {
        self.pop()?;
        match self.top()? {
            Value::Dict(_) => Ok(()),
            _ => Err(fault("attributes of a dictionary", "of something else")),
        }
    }

    /// What lies elsewhere in the file, as a tuple tells.
    fn stored(&mut self) -> Result<(), Fault> {
        let told = self.pop()?;
        let storage = match self.values.items(told) {
            Some(
                &[
                    tag,
                    Value::Function(Function::Storage(kind)),
                    key,
                    _,
                    Value::Int(count),
                    ..,
                ],
            ) if self.values.text(tag) == Some("storage") => {
                let count = u64::try_from(count).ok();
                count.map(|count| Storage { kind, key, count })
            }
            _ => None,
        };
        let storage = storage.ok_or_else(|| fault("a storage of a known kind", "another one"))?;
        self.values.storages.push(storage);
        self.stack
            .push(Value::Storage(self.values.storages.len() - 1));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(bytes: &[u8]) -> String {
        let mut values = Values::default();
        match unpickle(bytes, &mut values) {
            Ok((value, _)) => format!("{value:?}"),
            Err((expected, found)) => format!("expected {expected}, found {found}"),
        }
    }

    #[test]
    fn a_call_of_anything_else_is_named_and_not_made() {
        let system = b"\x80\x02cos\nsystem\nq\x00X\x04\x00\x00\x00true\x85R.";
        assert!(told(system).contains("a call of os.system"));
        let stacked = b"\x80\x04\x8c\x08builtins\x8c\x04eval\x93.";
        assert!(told(stacked).contains("a call of builtins.eval"));
        assert!(told(b"\x80\x02c__builtin__\ngetattr\n.").contains("__builtin__.getattr"));
        // INST and OBJ make objects of any class, EXT1 of a registry.
        for opcode in [b'i', b'o', 0x82, 0x81] {
            let told = told(&[b'(', opcode, b'.']);
            assert!(told.contains("the instruction"), "{told}");
        }
    }

    #[test]
    fn numbers_have_their_sign() {
        for (bytes, number) in [
            (&b"J\xff\xff\xff\xff."[..], -1),
            (b"K\xff.", 255),
            (b"M\xff\xff.", 65_535),
            (b"\x8a\x00.", 0),
            (b"\x8a\x01\xfe.", -2),
            (b"\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f.", i64::MAX),
        ] {
            assert_eq!(told(bytes), format!("Int({number})"));
        }
        assert!(told(b"\x8a\x09\0\0\0\0\0\0\0\0\0.").contains("64 bits"));
    }

    #[test]
    fn every_cut_and_every_wrong_order_is_told() {
        let whole = b"\x80\x02}q\x00(X\x01\x00\x00\x00aK\x01X\x01\x00\x00\x00bK\x02u.";
        assert_eq!(told(whole), "Dict(0)");
        for length in 0..whole.len() {
            assert!(told(&whole[..length]).starts_with("expected"), "{length}");
        }
        for wrong in [
            &b"."[..],
            b"t.",
            b"u.",
            b"}u.",
            b"}(K\x01u.",
            b"Na.",
            b"\x85.",
            b"h\x00.",
            b"NR.",
            b"NNR.",
            b")Q.",
            b"Nb.",
            b"NNb.",
            b"\x94.",
            b"}K\x01s.",
            b"(0t.",
            b"X\xff\xff\xff\xff.",
        ] {
            assert!(told(wrong).starts_with("expected"), "{wrong:?}");
        }
    }
}
