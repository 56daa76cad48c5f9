//! Direct regressions: what remains of the load after a naive base, from how the day differs so far.
//!
//! For each group of leads, y[t] - base[t] = x'b + e with x the distances of other seasonal values from the base and the
//! seasonal differences at the origin. Coefficients minimize absolute errors (iteratively reweighted least squares)
//! under a ridge on standardized columns, so that few days pull them to zero, that is to the base itself. Sources:
//! Koenker & Bassett (1978), Econometrica 46, 33-50; Schlossmacher (1973), JASA 68, 857-859 (reweighting).

use serde::{Deserialize, Serialize};

use super::experts::{Season, Simple};
use super::history::History;

/// Days of history at which the ridge of a regression a day ahead is twice what it is in the long run.
///
/// Errors an hour apart are one error a day ahead, but many a few minutes ahead: so it goes with the root of the lead.
const CAUTION_DAYS: f64 = 30.0;
/// Passes of reweighting.
const PASSES: usize = 5;
/// Residuals below this share of the median one weigh no more.
const WEIGHT_FLOOR: f64 = 0.15;
/// Standardized columns are cut here when forecasting.
const REACH: f64 = 6.0;
/// Fewest rows that slopes are learned from.
const FEWEST_ROWS: usize = 30;
/// Steps learned from where there is no day season.
const LONG_WINDOW: usize = 1500;
/// Most rows a lead group is learned from.
const ROWS: usize = 1000;

/// A regression on top of a naive base.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Regression {
    pub(crate) base: Base,
    /// Whether it is learned on logarithms.
    pub(crate) log: bool,
    /// Strength of the shrinkage toward the base.
    pub(crate) ridge: f64,
    /// Days that are learned from.
    pub(crate) window_days: f64,
    /// One set a group of leads; empty before the first fit.
    groups: Vec<Coefficients>,
}

/// What a regression corrects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Base {
    /// The levelled weeks.
    Week,
    /// The levelled day.
    Day,
    /// The levelled profile of the kind of day.
    Kind,
    /// The last value.
    Last,
}

/// What was learned for a group of leads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Coefficients {
    /// Slopes of the columns as they are.
    slopes: Vec<f64>,
    /// Root mean square of each column.
    spread: Vec<f64>,
}

impl Coefficients {
    /// What columns add to the base.
    pub(crate) fn of(&self, x: &[f64]) -> f64 {
        let slopes = self.slopes.iter().zip(&self.spread);
        x.iter().zip(slopes).map(|(x, (slope, spread))| x.clamp(-REACH * spread, REACH * spread) * slope).sum()
    }
}

/// Which origins and leads are learned from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Values known.
    n: usize,
    start: usize,
    horizon: usize,
    /// Leads that share coefficients.
    group: usize,
    /// Steps from one origin to the next.
    thin: usize,
}

impl Plan {
    /// Origins `start, start + group, ...` of `n` values, thinned out to [`ROWS`].
    pub(crate) fn new(n: usize, start: usize, horizon: usize, group: usize) -> Self {
        let count = n.saturating_sub(start + group) / group;
        Self { n, start, horizon, group, thin: count.div_ceil(ROWS).max(1) * group }
    }

    /// No rows yet of each group of leads.
    pub(crate) fn rows(&self) -> Vec<Rows> {
        (0..self.horizon.div_ceil(self.group)).map(|_| Rows::default()).collect()
    }

    /// Origins learned from, ascending.
    pub(crate) fn origins(&self) -> impl Iterator<Item = usize> + use<> {
        (self.start..self.n).step_by(self.thin)
    }

    /// The lead of group `g` that the origin of that turn is learned from: only if the truth of the whole group is in, so
    /// that all leads of it are drawn alike.
    pub(crate) fn lead(&self, turn: usize, origin: usize, g: usize) -> Option<usize> {
        let width = self.group.min(self.horizon - g * self.group);
        (origin + g * self.group + width <= self.n).then(|| g * self.group + (turn * 7 + g) % width)
    }

    /// What the rows of each group of leads say, under a ridge that goes with the days of history and the lead.
    pub(crate) fn solve(&self, rows: &[Rows], ridge: f64, history: &History) -> Vec<Coefficients> {
        let days = self.n as f64 / history.day as f64;
        let ridge = |g: usize| {
            let ahead = (((g + 1) * self.group) as f64 / history.day as f64).min(1.0);
            ridge * (1.0 + CAUTION_DAYS * ahead.sqrt() / days)
        };
        rows.iter().enumerate().map(|(g, rows)| rows.solve(ridge(g))).collect()
    }
}

/// What a regression is, for people.
pub(crate) fn name(log: bool, base: &str, ridge: f64) -> String {
    format!("{}regression({base}, {ridge})", if log { "log " } else { "" })
}

impl Base {
    /// The simple expert that is the base.
    pub(crate) fn simple(self) -> Simple {
        match self {
            Self::Week => Simple::LevelledWeeks(Season::Day),
            Self::Day => Simple::Levelled(Season::Day),
            Self::Kind => Simple::LevelledKind,
            Self::Last => Simple::Last,
        }
    }
}

/// Columns that depend on the origin alone.
pub(crate) fn origin_columns(history: &History, origin: usize, out: &mut Vec<f64>) {
    out.clear();
    let last = history.clipped[origin - 1];
    if !history.has_day() {
        let week = |m: usize| history.mean(origin, m) - before(history, origin, history.week, m);
        out.extend([week(1), week(3), week(7)]);
        let means = [history.mean(origin, 3), history.mean(origin, 7), history.mean(origin, 28)];
        out.extend([last - means[0], means[0] - means[1], means[1] - means[2]]);
        return;
    }
    let hour = history.steps_in(3600);
    let windows = [1, history.steps_in(900), hour, 3 * hour];
    for season in [history.day, history.week] {
        for (i, window) in windows.iter().enumerate() {
            let same = windows[..i].contains(window);
            out.push(if same { 0.0 } else { history.mean(origin, *window) - before(history, origin, season, *window) });
        }
        let one = if origin >= 2 { history.clipped[origin - 2] } else { last };
        let at = history.days_before(origin, season / history.day).filter(|at| *at >= 2);
        out.push(at.map_or(0.0, |at| one - history.clipped[at - 2]));
    }
    let (h1, h3) = (history.mean(origin, hour), history.mean(origin, 3 * hour));
    let (d1, d7) = (history.mean(origin, history.day), history.mean(origin, history.week));
    let profile = history.day_profile(origin - 1, origin - 1).map_or(0.0, |p| h1 - p);
    let kind = history.kind_profile(origin - 1, origin - 1).map_or(0.0, |p| h1 - p);
    out.extend([last - h1, h1 - h3, profile, kind, h3 - d1, d1 - d7]);
}

/// Mean of `count` steps a season before the origin; a day before where that is not known.
fn before(history: &History, origin: usize, season: usize, count: usize) -> f64 {
    let at = if history.has_day() {
        [season, history.day]
            .iter()
            .find_map(|s| history.days_before(origin, s / history.day).filter(|at| *at >= count))
    } else {
        origin.checked_sub(season).filter(|at| *at >= count)
    };
    history.mean(at.unwrap_or(origin), count)
}

/// Columns of one lead: distances of seasonal values from the base.
fn lead_columns(history: &History, origin: usize, k: usize, base: f64, out: &mut Vec<f64>) {
    let t = origin + k;
    let at = |season: usize, extra: usize| history.season_before(t, origin, season, extra).map(|i| history.clipped[i]);
    let d1 = at(history.day, 0).unwrap_or(history.clipped[origin - 1]);
    let w1 = at(history.week, 0).unwrap_or(d1);
    let d2 = at(history.day, 1).unwrap_or(d1);
    let w2 = at(history.week, 1).unwrap_or(w1);
    let day = history.day_profile(t, origin).unwrap_or(d1);
    let week = history.week_profile(t, origin).unwrap_or(day);
    let kind = history.kind_profile(t, origin).unwrap_or(day);
    out.extend([w1 - base, d1 - base, d2 - base, w2 - base, day - base, week - base, kind - base]);
}

impl Regression {
    pub(crate) fn new(base: Base, ridge: f64, window_days: f64) -> Self {
        Self { base, log: false, ridge, window_days, groups: Vec::new() }
    }

    /// The same on logarithms of the load, where seasons are factors.
    pub(crate) fn on_logs(self) -> Self {
        Self { log: true, ..self }
    }

    /// Whether it has learned anything.
    pub(crate) fn learned(&self) -> bool {
        !self.groups.is_empty()
    }

    /// What it is, for people.
    pub(crate) fn name(&self, history: &History) -> String {
        name(self.log, &self.base.simple().name(history), self.ridge)
    }

    /// Learns from the origins `first, first + group, ...` whose truth is in; `group` leads share coefficients.
    pub(crate) fn learn(&mut self, history: &History, first: usize, horizon: usize, group: usize) {
        let n = history.len();
        let window = if history.has_day() { (self.window_days * history.day as f64) as usize } else { LONG_WINDOW };
        let from = first.max(n.saturating_sub(window));
        let plan = Plan::new(n, first + (from - first).div_ceil(group) * group, horizon, group);
        let mut rows = plan.rows();
        let (mut origin_part, mut base, mut x) = (Vec::new(), vec![0.0; horizon], Vec::new());
        for (turn, origin) in plan.origins().enumerate() {
            origin_columns(history, origin, &mut origin_part);
            self.base.simple().forecast(history, origin, &mut base);
            for (g, rows) in rows.iter_mut().enumerate() {
                let Some(k) = plan.lead(turn, origin, g).filter(|k| history.observed[origin + k]) else { continue };
                x.clear();
                lead_columns(history, origin, k, base[k], &mut x);
                x.extend_from_slice(&origin_part);
                rows.push(&x, history.clipped[origin + k] - base[k]);
            }
        }
        self.groups = plan.solve(&rows, self.ridge, history);
    }

    /// Forecasts from the base's, one a lead.
    pub(crate) fn forecast(&self, history: &History, origin: usize, group: usize, out: &mut [f64]) {
        self.base.simple().forecast(history, origin, out);
        if self.groups.is_empty() {
            return;
        }
        let (mut origin_part, mut x) = (Vec::new(), Vec::new());
        origin_columns(history, origin, &mut origin_part);
        for (k, out) in out.iter_mut().enumerate() {
            let own = &self.groups[(k / group).min(self.groups.len() - 1)];
            x.clear();
            lead_columns(history, origin, k, *out, &mut x);
            x.extend_from_slice(&origin_part);
            *out += own.of(&x);
        }
    }
}

/// Rows of one lead group.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    width: usize,
    x: Vec<f64>,
    y: Vec<f64>,
}

impl Rows {
    /// Adds the columns of an origin and what is to be explained by them.
    pub(crate) fn push(&mut self, x: &[f64], y: f64) {
        self.width = x.len();
        self.x.extend_from_slice(x);
        self.y.push(y);
    }

    /// Least absolute deviations under a ridge; no slopes from fewer rows than [`FEWEST_ROWS`].
    fn solve(&self, ridge: f64) -> Coefficients {
        let p = self.width;
        let n = self.y.len();
        if n < FEWEST_ROWS {
            return Coefficients { slopes: vec![0.0; p], spread: vec![0.0; p] };
        }
        let mut spread = vec![0.0; p];
        for row in self.x.chunks_exact(p) {
            for (s, x) in spread.iter_mut().zip(row) {
                *s += x * x;
            }
        }
        // A column too large to square is left out.
        spread.iter_mut().for_each(|s| *s = if s.is_finite() { (*s / n as f64).sqrt() } else { 0.0 });
        let scaled: Vec<f64> = self
            .x
            .chunks_exact(p)
            .flat_map(|row| {
                row.iter().zip(&spread).map(|(x, s)| if *s > 0.0 { (x / s).clamp(-REACH, REACH) } else { 0.0 })
            })
            .collect();
        let mut weights = vec![1.0; n];
        let mut slopes = vec![0.0; p];
        let mut errors = self.y.clone();
        for _ in 0..PASSES {
            let (mut gram, mut right) = (vec![0.0; p * p], vec![0.0; p]);
            accumulate(&scaled, &self.y, &weights, p, &mut gram, &mut right);
            let total: f64 = weights.iter().sum();
            let penalty = total * (ridge + 3.0 / n as f64);
            for i in 0..p {
                gram[i * p + i] += penalty;
            }
            slopes = solve_cholesky(gram, right, p);
            for ((row, y), e) in scaled.chunks_exact(p).zip(&self.y).zip(&mut errors) {
                *e = (y - row.iter().zip(&slopes).map(|(x, b)| x * b).sum::<f64>()).abs();
            }
            let mut sorted = errors.clone();
            let middle = sorted.len() / 2;
            let (_, median, _) = sorted.select_nth_unstable_by(middle, f64::total_cmp);
            let median = *median + 1e-300;
            for (w, e) in weights.iter_mut().zip(&errors) {
                *w = 1.0 / (e / median).max(WEIGHT_FLOOR);
            }
        }
        for (b, s) in slopes.iter_mut().zip(&spread) {
            *b = if *s > 0.0 && b.is_finite() { *b / s } else { 0.0 };
        }
        Coefficients { slopes, spread }
    }
}

/// Adds the weighted cross products of the rows to the lower triangle of `gram` and to `right`.
///
/// Four rows at a time, so that each cell is loaded and stored once for four products.
fn accumulate(x: &[f64], y: &[f64], weights: &[f64], p: usize, gram: &mut [f64], right: &mut [f64]) {
    let zeros = vec![0.0; p];
    for ((rows, y), w) in x.chunks(4 * p).zip(y.chunks(4)).zip(weights.chunks(4)) {
        let row = |r: usize| rows.get(r * p..(r + 1) * p).unwrap_or(&zeros);
        let at = |of: &[f64], r: usize| of.get(r).copied().unwrap_or(0.0);
        let (a, b, c, d) = (row(0), row(1), row(2), row(3));
        for i in 0..p {
            let (wa, wb) = (at(w, 0) * a[i], at(w, 1) * b[i]);
            let (wc, wd) = (at(w, 2) * c[i], at(w, 3) * d[i]);
            right[i] += (wa * at(y, 0) + wb * at(y, 1)) + (wc * at(y, 2) + wd * at(y, 3));
            let cells = &mut gram[i * p..i * p + i + 1];
            let products = a.iter().zip(b).zip(c.iter().zip(d));
            for (cell, ((a, b), (c, d))) in cells.iter_mut().zip(products) {
                *cell += (wa * a + wb * b) + (wc * c + wd * d);
            }
        }
    }
}

/// Solves A x = b for a positive definite A given by its lower triangle, row by row.
fn solve_cholesky(mut a: Vec<f64>, mut b: Vec<f64>, p: usize) -> Vec<f64> {
    for i in 0..p {
        for j in 0..=i {
            let sum: f64 = (0..j).map(|l| a[i * p + l] * a[j * p + l]).sum();
            a[i * p + j] =
                if i == j { (a[i * p + i] - sum).max(1e-300).sqrt() } else { (a[i * p + j] - sum) / a[j * p + j] };
        }
    }
    for i in 0..p {
        let sum: f64 = (0..i).map(|l| a[i * p + l] * b[l]).sum();
        b[i] = (b[i] - sum) / a[i * p + i];
    }
    for i in (0..p).rev() {
        let sum: f64 = (i + 1..p).map(|l| a[l * p + i] * b[l]).sum();
        b[i] = (b[i] - sum) / a[i * p + i];
    }
    b
}
