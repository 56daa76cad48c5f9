//! Checks of the parts against each other and of the whole on hard input.

use super::design::{Design, Units};
use super::exact::evaluate;
use super::kalman;
use super::order::Order;
use super::outlook::Outlook;
use super::polynomial::Coefficients;
use crate::paths::Dice;

fn sample(n: usize, season_length: usize) -> Vec<f64> {
    let mut dice = Dice::new(17);
    let mut level = 10.0;
    (0..n)
        .map(|t| {
            level += dice.unit() - 0.5;
            level + 3.0 * ((t % season_length) as f64) + 2.0 * dice.unit()
        })
        .collect()
}

fn check_dense(order: Order, free: &[f64], n: usize, missing: impl Fn(usize) -> bool) {
    let values = sample(n, order.season_length.max(2));
    let observed: Vec<bool> = (0..n).map(|t| !missing(t)).collect();
    let gaps: Vec<Option<f64>> = values.iter().zip(&observed).map(|(v, seen)| seen.then_some(*v)).collect();
    let units = Units { center: 0.0, scale: 1.0, regressors: vec![] };
    // What stands in the gaps must not matter.
    let filled: Vec<f64> = gaps.iter().enumerate().map(|(t, v)| v.unwrap_or(5.0 + (t % 3) as f64)).collect();
    let design = Design::new(order, &filled, &observed, &[], &units);
    let coefficients = Coefficients::from_free(&order, free);
    let found = evaluate(&design, std::slice::from_ref(&coefficients)).pop().flatten().unwrap();
    let dense = kalman::filter(&order, &coefficients, &gaps, 30);
    let (ours, theirs) = (found.log_likelihood(), dense.log_likelihood);
    assert!((ours - theirs).abs() <= 1e-8 * theirs.abs(), "{order}: {ours}, dense filter {theirs}");
    let outlook = Outlook::new(&design, &coefficients, &[]).unwrap();
    let ahead = outlook.means(30).into_iter().zip(outlook.variances(30));
    for (h, ((mean, variance), (m, v))) in ahead.zip(dense.means.iter().zip(&dense.variances)).enumerate() {
        assert!((mean - m).abs() <= 1e-7 * m.abs().max(1.0), "{order}: mean {h} is {mean}, dense filter {m}");
        assert!((variance - v).abs() <= 1e-7 * v, "{order}: variance {h} is {variance}, dense filter {v}");
    }
}

#[test]
fn likelihood_and_forecasts_are_those_of_a_dense_filter() {
    let none = |_: usize| false;
    check_dense(Order::new(1, 0, 0), &[0.8], 60, none);
    check_dense(Order::new(0, 0, 2), &[0.8, -0.3], 60, none);
    check_dense(Order::new(2, 0, 1), &[1.5, -0.8, 0.4], 60, none);
    check_dense(Order::new(1, 1, 2), &[-0.5, 0.7, 3.0], 60, none);
    check_dense(Order::new(1, 2, 1), &[0.3, 0.7], 60, none);
    check_dense(Order::new(1, 0, 1).seasonal(0, 1, 1, 6), &[2.0, 0.3, 40.0], 90, none);
    check_dense(Order::new(2, 1, 1).seasonal(1, 1, 2, 4), &[0.5, 0.2, 0.4, 0.6, 0.9, -0.3], 90, none);
    check_dense(Order::new(0, 1, 1).seasonal(2, 0, 0, 4), &[0.5, 0.2, 0.4], 90, none);
}

#[test]
fn gaps_are_those_of_a_dense_filter() {
    let seasonal = Order::new(1, 1, 1).seasonal(0, 1, 1, 6);
    for free in [[0.5, 0.3, 0.8], [4.0, 0.6, 30.0]] {
        check_dense(seasonal, &free, 160, |t| t == 50);
        check_dense(seasonal, &free, 160, |t| t % 16 == 5);
        check_dense(seasonal, &free, 160, |t| t % 7 > 1 || (60..80).contains(&t));
        check_dense(seasonal, &free, 160, |t| t == 2 || t == 158 || t == 157);
    }
    let plain = Order::new(2, 0, 1);
    check_dense(plain, &[0.5, 0.3, 0.8], 160, |t| t == 1 || t == 50);
    check_dense(plain, &[0.5, 0.3, 0.8], 160, |t| t % 16 == 5);
    check_dense(plain, &[0.5, 0.3, 0.8], 160, |t| t % 8 < 5 && t > 0 && t < 159);
}
