//! How many harmonics each season gets: least AICc of the regression on Fourier terms, errors made white first.
//!
//! Errors of load follow each other, so that plain least squares would take harmonics for what is memory. An
//! autoregression of the residuals (Yule-Walker, its order by AICc) filters values and columns alike; in what is left,
//! least squares are generalized least squares (Prais & Winsten 1954, Cowles Commission Paper 383, without their first
//! rows). One Gram matrix serves all choices; seasons are gone through in turn until none changes.

use crate::waves::{self, Wave};

/// Most harmonics of one season that are looked at.
pub(super) const MOST: usize = 40;
/// Rounds over all seasons.
const ROUNDS: usize = 6;
/// Share of a column's length below which what the others leave of it counts as nothing.
const DEPENDENT: f64 = 1e-10;

/// Values and candidate columns of one choice.
pub(super) struct Candidates {
    /// All waves that may be taken, each frequency once.
    waves: Vec<Wave>,
    /// Columns of each harmonic of each season.
    seasons: Vec<Vec<Vec<usize>>>,
    /// Inner products: one, regressors, waves, and the values last.
    gram: Vec<f64>,
    size: usize,
    /// Columns that are always taken.
    fixed: usize,
    rows: usize,
    /// Coefficients of the autoregression.
    memory: usize,
}

impl Candidates {
    /// `y`: n values; `fixed`: columns always taken; `seasons`: steps and most harmonics of each season;
    /// `column(wave)`: a wave's values.
    pub(super) fn new(
        y: &[f64],
        fixed: &[Vec<f64>],
        seasons: &[(u64, u64)],
        column: impl Fn(&Wave) -> Vec<f64>,
    ) -> Self {
        let waves = waves::of_seasons(seasons);
        let mut columns = vec![vec![1.0; y.len()]];
        columns.extend(fixed.iter().cloned());
        let fixed = columns.len();
        columns.extend(waves.iter().map(&column));
        columns.push(y.to_vec());
        let index = |wave: &Wave| waves::position(&waves, wave).map(|at| fixed + at);
        let harmonics = |(period, most): &(u64, u64)| {
            let all = waves::of_season(*period, *most);
            (1..=*most).map(|k| all.iter().filter(|w| w.harmonic == k).filter_map(index).collect()).collect()
        };
        let seasons = seasons.iter().map(harmonics).collect();
        let size = columns.len();
        let mut candidates = Self { gram: gram(&columns), waves, seasons, size, fixed, rows: y.len(), memory: 0 };
        let all: Vec<usize> = (0..size - 1).collect();
        let beta = candidates.solve(&all);
        let mut rest = y.to_vec();
        for (column, beta) in columns.iter().zip(&beta) {
            rest.iter_mut().zip(column).for_each(|(e, x)| *e -= beta * x);
        }
        let phi = autoregression(&rest, size - 1);
        if !phi.is_empty() {
            columns.iter_mut().for_each(|column| *column = whitened(column, &phi));
            candidates.gram = gram(&columns);
            candidates.rows -= phi.len();
            candidates.memory = phi.len();
        }
        candidates
    }

    /// Harmonics of each season at the least criterion found.
    pub(super) fn choose(&self) -> Vec<usize> {
        let mut chosen = vec![0; self.seasons.len()];
        // The shortest season explains most: it goes first.
        for _ in 0..ROUNDS {
            let before = chosen.clone();
            for season in 0..chosen.len() {
                chosen[season] = self.best_of(season, &chosen);
            }
            if chosen == before {
                break;
            }
        }
        chosen
    }

    /// Generalized least squares coefficients of the waves that given numbers of harmonics come to.
    pub(super) fn coefficients(&self, harmonics: &[usize]) -> Vec<(Wave, f64)> {
        let columns = self.columns(harmonics, None);
        let beta = self.solve(&columns);
        let waves = columns.iter().zip(beta).filter(|(at, _)| **at >= self.fixed);
        waves.map(|(at, beta)| (self.waves[*at - self.fixed], beta)).collect()
    }

    /// Columns of a choice, ascending, one season left out.
    fn columns(&self, harmonics: &[usize], without: Option<usize>) -> Vec<usize> {
        let mut out: Vec<usize> = (0..self.fixed).collect();
        for (season, count) in harmonics.iter().enumerate().filter(|(season, _)| Some(*season) != without) {
            out.extend(self.seasons[season].iter().take(*count).flatten());
        }
        out.sort_unstable();
        out.dedup();
        out
    }

    fn best_of(&self, season: usize, chosen: &[usize]) -> usize {
        let mut factor = Factor::new(self);
        self.columns(chosen, Some(season)).into_iter().for_each(|column| factor.add(column));
        let mut best = (factor.criterion(), 0);
        for (k, columns) in self.seasons[season].iter().enumerate() {
            columns.iter().for_each(|column| factor.add(*column));
            let found = factor.criterion();
            if found < best.0 {
                best = (found, k + 1);
            }
        }
        best.1
    }

    /// Least squares on some columns; zero for those that depend on the ones before.
    fn solve(&self, columns: &[usize]) -> Vec<f64> {
        let mut factor = Factor::new(self);
        columns.iter().for_each(|column| factor.add(*column));
        let mut beta = vec![0.0; columns.len()];
        for i in (0..factor.taken.len()).rev() {
            let known: f64 = (i + 1..factor.taken.len()).map(|j| factor.rows[j][i] * beta[j]).sum();
            beta[i] = (factor.target[i] - known) / factor.rows[i][i];
        }
        let of = |column: &usize| factor.taken.iter().position(|taken| taken == column).map_or(0.0, |i| beta[i]);
        columns.iter().map(of).collect()
    }
}

/// A Cholesky factor that grows by a column at a time.
struct Factor<'a> {
    of: &'a Candidates,
    taken: Vec<usize>,
    /// Lower triangle by rows.
    rows: Vec<Vec<f64>>,
    /// The values in the orthonormal basis of the columns taken.
    target: Vec<f64>,
    /// Sum of squares that is left.
    sse: f64,
}

impl<'a> Factor<'a> {
    fn new(of: &'a Candidates) -> Self {
        let last = of.size - 1;
        Self { of, taken: Vec::new(), rows: Vec::new(), target: Vec::new(), sse: of.gram[last * of.size + last] }
    }

    /// Takes a column in, unless those before it say the same.
    fn add(&mut self, column: usize) {
        let (gram, size) = (&self.of.gram, self.of.size);
        let mut row: Vec<f64> = Vec::with_capacity(self.taken.len() + 1);
        for (i, taken) in self.taken.iter().enumerate() {
            let known: f64 = row.iter().zip(&self.rows[i]).map(|(a, b)| a * b).sum();
            row.push((gram[column * size + taken] - known) / self.rows[i][i]);
        }
        let own = gram[column * size + column];
        let left = own - row.iter().map(|x| x * x).sum::<f64>();
        if left.is_nan() || left <= DEPENDENT * own {
            return;
        }
        let known: f64 = row.iter().zip(&self.target).map(|(a, b)| a * b).sum();
        let share = (gram[column * size + size - 1] - known) / left.sqrt();
        row.push(left.sqrt());
        self.taken.push(column);
        self.rows.push(row);
        self.target.push(share);
        self.sse -= share * share;
    }

    /// AICc, infinite with too few rows.
    fn criterion(&self) -> f64 {
        let n = self.of.rows as f64;
        let parameters = (self.taken.len() + self.of.memory + 1) as f64;
        if n - parameters - 1.0 <= 0.0 {
            return f64::INFINITY;
        }
        let total = self.of.gram[self.of.size * self.of.size - 1];
        // Below this only rounding is left.
        let sse = self.sse.max(1e-13 * total).max(f64::MIN_POSITIVE);
        n * libm::log(sse / n) + 2.0 * parameters + 2.0 * parameters * (parameters + 1.0) / (n - parameters - 1.0)
    }
}

/// Inner products of all columns.
fn gram(columns: &[Vec<f64>]) -> Vec<f64> {
    let size = columns.len();
    let mut out = vec![0.0; size * size];
    for (i, a) in columns.iter().enumerate() {
        for (j, b) in columns[..=i].iter().enumerate() {
            let product: f64 = a.iter().zip(b).map(|(x, y)| x * y).sum();
            (out[i * size + j], out[j * size + i]) = (product, product);
        }
    }
    out
}

/// Coefficients of an autoregression of least AICc, by Levinson's recursion; `columns` were taken from the values.
fn autoregression(rest: &[f64], columns: usize) -> Vec<f64> {
    let n = rest.len();
    let most = ((10.0 * libm::log10(n.max(2) as f64)) as usize).min(n.saturating_sub(columns) / 4);
    let covariance = |lag: usize| rest[lag..].iter().zip(rest).map(|(a, b)| a * b).sum::<f64>() / n as f64;
    let own = covariance(0);
    if own.is_nan() || own <= 0.0 {
        return Vec::new();
    }
    let (mut phi, mut variance): (Vec<f64>, f64) = (Vec::new(), own);
    let mut best = (n as f64 * libm::log(variance), Vec::new());
    for p in 1..=most {
        let known: f64 = phi.iter().enumerate().map(|(i, c)| c * covariance(p - 1 - i)).sum();
        let partial = (covariance(p) - known) / variance;
        if partial.is_nan() || partial.abs() >= 1.0 {
            break;
        }
        let turned: Vec<f64> = phi.iter().rev().copied().collect();
        phi.iter_mut().zip(&turned).for_each(|(c, other)| *c -= partial * other);
        phi.push(partial);
        variance *= 1.0 - partial * partial;
        let (n, p) = (n as f64, p as f64);
        let criterion = n * libm::log(variance) + 2.0 * p * n / (n - p - 1.0);
        if criterion < best.0 {
            best = (criterion, phi.clone());
        }
    }
    best.1
}

/// What an autoregression does not foresee, from its order on.
fn whitened(x: &[f64], phi: &[f64]) -> Vec<f64> {
    let p = phi.len();
    (p..x.len()).map(|t| x[t] - phi.iter().enumerate().map(|(i, c)| c * x[t - 1 - i]).sum::<f64>()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::normal_quantile;
    use crate::paths::Dice;

    fn candidates(y: &[f64], seasons: &[(u64, u64)]) -> Candidates {
        Candidates::new(y, &[], seasons, |wave| (0..y.len()).map(|t| wave.at(t as i64)).collect())
    }

    /// Noise with a memory, so that plain least squares would see waves in it.
    fn noise(n: usize, seed: u64) -> Vec<f64> {
        let mut dice = Dice::new(seed);
        let mut state = 0.0;
        (0..n)
            .map(|_| {
                state = 0.8 * state + normal_quantile(dice.unit().max(1e-9));
                state
            })
            .collect()
    }

    #[test]
    fn noise_with_a_memory_gets_few_harmonics() {
        let found: usize = (0..10).map(|seed| candidates(&noise(480, seed), &[(24, 12)]).choose()[0]).sum();
        assert!(found <= 20, "{found} harmonics in ten series without a season");
    }

    #[test]
    fn what_is_there_is_found() {
        let waves = of_two();
        let mut y = noise(1008, 3);
        for (wave, size) in &waves {
            y.iter_mut().enumerate().for_each(|(t, v)| *v += size * wave.at(t as i64));
        }
        let all = candidates(&y, &[(24, 12), (168, 40)]);
        let chosen = all.choose();
        assert!((3..=5).contains(&chosen[0]) && (2..=5).contains(&chosen[1]), "{chosen:?}");
        let found = all.coefficients(&chosen);
        for (wave, size) in waves {
            let (_, beta) = found.iter().find(|(known, _)| *known == wave).unwrap();
            assert!((beta - size).abs() < 0.8, "{wave:?}: {beta}, expected {size}");
        }
    }

    fn of_two() -> [(Wave, f64); 2] {
        let day = Wave { period: 24, harmonic: 3, sine: false };
        [(day, 5.0), (Wave { period: 168, harmonic: 2, sine: true }, 4.0)]
    }

    #[test]
    fn an_exact_season_takes_no_more_than_it_needs() {
        let wave = Wave { period: 12, harmonic: 2, sine: true };
        let y: Vec<f64> = (0..120).map(|t| 100.0 + 7.0 * wave.at(t)).collect();
        assert_eq!(candidates(&y, &[(12, 6)]).choose(), [2]);
    }
}
