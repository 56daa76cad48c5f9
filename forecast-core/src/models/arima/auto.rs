//! Orders found by themselves: differences by tests, the rest by the corrected criterion of Akaike.
//!
//! Source: Hyndman & Khandakar (2008), Journal of Statistical Software 27(3). Each candidate is fitted by exact maximum
//! likelihood, unless series and season are so long that the conditional one has to rank them; the chosen one is fitted
//! exactly. Nearly non-invertible moving averages stay allowed: an exact likelihood is sound there, and a fixed season
//! leads there. With more than a few missing values candidates are ranked on the filled series; the chosen one is fitted
//! without them.

use std::collections::BTreeMap;

use super::design::Units;
use super::fit::{Effort, Estimate, Likelihood, estimate};
use super::fitted::criterion;
use super::order::Order;
use super::polynomial::{Coefficients, partial_autocorrelations};
use super::regression::least_squares;
use super::settings::{Arima, Prepared, Search};
use super::unit_root::{differences, rejects_unit_root, seasonal_differences};
use crate::model::{FitError, Forecaster};

/// Most terms of p and q, and of P and Q.
const MOST: (usize, usize) = (5, 2);
/// Most terms altogether in a full search.
const MOST_ALTOGETHER: usize = 5;
/// Most differences.
const MOST_DIFFERENCES: usize = 2;
/// Distance from the unit circle that autoregressive roots have to keep.
const CLOSEST_ROOT: f64 = 1.002;
/// Values times states above which candidates are ranked by the conditional likelihood.
const LARGE: usize = 400_000;
/// Missing values at most that candidates are ranked without; with more, values of the day before stand for them.
const MOST_SEARCHED_GAPS: usize = 4;
/// Most candidates that a stepwise search fits.
const MOST_CANDIDATES: usize = 120;

/// p, q, P, Q and whether there is a constant.
type Key = (usize, usize, usize, usize, bool);

/// A candidate that was fitted.
#[derive(Debug, Clone)]
struct Candidate {
    settings: Arima,
    criterion: f64,
    coefficients: Coefficients,
}

/// The chosen model and its fit.
pub(super) fn search(
    settings: &Arima,
    y: &Prepared,
    season_length: usize,
) -> Result<(Arima, Units, Estimate), FitError> {
    // Each missing value is one more column of each likelihood: many would make a search take minutes.
    let filled = (y.observed.iter().filter(|seen| !**seen).count() > MOST_SEARCHED_GAPS)
        .then(|| Prepared { observed: vec![true; y.observed.len()], ..y.clone() });
    let mut search = Searching::new(settings, filled.as_ref().unwrap_or(y), season_length);
    match settings.search {
        Search::Stepwise => search.stepwise(),
        Search::Full => search.all(),
    }
    // The best by the criterion that also has a fit by the likelihood asked for.
    let mut ranked: Vec<Candidate> = search.known.into_values().flatten().collect();
    ranked.sort_by(|a, b| a.criterion.total_cmp(&b.criterion));
    for candidate in ranked.into_iter().take(3) {
        let (units, design) = candidate.settings.design(y)?;
        let start = candidate.coefficients.to_free();
        if let Some(found) = estimate(&design, settings.likelihood, &[start], Effort::Thorough) {
            return Ok((candidate.settings, units, found));
        }
    }
    // Too short for any choice: differences alone, or a mean.
    let fallback =
        Arima { order: Some(search.base), constant: Some(search.base.differences() == 0), ..settings.clone() };
    let (units, design) = fallback.design(y)?;
    let reason = "no candidate has a finite likelihood".into();
    let found = estimate(&design, settings.likelihood, &[], Effort::Thorough)
        .ok_or_else(|| FitError::NoFit { model: settings.name(), reason })?;
    Ok((fallback, units, found))
}

struct Searching<'a> {
    settings: &'a Arima,
    y: &'a Prepared,
    /// Differences and season, without terms.
    base: Order,
    /// Most p and q, most P and Q.
    most: (usize, usize),
    constants: Vec<bool>,
    known: BTreeMap<Key, Option<Candidate>>,
}

impl<'a> Searching<'a> {
    fn new(settings: &'a Arima, y: &'a Prepared, season_length: usize) -> Self {
        let n = y.y.len();
        let m = if season_length > 1 && n > 2 * season_length { season_length } else { 1 };
        let rest = unexplained(y);
        let seasonal_d = if m > 1 { seasonal_differences(&rest, m) } else { 0 };
        let mut differenced: Vec<f64> = rest;
        if seasonal_d > 0 {
            differenced = (m..n).map(|t| differenced[t] - differenced[t - m]).collect();
        }
        let mut d = differences(&differenced, MOST_DIFFERENCES);
        // Two differences are rarely right: they have to pass the other test, too.
        let once: Vec<f64> = differenced.windows(2).map(|pair| pair[1] - pair[0]).collect();
        if d == 2 && rejects_unit_root(&once, None) {
            d = 1;
        }
        let base = Order::new(0, d, 0).seasonal(0, seasonal_d, 0, m);
        let allowed = base.differences() < 2;
        let constants = match settings.constant {
            Some(constant) => vec![constant && allowed],
            None if allowed => vec![true, false],
            None => vec![false],
        };
        let most = (MOST.0.min(n / 3), if m > 1 { MOST.1.min(n / 3 / m) } else { 0 });
        Self { settings, y, base, most, constants, known: BTreeMap::new() }
    }

    /// The candidate of a key, fitted once.
    fn get(&mut self, key: Key, near: Option<&Candidate>) -> Option<Candidate> {
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let found = self.fit(key, near);
        self.known.insert(key, found.clone());
        found
    }

    fn fit(&self, (p, q, seasonal_p, seasonal_q, constant): Key, near: Option<&Candidate>) -> Option<Candidate> {
        let order = Order { p, q, seasonal_p, seasonal_q, ..self.base };
        let settings = Arima { order: Some(order), constant: Some(constant), ..self.settings.clone() };
        let (units, design) = settings.design(self.y).ok()?;
        let large = design.w.len() * order.states() * (1 + design.columns.len()) > LARGE;
        let kind = if large { Likelihood::Css } else { self.settings.likelihood };
        let starts: Vec<Vec<f64>> = near.map(|near| near.coefficients.resized(&order).to_free()).into_iter().collect();
        let found = estimate(&design, kind, &starts, Effort::Quick)?;
        let parameters = order.coefficients() + found.beta.len() + 1;
        let criterion = match found.log_likelihood {
            Some(log_likelihood) => {
                // With a constant values are centered, and the unit is another.
                let in_one_unit = log_likelihood - found.n_used as f64 * libm::log(units.scale);
                criterion(in_one_unit, parameters, found.n_used)?
            }
            // Everything is explained: the fewer terms the better.
            None => f64::MIN + parameters as f64 * (f64::MAX * f64::EPSILON),
        };
        let kept =
            keeps_off_the_circle(&found.coefficients.ar) && keeps_off_the_circle(&found.coefficients.seasonal_ar);
        (kept && criterion.is_finite()).then_some(Candidate { settings, criterion, coefficients: found.coefficients })
    }

    /// All orders of up to [`MOST_ALTOGETHER`] terms.
    fn all(&mut self) {
        let (most, seasonal) = self.most;
        for p in 0..=most {
            for q in 0..=most {
                for seasonal_p in 0..=seasonal {
                    for seasonal_q in 0..=seasonal {
                        if p + q + seasonal_p + seasonal_q <= MOST_ALTOGETHER {
                            for constant in self.constants.clone() {
                                self.get((p, q, seasonal_p, seasonal_q, constant), None);
                            }
                        }
                    }
                }
            }
        }
    }

    fn stepwise(&mut self) {
        let seasonal = |terms: usize| terms.min(self.most.1);
        let short = |terms: usize| terms.min(self.most.0);
        let constant = self.constants[0];
        let starts = [
            (short(2), short(2), seasonal(1), seasonal(1), constant),
            (0, 0, 0, 0, constant),
            (short(1), 0, seasonal(1), 0, constant),
            (0, short(1), 0, seasonal(1), constant),
            (0, 0, 0, 0, self.constants.last().copied().unwrap_or(constant)),
        ];
        let mut best: Option<(Key, Candidate)> = None;
        for key in starts {
            if let Some(found) = self.get(key, None)
                && best.as_ref().is_none_or(|(_, best)| found.criterion < best.criterion)
            {
                best = Some((key, found));
            }
        }
        let Some((mut at, mut best)) = best else { return };
        loop {
            let mut better: Option<(Key, Candidate)> = None;
            for key in self.neighbors(at) {
                if self.known.len() >= MOST_CANDIDATES {
                    break;
                }
                if let Some(found) = self.get(key, Some(&best)) {
                    let least = better.as_ref().map_or(best.criterion, |(_, found)| found.criterion);
                    if found.criterion < least {
                        better = Some((key, found));
                    }
                }
            }
            match better {
                Some((key, found)) => (at, best) = (key, found),
                None => return,
            }
        }
    }

    /// Orders one step away: one term more or less, both of a pair, the constant changed.
    fn neighbors(&self, (p, q, seasonal_p, seasonal_q, constant): Key) -> Vec<Key> {
        const STEPS: [(isize, isize); 8] = [(-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (1, 1), (1, -1), (-1, 1)];
        let moved = |a: usize, b: usize, step: (isize, isize), most: usize| {
            let (a, b) = (a.checked_add_signed(step.0)?, b.checked_add_signed(step.1)?);
            (a <= most && b <= most).then_some((a, b))
        };
        let (most, seasonal) = self.most;
        let mut out: Vec<Key> = STEPS
            .iter()
            .filter_map(|step| moved(seasonal_p, seasonal_q, *step, seasonal))
            .map(|(sp, sq)| (p, q, sp, sq, constant))
            .collect();
        let short = STEPS.iter().filter_map(|step| moved(p, q, *step, most));
        out.extend(short.map(|(p, q)| (p, q, seasonal_p, seasonal_q, constant)));
        if self.constants.len() > 1 {
            out.push((p, q, seasonal_p, seasonal_q, !constant));
        }
        out
    }
}

/// Whether all roots of 1 - phi[1] z - ... lie outside a circle of radius [`CLOSEST_ROOT`].
fn keeps_off_the_circle(phi: &[f64]) -> bool {
    let mut power = 1.0;
    let moved: Vec<f64> = phi
        .iter()
        .map(|c| {
            power *= CLOSEST_ROOT;
            c * power
        })
        .collect();
    partial_autocorrelations(&moved).is_some()
}

/// The values less what the regressors explain of them.
fn unexplained(y: &Prepared) -> Vec<f64> {
    if y.regressors.is_empty() {
        return y.y.clone();
    }
    let mut columns = vec![vec![1.0; y.y.len()]];
    columns.extend(y.regressors.iter().cloned());
    least_squares(y.y.clone(), columns).residuals
}
