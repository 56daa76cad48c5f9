//! Checks that the tests of all models share.

use std::time::Duration;

use crate::forecast::Level;
use crate::model::{Ahead, Forecaster};
use crate::series::Series;

/// An hourly series from Monday, 2 November 2026, in UTC.
pub(crate) fn hourly(values: &[f64]) -> Series {
    hourly_with_gaps(&values.iter().copied().map(Some).collect::<Vec<_>>())
}

/// The same with missing values.
pub(crate) fn hourly_with_gaps(values: &[Option<f64>]) -> Series {
    let start = "2026-11-02T00:00:00Z".parse().unwrap();
    Series::from_options(start, Duration::from_secs(3600), values.to_vec()).unwrap()
}

/// The point forecasts of a model on a series, within 1e-12.
pub(crate) fn check_point(model: &dyn Forecaster, y: &Series, expected: &[f64]) {
    let forecast = model.fit(y).unwrap().forecast(&Ahead::steps(expected.len()), &[]).unwrap();
    for (k, (found, expected)) in forecast.point.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() <= 1e-12, "lead {k} is {found}, expected {expected}");
    }
    assert_eq!(forecast.start, y.end());
}

/// What every fit holds to: quantiles in order, paths of the same seed alike, updates equal to having seen all at
/// once where no parameter is learned, stored fits that go on as if nothing had been.
pub(crate) fn check_fitted_traits(model: &dyn Forecaster, y: &Series) {
    let levels: Vec<Level> = [0.9, 0.1, 0.5].iter().map(|p| Level::new(*p).unwrap()).collect();
    let ahead = Ahead::steps(7);
    let split = y.len() - 5;
    let mut fitted = model.fit(&y.slice(0, split).unwrap()).unwrap();
    let name = fitted.name();
    assert!(crate::grammar::parse(&name).is_ok(), "{name} is no name of the grammar");
    let stored = serde_json::to_string(&fitted.state()).unwrap();
    let mut restored = serde_json::from_str::<crate::FittedState>(&stored).unwrap().restore().unwrap();
    for fit in [&mut fitted, &mut restored] {
        fit.update(&y.span(split, y.len()).unwrap()).unwrap();
        assert!(fit.update(&y.span(split, y.len()).unwrap()).is_err(), "{name} took the same steps twice");
        assert_eq!(fit.residuals().len(), y.len(), "{name}");
        assert!(fit.residuals().iter().all(|e| e.is_finite()), "{name}");
    }
    let forecast = fitted.forecast(&ahead, &levels).unwrap();
    assert_eq!(forecast, restored.forecast(&ahead, &levels).unwrap(), "{name} went on otherwise after a restore");
    assert_eq!(forecast.start, y.end());
    for (k, row) in forecast.quantiles.rows().into_iter().enumerate() {
        assert!(row[0] <= row[1] && row[1] <= row[2], "{name}: quantiles of lead {k} cross: {row}");
        assert_eq!(row[1], forecast.point[k], "{name}: the median is the point");
    }
    let paths = fitted.paths(&ahead, 50, 7).unwrap();
    assert_eq!(paths.values.dim(), (50, 7));
    assert!(paths.values.iter().all(|v| v.is_finite()), "{name}");
    assert_eq!(paths, restored.paths(&ahead, 50, 7).unwrap(), "{name}");
    assert_ne!(paths, fitted.paths(&ahead, 50, 8).unwrap(), "{name} does not use the seed");
    assert!(fitted.forecast(&Ahead::steps(0), &levels).is_err(), "{name}");
}
