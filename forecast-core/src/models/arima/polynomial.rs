//! Lag polynomials: products of short and seasonal factors, and partial autocorrelations that keep them stationary.
//!
//! A factor 1 - phi[1] B - ... is stationary exactly if all its partial autocorrelations lie within (-1, 1); the
//! Durbin-Levinson recursion leads from one to the other. Source: Barndorff-Nielsen & Schou (1973), Journal of Multivariate
//! Analysis 3, 408-419; Monahan (1984), Biometrika 71, 403-404. A moving-average factor is treated as the negative of one.

use serde::{Deserialize, Serialize};

use super::order::Order;

/// Largest size of a partial autocorrelation; at 1 a factor would have a unit root.
const LARGEST: f64 = 1.0 - 1e-7;

/// Coefficients of the four factors: (1 - ar) (1 - seasonal ar) w = (1 + ma) (1 + seasonal ma) e, lag 1 first.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(super) struct Coefficients {
    pub(super) ar: Vec<f64>,
    pub(super) ma: Vec<f64>,
    pub(super) seasonal_ar: Vec<f64>,
    pub(super) seasonal_ma: Vec<f64>,
}

impl Coefficients {
    /// Coefficients from numbers without bounds, in the order of the fields; `order.coefficients()` of them.
    pub(super) fn from_free(order: &Order, free: &[f64]) -> Self {
        let (ar, rest) = free.split_at(order.p);
        let (ma, rest) = rest.split_at(order.q);
        let (seasonal_ar, seasonal_ma) = rest.split_at(order.seasonal_p);
        let negative = |free: &[f64]| from_partial(free).into_iter().map(|c| -c).collect();
        Self {
            ar: from_partial(ar),
            ma: negative(ma),
            seasonal_ar: from_partial(seasonal_ar),
            seasonal_ma: negative(seasonal_ma),
        }
    }

    /// Numbers without bounds that give these coefficients, or ones close by inside the region.
    pub(super) fn to_free(&self) -> Vec<f64> {
        let negative = |c: &[f64]| c.iter().map(|c| -c).collect::<Vec<_>>();
        let mut out = free_of(&self.ar);
        out.extend(free_of(&negative(&self.ma)));
        out.extend(free_of(&self.seasonal_ar));
        out.extend(free_of(&negative(&self.seasonal_ma)));
        out
    }

    /// phi of the product (1 - ar) (1 - seasonal ar) = 1 - phi[1] B - ..., lag 1 first.
    pub(super) fn phi(&self, season_length: usize) -> Vec<f64> {
        product(&self.ar, &self.seasonal_ar, season_length, -1.0)
    }

    /// theta of the product (1 + ma) (1 + seasonal ma) = 1 + theta[1] B + ..., lag 1 first.
    pub(super) fn theta(&self, season_length: usize) -> Vec<f64> {
        product(&self.ma, &self.seasonal_ma, season_length, 1.0)
    }

    /// The same for other orders: blocks cut or filled up with zeros.
    pub(super) fn resized(&self, order: &Order) -> Self {
        let resized = |block: &[f64], count: usize| {
            let mut block = block.to_vec();
            block.resize(count, 0.0);
            block
        };
        Self {
            ar: resized(&self.ar, order.p),
            ma: resized(&self.ma, order.q),
            seasonal_ar: resized(&self.seasonal_ar, order.seasonal_p),
            seasonal_ma: resized(&self.seasonal_ma, order.seasonal_q),
        }
    }

    /// All coefficients with their names as R gives them.
    pub(super) fn named(&self) -> impl Iterator<Item = (String, f64)> + '_ {
        let blocks = [("ar", &self.ar), ("ma", &self.ma), ("sar", &self.seasonal_ar), ("sma", &self.seasonal_ma)];
        blocks.into_iter().flat_map(|(name, block)| {
            block.iter().enumerate().map(move |(i, value)| (format!("{name}{}", i + 1), *value))
        })
    }
}

/// Non-zero coefficients with their lags.
pub(super) fn taps(dense: &[f64]) -> Vec<(usize, f64)> {
    dense.iter().enumerate().filter(|(_, c)| **c != 0.0).map(|(i, c)| (i + 1, *c)).collect()
}

/// Coefficients of (1 + s a) (1 + s b(B^m)) in the form 1 + s c; `sign` is s.
fn product(short: &[f64], seasonal: &[f64], m: usize, sign: f64) -> Vec<f64> {
    let mut out = vec![0.0; short.len() + seasonal.len() * m];
    out[..short.len()].copy_from_slice(short);
    for (j, b) in seasonal.iter().enumerate() {
        let lag = (j + 1) * m;
        out[lag - 1] += b;
        for (i, a) in short.iter().enumerate() {
            out[lag + i] += sign * a * b;
        }
    }
    out
}

/// Coefficients of a stationary factor from numbers without bounds, by way of partial autocorrelations u / sqrt(1 + u^2).
fn from_partial(free: &[f64]) -> Vec<f64> {
    let mut phi: Vec<f64> = Vec::with_capacity(free.len());
    for u in free {
        let r = (u / (1.0 + u * u).sqrt()).clamp(-LARGEST, LARGEST);
        if !phi.is_empty() {
            let before = phi.clone();
            phi.iter_mut().zip(before.iter().rev()).for_each(|(value, mirrored)| *value -= r * mirrored);
        }
        phi.push(r);
    }
    phi
}

/// The inverse of [`from_partial`]; partial autocorrelations outside the region are brought inside.
fn free_of(phi: &[f64]) -> Vec<f64> {
    let mut rest = phi.to_vec();
    let mut out = vec![0.0; phi.len()];
    for k in (0..phi.len()).rev() {
        let r = rest[k].clamp(-0.999, 0.999);
        let r = if r.is_nan() { 0.0 } else { r };
        out[k] = r / (1.0 - r * r).sqrt();
        rest.truncate(k);
        let before = rest.clone();
        for (value, mirrored) in rest.iter_mut().zip(before.iter().rev()) {
            *value = (*value + r * mirrored) / (1.0 - r * r);
        }
    }
    out
}

/// Partial autocorrelations of an AR polynomial; `None` unless it is stationary.
pub(super) fn partial_autocorrelations(phi: &[f64]) -> Option<Vec<f64>> {
    let mut rest = phi.to_vec();
    let mut out = vec![0.0; phi.len()];
    let mut before = Vec::with_capacity(phi.len());
    for k in (0..phi.len()).rev() {
        let r = rest[k];
        if r.is_nan() || r.abs() >= 1.0 {
            return None;
        }
        out[k] = r;
        rest.truncate(k);
        if r != 0.0 {
            before.clone_from(&rest);
            let inverse = 1.0 / ((1.0 - r) * (1.0 + r));
            for (value, mirrored) in rest.iter_mut().zip(before.iter().rev()) {
                *value = (*value + r * mirrored) * inverse;
            }
        }
    }
    Some(out)
}

/// Autocovariances of an ARMA process with innovations of variance 1, lags 0 to `last`; `None` unless it is stationary.
///
/// Those of 1 / phi(B) by Durbin-Levinson from its partial autocorrelations, then the moving average over them: O(p^2)
/// time and O(p + q) memory.
pub(super) fn autocovariances(phi: &[f64], theta: &[f64], last: usize) -> Option<Vec<f64>> {
    let (p, q) = (phi.len(), theta.len());
    if p == 0 {
        let mut out = products(theta);
        out.resize(last + 1, 0.0);
        return Some(out);
    }
    let partial = partial_autocorrelations(phi)?;
    let mut pure = Vec::with_capacity(last + q + 1);
    pure.push(partial.iter().fold(1.0, |g, r| g / ((1.0 - r) * (1.0 + r))));
    let mut error = pure[0];
    let mut current: Vec<f64> = Vec::with_capacity(p);
    let mut before = Vec::with_capacity(p);
    for (k, r) in partial.iter().enumerate() {
        let predicted: f64 = current.iter().zip(pure[1..=k].iter().rev()).map(|(c, g)| c * g).sum();
        pure.push(predicted + r * error);
        error *= (1.0 - r) * (1.0 + r);
        if *r != 0.0 {
            before.clone_from(&current);
            for (value, mirrored) in current.iter_mut().zip(before.iter().rev()) {
                *value -= r * mirrored;
            }
        }
        current.push(*r);
    }
    let of_phi = taps(phi);
    for k in p + 1..=last + q {
        pure.push(of_phi.iter().map(|(lag, c)| c * pure[k - lag]).sum());
    }
    if q == 0 {
        pure.truncate(last + 1);
        return Some(pure);
    }
    let moving: Vec<(usize, f64)> = products(theta).into_iter().enumerate().filter(|(_, c)| *c != 0.0).collect();
    let covariance = |k: usize| -> f64 {
        let side = |(s, c): &(usize, f64)| if *s == 0 { c * pure[k] } else { c * (pure[k + s] + pure[k.abs_diff(*s)]) };
        moving.iter().map(side).sum()
    };
    Some((0..=last).map(covariance).collect())
}

/// Autocovariances of a moving average with innovations of variance 1, lags 0 to q.
fn products(theta: &[f64]) -> Vec<f64> {
    let mut all = vec![(0, 1.0)];
    all.extend(taps(theta));
    let mut out = vec![0.0; theta.len() + 1];
    for (i, a) in &all {
        for (j, b) in &all {
            if j >= i {
                out[j - i] += a * b;
            }
        }
    }
    out
}

/// Coefficients of phi(B)^-1 theta(B), lags 0 to `last`.
#[cfg(test)]
pub(super) fn psi_weights(phi: &[(usize, f64)], theta: &[f64], last: usize) -> Vec<f64> {
    let mut psi = Vec::with_capacity(last + 1);
    psi.push(1.0);
    for k in 1..=last {
        let own = theta.get(k - 1).copied().unwrap_or(0.0);
        let carried: f64 = phi.iter().filter(|(lag, _)| *lag <= k).map(|(lag, c)| c * psi[k - lag]).sum();
        psi.push(own + carried);
    }
    psi
}

/// (1 - B)^d (1 - B^m)^D in the form 1 - delta[1] B - ...: y[t] = w[t] + the sum of delta[i] y[t-i].
pub(super) fn differencing(d: usize, seasonal_d: usize, m: usize) -> Vec<f64> {
    let mut delta: Vec<f64> = vec![1.0];
    let mut times = |lag: usize| {
        let before = delta.clone();
        delta.resize(before.len() + lag, 0.0);
        for (i, c) in before.iter().enumerate() {
            delta[i + lag] -= c;
        }
    };
    (0..d).for_each(|_| times(1));
    (0..seasonal_d).for_each(|_| times(m));
    delta[1..].iter().map(|c| -c).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partial_autocorrelations_lead_there_and_back() {
        let free = [0.3, -2.0, 0.7];
        let phi = from_partial(&free);
        let back = free_of(&phi);
        assert!(free.iter().zip(&back).all(|(a, b)| (a - b).abs() < 1e-12), "{back:?}");
        let partial = partial_autocorrelations(&phi).unwrap();
        assert!(partial.iter().zip(free).all(|(r, u)| (r - u / (1.0_f64 + u * u).sqrt()).abs() < 1e-12));
        assert_eq!(partial_autocorrelations(&[1.0]), None, "a unit root");
        assert_eq!(partial_autocorrelations(&[0.6, 0.5]), None, "an explosive one");
    }

    #[test]
    fn factors_multiply() {
        let c = Coefficients { ar: vec![0.5], ma: vec![0.4], seasonal_ar: vec![0.3], seasonal_ma: vec![-0.2] };
        assert_eq!(c.phi(4), [0.5, 0.0, 0.0, 0.3, -0.15]);
        assert_eq!(c.theta(4), [0.4, 0.0, 0.0, -0.2, -0.08000000000000002]);
        assert_eq!(differencing(1, 1, 3), [1.0, 0.0, 1.0, -1.0]);
        assert_eq!(differencing(2, 0, 1), [2.0, -1.0]);
    }

    #[test]
    fn autocovariances_are_the_sums_over_psi_weights() {
        let c = Coefficients { ar: vec![0.5, -0.3], ma: vec![0.4], seasonal_ar: vec![0.6], seasonal_ma: vec![0.7] };
        let (phi, theta) = (c.phi(4), c.theta(4));
        let psi = psi_weights(&taps(&phi), &theta, 600);
        let found = autocovariances(&phi, &theta, 9).unwrap();
        for (k, found) in found.iter().enumerate() {
            let expected: f64 = psi.iter().zip(&psi[k..]).map(|(a, b)| a * b).sum();
            assert!((found - expected).abs() < 1e-12 * expected.abs().max(1.0), "lag {k}: {found}, {expected}");
        }
    }
}
