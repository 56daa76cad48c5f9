//! A short history, continued into the past by what a similar series did before it.
//!
//! In the hours and days after a service starts, its day and its week cannot be learned from itself. What a similar one did
//! stands in for the steps before the first own one, up to four weeks of history in all, times the scale with the
//! least sum of absolute errors where both were measured: the median of the ratios y / x, weighted by x. From then on
//! the model learns as from any series, so that its own steps count as they come in and nothing is borrowed after four
//! weeks. The scale is learned in the fit, from what is known there: a backtest borrows anew where it fits anew, of `auto` once.

use std::time::Duration;

use crate::model::{FitError, Fitted, Forecaster, Needs};
use crate::series::Series;

/// History from which on nothing is borrowed: as many weeks as a profile of the week looks at.
const ENOUGH: Duration = Duration::from_secs(28 * 86_400);
/// What a similar series that ended before is continued by.
const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// A model that learns from a similar series, too, while its own is short; see the module.
///
/// Residuals and criteria are over the borrowed and the own steps. Where nothing can be borrowed ([`borrow`] says why) it
/// is the model alone.
#[derive(Debug)]
pub struct Borrowing {
    model: Box<dyn Forecaster>,
    similar: Series,
}

impl Borrowing {
    /// A model, and the series that it borrows from.
    pub fn new(model: Box<dyn Forecaster>, similar: Series) -> Self {
        Self { model, similar }
    }
}

impl Forecaster for Borrowing {
    fn name(&self) -> String {
        self.model.name()
    }

    fn needs(&self) -> Needs {
        Needs { observations: 1, ..self.model.needs() }
    }

    fn supports_missing(&self) -> bool {
        self.model.supports_missing()
    }

    fn fit(&self, y: &Series) -> Result<Box<dyn Fitted>, FitError> {
        match borrow(y, &self.similar) {
            Ok(borrowed) => self.model.fit(&borrowed.series),
            Err(_) => self.model.fit(y),
        }
    }
}

/// A series with what was borrowed before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Borrowed {
    /// The borrowed steps, then the own ones.
    pub series: Series,
    /// Number of the borrowed ones.
    pub steps: usize,
    /// What they were multiplied by.
    pub scale: f64,
}

/// Why nothing can be borrowed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum BorrowError {
    /// Two series with different steps.
    #[error("a step of the similar series is {similar:?}, expected {own:?} as in the own one; bring both to one step")]
    Step {
        /// Step of the own series.
        own: Duration,
        /// Step of the similar one.
        similar: Duration,
    },
    /// Regressors, whose past values nobody knows for the borrowed steps.
    #[error("the series has regressors, which are unknown before its start; leave them out to borrow")]
    Regressors,
    /// No step at which both are known and the similar series is above zero, or a load of nothing there.
    #[error(
        "the scale to the similar series is unknown: of {own} own steps {shared} have a measured load above zero in both series; \
         expected at least one, with a similar series of the same weeks or of weeks before"
    )]
    Scale {
        /// Measured own steps.
        own: usize,
        /// Those of them that say something of the scale.
        shared: usize,
    },
}

/// Puts scaled steps of `similar` before those of `y`, until four weeks of history are there or `similar` begins.
///
/// Both have the same step; where the grids are not in line, the step of `similar` is taken that the time falls into. A
/// `similar` that ended before is continued by its last week. A `y` of four weeks is given back as it is.
/// # Errors
/// See [`BorrowError`].
pub fn borrow(y: &Series, similar: &Series) -> Result<Borrowed, BorrowError> {
    if y.step() != similar.step() {
        return Err(BorrowError::Step { own: y.step(), similar: similar.step() });
    }
    if !y.regressors().names.is_empty() {
        return Err(BorrowError::Regressors);
    }
    let steps = y.steps_in(ENOUGH).saturating_sub(y.len()).min(steps_before(y, similar));
    if steps == 0 {
        return Ok(Borrowed { series: y.clone(), steps, scale: 1.0 });
    }
    let scale = scale(y, similar)?;
    let seconds = i64::try_from(y.step().as_secs()).unwrap_or(i64::MAX);
    let start = y.start().as_second().saturating_sub(seconds.saturating_mul(steps as i64));
    let at = |i: usize| start.saturating_add(seconds.saturating_mul(i as i64));
    let scaled = |i: usize| value(similar, at(i)).map(|x| x * scale).filter(|x| x.is_finite());
    let values = (0..steps).map(scaled).chain((0..y.len()).map(|i| y.observation(i))).collect();
    let begin = jiff::Timestamp::from_second(start).unwrap_or(y.start());
    match Series::from_options(begin, y.step(), values) {
        Ok(series) => Ok(Borrowed { series: series.with_calendar_of(y.calendar()), steps, scale }),
        // The own steps are a series already, so this is one in which nothing was measured.
        Err(_) => Err(BorrowError::Scale { own: 0, shared: 0 }),
    }
}

/// Whole steps from the beginning of `similar` to that of `y`.
fn steps_before(y: &Series, similar: &Series) -> usize {
    let seconds = y.start().as_second().saturating_sub(similar.start().as_second());
    usize::try_from(seconds / i64::try_from(y.step().as_secs()).unwrap_or(i64::MAX)).unwrap_or(0)
}

/// What was measured at a time; after the end, whole weeks before.
fn value(similar: &Series, second: i64) -> Option<f64> {
    let after = second.checked_sub(similar.start().as_second())?;
    let index = usize::try_from(after.div_euclid(i64::try_from(similar.step().as_secs()).ok()?)).ok()?;
    let beyond = (index + 1).saturating_sub(similar.len());
    let week = similar.steps_in(WEEK);
    similar.observation(index.checked_sub(beyond.div_ceil(week) * week)?)
}

/// The weighted median of the ratios where both were measured.
fn scale(y: &Series, similar: &Series) -> Result<f64, BorrowError> {
    let pair = |i: usize| Some((y.observation(i)?, value(similar, y.time(i).as_second())?));
    let pairs = (0..y.len()).filter_map(pair).filter(|(y, x)| *x > 0.0 && *y >= 0.0);
    let mut ratios: Vec<(f64, f64)> = pairs.map(|(y, x)| (y / x, x)).filter(|(ratio, _)| ratio.is_finite()).collect();
    ratios.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = ratios.iter().map(|(_, weight)| weight / 2.0).sum::<f64>();
    let mut sum = 0.0;
    let median = ratios.iter().find(|(_, weight)| {
        sum += weight;
        sum >= half
    });
    median.map(|(ratio, _)| *ratio).filter(|ratio| *ratio > 0.0).ok_or_else(|| BorrowError::Scale {
        own: y.observed().iter().filter(|seen| **seen).count(),
        shared: ratios.iter().filter(|(ratio, _)| *ratio > 0.0).count(),
    })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::auto::Auto;
    use crate::model::Ahead;
    use crate::paths::Dice;
    use crate::scores;

    const HOUR: Duration = Duration::from_secs(3600);

    /// Hours of a working week with a quiet weekend, from an hour after a Monday in November 2026 on.
    fn hours(from: i64, count: i64, scale: f64, noise: f64) -> Series {
        let mut dice = Dice::new(7);
        let monday: Timestamp = "2026-11-02T00:00:00Z".parse().unwrap();
        let shape = |t: i64| {
            let (low, high) = if t.div_euclid(24).rem_euclid(7) >= 5 { (20.0, 30.0) } else { (60.0, 100.0) };
            low + (high - low) * (t.rem_euclid(24) - 12).abs() as f64 / 12.0
        };
        let values = (from..from + count).map(|t| scale * shape(t) * (1.0 + noise * (dice.unit() - 0.5))).collect();
        Series::new(Timestamp::from_second(monday.as_second() + 3600 * from).unwrap(), HOUR, values).unwrap()
    }

    fn check_close(found: &Series, expected: &Series) {
        assert_eq!((found.start(), found.len()), (expected.start(), expected.len()));
        assert!(found.values().iter().zip(expected.values()).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
    }

    #[test]
    fn what_is_borrowed_ends_where_the_own_steps_begin() {
        let (y, similar) = (hours(100, 10, 3.0, 0.0), hours(-200, 320, 1.0, 0.0));
        let found = borrow(&y, &similar).unwrap();
        assert_eq!(found.steps, 300);
        assert!((found.scale - 3.0).abs() < 1e-12);
        check_close(&found.series, &hours(-200, 310, 3.0, 0.0));
    }

    #[test]
    fn four_weeks_are_enough() {
        let similar = hours(-2000, 3000, 1.0, 0.0);
        assert_eq!(borrow(&hours(0, 600, 1.0, 0.0), &similar).unwrap().steps, 72);
        let long = hours(0, 672, 1.0, 0.0);
        assert_eq!(borrow(&long, &similar).unwrap(), Borrowed { series: long, steps: 0, scale: 1.0 });
    }

    #[test]
    fn one_wrong_hour_does_not_move_the_scale() {
        let y = hours(0, 9, 2.0, 0.0);
        let mut values = y.values().to_vec();
        values[3] *= 1e6;
        let y = Series::new(y.start(), HOUR, values).unwrap();
        assert!((borrow(&y, &hours(-100, 200, 1.0, 0.0)).unwrap().scale - 2.0).abs() < 1e-12);
    }

    #[test]
    fn a_series_that_has_ended_is_continued_by_its_last_week() {
        let found = borrow(&hours(500, 24, 0.5, 0.0), &hours(-100, 400, 1.0, 0.0)).unwrap();
        assert!((found.scale - 0.5).abs() < 1e-12);
        check_close(&found.series, &hours(-100, 624, 0.5, 0.0));
    }

    #[test]
    fn a_weekend_is_known_before_the_first_own_one() {
        let (friday, truth) = (hours(72, 36, 5.0, 0.2), hours(108, 60, 5.0, 0.0));
        let model = || Box::new(Auto::for_horizon(24));
        let wape = |model: &dyn Forecaster| {
            let forecast = model.fit(&friday).unwrap().forecast(&Ahead::steps(60), &[]).unwrap();
            scores::wape(&truth.values().iter().copied().map(Some).collect::<Vec<_>>(), &forecast.point).unwrap()
        };
        let borrowing = Borrowing::new(model(), hours(-600, 708, 1.0, 0.2));
        let (with, without) = (wape(&borrowing), wape(&*model()));
        assert!(with < 0.08 && without > 0.4, "{with} with, {without} without");
    }

    #[test]
    fn what_cannot_be_borrowed_is_said_and_the_model_goes_alone() {
        let y = hours(0, 30, 1.0, 0.1);
        let quarter = Series::new(y.start(), Duration::from_secs(900), vec![1.0; 50]).unwrap();
        assert!(matches!(borrow(&y, &quarter), Err(BorrowError::Step { .. })));
        let before: Timestamp = "2026-11-01T00:00:00Z".parse().unwrap();
        let zeros = Series::new(before, HOUR, vec![0.0; 74]).unwrap();
        assert_eq!(borrow(&y, &zeros), Err(BorrowError::Scale { own: 30, shared: 0 }));
        let idle = Series::new(y.start(), HOUR, vec![0.0; 30]).unwrap();
        assert_eq!(borrow(&idle, &hours(-24, 54, 1.0, 0.0)), Err(BorrowError::Scale { own: 30, shared: 0 }));
        assert_eq!(borrow(&y, &hours(31, 50, 1.0, 0.0)).unwrap().steps, 0);
        let point = |model: &dyn Forecaster| model.fit(&y).unwrap().forecast(&Ahead::steps(5), &[]).unwrap().point;
        assert_eq!(point(&Borrowing::new(Box::new(Auto::default()), zeros)), point(&Auto::default()));
    }
}
