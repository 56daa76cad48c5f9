//! What a series or the errors of a fit look like: memory, leftover memory, and how often to difference.
//!
//! Sources: Box & Jenkins (1976), Time Series Analysis; Ljung & Box (1978), Biometrika 65, 297-303; the tests behind the
//! differences are those of the automatic ARIMA. Golden tests against R's `acf`, `pacf`, `Box.test`, `ndiffs`, `nsdiffs`.

use crate::models::unit_root;

/// Most differences that [`differences`] takes.
const MOST: usize = 2;

/// Autocorrelations at the lags 0 to `lags`, each over the number of values, as in R; zeros for a constant series.
pub fn autocorrelations(y: &[f64], lags: usize) -> Vec<f64> {
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n;
    let off: Vec<f64> = y.iter().map(|v| v - mean).collect();
    let covariance = |lag: usize| off.iter().zip(off.iter().skip(lag)).map(|(a, b)| a * b).sum::<f64>();
    let own = covariance(0);
    let of = |lag: usize| if lag == 0 { 1.0 } else { covariance(lag) / own };
    (0..=lags).map(|lag| Some(of(lag)).filter(|r| r.is_finite()).unwrap_or(0.0)).collect()
}

/// Partial autocorrelations at the lags 1 to `lags`, by the recursion of Durbin and Levinson.
pub fn partial_autocorrelations(y: &[f64], lags: usize) -> Vec<f64> {
    let r = autocorrelations(y, lags);
    let (mut phi, mut left): (Vec<f64>, f64) = (Vec::new(), 1.0);
    let mut out = Vec::with_capacity(lags);
    for k in 1..=lags {
        let known: f64 = phi.iter().enumerate().map(|(i, c)| c * r[k - 1 - i]).sum();
        let partial = if left > 0.0 { (r[k] - known) / left } else { 0.0 };
        let turned: Vec<f64> = phi.iter().rev().copied().collect();
        phi.iter_mut().zip(&turned).for_each(|(c, other)| *c -= partial * other);
        phi.push(partial);
        left *= 1.0 - partial * partial;
        out.push(partial);
    }
    out
}

/// The statistic of Ljung and Box over the lags 1 to `lags`: chi-squared with as many degrees of freedom, less the
/// coefficients fitted, if nothing is left to learn from the past.
pub fn ljung_box(errors: &[f64], lags: usize) -> f64 {
    let n = errors.len() as f64;
    let r = autocorrelations(errors, lags.min(errors.len().saturating_sub(1)));
    n * (n + 2.0) * r.iter().enumerate().skip(1).map(|(lag, r)| r * r / (n - lag as f64)).sum::<f64>()
}

/// Differences (at most two) that make a series level stationary by the KPSS test at 5 %.
pub fn differences(y: &[f64]) -> usize {
    unit_root::differences(y, MOST)
}

/// Differences (at most two) after which the augmented Dickey-Fuller test with a constant rejects a unit root at 5 %.
///
/// `lags`: steps of the past in the regression; `None` takes the cube root of their number, R's `ndiffs` one.
pub fn differences_by_dickey_fuller(y: &[f64], lags: Option<usize>) -> usize {
    let mut rest = y.to_vec();
    for d in 0..MOST {
        if unit_root::rejects_unit_root(&rest, lags) {
            return d;
        }
        rest = rest.windows(2).map(|pair| pair[1] - pair[0]).collect();
    }
    MOST
}

/// Seasonal differences, 0 or 1: whether the season's strength over its STL decomposition is above 0.64.
pub fn seasonal_differences(y: &[f64], season_length: usize) -> usize {
    unit_root::seasonal_differences(y, season_length)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::math::normal_quantile;
    use crate::paths::Dice;

    /// y[t] = 0.7 y[t-1] + e[t].
    fn remembering(n: usize) -> Vec<f64> {
        let mut dice = Dice::new(8);
        let mut y = 0.0;
        (0..n)
            .map(|_| {
                y = 0.7 * y + normal_quantile(dice.unit().max(1e-9));
                y
            })
            .collect()
    }

    #[test]
    fn an_autoregression_shows_as_one() {
        let y = remembering(2_000);
        let (r, partial) = (autocorrelations(&y, 4), partial_autocorrelations(&y, 4));
        assert!((r[1] - 0.7).abs() < 0.06 && (r[2] - 0.49).abs() < 0.08, "{r:?}");
        assert!((partial[0] - 0.7).abs() < 0.06 && partial[1..].iter().all(|p| p.abs() < 0.08), "{partial:?}");
        let errors: Vec<f64> = y.windows(2).map(|pair| pair[1] - 0.7 * pair[0]).collect();
        assert!(ljung_box(&y, 10) > 1_000.0 && ljung_box(&errors, 10) < 25.0);
        assert_eq!((differences(&y), differences_by_dickey_fuller(&y, None)), (0, 0));
    }

    #[test]
    fn constants_and_single_values_do_no_harm() {
        assert_eq!(autocorrelations(&[4.0; 9], 3), [1.0, 0.0, 0.0, 0.0]);
        assert_eq!(partial_autocorrelations(&[4.0], 2), [0.0, 0.0]);
        assert_eq!(ljung_box(&[4.0; 9], 3), 0.0);
        assert_eq!((differences(&[1.0]), seasonal_differences(&[1.0], 12)), (0, 0));
    }
}
