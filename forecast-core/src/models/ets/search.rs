//! Parameters and start states of largest likelihood.
//!
//! -2 ln L is, up to constants, n ln(sum e^2) + 2 sum ln |f| (the second term for relative errors only), which is
//! n ln(sum (e G)^2) with G the geometric mean of |f|: a problem of least squares, over parameters alone where errors
//! are linear in the start states ([`super::linear`]), over both elsewhere ([`super::general`]). Smoothing parameters stay
//! in the usual region 0 < beta < alpha < 1, 0 < gamma < 1 - alpha, 0.8 < phi < 0.98, as in R's `ets`.

use super::form::Form;
use super::general::Likelihood;
use super::linear::Concentrated;
use super::normal::LONGEST_WHOLE;
use super::wide;
use crate::kernels::ets::{Part, States, run};
use crate::kernels::wide::WIDE;
use crate::models::least_squares::{self, Problem, Stop};
use crate::models::smoothing_fit;

/// Number of parameters: alpha, beta, gamma, phi.
pub(super) const PARAMETERS: usize = 4;
/// Distance of the smoothing parameters from the edge of their region, as in R.
pub(super) const EDGE: f64 = 1e-4;
/// Bounds of phi, as in R.
const PHI: (f64, f64) = (0.8, 0.98);
/// Starting points: alpha, and shares of the region for beta, gamma and phi.
pub(super) const STARTS: [[f64; PARAMETERS]; 4] =
    [[0.25, 0.1, 0.05, 0.95], [0.7, 0.05, 0.1, 0.9], [0.05, 0.3, 0.5, 0.7], [0.98, 0.02, 0.5, 0.5]];
/// One more for a trend, where trying costs little: hardly any turn.
pub(super) const STEADY: [f64; PARAMETERS] = [0.4, 0.03, 0.4, 0.1];
/// The best of these is another: a slow turn, by a level and a trend that learn alike. Its valleys are narrow.
pub(super) const TURNS: [[f64; PARAMETERS]; 6] = [
    [0.003, 0.99, 0.1, 0.95],
    [0.006, 0.99, 0.1, 0.95],
    [0.012, 0.99, 0.1, 0.95],
    [0.025, 0.99, 0.1, 0.95],
    [0.012, 0.99, 0.1, 0.5],
    [0.05, 0.99, 0.1, 0.5],
];
/// Starting points that are followed to the end.
const FOLLOWED: usize = 2;
/// The same for a small problem, where that is cheap and optima are many.
const FOLLOWED_SMALL: usize = 4;
/// Unknown numbers and values of a small problem at most.
const SMALL: (usize, usize) = (6, 300);
/// Distance in every parameter within which a start that is no better than an end leads there.
const SAME: f64 = 0.01;
/// Steps that all starting points take.
pub(super) const FIRST: Stop = Stop { iterations: 4, tolerance: 1e-9 };
/// Steps that the followed ones take.
pub(super) const LAST: Stop = Stop { iterations: 60, tolerance: 1e-10 };

/// Parameters and start states, in the unit of the values handed in.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Found {
    pub(super) start: States,
    /// n ln(sum e^2) + 2 sum ln |f|.
    pub(super) lik: f64,
}

/// A problem of least squares whose coordinates begin with alpha, shares of beta and gamma, and phi.
pub(super) trait Searched: Problem {
    /// Parameters and start states at a point.
    fn start(&mut self, at: &[f64]) -> States;
}

/// Bounds of alpha, shares of beta and gamma, and phi; what a form lacks is held.
pub(super) fn bounds(form: Form) -> [(f64, f64); PARAMETERS] {
    let free = |on: bool| if on { (0.0, 1.0) } else { (0.5, 0.5) };
    let trend = form.trend != Part::None;
    let phi = if trend && form.damped { PHI } else { (1.0, 1.0) };
    [(EDGE, 1.0 - EDGE), free(trend), free(form.season != Part::None), phi]
}

/// Finds parameters and start states of a form; `None` if no finite likelihood is found.
///
/// `y`: values, at least 2 m + 2, scaled to about 1; `m`: steps of a season, 1 without one.
pub(super) fn search(form: Form, y: &[f64], m: usize) -> Option<Found> {
    let trend = form.trend != Part::None;
    if !form.is_linear() {
        let states = start_states(form, y, m);
        return best(&mut Likelihood::new(form, y, m), trend, &states, PARAMETERS + states.len(), y.len());
    }
    let (centered, center) = centered(y);
    // Without a season starting points are lanes; with one its columns fill them.
    let mut found = if m == 1 {
        wide::of_starts(form, &centered)?
    } else {
        best(&mut Concentrated::new(form, &centered, m), trend, &[], form.parameters(m), y.len())?
    };
    found.start.level += center;
    Some(found)
}

/// Finds parameters and start states of a form for series of one length; as [`search`] of each, bit for bit.
pub(super) fn search_all(form: Form, panel: &[&[f64]], m: usize) -> Vec<Option<Found>> {
    let mut out = Vec::with_capacity(panel.len());
    for block in panel.chunks(WIDE) {
        if block.len() == 1 || !form.is_linear() || m > LONGEST_WHOLE {
            out.extend(block.iter().map(|y| search(form, y, m)));
            continue;
        }
        let centered: Vec<(Vec<f64>, f64)> = block.iter().map(|y| centered(y)).collect();
        let values: Vec<&[f64]> = centered.iter().map(|(y, _)| y.as_slice()).collect();
        for (found, (_, center)) in wide::of_series(form, &values, m).into_iter().zip(&centered) {
            out.push(found.map(|mut found| {
                found.start.level += center;
                found
            }));
        }
    }
    out
}

/// Absolute errors with additive parts do not depend on the level: centered values keep their last digits.
fn centered(y: &[f64]) -> (Vec<f64>, f64) {
    let center = y.iter().sum::<f64>() / y.len() as f64;
    (y.iter().map(|v| v - center).collect(), center)
}

/// A starting point of the search; `states` stand behind the parameters.
pub(super) fn point(start: &[f64; PARAMETERS], states: &[f64]) -> Vec<f64> {
    let phi = PHI.0 + (PHI.1 - PHI.0) * start[3];
    [&start[..3], &[phi], states].concat()
}

/// Where searches end that go down from several points, the least of all first.
pub(super) struct Ends {
    /// Points in the order in which they are followed, with their sums of squares.
    starts: std::vec::IntoIter<(Vec<f64>, f64)>,
    followed: usize,
    ends: Vec<(Vec<f64>, f64)>,
}

impl Ends {
    /// `starts`: points after their first steps; `unknown` numbers are learned from `n` values.
    pub(super) fn new(mut starts: Vec<(Vec<f64>, f64)>, unknown: usize, n: usize) -> Self {
        starts.retain(|(_, sse)| sse.is_finite());
        // A stable sort: equal likelihoods go by the order of the list.
        starts.sort_by(|a, b| a.1.total_cmp(&b.1));
        let followed = if unknown <= SMALL.0 && n <= SMALL.1 { FOLLOWED_SMALL } else { FOLLOWED };
        Self { starts: starts.into_iter(), followed, ends: Vec::new() }
    }

    /// The next point to follow to the end; `None` when enough were.
    pub(super) fn next(&mut self) -> Option<Vec<f64>> {
        if self.ends.len() == self.followed {
            return None;
        }
        let led = |at: &[f64], sse: f64| {
            let near = |end: &[f64]| at.iter().zip(end).take(PARAMETERS).all(|(a, b)| (a - b).abs() <= SAME);
            self.ends.iter().any(|(end, least)| near(end) && sse >= *least)
        };
        self.starts.find(|(at, sse)| !led(at, *sse)).map(|(at, _)| at)
    }

    /// Up to `count` points that may be asked for next.
    pub(super) fn waiting(&self, count: usize) -> impl Iterator<Item = Vec<f64>> + '_ {
        self.starts.as_slice().iter().take(count).map(|(at, _)| at.clone())
    }

    /// Takes where a point led.
    pub(super) fn add(&mut self, end: (Vec<f64>, f64)) {
        self.ends.push(end);
    }

    /// The least end.
    pub(super) fn least(self) -> Option<(Vec<f64>, f64)> {
        self.ends.into_iter().filter(|(_, sse)| sse.is_finite()).min_by(|a, b| a.1.total_cmp(&b.1))
    }
}

/// Follows the best of the starting points; `states` stand behind the parameters, `unknown` numbers are learned.
fn best(problem: &mut dyn Searched, trend: bool, states: &[f64], unknown: usize, n: usize) -> Option<Found> {
    let at = |start: &[f64; PARAMETERS]| point(start, states);
    let mut from: Vec<Vec<f64>> = STARTS.iter().map(at).collect();
    if trend && states.is_empty() {
        let turns = TURNS.iter().map(at).map(|at| (problem.sse(&at), at));
        from.extend(turns.min_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, at)| at));
        from.push(at(&STEADY));
    }
    let starts = from.iter().map(|at| least_squares::descend(problem, at, FIRST)).collect();
    let mut ends = Ends::new(starts, unknown, n);
    while let Some(at) = ends.next() {
        ends.add(least_squares::descend(problem, &at, LAST));
    }
    let (at, sse) = ends.least()?;
    Some(Found { start: problem.start(&at), lik: likelihood(sse, n) })
}

/// n ln(sum e^2).
pub(super) fn likelihood(sse: f64, n: usize) -> f64 {
    n as f64 * libm::log(sse.max(f64::MIN_POSITIVE))
}

/// n ln(sum e^2) + 2 sum ln |f| at given parameters and start states; `None` if it is not finite.
pub(super) fn likelihood_at(form: Form, y: &[f64], start: &States) -> Option<f64> {
    let mut errors = vec![0.0; y.len()];
    let logs = run(form.kind(), y, &mut start.clone(), &mut errors);
    let sse: f64 = errors.iter().map(|e| e * e).sum();
    let lik = y.len() as f64 * libm::log(sse.max(f64::MIN_POSITIVE)) + 2.0 * logs;
    lik.is_finite().then_some(lik)
}

/// Level, trend and seasons but the last, from a decomposition of the first two seasons.
fn start_states(form: Form, y: &[f64], m: usize) -> Vec<f64> {
    use crate::kernels::holt_winters::Form as Seasonal;
    let seasonal = if form.season == Part::Multiplicative { Seasonal::Multiplicative } else { Seasonal::Additive };
    let count = if m > 1 { 2 * m } else { y.len().min(10) };
    let (level, slope, season) = if m > 1 {
        let (_, state) = smoothing_fit::start(y, m, seasonal, true);
        (state.level - state.trend * (m / 2) as f64, state.trend, state.season)
    } else {
        let (level, slope) = smoothing_fit::line(&y[..count]);
        (level, slope, Vec::new())
    };
    let mut out = vec![level];
    match form.trend {
        Part::None => out[0] = y[..count].iter().sum::<f64>() / count as f64,
        Part::Additive => out.push(slope),
        Part::Multiplicative => {
            let level = if level > 0.0 { level } else { y[0].abs().max(f64::MIN_POSITIVE) };
            out[0] = level;
            out.push((1.0 + slope / level).clamp(0.8, 1.2));
        }
    }
    if form.relative_errors && out[0] <= 0.0 {
        out[0] = y.iter().take(count).sum::<f64>() / count as f64;
    }
    if form.season != Part::None {
        out.extend(&season[..m - 1]);
    }
    out
}
