//! Perfect knowledge, and the size that needs none: what all other ways to scale are measured against.

use super::measure::{Course, Scored};

/// The highest demand, all the time.
pub(crate) fn static_peak(scored: &Scored) -> Course {
    let peak = scored.demand.iter().copied().max().unwrap_or(1);
    let all = vec![peak; scored.demand.len()];
    Course { supply: all.clone(), billed: all, changes: 0 }
}

/// The cheapest schedule without any violation; each size is kept for `hold` ticks after its demand, and billed
/// `start_up` ticks ahead of it.
pub(crate) fn oracle(scored: &Scored, min: u32, hold: usize, start_up: usize) -> Course {
    let demand: Vec<u32> = scored.demand.iter().map(|d| (*d).max(min)).collect();
    let billed = widest(&demand, hold, start_up);
    let changes = billed.windows(2).filter(|pair| pair[0] != pair[1]).count();
    Course { supply: widest(&demand, hold, 0), billed, changes }
}

/// Highest of `values[t - back ..= t + ahead]`, for each t.
fn widest(values: &[u32], back: usize, ahead: usize) -> Vec<u32> {
    (0..values.len())
        .map(|t| {
            let window = &values[t.saturating_sub(back)..=(t + ahead).min(values.len() - 1)];
            window.iter().copied().max().unwrap_or_default()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_comes() {
        let scored = Scored::new(vec![5.0, 5.0, 5.0, 25.0, 5.0, 5.0, 5.0], 10.0, 1.0, 60);
        let course = oracle(&scored, 1, 1, 2);
        assert_eq!(course.billed, [1, 3, 3, 3, 3, 1, 1]);
        assert_eq!(course.supply, [1, 1, 1, 3, 3, 1, 1]);
        assert_eq!(course.changes, 2);
        assert_eq!(scored.measure("oracle", &course, None).slo, 0.0);
        assert_eq!(static_peak(&scored).billed, [3; 7]);
    }
}
