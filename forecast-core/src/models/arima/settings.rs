//! What a user sets, and how it becomes a fit.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::auto;
use super::design::{Design, Units};
use super::fit::{Effort, Estimate, Likelihood, at_coefficients, estimate_each};
use super::fitted::FittedArima;
use super::order::Order;
use super::polynomial::Coefficients;
use super::start_variance;
use crate::box_cox;
use crate::events;
use crate::model::{FitError, Fitted, Forecaster, Needs};
use crate::season;
use crate::series::Series;

/// Seasonal ARIMA with regressors; the regressors are those of the series.
///
/// `y[t] = x[t]' beta + eta[t]`, `phi(B) Phi(B^m) (1 - B)^d (1 - B^m)^D eta[t] = theta(B) Theta(B^m) e[t]`, e ~ N(0, sigma2), as in
/// R's `arima` (Box & Jenkins 1976, Time Series Analysis). For load with a season and a memory of hours, and where
/// intervals have to follow from a likelihood. A likelihood compares with others only at the same d, D and number of
/// observations. Time grows with the product of length and season, memory with their sum.
///
/// ```
/// use forecast_core::models::{Arima, Order};
/// use forecast_core::{Ahead, Forecaster, Level, Series};
///
/// let load = (0..72).map(|t| 100.0 + f64::from((t % 24) * (t % 5))).collect();
/// let y = Series::new("2026-11-02T00:00:00Z".parse()?, std::time::Duration::from_secs(3600), load)?;
/// let fitted = Arima::new(Order::new(1, 0, 0).seasonal(0, 1, 0, 24)).fit(&y)?;
/// let forecast = fitted.forecast(&Ahead::steps(24), &[Level::new(0.9)?])?;
/// assert_eq!(forecast.horizon(), 24);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arima {
    /// Orders; `None` looks for them.
    pub order: Option<Order>,
    /// Steps of a season for the search; `None` takes [`crate::season::strongest`], 1 none.
    pub season_length: Option<usize>,
    /// Whether there is a constant: a mean without differences, a drift with one; more differences allow none. `None`
    /// takes a mean without differences, and lets a search decide.
    pub constant: Option<bool>,
    /// What is maximized.
    pub likelihood: Likelihood,
    /// How orders are looked for.
    pub search: Search,
    /// Parameter of the Box-Cox transformation, 0 the logarithm; `None` without one. Quantiles are transformed back, so
    /// the point stays the median.
    pub lambda: Option<f64>,
    /// Variance over sigma2 of the values before the first one in the likelihood that is reported: 1e6 as in R, so that
    /// numbers compare; `None` leaves them without any distribution (diffuse), as gaps and long seasons always do.
    pub start_variance: Option<f64>,
    /// Coefficients that are not learned but given, all of them, by R's names: `ar1`, `ma1`, `sar1`, `sma1`,
    /// `intercept`, `drift` and those of regressors. Empty learns them.
    pub given: BTreeMap<String, f64>,
}

impl Default for Arima {
    fn default() -> Self {
        Self {
            order: None,
            season_length: None,
            constant: None,
            likelihood: Likelihood::Exact,
            search: Search::Stepwise,
            lambda: None,
            start_variance: Some(1e6),
            given: BTreeMap::new(),
        }
    }
}

/// Missing values times all values above which only the newest part of a series is learned from.
const MOST_GAPS: usize = 400_000;

/// Series that are learned from side by side: enough to fill all lanes, few enough that what is known of their searches
/// stays in the first levels of cache.
const TOGETHER: usize = 8;

/// How orders are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Search {
    /// From neighbor to neighbor while the criterion falls (Hyndman & Khandakar 2008).
    #[default]
    Stepwise,
    /// All orders with p + q + P + Q up to 5.
    Full,
}

/// A series ready to be fitted: without events, transformed, without missing values at either end.
#[derive(Debug, Clone)]
pub(super) struct Prepared {
    /// Transformed values, gaps filled.
    pub(super) y: Vec<f64>,
    pub(super) observed: Vec<bool>,
    /// Regressors of the user with their names.
    pub(super) names: Vec<String>,
    pub(super) regressors: Vec<Vec<f64>>,
    /// Missing values left out at the start and at the end.
    pub(super) before: usize,
    pub(super) after: usize,
}

impl Arima {
    /// ARIMA of given orders.
    pub fn new(order: Order) -> Self {
        Self { order: Some(order), ..Self::default() }
    }

    /// Transforms, and leaves out what is missing at either end.
    pub(super) fn prepare(&self, plain: &[f64], observed: &[bool], columns: &Columns) -> Result<Prepared, FitError> {
        if let Some((index, &value)) =
            plain.iter().enumerate().find(|(t, v)| self.lambda.is_some() && observed[*t] && **v <= 0.0)
        {
            return Err(FitError::NotPositive { model: self.name(), index, value });
        }
        let after = observed.iter().rev().take_while(|seen| !**seen).count();
        let (mut gaps, mut before) = (0, plain.len() - after);
        // Each missing value is a column: as far back as they stay within bounds.
        for t in (0..plain.len() - after).rev() {
            gaps += usize::from(!observed[t]);
            if gaps * (plain.len() - after - t) > MOST_GAPS {
                break;
            }
            before = if observed[t] { t } else { before };
        }
        let range = before..plain.len() - after;
        let y: Vec<f64> = match self.lambda {
            None => plain[range.clone()].to_vec(),
            Some(lambda) => plain[range.clone()].iter().map(|v| box_cox::transform(*v, lambda)).collect(),
        };
        if let Some(index) = y.iter().position(|v| !v.is_finite()).map(|at| before + at) {
            let reason = format!("the Box-Cox transformation of value {index} is not finite; use another lambda");
            return Err(FitError::NoFit { model: self.name(), reason });
        }
        Ok(Prepared {
            y,
            observed: observed[range.clone()].to_vec(),
            names: columns.names.clone(),
            regressors: columns.values.iter().map(|column| column[range.clone()].to_vec()).collect(),
            before,
            after,
        })
    }

    /// The model with orders and constant decided, and what was learned.
    fn learn(&self, y: &Prepared, season_length: impl FnOnce() -> usize) -> Result<(Self, Units, Estimate), FitError> {
        let Some(order) = self.order else { return auto::search(self, y, season_length()) };
        let (decided, units, design) = self.decided_design(order, y)?;
        let learned = decided.learn_each(&[(y, &units, &design)]).pop().flatten();
        let learned = learned.ok_or_else(|| decided.unfit())?;
        Ok((decided, units, learned))
    }

    /// The model of these orders with its constant decided, and its data.
    fn decided_design(&self, order: Order, y: &Prepared) -> Result<(Self, Units, Design), FitError> {
        let order = Order { season_length: order.season_length.max(1), ..order };
        let decided = Self { order: Some(order), constant: Some(self.constant_of(&order)), ..self.clone() };
        let (units, design) = decided.design(y)?;
        if let Some(lacking) = decided.lacking(y) {
            let reason = format!("the given coefficients lack `{lacking}`; give all or none");
            return Err(FitError::NoFit { model: decided.name(), reason });
        }
        Ok((decided, units, design))
    }

    /// What is learned from data of one shape, side by side; orders are decided.
    fn learn_each(&self, all: &[(&Prepared, &Units, &Design)]) -> Vec<Option<Estimate>> {
        if !self.given.is_empty() {
            return all.iter().map(|(y, units, design)| self.at_given(y, design, units)).collect();
        }
        let tasks: Vec<(&Design, &[Vec<f64>])> = all.iter().map(|(_, _, design)| (*design, &[][..])).collect();
        estimate_each(&tasks, self.likelihood, Effort::Thorough)
    }

    fn unfit(&self) -> FitError {
        FitError::NoFit { model: self.name(), reason: "no stationary coefficients with a finite likelihood".into() }
    }

    /// Whether a model of some orders has a constant.
    fn constant_of(&self, order: &Order) -> bool {
        self.constant.unwrap_or(order.differences() == 0) && order.differences() < 2
    }

    /// The same model with the orders that a fit would choose.
    /// # Errors
    /// As a fit.
    pub(in crate::models) fn decided(&self, y: &Series) -> Result<Self, FitError> {
        if let Some(order) = self.order {
            return Ok(Self { constant: Some(self.constant_of(&order)), ..self.clone() });
        }
        let prepared = self.prepare(y.values(), y.observed(), &Columns::of(y.regressors()))?;
        let season_length = || self.season_length.unwrap_or_else(|| season::strongest(y));
        Ok(self.learn(&prepared, season_length)?.0)
    }

    /// The log-likelihood as it is reported: with a variance for the values before the first, where it can be had.
    pub(super) fn reported(&self, design: &Design, units: &Units, learned: &Estimate) -> Option<f64> {
        let diffuse = learned.log_likelihood?;
        let usable = self.likelihood == Likelihood::Exact && design.gaps.is_empty();
        let variance = self.start_variance.filter(|v| usable && *v > 0.0 && v.is_finite());
        let found = variance.and_then(|v| start_variance::log_likelihood(design, units, learned, v));
        Some(found.unwrap_or(diffuse) - learned.n_used as f64 * libm::log(units.scale))
    }

    /// Names and values of all columns: the constant, then the user's.
    pub(super) fn columns(&self, y: &Prepared) -> (Vec<String>, Vec<Vec<f64>>) {
        let mut names = Vec::new();
        let mut columns = Vec::new();
        let order = self.order.unwrap_or(Order::new(0, 0, 0));
        if self.constant == Some(true) {
            names.push(if order.differences() == 0 { "intercept" } else { "drift" }.into());
            columns.push((0..y.y.len()).map(|t| constant_at(&order, t)).collect());
        }
        names.extend(y.names.iter().cloned());
        columns.extend(y.regressors.iter().cloned());
        (names, columns)
    }

    /// The data of decided orders.
    pub(super) fn design(&self, y: &Prepared) -> Result<(Units, Design), FitError> {
        let order = self.order.unwrap_or(Order::new(0, 0, 0));
        let (_, columns) = self.columns(y);
        let units = Units::of(&y.y, &columns, self.constant == Some(true) || order.differences() > 0);
        let seen = y.observed.iter().filter(|seen| **seen).count();
        let needed = order.lost() + order.coefficients() + columns.len() + 2;
        if seen < needed {
            return Err(FitError::TooShort { model: self.name(), needed, got: seen });
        }
        Ok((units.clone(), self.design_in(y, &units)?))
    }

    /// The same in units that are known.
    pub(super) fn design_in(&self, y: &Prepared, units: &Units) -> Result<Design, FitError> {
        let order = self.order.unwrap_or(Order::new(0, 0, 0));
        let (_, columns) = self.columns(y);
        if y.y.len() <= order.lost() || units.regressors.len() != columns.len() {
            return Err(FitError::TooShort { model: self.name(), needed: order.lost() + 1, got: y.y.len() });
        }
        Ok(Design::new(order, &y.y, &y.observed, &columns, units))
    }

    /// The first coefficient that is not given although others are.
    fn lacking(&self, y: &Prepared) -> Option<String> {
        let order = self.order?;
        let blocks = [("ar", order.p), ("ma", order.q), ("sar", order.seasonal_p), ("sma", order.seasonal_q)];
        let of_blocks = blocks.into_iter().flat_map(|(name, count)| (1..=count).map(move |i| format!("{name}{i}")));
        let mut all = of_blocks.chain(self.columns(y).0);
        all.find(|name| !self.given.is_empty() && !self.given.contains_key(name))
    }

    /// The coefficients of an ARMA process by R's names; `None` if one lacks.
    pub(super) fn coefficients(&self, known: &BTreeMap<String, f64>) -> Option<Coefficients> {
        let block = |name: &str, count: usize| -> Option<Vec<f64>> {
            (1..=count).map(|i| known.get(&format!("{name}{i}")).copied()).collect()
        };
        let order = self.order?;
        Some(Coefficients {
            ar: block("ar", order.p)?,
            ma: block("ma", order.q)?,
            seasonal_ar: block("sar", order.seasonal_p)?,
            seasonal_ma: block("sma", order.seasonal_q)?,
        })
    }

    /// Generalized least squares coefficients of a series' regressors where the orders are decided and those of the ARMA
    /// process known; `None` without a finite likelihood.
    pub(in crate::models) fn columns_at(
        &self,
        y: &Series,
        known: &BTreeMap<String, f64>,
    ) -> Option<BTreeMap<String, f64>> {
        let prepared = self.prepare(y.values(), y.observed(), &Columns::of(y.regressors())).ok()?;
        let (units, design) = self.design(&prepared).ok()?;
        let found = at_coefficients(&design, self.likelihood, &self.coefficients(known)?)?;
        let weights = found.beta.iter().zip(&units.regressors).map(|(beta, unit)| beta / unit * units.scale);
        let names = self.columns(&prepared).0;
        Some(names.into_iter().zip(weights).filter(|(_, weight)| weight.is_finite()).collect())
    }

    fn at_given(&self, y: &Prepared, design: &Design, units: &Units) -> Option<Estimate> {
        let (names, columns) = self.columns(y);
        let order = design.order;
        let coefficients = self.coefficients(&self.given)?;
        // Given regression coefficients: what they explain is taken away, nothing is solved for.
        let beta: Vec<f64> = names.iter().map(|name| self.given.get(name).copied()).collect::<Option<_>>()?;
        let scaled: Vec<f64> = names
            .iter()
            .zip(&beta)
            .zip(&units.regressors)
            .map(|((name, beta), unit)| {
                let centered = if name == "intercept" { beta - units.center } else { *beta };
                centered / units.scale * unit
            })
            .collect();
        let mut rest = y.y.clone();
        for (column, beta) in columns.iter().zip(&beta) {
            rest.iter_mut().zip(column).for_each(|(v, x)| *v -= beta * x);
        }
        let unmoved = Units { center: 0.0, regressors: Vec::new(), ..units.clone() };
        let design = Design::new(order, &rest, &y.observed, &[], &unmoved);
        let found = at_coefficients(&design, self.likelihood, &coefficients)?;
        Some(Estimate { beta: scaled, ..found })
    }

    /// Name in the grammar with decided or open orders.
    fn name_of(&self) -> String {
        match (self.order, self.season_length) {
            (Some(order), _) => format!("arima{order}"),
            (None, Some(season)) => format!("arima[{season}]"),
            (None, None) => "arima".into(),
        }
    }
}

/// The user's regressors by column.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Columns {
    pub(super) names: Vec<String>,
    pub(super) values: Vec<Vec<f64>>,
}

impl Columns {
    pub(super) fn of(regressors: &crate::series::Regressors) -> Self {
        let columns = regressors.values.columns().into_iter();
        Self { names: regressors.names.clone(), values: columns.map(|column| column.to_vec()).collect() }
    }
}

/// The column of the constant at a step: one without differences, else the number of the step.
pub(super) fn constant_at(order: &Order, t: usize) -> f64 {
    if order.differences() == 0 { 1.0 } else { (t + 1) as f64 }
}

impl Forecaster for Arima {
    fn name(&self) -> String {
        self.name_of()
    }

    fn needs(&self) -> Needs {
        let observations = self.order.map_or(3, |order| order.lost() + order.coefficients() + 2);
        Needs { observations, positive: self.lambda.is_some() }
    }

    fn supports_missing(&self) -> bool {
        true
    }

    fn fit(&self, y: &Series) -> Result<Box<dyn Fitted>, FitError> {
        let ready = self.ready(y)?;
        let season_length = || self.season_length.unwrap_or_else(|| season::strongest(y));
        let (decided, units, learned) = self.learn(&ready.prepared, season_length)?;
        Ok(Box::new(FittedArima::new(decided, y, &ready.plain, ready.columns, units, learned)?))
    }

    fn fit_all(&self, panel: &[Series]) -> Vec<Result<Box<dyn Fitted>, FitError>> {
        let Some(order) = self.order else { return panel.iter().map(|y| self.fit(y)).collect() };
        let ready: Vec<Result<_, FitError>> = panel
            .iter()
            .map(|y| {
                let ready = self.ready(y)?;
                let designed = self.decided_design(order, &ready.prepared)?;
                Ok((ready, designed))
            })
            .collect();
        // Data of one shape run in lanes.
        let mut alike: BTreeMap<[usize; 3], Vec<usize>> = BTreeMap::new();
        for (at, one) in ready.iter().enumerate() {
            if let Ok((_, (_, _, design))) = one {
                alike.entry([design.w.len(), design.columns.len(), design.gaps.len()]).or_default().push(at);
            }
        }
        let mut learned: Vec<Option<Estimate>> = vec![None; panel.len()];
        for places in alike.values().flat_map(|places| places.chunks(TOGETHER)) {
            let some: Vec<_> = places.iter().filter_map(|at| ready[*at].as_ref().ok()).collect();
            let Some((_, (decided, _, _))) = some.first() else { continue };
            let data: Vec<_> =
                some.iter().map(|(ready, (_, units, design))| (&ready.prepared, units, design)).collect();
            for (at, one) in places.iter().zip(decided.learn_each(&data)) {
                learned[*at] = one;
            }
        }
        let all = panel.iter().zip(ready).zip(learned);
        all.map(|((y, ready), learned)| {
            let (ready, (decided, units, _)) = ready?;
            let learned = learned.ok_or_else(|| decided.unfit())?;
            let fitted = FittedArima::new(decided, y, &ready.plain, ready.columns, units, learned)?;
            Ok(Box::new(fitted) as Box<dyn Fitted>)
        })
        .collect()
    }
}

/// A series without events, its regressors, and what of it is learned from.
struct Ready {
    plain: Series,
    columns: Columns,
    prepared: Prepared,
}

impl Arima {
    fn ready(&self, y: &Series) -> Result<Ready, FitError> {
        // The regressors are kept beside it.
        let plain = events::without_events(y).without_regressors();
        let columns = Columns::of(y.regressors());
        let prepared = self.prepare(plain.values(), plain.observed(), &columns)?;
        if columns.values.iter().flatten().any(|x| !x.is_finite()) {
            let reason = "a regressor has a value that is not finite".into();
            return Err(FitError::NoFit { model: self.name(), reason });
        }
        Ok(Ready { plain, columns, prepared })
    }
}
