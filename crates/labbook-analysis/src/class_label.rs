/// An integer that can number a class: labels may be stored as bytes, predictions as `i64`.
///
/// Implemented for the primitive integers; there is no need to implement it elsewhere.
pub trait ClassLabel: Copy {
    /// The label as a wide integer, without loss.
    fn to_i128(self) -> i128;
}

macro_rules! class_label {
    ($($integer:ty),*) => {
        $(impl ClassLabel for $integer {
            fn to_i128(self) -> i128 {
                // Lossless for every type below; `From` does not exist for usize and isize.
                self as i128
            }
        })*
    };
}

class_label!(u8, u16, u32, u64, usize, i8, i16, i32, i64, isize);
