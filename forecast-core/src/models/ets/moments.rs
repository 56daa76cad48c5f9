//! Forecasts of exponential smoothing: medians, variances where a formula is known, simulated quantiles elsewhere.
//!
//! Source: Hyndman et al. (2008), chapter 6: class 1 (absolute errors, additive parts), class 2 (relative errors) and
//! class 3 (relative errors, multiplicative season; exact up to one season ahead, further on with equation 6.5).

use super::{FittedEts, Part};
use crate::kernels::ets::step;
use crate::paths::Dice;

/// Simulated courses of forms without a formula.
const COURSES: usize = 1000;

/// Point forecasts and standard deviations, in the unit of the series.
pub(super) fn moments(fit: &FittedEts, horizon: usize) -> Vec<(f64, f64)> {
    let points = points(fit, horizon);
    let variances = variances(fit, horizon, &points);
    let each = points.iter().zip(variances);
    each.map(|(point, variance)| (point.0 * point.1 * fit.scale + point.2 * fit.scale, variance.sqrt() * fit.scale))
        .collect()
}

/// What is multiplied and what is added: level with trend, multiplicative season, additive season.
fn points(fit: &FittedEts, horizon: usize) -> Vec<(f64, f64, f64)> {
    let phi = fit.parameters[3];
    let (mut level, mut trend) = (fit.level, fit.trend);
    (0..horizon)
        .map(|k| {
            match fit.form.trend {
                Part::None => {}
                Part::Additive => {
                    trend *= phi;
                    level += trend;
                }
                Part::Multiplicative => {
                    trend = if fit.form.damped { libm::pow(trend, phi) } else { trend };
                    level *= trend;
                }
            }
            let s = fit.season[(fit.slot + k) % fit.season.len()];
            match fit.form.season {
                Part::None => (level, 1.0, 0.0),
                Part::Additive => (level, 1.0, s),
                Part::Multiplicative => (level, s, 0.0),
            }
        })
        .collect()
}

/// How an error now moves the forecast j steps later, j from 1; without the season.
fn level_responses(fit: &FittedEts, horizon: usize) -> Vec<f64> {
    let [alpha, beta, _, phi] = fit.parameters;
    let (mut damping, mut reach) = (1.0, 0.0);
    (0..horizon)
        .map(|_| {
            damping *= phi;
            reach += damping;
            if fit.form.trend == Part::None { alpha } else { alpha + beta * reach }
        })
        .collect()
}

/// Variances over the squared scale.
fn variances(fit: &FittedEts, horizon: usize, points: &[(f64, f64, f64)]) -> Vec<f64> {
    let (m, gamma, sigma2) = (fit.season_length, fit.parameters[2], fit.sigma2);
    let mut responses = level_responses(fit, horizon);
    let additive_season = fit.form.season == Part::Additive;
    if additive_season {
        for j in (m - 1..horizon).step_by(m) {
            responses[j] += gamma;
        }
    }
    if !fit.form.relative_errors && fit.form.season != Part::Multiplicative {
        let mut sum = 1.0;
        return (0..horizon)
            .map(|k| {
                let variance = sigma2 * sum;
                sum += responses[k] * responses[k];
                variance
            })
            .collect();
    }
    // Theta of equation 6.3: the second moment of the part that errors move.
    let mut theta: Vec<f64> = Vec::with_capacity(horizon);
    let mut out = Vec::with_capacity(horizon);
    for (k, (level, by_season, additive)) in points.iter().enumerate() {
        let mean = level + additive;
        let moved: f64 = (1..=k).map(|j| responses[j - 1] * responses[j - 1] * theta[k - j]).sum();
        theta.push(mean * mean + sigma2 * moved);
        let seasons = if fit.form.season == Part::Multiplicative { k / m } else { 0 };
        let growth: f64 = (0..seasons).map(|_| 1.0 + gamma * gamma * sigma2).product();
        let variance = by_season * by_season * ((1.0 + sigma2) * growth * theta[k] - mean * mean);
        out.push(variance.max(0.0));
    }
    out
}

/// Simulated quantiles around the point, for forms whose variance has no formula.
pub(super) fn shapes(fit: &FittedEts, horizon: usize) -> Option<Vec<Vec<f64>>> {
    let known =
        fit.form.trend != Part::Multiplicative && (fit.form.relative_errors || fit.form.season != Part::Multiplicative);
    if known || fit.errors.is_empty() {
        return None;
    }
    let points = points(fit, horizon);
    let mut all = vec![Vec::with_capacity(COURSES); horizon];
    let mut dice = Dice::new(1);
    for _ in 0..COURSES {
        let mut states = fit.states();
        let mut slot = fit.slot;
        for (k, out) in all.iter_mut().enumerate() {
            let mut look = states.clone();
            let f = step(fit.form.kind(), None, &mut look, slot, &mut 0.0);
            let e = fit.errors[dice.below(fit.errors.len())];
            let y = if fit.form.relative_errors { f * (1.0 + e) } else { f + e };
            step(fit.form.kind(), Some(y), &mut states, slot, &mut 0.0);
            slot = (slot + 1) % fit.season_length;
            let (level, by_season, additive) = points[k];
            out.push(crate::math::finite((y - level * by_season - additive) * fit.scale));
        }
    }
    for one in &mut all {
        one.sort_unstable_by(f64::total_cmp);
    }
    Some(all)
}
