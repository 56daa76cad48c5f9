//! How often to difference: seasonal strength and the KPSS test.
//!
//! KPSS: Kwiatkowski, Phillips, Schmidt & Shin (1992), Journal of Econometrics 54, 159-178, level stationarity at 5 %, lags
//! as R's `ndiffs`. Strength: Wang, Smith & Hyndman (2006), Data Mining and Knowledge Discovery 13, 335-364, over the
//! decomposition of [`crate::stl`], as R's `nsdiffs`. ADF: Said & Dickey (1984), Biometrika 71, 599-607.

use crate::stl::mstl;

/// Value above which the KPSS statistic rejects level stationarity at 5 %.
const KPSS_CRITICAL: f64 = 0.463;
/// Value below which the Dickey-Fuller statistic with a constant rejects a unit root at 5 %.
const ADF_CRITICAL: f64 = -2.86;
/// Strength of a season above which it is differenced, as in R's `nsdiffs`.
const STRONG: f64 = 0.64;

/// KPSS statistic of level stationarity; zero for a constant.
pub(super) fn kpss(y: &[f64]) -> f64 {
    let n = y.len() as f64;
    let mean = y.iter().sum::<f64>() / n;
    let errors: Vec<f64> = y.iter().map(|v| v - mean).collect();
    let lags = (3.0 * n.sqrt() / 13.0) as usize;
    let covariance = |lag: usize| errors.iter().zip(&errors[lag.min(errors.len())..]).map(|(a, b)| a * b).sum::<f64>();
    let mut variance = covariance(0);
    for lag in 1..=lags {
        variance += 2.0 * (1.0 - lag as f64 / (lags + 1) as f64) * covariance(lag);
    }
    let (mut sum, mut squares) = (0.0, 0.0);
    for e in &errors {
        sum += e;
        squares += sum * sum;
    }
    let statistic = squares / (n * variance);
    if statistic.is_finite() { statistic } else { 0.0 }
}

/// Differences that make a series level stationary by the KPSS test, at most `most`.
pub(crate) fn differences(y: &[f64], most: usize) -> usize {
    let mut rest = y.to_vec();
    for d in 0..most {
        if rest.len() < 5 || is_constant(&rest) || kpss(&rest) <= KPSS_CRITICAL {
            return d;
        }
        rest = rest.windows(2).map(|pair| pair[1] - pair[0]).collect();
    }
    most
}

/// Augmented Dickey-Fuller statistic with a constant and some lags, (n - 1)^(1/3) for `None`; `None` where it cannot be
/// had.
pub(super) fn dickey_fuller(y: &[f64], lags: Option<usize>) -> Option<f64> {
    let lags = lags.unwrap_or(libm::cbrt(y.len().saturating_sub(1) as f64) as usize);
    let steps: Vec<f64> = y.windows(2).map(|pair| pair[1] - pair[0]).collect();
    let rows = steps.len().checked_sub(lags).filter(|rows| *rows > lags + 3)?;
    let target = steps[lags..].to_vec();
    // The level comes last, so that the last row of the triangle gives its standard error.
    let mut columns = vec![vec![1.0; rows]];
    columns.extend((1..=lags).map(|lag| steps[lags - lag..steps.len() - lag].to_vec()));
    columns.push(y[lags..y.len() - 1].to_vec());
    let k = columns.len();
    let solved = super::regression::least_squares(target, columns);
    let sigma2 = super::optimize::dot(&solved.residuals, &solved.residuals) / (rows - k) as f64;
    let statistic = solved.beta[k - 1] * solved.triangle[k - 1][k - 1] / sigma2.sqrt();
    statistic.is_finite().then_some(statistic)
}

/// Whether the Dickey-Fuller test rejects a unit root at 5 %.
pub(crate) fn rejects_unit_root(y: &[f64], lags: Option<usize>) -> bool {
    dickey_fuller(y, lags).is_some_and(|statistic| statistic < ADF_CRITICAL)
}

/// Whether a season is strong enough to be differenced.
pub(crate) fn seasonal_differences(y: &[f64], season_length: usize) -> usize {
    usize::from(strength(y, season_length) > STRONG)
}

/// 1 - var(remainder) / var(season + remainder), from 0 to 1; 0 with fewer than two seasons.
pub(super) fn strength(y: &[f64], season_length: usize) -> f64 {
    let varied = season_length > 1 && !is_constant(y);
    let parts = if varied { mstl(y, &[season_length], false) } else { None };
    let Some(parts) = parts else { return 0.0 };
    let both: Vec<f64> = y.iter().zip(&parts.trend).map(|(v, trend)| v - trend).collect();
    let ratio = variance(&parts.remainder) / variance(&both);
    if ratio.is_finite() { (1.0 - ratio).clamp(0.0, 1.0) } else { 0.0 }
}

/// Whether all values are alike.
fn is_constant(y: &[f64]) -> bool {
    y.iter().all(|v| *v == y[0])
}

fn variance(values: &[f64]) -> f64 {
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / values.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths::Dice;

    fn noise(n: usize) -> Vec<f64> {
        let mut dice = Dice::new(12);
        (0..n).map(|_| dice.unit() - 0.5).collect()
    }

    fn summed(x: &[f64]) -> Vec<f64> {
        let mut sum = 0.0;
        let next = |v: &f64| {
            sum += v;
            sum
        };
        x.iter().map(next).collect()
    }

    #[test]
    fn noise_is_level_and_its_sums_are_not() {
        let noise = noise(300);
        let (walk, twice) = (summed(&noise), summed(&summed(&noise)));
        assert_eq!([&noise, &walk, &twice].map(|y| differences(y, 2)), [0, 1, 2]);
        assert_eq!([&noise, &walk].map(|y| rejects_unit_root(y, None)), [true, false]);
        assert_eq!(differences(&[4.0; 50], 2), 0);
        assert_eq!(differences(&[1.0, 2.0], 2), 0);
    }

    #[test]
    fn only_strong_seasons_are_differenced() {
        let with =
            |size: f64| noise(120).iter().enumerate().map(|(t, v)| v + size * (t % 6) as f64).collect::<Vec<_>>();
        assert_eq!([0.0, 2.0].map(|size| seasonal_differences(&with(size), 6)), [0, 1]);
        assert_eq!(strength(&[3.0; 40], 6), 0.0);
        assert_eq!(strength(&with(2.0)[..10], 6), 0.0, "fewer than two seasons");
    }
}
