/// The place of an axis among those of one example; `None` for the batch axis and for one that
/// the shape does not have. Axes count with the batch axis as 0, or from the end as -1, -2, ..
pub(super) fn place(axis: i64, rank: usize) -> Option<usize> {
    let rank = i64::try_from(rank).ok()?;
    let place = match axis {
        axis if axis < 0 => axis.checked_add(rank)?,
        axis => axis - 1,
    };
    (0..rank).contains(&place).then_some(place as usize)
}

#[cfg(test)]
mod tests {
    use super::place;

    #[test]
    fn the_batch_axis_and_those_beyond_have_no_place() {
        let places = [-4, -3, -1, 0, 1, 3, 4, i64::MIN].map(|axis| place(axis, 3));
        assert_eq!(
            places,
            [None, Some(0), Some(2), None, Some(0), Some(2), None, None]
        );
    }
}
