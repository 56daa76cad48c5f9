//! Holt-Winters smoothing, simple and Holt's smoothing: parameters of least squared one-step errors.
//!
//! Recursions: [`crate::kernels::holt_winters`]. Start: level, trend and season by a classical decomposition of the
//! first two seasons, as R's `HoltWinters` does, so that its sum of squares can be compared: golden tests in
//! `tests/golden/holt_winters.rs`. Bounds follow `predict.HoltWinters` (Chatfield & Yar 1991 for the multiplicative form).

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::smoothing_fit::{self, Free};
use crate::calendar::Calendar;
use crate::clock::WallClock;
use crate::events;
use crate::forecast::{Forecast, Level, Paths};
use crate::kernels::holt_winters::{Form, State, step};
use crate::math::{finite, floored, normal_quantile};
use crate::model::{Ahead, FitError, Fitted, FittedState, ForecastError, Forecaster, Needs, RestoreError, UpdateError};
use crate::paths::{self, Dice};
use crate::season;
use crate::series::Series;

/// How the season enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Seasonal {
    /// No season: Holt's method, or simple smoothing without a trend.
    None,
    /// Added to the level.
    #[default]
    Additive,
    /// Multiplied with the level; needs values above zero.
    Multiplicative,
}

/// Exponential smoothing of level, trend and season.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HoltWinters {
    /// How the season enters.
    pub seasonal: Seasonal,
    /// Whether there is a trend; without one `damped` says nothing.
    pub trend: bool,
    /// Whether the trend fades.
    pub damped: bool,
    /// Steps of a season; `None` takes [`crate::season::strongest`].
    pub season_length: Option<usize>,
    /// Parameters that are not learned but given: alpha, beta, gamma, phi.
    pub fixed: [Option<f64>; 4],
}

impl Default for HoltWinters {
    fn default() -> Self {
        Self { seasonal: Seasonal::Additive, trend: true, damped: false, season_length: None, fixed: [None; 4] }
    }
}

impl HoltWinters {
    /// Simple exponential smoothing: a level alone.
    pub fn simple() -> Self {
        Self { seasonal: Seasonal::None, trend: false, ..Self::default() }
    }

    /// Holt's method: level and trend.
    pub fn holt(damped: bool) -> Self {
        Self { seasonal: Seasonal::None, damped, ..Self::default() }
    }

    /// The steps of a season in this series; 1 without a season.
    fn steps(&self, y: &Series) -> usize {
        match self.seasonal {
            Seasonal::None => 1,
            _ => self.season_length.unwrap_or_else(|| season::strongest(y)),
        }
    }

    fn needed(&self, season_length: usize) -> usize {
        match (self.seasonal, self.trend) {
            (Seasonal::None, false) => 2,
            (Seasonal::None, true) => 3,
            _ => 2 * season_length + 1,
        }
    }

    fn name_with(&self, season_length: Option<usize>) -> String {
        let word = match (self.seasonal, self.trend, self.damped) {
            (Seasonal::None, false, _) => return "ses".into(),
            (Seasonal::None, true, false) => return "holt".into(),
            (Seasonal::None, true, true) => return "holt(damped)".into(),
            (Seasonal::Additive, ..) => "additive",
            (Seasonal::Multiplicative, ..) => "multiplicative",
        };
        let damped = if self.damped && self.trend { ", damped" } else { "" };
        let trend = if self.trend { "" } else { ", no_trend" };
        super::naive::with_season(&format!("holt_winters({word}{damped}{trend})"), season_length)
    }

    fn form(&self) -> Form {
        if self.seasonal == Seasonal::Multiplicative { Form::Multiplicative } else { Form::Additive }
    }

    /// Which parameters are searched for, and where the others lie.
    fn free(&self) -> Free {
        let used = [true, self.trend, self.seasonal != Seasonal::None, self.trend && self.damped];
        let unused = [0.0, 0.0, 0.0, 1.0];
        let at = std::array::from_fn(|i| if used[i] { self.fixed[i].unwrap_or(f64::NAN) } else { unused[i] });
        Free { known: at }
    }
}

impl Forecaster for HoltWinters {
    fn name(&self) -> String {
        self.name_with(self.season_length)
    }

    fn needs(&self) -> Needs {
        let positive = self.seasonal == Seasonal::Multiplicative;
        Needs { observations: self.needed(self.season_length.unwrap_or(2)), positive }
    }

    fn supports_missing(&self) -> bool {
        true
    }

    fn fit(&self, y: &Series) -> Result<Box<dyn Fitted>, FitError> {
        let season_length = self.steps(y);
        let model = self.name_with((self.seasonal != Seasonal::None).then_some(season_length));
        if self.seasonal != Seasonal::None && season_length < 2 {
            let reason = "a season of 1 step is none; use `holt`".into();
            return Err(FitError::NoFit { model, reason });
        }
        let needed = self.needed(season_length);
        if y.len() < needed {
            return Err(FitError::TooShort { model, needed, got: y.len() });
        }
        let plain = events::without_events(y);
        if self.seasonal == Seasonal::Multiplicative
            && let Some((index, &value)) = plain.values().iter().enumerate().find(|(_, v)| **v <= 0.0)
        {
            return Err(FitError::NotPositive { model, index, value });
        }
        // A power of two changes no digit and keeps squares within the range of a double.
        let scale = smoothing_fit::scale_of(plain.values());
        let values: Vec<f64> = plain.values().iter().map(|v| v / scale).collect();
        let (from, start) = smoothing_fit::start(&values, season_length, self.form(), self.trend);
        let clock = WallClock::new(&plain, 0);
        let stretches = clock.stretches(from, values.len(), season_length);
        let problem = smoothing_fit::Problem {
            form: self.form(),
            y: &values,
            observed: plain.observed(),
            stretches: &stretches,
            start: &start,
        };
        let parameters = smoothing_fit::fit(&problem, &self.free())
            .ok_or_else(|| FitError::NoFit { model, reason: "every set of parameters diverges".into() })?;
        let mut fitted = FittedHoltWinters {
            settings: Self { season_length: Some(season_length), ..self.clone() },
            parameters,
            scale,
            first: from,
            state: State { trend: start.trend * parameters[3], ..start },
            residuals: vec![0.0; from],
            shape: plain.span(0, 1).unwrap_or_else(|| plain.clone()),
            calendar: Arc::clone(y.calendar()),
            len: from,
            negative: plain.may_be_negative(),
            sse: 0.0,
            counted: 0,
        };
        fitted.advance(&values[from..], &plain.observed()[from..]);
        Ok(Box::new(fitted))
    }
}

/// Holt-Winters smoothing at the end of a series.
#[derive(Debug, Clone)]
struct FittedHoltWinters {
    settings: HoltWinters,
    /// alpha, beta, gamma, phi.
    parameters: [f64; 4],
    /// Power of two that the state and the residuals inside are divided by.
    scale: f64,
    first: usize,
    /// Level, damped trend and season, the season by position in it.
    state: State,
    residuals: Vec<f64>,
    /// One value at the start of the grid, for times and wall clock.
    shape: Series,
    calendar: Arc<Calendar>,
    /// Steps taken in.
    len: usize,
    negative: bool,
    sse: f64,
    counted: usize,
}

/// What is stored of it.
#[derive(Serialize, Deserialize)]
struct Stored {
    settings: HoltWinters,
    parameters: [f64; 4],
    scale: f64,
    first: usize,
    level: f64,
    trend: f64,
    season: Vec<f64>,
    residuals: Vec<f64>,
    shape: Series,
    len: usize,
    negative: bool,
    sse: f64,
    counted: usize,
}

/// A stored fit.
pub(super) fn restore(state: &FittedState) -> Result<Box<dyn Fitted>, RestoreError> {
    let stored: Stored = state.read()?;
    if stored.season.is_empty() || stored.residuals.len() != stored.len || !stored.scale.is_normal() {
        let reason = "its season, residuals and scale do not belong together".into();
        return Err(RestoreError::State { model: state.model.clone(), reason });
    }
    Ok(Box::new(FittedHoltWinters {
        settings: stored.settings,
        parameters: stored.parameters,
        scale: stored.scale,
        first: stored.first,
        state: State { level: stored.level, trend: stored.trend, season: stored.season },
        residuals: stored.residuals,
        calendar: Arc::clone(stored.shape.calendar()),
        shape: stored.shape,
        len: stored.len,
        negative: stored.negative,
        sse: stored.sse,
        counted: stored.counted,
    }))
}

impl FittedHoltWinters {
    fn season_length(&self) -> usize {
        self.state.season.len()
    }

    fn form(&self) -> Form {
        self.settings.form()
    }

    /// Takes in values, divided by the scale.
    fn advance(&mut self, values: &[f64], observed: &[bool]) {
        let (from, to) = (self.len, self.len + values.len());
        let [alpha, beta, gamma, phi] = self.parameters;
        for (range, position) in self.clock(values.len()).stretches(from, to, self.season_length()) {
            let mut slot = position;
            for t in range {
                let (l, b, s) = (self.state.level, self.state.trend, self.state.season[slot]);
                let mut error = 0.0;
                let (mut level, mut trend) = (l + b, b);
                if observed[t - from] {
                    let step = step(self.form(), values[t - from], [l, b, s], [alpha, beta, gamma]);
                    if step.level.is_finite() && step.trend.is_finite() && step.season.is_finite() {
                        (error, level, trend) = (step.error, step.level, step.trend);
                        self.state.season[slot] = step.season;
                        // A state is stored as JSON, which knows no infinity.
                        self.sse = finite(self.sse + error * error);
                        self.counted += 1;
                    }
                }
                self.state.level = level;
                self.state.trend = phi * trend;
                self.residuals.push(finite(error * self.scale));
                slot = if slot + 1 == self.season_length() { 0 } else { slot + 1 };
            }
        }
        self.len = to;
    }

    /// Lookups for what was taken in and `ahead` steps more.
    fn clock(&self, ahead: usize) -> WallClock {
        WallClock::new(&self.shape, self.len + ahead)
    }

    /// Means of a horizon in the unit of the series, without events.
    fn means(&self, horizon: usize) -> Vec<f64> {
        let mut out = Vec::with_capacity(horizon);
        let (mut level, mut trend) = (self.state.level, self.state.trend);
        for (range, position) in self.clock(horizon).stretches(self.len, self.len + horizon, self.season_length()) {
            let mut slot = position;
            for _ in range {
                level += trend;
                trend *= self.parameters[3];
                let s = self.state.season[slot];
                let mean = if self.form() == Form::Additive { level + s } else { level * s };
                out.push(finite(mean * self.scale));
                slot = (slot + 1) % self.season_length();
            }
        }
        out
    }

    /// Variance of the one-step errors, in the squared unit of the series over the squared scale.
    fn sigma2(&self) -> f64 {
        let all = &self.residuals[self.first..];
        let n = self.counted.max(2) as f64;
        let mean = all.iter().sum::<f64>() / self.scale / n;
        let sum = all.iter().map(|e| (e / self.scale - mean) * (e / self.scale - mean)).sum::<f64>();
        // Zeros stand for what was not taken in.
        let zeros = (all.len() - self.counted.min(all.len())) as f64;
        (sum - zeros * mean * mean) / (n - 1.0)
    }

    /// Standard deviations of a horizon in the unit of the series.
    fn deviations(&self, horizon: usize) -> Vec<f64> {
        let (m, sigma2) = (self.season_length(), self.sigma2());
        let [alpha, beta, gamma, phi] = self.parameters;
        let seasonal = self.settings.seasonal != Seasonal::None;
        let mut psi = Vec::with_capacity(horizon);
        let (mut damping, mut reach) = (1.0, 0.0);
        for j in 0..horizon {
            let of_season = if seasonal && j % m == 0 { gamma * (1.0 - alpha) } else { 0.0 };
            psi.push(if j == 0 { 1.0 } else { alpha + alpha * beta * reach + of_season });
            damping *= phi;
            reach += damping;
        }
        let seasons: Vec<f64> = self.season_ahead(horizon);
        let mut sum = 0.0;
        let mut out = Vec::with_capacity(horizon);
        for h in 0..horizon {
            let variance = if self.form() == Form::Additive {
                sum += psi[h] * psi[h];
                sum
            } else {
                let terms = (0..=h).map(|j| {
                    let ratio = seasons[h] / seasons[h - j];
                    let term = psi[j] * if ratio.is_finite() { ratio } else { 1.0 };
                    term * term
                });
                terms.sum()
            };
            out.push(finite((sigma2 * variance).sqrt() * self.scale));
        }
        out
    }

    /// The season of each step of a horizon.
    fn season_ahead(&self, horizon: usize) -> Vec<f64> {
        let stretches = self.clock(horizon).stretches(self.len, self.len + horizon, self.season_length());
        let slots = stretches.into_iter().flat_map(|(range, at)| range.enumerate().map(move |(i, _)| at + i));
        slots.map(|slot| self.state.season[slot % self.season_length()]).collect()
    }

    fn outlook(&self, ahead: &Ahead) -> Result<Outlook, ForecastError> {
        if ahead.horizon == 0 {
            return Err(ForecastError::NoHorizon);
        }
        let start = self.shape.time(self.len);
        let factors = events::factors(ahead, &self.calendar, start, self.shape.step());
        let factor = |k: usize| factors.as_ref().map_or(1.0, |f| f[k]);
        let means = self.means(ahead.horizon);
        let deviations = self.deviations(ahead.horizon);
        let moments = means.iter().zip(&deviations).enumerate();
        Ok(Outlook {
            moments: moments.map(|(k, (mean, sd))| (finite(mean * factor(k)), finite(sd * factor(k)))).collect(),
            negative: self.negative,
        })
    }

    /// Errors of simulated courses over a horizon: past one-step errors, drawn again, run through the recursion.
    fn vectors(&self, horizon: usize, seed: u64) -> Vec<Vec<f64>> {
        let mut dice = Dice::new(seed ^ 0x5eed);
        let errors = paths::drawn_from(&self.residuals[self.first..]);
        if errors.is_empty() {
            return Vec::new();
        }
        let [alpha, beta, gamma, phi] = self.parameters;
        let means = self.means(horizon);
        let slots = self.clock(horizon).stretches(self.len, self.len + horizon, self.season_length());
        (0..SIMULATED)
            .map(|_| {
                let mut state = self.state.clone();
                let mut out = Vec::with_capacity(horizon);
                for (range, position) in &slots {
                    for t in range.clone() {
                        let slot = (position + t - range.start) % self.season_length();
                        let (l, b, s) = (state.level, state.trend, state.season[slot]);
                        let mean = if self.form() == Form::Additive { l + b + s } else { (l + b) * s };
                        let y = mean + errors[dice.below(errors.len())] / self.scale;
                        let next = step(self.form(), y, [l, b, s], [alpha, beta, gamma]);
                        state.level = finite(next.level);
                        state.trend = finite(phi * next.trend);
                        state.season[slot] = finite(next.season);
                        let k = out.len();
                        out.push(finite(y * self.scale - means[k]));
                    }
                }
                out
            })
            .collect()
    }
}

/// Courses that joint paths take their order from.
const SIMULATED: usize = 200;

/// Mean and standard deviation of each lead.
struct Outlook {
    moments: Vec<(f64, f64)>,
    negative: bool,
}

impl Outlook {
    fn quantile(&self, k: usize, p: f64) -> f64 {
        let (mean, deviation) = self.moments[k];
        let raw = finite(mean + deviation * normal_quantile(p));
        floored(raw, self.negative)
    }
}

impl Fitted for FittedHoltWinters {
    fn name(&self) -> String {
        self.settings.name_with((self.settings.seasonal != Seasonal::None).then_some(self.season_length()))
    }

    fn forecast(&self, ahead: &Ahead, levels: &[Level]) -> Result<Forecast, ForecastError> {
        let outlook = self.outlook(ahead)?;
        let point = outlook.moments.iter().map(|(mean, _)| floored(*mean, self.negative)).collect();
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
        self.negative |= plain.may_be_negative();
        let values: Vec<f64> = plain.values().iter().map(|v| v / self.scale).collect();
        self.advance(&values, plain.observed());
        Ok(())
    }

    fn state(&self) -> FittedState {
        let stored = Stored {
            settings: self.settings.clone(),
            parameters: self.parameters,
            scale: self.scale,
            first: self.first,
            level: self.state.level,
            trend: self.state.trend,
            season: self.state.season.clone(),
            residuals: self.residuals.clone(),
            shape: self.shape.clone(),
            len: self.len,
            negative: self.negative,
            sse: self.sse,
            counted: self.counted,
        };
        FittedState::new(Fitted::name(self), &stored)
    }

    fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    fn parameters(&self) -> BTreeMap<String, f64> {
        let used = [true, self.settings.trend, self.settings.seasonal != Seasonal::None, self.settings.damped];
        let names = ["alpha", "beta", "gamma", "phi"];
        let all = names.into_iter().zip(self.parameters).zip(used);
        let mut out: BTreeMap<String, f64> =
            all.filter(|(_, used)| *used).map(|((name, value), _)| (name.into(), value)).collect();
        out.insert("level".into(), finite(self.state.level * self.scale));
        if self.settings.trend {
            out.insert("trend".into(), finite(self.state.trend * self.scale));
        }
        out
    }

    fn n_used(&self) -> usize {
        self.counted
    }

    fn sse(&self) -> Option<f64> {
        Some(self.sse * self.scale * self.scale).filter(|sse| sse.is_finite())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{check_fitted_traits, hourly, hourly_with_gaps};
    use super::*;

    fn wave(n: usize) -> Series {
        let mut dice = Dice::new(11);
        hourly(
            &(0..n).map(|t| 50.0 + [9.0, -3.0, -6.0, 0.0][t % 4] + 0.05 * t as f64 + dice.unit()).collect::<Vec<_>>(),
        )
    }

    fn every_form() -> Vec<HoltWinters> {
        let season_length = Some(4);
        let mut all = vec![HoltWinters::simple(), HoltWinters::holt(false), HoltWinters::holt(true)];
        for seasonal in [Seasonal::Additive, Seasonal::Multiplicative] {
            for (trend, damped) in [(true, false), (true, true), (false, false)] {
                all.push(HoltWinters { seasonal, trend, damped, season_length, ..HoltWinters::default() });
            }
        }
        all
    }

    #[test]
    fn every_form_forecasts_updates_and_is_restored() {
        for model in every_form() {
            check_fitted_traits(&model, &wave(80));
        }
    }

    #[test]
    fn a_clean_season_is_continued() {
        for model in every_form().into_iter().filter(|m| m.seasonal != Seasonal::None) {
            let fitted = model.fit(&wave(80)).unwrap();
            let ahead = fitted.forecast(&Ahead::steps(8), &[]).unwrap();
            for (k, point) in ahead.point.iter().enumerate() {
                let truth = 50.5 + [9.0, -3.0, -6.0, 0.0][k % 4] + 0.05 * (80 + k) as f64;
                assert!((point - truth).abs() < 1.5, "{}: lead {k} is {point}, expected {truth}", model.name());
            }
        }
    }

    /// Steps that were not observed have no errors that would make the intervals narrow.
    #[test]
    fn gaps_say_nothing_of_the_variance() {
        let y = wave(400);
        let some: Vec<_> = (0..400).map(|t| y.observation(t).filter(|_| t < 40 || t % 2 == 0)).collect();
        let high = [Level::new(0.9).unwrap()];
        let width = |y: &Series| {
            let fitted = HoltWinters { season_length: Some(4), ..HoltWinters::default() }.fit(y).unwrap();
            let ahead = fitted.forecast(&Ahead::steps(1), &high).unwrap();
            ahead.quantiles[(0, 0)] - ahead.point[0]
        };
        let ratio = width(&hourly_with_gaps(&some)) / width(&y);
        assert!((0.9..1.3).contains(&ratio), "{ratio}");
    }

    #[test]
    fn zeros_are_refused_by_the_multiplicative_form_only() {
        let mut values = vec![1.0; 20];
        values[7] = 0.0;
        let model =
            HoltWinters { seasonal: Seasonal::Multiplicative, season_length: Some(4), ..HoltWinters::default() };
        assert!(matches!(model.fit(&hourly(&values)), Err(FitError::NotPositive { index: 7, .. })));
        let model = HoltWinters { season_length: Some(4), ..HoltWinters::default() };
        assert!(model.fit(&hourly(&values)).is_ok());
    }
}
