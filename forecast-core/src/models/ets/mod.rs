//! Exponential smoothing in state space form: all forms of error, trend and season, chosen by AICc.
//!
//! Source: Hyndman, Koehler, Ord & Snyder (2008), Forecasting with Exponential Smoothing; R's `forecast::ets`. The full
//! Gaussian likelihood is -(n ln(sum e^2) + 2 sum ln |f|) / 2 + n (ln n - 1 - ln 2 pi) / 2. Golden tests: at R's parameters
//! the same likelihood and forecasts, at our own a likelihood no lower.

mod form;
mod general;
mod linear;
mod moments;
mod normal;
mod search;
mod wide;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use crate::kernels::ets::Part;
pub use form::Form;

use super::gridded::{Core, Criteria, Grid, Gridded};
use super::naive::with_season;
use super::smoothing_fit::scale_of;
use crate::events;
use crate::kernels::ets::{States, run, step};
use crate::model::{FitError, Fitted, FittedState, Forecaster, Needs, RestoreError};
use crate::season;
use crate::series::Series;

/// ln(2 pi).
const LN_2_PI: f64 = 1.837_877_066_409_345_3;
/// Longest season that the choice of a form looks at unless one is asked for.
const LONGEST_CHOSEN: usize = 400;
/// Longest season with which forms with relative errors or multiplied parts are tried where none is asked for: they solve for
/// each start state, with the cube of their number.
const LONGEST_MULTIPLIED: usize = 200;

/// Exponential smoothing; without a form the best by AICc, with a season over 200 steps of those with absolute errors.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ets {
    /// The form; `None` chooses.
    pub form: Option<Form>,
    /// Steps of a season; `None` takes [`crate::season::strongest`].
    pub season_length: Option<usize>,
    /// Whether a choice looks at additive errors only, as for a series that seasons were subtracted from: the relative error
    /// of what may come near to nought says nothing, and its likelihood prefers forecasts that are too high.
    pub additive_errors: bool,
    /// Parameters and start states that are given instead of learned.
    pub given: Option<Given>,
}

/// Parameters and start states of a form, in the unit of the series.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Given {
    /// alpha, beta, gamma and phi; those that the form lacks do not matter.
    pub parameters: [f64; 4],
    /// Level before the first value.
    pub level: f64,
    /// Trend before the first value.
    pub trend: f64,
    /// Seasons of the first values, in order of time; empty without a season.
    pub season: Vec<f64>,
}

impl Ets {
    fn name_with(&self, form: Option<Form>, season_length: Option<usize>) -> String {
        match form {
            Some(form) if form.season == Part::None => format!("ets({})", form.letters()),
            Some(form) => with_season(&format!("ets({})", form.letters()), season_length),
            None => with_season("ets", season_length),
        }
    }

    /// The forms to try, and the steps of a season, of `n` values with a season of `m` steps.
    fn candidates(&self, n: usize, m: usize, positive: bool) -> (Vec<Form>, usize) {
        let seasonal = m > 1 && n >= needed(m) && (self.season_length.is_some() || m <= LONGEST_CHOSEN);
        match self.form {
            Some(form) => (vec![form], if form.season == Part::None { 1 } else { m }),
            None => {
                let any = positive && !self.additive_errors && !(seasonal && m > LONGEST_MULTIPLIED);
                (Form::usual(seasonal, any), if seasonal { m } else { 1 })
            }
        }
    }
}

impl Forecaster for Ets {
    fn name(&self) -> String {
        self.name_with(self.form, self.season_length)
    }

    fn needs(&self) -> Needs {
        let m = self.form.filter(|form| form.season != Part::None).and(self.season_length).unwrap_or(1);
        let positive = self.form.is_some_and(|form| form.needs_positive());
        Needs { observations: needed(m), positive }
    }

    fn fit(&self, y: &Series) -> Result<Box<dyn Fitted>, FitError> {
        let prepared = self.prepare(y)?;
        let found = prepared.forms.iter().map(|form| self.found(*form, &prepared)).collect();
        self.finish(y, &prepared, found)
    }

    fn fit_all(&self, panel: &[Series]) -> Vec<Result<Box<dyn Fitted>, FitError>> {
        let prepared: Vec<Result<Prepared, FitError>> = panel.iter().map(|y| self.prepare(y)).collect();
        let mut found: Vec<Vec<Option<search::Found>>> = prepared
            .iter()
            .map(|one| one.as_ref().map_or_else(|_| Vec::new(), |one| vec![None; one.forms.len()]))
            .collect();
        // Searches of one form over values of one length run in lanes.
        let mut alike: BTreeMap<(String, usize, usize), Vec<(usize, usize)>> = BTreeMap::new();
        for (at, one) in prepared.iter().enumerate().filter_map(|(at, one)| Some((at, one.as_ref().ok()?))) {
            for (i, form) in one.forms.iter().enumerate() {
                if form.is_linear() && self.given.is_none() {
                    let key = (form.letters(), one.season_length(*form), one.values.len());
                    alike.entry(key).or_default().push((at, i));
                } else {
                    found[at][i] = self.found(*form, one);
                }
            }
        }
        for ((_, m, _), places) in alike {
            let all = places.iter().filter_map(|(at, i)| prepared[*at].as_ref().ok().map(|one| (one, one.forms[*i])));
            let (some, forms): (Vec<&Prepared>, Vec<Form>) = all.unzip();
            let values: Vec<&[f64]> = some.iter().map(|one| one.values.as_slice()).collect();
            for ((at, i), one) in places.iter().zip(search::search_all(forms[0], &values, m)) {
                found[*at][*i] = one;
            }
        }
        let all = panel.iter().zip(prepared).zip(found);
        all.map(|((y, prepared), found)| self.finish(y, &prepared?, found)).collect()
    }
}

/// Fewest values for a season of `m` steps, 1 without one.
fn needed(m: usize) -> usize {
    if m > 1 { 2 * m + 2 } else { 4 }
}

/// A series ready to be fitted, and the forms to try.
struct Prepared {
    forms: Vec<Form>,
    /// Steps of the season; 1 without one.
    m: usize,
    grid: Grid,
    /// Power of two that the values were divided by.
    scale: f64,
    values: Vec<f64>,
}

impl Prepared {
    fn season_length(&self, form: Form) -> usize {
        if form.season == Part::None { 1 } else { self.m }
    }
}

impl Ets {
    fn prepare(&self, y: &Series) -> Result<Prepared, FitError> {
        let plain = events::without_events(y);
        let lowest = plain.values().iter().enumerate().min_by(|a, b| a.1.total_cmp(b.1));
        let positive = lowest.is_some_and(|(_, v)| *v > 0.0);
        let longest = self.season_length.unwrap_or_else(|| season::strongest(&plain));
        // An hour that the wall clock repeats counts once.
        let whole = Grid::new(&plain, longest);
        let (forms, m) = self.candidates(whole.values.len(), longest, positive);
        let grid = if m == longest { whole } else { Grid::new(&plain, m) };
        let model = self.name_with(self.form, Some(m).filter(|m| *m > 1));
        if let (Some(form), Some((index, &value))) = (self.form, lowest)
            && form.needs_positive()
            && !positive
        {
            return Err(FitError::NotPositive { model, index, value });
        }
        if self.form.is_some_and(|form| form.season != Part::None) && m < 2 {
            return Err(FitError::NoFit { model, reason: "a season of 1 step is none; use `ets(A,N,N)`".into() });
        }
        if grid.values.len() < needed(m) {
            return Err(FitError::TooShort { model, needed: needed(m), got: grid.values.len() });
        }
        let scale = scale_of(&grid.values);
        let values: Vec<f64> = grid.values.iter().map(|v| v / scale).collect();
        Ok(Prepared { forms, m, grid, scale, values })
    }

    /// The best parameters and start states of a form, or those that are given.
    fn found(&self, form: Form, prepared: &Prepared) -> Option<search::Found> {
        let (values, m) = (&prepared.values, prepared.season_length(form));
        let Some(given) = &self.given else { return search::search(form, values, m) };
        let start = given.states(form, prepared.scale)?;
        let lik = search::likelihood_at(form, values, &start)?;
        Some(search::Found { start, lik })
    }

    /// The form of least criterion; `found` has one entry a form.
    fn finish(
        &self,
        y: &Series,
        prepared: &Prepared,
        found: Vec<Option<search::Found>>,
    ) -> Result<Box<dyn Fitted>, FitError> {
        let Prepared { forms, m, grid, scale, values } = prepared;
        let mut best: Option<FittedEts> = None;
        for (form, found) in forms.iter().zip(found).filter_map(|(form, found)| Some((form, found?))) {
            let one = FittedEts::new(*form, found, values, *scale, prepared.season_length(*form));
            let better = |best: &FittedEts| one.rank() < best.rank();
            if best.as_ref().is_none_or(better) {
                best = Some(one);
            }
        }
        let mut core = best.ok_or_else(|| {
            let model = self.name_with(self.form, Some(*m).filter(|m| *m > 1));
            FitError::NoFit { model, reason: "no form has a finite likelihood".into() }
        })?;
        let errors = core.run(values);
        Ok(Box::new(Gridded::new(core, y, grid, &errors, *m)))
    }
}

impl Given {
    fn states(&self, form: Form, scale: f64) -> Option<States> {
        let [alpha, beta, gamma, phi] = self.parameters;
        let seasonal = form.season != Part::None;
        if seasonal == self.season.is_empty() || !self.level.is_finite() {
            return None;
        }
        let by = |part, value: f64| if part == Part::Additive { value / scale } else { value };
        let season = if seasonal { self.season.iter().map(|s| by(form.season, *s)).collect() } else { vec![0.0] };
        Some(States {
            alpha,
            beta: if form.trend == Part::None { 0.0 } else { beta },
            gamma: if seasonal { gamma } else { 0.0 },
            phi: if form.damped { phi } else { 1.0 },
            level: self.level / scale,
            trend: by(form.trend, self.trend),
            season,
        })
    }
}

/// Exponential smoothing at the end of a sequence.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct FittedEts {
    form: Form,
    season_length: usize,
    /// Power of two that values and states inside are divided by.
    scale: f64,
    /// alpha, beta, gamma, phi.
    parameters: [f64; 4],
    level: f64,
    trend: f64,
    season: Vec<f64>,
    /// Position in the season of the next value.
    slot: usize,
    /// Variance of the errors, relative ones or scaled.
    sigma2: f64,
    criteria: Criteria,
    /// Errors, for simulation.
    errors: Vec<f64>,
}

/// Weight and start of simple exponential smoothing of largest likelihood; at least two values, scaled to about 1.
pub(super) fn simple_smoothing(y: &[f64]) -> Option<(f64, f64)> {
    let form = Form { relative_errors: false, trend: Part::None, damped: false, season: Part::None };
    search::search(form, y, 1).map(|found| (found.start.alpha, found.start.level))
}

/// A stored fit.
pub(super) fn restore(state: &FittedState) -> Result<Box<dyn Fitted>, RestoreError> {
    super::gridded::restore::<FittedEts>(state)
}

impl FittedEts {
    fn new(form: Form, found: search::Found, values: &[f64], scale: f64, season_length: usize) -> Self {
        let n = values.len() as f64;
        let start = found.start;
        let k = form.parameters(season_length) as f64;
        // Values were divided by the scale: each of n densities by it.
        let log_likelihood = -0.5 * found.lik - n * libm::log(scale) + 0.5 * n * (libm::log(n) - 1.0 - LN_2_PI);
        let np = k + 1.0;
        let aicc =
            (n - np - 1.0 > 0.0).then(|| -2.0 * log_likelihood + 2.0 * np + 2.0 * np * (np + 1.0) / (n - np - 1.0));
        let criteria = Criteria { n_used: values.len(), log_likelihood: Some(log_likelihood), sse: None, aicc };
        Self {
            form,
            season_length,
            scale,
            parameters: [start.alpha, start.beta, start.gamma, start.phi],
            level: start.level,
            trend: start.trend,
            season: start.season,
            slot: 0,
            sigma2: 0.0,
            criteria,
            errors: Vec::new(),
        }
    }

    /// What forms are chosen by: AICc, and the likelihood where there is none.
    fn rank(&self) -> (bool, f64) {
        match (self.criteria.aicc, self.criteria.log_likelihood) {
            (Some(aicc), _) => (false, aicc),
            (None, Some(log_likelihood)) => (true, -log_likelihood),
            (None, None) => (true, f64::INFINITY),
        }
    }

    /// Runs through the values from the start states; returns absolute one-step errors in the unit of the series.
    fn run(&mut self, values: &[f64]) -> Vec<f64> {
        let mut states = self.states();
        let mut errors = vec![0.0; values.len()];
        run(self.form.kind(), values, &mut states, &mut errors);
        let sum: f64 = errors.iter().map(|e| e * e).sum();
        let free = (values.len() as f64 - self.form.parameters(self.season_length) as f64).max(1.0);
        self.sigma2 = sum / free;
        self.slot = values.len() % self.season_length;
        self.store(states);
        let absolute = |(e, y): (&f64, &f64)| {
            let e = if self.form.relative_errors { y - y / (1.0 + e) } else { *e };
            e * self.scale
        };
        let out: Vec<f64> = errors.iter().zip(values).map(absolute).collect();
        self.errors = errors;
        self.criteria.sse = Some(out.iter().map(|e| e * e).sum::<f64>()).filter(|sse| sse.is_finite());
        out
    }

    fn states(&self) -> States {
        let [alpha, beta, gamma, phi] = self.parameters;
        States { alpha, beta, gamma, phi, level: self.level, trend: self.trend, season: self.season.clone() }
    }

    fn store(&mut self, states: States) {
        (self.level, self.trend, self.season) = (states.level, states.trend, states.season);
    }
}

impl Core for FittedEts {
    fn name(&self) -> String {
        Ets::default().name_with(Some(self.form), Some(self.season_length))
    }

    fn push(&mut self, value: Option<f64>) -> f64 {
        let mut states = self.states();
        let scaled = value.map(|v| v / self.scale);
        let f = step(self.form.kind(), scaled, &mut states, self.slot, &mut 0.0);
        self.slot = (self.slot + 1) % self.season_length;
        let finite =
            states.level.is_finite() && states.trend.is_finite() && states.season.iter().all(|s| s.is_finite());
        let sane = !self.form.needs_positive() || states.level > 0.0;
        // A value that a multiplicative form cannot take, a zero or a spike without end, is passed over.
        if finite && sane {
            self.store(states);
        }
        value.map_or(0.0, |v| v - f * self.scale)
    }

    fn moments(&self, horizon: usize) -> Vec<(f64, f64)> {
        moments::moments(self, horizon)
    }

    fn shapes(&self, horizon: usize) -> Option<Vec<Vec<f64>>> {
        moments::shapes(self, horizon)
    }

    fn parameters(&self) -> BTreeMap<String, f64> {
        let form = self.form;
        let used = [true, form.trend != Part::None, form.season != Part::None, form.damped];
        let names = ["alpha", "beta", "gamma", "phi"];
        let all = names.into_iter().zip(self.parameters).zip(used);
        let mut out: BTreeMap<String, f64> =
            all.filter(|(_, used)| *used).map(|((name, value), _)| (name.into(), value)).collect();
        out.insert("level".into(), self.level * self.scale);
        if form.trend != Part::None {
            let scale = if form.trend == Part::Additive { self.scale } else { 1.0 };
            out.insert("trend".into(), self.trend * scale);
        }
        let unit = if form.relative_errors { 1.0 } else { self.scale * self.scale };
        out.insert("sigma2".into(), self.sigma2 * unit);
        out
    }

    fn criteria(&self) -> Criteria {
        self.criteria
    }
}

#[cfg(test)]
mod tests;
