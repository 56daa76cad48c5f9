//! Risk: the expected share of the load that arrives while supply is below demand.
//!
//! Demand are the units that keep utilization at or below `slo_utilization`; units serve one warm-up after they were
//! asked for. The expectation runs over joint paths: marginal quantiles do not know that bad steps come together.

use super::Load;
use super::demand::units_for_load;
use super::runs::Runs;
use crate::settings::CapacitySettings;

/// Expected share, 0 to 1, of the load that misses its objective; of several loads the worst one. `None` without paths.
pub(crate) fn expected(runs: &Runs, loads: &[Load<'_>], settings: &CapacitySettings) -> Option<f64> {
    let shares = loads.iter().filter_map(|load| of_one(runs, load, settings));
    shares.fold(None, |worst: Option<f64>, share| Some(worst.map_or(share, |w| w.max(share))))
}

fn of_one(runs: &Runs, load: &Load<'_>, settings: &CapacitySettings) -> Option<f64> {
    let paths = load.paths?;
    let step = i64::try_from(paths.step.as_secs()).ok()?;
    let warm_up = i64::try_from(settings.warm_up.as_secs()).ok()?;
    let (mut missed, mut all) = (0.0, 0.0);
    for (lead, column) in paths.values.columns().into_iter().enumerate() {
        let from = paths.start.as_second() + step * lead as i64;
        // What was asked for a warm-up ago and was not given back since.
        let supply = runs.least(from - warm_up, from + step);
        for load_now in column.iter().map(|x| x.max(0.0)) {
            all += load_now;
            if units_for_load(load_now, load.per_unit, settings.slo_utilization) > supply {
                missed += load_now;
            }
        }
    }
    (all > 0.0).then(|| missed / all)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use forecast_core::{Forecast, Paths};
    use jiff::Timestamp;
    use ndarray::array;

    use super::super::runs::tests::runs;
    use super::*;
    use crate::duration::Span;

    #[test]
    fn counts_the_load_that_misses() {
        let start = Timestamp::from_second(0).unwrap();
        let step = Duration::from_secs(600);
        // At 10 a unit and 85 %, 17 needs two units and 18 three.
        let paths = Paths { start, step, values: array![[17.0, 17.0, 17.0], [18.0, 17.0, 30.0]] };
        let forecast =
            Forecast { start, step, point: vec![], levels: vec![], quantiles: ndarray::Array2::zeros((0, 0)) };
        let load = Load { forecast: &forecast, paths: Some(&paths), history: None, per_unit: 10.0 };
        let settings = CapacitySettings { warm_up: Span::seconds(600), ..CapacitySettings::default() };
        let share = |points: &[(i64, u32)]| expected(&runs(points, 1_800), &[load], &settings).unwrap();
        assert_eq!(share(&[(0, 4)]), 0.0);
        assert_eq!(share(&[(0, 2)]), 48.0 / 116.0);
        // Asked for at 600, served from 1200 on.
        assert_eq!(share(&[(0, 2), (600, 4)]), 18.0 / 116.0);
        assert_eq!(share(&[(0, 2), (601, 4)]), 48.0 / 116.0);
        assert_eq!(expected(&runs(&[(0, 1)], 1_800), &[Load { paths: None, ..load }], &settings), None);
    }
}
