//! What models over plain sequences share: the wall clock, gaps, events, scale, intervals, paths and storage.
//!
//! A model of this kind ([`Core`]) sees one value after the other on a grid on which each day has the same number of
//! steps: where the wall clock skips an hour a gap is put in, where it repeats one the second value is left out.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::calendar::Calendar;
use crate::clock::WallClock;
use crate::events;
use crate::forecast::{Forecast, Level, Paths};
use crate::math::{finite, floored, normal_quantile};
use crate::model::{Ahead, Fitted, FittedState, ForecastError, RestoreError, UpdateError};
use crate::paths::{self, Dice};
use crate::series::Series;

/// Courses that joint paths take their order from.
const SIMULATED: usize = 200;

/// A model that has learned, at the end of a sequence.
pub(super) trait Core: std::fmt::Debug + Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// Name in the grammar of model names.
    fn name(&self) -> String;

    /// Takes in one value, or a gap, and returns the error of its forecast (zero for a gap).
    fn push(&mut self, value: Option<f64>) -> f64;

    /// Medians and standard deviations of the next steps.
    fn moments(&self, horizon: usize) -> Vec<(f64, f64)>;

    /// Quantiles of the next steps relative to the median, where they are not normal: ascending values, one list a step.
    fn shapes(&self, _horizon: usize) -> Option<Vec<Vec<f64>>> {
        None
    }

    /// Parameters learned, by name.
    fn parameters(&self) -> BTreeMap<String, f64>;

    /// Criteria of the fit.
    fn criteria(&self) -> Criteria;
}

/// Criteria of a fit; `None` where a model has none.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Criteria {
    pub(super) n_used: usize,
    pub(super) log_likelihood: Option<f64>,
    pub(super) sse: Option<f64>,
    pub(super) aicc: Option<f64>,
}

/// Values on a grid of equal days.
#[derive(Debug, Clone)]
pub(super) struct Grid {
    /// All values, gaps filled from the past.
    pub(super) values: Vec<f64>,
    /// Which were observed.
    pub(super) observed: Vec<bool>,
    /// Place of each step of the series on the grid.
    places: Vec<usize>,
}

impl Grid {
    /// The grid of a series without its events, for seasons of `season_length` steps.
    pub(super) fn new(plain: &Series, season_length: usize) -> Self {
        let places = places(&WallClock::new(plain, 0), 0, plain.len(), season_length);
        let (mut values, mut observed): (Vec<f64>, Vec<bool>) = (Vec::new(), Vec::new());
        for (t, place) in places.iter().enumerate() {
            while values.len() < *place {
                values.push(values.last().copied().unwrap_or(0.0));
                observed.push(false);
            }
            if values.len() == *place {
                values.push(plain.values()[t]);
                observed.push(plain.observed()[t]);
            }
        }
        Self { values, observed, places }
    }

    /// Place of each step of the series on the grid.
    pub(super) fn places(&self) -> &[usize] {
        &self.places
    }
}

/// Places of the steps `from..to` on a grid of equal days.
pub(super) fn places(clock: &WallClock, from: usize, to: usize, season_length: usize) -> Vec<usize> {
    let mut out = Vec::with_capacity(to - from);
    for (range, shift) in clock.shifts(from, to, season_length) {
        out.extend(range.map(|t| t.saturating_add_signed(shift as isize)));
    }
    out
}

/// A model at the end of a series.
#[derive(Debug, Clone)]
pub(super) struct Gridded<C> {
    core: C,
    season_length: usize,
    /// One value at the start of the series, for times and wall clock.
    shape: Series,
    calendar: Arc<Calendar>,
    len: usize,
    /// Steps of the grid that the model has seen.
    seen: usize,
    residuals: Vec<f64>,
    negative: bool,
}

#[derive(Serialize, Deserialize)]
struct Stored<C> {
    core: C,
    season_length: usize,
    shape: Series,
    len: usize,
    seen: usize,
    residuals: Vec<f64>,
    negative: bool,
}

/// A stored fit.
pub(super) fn restore<C: Core>(state: &FittedState) -> Result<Box<dyn Fitted>, RestoreError> {
    let stored: Stored<C> = state.read()?;
    if stored.season_length == 0
        || stored.residuals.len() != stored.len
        || stored.seen > stored.len.saturating_add(10_000)
    {
        let reason = "its season and its residuals do not fit its length".into();
        return Err(RestoreError::State { model: state.model.clone(), reason });
    }
    Ok(Box::new(Gridded {
        core: stored.core,
        season_length: stored.season_length,
        calendar: Arc::clone(stored.shape.calendar()),
        shape: stored.shape,
        len: stored.len,
        seen: stored.seen,
        residuals: stored.residuals,
        negative: stored.negative,
    }))
}

impl<C: Core> Gridded<C> {
    /// A model that was fitted on a grid, with its one-step errors there.
    pub(super) fn new(core: C, y: &Series, grid: &Grid, errors: &[f64], season_length: usize) -> Self {
        let error = |place: &usize| if grid.observed[*place] { finite(errors[*place]) } else { 0.0 };
        Self {
            core,
            season_length,
            shape: y.span(0, 1).unwrap_or_else(|| y.clone()),
            calendar: Arc::clone(y.calendar()),
            len: y.len(),
            seen: grid.values.len(),
            residuals: grid.places.iter().map(error).collect(),
            negative: y.may_be_negative(),
        }
    }

    /// Places of the next steps on the grid.
    fn next_places(&self, horizon: usize) -> Vec<usize> {
        let clock = WallClock::new(&self.shape, self.len + horizon);
        places(&clock, self.len, self.len + horizon, self.season_length)
    }

    fn outlook(&self, ahead: &Ahead) -> Result<Outlook, ForecastError> {
        if ahead.horizon == 0 {
            return Err(ForecastError::NoHorizon);
        }
        // A repeated hour that was seen already is forecast like the one after it.
        let next = self.next_places(ahead.horizon).into_iter();
        let places: Vec<usize> = next.map(|place| place.saturating_sub(self.seen)).collect();
        let reach = places.iter().max().map_or(1, |last| last + 1);
        let start = self.shape.time(self.len);
        let factors = events::factors(ahead, &self.calendar, start, self.shape.step());
        let factor = |k: usize| factors.as_ref().map_or(1.0, |f| f[k]);
        let moments = self.core.moments(reach);
        let shapes = self.core.shapes(reach);
        Ok(Outlook {
            moments: (0..ahead.horizon)
                .map(|k| (finite(moments[places[k]].0 * factor(k)), finite(moments[places[k]].1 * factor(k))))
                .collect(),
            shapes: shapes.map(|all| {
                let scaled = |k: usize| all[places[k]].iter().map(|v| finite(v * factor(k))).collect();
                (0..ahead.horizon).map(scaled).collect()
            }),
            negative: self.negative,
        })
    }

    /// Errors of simulated courses: past one-step errors, drawn again, pushed through the model.
    fn vectors(&self, horizon: usize, seed: u64) -> Vec<Vec<f64>> {
        let mut dice = Dice::new(seed ^ 0x5eed);
        let errors = paths::drawn_from(&self.residuals);
        if errors.is_empty() {
            return Vec::new();
        }
        let means: Vec<f64> = self.core.moments(horizon).into_iter().map(|m| m.0).collect();
        (0..SIMULATED)
            .map(|_| {
                let mut core = self.core.clone();
                let mut out = Vec::with_capacity(horizon);
                for mean in &means {
                    let error = errors[dice.below(errors.len())];
                    let next = finite(core.moments(1)[0].0 + error);
                    core.push(Some(next));
                    out.push(finite(next - mean));
                }
                out
            })
            .collect()
    }
}

/// What the next steps may be.
struct Outlook {
    moments: Vec<(f64, f64)>,
    shapes: Option<Vec<Vec<f64>>>,
    negative: bool,
}

impl Outlook {
    fn quantile(&self, k: usize, p: f64) -> f64 {
        let (middle, deviation) = self.moments[k];
        let off = match &self.shapes {
            Some(shapes) => crate::math::quantile_of_sorted(&shapes[k], p),
            None => deviation * normal_quantile(p),
        };
        let raw = finite(middle + off);
        floored(raw, self.negative)
    }
}

impl<C: Core> Fitted for Gridded<C> {
    fn name(&self) -> String {
        self.core.name()
    }

    fn forecast(&self, ahead: &Ahead, levels: &[Level]) -> Result<Forecast, ForecastError> {
        let outlook = self.outlook(ahead)?;
        let point = outlook.moments.iter().map(|m| floored(m.0, self.negative)).collect();
        let (start, step) = (self.shape.time(self.len), self.shape.step());
        Ok(Forecast::from_quantiles(start, step, point, levels, |k, p| outlook.quantile(k, p)))
    }

    fn paths(&self, ahead: &Ahead, n: usize, seed: u64) -> Result<Paths, ForecastError> {
        let outlook = self.outlook(ahead)?;
        let vectors = self.vectors(ahead.horizon, seed);
        let vectors: Vec<&[f64]> = vectors.iter().map(Vec::as_slice).collect();
        let values = paths::shuffle(&vectors, ahead.horizon, n, seed, |k, p| outlook.quantile(k, p));
        Ok(Paths { start: self.shape.time(self.len), step: self.shape.step(), values })
    }

    fn update(&mut self, new: &Series) -> Result<(), UpdateError> {
        self.shape.check_follows(self.len, new)?;
        let plain = events::without_events(&new.clone().with_calendar_of(&self.calendar));
        for (t, place) in self.next_places(plain.len()).into_iter().enumerate() {
            while self.seen < place {
                self.core.push(None);
                self.seen += 1;
            }
            // A repeated hour has been seen already.
            let error = if self.seen == place {
                self.seen += 1;
                self.core.push(plain.observation(t))
            } else {
                0.0
            };
            self.residuals.push(finite(error));
            self.negative |= plain.values()[t] < 0.0;
        }
        self.len += plain.len();
        Ok(())
    }

    fn state(&self) -> FittedState {
        let stored = Stored {
            core: self.core.clone(),
            season_length: self.season_length,
            shape: self.shape.clone(),
            len: self.len,
            seen: self.seen,
            residuals: self.residuals.clone(),
            negative: self.negative,
        };
        FittedState::new(self.core.name(), &stored)
    }

    fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    fn parameters(&self) -> BTreeMap<String, f64> {
        self.core.parameters()
    }

    fn log_likelihood(&self) -> Option<f64> {
        self.core.criteria().log_likelihood
    }

    fn n_used(&self) -> usize {
        self.core.criteria().n_used
    }

    fn sse(&self) -> Option<f64> {
        self.core.criteria().sse
    }

    fn aicc(&self) -> Option<f64> {
        self.core.criteria().aicc
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::tz::TimeZone;

    use super::*;

    fn berlin(start: &str, n: usize) -> Series {
        let calendar = Calendar::new(TimeZone::get("Europe/Berlin").unwrap());
        let values = (0..n).map(|t| t as f64).collect();
        Series::new(start.parse().unwrap(), Duration::from_secs(3600), values).unwrap().with_calendar(calendar)
    }

    #[test]
    fn the_hour_that_spring_skips_is_a_gap() {
        let grid = Grid::new(&berlin("2026-03-28T23:00:00Z", 6), 24);
        assert_eq!(grid.values, [0.0, 1.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(grid.observed, [true, true, false, true, true, true, true]);
        assert_eq!(grid.places, [0, 1, 3, 4, 5, 6]);
    }

    #[test]
    fn the_hour_that_autumn_repeats_counts_once() {
        let grid = Grid::new(&berlin("2026-10-24T23:00:00Z", 6), 24);
        assert_eq!(grid.places, [0, 1, 1, 2, 3, 4]);
        assert_eq!(grid.values, [0.0, 1.0, 3.0, 4.0, 5.0]);
    }

    #[test]
    fn seasons_of_no_whole_day_stay_as_they_are() {
        let grid = Grid::new(&berlin("2026-03-28T23:00:00Z", 6), 5);
        assert_eq!(grid.places, [0, 1, 2, 3, 4, 5]);
    }
}
