//! Warm-up: what is needed at a time is asked for that much earlier.
//!
//! Units asked for at t serve from t + warm-up on, so that the units asked for at t are the highest need in
//! [t, t + warm-up]. Changes fall on whole minutes: up to the one before, down to the one after.

use super::runs::Stretch;

const MINUTE: i64 = 60;

/// Stretches of need, each begun earlier by `warm_up` seconds and widened to whole minutes.
pub(crate) fn asked_for(needs: Vec<Stretch>, warm_up: i64) -> Vec<Stretch> {
    needs
        .into_iter()
        .map(|s| Stretch {
            from: s.from.saturating_sub(warm_up).div_euclid(MINUTE) * MINUTE,
            to: -((-s.to).div_euclid(MINUTE) * MINUTE),
            ..s
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::runs::Why;
    use super::*;

    #[test]
    fn begins_earlier_and_ends_when_it_ends() {
        let need = |from, to| vec![Stretch { from, to, units: 3, why: Why::Forecast }];
        for (from, to, begin, end) in [(600, 1200, 420, 1200), (601, 1201, 420, 1260), (659, 660, 420, 660)] {
            let asked = asked_for(need(from, to), 180);
            assert_eq!((asked[0].from, asked[0].to), (begin, end), "{from}..{to}");
        }
    }
}
