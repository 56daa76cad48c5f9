//! Scores of forecasts; a missing truth is skipped, a score that is not defined is `None`.
//!
//! Sources: Hyndman & Koehler (2006), International Journal of Forecasting 22, 679-688 (MASE); Makridakis, Spiliotis &
//! Assimakopoulos (2020), same journal 36, 54-74 (sMAPE as in M4) and (2022) 38, 1346-1364 (RMSSE); Gneiting & Raftery
//! (2007), Journal of the American Statistical Association 102, 359-378 (pinball, CRPS, energy score).

use crate::forecast::Level;

/// Pairs of truth and forecast where the truth is known.
fn pairs<'a>(truth: &'a [Option<f64>], forecast: &'a [f64]) -> impl Iterator<Item = (f64, f64)> + 'a {
    truth.iter().zip(forecast).filter_map(|(y, f)| Some(((*y)?, *f)))
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0usize), |(sum, count), v| (sum + v, count + 1));
    (count > 0).then(|| sum / count as f64)
}

/// Sum of absolute errors over the sum of absolute truths; `None` where all truth is zero or none is known.
pub fn wape(truth: &[Option<f64>], forecast: &[f64]) -> Option<f64> {
    let (error, size) = pairs(truth, forecast).fold((0.0, 0.0), |(e, s), (y, f)| (e + (y - f).abs(), s + y.abs()));
    (size > 0.0).then(|| error / size)
}

/// Symmetric mean absolute percentage error as in M4, in percent from 0 to 200; two zeros count as no error.
pub fn smape(truth: &[Option<f64>], forecast: &[f64]) -> Option<f64> {
    mean(pairs(truth, forecast).map(|(y, f)| {
        let size = y.abs() + f.abs();
        if size > 0.0 { 200.0 * (y - f).abs() / size } else { 0.0 }
    }))
}

/// Mean absolute error over that of the seasonal naive method on the series learned from.
///
/// `None` where the past is no longer than a season or repeats it exactly.
pub fn mase(past: &[Option<f64>], truth: &[Option<f64>], forecast: &[f64], season_length: usize) -> Option<f64> {
    let naive = mean(naive_errors(past, season_length).map(f64::abs)).filter(|e| *e > 0.0)?;
    Some(mean(pairs(truth, forecast).map(|(y, f)| (y - f).abs()))? / naive)
}

/// Root mean squared error over that of the seasonal naive method on the series learned from; `None` as [`mase`].
pub fn rmsse(past: &[Option<f64>], truth: &[Option<f64>], forecast: &[f64], season_length: usize) -> Option<f64> {
    let naive = mean(naive_errors(past, season_length).map(|e| e * e)).filter(|e| *e > 0.0)?;
    Some((mean(pairs(truth, forecast).map(|(y, f)| (y - f) * (y - f)))? / naive).sqrt())
}

fn naive_errors(past: &[Option<f64>], season_length: usize) -> impl Iterator<Item = f64> + '_ {
    let season = season_length.max(1);
    let then = past.iter();
    past.iter().skip(season).zip(then).filter_map(|(now, then)| Some((*now)? - (*then)?))
}

/// Mean pinball loss of the quantile of one level, in the unit of the series.
pub fn pinball(truth: &[Option<f64>], quantile: &[f64], level: Level) -> Option<f64> {
    let p = level.probability();
    mean(pairs(truth, quantile).map(|(y, q)| if y >= q { p * (y - q) } else { (1.0 - p) * (q - y) }))
}

/// Continuous ranked probability score from quantiles: twice the mean pinball loss over evenly spread levels.
///
/// `quantiles`: one column of the horizon's length a level. The more levels, the closer to the integral; levels that
/// are not evenly spread are weighted by the stretch of probability nearest to them.
pub fn crps(truth: &[Option<f64>], quantiles: &[(Level, Vec<f64>)]) -> Option<f64> {
    let mut sorted: Vec<&(Level, Vec<f64>)> = quantiles.iter().collect();
    sorted.sort_by(|a, b| a.0.probability().total_cmp(&b.0.probability()));
    let at = |i: usize| sorted[i].0.probability();
    let mut sum = 0.0;
    for (i, (level, values)) in sorted.iter().map(|q| (q.0, &q.1)).enumerate() {
        let low = if i == 0 { 0.0 } else { 0.5 * (at(i - 1) + at(i)) };
        let high = if i + 1 == sorted.len() { 1.0 } else { 0.5 * (at(i) + at(i + 1)) };
        sum += 2.0 * (high - low) * pinball(truth, values, level)?;
    }
    (!sorted.is_empty()).then_some(sum)
}

/// Continuous ranked probability score of one truth from samples: E|X - y| - E|X - X'| / 2.
pub fn crps_of_samples(truth: f64, samples: &[f64]) -> Option<f64> {
    let n = samples.len() as f64;
    let mut sorted = samples.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let off = mean(sorted.iter().map(|x| (x - truth).abs()))?;
    // Sum over pairs of |x - x'| from the ranks, so that the cost is that of sorting.
    let pairs: f64 = sorted.iter().enumerate().map(|(i, x)| (2.0 * i as f64 + 1.0 - n) * x).sum();
    Some(off - pairs / (n * n))
}

/// Energy score of joint paths: the score of samples with the Euclidean distance over the whole horizon.
///
/// `paths`: one row a path, each at least as long as the truth. Steps without truth are left out; `None` if none is left.
///
/// # Panics
/// A path is shorter than the truth.
pub fn energy(truth: &[Option<f64>], paths: &[Vec<f64>]) -> Option<f64> {
    let known: Vec<(usize, f64)> = truth.iter().enumerate().filter_map(|(k, y)| Some((k, (*y)?))).collect();
    if known.is_empty() || paths.is_empty() {
        return None;
    }
    let distance = |square: &dyn Fn(usize, f64) -> f64| known.iter().map(|(k, y)| square(*k, *y)).sum::<f64>().sqrt();
    let n = paths.len() as f64;
    let off: f64 = paths.iter().map(|p| distance(&|k, y| (p[k] - y) * (p[k] - y))).sum();
    let mut apart = 0.0;
    for (i, a) in paths.iter().enumerate() {
        apart += paths[..i].iter().map(|b| distance(&|k, _| (a[k] - b[k]) * (a[k] - b[k]))).sum::<f64>();
    }
    Some(off / n - apart / (n * n))
}

/// Share of truths at or below the quantile.
pub fn coverage(truth: &[Option<f64>], quantile: &[f64]) -> Option<f64> {
    mean(pairs(truth, quantile).map(|(y, q)| f64::from(y <= q)))
}

/// Share of truths inside an interval, its bounds included.
pub fn interval_coverage(truth: &[Option<f64>], lower: &[f64], upper: &[f64]) -> Option<f64> {
    let bounds = lower.iter().zip(upper);
    mean(truth.iter().zip(bounds).filter_map(|(y, (l, u))| y.map(|y| f64::from(*l <= y && y <= *u))))
}

/// Mean width of an interval, in the unit of the series.
pub fn interval_width(lower: &[f64], upper: &[f64]) -> Option<f64> {
    mean(lower.iter().zip(upper).map(|(l, u)| u - l))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRUTH: [Option<f64>; 4] = [Some(10.0), None, Some(20.0), Some(0.0)];
    const FORECAST: [f64; 4] = [12.0, 99.0, 17.0, 0.0];

    fn level(p: f64) -> Level {
        Level::new(p).unwrap()
    }

    fn check(found: Option<f64>, expected: f64) {
        let found = found.expect("the score is defined");
        assert!((found - expected).abs() < 1e-12, "{found}, expected {expected}");
    }

    #[test]
    fn absolute_and_relative_errors() {
        check(wape(&TRUTH, &FORECAST), 5.0 / 30.0);
        check(smape(&TRUTH, &FORECAST), 200.0 * (2.0 / 22.0 + 3.0 / 37.0) / 3.0);
        assert_eq!(wape(&[Some(0.0), None], &[1.0, 1.0]), None);
        assert_eq!(smape(&[None], &[1.0]), None);
    }

    #[test]
    fn scaled_errors() {
        let past = [Some(1.0), Some(2.0), Some(4.0), None, Some(5.0), Some(8.0)];
        // Differences one step apart: 1, 2, 3.
        check(mase(&past, &TRUTH, &FORECAST, 1), (5.0 / 3.0) / 2.0);
        check(rmsse(&past, &TRUTH, &FORECAST, 1), ((13.0 / 3.0) / (14.0 / 3.0_f64)).sqrt());
        assert_eq!(mase(&[Some(1.0); 5], &TRUTH, &FORECAST, 1), None);
        assert_eq!(mase(&past, &TRUTH, &FORECAST, 6), None);
    }

    #[test]
    fn quantile_scores() {
        check(pinball(&TRUTH, &FORECAST, level(0.9)), (0.1 * 2.0 + 0.9 * 3.0) / 3.0);
        check(coverage(&TRUTH, &FORECAST), 2.0 / 3.0);
        check(interval_coverage(&TRUTH, &[11.0, 0.0, 19.0, 0.0], &[13.0, 0.0, 21.0, 0.0]), 2.0 / 3.0);
        check(interval_width(&[1.0, 2.0], &[2.0, 5.0]), 2.0);
        assert_eq!(coverage(&[None], &[1.0]), None);
    }

    #[test]
    fn the_ranked_probability_score_of_quantiles_nears_that_of_samples() {
        let samples: Vec<f64> = (0..999).map(|i| f64::from(i) / 999.0).collect();
        let truth = 0.3;
        // Of a uniform distribution: (y^3 + (1 - y)^3) / 3.
        let exact = (0.027 + 0.343) / 3.0;
        let by_samples = crps_of_samples(truth, &samples).unwrap();
        let quantiles: Vec<(Level, Vec<f64>)> =
            (0..999).map(|i| (f64::from(i) + 0.5) / 999.0).map(|p| (level(p), vec![p])).collect();
        let by_quantiles = crps(&[Some(truth)], &quantiles).unwrap();
        assert!((by_samples - exact).abs() < 1e-3, "{by_samples}");
        assert!((by_quantiles - exact).abs() < 1e-3, "{by_quantiles}");
        assert_eq!(crps_of_samples(1.0, &[]), None);
        assert_eq!(crps(&[Some(1.0)], &[]), None);
    }

    #[test]
    fn the_energy_score_of_one_step_is_the_ranked_probability_score() {
        let samples = [1.0, 4.0, 4.5, 9.0];
        let paths: Vec<Vec<f64>> = samples.iter().map(|x| vec![*x, 7.0]).collect();
        let energy = energy(&[Some(3.0), None], &paths).unwrap();
        assert!((energy - crps_of_samples(3.0, &samples).unwrap()).abs() < 1e-12);
    }
}
