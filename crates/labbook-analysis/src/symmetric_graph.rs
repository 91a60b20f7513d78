use rayon::prelude::*;

/// Pairs of samples with a weight, the same from both ends: memory grows with the pairs.
#[derive(Debug, Clone)]
pub(crate) struct SymmetricGraph {
    pub(crate) row_starts: Vec<usize>,
    /// Ascending in each row.
    pub(crate) columns: Vec<u32>,
    pub(crate) values: Vec<f32>,
}

impl SymmetricGraph {
    /// Unites the directed weights from every sample to its `k` neighbours, whose indices ascend:
    /// `combine` takes the weights of a pair's two directions, 0 where there is none.
    pub(crate) fn new(
        indices: &[u32],
        weights: &[f32],
        k: usize,
        combine: impl Fn(f32, f32) -> f32 + Sync,
    ) -> Self {
        let n = indices.len() / k;
        // The pairs by their second member. Rows are visited in order, so these lists ascend too.
        let mut starts = vec![0_usize; n + 1];
        for &j in indices {
            starts[j as usize + 1] += 1;
        }
        for i in 0..n {
            starts[i + 1] += starts[i];
        }
        let mut next = starts.clone();
        let mut reverse = vec![(0_u32, 0.0_f32); indices.len()];
        for (slot, (&j, &p)) in indices.iter().zip(weights).enumerate() {
            let place = &mut next[j as usize];
            reverse[*place] = ((slot / k) as u32, p);
            *place += 1;
        }

        let merged: Vec<Vec<(u32, f32)>> = (0..n)
            .into_par_iter()
            .map(|i| {
                let own = indices[i * k..][..k].iter().zip(&weights[i * k..][..k]);
                let mut own = own.map(|(&j, &p)| (j, p)).peekable();
                let mut other = reverse[starts[i]..starts[i + 1]].iter().copied().peekable();
                let mut row = Vec::with_capacity(2 * k);
                loop {
                    let (j, p) = match (own.peek().copied(), other.peek().copied()) {
                        (Some((a, p)), Some((b, q))) if a == b => {
                            own.next();
                            other.next();
                            (a, combine(p, q))
                        }
                        (Some((a, p)), Some((b, _))) if a < b => {
                            own.next();
                            (a, combine(p, 0.0))
                        }
                        (Some((a, p)), None) => {
                            own.next();
                            (a, combine(p, 0.0))
                        }
                        (_, Some((b, q))) => {
                            other.next();
                            (b, combine(0.0, q))
                        }
                        (None, None) => break row,
                    };
                    row.push((j, p));
                }
            })
            .collect();

        let mut row_starts = Vec::with_capacity(n + 1);
        row_starts.push(0);
        let total = merged.iter().map(Vec::len).sum();
        let (mut columns, mut values) = (Vec::with_capacity(total), Vec::with_capacity(total));
        for row in merged {
            for (j, p) in row {
                columns.push(j);
                values.push(p);
            }
            row_starts.push(columns.len());
        }
        Self {
            row_starts,
            columns,
            values,
        }
    }

    /// Number of samples.
    pub(crate) fn len(&self) -> usize {
        self.row_starts.len() - 1
    }

    /// The neighbours of a sample and the weights of its pairs with them.
    pub(crate) fn row(&self, i: usize) -> (&[u32], &[f32]) {
        let range = self.row_starts[i]..self.row_starts[i + 1];
        (&self.columns[range.clone()], &self.values[range])
    }

    /// The pairs that are among the stronger half of either end's, as strong in all as all are.
    pub(crate) fn stronger_half(&self) -> Self {
        let middles: Vec<f32> = (0..self.len())
            .into_par_iter()
            .map(|i| {
                let mut values = self.row(i).1.to_vec();
                let middle = values.len() / 2;
                match values.get(middle) {
                    Some(_) => *values.select_nth_unstable_by(middle, f32::total_cmp).1,
                    None => 0.0,
                }
            })
            .collect();
        let rows: Vec<(Vec<u32>, Vec<f32>)> = (0..self.len())
            .into_par_iter()
            .map(|i| {
                let (columns, values) = self.row(i);
                let pairs = columns.iter().copied().zip(values.iter().copied());
                pairs
                    .filter(|&(j, value)| value >= middles[i].min(middles[j as usize]))
                    .unzip()
            })
            .collect();
        let sum = |values: &[f32]| values.iter().map(|&x| f64::from(x)).sum::<f64>();
        let kept: f64 = rows.iter().map(|(_, values)| sum(values)).sum();
        let scale = (sum(&self.values) / kept.max(f64::MIN_POSITIVE)) as f32;
        let mut half = Self {
            row_starts: vec![0],
            columns: Vec::new(),
            values: Vec::new(),
        };
        for (columns, values) in rows {
            half.columns.extend(columns);
            half.values
                .extend(values.into_iter().map(|value| scale * value));
            half.row_starts.push(half.columns.len());
        }
        half
    }

    /// Whether there is a way of edges with a weight between any two samples.
    pub(crate) fn is_connected(&self) -> bool {
        let mut seen = vec![false; self.len()];
        let mut waiting = vec![0_usize];
        let mut count = 0;
        if let Some(first) = seen.first_mut() {
            *first = true;
        }
        while let Some(i) = waiting.pop() {
            count += 1;
            let (columns, values) = self.row(i);
            for (&j, &value) in columns.iter().zip(values) {
                let j = j as usize;
                if value > 0.0 && !seen[j] {
                    seen[j] = true;
                    waiting.push(j);
                }
            }
        }
        count == self.len()
    }
}
