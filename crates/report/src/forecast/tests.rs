//! The page as a whole: what it says, what it leaves out, and that nothing a caller hands in can break it.

use super::*;

const HOSTILE: &str = "</title><script>alert(1)</script><img src=x onerror=\"a('b')\">";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn series(values: &[f64]) -> TimeSeries {
    let values = values.iter().copied().map(Some).collect();
    TimeSeries { start: at("2026-11-22T00:00:00Z"), step_seconds: 3_600, values }
}

fn small() -> ForecastReport {
    ForecastReport {
        title: "checkout".to_owned(),
        as_of: at("2026-11-23T00:00:00Z"),
        time_zone: "Europe/Berlin".to_owned(),
        model: Some("auto".to_owned()),
        accuracy: Some(0.912),
        history: Some(series(&[5.0; 24])),
        forecast: Some(ForecastSeries {
            center: TimeSeries { start: at("2026-11-23T00:00:00Z"), ..series(&[6.0; 24]) },
            bands: Vec::new(),
        }),
        ..ForecastReport::default()
    }
}

fn schedule(units: &[u32]) -> Schedule {
    let start = at("2026-11-23T00:00:00Z").as_second();
    let step = |(i, units): (usize, &u32)| Step {
        from: Timestamp::from_second(start + 6 * 3_600 * i as i64).unwrap(),
        units: *units,
        reason: Some("forecast".to_owned()),
    };
    Schedule {
        steps: units.iter().enumerate().map(step).collect(),
        valid_until: Some(at("2026-11-24T00:00:00Z")),
        ..Schedule::default()
    }
}

fn replay(ours: (f64, f64), hpa: (f64, f64)) -> Replay {
    let row = |name: &str, (hours, slo): (f64, f64)| ReplayRow {
        name: name.to_owned(),
        unit_hours: Some(hours),
        slo: Some(slo),
        ..ReplayRow::default()
    };
    Replay { days: Some(28.0), rows: vec![row("ours", ours), row("hpa", hpa), row("static", (200.0, 1.0))] }
}

/// The page without its markup, as a reader has it.
fn text_of(report: &ForecastReport) -> String {
    let html = render(report);
    let body = html.split_once("</head>").unwrap().1;
    let mut text = String::new();
    for part in body.split('<').skip(1) {
        text.push_str(part.split_once('>').unwrap().1);
    }
    text
}

fn check_says(report: &ForecastReport, expected: &[&str]) {
    let text = text_of(report);
    for part in expected {
        assert!(text.contains(part), "`{part}` is not in:\n{text}");
    }
}

#[test]
fn an_empty_report_is_a_page() {
    let report = ForecastReport::default();
    let unknown = ["Unknown time zone (none given)", "There is no forecast.", "There is no measured load."];
    check_says(&report, &unknown);
    check_says(&report, &["3 things to look at first", "No data to draw."]);
    assert!(!render(&report).contains("NaN"));
}

#[test]
fn one_point_of_history_is_enough_for_a_chart() {
    let report = ForecastReport { history: Some(series(&[5.0])), ..small() };
    assert!(render(&report).contains("id=\"load-chart-t\""));
}

#[test]
fn a_good_report_says_that_nothing_needs_a_look() {
    let report = ForecastReport {
        schedule: Some(schedule(&[4, 9, 5])),
        replay: Some(replay((90.0, 0.999), (100.0, 0.98))),
        ..small()
    };
    check_says(
        &report,
        &[
            "Nothing needs a look",
            "runs between 4 and 9 units, its peak first on Mon 23 Nov 07:00, and is valid until Tue 24 Nov 01:00.",
            "The model auto was 91.2% accurate.",
            "Replayed over the last 28 days, such plans used 55.0% fewer unit-hours than a static peak (service level 100%) \
             and 10.0% fewer unit-hours than the Kubernetes HPA (service level 98.00%), at a service level of 99.90%.",
        ],
    );
}

#[test]
fn what_is_wrong_comes_first() {
    let mut planned = schedule(&[4, 9]);
    planned.max = Some(9);
    planned.needed = Some(ForecastSeries { center: series(&[3.0, 11.2]), bands: Vec::new() });
    let backtest = Backtest { coverage: vec![Coverage { nominal: 0.9, seen: 0.71 }], ..Backtest::default() };
    let report = ForecastReport {
        warnings: vec!["two hours are missing".to_owned()],
        schedule: Some(planned),
        replay: Some(replay((110.0, 0.97), (100.0, 0.98))),
        backtest: Some(backtest),
        ..small()
    };
    check_says(
        &report,
        &[
            "5 things to look at first",
            "two hours are missing",
            "used 10.0% more unit-hours than the Kubernetes HPA",
            "lower service level: 97.00% against 98.00% of the Kubernetes HPA",
            "Intervals are too narrow: 90.0% promised, 71.0% seen",
            "The forecast needs 12 units at its peak; the maximum is 9.",
        ],
    );
}

#[test]
fn what_is_unknown_is_never_good_news() {
    let stale = ForecastReport { as_of: at("2026-11-23T05:30:00Z"), ..small() };
    check_says(&stale, &["One thing to look at first", "The last measured value is 390 min older than this report."]);
    let unmeasured = ForecastReport { accuracy: None, ..small() };
    check_says(&unmeasured, &["One thing to look at first", "such forecasts are has not been measured."]);
    let empty = ForecastSeries { center: series(&[f64::NAN; 3]), bands: Vec::new() };
    check_says(&ForecastReport { forecast: Some(empty), ..small() }, &["There is no forecast."]);
}

#[test]
fn what_is_missing_is_left_out() {
    let text = text_of(&small());
    for absent in ["Schedule:", "Savings:", "Backtest:", "Settings", "Source:", "Vs. HPA", "n/a"] {
        assert!(!text.contains(absent), "`{absent}` is in:\n{text}");
    }
    let rows = vec![ReplayRow { name: "mine".to_owned(), ..ReplayRow::default() }];
    let text = text_of(&ForecastReport { replay: Some(Replay { days: None, rows }), ..small() });
    assert!(text.contains("mine") && text.contains("n/a") && !text.contains("Cost"), "{text}");
}

#[test]
fn numbers_that_are_none_are_missing() {
    let bad = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308];
    let band = Band { lower_level: f64::NAN, upper_level: 0.9, lower: vec![Some(1.0); 4], upper: vec![Some(2.0); 2] };
    for value in bad {
        let row =
            ReplayRow { name: "ours".to_owned(), unit_hours: Some(value), slo: Some(value), ..ReplayRow::default() };
        let report = ForecastReport {
            accuracy: Some(value),
            skill: Some(value),
            history: Some(series(&[value, 1.0, value])),
            forecast: Some(ForecastSeries { center: series(&[1.0, value]), bands: vec![band.clone()] }),
            schedule: Some(Schedule { risk: Some(value), cost: Some(value), ..schedule(&[1]) }),
            backtest: Some(Backtest {
                days: Some(value),
                coverage: vec![Coverage { nominal: 0.9, seen: value }],
                ..Backtest::default()
            }),
            replay: Some(Replay { days: Some(value), rows: vec![row] }),
            members: vec![Member { weight: Some(value), wape: Some(value), ..Member::default() }],
            ..small()
        };
        let html = render(&report);
        assert!(!html.contains("NaN") && !html.contains(">inf") && !html.contains("inf%"), "{value}: {html}");
    }
}

#[test]
fn every_text_of_the_caller_is_escaped() {
    let hostile = || HOSTILE.to_owned();
    let some = || Some(hostile());
    let mut planned = schedule(&[1, 2, 3]);
    planned.steps[1].reason = some();
    planned.unit_name = some();
    planned.currency = some();
    planned.cost = Some(1.0);
    planned.after = Some(After::Weekly { steps: vec![WeeklyStep { day: 9, time: hostile(), units: 1 }] });
    let mut replayed = replay((1.0, 1.0), (2.0, 1.0));
    replayed.rows[1].name = hostile();
    replayed.rows[1].cost = Some(2.0);
    let report = ForecastReport {
        title: hostile(),
        subtitle: some(),
        time_zone: hostile(),
        load_unit: some(),
        model: some(),
        warnings: vec![hostile()],
        schedule: Some(planned),
        replay: Some(replayed),
        backtest: Some(Backtest {
            scores: vec![Score { model: hostile(), ..Score::default() }],
            ..Backtest::default()
        }),
        members: vec![Member { name: hostile(), reason: some(), ..Member::default() }],
        source: Some(SourceFacts {
            source: some(),
            cleaned: vec![Cleaned { kind: hostile(), count: 1 }],
            ..SourceFacts::default()
        }),
        settings: vec![Setting { name: hostile(), value: hostile() }],
        ..small()
    };
    let html = render(&report);
    assert!(!html.contains("<script") && !html.contains("<img") && html.matches("<title>").count() >= 1);
    assert!(html.matches("&lt;script&gt;").count() >= 17, "{}", html.matches("&lt;script&gt;").count());
}

#[test]
fn the_timetable_follows_the_clock_change() {
    let steps = ["2026-10-24T22:00:00Z", "2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T23:00:00Z"];
    let step = |t: &str| Step { from: at(t), units: 3, reason: Some("min".to_owned()) };
    let planned = Schedule { steps: steps.map(step).to_vec(), ..Schedule::default() };
    let report = ForecastReport { schedule: Some(planned), ..small() };
    // Sunday has 25 hours: half past two occurs twice on it.
    check_says(&report, &["Sun 25 Oct00:00 302:30 302:30 3Mon 26 Oct00:00 3"]);
}

#[test]
fn steps_in_disorder_are_put_in_order() {
    let mut planned = schedule(&[1, 2, 3]);
    planned.steps.reverse();
    let disorder = ForecastReport { schedule: Some(planned), ..small() };
    let order = ForecastReport { schedule: Some(schedule(&[1, 2, 3])), ..small() };
    assert_eq!(render(&disorder), render(&order));
}

#[test]
fn each_way_after_the_end_is_said() {
    let weekly = || After::Weekly { steps: vec![WeeklyStep { day: 1, time: "07:30".to_owned(), units: 9 }] };
    let cases = [
        (weekly(), "then the typical week goes on", "Monday07:30 9"),
        (After::Weekly { steps: Vec::new() }, "then the typical week goes on", "the typical week goes on."),
        (After::Restore, "then what was there before is restored", "what was there before the schedule is restored."),
        (After::Hold, "then the last step stays", "the last step stays."),
    ];
    for (after, sentence, row) in cases {
        let planned = Schedule { after: Some(after), ..schedule(&[1, 2]) };
        check_says(&ForecastReport { schedule: Some(planned), ..small() }, &[sentence, row]);
    }
}

#[test]
fn instants_at_the_ends_of_time_do_no_harm() {
    let far = |start| TimeSeries { start, step_seconds: u32::MAX, values: vec![Some(1.0); 500] };
    for start in [Timestamp::MIN, Timestamp::MAX] {
        let step = Step { from: start, units: 1, reason: None };
        let report = ForecastReport {
            as_of: start,
            history: Some(far(Timestamp::MIN)),
            forecast: Some(ForecastSeries { center: far(Timestamp::MAX), bands: Vec::new() }),
            schedule: Some(Schedule { steps: vec![step], valid_until: Some(Timestamp::MAX), ..Schedule::default() }),
            ..small()
        };
        assert!(render(&report).ends_with("</html>\n"));
    }
}

#[test]
fn the_record_says_how_forecasts_really_did() {
    let record = Record {
        since: at("2026-11-22T06:00:00Z"),
        forecasts: 3,
        accuracy: Some(0.874),
        forecast: series(&[4.0; 24]),
        actual: series(&[5.0; 24]),
    };
    let text = text_of(&ForecastReport { record: Some(record), ..small() });
    assert!(text.contains("3 forecasts were made since"), "{text}");
    assert!(text.contains("Accuracy 87.4%; the backtest has 91.2%."), "{text}");
    assert!(!text_of(&small()).contains("Record"), "without a record there is no section");
}
