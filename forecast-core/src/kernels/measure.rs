//! What `benches/kernels.rs` measures by the point; no part of the interface.

use super::arma::{LANES, Lane, Start, innovations};
use super::css::{Factors, SERIES, errors, errors_of_one};
use super::holt_winters::{CANDIDATES, State, sum, sums};

/// Candidates of additive Holt-Winters smoothing over one series.
#[derive(Debug)]
pub struct HoltWinters {
    y: Vec<f64>,
    observed: Vec<bool>,
    start: State,
}

impl HoltWinters {
    /// `y`: values; `m`: steps of a season.
    pub fn new(y: Vec<f64>, m: usize) -> Self {
        let observed = vec![true; y.len()];
        Self { y, observed, start: State { level: 0.0, trend: 0.0, season: vec![0.0; m] } }
    }

    /// The sum of squares of one candidate, below [`CANDIDATES`].
    pub fn one(&self, which: usize) -> f64 {
        sum(&self.y, &self.observed, &[(0..self.y.len(), 0)], &self.start, &candidate(which))
    }

    /// Those of all in lanes.
    pub fn lanes(&self) -> [f64; CANDIDATES] {
        let candidates = std::array::from_fn(candidate);
        sums(&self.y, &self.observed, &[(0..self.y.len(), 0)], &self.start, &candidates)
    }
}

/// Parameters of a candidate; none is damped.
fn candidate(which: usize) -> [f64; 4] {
    [0.1 + 0.05 * which as f64, 0.1, 0.2, 1.0]
}

/// Conditional errors of (1 - 0.3 B) w = (1 + 0.4 B)(1 - 0.6 B^m) e.
#[derive(Debug)]
pub struct Conditional {
    alone: (Factors<1>, Vec<[f64; 1]>, Vec<[f64; 1]>),
    wide: (Factors<SERIES>, Vec<[f64; SERIES]>, Vec<[f64; SERIES]>),
}

impl Conditional {
    /// `y`: values; `m`: steps of a season.
    pub fn new(y: &[f64], m: usize) -> Self {
        fn of<const L: usize>(y: &[f64], m: usize) -> (Factors<L>, Vec<[f64; L]>, Vec<[f64; L]>) {
            let block = |c: f64| vec![[c; L]];
            let (ar, ma, seasonal_ma) = (block(0.3), block(0.4), block(-0.6));
            let factors = Factors { ar, ma, seasonal_ar: Vec::new(), seasonal_ma, season_length: m };
            (factors, y.iter().map(|y| [*y; L]).collect(), vec![[0.0; L]; y.len()])
        }
        Self { alone: of(y, m), wide: of(y, m) }
    }

    /// The sum of squares of one series.
    pub fn one(&mut self) -> f64 {
        let (factors, w, out) = &mut self.alone;
        errors_of_one(factors, w, out)[0]
    }

    /// Those of [`SERIES`] series alike in lanes.
    pub fn lanes(&mut self) -> [f64; SERIES] {
        let (factors, w, out) = &mut self.wide;
        errors(factors, w, out)
    }
}

/// Exact innovations of (1 + 0.4 B)(1 - 0.95 B^m) e in lanes.
#[derive(Debug)]
pub struct Sarima {
    y: Vec<f64>,
    start: Start,
}

impl Sarima {
    /// `y`: values; `m`: steps of a season.
    pub fn new(y: Vec<f64>, m: usize) -> Self {
        let mut theta = vec![0.0; m + 2];
        (theta[0], theta[1], theta[m], theta[m + 1]) = (1.0, 0.4, -0.95, -0.38);
        let covariance = |lag: usize| theta.iter().zip(&theta[lag..]).map(|(a, b)| a * b).sum::<f64>();
        let gain: Vec<Lane> = (1..m + 2).map(|lag| [covariance(lag); LANES]).collect();
        let mut generator = gain.clone();
        generator.push([0.0; LANES]);
        Self { y, start: Start { variance: [covariance(0); LANES], gain, generator } }
    }

    /// The last innovation of the first lane, and the number of lanes.
    pub fn lanes(&self) -> (f64, usize) {
        let n = self.y.len();
        let mut column: Vec<Lane> = self.y.iter().map(|y| [*y; LANES]).collect();
        column.resize(n + self.start.generator.len(), [0.0; LANES]);
        let mut columns = [column];
        innovations(&self.start, &mut columns, &mut vec![[0.0; LANES]; n]);
        (columns[0][n - 1][0], LANES)
    }
}
