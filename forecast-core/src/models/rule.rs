//! Methods whose forecast at any origin is a function of the values before it: naive ones, profiles, drift, mean.
//!
//! Such a method needs no fit beyond its past, so that its errors at all past origins can be had; they give its
//! intervals and joint paths. Events of a known factor are divided out of the past and multiplied into the future.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::spread::Spread;
use crate::calendar::Calendar;
use crate::clock::WallClock;
use crate::events;
use crate::forecast::{Forecast, Level, Paths};
use crate::math::{finite, floored};
use crate::model::{Ahead, FitError, Fitted, FittedState, ForecastError, Forecaster, Needs, RestoreError, UpdateError};
use crate::paths;
use crate::series::Series;

/// A method without parameters of its own to learn, given its settings.
pub(super) trait Rule: std::fmt::Debug + Clone + Send + Sync + Serialize + DeserializeOwned + 'static {
    /// Name in the grammar of model names.
    fn name(&self) -> String;

    /// Fewest steps that it can forecast from.
    fn observations(&self) -> usize;

    /// The same method with the settings that depend on the series filled in.
    fn settled(&self, y: &Series) -> Self;

    /// Forecasts of the steps from `origin` (at least 1) on, one a lead, from what lies before it.
    fn point(&self, past: &Past, origin: usize, out: &mut [f64]);

    /// Settings and what was learned, by name.
    fn parameters(&self, past: &Past) -> BTreeMap<String, f64>;
}

/// What lies before an origin, without events of a known factor.
#[derive(Debug, Clone)]
pub(super) struct Past {
    y: Series,
    sums: Vec<f64>,
    counts: Vec<usize>,
    /// Position of the last observation at or before each step.
    last: Vec<usize>,
    clock: WallClock,
}

impl Past {
    fn new(y: Series) -> Self {
        let clock = WallClock::new(&y, reach(&y));
        let mut past = Self { y, sums: vec![0.0], counts: vec![0], last: Vec::new(), clock };
        past.extend();
        past
    }

    fn append(&mut self, new: &Series) -> Result<(), UpdateError> {
        self.y.append(new)?;
        self.clock = WallClock::new(&self.y, reach(&self.y));
        self.extend();
        Ok(())
    }

    fn extend(&mut self) {
        for t in self.last.len()..self.y.len() {
            let seen = self.y.observation(t);
            self.sums.push(self.sums[t] + seen.unwrap_or(0.0));
            self.counts.push(self.counts[t] + usize::from(seen.is_some()));
            let before = self.last.last().copied().unwrap_or(0);
            self.last.push(if seen.is_some() { t } else { before });
        }
    }

    /// The series itself.
    pub(super) fn series(&self) -> &Series {
        &self.y
    }

    /// Wall-clock lookups.
    pub(super) fn clock(&self) -> &WallClock {
        &self.clock
    }

    /// The value of a step, filled where it was not observed.
    pub(super) fn value(&self, t: usize) -> f64 {
        self.y.values()[t]
    }

    /// Position and value of the last observation before `origin`; before the first one the filled start.
    pub(super) fn last_before(&self, origin: usize) -> (usize, f64) {
        let at = self.last[origin - 1];
        (at, self.value(at))
    }

    /// Mean of what was observed in the steps `from..to`.
    pub(super) fn mean(&self, from: usize, to: usize) -> Option<f64> {
        let count = self.counts[to].checked_sub(self.counts[from]).filter(|count| *count > 0)?;
        let mean = (self.sums[to] - self.sums[from]) / count as f64;
        if mean.is_finite() {
            return Some(mean);
        }
        // Sums of values near the end of the range overflow; their scaled mean does not.
        let seen = (from..to).filter_map(|t| self.y.observation(t));
        Some(seen.map(|v| v / count as f64).sum())
    }
}

/// Steps after the past for which the wall clock is known: two years.
fn reach(y: &Series) -> usize {
    y.steps_in(Duration::from_secs(2 * 366 * 86_400))
}

impl<R: Rule> Forecaster for R {
    fn name(&self) -> String {
        Rule::name(self)
    }

    fn needs(&self) -> Needs {
        Needs { observations: self.observations(), positive: false }
    }

    fn supports_missing(&self) -> bool {
        true
    }

    fn fit(&self, y: &Series) -> Result<Box<dyn Fitted>, FitError> {
        let rule = self.settled(y);
        if y.len() < rule.observations() {
            return Err(FitError::TooShort { model: Rule::name(&rule), needed: rule.observations(), got: y.len() });
        }
        Ok(Box::new(FittedRule::new(rule, y.clone())))
    }
}

/// A rule at the end of its past.
#[derive(Debug, Clone)]
struct FittedRule<R> {
    rule: R,
    calendar: Arc<Calendar>,
    past: Past,
    residuals: Vec<f64>,
    negative: bool,
}

/// What is stored of it.
#[derive(Serialize, Deserialize)]
struct Stored<R> {
    rule: R,
    series: Series,
}

/// A stored fit of a rule.
pub(super) fn restore<R: Rule>(state: &FittedState) -> Result<Box<dyn Fitted>, RestoreError> {
    let stored: Stored<R> = state.read()?;
    if stored.series.len() < stored.rule.observations() {
        let reason = format!("{} steps are stored, fewer than it needs", stored.series.len());
        return Err(RestoreError::State { model: state.model.clone(), reason });
    }
    Ok(Box::new(FittedRule::new(stored.rule, stored.series)))
}

impl<R: Rule> FittedRule<R> {
    fn new(rule: R, y: Series) -> Self {
        let calendar = Arc::clone(y.calendar());
        let past = Past::new(events::without_events(&y).without_regressors());
        let mut fitted = Self { rule, calendar, past, residuals: Vec::new(), negative: false };
        fitted.extend();
        fitted
    }

    /// One-step errors of the steps not yet looked at.
    fn extend(&mut self) {
        let mut one = [0.0];
        for t in self.residuals.len()..self.past.y.len() {
            let error = match self.past.y.observation(t) {
                Some(truth) if t >= self.rule.observations().max(1) => {
                    self.rule.point(&self.past, t, &mut one);
                    truth - one[0]
                }
                _ => 0.0,
            };
            self.residuals.push(if error.is_finite() { error } else { 0.0 });
            self.negative |= self.past.value(t) < 0.0;
        }
    }

    /// Points of the horizon, the spread around them, and what events make of both.
    fn outlook(&self, ahead: &Ahead) -> Result<Outlook, ForecastError> {
        if ahead.horizon == 0 {
            return Err(ForecastError::NoHorizon);
        }
        let past = &self.past;
        let n = past.y.len();
        let mut point = vec![0.0; ahead.horizon];
        self.rule.point(past, n, &mut point);
        let first = self.rule.observations().max(1);
        let spread = Spread::new(n, first, ahead.horizon, |origin, errors| {
            self.rule.point(past, origin, errors);
            for (k, e) in errors.iter_mut().enumerate() {
                *e = past.y.observation(origin + k).map_or(f64::NAN, |truth| truth - *e);
                *e = if e.is_infinite() { f64::NAN } else { *e };
            }
        });
        let factors = events::factors(ahead, &self.calendar, past.y.end(), past.y.step());
        Ok(Outlook { point, spread, factors, negative: self.negative })
    }
}

struct Outlook {
    point: Vec<f64>,
    spread: Spread,
    factors: Option<Vec<f64>>,
    negative: bool,
}

impl Outlook {
    fn factor(&self, k: usize) -> f64 {
        self.factors.as_ref().map_or(1.0, |factors| factors[k])
    }

    fn points(&self) -> Vec<f64> {
        let point = self.point.iter().enumerate();
        point.map(|(k, point)| floored(finite(point * self.factor(k)), self.negative)).collect()
    }

    /// A quantile that does not fall below zero unless the past did.
    fn quantile(&self, k: usize, p: f64) -> f64 {
        let raw = (self.point[k] + self.spread.quantile(k, p)) * self.factor(k);
        finite(floored(raw, self.negative))
    }
}

impl<R: Rule> Fitted for FittedRule<R> {
    fn name(&self) -> String {
        Rule::name(&self.rule)
    }

    fn forecast(&self, ahead: &Ahead, levels: &[Level]) -> Result<Forecast, ForecastError> {
        let outlook = self.outlook(ahead)?;
        let (start, step) = (self.past.y.end(), self.past.y.step());
        Ok(Forecast::from_quantiles(start, step, outlook.points(), levels, |k, p| outlook.quantile(k, p)))
    }

    fn paths(&self, ahead: &Ahead, n: usize, seed: u64) -> Result<Paths, ForecastError> {
        let outlook = self.outlook(ahead)?;
        let vectors: Vec<&[f64]> = outlook.spread.vectors.iter().map(Vec::as_slice).collect();
        let values = paths::shuffle(&vectors, ahead.horizon, n, seed, |k, p| outlook.quantile(k, p));
        Ok(Paths { start: self.past.y.end(), step: self.past.y.step(), values })
    }

    fn update(&mut self, new: &Series) -> Result<(), UpdateError> {
        let new = new.clone().with_calendar_of(&self.calendar);
        self.past.append(&events::without_events(&new))?;
        self.extend();
        Ok(())
    }

    fn state(&self) -> FittedState {
        // Events are divided out already, and their factors apply once more to the future only.
        let stored = Stored { rule: self.rule.clone(), series: self.with_events() };
        FittedState::new(Rule::name(&self.rule), &stored)
    }

    fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    fn parameters(&self) -> BTreeMap<String, f64> {
        self.rule.parameters(&self.past)
    }
}

impl<R: Rule> FittedRule<R> {
    fn with_events(&self) -> Series {
        let y = &self.past.y;
        if !self.calendar.has_factors() {
            return y.clone();
        }
        let values = (0..y.len()).map(|t| finite(y.values()[t] * self.calendar.factor(y.time(t)))).collect();
        y.with_values(values, y.observed().to_vec())
    }
}
