/// Start and length of each batch, the last one perhaps shorter.
pub(crate) fn spans(count: i64, batch_size: i64) -> Vec<(i64, i64)> {
    let starts = (0..count).step_by(usize::try_from(batch_size).unwrap_or(usize::MAX));
    starts
        .map(|start| (start, batch_size.min(count - start)))
        .collect()
}
