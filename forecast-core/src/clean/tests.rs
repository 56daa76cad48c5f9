//! Samples of all kinds, and the series that they become.

use super::*;
use crate::series::Sample;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 / 3600 * 3600 + seconds).unwrap()
}

fn raw(samples: &[(i64, Option<f64>)]) -> RawSeries {
    let samples = samples.iter().map(|(seconds, value)| Sample { time: at(*seconds), value: *value }).collect();
    RawSeries { name: "requests".into(), samples }
}

fn regular(step: i64, values: &[f64]) -> RawSeries {
    raw(&values.iter().enumerate().map(|(i, v)| (i as i64 * step, Some(*v))).collect::<Vec<_>>())
}

fn check_values(raw: &RawSeries, options: &CleanOptions, expected: &[Option<f64>]) -> Report {
    let cleaned = clean(raw, options).unwrap();
    let found: Vec<Option<f64>> = (0..cleaned.series.len()).map(|t| cleaned.series.observation(t)).collect();
    assert_eq!(found, expected);
    cleaned.report
}

fn step(seconds: u64) -> CleanOptions {
    CleanOptions { step: Some(Duration::from_secs(seconds)), ..CleanOptions::default() }
}

#[test]
fn the_step_is_told_from_the_stamps() {
    let report = check_values(
        &raw(&[(0, Some(1.0)), (60, Some(2.0)), (120, Some(3.0)), (300, Some(6.0))]),
        &CleanOptions::default(),
        &[Some(1.0), Some(2.0), Some(3.0), None, None, Some(6.0)],
    );
    assert_eq!((report.native_step_seconds, report.step_seconds, report.missing), (60, 60, 2));
    assert_eq!(report.gaps, [Gap { from: at(180), to: at(300), steps: 2 }]);
}

#[test]
fn finer_samples_are_averaged_in_bins_from_the_first() {
    let values: Vec<f64> = (0..12).map(f64::from).collect();
    let report = check_values(&regular(60, &values), &step(300), &[Some(2.0), Some(7.0), None]);
    assert_eq!((report.native_step_seconds, report.step_seconds), (60, 300));
}

#[test]
fn a_bin_is_missing_with_under_four_fifths_of_its_samples() {
    let mut samples: Vec<(i64, Option<f64>)> = (0..15).map(|i| (60 * i, Some(1.0))).collect();
    samples[2].1 = None;
    samples[5].1 = None;
    samples.remove(6);
    check_values(&raw(&samples), &step(300), &[Some(1.0), None, Some(1.0)]);
}

#[test]
fn coarser_samples_keep_their_step() {
    let report = check_values(&regular(3600, &[1.0, 2.0]), &step(300), &[Some(1.0), Some(2.0)]);
    assert_eq!(report.step_seconds, 3600);
}

#[test]
fn other_aggregations() {
    let y = regular(60, &[1.0, 5.0, 3.0, 2.0]);
    for (aggregation, expected) in
        [(Aggregation::Sum, [6.0, 5.0]), (Aggregation::Max, [5.0, 3.0]), (Aggregation::Last, [5.0, 2.0])]
    {
        let options = CleanOptions { aggregation, ..step(120) };
        check_values(&y, &options, &expected.map(Some));
    }
}

#[test]
fn disorder_and_duplicates_are_settled_and_counted() {
    let samples = raw(&[(120, Some(3.0)), (0, Some(1.0)), (60, Some(2.0)), (60, Some(4.0)), (180, Some(f64::NAN))]);
    let report = check_values(&samples, &CleanOptions::default(), &[Some(1.0), Some(4.0), Some(3.0), None]);
    assert_eq!((report.unsorted, report.duplicates.count, report.not_finite.count), (1, 1, 1));
    assert_eq!(report.duplicates.first, [at(60)]);
    let options = CleanOptions { duplicates: Duplicates::Mean, ..CleanOptions::default() };
    check_values(&samples, &options, &[Some(1.0), Some(3.0), Some(3.0), None]);
}

#[test]
fn stamps_off_the_grid_are_snapped() {
    let samples = raw(&[(0, Some(1.0)), (62, Some(2.0)), (119, Some(3.0)), (180, Some(4.0)), (239, Some(5.0))]);
    let report = check_values(&samples, &CleanOptions::default(), &[1.0, 2.0, 3.0, 4.0, 5.0].map(Some));
    assert_eq!(report.snapped.count, 3);
}

#[test]
fn irregular_samples_need_a_step() {
    let samples = raw(&[(0, Some(1.0)), (17, Some(2.0)), (95, Some(3.0)), (130, Some(5.0)), (260, Some(4.0))]);
    let error = clean(&samples, &CleanOptions::default()).unwrap_err();
    assert!(matches!(error, CleanError::StepUnclear { .. }), "{error}");
    check_values(&samples, &step(60), &[Some(1.5), Some(3.0), Some(5.0), None, Some(4.0)]);
    let error = clean(&raw(&[(0, Some(1.0))]), &CleanOptions::default()).unwrap_err();
    assert!(error.to_string().contains("a single stamp"), "{error}");
    check_values(&raw(&[(0, Some(1.0))]), &step(60), &[Some(1.0)]);
}

#[test]
fn values_out_of_bounds_are_missing() {
    let options = CleanOptions { lower_bound: Some(0.0), upper_bound: Some(10.0), ..CleanOptions::default() };
    let report = check_values(&regular(60, &[1.0, -1.0, 11.0, 10.0]), &options, &[Some(1.0), None, None, Some(10.0)]);
    assert_eq!(report.out_of_bounds.first, [at(60), at(120)]);
}

#[test]
fn what_is_no_series_is_named() {
    let fails = |raw: &RawSeries, options: &CleanOptions| clean(raw, options).unwrap_err().to_string();
    assert!(fails(&raw(&[]), &CleanOptions::default()).contains("`requests` has no samples"));
    assert!(fails(&raw(&[(0, None), (60, None)]), &CleanOptions::default()).contains("none of the 2 samples"));
    let far = raw(&[(0, Some(1.0)), (1, Some(1.0)), (2, Some(1.0)), (90_000_000, Some(1.0))]);
    assert!(fails(&far, &CleanOptions::default()).contains("look for a wrong stamp"));
    let half = CleanOptions { step: Some(Duration::from_millis(500)), ..CleanOptions::default() };
    assert!(fails(&regular(60, &[1.0]), &half).contains("whole seconds"));
}

#[test]
fn saturation_outliers_and_shifts_are_flagged() {
    let mut values: Vec<f64> = (0..24 * 20).map(|t| 50.0 + (t % 24) as f64 + (t * 7 % 5) as f64).collect();
    values[200] = 900.0;
    for value in &mut values[24 * 12..] {
        *value += 200.0;
    }
    let options = CleanOptions {
        saturated_at: Some(900.0),
        flag_outliers: true,
        flag_level_shifts: true,
        ..CleanOptions::default()
    };
    let report = clean(&regular(3600, &values), &options).unwrap().report;
    assert_eq!(report.saturated.first, [at(200 * 3600)]);
    assert!(report.outliers.first.contains(&at(200 * 3600)), "{:?}", report.outliers);
    assert_eq!(report.level_shifts.first, [at(12 * 86_400)]);
}
