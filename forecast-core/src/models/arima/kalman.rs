//! A dense diffuse Kalman filter, as the other computation that the likelihood and the forecasts have to agree with.
//!
//! State: the ARMA state in Harvey's form and the last undifferenced values, these with infinite variance at the start,
//! taken in by the exact recursions of Durbin & Koopman (2012), Time Series Analysis by State Space Methods, section 5.2.

use super::LN_2_PI;
use super::order::Order;
use super::polynomial::{Coefficients, autocovariances, differencing, psi_weights, taps};

type Matrix = Vec<Vec<f64>>;
type Taps = Vec<(usize, f64)>;

/// Log-likelihood with sigma2 by maximum likelihood, and means and variances over sigma2 of the next `horizon` steps.
pub(super) struct Dense {
    pub(super) log_likelihood: f64,
    pub(super) means: Vec<f64>,
    pub(super) variances: Vec<f64>,
}

/// Filters `y` with its missing values.
pub(super) fn filter(order: &Order, coefficients: &Coefficients, y: &[Option<f64>], horizon: usize) -> Dense {
    let m = order.season_length;
    let (phi, theta) = (coefficients.phi(m), coefficients.theta(m));
    let delta = differencing(order.d, order.seasonal_d, m);
    let (r, lost) = (order.states(), delta.len());
    let size = r + lost;
    // y[t] = w[t] + the sum of delta[i] y[t-i]; the state holds w's states, then y[t-1], y[t-2], ...
    let mut z = vec![0.0; size];
    z[0] = 1.0;
    z[r..].copy_from_slice(&delta);
    let mut transition = vec![vec![0.0; size]; size];
    for i in 0..r {
        transition[i][0] = phi.get(i).copied().unwrap_or(0.0);
        if i + 1 < r {
            transition[i][i + 1] = 1.0;
        }
    }
    if lost > 0 {
        transition[r] = z.clone();
        for i in 1..lost {
            transition[r + i][r + i - 1] = 1.0;
        }
    }
    let noise: Vec<f64> = (0..size)
        .map(|i| {
            if i == 0 {
                1.0
            } else if i < r {
                theta.get(i - 1).copied().unwrap_or(0.0)
            } else {
                0.0
            }
        })
        .collect();
    let mut p = stationary(&phi, &theta, r, size);
    let mut diffuse = vec![vec![0.0; size]; size];
    diffuse.iter_mut().enumerate().skip(r).for_each(|(i, row)| row[i] = 1.0);
    let mut a = vec![0.0; size];
    let (mut sse, mut logs, mut used) = (0.0, 0.0, 0usize);
    let (mut means, mut variances) = (Vec::new(), Vec::new());
    for t in 0..y.len() + horizon {
        let pz = product(&p, &z);
        let f = dot(&z, &pz);
        if let Some(value) = y.get(t).copied().flatten() {
            let v = value - dot(&z, &a);
            let dz = product(&diffuse, &z);
            let f_diffuse = dot(&z, &dz);
            if f_diffuse > 1e-7 {
                logs += libm::log(f_diffuse);
                let k: Vec<f64> = dz.iter().map(|x| x / f_diffuse).collect();
                a.iter_mut().zip(&k).for_each(|(a, k)| *a += k * v);
                for i in 0..size {
                    for j in 0..size {
                        p[i][j] += k[i] * k[j] * f - pz[i] * k[j] - k[i] * pz[j];
                        diffuse[i][j] -= k[i] * dz[j];
                    }
                }
            } else {
                sse += v * v / f;
                logs += libm::log(f);
                used += 1;
                for i in 0..size {
                    a[i] += pz[i] / f * v;
                    for j in 0..size {
                        p[i][j] -= pz[i] * pz[j] / f;
                    }
                }
            }
        } else if t >= y.len() {
            means.push(dot(&z, &a));
            variances.push(f);
        }
        a = product(&transition, &a);
        p = sandwich(&transition, &p);
        diffuse = sandwich(&transition, &diffuse);
        for i in 0..size {
            for j in 0..size {
                p[i][j] += noise[i] * noise[j];
            }
        }
    }
    let n = used as f64;
    let log_likelihood = -0.5 * (n * (LN_2_PI + libm::log(sse / n)) + n + logs);
    Dense { log_likelihood, means, variances }
}

/// Covariance of the ARMA state over sigma2, from autocovariances and psi weights, element by element.
fn stationary(phi: &[f64], theta: &[f64], r: usize, size: usize) -> Matrix {
    let gamma = autocovariances(phi, theta, 2 * r).unwrap();
    let psi = psi_weights(&taps(phi), theta, 2 * r);
    // State i at t is the sum of phi[j] w[t+i-j] and theta[j] e[t+i-j] over j beyond i.
    let terms = |i: usize| -> (Taps, Taps) {
        if i == 0 {
            return (vec![(0, 1.0)], Vec::new());
        }
        let of_w = (i + 1..=phi.len()).map(|j| (j - i, phi[j - 1])).collect();
        let of_e = (i..=theta.len()).map(|j| (j - i, theta[j - 1])).collect();
        (of_w, of_e)
    };
    let mut out = vec![vec![0.0; size]; size];
    for (i, row) in out.iter_mut().enumerate().take(r) {
        for (j, cell) in row.iter_mut().enumerate().take(r) {
            let ((wi, ei), (wj, ej)) = (terms(i), terms(j));
            let mut sum = 0.0;
            for (a, x) in &wi {
                sum += wj.iter().map(|(b, y)| x * y * gamma[a.abs_diff(*b)]).sum::<f64>();
                // Cov(w[t-a], e[t-b]) is psi[b-a] for b >= a.
                sum += ej.iter().filter(|(b, _)| b >= a).map(|(b, y)| x * y * psi[b - a]).sum::<f64>();
            }
            for (a, x) in &ei {
                sum += wj.iter().filter(|(b, _)| a >= b).map(|(b, y)| x * y * psi[a - b]).sum::<f64>();
                sum += ej.iter().filter(|(b, _)| a == b).map(|(_, y)| x * y).sum::<f64>();
            }
            *cell = sum;
        }
    }
    out
}

fn product(matrix: &Matrix, vector: &[f64]) -> Vec<f64> {
    matrix.iter().map(|row| dot(row, vector)).collect()
}

fn sandwich(transition: &Matrix, p: &Matrix) -> Matrix {
    let half: Matrix = transition
        .iter()
        .map(|row| {
            let mut out = vec![0.0; row.len()];
            for (c, line) in row.iter().zip(p).filter(|(c, _)| **c != 0.0) {
                out.iter_mut().zip(line).for_each(|(x, y)| *x += c * y);
            }
            out
        })
        .collect();
    half.iter().map(|row| transition.iter().map(|other| dot(row, other)).collect()).collect()
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}
