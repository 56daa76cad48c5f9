//! Checks of the parts against each other and of the whole on hard input.

use super::design::{Design, Units};
use super::exact::evaluate_each;
use super::kalman;
use super::order::Order;
use super::outlook::Outlook;
use super::polynomial::Coefficients;
use super::{Arima, Likelihood, Search};
use crate::forecast::Level;
use crate::model::{Ahead, FitError, ForecastError, Forecaster};
use crate::models::testing::{check_fitted_traits, hourly, hourly_with_gaps};
use crate::paths::Dice;
use crate::series::Regressors;

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
    let found = evaluate_each(&[(&design, &coefficients)]).pop().flatten().unwrap();
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

#[test]
fn every_kind_forecasts_updates_and_is_restored() {
    let y = hourly(&sample(120, 4));
    let seasonal = Order::new(1, 1, 1).seasonal(0, 1, 1, 4);
    for model in [
        Arima::new(Order::new(1, 0, 1)),
        Arima::new(seasonal),
        Arima { likelihood: Likelihood::Css, ..Arima::new(seasonal) },
        Arima { constant: Some(true), ..Arima::new(Order::new(0, 1, 1)) },
        Arima { lambda: Some(0.0), ..Arima::new(seasonal) },
        Arima { season_length: Some(4), ..Arima::default() },
    ] {
        check_fitted_traits(&model, &y);
    }
    let mut gaps: Vec<Option<f64>> = sample(120, 4).into_iter().map(Some).collect();
    for t in [0, 30, 31, 32, 70, 117] {
        gaps[t] = None;
    }
    check_fitted_traits(&Arima::new(seasonal), &hourly_with_gaps(&gaps));
}

#[test]
fn missing_values_at_the_end_lengthen_the_horizon() {
    let values = sample(100, 4);
    let model = Arima::new(Order::new(1, 0, 1).seasonal(0, 1, 1, 4));
    let whole = model.fit(&hourly(&values)).unwrap().forecast(&Ahead::steps(8), &[]).unwrap();
    let mut gaps: Vec<Option<f64>> = values.into_iter().map(Some).collect();
    gaps.extend([None; 3]);
    let later = model.fit(&hourly_with_gaps(&gaps)).unwrap().forecast(&Ahead::steps(5), &[]).unwrap();
    for (later, whole) in later.point.iter().zip(&whole.point[3..]) {
        assert!((later - whole).abs() < 1e-9, "{later}, {whole}");
    }
    assert_eq!(later.start, hourly_with_gaps(&gaps).end());
}

fn with_regressor(n: usize) -> (crate::Series, Regressors) {
    let mut dice = Dice::new(4);
    let x = |t: usize| if t % 7 < 2 { 1.0 } else { 0.0 };
    let values: Vec<f64> = (0..n).map(|t| 20.0 + 5.0 * x(t) + dice.unit()).collect();
    let columns = |from: usize, to: usize| Regressors {
        names: vec!["sale".into()],
        values: ndarray::Array2::from_shape_fn((to - from, 1), |(t, _)| x(from + t)),
    };
    (hourly(&values).with_regressors(columns(0, n)).unwrap(), columns(n, n + 7))
}

#[test]
fn regressors_are_learned_and_asked_for() {
    let (y, regressors) = with_regressor(140);
    let fitted = Arima::new(Order::new(1, 0, 0)).fit(&y).unwrap();
    let found = fitted.parameters()["sale"];
    assert!((found - 5.0).abs() < 0.2, "{found}");
    let missing = fitted.forecast(&Ahead::steps(7), &[]);
    assert_eq!(missing, Err(ForecastError::Regressor { name: "sale".into(), needed: 7 }));
    let ahead = Ahead { horizon: 7, regressors, ..Ahead::default() };
    let point = fitted.forecast(&ahead, &[]).unwrap().point;
    assert!((point[0] - 25.5).abs() < 0.5 && (point[3] - 20.5).abs() < 0.5, "{point:?}");
    let restored = fitted.state().restore().unwrap();
    assert_eq!(restored.forecast(&ahead, &[]).unwrap().point, point);
    let without = hourly(&[20.0; 147]).span(140, 147).unwrap();
    assert!(fitted.state().restore().unwrap().update(&without).is_err(), "taken in without its regressor");
}

#[test]
fn what_explains_everything_has_no_variance() {
    for values in [vec![3.0; 40], (0..40).map(f64::from).collect(), (0..40).map(|t| f64::from(t % 4)).collect()] {
        let y = hourly(&values);
        for model in
            [Arima { season_length: Some(4), ..Arima::default() }, Arima::new(Order::new(1, 1, 1).seasonal(0, 1, 1, 4))]
        {
            let fitted = model.fit(&y).unwrap();
            let level = Level::new(0.9).unwrap();
            let forecast = fitted.forecast(&Ahead::steps(4), &[level]).unwrap();
            for (k, point) in forecast.point.iter().enumerate() {
                let last = values[39];
                let expected = if values[1] == 3.0 {
                    3.0
                } else if last == 39.0 {
                    40.0 + k as f64
                } else {
                    k as f64
                };
                assert!((point - expected).abs() < 1e-6, "{}: {point} at {k}, expected {expected}", fitted.name());
            }
        }
    }
}

#[test]
fn long_seasons_are_fitted_in_little_memory() {
    for m in [168, 288] {
        let y = hourly(&sample(4 * m, m));
        let fitted = Arima::new(Order::new(1, 0, 1).seasonal(0, 1, 1, m)).fit(&y).unwrap();
        let forecast = fitted.forecast(&Ahead::steps(2 * m), &[Level::new(0.9).unwrap()]).unwrap();
        assert!(forecast.quantiles.iter().all(|v| v.is_finite()));
        assert!(fitted.log_likelihood().unwrap().is_finite());
    }
}

#[test]
fn levels_and_units_do_not_matter() {
    let values = sample(96, 4);
    let model = Arima::new(Order::new(1, 0, 1).seasonal(0, 1, 1, 4));
    let base = model.fit(&hourly(&values)).unwrap().forecast(&Ahead::steps(6), &[]).unwrap().point;
    for (shift, unit) in [(1e9, 1.0), (0.0, 1e12), (0.0, 1e-250), (0.0, 1e250)] {
        let moved: Vec<f64> = values.iter().map(|v| (v + shift) * unit).collect();
        let found = model.fit(&hourly(&moved)).unwrap().forecast(&Ahead::steps(6), &[]).unwrap().point;
        for (found, base) in found.iter().zip(&base) {
            let back = found / unit - shift;
            assert!((back - base).abs() < 1e-3, "{shift}, {unit}: {back}, expected {base}");
        }
    }
}

#[test]
fn what_cannot_be_fitted_says_why() {
    let short = Arima::new(Order::new(1, 1, 1).seasonal(0, 1, 1, 24)).fit(&hourly(&[1.0, 3.0, 2.0]));
    assert!(matches!(short, Err(FitError::TooShort { needed: 30, got: 3, .. })), "{short:?}");
    let zero = Arima { lambda: Some(0.0), ..Arima::new(Order::new(1, 0, 0)) }.fit(&hourly(&[1.0, 0.0, 2.0, 3.0, 1.0]));
    assert!(matches!(zero, Err(FitError::NotPositive { index: 1, .. })), "{zero:?}");
    let given = [("ar1".to_owned(), 0.5)].into_iter().collect();
    let lacking = Arima { given, ..Arima::new(Order::new(1, 0, 1)) }.fit(&hourly(&sample(40, 4))).unwrap_err();
    assert!(lacking.to_string().contains("lack `ma1`"), "{lacking}");
    let given = [("ar1".to_owned(), 1.5), ("intercept".to_owned(), 0.0)].into_iter().collect();
    let explosive = Arima { given, ..Arima::new(Order::new(1, 0, 0)) }.fit(&hourly(&sample(40, 4))).unwrap_err();
    assert!(explosive.to_string().contains("stationary"), "{explosive}");
}

/// Models with and without a mean are compared in one unit, whatever size each is fitted in.
#[test]
fn a_level_far_from_zero_is_no_moving_average() {
    let mut without_differences = 0;
    for seed in 1..=8 {
        let mut dice = Dice::new(seed);
        let noise: Vec<f64> = (0..163).map(|_| dice.unit() - 0.5).collect();
        let values: Vec<f64> = noise.windows(4).map(|e| 60.0 + e[3] + 0.9 * e[2] + 0.8 * e[1] + 0.5 * e[0]).collect();
        let fitted = Arima { season_length: Some(1), ..Arima::default() }.fit(&hourly(&values)).unwrap();
        if fitted.differences() == Some((0, 0)) {
            without_differences += 1;
            let mean = fitted.parameters().get("intercept").copied();
            let near = mean.is_some_and(|mean| (mean - 60.0).abs() < 1.0);
            assert!(near, "{} with {:?}", fitted.name(), fitted.parameters());
        }
    }
    assert!(without_differences >= 4, "{without_differences}");
}

#[test]
fn a_full_search_is_no_worse_than_a_stepwise_one() {
    let y = hourly(&sample(80, 2));
    let found = |search| {
        let model = Arima { search, season_length: Some(1), ..Arima::default() };
        model.fit(&y).unwrap().aicc().unwrap()
    };
    assert!(found(Search::Full) <= found(Search::Stepwise) + 1e-3);
}

#[test]
fn courses_have_the_moments_of_the_forecast() {
    let y = hourly(&sample(120, 4));
    let fitted = Arima::new(Order::new(1, 1, 1).seasonal(0, 1, 1, 4)).fit(&y).unwrap();
    let ahead = Ahead::steps(10);
    let high = Level::new(0.841_344_746_068_543).unwrap();
    let forecast = fitted.forecast(&ahead, &[high]).unwrap();
    let paths = fitted.paths(&ahead, 4000, 3).unwrap().values;
    for k in 0..10 {
        let column = paths.column(k);
        let mean = column.mean().unwrap();
        let deviation = column.std(0.0);
        let expected = forecast.quantiles[(k, 0)] - forecast.point[k];
        assert!((mean - forecast.point[k]).abs() < 0.06 * expected, "lead {k}: {mean}, {}", forecast.point[k]);
        assert!((deviation / expected - 1.0).abs() < 0.05, "lead {k}: {deviation}, {expected}");
    }
}

/// Ranked on the filled series, fitted without what is missing.
#[test]
fn orders_are_found_beside_many_gaps() {
    let values = sample(240, 4).into_iter().enumerate();
    let some: Vec<Option<f64>> = values.map(|(t, v)| (t % 10 != 7).then_some(v)).collect();
    let model = Arima { season_length: Some(4), ..Arima::default() };
    let fitted = model.fit(&hourly_with_gaps(&some)).unwrap();
    assert_eq!(fitted.n_used() + fitted.differences().map_or(0, |(d, seasonal)| d + 4 * seasonal), 216);
}

#[test]
fn courses_know_nothing_of_each_other() {
    let fitted = Arima::new(Order::new(0, 0, 0)).fit(&hourly(&sample(120, 4))).unwrap();
    let paths = fitted.paths(&Ahead::steps(20), 300, 3).unwrap().values;
    // Of white noise no draw of one course comes back in any other.
    let mut draws: Vec<f64> = paths.iter().copied().filter(|v| *v > 0.0).collect();
    let count = draws.len();
    draws.sort_by(f64::total_cmp);
    draws.dedup();
    assert!(count > 5_000 && draws.len() == count, "{} different ones of {count}", draws.len());
}

#[test]
fn series_with_gaps_and_constants_give_the_same_fit_in_a_panel() {
    let series = |i: usize| -> crate::Series {
        let missing = |t: usize| i % 3 == 1 && t % 17 == 6;
        let values = sample(90 + 10 * (i % 2), 4).into_iter().enumerate();
        let bent = values.map(|(t, v)| if missing(t) { None } else { Some(v + 0.3 * ((i * t) % 7) as f64) });
        hourly_with_gaps(&bent.collect::<Vec<_>>())
    };
    let panel: Vec<crate::Series> = (0..11).map(series).collect();
    let seasonal = |order: Order| order.seasonal(1, 0, 1, 4);
    for model in [
        Arima::new(seasonal(Order::new(2, 0, 1))),
        Arima { constant: Some(true), ..Arima::new(Order::new(0, 1, 1)) },
        Arima { likelihood: Likelihood::Css, ..Arima::new(seasonal(Order::new(1, 0, 2))) },
    ] {
        let together = model.fit_all(&panel);
        for (i, (y, found)) in panel.iter().zip(together).enumerate() {
            let alone = model.fit(y).unwrap().state();
            let found = found.unwrap().state();
            let text = |state| serde_json::to_string(state).unwrap();
            assert_eq!(text(&alone), text(&found), "{} of series {i}", model.name());
        }
    }
}
