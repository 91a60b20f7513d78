//! Checks what the loops are given and hands it on to those for the instructions asked for.

#[cfg(target_arch = "x86_64")]
use super::avx512;
use super::{ActiveColumns, HEAD_ROWS, Instructions, LANES, Packed, is_matrix, plain};

/// Calls a function for as many rows of weights as there are, which it has to know while it is
/// compiled.
#[cfg(target_arch = "x86_64")]
macro_rules! with_rows {
    ($function:ident, $rows:expr, $arguments:tt) => {
        match $rows {
            1 => avx512::$function::<1> $arguments,
            2 => avx512::$function::<2> $arguments,
            3 => avx512::$function::<3> $arguments,
            4 => avx512::$function::<4> $arguments,
            5 => avx512::$function::<5> $arguments,
            6 => avx512::$function::<6> $arguments,
            7 => avx512::$function::<7> $arguments,
            8 => avx512::$function::<8> $arguments,
            9 => avx512::$function::<9> $arguments,
            _ => avx512::$function::<HEAD_ROWS> $arguments,
        }
    };
}

impl Instructions {
    /// The positive part of `y = x · w + bias` for the rows of `x`, whose active columns were
    /// looked up; `w` has whole registers of columns.
    pub(crate) fn affine_relu(
        self,
        x: &[f32],
        active: &ActiveColumns,
        (w, bias): (&Packed, &Packed),
        y: &mut [f32],
    ) {
        assert!((bias.rows, bias.columns) == (1, w.columns));
        self.affine(x, active, w, Some(bias), y);
    }

    /// `y = x · w` likewise.
    pub(crate) fn product(self, x: &[f32], active: &ActiveColumns, w: &Packed, y: &mut [f32]) {
        self.affine(x, active, w, None, y);
    }

    fn affine(
        self,
        x: &[f32],
        active: &ActiveColumns,
        w: &Packed,
        bias: Option<&Packed>,
        y: &mut [f32],
    ) {
        let rows = active.rows;
        assert!(w.columns.is_multiple_of(LANES) && active.columns == w.rows);
        assert!(is_matrix(x, rows, w.rows) && is_matrix(y, rows, w.columns));
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has them; lengths were asserted, those of a bias by the
            // caller; a packed matrix is as long as its sizes say, and no active column is beyond
            // the last.
            Self::Avx512(_) => unsafe {
                let bias = bias.map(|bias| bias.numbers.as_ptr());
                let y = (y.as_mut_ptr(), w.columns);
                avx512::affine(x.as_ptr(), active, w.numbers.as_ptr(), bias, y);
            },
            Self::Plain => {
                let bias = bias.map(|bias| &*bias.numbers);
                plain::affine(x, active, &w.numbers, bias, (y, w.columns));
            }
        }
    }

    /// Adds `xᵀ · y` to `sums`, given the active columns of `x`; `y` has whole registers of
    /// columns.
    ///
    /// If `y` are the gradients of a product with `x`, these are the gradients of its weights.
    pub(crate) fn outer(self, x: &[f32], active: &ActiveColumns, y: &[f32], sums: &mut Packed) {
        let rows = active.rows;
        assert!(sums.columns.is_multiple_of(LANES) && active.columns == sums.rows);
        assert!(is_matrix(x, rows, sums.rows) && is_matrix(y, rows, sums.columns));
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has them; lengths were asserted; a packed matrix is as long
            // as its sizes say, and no active column is beyond the last.
            Self::Avx512(_) => unsafe {
                let (y, sums) = ((y.as_ptr(), sums.columns), sums.numbers.as_mut_ptr());
                avx512::outer(x.as_ptr(), active, y, sums);
            },
            Self::Plain => plain::outer(x, active, (y, sums.columns), &mut sums.numbers),
        }
    }

    /// Goes back through ReLU and perhaps dropout: sets the gradients to zero where the output `y`
    /// is not positive and multiplies the others by the number with it. Without `y` they stay.
    ///
    /// Adds them to `sums`, a row of whole registers, and looks up their active columns.
    pub(crate) fn relu_back(
        self,
        gradients: &mut [f32],
        y: Option<(&[f32], f32)>,
        sums: &mut Packed,
        active: &mut ActiveColumns,
    ) {
        let columns = sums.columns;
        let rows = gradients.len() / columns;
        assert!(sums.rows == 1 && columns.is_multiple_of(LANES));
        assert!(is_matrix(gradients, rows, columns));
        assert!(y.is_none_or(|(y, _)| y.len() == gradients.len()));
        active.fill(rows, columns, |rows, range, indices| {
            let start = rows.start * columns + range.start;
            let g = &mut gradients[start..];
            let y = y.map(|(y, scale)| (&y[start..], scale));
            let sums = &mut sums.numbers[range.start..];
            match self {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the processor has them; lengths were asserted; `fill` gives rows and
                // columns of the matrix, and room for an index of each column and a register more.
                Self::Avx512(_) => unsafe {
                    let g = (g.as_mut_ptr(), columns);
                    let y = y.map(|(y, scale)| (y.as_ptr(), scale));
                    let (sums, indices) = (sums.as_mut_ptr(), indices.as_mut_ptr());
                    avx512::masked(g, y, sums, rows.len(), range, indices)
                },
                Self::Plain => plain::masked((g, columns), y, sums, rows.len(), range, indices),
            }
        });
    }

    /// Looks up in `active` what columns of a matrix, which has so many, are not zero.
    pub(crate) fn scan(self, matrix: &[f32], columns: usize, active: &mut ActiveColumns) {
        let rows = matrix.len() / columns;
        assert!(is_matrix(matrix, rows, columns));
        active.fill(rows, columns, |rows, range, indices| {
            let x = &matrix[rows.start * columns + range.start..];
            match self {
                #[cfg(target_arch = "x86_64")]
                // SAFETY: the processor has them; `fill` gives rows and columns of the matrix, and
                // room for an index of each column and a register more.
                Self::Avx512(_) => unsafe {
                    let indices = indices.as_mut_ptr();
                    avx512::scan((x.as_ptr(), columns), rows.len(), range, indices)
                },
                Self::Plain => plain::scan((x, columns), rows.len(), range, indices),
            }
        });
    }

    /// Asks for numbers that will be needed soon to be brought near the processor.
    pub(crate) fn fetch(self, numbers: &[f32]) {
        match self {
            #[cfg(target_arch = "x86_64")]
            Self::Avx512(_) => avx512::fetch(numbers),
            Self::Plain => {}
        }
    }

    /// Adds the products of each image's numbers with so many rows of weights, at most
    /// [`HEAD_ROWS`], to `sums`: [`LANES`] parts of each product, to be added up. `w` holds
    /// [`LANES`] numbers of each row in turn.
    pub(crate) fn head(self, h: &[f32], (w, rows): (&[f32], usize), sums: &mut [f32]) {
        assert!((1..=HEAD_ROWS).contains(&rows));
        let (length, images) = (w.len() / rows, sums.len() / (rows * LANES));
        assert!(length.is_multiple_of(LANES) && is_matrix(w, length, rows));
        assert!(is_matrix(h, images, length) && is_matrix(sums, images, rows * LANES));
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has them; lengths and the number of rows were asserted.
            Self::Avx512(_) => unsafe {
                let (h, w, sums) = (h.as_ptr(), w.as_ptr(), sums.as_mut_ptr());
                with_rows!(head, rows, (h, (images, length), w, sums));
            },
            Self::Plain => plain::head(h, (images, length), (w, rows), sums),
        }
    }

    /// Goes back through [`head`](Self::head), given the gradients of the products of all images.
    ///
    /// Adds to the gradients `dw` of the weights, and writes those of `h` to `g`: zero where `h`
    /// is not positive, and times `scale`.
    pub(crate) fn head_back(
        self,
        h: &[f32],
        (w, dw, rows): (&[f32], &mut [f32], usize),
        gradients: &[f32],
        scale: f32,
        g: &mut [f32],
    ) {
        assert!((1..=HEAD_ROWS).contains(&rows));
        let (length, images) = (w.len() / rows, gradients.len() / rows);
        assert!(length.is_multiple_of(LANES) && is_matrix(w, length, rows));
        assert!(dw.len() == w.len() && is_matrix(h, images, length) && g.len() == h.len());
        assert!(is_matrix(gradients, images, rows));
        let sizes = (images, length);
        match self {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: the processor has them; lengths and the number of rows were asserted.
            Self::Avx512(_) => unsafe {
                let weights = (w.as_ptr(), dw.as_mut_ptr());
                let (h, gradients, g) = (h.as_ptr(), gradients.as_ptr(), g.as_mut_ptr());
                with_rows!(head_back, rows, (h, sizes, weights, gradients, scale, g));
            },
            Self::Plain => plain::head_back(h, sizes, (w, dw, rows), gradients, scale, g),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Rng;

    /// Numbers from -1 to 1, of which about every third is zero as after ReLU.
    fn numbers(count: usize, seed: u64) -> Vec<f32> {
        let mut rng = Rng::new(seed, 0);
        let draw = |_| match rng.below(3) {
            0 => 0.0,
            _ => 2.0 * rng.next_f32() - 1.0,
        };
        (0..count).map(draw).collect()
    }

    /// A sum in double precision, and how far a sum of rounded numbers may be from it: a rounding
    /// of half a unit in the last place for each product and each addition.
    fn sum(terms: impl Iterator<Item = f64>) -> (f64, f64) {
        let (mut sum, mut size, mut count) = (0.0, 0.0, 0.0);
        for term in terms {
            sum += term;
            size += term.abs();
            count += 1.0;
        }
        (sum, (count + 2.0) * size * f64::from(f32::EPSILON))
    }

    #[track_caller]
    fn check(computed: f32, (expected, bound): (f64, f64)) {
        let difference = (f64::from(computed) - expected).abs();
        assert!(difference <= bound, "{computed}, {expected} +- {bound}");
    }

    /// The product of two numbers.
    fn times(a: f32, b: f32) -> f64 {
        f64::from(a) * f64::from(b)
    }

    /// Rows, inputs and units: one row and several groups, parts of registers, tiles and chunks.
    const SIZES: [(usize, usize, usize); 6] = [
        (1, 1, 16),
        (6, 3, 64),
        (7, 64, 80),
        (13, 144, 16),
        (12, 300, 128),
        (5, 17, 208),
    ];

    #[test]
    fn products_of_rows_are_those_of_their_numbers() {
        for (instructions, (rows, inputs, units)) in
            Instructions::all().flat_map(|set| SIZES.map(|sizes| (set, sizes)))
        {
            let x = numbers(rows * inputs, 1);
            let w = numbers(inputs * units, 2);
            let bias = numbers(units, 3);
            let mut packed = (Packed::zeros(inputs, units), Packed::zeros(1, units));
            packed.0.pack(&w);
            packed.1.pack(&bias);
            let mut active = ActiveColumns::default();
            instructions.scan(&x, inputs, &mut active);
            let mut y = vec![f32::NAN; rows * units];
            instructions.product(&x, &active, &packed.0, &mut y);
            let mut positive = vec![f32::NAN; rows * units];
            instructions.affine_relu(&x, &active, (&packed.0, &packed.1), &mut positive);
            for row in 0..rows {
                for unit in 0..units {
                    let terms = (0..inputs)
                        .map(|input| times(x[row * inputs + input], w[input * units + unit]));
                    check(y[row * units + unit], sum(terms.clone()));
                    let bias = f64::from(bias[unit]);
                    let (value, bound) = sum(terms.chain([bias]));
                    check(positive[row * units + unit], (value.max(0.0), bound));
                }
            }

            // What they add to sums that are not zero.
            let start = numbers(inputs * units, 4);
            let mut sums = Packed::zeros(inputs, units);
            sums.pack(&start);
            instructions.outer(&x, &active, &y, &mut sums);
            let mut gradients = vec![f32::NAN; inputs * units];
            sums.unpack(&mut gradients);
            for input in 0..inputs {
                for unit in 0..units {
                    let at = input * units + unit;
                    let terms =
                        (0..rows).map(|row| times(x[row * inputs + input], y[row * units + unit]));
                    check(gradients[at], sum(terms.chain([f64::from(start[at])])));
                }
            }
        }
    }

    #[test]
    fn gradients_of_what_relu_cut_off_are_zero_and_nan_is_not_hidden() {
        for instructions in Instructions::all() {
            for (rows, units) in [(1, 16), (6, 64), (13, 144), (7, 272)] {
                let given = numbers(rows * units, 5);
                let mut y = numbers(rows * units, 6);
                y[0] = f32::NAN;
                y[1] = -0.0;
                let mut gradients = given.clone();
                gradients[0] = 1.0;
                let mut sums = Packed::zeros(1, units);
                let mut active = ActiveColumns::default();
                let back = Some((&y[..], 2.0));
                instructions.relu_back(&mut gradients, back, &mut sums, &mut active);
                assert_eq!(gradients[..2], [2.0, 0.0]);
                for ((computed, given), y) in gradients.iter().zip(&given).zip(&y).skip(2) {
                    assert_eq!(*computed, if *y > 0.0 { 2.0 * given } else { 0.0 });
                }
                let mut total = vec![f32::NAN; units];
                sums.unpack(&mut total);
                for (unit, total) in total.into_iter().enumerate() {
                    let terms = (0..rows).map(|row| f64::from(gradients[row * units + unit]));
                    check(total, sum(terms));
                }

                // Looked up again, they are the same columns; without an output nothing changes.
                let mut again = ActiveColumns::default();
                instructions.scan(&gradients, units, &mut again);
                let before = gradients.clone();
                instructions.relu_back(&mut gradients, None, &mut sums, &mut active);
                assert_eq!(gradients, before);
                for group in 0..rows.div_ceil(super::super::active_columns::GROUP) {
                    assert_eq!(active.group(group), again.group(group));
                }

                let x = vec![f32::NAN; rows];
                let weights = numbers(units, 7);
                let mut packed = (Packed::zeros(1, units), Packed::zeros(1, units));
                packed.0.pack(&weights);
                instructions.scan(&x, 1, &mut active);
                instructions.affine_relu(&x, &active, (&packed.0, &packed.1), &mut gradients);
                assert!(gradients.iter().all(|number| number.is_nan()));
            }
        }
    }

    #[test]
    fn the_head_multiplies_by_any_number_of_rows() {
        for instructions in Instructions::all() {
            for rows in 1..=HEAD_ROWS {
                for (images, length) in [(1, 16), (2, 256), (5, 304)] {
                    let h = numbers(images * length, 8);
                    // Register by register of each row.
                    let w = numbers(rows * length, 9);
                    let weight = |row: usize, at: usize| {
                        w[at / LANES * LANES * rows + row * LANES + at % LANES]
                    };
                    let start = numbers(images * rows * LANES, 10);
                    let mut sums = start.clone();
                    instructions.head(&h, (&w, rows), &mut sums);
                    for (at, &computed) in sums.iter().enumerate() {
                        let (image, row) = (at / LANES / rows, at / LANES % rows);
                        let terms = (at % LANES..length)
                            .step_by(LANES)
                            .map(|at| times(h[image * length + at], weight(row, at)));
                        check(computed, sum(terms.chain([f64::from(start[at])])));
                    }

                    let gradients = numbers(images * rows, 11);
                    let start = numbers(rows * length, 12);
                    let mut dw = start.clone();
                    let mut g = vec![f32::NAN; images * length];
                    instructions.head_back(&h, (&w, &mut dw, rows), &gradients, 3.0, &mut g);
                    for (at, &computed) in dw.iter().enumerate() {
                        let row = at / LANES % rows;
                        let number = at / LANES / rows * LANES + at % LANES;
                        let terms = (0..images).map(|image| {
                            times(h[image * length + number], gradients[image * rows + row])
                        });
                        check(computed, sum(terms.chain([f64::from(start[at])])));
                    }
                    for (at, &computed) in g.iter().enumerate() {
                        let (image, number) = (at / length, at % length);
                        let terms = (0..rows).map(|row| {
                            3.0 * times(gradients[image * rows + row], weight(row, number))
                        });
                        match h[at] > 0.0 {
                            true => check(computed, sum(terms)),
                            false => assert_eq!(computed, 0.0),
                        }
                    }
                }
            }
        }
    }
}
