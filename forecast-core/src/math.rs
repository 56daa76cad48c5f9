//! Small numeric helpers that give the same bits on every machine.
//!
//! Elementary functions come from `libm`, not from the system's mathematics library. Normal quantile: Wichura (1988),
//! Algorithm AS 241, Applied Statistics 37, 477-484 (about 16 digits). `statrs` has the same functions over the system's
//! logarithm, whose last bit differs between machines: it checks ours in a test.

/// Quantile of the standard normal distribution; `p` strictly between 0 and 1.
pub fn normal_quantile(p: f64) -> f64 {
    let q = p - 0.5;
    if q.abs() <= 0.425 {
        let r = 0.180_625 - q * q;
        return q * polynomial(&CENTER_NUMERATOR, r) / polynomial(&CENTER_DENOMINATOR, r);
    }
    let tail = if q < 0.0 { p } else { 1.0 - p };
    let r = (-libm::log(tail)).sqrt();
    let x = if r <= 5.0 {
        polynomial(&MIDDLE_NUMERATOR, r - 1.6) / polynomial(&MIDDLE_DENOMINATOR, r - 1.6)
    } else {
        polynomial(&TAIL_NUMERATOR, r - 5.0) / polynomial(&TAIL_DENOMINATOR, r - 5.0)
    };
    if q < 0.0 { -x } else { x }
}

/// Distribution function of the standard normal distribution.
pub fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x * std::f64::consts::FRAC_1_SQRT_2)
}

/// Median of some values, `None` of none; reorders them.
pub(crate) fn median(values: &mut [f64]) -> Option<f64> {
    let n = values.len();
    if n == 0 {
        return None;
    }
    let (below, middle, _) = values.select_nth_unstable_by(n / 2, f64::total_cmp);
    let middle = *middle;
    if n % 2 == 1 {
        return Some(middle);
    }
    let lower = below.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    Some(lower + 0.5 * (middle - lower))
}

/// Quantile of ascending values by linear interpolation at (n - 1) p, as R's type 7; `sorted` is not empty.
pub(crate) fn quantile_of_sorted(sorted: &[f64], p: f64) -> f64 {
    let at = p.clamp(0.0, 1.0) * (sorted.len() - 1) as f64;
    let low = at as usize;
    let part = at - low as f64;
    if part == 0.0 { sorted[low] } else { sorted[low] + part * (sorted[low + 1] - sorted[low]) }
}

/// Horner's scheme; coefficients from the constant term up.
fn polynomial(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

const CENTER_NUMERATOR: [f64; 8] = [
    3.387_132_872_796_366_5,
    133.141_667_891_784_38,
    1_971.590_950_306_551_3,
    13_731.693_765_509_46,
    45_921.953_931_549_87,
    67_265.770_927_008_7,
    33_430.575_583_588_13,
    2_509.080_928_730_122_7,
];
const CENTER_DENOMINATOR: [f64; 8] = [
    1.0,
    42.313_330_701_600_91,
    687.187_007_492_057_9,
    5_394.196_021_424_751,
    21_213.794_301_586_597,
    39_307.895_800_092_71,
    28_729.085_735_721_943,
    5_226.495_278_852_854,
];
const MIDDLE_NUMERATOR: [f64; 8] = [
    1.423_437_110_749_683_5,
    4.630_337_846_156_546,
    5.769_497_221_460_691,
    3.647_848_324_763_204_5,
    1.270_458_252_452_368_4,
    0.241_780_725_177_450_6,
    0.022_723_844_989_269_184,
    7.745_450_142_783_414e-4,
];
const MIDDLE_DENOMINATOR: [f64; 8] = [
    1.0,
    2.053_191_626_637_759,
    1.676_384_830_183_803_8,
    0.689_767_334_985_1,
    0.148_103_976_427_480_08,
    0.015_198_666_563_616_457,
    5.475_938_084_995_345e-4,
    1.050_750_071_644_416_9e-9,
];
const TAIL_NUMERATOR: [f64; 8] = [
    6.657_904_643_501_103,
    5.463_784_911_164_114,
    1.784_826_539_917_291_3,
    0.296_560_571_828_504_87,
    0.026_532_189_526_576_124,
    0.001_242_660_947_388_078_4,
    2.711_555_568_743_487_6e-5,
    2.010_334_399_292_288_1e-7,
];
const TAIL_DENOMINATOR: [f64; 8] = [
    1.0,
    0.599_832_206_555_887_9,
    0.136_929_880_922_735_8,
    0.014_875_361_290_850_615,
    7.868_691_311_456_133e-4,
    1.846_318_317_510_054_8e-5,
    1.421_511_758_316_446e-7,
    2.044_263_103_389_939_8e-15,
];

/// The nearest finite number; zero for none.
pub(crate) fn finite(x: f64) -> f64 {
    if x.is_nan() { 0.0 } else { x.clamp(-f64::MAX, f64::MAX) }
}

/// What is forecast of a load: at least zero, unless it is one that `may_be_negative`.
pub(crate) fn floored(value: f64, may_be_negative: bool) -> f64 {
    if may_be_negative { value } else { value.max(0.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normal_quantile_inverts_the_distribution_function() {
        for p in [1e-12, 1e-6, 0.001, 0.025, 0.0749, 0.0751, 0.3, 0.5, 0.8, 0.95, 0.999, 1.0 - 1e-9] {
            let back = normal_cdf(normal_quantile(p));
            assert!((back - p).abs() <= 1e-13 * p.max(1e-3) + 1e-14 * p, "{p} came back as {back}");
        }
        assert_eq!(normal_quantile(0.5), 0.0);
        assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-14);
    }

    #[test]
    fn both_agree_with_statrs() {
        use statrs::distribution::{ContinuousCDF as _, Normal};
        let normal = Normal::standard();
        for k in 1..2_000 {
            let p = f64::from(k) / 2_000.0;
            let (ours, theirs) = (normal_quantile(p), normal.inverse_cdf(p));
            assert!((ours - theirs).abs() <= 1e-9 * theirs.abs().max(1.0), "{p}: {ours}, {theirs}");
            assert!((normal_cdf(ours) - normal.cdf(ours)).abs() <= 1e-9, "{p}");
        }
    }

    #[test]
    fn the_median_of_few_and_many_values() {
        assert_eq!(median(&mut []), None);
        assert_eq!(median(&mut [3.0]), Some(3.0));
        assert_eq!(median(&mut [4.0, 1.0]), Some(2.5));
        assert_eq!(median(&mut [9.0, 1.0, 5.0]), Some(5.0));
        assert_eq!(median(&mut [4.0, 1.0, 9.0, 5.0]), Some(4.5));
    }

    #[test]
    fn quantiles_interpolate_between_neighbors() {
        let sorted = [1.0, 2.0, 4.0];
        assert_eq!(quantile_of_sorted(&sorted, 0.0), 1.0);
        assert_eq!(quantile_of_sorted(&sorted, 0.75), 3.0);
        assert_eq!(quantile_of_sorted(&sorted, 1.0), 4.0);
    }
}
