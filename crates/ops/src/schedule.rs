//! Timetables as people read them: a day to its change points (`00:00 4  07:30 9`), and back, exactly.
//!
//! Days and times are local. A day's line begins with the units in force when it begins, so that each line can be read
//! alone. Where the clock is set back an hour comes twice; its second pass carries the offset: `02:30+01:00 5`.

use std::collections::BTreeMap;

use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::{Offset, TimeZone};
use jiff::{Span, Timestamp};

use crate::capacity_plan::{After, CapacityPlan, Step, WeeklyStep};
pub use crate::fits::fits;

/// A day of a week, as weekly lines begin: Monday is 1.
const WEEKDAYS: [&str; 7] = ["1 Mon", "2 Tue", "3 Wed", "4 Thu", "5 Fri", "6 Sat", "7 Sun"];

/// Why lines are no timetable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// A day that is none.
    #[error("the schedule's day `{0}` is no day; expected `2026-11-23 Mon`, or `1 Mon` in a weekly schedule")]
    Day(String),
    /// Change points that are none.
    #[error("the schedule of `{day}` has `{found}`; expected times and units in turn, for example `00:00 4  07:30 9`")]
    Line {
        /// The day.
        day: String,
        /// What stands there.
        found: String,
    },
    /// A time zone that nobody knows.
    #[error("`{0}` is no time zone; expected an IANA name such as `Europe/Berlin`")]
    TimeZone(String),
    /// No change point at all.
    #[error("the schedule is empty; expected at least one day")]
    Empty,
}

/// The time zone of this IANA name, from the data that the program carries.
///
/// # Errors
/// `TimeZone` for a name that is not there.
pub fn time_zone(name: &str) -> Result<TimeZone, ScheduleError> {
    TimeZone::get(name).map_err(|_| ScheduleError::TimeZone(name.to_owned()))
}

/// Units in force at `at`: those of the last step before it, then what follows the end. `None` where nothing of the plan
/// holds: after the end with `restore`.
pub fn units_at(plan: &CapacityPlan, at: Timestamp) -> Option<u32> {
    let last = plan.steps.iter().rev().find(|s| s.from <= at).or(plan.steps.first());
    if at < plan.valid_until {
        return last.map(|s| s.units);
    }
    match &plan.after {
        After::Hold => last.map(|s| s.units),
        After::Restore => None,
        After::Weekly { steps } => {
            let zone = time_zone(&plan.time_zone).ok()?;
            weekly_units_at(steps, zone.to_datetime(at)).or(last.map(|s| s.units))
        }
    }
}

/// Units of a typical week at a local time: those of the last step before it, around the week's end.
pub fn weekly_units_at(steps: &[WeeklyStep], local: DateTime) -> Option<u32> {
    let now = (local.weekday().to_monday_one_offset() as u8, format!("{:02}:{:02}", local.hour(), local.minute()));
    let mut sorted: Vec<&WeeklyStep> = steps.iter().collect();
    sorted.sort();
    let before = sorted.iter().rev().find(|s| (s.day, s.time.as_str()) <= (now.0, now.1.as_str()));
    before.or(sorted.last()).map(|s| s.units)
}

/// The steps still to come at `now`, the one in force then moved to `now`, without steps that change nothing.
pub fn to_come(steps: &[Step], now: Timestamp) -> Vec<Step> {
    let mut out: Vec<Step> = Vec::new();
    for step in steps {
        if step.from <= now {
            out.clear();
            out.push(Step { from: now, ..step.clone() });
        } else if out.last().is_none_or(|last| last.units != step.units) {
            out.push(step.clone());
        }
    }
    out
}

/// Whether two lists of steps ask for the same units at the same times, whatever their reasons.
pub fn same_units(a: &[Step], b: &[Step]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| (a.from, a.units) == (b.from, b.units))
}

/// A timetable as lines, from its first step to `until`.
///
/// # Errors
/// `TimeZone` for a name that is not there.
pub fn render(steps: &[Step], until: Timestamp, zone: &str) -> Result<BTreeMap<String, String>, ScheduleError> {
    let zone = time_zone(zone)?;
    let Some(first) = steps.first() else { return Ok(BTreeMap::new()) };
    let mut lines: BTreeMap<String, String> = BTreeMap::new();
    let mut date = zone.to_datetime(first.from).date();
    while let Some(begin) = day_start(&zone, date).filter(|begin| *begin < until) {
        let begin = begin.max(first.from);
        let next = date.tomorrow().unwrap_or(Date::MAX);
        let end = day_start(&zone, next).unwrap_or(until).min(until);
        let in_force = steps.iter().rev().find(|s| s.from <= begin).unwrap_or(first);
        let mut entries = vec![entry(&zone, begin, in_force.units)];
        let mut units = in_force.units;
        for step in steps.iter().filter(|s| s.from > begin && s.from < end) {
            if step.units != units {
                entries.push(entry(&zone, step.from, step.units));
                units = step.units;
            }
        }
        lines.insert(day_name(date), entries.join("  "));
        if next == date {
            break;
        }
        date = next;
    }
    Ok(lines)
}

/// The steps that lines say, in order, without reasons; a line's first entry that changes nothing is no step.
///
/// # Errors
/// A day, a line or a zone that cannot be read.
pub fn parse(lines: &BTreeMap<String, String>, zone: &str) -> Result<Vec<Step>, ScheduleError> {
    let zone = time_zone(zone)?;
    let mut steps = Vec::new();
    for (day, line) in lines {
        let date = day.get(..10).and_then(|d| d.parse::<Date>().ok()).filter(|d| day_name(*d) == *day);
        let date = date.ok_or_else(|| ScheduleError::Day(day.clone()))?;
        for (time, units) in entries(day, line)? {
            let from = instant(&zone, date, time)
                .ok_or_else(|| ScheduleError::Line { day: day.clone(), found: time.to_owned() })?;
            steps.push(Step { from, units, reason: String::new() });
        }
    }
    steps.sort_by_key(|s| s.from);
    steps.dedup_by(|later, earlier| later.units == earlier.units);
    if steps.is_empty() { Err(ScheduleError::Empty) } else { Ok(steps) }
}

/// A typical week as lines, one a weekday, each beginning with the units in force at midnight.
pub fn render_week(steps: &[WeeklyStep]) -> BTreeMap<String, String> {
    let mut sorted: Vec<&WeeklyStep> = steps.iter().collect();
    sorted.sort();
    let Some(last) = sorted.last() else { return BTreeMap::new() };
    let mut units = last.units;
    let mut lines = BTreeMap::new();
    for (index, name) in WEEKDAYS.iter().enumerate() {
        let today: Vec<&&WeeklyStep> = sorted.iter().filter(|s| usize::from(s.day) == index + 1).collect();
        let mut entries = Vec::new();
        if today.first().is_none_or(|s| s.time != "00:00") {
            entries.push(format!("00:00 {units}"));
        }
        for step in today {
            if entries.is_empty() || step.units != units {
                entries.push(format!("{} {}", step.time, step.units));
            }
            units = step.units;
        }
        lines.insert((*name).to_owned(), entries.join("  "));
    }
    lines
}

/// The typical week that lines say; an entry that changes nothing is no step.
///
/// # Errors
/// A day or a line that cannot be read.
pub fn parse_week(lines: &BTreeMap<String, String>) -> Result<Vec<WeeklyStep>, ScheduleError> {
    let mut steps: Vec<WeeklyStep> = Vec::new();
    for (day, line) in lines {
        let index = WEEKDAYS.iter().position(|w| w == day).ok_or_else(|| ScheduleError::Day(day.clone()))?;
        for (time, units) in entries(day, line)? {
            if clock(time).is_none() {
                return Err(ScheduleError::Line { day: day.clone(), found: time.to_owned() });
            }
            steps.push(WeeklyStep { day: index as u8 + 1, time: time.to_owned(), units });
        }
    }
    let last = steps.last().map(|s| s.units).ok_or(ScheduleError::Empty)?;
    // The week is a ring: its first entry changes nothing where it equals the last one.
    let mut units = last;
    let all = steps.clone();
    steps.retain(|s| std::mem::replace(&mut units, s.units) != s.units);
    if steps.is_empty() { Ok(all.into_iter().take(1).collect()) } else { Ok(steps) }
}

fn day_name(date: Date) -> String {
    let weekday = WEEKDAYS[usize::from(date.weekday().to_monday_zero_offset().unsigned_abs())];
    format!("{date} {}", &weekday[2..])
}

/// The first instant of a local day, whatever the clock does at midnight.
fn day_start(zone: &TimeZone, date: Date) -> Option<Timestamp> {
    let begin = date.to_zoned_datetime(zone.clone()).ok()?.start_of_day().ok()?;
    Some(begin.timestamp())
}

/// `07:30 9`, with seconds where there are some, with the offset where the local time alone would mean another instant.
fn entry(zone: &TimeZone, at: Timestamp, units: u32) -> String {
    let local = zone.to_datetime(at);
    let mut text = format!("{:02}:{:02}", local.hour(), local.minute());
    if local.second() != 0 {
        text.push_str(&format!(":{:02}", local.second()));
    }
    if zone.to_timestamp(local).ok() != Some(at) {
        text.push_str(&offset_text(zone.to_offset(at)));
    }
    format!("{text} {units}")
}

fn offset_text(offset: Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", seconds.abs() / 3_600, seconds.abs() / 60 % 60)
}

/// The instant of `07:30` or `02:30+01:00` on a local day.
fn instant(zone: &TimeZone, date: Date, text: &str) -> Option<Timestamp> {
    let Some(at) = text.find(['+', '-']) else {
        return zone.to_timestamp(date.to_datetime(clock(text)?)).ok();
    };
    let (time, offset) = text.split_at(at);
    let (hours, minutes) = offset[1..].split_once(':')?;
    let seconds = hours.parse::<i32>().ok()?.checked_mul(3_600)? + minutes.parse::<i32>().ok()?.checked_mul(60)?;
    let seconds = if offset.starts_with('-') { -seconds } else { seconds };
    Offset::from_seconds(seconds).ok()?.to_timestamp(date.to_datetime(clock(time)?)).ok()
}

fn clock(text: &str) -> Option<Time> {
    let mut parts = text.split(':');
    let mut part = || parts.next().filter(|p| p.len() == 2).and_then(|p| p.parse::<i8>().ok());
    let (hour, minute) = (part()?, part()?);
    let second = if text.len() > 5 { part()? } else { 0 };
    Time::new(hour, minute, second, 0).ok()
}

/// Pairs of time and units of a line.
fn entries<'a>(day: &str, line: &'a str) -> Result<Vec<(&'a str, u32)>, ScheduleError> {
    let wrong = |found: &str| ScheduleError::Line { day: day.to_owned(), found: found.to_owned() };
    let words: Vec<&str> = line.split_whitespace().collect();
    if words.is_empty() || words.len() % 2 == 1 {
        return Err(wrong(line));
    }
    words.chunks(2).map(|pair| Ok((pair[0], pair[1].parse().map_err(|_| wrong(pair[1]))?))).collect()
}

/// The Monday at or before a date.
pub(crate) fn monday_of(date: Date) -> Date {
    let back = date.weekday().since(Weekday::Monday);
    date.checked_sub(Span::new().days(i64::from(back))).unwrap_or(Date::MIN)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn steps(list: &[(&str, u32)]) -> Vec<Step> {
        list.iter().map(|(from, units)| Step { from: at(from), units: *units, reason: String::new() }).collect()
    }

    #[test]
    fn a_day_is_a_line_that_begins_with_what_is_in_force() {
        let steps = steps(&[("2026-11-23T05:00:00Z", 4), ("2026-11-23T06:30:00Z", 9), ("2026-11-24T18:00:00Z", 5)]);
        let lines = render(&steps, at("2026-11-25T23:00:00Z"), "Europe/Berlin").unwrap();
        let want = [
            ("2026-11-23 Mon", "06:00 4  07:30 9"),
            ("2026-11-24 Tue", "00:00 9  19:00 5"),
            ("2026-11-25 Wed", "00:00 5"),
        ];
        assert_eq!(lines, want.map(|(d, l)| (d.to_owned(), l.to_owned())).into());
        assert_eq!(parse(&lines, "Europe/Berlin").unwrap(), steps);
    }

    #[test]
    fn an_hour_that_comes_twice_carries_its_offset() {
        // Clocks in Berlin go from 03:00 back to 02:00 at 01:00 UTC on 2026-10-25.
        let steps = steps(&[("2026-10-25T00:30:00Z", 4), ("2026-10-25T01:30:00Z", 5)]);
        let lines = render(&steps, at("2026-10-25T12:00:00Z"), "Europe/Berlin").unwrap();
        assert_eq!(lines["2026-10-25 Sun"], "02:30 4  02:30+01:00 5");
        assert_eq!(parse(&lines, "Europe/Berlin").unwrap(), steps);
    }

    #[test]
    fn a_week_is_a_ring() {
        let week = |list: &[(u8, &str, u32)]| -> Vec<WeeklyStep> {
            list.iter()
                .map(|(day, time, units)| WeeklyStep { day: *day, time: (*time).into(), units: *units })
                .collect()
        };
        let steps = week(&[(1, "07:30", 9), (1, "19:00", 4), (5, "07:30", 8), (5, "19:00", 3)]);
        let lines = render_week(&steps);
        assert_eq!(lines["1 Mon"], "00:00 3  07:30 9  19:00 4");
        assert_eq!(lines["7 Sun"], "00:00 3");
        assert_eq!(parse_week(&lines).unwrap(), steps);
        assert_eq!(weekly_units_at(&steps, "2026-11-23T07:29:00".parse().unwrap()), Some(3));
        assert_eq!(weekly_units_at(&steps, "2026-11-23T07:30:00".parse().unwrap()), Some(9));
        assert_eq!(weekly_units_at(&steps, "2026-11-29T23:59:00".parse().unwrap()), Some(3));
    }

    #[test]
    fn what_is_no_timetable_is_named() {
        let parse_one =
            |day: &str, line: &str| parse(&[(day.to_owned(), line.to_owned())].into(), "UTC").unwrap_err().to_string();
        assert!(parse_one("2026-11-23 Tue", "00:00 1").contains("`2026-11-23 Tue` is no day"));
        assert!(parse_one("tomorrow", "00:00 1").contains("tomorrow"));
        assert!(parse_one("2026-11-23 Mon", "00:00").contains("`00:00`"));
        assert!(parse_one("2026-11-23 Mon", "25:00 1").contains("`25:00`"));
        assert!(parse_one("2026-11-23 Mon", "00:00 -1").contains("`-1`"));
        assert_eq!(parse(&BTreeMap::new(), "UTC"), Err(ScheduleError::Empty));
        assert!(render(&[], at("2026-11-23T00:00:00Z"), "Moon/Base").unwrap_err().to_string().contains("Moon/Base"));
    }

    #[test]
    fn steps_passed_are_folded_into_now() {
        let all = steps(&[("2026-11-23T00:00:00Z", 4), ("2026-11-23T08:00:00Z", 9), ("2026-11-23T19:00:00Z", 5)]);
        let left = to_come(&all, at("2026-11-23T09:00:00Z"));
        assert_eq!(left, steps(&[("2026-11-23T09:00:00Z", 9), ("2026-11-23T19:00:00Z", 5)]));
        assert_eq!(to_come(&all, at("2026-11-22T00:00:00Z")), all);
    }

    proptest! {
        #[test]
        fn lines_say_what_the_steps_say(
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Cairo"]),
            begin in 1_790_000_000_i64..1_830_000_000,
            changes in prop::collection::vec((1_i64..600, 0_u32..50), 1..40),
        ) {
            let mut minute = begin / 60;
            let mut steps: Vec<Step> = Vec::new();
            for (gap, units) in changes {
                minute += gap;
                steps.push(Step { from: Timestamp::from_second(minute * 60).unwrap(), units, reason: String::new() });
            }
            steps.dedup_by(|b, a| a.units == b.units);
            let until = Timestamp::from_second(minute * 60 + 3_600).unwrap();
            let lines = render(&steps, until, zone).unwrap();
            prop_assert_eq!(parse(&lines, zone).unwrap(), steps);
        }
    }
}
