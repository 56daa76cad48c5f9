//! The mode of the posterior: least squares with normal priors, and Laplace priors on the changes of the slope.
//!
//! With theta all coefficients, sigma the deviation of the errors and every prior centered at zero, the logarithm of the
//! posterior density is, without its constants,
//! -n ln sigma - SSE / (2 sigma^2) - sum theta^2 / (2 s^2) - sum |delta| / tau - 2 sigma^2
//! as in Prophet's Stan program (sigma is half normal with deviation 1/2). For a given sigma it is a lasso on the Gram
//! matrix, which the feature-sign search solves exactly in finitely many steps (Lee, Battle, Raina & Ng 2007, NIPS 19);
//! for given coefficients sigma^2 is the root of a quadratic. Both take turns. A product of trend and seasons is
//! linearized around the last coefficients (Gauss-Newton).

use crate::kernels::matrix::{cholesky, solve};

/// Rounds of coefficients and sigma.
const ROUNDS: usize = 200;
/// Relative change of sigma^2 at which they end.
const SETTLED: f64 = 1e-11;
/// Smallest sum of squares an observation, in the squared unit of the scaled values: a perfect fit has no mode.
const LEAST: f64 = 1e-12;
/// Halvings of a step that makes things worse.
const HALVINGS: usize = 12;

/// Columns of one regression, scaled values and priors.
pub(super) struct Terms<'a> {
    /// Columns of the trend: one, time, and time since each change point.
    pub(super) trend: &'a [Vec<f64>],
    /// Columns of seasons, events and regressors.
    pub(super) others: &'a [Vec<f64>],
    pub(super) y: &'a [f64],
    /// Inverse variances of the normal priors, trend first; zero for a Laplace prior.
    pub(super) precision: &'a [f64],
    /// Inverse scales of the Laplace priors; zero for a normal one.
    pub(super) rate: &'a [f64],
    /// Whether the others are shares of the trend.
    pub(super) multiplicative: bool,
}

/// The mode.
#[derive(Debug, Clone)]
pub(super) struct Mode {
    /// Coefficients, trend first.
    pub(super) theta: Vec<f64>,
    pub(super) sigma2: f64,
    pub(super) sse: f64,
    /// Logarithm of the posterior density without constants.
    pub(super) log_posterior: f64,
}

impl Terms<'_> {
    /// The sum of columns times coefficients.
    fn sum(columns: &[Vec<f64>], beta: &[f64], n: usize) -> Vec<f64> {
        let mut out = vec![0.0; n];
        for (column, beta) in columns.iter().zip(beta).filter(|(_, beta)| **beta != 0.0) {
            out.iter_mut().zip(column).for_each(|(sum, x)| *sum += beta * x);
        }
        out
    }

    /// Trend and the sum of the others at some coefficients.
    fn parts(&self, theta: &[f64]) -> (Vec<f64>, Vec<f64>) {
        let (trend, others) = theta.split_at(self.trend.len());
        (Self::sum(self.trend, trend, self.y.len()), Self::sum(self.others, others, self.y.len()))
    }

    fn sse(&self, theta: &[f64]) -> f64 {
        let (trend, others) = self.parts(theta);
        let mean = |g: f64, x: f64| if self.multiplicative { g * (1.0 + x) } else { g + x };
        let all = self.y.iter().zip(trend.iter().zip(&others));
        let sse = all.map(|(y, (g, x))| (y - mean(*g, *x)) * (y - mean(*g, *x))).sum::<f64>();
        sse.max(LEAST * self.y.len() as f64)
    }

    /// Minus the logarithm of the priors of the coefficients.
    fn penalty(&self, theta: &[f64]) -> f64 {
        let priors = self.precision.iter().zip(self.rate);
        theta.iter().zip(priors).map(|(x, (precision, rate))| 0.5 * precision * x * x + rate * x.abs()).sum()
    }

    fn log_posterior(&self, theta: &[f64], sse: f64, sigma2: f64) -> f64 {
        let n = self.y.len() as f64;
        -0.5 * n * libm::log(sigma2) - sse / (2.0 * sigma2) - self.penalty(theta) - 2.0 * sigma2
    }

    /// The columns around some coefficients and what they have to explain.
    fn linearized(&self, theta: &[f64]) -> (Vec<Vec<f64>>, Vec<f64>) {
        if !self.multiplicative {
            return (self.trend.iter().chain(self.others).cloned().collect(), self.y.to_vec());
        }
        let (trend, others) = self.parts(theta);
        let by_shares = |column: &Vec<f64>| column.iter().zip(&others).map(|(x, s)| x * (1.0 + s)).collect();
        let by_trend = |column: &Vec<f64>| column.iter().zip(&trend).map(|(x, g)| x * g).collect();
        let columns = self.trend.iter().map(by_shares).chain(self.others.iter().map(by_trend)).collect();
        let target = self.y.iter().zip(trend.iter().zip(&others)).map(|(y, (g, s))| y + g * s).collect();
        (columns, target)
    }

    /// Finds the mode; `None` if nothing finite is found.
    pub(super) fn mode(&self) -> Option<Mode> {
        let n = self.y.len() as f64;
        let mean = self.y.iter().sum::<f64>() / n;
        let mut theta = vec![0.0; self.precision.len()];
        theta[0] = mean;
        let mut sse = self.sse(&theta);
        let mut sigma2 = sigma2_of(sse, n);
        let mut quadratic = Quadratic::new(&self.linearized(&theta));
        for round in 0..ROUNDS {
            if self.multiplicative && round > 0 {
                quadratic = Quadratic::new(&self.linearized(&theta));
            }
            let mut next = quadratic.lasso(&theta, self.precision, self.rate, sigma2);
            let before = 0.5 * sse + sigma2 * self.penalty(&theta);
            let mut found = self.sse(&next);
            let mut halvings = 0;
            // A full step can overshoot where the model is no sum.
            while self.multiplicative && 0.5 * found + sigma2 * self.penalty(&next) > before && halvings < HALVINGS {
                next.iter_mut().zip(&theta).for_each(|(new, old)| *new = 0.5 * (*new + old));
                (found, halvings) = (self.sse(&next), halvings + 1);
            }
            if !found.is_finite() || halvings == HALVINGS {
                break;
            }
            let settled = (sigma2_of(found, n) - sigma2).abs() <= SETTLED * sigma2;
            (theta, sse, sigma2) = (next, found, sigma2_of(found, n));
            if settled {
                break;
            }
        }
        let log_posterior = self.log_posterior(&theta, sse, sigma2);
        (log_posterior.is_finite() && theta.iter().all(|x| x.is_finite())).then_some(Mode {
            theta,
            sigma2,
            sse,
            log_posterior,
        })
    }
}

/// The root of 4 sigma^4 + n sigma^2 = SSE.
fn sigma2_of(sse: f64, n: f64) -> f64 {
    2.0 * sse / (n + (n * n + 16.0 * sse).sqrt())
}

/// 1/2 theta' G theta - c' theta of a least squares problem.
struct Quadratic {
    gram: Vec<f64>,
    right: Vec<f64>,
}

impl Quadratic {
    fn new((columns, target): &(Vec<Vec<f64>>, Vec<f64>)) -> Self {
        let k = columns.len();
        let mut gram = vec![0.0; k * k];
        for (i, a) in columns.iter().enumerate() {
            for (j, b) in columns[..=i].iter().enumerate() {
                let product: f64 = dot(a, b);
                (gram[i * k + j], gram[j * k + i]) = (product, product);
            }
        }
        Self { gram, right: columns.iter().map(|column| dot(column, target)).collect() }
    }

    /// The least of 1/2 SSE + sigma2 (1/2 precision' theta^2 + rate' |theta|), from a start.
    fn lasso(&self, start: &[f64], precision: &[f64], rate: &[f64], sigma2: f64) -> Vec<f64> {
        let k = start.len();
        let mut search = Search {
            gram: self.gram.clone(),
            right: &self.right,
            bound: rate.iter().map(|rate| rate * sigma2).collect(),
            theta: start.to_vec(),
            signs: start.iter().map(|x| if *x == 0.0 { 0.0 } else { x.signum() }).collect(),
        };
        for (i, precision) in precision.iter().enumerate() {
            search.gram[i * k + i] += precision * sigma2;
        }
        search.run();
        if !search.is_least() {
            search.descend();
        }
        search.theta
    }
}

/// How near to the least is near enough, relative to the largest product with the target.
const NEAR: f64 = 1e-9;
/// Most rounds of the slow way.
const SWEEPS: usize = 20_000;

/// Feature-sign search: which coefficients are not zero, and with which signs.
struct Search<'a> {
    /// With the normal priors on its diagonal.
    gram: Vec<f64>,
    right: &'a [f64],
    /// Weights of the absolute values.
    bound: Vec<f64>,
    theta: Vec<f64>,
    /// Sign of each coefficient; zero for one that is not in.
    signs: Vec<f64>,
}

impl Search<'_> {
    fn run(&mut self) {
        for _ in 0..20 * self.theta.len() + 20 {
            if !self.step() && !self.take_in() {
                return;
            }
        }
    }

    /// Whether no coefficient can do better: the conditions of Karush, Kuhn and Tucker, relative to the largest product with the
    /// target. Fewer values than coefficients leave the search a singular matrix, and it may end elsewhere.
    fn is_least(&self) -> bool {
        let k = self.theta.len();
        let largest = self.right.iter().fold(1.0_f64, |most, x| most.max(x.abs()));
        (0..k).all(|i| {
            let slope = dot(&self.gram[i * k..(i + 1) * k], &self.theta) - self.right[i];
            let off = match self.theta[i] {
                0.0 => slope.abs() - self.bound[i],
                x => (slope + self.bound[i] * x.signum()).abs(),
            };
            off <= NEAR * largest
        })
    }

    /// One coefficient after the other, which ends at the least of any such objective, however slowly.
    fn descend(&mut self) {
        let k = self.theta.len();
        if !self.theta.iter().all(|x| x.is_finite()) {
            self.theta.fill(0.0);
        }
        for _ in 0..SWEEPS {
            for i in 0..k {
                let own = self.gram[i * k + i];
                if own <= 0.0 {
                    self.theta[i] = 0.0;
                    continue;
                }
                let rest = self.right[i] - dot(&self.gram[i * k..(i + 1) * k], &self.theta) + own * self.theta[i];
                self.theta[i] = rest.signum() * (rest.abs() - self.bound[i]).max(0.0) / own;
            }
            if self.is_least() {
                return;
            }
        }
    }

    /// Goes to the solution for the signs as they are, or as far as the first better change of them; whether a sign
    /// changed on the way.
    fn step(&mut self) -> bool {
        let k = self.theta.len();
        let active: Vec<usize> = (0..k).filter(|i| self.bound[*i] == 0.0 || self.signs[*i] != 0.0).collect();
        let size = active.len();
        let mut matrix: Vec<f64> = Vec::with_capacity(size * size);
        active.iter().for_each(|i| matrix.extend(active.iter().map(|j| self.gram[i * k + j])));
        let mut target: Vec<f64> = active.iter().map(|i| self.right[*i] - self.bound[*i] * self.signs[*i]).collect();
        cholesky(&mut matrix, size);
        solve(&matrix, size, &mut target);
        let mut goal = vec![0.0; k];
        active.iter().zip(&target).for_each(|(i, x)| goal[*i] = *x);
        let turns = |i: &usize| self.bound[*i] > 0.0 && goal[*i] * self.signs[*i] <= 0.0;
        let turning: Vec<usize> = active.iter().copied().filter(turns).collect();
        if turning.is_empty() {
            self.theta = goal;
            return false;
        }
        // The objective is convex along the way: look at its kinks and at the end.
        let at = |part: f64| -> Vec<f64> {
            self.theta.iter().zip(&goal).map(|(from, to)| from + part * (to - from)).collect()
        };
        let kinks = turning.iter().map(|i| (self.theta[*i] / (self.theta[*i] - goal[*i]), Some(*i)));
        let candidates = kinks.filter(|(part, _)| (0.0..1.0).contains(part)).chain([(1.0, None)]);
        let ranked = candidates.map(|(part, zero)| {
            let mut theta = at(part);
            zero.into_iter().for_each(|i| theta[i] = 0.0);
            (self.objective(&theta), theta)
        });
        if let Some((_, theta)) = ranked.min_by(|a, b| a.0.total_cmp(&b.0)) {
            self.theta = theta;
        }
        for i in turning {
            self.signs[i] = if self.theta[i] == 0.0 { 0.0 } else { self.theta[i].signum() };
        }
        true
    }

    /// Takes in the zero coefficient that promises most; whether there was one.
    fn take_in(&mut self) -> bool {
        let k = self.theta.len();
        let slope = |i: usize| dot(&self.gram[i * k..(i + 1) * k], &self.theta) - self.right[i];
        let zeros = (0..k).filter(|i| self.bound[*i] > 0.0 && self.signs[*i] == 0.0);
        let gains = zeros.map(|i| (slope(i).abs() / self.bound[i] - 1.0, i));
        let Some((gain, i)) = gains.max_by(|a, b| a.0.total_cmp(&b.0)) else { return false };
        if gain.is_nan() || gain <= 1e-9 {
            return false;
        }
        self.signs[i] = -slope(i).signum();
        true
    }

    fn objective(&self, theta: &[f64]) -> f64 {
        let k = theta.len();
        let quadratic = |(i, x): (usize, &f64)| x * (0.5 * dot(&self.gram[i * k..(i + 1) * k], theta) - self.right[i]);
        let absolute = theta.iter().zip(&self.bound).map(|(x, bound)| bound * x.abs()).sum::<f64>();
        theta.iter().enumerate().map(quadratic).sum::<f64>() + absolute
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::paths::Dice;

    fn random(n: usize, k: usize, seed: u64) -> (Vec<Vec<f64>>, Vec<f64>) {
        let mut dice = Dice::new(seed);
        let mut column = || (0..n).map(|_| dice.unit() - 0.5).collect::<Vec<f64>>();
        let columns: Vec<Vec<f64>> = (0..k).map(|_| column()).collect();
        let noise = column();
        let target = (0..n).map(|t| 3.0 * columns[0][t] - columns[1][t] + noise[t]).collect();
        (columns, target)
    }

    /// More coefficients than values, and hardly a price on them.
    #[test]
    fn a_singular_matrix_is_no_obstacle() {
        let (n, k, rate) = (4, 17, 0.001);
        let quadratic = Quadratic::new(&random(n, k, 140));
        let precision: Vec<f64> = (0..k).map(|i| if i % 3 == 0 { 0.1 } else { 0.0 }).collect();
        let rates: Vec<f64> = (0..k).map(|i| if i % 3 == 0 { 0.0 } else { rate }).collect();
        let theta = quadratic.lasso(&vec![0.0; k], &precision, &rates, 1.0);
        for i in 0..k {
            let slope = dot(&quadratic.gram[i * k..(i + 1) * k], &theta) + precision[i] * theta[i] - quadratic.right[i];
            let within =
                if theta[i] == 0.0 { slope.abs() - rates[i] } else { (slope + rates[i] * theta[i].signum()).abs() };
            assert!(within <= 1e-7, "{i}: {slope} of {}", rates[i]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

        /// At the least every slope is met: within the bound at zero, equal to it elsewhere.
        #[test]
        fn the_lasso_meets_its_conditions(n in 3..40_usize, k in 2..20_usize, rate in 0.001..3.0_f64, seed in 0..1000_u64) {
            let quadratic = Quadratic::new(&random(n, k, seed));
            let precision: Vec<f64> = (0..k).map(|i| if i % 3 == 0 { 0.1 } else { 0.0 }).collect();
            let rates: Vec<f64> = (0..k).map(|i| if i % 3 == 0 { 0.0 } else { rate }).collect();
            let theta = quadratic.lasso(&vec![0.0; k], &precision, &rates, 1.0);
            for i in 0..k {
                let slope = dot(&quadratic.gram[i * k..(i + 1) * k], &theta) + precision[i] * theta[i] - quadratic.right[i];
                if theta[i] == 0.0 {
                    prop_assert!(slope.abs() <= rates[i] + 1e-7, "{i}: {slope} of {}", rates[i]);
                } else {
                    prop_assert!((slope + rates[i] * theta[i].signum()).abs() < 1e-7, "{i}: {slope} at {}", theta[i]);
                }
            }
        }
    }

    /// No small move of coefficients or sigma raises the posterior, for sums and for products.
    #[test]
    fn nothing_near_the_mode_is_higher() {
        for multiplicative in [false, true] {
            let n = 120;
            let time: Vec<f64> = (0..n).map(|t| t as f64 / n as f64).collect();
            let hinge = |s: f64| time.iter().map(|t| (t - s).max(0.0)).collect::<Vec<f64>>();
            let trend = vec![vec![1.0; n], time.clone(), hinge(0.3), hinge(0.6)];
            let (others, noise) = random(n, 4, 5);
            let y: Vec<f64> = (0..n)
                .map(|t| {
                    let level = 0.4 + 0.3 * time[t] + 0.5 * trend[3][t];
                    let season = 0.3 * others[2][t];
                    0.01 * noise[t] + if multiplicative { level * (1.0 + season) } else { level + season }
                })
                .collect();
            let precision = [0.04, 0.04, 0.0, 0.0, 0.01, 0.01, 0.01, 0.01];
            let rate = [0.0, 0.0, 20.0, 20.0, 0.0, 0.0, 0.0, 0.0];
            let terms =
                Terms { trend: &trend, others: &others, y: &y, precision: &precision, rate: &rate, multiplicative };
            let mode = terms.mode().unwrap();
            assert!((mode.theta[3] - 0.5).abs() < 0.1, "{:?}", mode.theta);
            for i in 0..=8 {
                for move_by in [-1e-4, 1e-4] {
                    let (mut theta, mut sigma2) = (mode.theta.clone(), mode.sigma2);
                    match theta.get_mut(i) {
                        Some(x) => *x += move_by,
                        None => sigma2 *= 1.0 + move_by,
                    }
                    let other = terms.log_posterior(&theta, terms.sse(&theta), sigma2);
                    assert!(
                        other <= mode.log_posterior + 1e-9,
                        "{multiplicative}, {i}: {other} {}",
                        mode.log_posterior
                    );
                }
            }
        }
    }
}
