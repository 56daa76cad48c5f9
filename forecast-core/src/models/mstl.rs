//! MSTL with any model for what is left: seasons are taken out, the rest is forecast, the last seasons are put back.
//!
//! Source: Bandara, Hyndman & Bergmeir (2021), arXiv 2107.13462, as R's `stlf(mstl(...))`. Decomposition: [`crate::stl`].

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Ets;
use super::gridded::{Grid, places};
use crate::calendar::Calendar;
use crate::clock::WallClock;
use crate::events;
use crate::forecast::{Forecast, Level, Paths};
use crate::math::{finite, floored};
use crate::model::{Ahead, FitError, Fitted, FittedState, ForecastError, Forecaster, Needs, RestoreError, UpdateError};
use crate::season;
use crate::series::Series;
use crate::stl;

/// Strength above which a season is taken out without being named.
const STRONG: f64 = 0.1;
/// Longest season taken out without being named: a week of 5-minute steps.
const LONGEST: usize = 2016;

/// Seasons taken out by local regression, and a model for the rest.
#[derive(Debug, Default)]
pub struct Mstl {
    /// Steps of each season, ascending; empty takes those that the data show.
    pub seasons: Vec<usize>,
    /// Whether odd values are weighted down.
    pub robust: bool,
    /// Model of the rest; `None` is exponential smoothing with additive errors and without a season.
    pub rest: Option<Box<dyn Forecaster>>,
}

fn name(seasons: &[usize], robust: bool, rest: Option<String>) -> String {
    let words: Vec<String> = robust.then(|| "robust".into()).into_iter().chain(rest).collect();
    let words = if words.is_empty() { String::new() } else { format!("({})", words.join(", ")) };
    let all: Vec<String> = seasons.iter().map(ToString::to_string).collect();
    let all = if all.is_empty() { String::new() } else { format!("[{}]", all.join(",")) };
    format!("mstl{words}{all}")
}

impl Forecaster for Mstl {
    fn name(&self) -> String {
        name(&self.seasons, self.robust, self.rest.as_ref().map(|rest| rest.name()))
    }

    fn needs(&self) -> Needs {
        let longest = self.seasons.iter().max().copied().unwrap_or(2);
        Needs { observations: (2 * longest + 1).max(5), positive: false }
    }

    fn fit(&self, y: &Series) -> Result<Box<dyn Fitted>, FitError> {
        let plain = events::without_events(y);
        let seasons = if self.seasons.is_empty() { shown(&plain) } else { self.seasons.clone() };
        let model = name(&seasons, self.robust, None);
        let needed = (2 * seasons.iter().max().copied().unwrap_or(1) + 1).max(5);
        let grid = Grid::new(&plain, seasons.iter().max().copied().unwrap_or(1));
        // An hour that the wall clock repeats counts once.
        if grid.values.len() < needed {
            return Err(FitError::TooShort { model, needed, got: grid.values.len() });
        }
        // A power of two changes no digit and keeps squares within the range of a double.
        let scale = super::smoothing_fit::scale_of(&grid.values);
        let values: Vec<f64> = grid.values.iter().map(|v| v / scale).collect();
        let seasonals = if seasons.is_empty() {
            Vec::new()
        } else {
            let parts = stl::mstl(&values, &seasons, self.robust)
                .ok_or_else(|| FitError::NoFit { model, reason: "no season was seen twice".into() })?;
            parts.seasonals.iter().map(|part| part.iter().map(|v| finite(v * scale)).collect()).collect()
        };
        let parts: Vec<Vec<f64>> = seasonals;
        let season_at = |place: usize| parts.iter().map(|part| part[place]).sum::<f64>();
        let values = grid.places().iter().zip(plain.values()).map(|(place, v)| finite(v - season_at(*place))).collect();
        let without = Calendar::new(plain.calendar().time_zone().clone());
        let adjusted = plain.with_values(values, plain.observed().to_vec()).with_calendar(without).signed();
        let default = Ets { season_length: Some(1), additive_errors: true, ..Ets::default() };
        let rest = self.rest.as_deref().unwrap_or(&default).fit(&adjusted)?;
        let seen = grid.values.len();
        let cycles = seasons.iter().zip(&parts).map(|(m, part)| last_cycle(part, *m, seen)).collect();
        let residuals = rest.residuals().to_vec();
        Ok(Box::new(FittedMstl {
            rest,
            residuals,
            after: After {
                seasons,
                robust: self.robust,
                cycles,
                shape: plain.span(0, 1).unwrap_or(plain),
                len: y.len(),
                negative: y.may_be_negative(),
            },
            calendar: Arc::clone(y.calendar()),
        }))
    }
}

/// Seasons that the data show, the strongest if all are weak.
pub(super) fn shown(y: &Series) -> Vec<usize> {
    let found = season::detect(y);
    let fits = |s: &&season::Season| s.season_length > 1 && s.season_length <= LONGEST && y.len() > 2 * s.season_length;
    let strong: Vec<usize> =
        found.iter().filter(fits).filter(|s| s.strength >= STRONG).map(|s| s.season_length).collect();
    let any = found.iter().filter(fits).max_by(|a, b| a.strength.total_cmp(&b.strength));
    if strong.is_empty() { any.map(|s| s.season_length).into_iter().collect() } else { strong }
}

/// The last cycle of a part, by position in the season.
fn last_cycle(part: &[f64], m: usize, seen: usize) -> Vec<f64> {
    let mut out = vec![0.0; m];
    for place in seen - m..seen {
        out[place % m] = part[place];
    }
    out
}

/// A decomposed series at its end.
#[derive(Debug)]
struct FittedMstl {
    rest: Box<dyn Fitted>,
    residuals: Vec<f64>,
    after: After,
    calendar: Arc<Calendar>,
}

/// What is put back, and where the series ends.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct After {
    seasons: Vec<usize>,
    robust: bool,
    /// The last cycle of each season, by position in it.
    cycles: Vec<Vec<f64>>,
    /// One value at the start of the series, for times and wall clock.
    shape: Series,
    len: usize,
    negative: bool,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    rest: FittedState,
    after: After,
}

/// A stored fit.
pub(super) fn restore(state: &FittedState) -> Result<Box<dyn Fitted>, RestoreError> {
    let stored: Stored = state.read()?;
    let after = stored.after;
    let fits = |(m, cycle): (&usize, &Vec<f64>)| *m > 0 && cycle.len() == *m;
    if after.cycles.len() != after.seasons.len() || !after.seasons.iter().zip(&after.cycles).all(fits) {
        let reason = "its cycles do not have the lengths of its seasons".into();
        return Err(RestoreError::State { model: state.model.clone(), reason });
    }
    let rest = stored.rest.restore()?;
    let residuals = rest.residuals().to_vec();
    let calendar = Arc::clone(after.shape.calendar());
    Ok(Box::new(FittedMstl { rest, residuals, after, calendar }))
}

impl After {
    /// The sum of the seasons at the next steps.
    fn next(&self, horizon: usize) -> Vec<f64> {
        let clock = WallClock::new(&self.shape, self.len + horizon);
        let longest = self.seasons.last().copied().unwrap_or(1);
        let places = places(&clock, self.len, self.len + horizon, longest);
        let at = |place: usize| self.cycles.iter().map(|cycle| cycle[place % cycle.len()]).sum::<f64>();
        places.into_iter().map(at).collect()
    }
}

impl FittedMstl {
    /// The season and the factor of each step of a horizon; what the rest is told.
    fn around(&self, ahead: &Ahead) -> (Vec<f64>, Vec<f64>, Ahead) {
        let start = self.after.shape.time(self.after.len);
        let factors = events::factors(ahead, &self.calendar, start, self.after.shape.step());
        let without = Calendar::new(self.calendar.time_zone().clone());
        let inner = Ahead { calendar: Some(Arc::new(without)), ..ahead.clone() };
        (self.after.next(ahead.horizon), factors.unwrap_or_else(|| vec![1.0; ahead.horizon]), inner)
    }
}

impl Fitted for FittedMstl {
    fn name(&self) -> String {
        name(&self.after.seasons, self.after.robust, Some(self.rest.name()))
    }

    fn forecast(&self, ahead: &Ahead, levels: &[Level]) -> Result<Forecast, ForecastError> {
        let (season, factors, inner) = self.around(ahead);
        let rest = self.rest.forecast(&inner, levels)?;
        let with = |k: usize, v: f64| floored(finite((v + season[k]) * factors[k]), self.after.negative);
        let point: Vec<f64> = rest.point.iter().enumerate().map(|(k, v)| with(k, *v)).collect();
        let column = |p: f64| rest.levels.iter().position(|l| l.probability() == p);
        let middle = point.clone();
        Ok(Forecast::from_quantiles(rest.start, rest.step, point, levels, |k, p| {
            column(p).map_or(middle[k], |c| with(k, rest.quantiles[(k, c)]))
        }))
    }

    fn paths(&self, ahead: &Ahead, n: usize, seed: u64) -> Result<Paths, ForecastError> {
        let (season, factors, inner) = self.around(ahead);
        let mut paths = self.rest.paths(&inner, n, seed)?;
        for ((_, k), value) in paths.values.indexed_iter_mut() {
            *value = floored(finite((*value + season[k]) * factors[k]), self.after.negative);
        }
        Ok(paths)
    }

    fn update(&mut self, new: &Series) -> Result<(), UpdateError> {
        self.after.shape.check_follows(self.after.len, new)?;
        let plain = events::without_events(&new.clone().with_calendar_of(&self.calendar));
        let season = self.after.next(plain.len());
        let values = plain.values().iter().zip(&season).map(|(v, s)| finite(v - s)).collect();
        let without = Calendar::new(self.calendar.time_zone().clone());
        self.rest.update(&plain.with_values(values, plain.observed().to_vec()).with_calendar(without))?;
        self.residuals = self.rest.residuals().to_vec();
        self.after.len += plain.len();
        self.after.negative |= new.may_be_negative();
        Ok(())
    }

    fn state(&self) -> FittedState {
        FittedState::new(self.name(), &Stored { rest: self.rest.state(), after: self.after.clone() })
    }

    fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    fn parameters(&self) -> BTreeMap<String, f64> {
        self.rest.parameters()
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_fitted_traits, hourly};
    use super::super::{Drift, Naive};
    use super::*;
    use crate::paths::Dice;

    fn load(n: usize) -> Series {
        let mut dice = Dice::new(6);
        let value = |t: usize| 50.0 + (t % 4) as f64 * 3.0 - if t / 4 % 7 >= 5 { 8.0 } else { 0.0 };
        hourly(&(0..n).map(|t| value(t) + dice.unit()).collect::<Vec<_>>())
    }

    #[test]
    fn with_any_model_for_the_rest_it_is_a_model_like_any_other() {
        let y = load(150);
        check_fitted_traits(&Mstl { seasons: vec![4, 28], ..Mstl::default() }, &y);
        check_fitted_traits(&Mstl { seasons: vec![4], robust: true, rest: Some(Box::new(Naive)) }, &y);
        check_fitted_traits(&Mstl { rest: Some(Box::new(Drift)), ..Mstl::default() }, &y);
    }

    /// The likelihood of this one would be higher with relative errors.
    #[test]
    fn what_is_left_of_a_load_has_additive_errors() {
        let mut dice = Dice::new(3);
        let mut level = 0.0;
        let mut value = |t: usize| {
            level += 0.4 * (dice.unit() - 0.5);
            100.0 * libm::exp(level) + (t % 4) as f64
        };
        let y = hourly(&(0..400).map(&mut value).collect::<Vec<_>>());
        let fitted = Mstl { seasons: vec![4], ..Mstl::default() }.fit(&y).unwrap();
        assert!(fitted.name().starts_with("mstl(ets(A,"), "{}", fitted.name());
        let any = Mstl {
            seasons: vec![4],
            rest: Some(Box::new(Ets { season_length: Some(1), ..Ets::default() })),
            ..Mstl::default()
        };
        assert!(any.fit(&y).unwrap().name().starts_with("mstl(ets(M,"));
    }

    #[test]
    fn both_seasons_go_on() {
        let fitted = Mstl { seasons: vec![4, 28], ..Mstl::default() }.fit(&load(168)).unwrap();
        let ahead = fitted.forecast(&Ahead::steps(28), &[]).unwrap();
        for (k, point) in ahead.point.iter().enumerate() {
            let truth = 50.5 + (k % 4) as f64 * 3.0 - if k / 4 % 7 >= 5 { 8.0 } else { 0.0 };
            assert!((point - truth).abs() < 1.5, "lead {k}: {point}, expected {truth}");
        }
    }

    /// What is left of a load may be far below zero at a peak, where the load itself is not.
    #[test]
    fn a_peak_may_fall_below_its_season() {
        let mut dice = Dice::new(6);
        let mut value = |t: usize| 5.0 + [0.0, 0.0, 60.0, 0.0][t % 4] + 9.0 * (dice.unit() - 0.5);
        let y = hourly(&(0..400).map(&mut value).collect::<Vec<_>>());
        let fitted = Mstl { seasons: vec![4], ..Mstl::default() }.fit(&y).unwrap();
        let levels = [0.005, 0.995].map(|p| Level::new(p).unwrap());
        let ahead = fitted.forecast(&Ahead::steps(4), &levels).unwrap();
        let (low, high) = (ahead.quantiles[(2, 0)], ahead.quantiles[(2, 1)]);
        assert!((ahead.point[2] - low) / (high - ahead.point[2]) > 0.9, "{low} to {high} around {}", ahead.point[2]);
        assert!(ahead.quantiles.iter().all(|v| *v >= 0.0), "{:?}", ahead.quantiles);
    }

    #[test]
    fn a_season_seen_once_is_too_short() {
        let model = Mstl { seasons: vec![100], ..Mstl::default() };
        assert!(matches!(model.fit(&load(150)), Err(FitError::TooShort { needed: 201, .. })));
    }
}
