//! A report as a web service would give it: eight weeks of 5-minute load with a daily and a weekly season, a gap, a
//! flash crowd and a clock change, a forecast of a week, its timetable, backtest and replay. All data are generated.

use jiff::{Timestamp, tz::TimeZone};
use stormglass_report::TimeSeries;
use stormglass_report::forecast::*;

const STEP: u32 = 300;
const DAY: usize = 288;
const PER_UNIT: f64 = 260.0 * 0.7;
const ZONE: &str = "Europe/Berlin";

/// The sample; always the same.
pub(crate) fn report() -> ForecastReport {
    let as_of: Timestamp = "2026-11-23T05:00:00Z".parse().expect("a valid instant");
    let start = shift(as_of, -((56 * DAY) as i64));
    let mut noise = Noise(20_261_123);
    let mut history: Vec<Option<f64>> =
        (0..56 * DAY).map(|i| Some(load(shift(start, i as i64)) * noise.factor(0.05))).collect();
    history[30 * DAY..30 * DAY + 40].fill(None);
    for (i, value) in history[44 * DAY + 150..44 * DAY + 165].iter_mut().enumerate() {
        *value = value.map(|v| v * (1.7 - i as f64 * 0.04));
    }
    let ahead: Vec<f64> = (0..7 * DAY).map(|i| load(shift(as_of, i as i64))).collect();
    let history = series(start, history);
    ForecastReport {
        title: "checkout-api".to_owned(),
        subtitle: Some("Web requests of the checkout service, production".to_owned()),
        as_of,
        time_zone: ZONE.to_owned(),
        load_unit: Some("requests/s".to_owned()),
        model: Some("auto".to_owned()),
        accuracy: Some(0.9312),
        skill: Some(0.124),
        warnings: vec!["40 samples are missing between Wed 28 Oct and Thu 29 Oct; they were filled from the same hours of other weeks.".to_owned()],
        forecast: Some(forecast(as_of, &ahead, 1.0)),
        schedule: Some(schedule(as_of, &ahead, &history)),
        backtest: Some(backtest(&history)),
        record: Some(record(&history)),
        history: Some(history),
        replay: Some(replay()),
        members: members(),
        source: Some(SourceFacts {
            source: Some("prometheus: sum(rate(http_requests_total{job=\"checkout\"}[5m]))".to_owned()),
            n: Some(56 * DAY as u64),
            step_seconds: Some(u64::from(STEP)),
            from: Some(start),
            to: Some(as_of),
            gaps: Some(40),
            cleaned: vec![Cleaned { kind: "outliers".to_owned(), count: 15 }, Cleaned { kind: "duplicates".to_owned(), count: 2 }],
            seasons_seconds: vec![86_400, 604_800],
        }),
        settings: [
            ("preset", "standard"),
            ("horizon", "7 days"),
            ("refresh_interval", "6 h"),
            ("target_utilization", "0.70"),
            ("strategy", "risk 0.001"),
            ("warm_up", "3 min"),
            ("dwell", "30 min"),
            ("min / max", "3 / 24"),
            ("after", "weekly"),
            ("on_source_error", "keep"),
        ]
        .map(|(name, value)| Setting { name: name.to_owned(), value: value.to_owned() })
        .to_vec(),
    }
}

/// Load without noise: the day's and the week's shape in local time.
fn load(at: Timestamp) -> f64 {
    let local = at.to_zoned_datetime(TimeZone::get(ZONE).expect("a known zone"));
    let hour = f64::from(local.hour()) + f64::from(local.minute()) / 60.0;
    let bump = |center: f64, width: f64| (-((hour - center) / width).powi(2)).exp();
    let weekend = matches!(local.weekday(), jiff::civil::Weekday::Saturday | jiff::civil::Weekday::Sunday);
    let shape = 0.14 + 0.62 * bump(11.5, 3.2) + 0.8 * bump(19.5, 2.6);
    3_300.0 * shape * if weekend { 0.68 } else { 1.0 }
}

fn forecast(start: Timestamp, center: &[f64], scale: f64) -> ForecastSeries {
    let band = |lower_level: f64, upper_level: f64, z: f64| {
        // Uncertainty grows with the lead, then stays at that of the season.
        let spread = |i: usize| z * (0.05 + 0.06 * (i as f64 / 400.0).min(1.0)) * scale;
        let bound = |sign: f64| center.iter().enumerate().map(|(i, v)| Some(v * (1.0 + sign * spread(i)))).collect();
        Band { lower_level, upper_level, lower: bound(-1.0), upper: bound(1.0) }
    };
    ForecastSeries {
        center: series(start, center.iter().map(|v| Some(*v)).collect()),
        bands: vec![band(0.05, 0.95, 1.64), band(0.1, 0.9, 1.28)],
    }
}

fn schedule(as_of: Timestamp, ahead: &[f64], history: &TimeSeries) -> Schedule {
    let units = |v: f64| v / PER_UNIT;
    let mut steps: Vec<Step> = Vec::new();
    for (i, hours) in ahead.chunks(24).enumerate() {
        let peak = hours.iter().copied().fold(0.0, f64::max);
        let wanted = (units(peak) * 1.12).ceil() as u32;
        let (count, reason) = if wanted <= 3 { (3, "min") } else { (wanted, "forecast") };
        let from = shift(as_of, i as i64 * 24);
        if steps.last().is_none_or(|s| s.units != count) {
            steps.push(Step { from, units: count, reason: Some(reason.to_owned()) });
        }
    }
    let weekly = |day: u8, time: &str, units: u32| WeeklyStep { day, time: time.to_owned(), units };
    let week = (1..=7).flat_map(|d| {
        let peak = if d > 5 { 12 } else { 17 };
        [weekly(d, "00:00", 4), weekly(d, "08:00", 12), weekly(d, "17:00", peak), weekly(d, "22:00", 6)]
    });
    let recent = history.values.len() - 4 * DAY;
    let needed_seen: Vec<Option<f64>> = history.values[recent..].iter().map(|v| v.map(units)).collect();
    let ran: Vec<Option<f64>> = needed_seen
        .chunks(36)
        .flat_map(|c| {
            let most = c.iter().flatten().copied().fold(3.0, f64::max);
            vec![Some((most * 1.1).ceil()); c.len()]
        })
        .collect();
    let needed: Vec<f64> = ahead.iter().map(|v| units(*v)).collect();
    let recent_start = shift(history.start, recent as i64);
    Schedule {
        steps,
        valid_until: Some(shift(as_of, 7 * DAY as i64)),
        after: Some(After::Weekly { steps: week.collect() }),
        min: Some(3),
        max: Some(24),
        unit_name: Some("units".to_owned()),
        needed_seen: Some(series(recent_start, needed_seen)),
        needed: Some(forecast(as_of, &needed, 1.0)),
        ran: Some(series(recent_start, ran)),
        risk: Some(0.000_74),
        cost: Some(171.36),
        currency: Some("USD".to_owned()),
    }
}

fn backtest(history: &TimeSeries) -> Backtest {
    let from = history.values.len() - 7 * DAY;
    let start = shift(history.start, from as i64);
    let mut noise = Noise(7);
    let center: Vec<f64> = (0..7 * DAY).map(|i| load(shift(start, i as i64)) * noise.factor(0.02)).collect();
    let score = |model: &str, wape: f64, mase: f64, rmsse: f64| Score {
        model: model.to_owned(),
        wape: Some(wape),
        mase: Some(mase),
        rmsse: Some(rmsse),
    };
    Backtest {
        lead_seconds: Some(21_600),
        forecast: Some(forecast(start, &center, 0.9)),
        actual: Some(series(start, history.values[from..].to_vec())),
        origins: Some(112),
        days: Some(28.0),
        coverage: [(0.8, 0.791), (0.9, 0.912), (0.95, 0.902)]
            .map(|(nominal, seen)| Coverage { nominal, seen })
            .to_vec(),
        scores: vec![
            score("auto", 0.0688, 0.71, 0.74),
            score("weekly_median_profile", 0.0785, 0.82, 0.85),
            score("seasonal_naive", 0.0931, 0.97, 1.02),
            score("naive", 0.3612, 3.77, 3.4),
        ],
    }
}

fn record(history: &TimeSeries) -> Record {
    let from = history.values.len() - 9 * DAY;
    let start = shift(history.start, from as i64);
    let mut noise = Noise(11);
    let said: Vec<Option<f64>> =
        (0..9 * DAY).map(|i| Some(load(shift(start, i as i64)) * noise.factor(0.02))).collect();
    Record {
        since: start,
        forecasts: 36,
        accuracy: Some(0.9287),
        forecast: series(start, said),
        actual: series(start, history.values[from..].to_vec()),
    }
}

fn replay() -> Replay {
    let row = |name: &str, hours: f64, slo: f64, unserved: f64, changes: f64| ReplayRow {
        name: name.to_owned(),
        unit_hours: Some(hours),
        cost: Some(hours * 0.102),
        slo: Some(slo),
        unserved: Some(unserved),
        changes_per_day: Some(changes),
    };
    Replay {
        days: Some(28.0),
        rows: vec![
            row("ours", 6_402.0, 0.9991, 0.000_12, 7.9),
            row("hpa", 6_731.0, 0.9874, 0.000_41, 41.3),
            row("static", 12_768.0, 1.0, 0.0, 0.0),
            row("oracle", 5_544.0, 1.0, 0.0, 18.2),
        ],
    }
}

fn members() -> Vec<Member> {
    let member = |name: &str, weight: f64, wape: f64, reason: &str| Member {
        name: name.to_owned(),
        weight: Some(weight),
        wape: Some(wape),
        reason: Some(reason.to_owned()),
    };
    vec![
        member("weekly_median_profile", 0.52, 0.0785, "smallest error at leads over 6 h in the last two weeks"),
        member("seasonal_naive_levelled", 0.31, 0.0812, "follows the level of the last day best"),
        member("holt_winters_additive", 0.14, 0.0894, "best in the first hour ahead"),
        member("seasonal_naive", 0.03, 0.0931, "kept as the base that the others have to beat"),
    ]
}

fn series(start: Timestamp, values: Vec<Option<f64>>) -> TimeSeries {
    TimeSeries { start, step_seconds: STEP, values }
}

fn shift(at: Timestamp, steps: i64) -> Timestamp {
    Timestamp::from_second(at.as_second() + steps * i64::from(STEP)).expect("within the calendar")
}

/// A small linear congruential generator, so that the sample needs no crate and never changes.
struct Noise(u64);

impl Noise {
    fn factor(&mut self, spread: f64) -> f64 {
        let sum: f64 = (0..4).map(|_| self.uniform()).sum();
        1.0 + spread * (sum - 2.0)
    }

    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }
}
