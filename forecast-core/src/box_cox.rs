//! The Box-Cox transformation, and which parameter evens out the spread of a series.
//!
//! w = (y^lambda - 1) / lambda, the logarithm for lambda = 0. Sources: Box & Cox (1964), Journal of the Royal Statistical
//! Society B 26, 211-252; Guerrero (1993), Journal of Forecasting 12, 37-48. Golden tests against R's `BoxCox.lambda`.

/// Where parameters are looked for, as in R.
const RANGE: (f64, f64) = (-1.0, 2.0);
/// Places that a search looks at first.
const GRID: usize = 60;
/// Steps of golden sections after.
const SECTIONS: usize = 40;
/// Share that a golden section keeps.
const GOLDEN: f64 = 0.618_033_988_749_894_8;

/// The transformed value; `y` above zero.
pub fn transform(y: f64, lambda: f64) -> f64 {
    if lambda == 0.0 { libm::log(y) } else { (libm::pow(y, lambda) - 1.0) / lambda }
}

/// The inverse; what no value is transformed to becomes zero, or the largest number if lambda is negative.
pub fn inverse(x: f64, lambda: f64) -> f64 {
    if lambda == 0.0 {
        return libm::exp(x);
    }
    let base = lambda * x + 1.0;
    if base > 0.0 {
        libm::pow(base, 1.0 / lambda)
    } else if lambda > 0.0 {
        0.0
    } else {
        f64::MAX
    }
}

/// The parameter from -1 to 2 at which the spread within a season varies least with its level (Guerrero 1993).
///
/// `y`: finite values; `season_length`: steps, 1 without a season (pairs of values then). `None` unless all are above
/// zero and two seasons are there.
pub fn guerrero(y: &[f64], season_length: usize) -> Option<f64> {
    let block = season_length.max(2);
    let usable = y.len() / block * block;
    if y.len() <= 2 * season_length || usable < 2 * block || y.iter().any(|v| *v <= 0.0) {
        return None;
    }
    let blocks: Vec<(f64, f64)> = y[y.len() - usable..].chunks(block).map(mean_and_deviation).collect();
    let variation = |lambda: f64| {
        let ratios: Vec<f64> = blocks.iter().map(|(mean, sd)| sd / libm::pow(*mean, 1.0 - lambda)).collect();
        let (mean, sd) = mean_and_deviation(&ratios);
        sd / mean
    };
    least(variation)
}

/// The parameter from -1 to 2 of greatest likelihood beside a linear trend and a season (Box & Cox 1964).
///
/// As [`guerrero`].
pub fn maximum_likelihood(y: &[f64], season_length: usize) -> Option<f64> {
    if y.len() <= 2 * season_length || y.len() < 4 || y.iter().any(|v| *v <= 0.0) {
        return None;
    }
    // Relative to the geometric mean, so that the Jacobian of the transformation is one.
    let center = y.iter().map(|v| libm::log(*v)).sum::<f64>() / y.len() as f64;
    let relative: Vec<f64> = y.iter().map(|v| libm::exp(libm::log(*v) - center)).collect();
    least(|lambda| {
        let transformed: Vec<f64> = relative.iter().map(|v| transform(*v, lambda)).collect();
        unexplained(&transformed, season_length.max(1))
    })
}

/// Sum of squares that a linear trend and a level for each place in the season leave.
fn unexplained(w: &[f64], m: usize) -> f64 {
    let centered = |x: &dyn Fn(usize) -> f64| {
        let mut sums = vec![(0.0, 0.0); m];
        (0..w.len()).for_each(|t| sums[t % m] = (sums[t % m].0 + x(t), sums[t % m].1 + 1.0));
        (0..w.len()).map(|t| x(t) - sums[t % m].0 / sums[t % m].1).collect::<Vec<f64>>()
    };
    let (w, time) = (centered(&|t| w[t]), centered(&|t| t as f64));
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f64>();
    let slope = product(&w, &time) / product(&time, &time);
    w.iter().zip(&time).map(|(v, t)| (v - slope * t) * (v - slope * t)).sum()
}

fn mean_and_deviation(x: &[f64]) -> (f64, f64) {
    let n = x.len() as f64;
    let mean = x.iter().sum::<f64>() / n;
    (mean, (x.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / (n - 1.0)).sqrt())
}

/// Where a function is least in [`RANGE`]: the best of a grid, then golden sections around it; `None` if it is never
/// finite.
fn least(f: impl Fn(f64) -> f64) -> Option<f64> {
    let step = (RANGE.1 - RANGE.0) / GRID as f64;
    let at = |i: usize| RANGE.0 + step * i as f64;
    let finite = (0..=GRID).map(|i| (f(at(i)), i)).filter(|(value, _)| value.is_finite());
    let (_, best) = finite.min_by(|a, b| a.0.total_cmp(&b.0))?;
    let (mut low, mut high) = ((at(best) - step).max(RANGE.0), (at(best) + step).min(RANGE.1));
    for _ in 0..SECTIONS {
        let (left, right) = (high - GOLDEN * (high - low), low + GOLDEN * (high - low));
        if f(left) <= f(right) { high = right } else { low = left }
    }
    Some(0.5 * (low + high))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::normal_quantile;
    use crate::paths::Dice;

    /// A season and noise on the scale of the transformation `lambda`, transformed back.
    fn load(lambda: f64) -> Vec<f64> {
        let mut dice = Dice::new(6);
        let value = |t: usize, noise: f64| 10.0 + 0.02 * t as f64 + (t % 12) as f64 / 6.0 + 0.2 * noise;
        (0..360).map(|t| inverse(value(t, normal_quantile(dice.unit().max(1e-9))), lambda)).collect()
    }

    #[test]
    fn the_parameter_that_made_a_series_is_found_again() {
        for lambda in [0.0, 0.5, 1.0] {
            let y = load(lambda);
            let (spread, likely) = (guerrero(&y, 12).unwrap(), maximum_likelihood(&y, 12).unwrap());
            assert!((spread - lambda).abs() < 0.3 && (likely - lambda).abs() < 0.1, "{lambda}: {spread}, {likely}");
        }
    }

    #[test]
    fn the_inverse_undoes_the_transformation() {
        for lambda in [-0.5, 0.0, 0.3, 1.0, 2.0] {
            for y in [1e-3, 1.0, 17.0] {
                assert!((inverse(transform(y, lambda), lambda) / y - 1.0).abs() < 1e-9, "{y} by {lambda}");
            }
        }
        assert_eq!(inverse(-3.0, 0.5), 0.0);
        assert_eq!(inverse(3.0, -0.5), f64::MAX);
    }

    #[test]
    fn what_has_no_parameter_has_none() {
        assert_eq!(guerrero(&[1.0, 0.0, 3.0, 4.0, 5.0], 1), None);
        assert_eq!(guerrero(&load(0.0)[..24], 12), None);
        assert_eq!(maximum_likelihood(&[2.0, -1.0, 4.0, 4.0], 1), None);
        assert!(guerrero(&[3.0; 40], 4).is_none_or(f64::is_finite));
    }
}
