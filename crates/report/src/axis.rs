//! Ticks of the two axes: round numbers with a suffix, and round local times.
//!
//! Time ticks walk the wall clock of the zone, so that midnight is midnight on days of 23 and 25 hours too; a local
//! time that does not exist moves to the next one that does, one that occurs twice gets its first occurrence.

use jiff::civil::{Date, DateTime, Weekday};
use jiff::{SignedDuration, ToSpan, tz::TimeZone};

use crate::format::{fixed, timestamp};

/// The vertical axis: its bounds and labeled values.
#[derive(Debug, PartialEq)]
pub(crate) struct ValueAxis {
    pub(crate) low: f64,
    pub(crate) high: f64,
    pub(crate) ticks: Vec<(f64, String)>,
}

/// Round bounds around `low..=high` and about `target` ticks; whole numbers only where asked.
pub(crate) fn value_axis(low: f64, high: f64, target: usize, whole: bool) -> ValueAxis {
    // A line along zero has zero at the bottom; any other constant lies in the middle.
    let (low, high) = match (low, high) {
        (l, h) if h > l => (l, h),
        (0.0, _) => (0.0, 1.0),
        (l, _) => (l - l.abs() * 0.5, l + l.abs() * 0.5),
    };
    let step = round_step((high - low) / target.max(1) as f64, whole);
    let (first, last) = ((low / step).floor(), (high / step).ceil());
    let biggest = first.abs().max(last.abs()) * step;
    let count = (last - first).clamp(0.0, 50.0) as usize;
    let ticks = (0..=count).map(|i| (first + i as f64) * step).map(|v| (v, label(v, step, biggest))).collect();
    ValueAxis { low: first * step, high: last * step, ticks }
}

/// The smallest of 1, 2 and 5 times a power of ten that is not below `raw`.
fn round_step(raw: f64, whole: bool) -> f64 {
    let mut power = 1.0;
    while power * 10.0 <= raw {
        power *= 10.0;
    }
    while power > raw && power > 1e-300 {
        power /= 10.0;
    }
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|m| m * power).find(|s| *s >= raw).unwrap_or(10.0 * power);
    if whole { step.max(1.0) } else { step }
}

/// The value in the suffix that suits the axis' biggest one.
fn label(value: f64, step: f64, biggest: f64) -> String {
    let (scale, suffix) = match biggest {
        b if !(1e-6..1e15).contains(&b) => return if value == 0.0 { "0".to_owned() } else { format!("{value:e}") },
        b if b >= 1e12 => (1e12, "T"),
        b if b >= 1e9 => (1e9, "G"),
        b if b >= 1e6 => (1e6, "M"),
        b if b >= 1e4 => (1e3, "k"),
        _ => (1.0, ""),
    };
    if value == 0.0 {
        return "0".to_owned();
    }
    let step = step / scale;
    let decimals = (0..=8).find(|d| step * POWERS[*d] > 0.999).unwrap_or(8);
    format!("{}{suffix}", fixed(value / scale, decimals))
}

const POWERS: [f64; 9] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8];

/// Distance of time ticks.
#[derive(Debug, Clone, Copy)]
enum Every {
    Minutes(i32),
    Days(i32),
    Weeks(i32),
    Months(i32),
}

/// Candidates with their length in seconds, finest first.
const EVERY: [(i64, Every); 20] = [
    (60, Every::Minutes(1)),
    (120, Every::Minutes(2)),
    (300, Every::Minutes(5)),
    (600, Every::Minutes(10)),
    (900, Every::Minutes(15)),
    (1_800, Every::Minutes(30)),
    (3_600, Every::Minutes(60)),
    (7_200, Every::Minutes(120)),
    (10_800, Every::Minutes(180)),
    (21_600, Every::Minutes(360)),
    (43_200, Every::Minutes(720)),
    (86_400, Every::Days(1)),
    (172_800, Every::Days(2)),
    (604_800, Every::Weeks(1)),
    (1_209_600, Every::Weeks(2)),
    (2_629_746, Every::Months(1)),
    (7_889_238, Every::Months(3)),
    (15_778_476, Every::Months(6)),
    (31_556_952, Every::Months(12)),
    (157_784_760, Every::Months(60)),
];

/// Whole centuries of at least `seconds`.
fn centuries(seconds: i64) -> Every {
    Every::Months(i32::try_from(seconds / 3_155_695_200 + 1).unwrap_or(200) * 1_200)
}

/// At most about `target` labeled instants in `from..=to`, in Unix seconds.
pub(crate) fn time_ticks(from: i64, to: i64, zone: &TimeZone, target: usize) -> Vec<(i64, String)> {
    let (from, to) = (timestamp(from).as_second(), timestamp(to).as_second());
    let span = to.saturating_sub(from);
    let limit = i64::try_from(target.max(1)).unwrap_or(i64::MAX);
    let every =
        EVERY.iter().find(|(seconds, _)| span / seconds <= limit).map_or_else(|| centuries(span / limit), |(_, e)| *e);
    let local = |second: i64| timestamp(second).to_zoned_datetime(zone.clone()).date();
    let (first, last) = (local(from), local(to));
    let mut ticks: Vec<(i64, String)> = Vec::new();
    for (at, name) in civil_ticks(first, last, every) {
        let Ok(at) = zone.to_zoned_datetime(at) else { continue };
        let second = at.timestamp().as_second();
        if (from..=to).contains(&second) && ticks.last().is_none_or(|(before, _)| *before < second) {
            ticks.push((second, name.unwrap_or_else(|| at.strftime("%H:%M").to_string())));
        }
    }
    ticks
}

/// Local times of the ticks from the day `first` to the day `last`; without a name the label is the time.
fn civil_ticks(first: Date, last: Date, every: Every) -> Vec<(DateTime, Option<String>)> {
    let (mut day, days, months, form) = match every {
        Every::Minutes(_) => (first, 1, 0, "%a %-d %b"),
        Every::Days(n) => (first, n, 0, "%a %-d %b"),
        Every::Weeks(n) => {
            let back = first.weekday().since(Weekday::Monday);
            (first.saturating_sub(i32::from(back).days()), 7 * n, 0, "%-d %b")
        }
        Every::Months(n) if n < 12 => (first.first_of_month(), 0, n, "%b %Y"),
        Every::Months(n) => (first.first_of_year(), 0, n, "%Y"),
    };
    let mut ticks = Vec::new();
    while day <= last {
        let midnight = day.at(0, 0, 0, 0);
        // Labels are short: days name their month where it changes.
        let same_month = ticks.last().is_some_and(|(before, _): &(DateTime, _)| before.month() == day.month());
        let form = if same_month && matches!(every, Every::Days(_)) { "%a %-d" } else { form };
        ticks.push((midnight, Some(day.strftime(form).to_string())));
        if let Every::Minutes(n) = every {
            let within = (1..1_440 / n).map(|k| SignedDuration::from_mins(i64::from(k * n)));
            ticks.extend(within.map(|after| (midnight.saturating_add(after), None)));
        }
        match day.checked_add(days.days().months(months)) {
            Ok(next) if next > day => day = next,
            _ => break,
        }
    }
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_values(low: f64, high: f64, expected: &[&str]) {
        let axis = value_axis(low, high, 5, false);
        let labels: Vec<&str> = axis.ticks.iter().map(|t| t.1.as_str()).collect();
        assert_eq!(labels, expected);
        assert!(axis.low <= low && axis.high >= high, "{axis:?}");
    }

    #[test]
    fn values_are_round_and_suffixed() {
        check_values(0.0, 97.0, &["0", "20", "40", "60", "80", "100"]);
        check_values(0.0, 0.04, &["0", "0.01", "0.02", "0.03", "0.04"]);
        check_values(0.0, 23_000.0, &["0", "5k", "10k", "15k", "20k", "25k"]);
        check_values(0.0, 2_400_000.0, &["0", "0.5M", "1.0M", "1.5M", "2.0M", "2.5M"]);
        check_values(-3.0, 4.0, &["\u{2212}4", "\u{2212}2", "0", "2", "4"]);
        check_values(1_001.0, 1_009.0, &["1,000", "1,002", "1,004", "1,006", "1,008", "1,010"]);
    }

    #[test]
    fn units_have_whole_ticks() {
        let axis = value_axis(0.0, 2.0, 5, true);
        assert_eq!(axis.ticks.iter().map(|t| t.0).collect::<Vec<_>>(), [0.0, 1.0, 2.0]);
    }

    #[test]
    fn odd_ranges_have_an_axis() {
        for (low, high) in [(0.0, 0.0), (5.0, 5.0), (-5.0, -5.0), (-1e299, 1e299), (0.0, 1e-200), (1e17, 3e17)] {
            let axis = value_axis(low, high, 5, false);
            assert!(axis.high > axis.low && axis.ticks.len() >= 2 && axis.ticks.len() <= 51, "{axis:?}");
        }
    }

    fn check_times(from: &str, to: &str, zone: &str, target: usize) -> Vec<(i64, String)> {
        let second = |t: &str| t.parse::<jiff::Timestamp>().unwrap().as_second();
        time_ticks(second(from), second(to), &TimeZone::get(zone).unwrap(), target)
    }

    fn labels(ticks: &[(i64, String)]) -> Vec<&str> {
        ticks.iter().map(|t| t.1.as_str()).collect()
    }

    #[test]
    fn midnights_follow_the_clock_change() {
        // The last Sunday of October has 25 hours in Berlin, the last of March 23.
        let autumn = check_times("2026-10-23T22:00:00Z", "2026-10-26T23:00:00Z", "Europe/Berlin", 4);
        assert_eq!(labels(&autumn), ["Sat 24 Oct", "Sun 25", "Mon 26", "Tue 27"]);
        assert_eq!(autumn[2].0 - autumn[1].0, 25 * 3_600);
        let spring = check_times("2026-03-27T23:00:00Z", "2026-03-30T22:00:00Z", "Europe/Berlin", 4);
        assert_eq!(spring[2].0 - spring[1].0, 23 * 3_600);
    }

    #[test]
    fn an_hour_that_does_not_exist_has_no_label() {
        let ticks = check_times("2026-03-29T00:00:00Z", "2026-03-29T03:00:00Z", "Europe/Berlin", 4);
        assert_eq!(labels(&ticks), ["01:00", "03:00", "04:00", "05:00"]);
        assert!(ticks.windows(2).all(|w| w[1].0 - w[0].0 == 3_600));
    }

    #[test]
    fn an_hour_that_occurs_twice_has_one_label() {
        let ticks = check_times("2026-10-24T23:00:00Z", "2026-10-25T03:00:00Z", "Europe/Berlin", 5);
        assert_eq!(labels(&ticks), ["01:00", "02:00", "03:00", "04:00"]);
        assert_eq!(ticks[2].0 - ticks[1].0, 2 * 3_600);
    }

    #[test]
    fn a_day_without_midnight_starts_when_it_can() {
        // Sao Paulo went from 00:00 to 01:00 on 2018-11-04.
        let ticks = check_times("2018-11-03T03:00:00Z", "2018-11-05T03:00:00Z", "America/Sao_Paulo", 3);
        assert_eq!(labels(&ticks), ["Sat 3 Nov", "Sun 4", "Mon 5"]);
    }

    #[test]
    fn every_span_has_few_labels() {
        for days in [1, 3, 9, 60, 200, 900, 5_000, 90_000] {
            let ticks = time_ticks(0, days * 86_400, &TimeZone::UTC, 8);
            assert!((2..=10).contains(&ticks.len()), "{days} days: {}", ticks.len());
        }
        assert_eq!(labels(&check_times("2026-11-23T00:00:00Z", "2026-12-14T00:00:00Z", "UTC", 8)).len(), 4);
        assert!(time_ticks(i64::MIN, i64::MAX, &TimeZone::UTC, 8).len() < 10);
        assert_eq!(labels(&time_ticks(0, 0, &TimeZone::UTC, 8)), ["Thu 1 Jan"]);
    }
}
