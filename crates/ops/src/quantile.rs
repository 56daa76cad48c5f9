//! Quantiles of what was seen, by the nearest rank: always a value that was there.

/// The least value at or below which at least `share` of `values` lie; `None` of none.
pub(crate) fn nearest_rank(mut values: Vec<f64>, share: f64) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let rank = (share * values.len() as f64).ceil() as usize;
    values.get(rank.clamp(1, values.len().max(1)) - 1).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_was_there() {
        let of = |share| nearest_rank(vec![4.0, 1.0, 3.0, 2.0], share);
        assert_eq!([0.0, 0.25, 0.26, 0.95, 1.0, 2.0].map(of), [1.0, 1.0, 2.0, 4.0, 4.0, 4.0].map(Some));
        assert_eq!(nearest_rank(Vec::new(), 0.5), None);
    }
}
