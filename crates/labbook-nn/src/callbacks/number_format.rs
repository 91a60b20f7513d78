/// The longest width or precision; file names have no room for more.
const LONGEST: usize = 64;

/// A number as Python has it: figures are floats, epochs are integers.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Whole(usize),
    Float(f64),
}

/// Python's format specification for numbers, such as `02d`, `.4f` or `*>8.1%`:
/// `[[fill]align][sign][z][#][0][width][grouping][.precision][type]`.
#[derive(Debug, Clone, Copy)]
pub(super) struct NumberFormat {
    fill: char,
    align: char,
    sign: char,
    /// Writes a number that rounds to -0 as 0.
    no_negative_zero: bool,
    /// Keeps the point and trailing zeros; marks other bases.
    alternate: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

impl NumberFormat {
    /// `None` where Python knows no such format.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let chars: Vec<char> = text.chars().collect();
        let mut rest = chars.as_slice();
        let mut format = Self {
            fill: ' ',
            align: '>',
            sign: '-',
            no_negative_zero: false,
            alternate: false,
            width: 0,
            grouping: None,
            precision: None,
            kind: None,
        };
        let is_align = |c: char| matches!(c, '<' | '>' | '=' | '^');
        let (mut filled, mut aligned) = (false, false);
        match *rest {
            [fill, align, ..] if is_align(align) => {
                (format.fill, format.align) = (fill, align);
                (filled, aligned) = (true, true);
                rest = &rest[2..];
            }
            [align, ..] if is_align(align) => {
                format.align = align;
                aligned = true;
                rest = &rest[1..];
            }
            _ => {}
        }
        if let Some(sign) = take(&mut rest, |c| matches!(c, '+' | '-' | ' ')) {
            format.sign = sign;
        }
        format.no_negative_zero = take(&mut rest, |c| c == 'z').is_some();
        format.alternate = take(&mut rest, |c| c == '#').is_some();
        if !filled && take(&mut rest, |c| c == '0').is_some() {
            format.fill = '0';
            if !aligned {
                format.align = '=';
            }
        }
        format.width = take_count(&mut rest)?.unwrap_or(0);
        format.grouping = take(&mut rest, |c| matches!(c, ',' | '_'));
        if take(&mut rest, |c| c == '.').is_some() {
            format.precision = Some(take_count(&mut rest)??);
        }
        format.kind = take(&mut rest, |_| true);
        rest.is_empty().then_some(format)
    }

    /// The number as Python writes it; `None` where Python refuses this format for such a number.
    pub(super) fn apply(&self, number: Number) -> Option<String> {
        match (number, self.kind) {
            (Number::Whole(n), None | Some('d' | 'n' | 'b' | 'o' | 'x' | 'X')) => self.whole(n),
            (Number::Whole(n), _) => self.float(n as f64),
            (Number::Float(x), _) => self.float(x),
        }
    }

    fn whole(&self, n: usize) -> Option<String> {
        if self.precision.is_some() || self.no_negative_zero {
            return None;
        }
        let (prefix, digits, group) = match self.kind {
            Some('b') => ("0b", format!("{n:b}"), 4),
            Some('o') => ("0o", format!("{n:o}"), 4),
            Some('x') => ("0x", format!("{n:x}"), 4),
            Some('X') => ("0X", format!("{n:X}"), 4),
            _ => ("", n.to_string(), 3),
        };
        if self.grouping.is_some()
            && (self.kind == Some('n') || (group, self.grouping) == (4, Some(',')))
        {
            return None;
        }
        let prefix = if self.alternate { prefix } else { "" };
        let sign = if self.sign == '-' {
            ""
        } else {
            self.positive()
        };
        Some(self.laid_out(&format!("{sign}{prefix}"), &digits, "", group))
    }

    fn float(&self, x: f64) -> Option<String> {
        let kind = self.kind.unwrap_or(' ');
        if self.grouping.is_some() && kind == 'n' {
            return None;
        }
        let size = x.abs();
        let six = self.precision.unwrap_or(6);
        let (text, suffix) = match kind.to_ascii_lowercase() {
            _ if !size.is_finite() && "efgn% ".contains(kind.to_ascii_lowercase()) => {
                let text = if size.is_nan() { "nan" } else { "inf" };
                (text.to_owned(), if kind == '%' { "%" } else { "" })
            }
            'f' => (self.fixed(size, six), ""),
            'e' => (self.exponential(size, six), ""),
            'g' => (self.general(size, six, 0), ""),
            'n' if kind == 'n' => (self.general(size, six, 0), ""),
            '%' => (self.fixed(size * 100.0, six), "%"),
            ' ' => match self.precision {
                Some(precision) => (with_point(self.general(size, precision, 1)), ""),
                None => (self.shortest(size), ""),
            },
            _ => return None,
        };
        let text = match kind.is_ascii_uppercase() {
            true => text.to_ascii_uppercase(),
            false => text,
        };
        let zero = !text.contains(|c: char| matches!(c, '1'..='9') || c.is_ascii_alphabetic());
        let minus = x.is_sign_negative() && !x.is_nan() && !(self.no_negative_zero && zero);
        let sign = match minus {
            true => "-",
            false => self.positive(),
        };
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (integer, rest) = text.split_at(end);
        Some(self.laid_out(sign, integer, &format!("{rest}{suffix}"), 3))
    }

    /// What stands before a number that is not negative.
    fn positive(&self) -> &'static str {
        match self.sign {
            '+' => "+",
            ' ' => " ",
            _ => "",
        }
    }

    fn fixed(&self, size: f64, precision: usize) -> String {
        let point = if self.alternate && precision == 0 {
            "."
        } else {
            ""
        };
        format!("{size:.precision$}{point}")
    }

    /// Rust writes 1.2e0 where Python writes 1.2e+00.
    fn exponential(&self, size: f64, precision: usize) -> String {
        let (digits, exponent) = parts(&format!("{size:.precision$e}"));
        let point = if self.alternate && precision == 0 {
            "."
        } else {
            ""
        };
        format!("{digits}{point}{}", written(exponent))
    }

    /// `precision` significant digits, fixed where the number is neither small nor large. From
    /// how many digits before the point on a number is large, differs by `less`.
    fn general(&self, size: f64, precision: usize, less: i32) -> String {
        let precision = precision.max(1);
        let last = precision - 1;
        let (mut digits, exponent) = parts(&format!("{size:.last$e}"));
        let fixed = (-4..precision as i32 - less).contains(&exponent);
        if fixed {
            let decimals = (last as i32 - exponent).max(0) as usize;
            digits = format!("{size:.decimals$}");
        }
        if self.alternate {
            digits = if digits.contains('.') {
                digits
            } else {
                digits + "."
            };
        } else if digits.contains('.') {
            let kept = digits.trim_end_matches('0').trim_end_matches('.').len();
            digits.truncate(kept);
        }
        match fixed {
            true => digits,
            false => digits + &written(exponent),
        }
    }

    /// The fewest digits that tell the number from others: Python's `repr`.
    fn shortest(&self, size: f64) -> String {
        let (digits, exponent) = parts(&format!("{size:e}"));
        match (-4..16).contains(&exponent) {
            true => with_point(size.to_string()),
            false if self.alternate && !digits.contains('.') => {
                format!("{digits}.{}", written(exponent))
            }
            false => digits + &written(exponent),
        }
    }

    fn laid_out(&self, sign: &str, integer: &str, rest: &str, group: usize) -> String {
        let around = sign.chars().count() + rest.chars().count();
        if let Some(separator) = self.grouping {
            let mut digits = integer.to_owned();
            let mut grouped = group_digits(&digits, separator, group);
            // Zeros that fill up are grouped with the others.
            while (self.fill, self.align) == ('0', '=') && grouped.len() + around < self.width {
                digits.insert(0, '0');
                grouped = group_digits(&digits, separator, group);
            }
            return self.padded(sign, &format!("{grouped}{rest}"));
        }
        self.padded(sign, &format!("{integer}{rest}"))
    }

    fn padded(&self, sign: &str, text: &str) -> String {
        let length = sign.chars().count() + text.chars().count();
        let missing = self.width.saturating_sub(length);
        let fill = |count: usize| self.fill.to_string().repeat(count);
        match self.align {
            '<' => format!("{sign}{text}{}", fill(missing)),
            '^' => {
                let left = missing / 2;
                format!("{}{sign}{text}{}", fill(left), fill(missing - left))
            }
            '=' => format!("{sign}{}{text}", fill(missing)),
            _ => format!("{}{sign}{text}", fill(missing)),
        }
    }
}

/// The first character, if it is one of those wanted.
fn take(rest: &mut &[char], wanted: impl Fn(char) -> bool) -> Option<char> {
    let (&first, others) = rest.split_first()?;
    wanted(first).then(|| {
        *rest = others;
        first
    })
}

/// The number at the beginning, if there is one; `None` if it is too long.
fn take_count(rest: &mut &[char]) -> Option<Option<usize>> {
    let mut count = None;
    while let Some(digit) = take(rest, |c| c.is_ascii_digit()) {
        let digit = digit.to_digit(10)? as usize;
        count = Some(count.unwrap_or(0_usize) * 10 + digit).filter(|&n| n <= LONGEST);
        count?;
    }
    Some(count)
}

/// Digits and exponent of Rust's notation.
fn parts(text: &str) -> (String, i32) {
    let (digits, exponent) = text.split_once('e').unwrap_or((text, "0"));
    (digits.to_owned(), exponent.parse().unwrap_or(0))
}

fn written(exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("e{sign}{:02}", exponent.unsigned_abs())
}

/// A float that Python would not take for an integer.
fn with_point(text: String) -> String {
    match text.contains(['.', 'e']) {
        true => text,
        false => text + ".0",
    }
}

fn group_digits(digits: &str, separator: char, group: usize) -> String {
    let mut grouped = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(group) {
            grouped.push(separator);
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(number: Number, format: &str) -> Option<String> {
        NumberFormat::parse(format)?.apply(number)
    }

    #[test]
    fn floats_are_written_as_python_writes_them() {
        for (x, spec, text) in FLOATS {
            let formatted = format(Number::Float(*x), spec);
            assert_eq!(formatted.as_deref(), Some(*text), "{x:?} as {spec}");
        }
    }

    #[test]
    fn epochs_are_written_as_python_writes_integers() {
        for (n, spec, text) in WHOLES {
            let formatted = format(Number::Whole(*n), spec);
            assert_eq!(formatted.as_deref(), Some(*text), "{n} as {spec}");
        }
    }

    #[test]
    fn what_python_refuses_and_no_file_name_has_room_for_is_refused() {
        for spec in [
            "d", "x", "s", "é", ".", ".f", "5.", "04d", "f4", "..2f", ",n", ".65f", "65", "ff",
            "c", "{w}",
        ] {
            assert_eq!(format(Number::Float(0.5), spec), None, "{spec}");
        }
        for spec in [
            ".2",
            ".2d",
            "s",
            "z",
            "zd",
            ",x",
            "_n",
            "99999999999999999999d",
            "2.d",
        ] {
            assert_eq!(format(Number::Whole(7), spec), None, "{spec}");
        }
    }

    /// From CPython's `format`.
    const FLOATS: &[(f64, &str, &str)] = &[
        (0.428571, ".4f", "0.4286"),
        (0.428571, ".4", "0.4286"),
        (0.428571, ".2%", "42.86%"),
        (0.428571, ".3g", "0.429"),
        (0.428571, "e", "4.285710e-01"),
        (0.428571, ".2e", "4.29e-01"),
        (0.428571, "", "0.428571"),
        (0.428571, "g", "0.428571"),
        (0.428571, "G", "0.428571"),
        (0.428571, "%", "42.857100%"),
        (0.428571, ">8.3f", "   0.429"),
        (0.428571, "08.2f", "00000.43"),
        (0.428571, "<8.2f", "0.43    "),
        (0.428571, "^9.3f", "  0.429  "),
        (0.428571, "*^9.2f", "**0.43***"),
        (0.428571, "+.2f", "+0.43"),
        (0.428571, " .2f", " 0.43"),
        (0.428571, "E", "4.285710E-01"),
        (0.428571, "n", "0.428571"),
        (0.428571, ".0%", "43%"),
        (0.428571, ".0f", "0"),
        (0.428571, "#.0f", "0."),
        (0.428571, "#.3g", "0.429"),
        (0.428571, "_<9.2", "0.43_____"),
        (1.25, "", "1.25"),
        (1.25, "f", "1.250000"),
        (1.25, ".1e", "1.2e+00"),
        (1.25, ".1f", "1.2"),
        (1.25, ".2", "1.2"),
        (1.25, ".0e", "1e+00"),
        (1.25, "#.0e", "1.e+00"),
        (12.0, ".3", "12.0"),
        (12.0, ".2", "1.2e+01"),
        (12.0, "", "12.0"),
        (12.0, "g", "12"),
        (100.0, ".3", "1e+02"),
        (100.0, ".4", "100.0"),
        (100.0, "", "100.0"),
        (100.0, ".1", "1e+02"),
        (5.0, ".1", "5e+00"),
        (5.0, ".1f", "5.0"),
        (0.0, ".1", "0e+00"),
        (0.0, "g", "0"),
        (0.0, "", "0.0"),
        (0.0, "e", "0.000000e+00"),
        (1e-05, "", "1e-05"),
        (1e-05, "g", "1e-05"),
        (1e-05, ".3", "1e-05"),
        (0.0001, "", "0.0001"),
        (0.00012345, ".2g", "0.00012"),
        (1e16, "", "1e+16"),
        (1e16, "#", "1.e+16"),
        (1e16, ".3", "1e+16"),
        (1234567.891, "g", "1.23457e+06"),
        (1234567.891, ",.2f", "1,234,567.89"),
        (1234567.891, "_.1f", "1_234_567.9"),
        (1234567.891, "015,.1f", "0,001,234,567.9"),
        (1234567.891, ".3g", "1.23e+06"),
        (1234567.891, "", "1234567.891"),
        (1234567.891, "+,.0f", "+1,234,568"),
        (999999.5, "g", "1e+06"),
        (1e100, "", "1e+100"),
        (1e100, "g", "1e+100"),
        (1e100, ".2e", "1.00e+100"),
        (-0.04, ".1f", "-0.0"),
        (-0.04, "z.1f", "0.0"),
        (-0.04, "+.2f", "-0.04"),
        (-0.04, "=8.2f", "-   0.04"),
        (-0.04, "08.2f", "-0000.04"),
        (-0.04, "x=8.2f", "-xxx0.04"),
        (-2.5, ".0f", "-2"),
        (-2.5, "g", "-2.5"),
        (f64::INFINITY, "", "inf"),
        (f64::INFINITY, ".2f", "inf"),
        (f64::INFINITY, "F", "INF"),
        (f64::INFINITY, "06", "000inf"),
        (f64::NAN, "", "nan"),
        (f64::NAN, "+.1f", "+nan"),
        (f64::NAN, "%", "nan%"),
        (f64::NAN, "G", "NAN"),
        (2.5, ".0f", "2"),
        (2.5, ">05", "002.5"),
        (2.5, "*>05", "**2.5"),
        (0.999, ".1%", "99.9%"),
    ];

    /// From CPython's `format`.
    const WHOLES: &[(usize, &str, &str)] = &[
        (7, "", "7"),
        (7, "d", "7"),
        (7, "02d", "07"),
        (7, "02", "07"),
        (7, ">3", "  7"),
        (7, "<3", "7  "),
        (7, "^3", " 7 "),
        (7, "03", "007"),
        (7, "+d", "+7"),
        (7, " d", " 7"),
        (7, ".2f", "7.00"),
        (7, ".1%", "700.0%"),
        (7, "e", "7.000000e+00"),
        (7, "g", "7"),
        (7, "b", "111"),
        (7, "#b", "0b111"),
        (7, "x", "7"),
        (7, "#06x", "0x0007"),
        (7, "_>4", "___7"),
        (7, "4", "   7"),
        (7, "n", "7"),
        (7, "=+4", "+  7"),
        (12345, ",", "12,345"),
        (12345, "_", "12_345"),
        (12345, "08,", "0,012,345"),
        (12345, "09,", "0,012,345"),
        (12345, "07_", "012_345"),
        (12345, "_b", "11_0000_0011_1001"),
        (12345, "X", "3039"),
        (12345, ".3g", "1.23e+04"),
    ];
}
