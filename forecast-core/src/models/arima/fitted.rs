//! An ARIMA model at the end of a series: forecasts, courses, updates, stored form.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::design::Units;
use super::fit::{Estimate, Likelihood};
use super::order::Order;
use super::outlook::Outlook;
use super::polynomial::Coefficients;
use super::settings::{Arima, Columns, Prepared, constant_at};
use crate::box_cox;
use crate::calendar::Calendar;
use crate::events;
use crate::forecast::{Forecast, Level, Paths};
use crate::math::{finite, floored, normal_quantile};
use crate::model::{Ahead, FitError, Fitted, FittedState, ForecastError, Forecaster, RestoreError, UpdateError};
use crate::series::{Regressors, Series, SeriesError};

/// What was learned and what it was learned from.
#[derive(Debug, Clone)]
pub(super) struct FittedArima {
    stored: Stored,
    calendar: Arc<Calendar>,
    outlook: Outlook,
    residuals: Vec<f64>,
    /// Steps at the start and missing values at the end that the outlook leaves out.
    before: usize,
    after: usize,
}

/// What is stored of it: the data and the coefficients, from which the rest follows.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stored {
    settings: Arima,
    coefficients: Coefficients,
    /// Coefficients of the columns, in the unit of the scaled data.
    beta: Vec<f64>,
    units: Units,
    /// Variance of the innovations over the squared scale, for degrees of freedom.
    sigma2: f64,
    sse: f64,
    log_likelihood: Option<f64>,
    n_used: usize,
    /// Standard errors; none stored for `NaN`.
    errors: Vec<Option<f64>>,
    /// Values without events.
    y: Series,
    columns: Columns,
}

impl FittedArima {
    /// `plain` is `y` without events; `settings` has orders and constant decided.
    pub(super) fn new(
        settings: Arima,
        y: &Series,
        plain: &Series,
        columns: Columns,
        units: Units,
        learned: Estimate,
    ) -> Result<Self, FitError> {
        let model = settings.name();
        let parameters = learned.coefficients.named().count() + learned.beta.len();
        let degrees = learned.n_used.saturating_sub(parameters).max(1) as f64;
        let log_likelihood = settings
            .prepare(plain.values(), plain.observed(), &columns)
            .and_then(|prepared| settings.design_in(&prepared, &units))
            .ok()
            .and_then(|design| settings.reported(&design, &units, &learned));
        let stored = Stored {
            settings,
            sigma2: learned.sse / degrees,
            sse: learned.sse,
            log_likelihood,
            n_used: learned.n_used,
            errors: learned.errors.iter().map(|e| Some(*e).filter(|e| e.is_finite())).collect(),
            coefficients: learned.coefficients,
            beta: learned.beta,
            units,
            y: plain.clone(),
            columns,
        };
        let reason = "its recursions are not finite".into();
        Self::build(stored, Arc::clone(y.calendar())).ok_or(FitError::NoFit { model, reason })
    }

    /// Runs the recursions over all that was taken in.
    fn build(stored: Stored, calendar: Arc<Calendar>) -> Option<Self> {
        let y = &stored.y;
        let prepared = stored.settings.prepare(y.values(), y.observed(), &stored.columns).ok()?;
        let design = stored.settings.design_in(&prepared, &stored.units).ok()?;
        let outlook = Outlook::new(&design, &stored.coefficients, &stored.beta)?;
        let residuals = residuals(&prepared, &stored, outlook.innovations());
        Some(Self { stored, calendar, outlook, residuals, before: prepared.before, after: prepared.after })
    }

    /// Mean and standard deviation of each lead, on the transformed scale.
    fn moments(&self, ahead: &Ahead) -> Result<Vec<(f64, f64)>, ForecastError> {
        if ahead.horizon == 0 {
            return Err(ForecastError::NoHorizon);
        }
        let explained = self.stored.explained(ahead, self.before)?;
        let horizon = ahead.horizon + self.after;
        let means = self.outlook.means(horizon).split_off(self.after);
        let variances = self.outlook.variances(horizon).split_off(self.after);
        let units = &self.stored.units;
        let mean = |eta: f64, x: f64| finite((eta + x) * units.scale + units.center);
        let deviation = |variance: f64| finite((self.stored.sigma2 * variance).max(0.0).sqrt() * units.scale);
        let all = means.iter().zip(&explained).zip(&variances);
        Ok(all.map(|((eta, x), variance)| (mean(*eta, *x), deviation(*variance))).collect())
    }

    /// From the transformed scale to the unit of the series, times the factor of events.
    fn back(&self, x: f64, factor: f64) -> f64 {
        let value = match self.stored.settings.lambda {
            Some(lambda) => box_cox::inverse(x, lambda),
            None => x,
        };
        finite(value * factor)
    }

    fn factors(&self, ahead: &Ahead) -> Vec<f64> {
        let y = &self.stored.y;
        events::factors(ahead, &self.calendar, y.end(), y.step()).unwrap_or_else(|| vec![1.0; ahead.horizon])
    }

    /// Whether negative values were seen: without any, no quantile falls below zero.
    fn negative(&self) -> bool {
        self.stored.y.may_be_negative()
    }
}

impl Stored {
    fn order(&self) -> Order {
        self.settings.order.unwrap_or(Order::new(0, 0, 0))
    }

    /// Names of the columns: the constant, then the user's regressors.
    fn names(&self) -> Vec<String> {
        let constant = if self.order().differences() == 0 { "intercept" } else { "drift" };
        let constant = (self.settings.constant == Some(true)).then(|| constant.to_owned());
        constant.into_iter().chain(self.columns.names.iter().cloned()).collect()
    }

    /// What the columns explain of the next steps, scaled; the constant counts steps from `before` on.
    fn explained(&self, ahead: &Ahead, before: usize) -> Result<Vec<f64>, ForecastError> {
        let mut out = vec![0.0; ahead.horizon];
        let mut weights = self.beta.iter().zip(&self.units.regressors).map(|(beta, unit)| beta / unit);
        if self.settings.constant == Some(true)
            && let Some(weight) = weights.next()
        {
            let order = self.order();
            for (k, value) in out.iter_mut().enumerate() {
                *value += weight * constant_at(&order, self.y.len() - before + k);
            }
        }
        for (name, weight) in self.columns.names.iter().zip(weights) {
            let future = future(&ahead.regressors, name, ahead.horizon)
                .ok_or_else(|| ForecastError::Regressor { name: name.clone(), needed: ahead.horizon })?;
            out.iter_mut().zip(future).for_each(|(value, x)| *value += weight * x);
        }
        Ok(out)
    }

    /// Coefficients of the columns in the unit of the series.
    fn beta(&self) -> impl Iterator<Item = (String, f64)> + '_ {
        self.names().into_iter().zip(&self.beta).zip(&self.units.regressors).map(|((name, beta), unit)| {
            let center = if name == "intercept" { self.units.center } else { 0.0 };
            (name, finite(beta / unit * self.units.scale + center))
        })
    }
}

/// Future values of one regressor, finite and as many as there are steps.
fn future(regressors: &Regressors, name: &str, horizon: usize) -> Option<Vec<f64>> {
    let at = regressors.names.iter().position(|known| known == name)?;
    let column = (at < regressors.values.ncols()).then(|| regressors.values.column(at).to_vec())?;
    (column.len() >= horizon && column.iter().all(|x| x.is_finite())).then_some(column)
}

/// Innovations at the steps that were observed, zero elsewhere.
fn residuals(prepared: &Prepared, stored: &Stored, innovations: &[f64]) -> Vec<f64> {
    let mut out = vec![0.0; stored.y.len()];
    let first = prepared.y.len() - innovations.len();
    for (i, v) in innovations.iter().enumerate() {
        if prepared.observed[first + i] {
            out[prepared.before + first + i] = finite(v * stored.units.scale);
        }
    }
    out
}

/// A stored fit.
pub(in crate::models) fn restore(state: &FittedState) -> Result<Box<dyn Fitted>, RestoreError> {
    let stored: Stored = state.read()?;
    let refused = |reason: &str| RestoreError::State { model: state.model.clone(), reason: reason.into() };
    let (order, columns) = (stored.order(), &stored.columns);
    let shapes = [
        (stored.coefficients.ar.len(), order.p),
        (stored.coefficients.ma.len(), order.q),
        (stored.coefficients.seasonal_ar.len(), order.seasonal_p),
        (stored.coefficients.seasonal_ma.len(), order.seasonal_q),
        (stored.beta.len(), stored.names().len()),
        (stored.units.regressors.len(), stored.names().len()),
        (columns.values.len(), columns.names.len()),
    ];
    let regular = order.season_length > 0 && stored.units.scale.is_normal();
    if !regular || shapes.iter().any(|(found, expected)| found != expected) {
        return Err(refused("its coefficients do not belong to its orders"));
    }
    if columns.values.iter().any(|column| column.len() != stored.y.len()) || stored.y.len() <= order.lost() {
        return Err(refused("its series and regressors do not belong together"));
    }
    let calendar = Arc::clone(stored.y.calendar());
    let fitted = FittedArima::build(stored, calendar).ok_or_else(|| refused("its recursions are not finite"))?;
    Ok(Box::new(fitted))
}

impl Fitted for FittedArima {
    fn name(&self) -> String {
        self.stored.settings.name()
    }

    fn forecast(&self, ahead: &Ahead, levels: &[Level]) -> Result<Forecast, ForecastError> {
        let moments = self.moments(ahead)?;
        let factors = self.factors(ahead);
        let negative = self.negative();
        let point = moments.iter().zip(&factors);
        let point = point.map(|((mean, _), factor)| floored(self.back(*mean, *factor), negative)).collect();
        let y = &self.stored.y;
        Ok(Forecast::from_quantiles(y.end(), y.step(), point, levels, |k, p| {
            let (mean, deviation) = moments[k];
            let raw = self.back(finite(mean + deviation * normal_quantile(p)), factors[k]);
            floored(raw, negative)
        }))
    }

    fn paths(&self, ahead: &Ahead, n: usize, seed: u64) -> Result<Paths, ForecastError> {
        let moments = self.moments(ahead)?;
        let factors = self.factors(ahead);
        let sigma = self.stored.sigma2.max(0.0).sqrt() * self.stored.units.scale;
        let negative = self.negative();
        let courses = self.outlook.courses(ahead.horizon + self.after, n, seed);
        let mut values = ndarray::Array2::zeros((n, ahead.horizon));
        for (mut row, course) in values.rows_mut().into_iter().zip(&courses) {
            for (k, cell) in row.iter_mut().enumerate() {
                let raw = self.back(finite(moments[k].0 + sigma * course[self.after + k]), factors[k]);
                *cell = floored(raw, negative);
            }
        }
        Ok(Paths { start: self.stored.y.end(), step: self.stored.y.step(), values })
    }

    fn update(&mut self, new: &Series) -> Result<(), UpdateError> {
        let mut stored = self.stored.clone();
        stored.y.check_follows(stored.y.len(), new)?;
        let plain = events::without_events(&new.clone().with_calendar_of(&self.calendar));
        let offered = Columns::of(new.regressors());
        for (name, column) in stored.columns.names.iter().zip(&mut stored.columns.values) {
            let given = offered.names.iter().position(|known| known == name).map(|at| &offered.values[at]);
            let given = given.filter(|given| given.iter().all(|x| x.is_finite())).ok_or_else(|| {
                SeriesError::Length { what: format!("regressor `{name}`"), got: 0, expected: new.len() }
            })?;
            column.extend_from_slice(given);
        }
        let (mut values, mut observed) = (plain.values().to_vec(), plain.observed().to_vec());
        if stored.settings.lambda.is_some() {
            // What has no logarithm cannot be taken in: it counts as not observed.
            for (value, seen) in values.iter_mut().zip(&mut observed) {
                if *value <= 0.0 {
                    (*value, *seen) = (stored.y.values().iter().copied().fold(f64::MIN_POSITIVE, f64::max), false);
                }
            }
        }
        stored.y.append(&plain.with_values(values, observed))?;
        let model = Fitted::name(self);
        *self = Self::build(stored, Arc::clone(&self.calendar)).ok_or(UpdateError::NotTaken { model })?;
        Ok(())
    }

    fn state(&self) -> FittedState {
        FittedState::new(Fitted::name(self), &self.stored)
    }

    fn residuals(&self) -> &[f64] {
        &self.residuals
    }

    fn parameters(&self) -> BTreeMap<String, f64> {
        let stored = &self.stored;
        let mut out: BTreeMap<String, f64> = stored.coefficients.named().collect();
        for ((name, _), error) in stored.coefficients.named().zip(&stored.errors) {
            out.extend(error.map(|error| (format!("se({name})"), error)));
        }
        out.extend(stored.beta());
        out.insert("sigma2".into(), finite(stored.sigma2 * stored.units.scale * stored.units.scale));
        out
    }

    fn log_likelihood(&self) -> Option<f64> {
        self.stored.log_likelihood
    }

    fn n_used(&self) -> usize {
        self.stored.n_used
    }

    fn sse(&self) -> Option<f64> {
        let scale = self.stored.units.scale;
        let sse = self.stored.sse * scale * scale;
        Some(sse).filter(|sse| self.stored.settings.likelihood == Likelihood::Css && sse.is_finite())
    }

    fn aicc(&self) -> Option<f64> {
        let parameters = self.stored.coefficients.named().count() + self.stored.beta.len() + 1;
        criterion(self.stored.log_likelihood?, parameters, self.stored.n_used)
    }

    fn differences(&self) -> Option<(usize, usize)> {
        let order = self.stored.order();
        Some((order.d, order.seasonal_d))
    }

    fn likelihood(&self) -> Option<&'static str> {
        Some(self.stored.settings.likelihood.name())
    }
}

/// Corrected information criterion of Akaike; none with too few observations.
pub(in crate::models) fn criterion(log_likelihood: f64, parameters: usize, n_used: usize) -> Option<f64> {
    let rest = n_used.checked_sub(parameters + 1).filter(|rest| *rest > 0)? as f64;
    let k = parameters as f64;
    Some(-2.0 * log_likelihood + 2.0 * k + 2.0 * k * (k + 1.0) / rest)
}
