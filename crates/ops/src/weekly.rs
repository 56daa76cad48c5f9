//! A week that recurs, as dated steps, and a timetable of that form as lines, and back.
//!
//! A change point is at the first passing of its local time: where the clock is set back it does not come a second
//! time, and where it is set forward over it, it comes at the jump.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan, civil};

use crate::capacity_plan::{After, CapacityPlan, Step, WeeklyStep};
use crate::schedule::{self, ScheduleError};

/// Reason of a step that recurs every week.
pub const REASON: &str = "weekly";

/// The dated steps of a recurring week in `from..until`; the first is at `from`, with the units in force there.
///
/// `week`: change points in any order, at least one for any answer.
pub fn expand(week: &[WeeklyStep], from: Timestamp, until: Timestamp, zone: &TimeZone) -> Vec<Step> {
    let mut monday = schedule::monday_of(zone.to_datetime(from).date());
    // One week ahead of the beginning, so that something is in force there.
    monday = monday.checked_sub(7.days()).unwrap_or(monday);
    let mut points: Vec<(Timestamp, u32)> = Vec::new();
    while let Some(begin) = instant(zone, monday, 1, "00:00").filter(|begin| *begin < until) {
        points.extend(week.iter().filter_map(|s| Some((instant(zone, monday, s.day, &s.time)?, s.units))));
        match monday.checked_add(7.days()) {
            Ok(next) if begin < until => monday = next,
            _ => break,
        }
    }
    points.sort_by_key(|(at, _)| *at);
    let in_force = points.iter().rev().find(|(at, _)| *at <= from).or(points.first()).map(|(_, units)| (from, *units));
    let later = points.iter().filter(|(at, _)| *at > from && *at < until).copied();
    let mut steps: Vec<Step> = Vec::new();
    for (from, units) in in_force.into_iter().chain(later) {
        if steps.last().is_none_or(|last| last.units != units) {
            steps.push(Step { from, units, reason: REASON.into() });
        }
    }
    steps
}

/// Whether a plan is one week that recurs.
pub fn is_weekly(plan: &CapacityPlan) -> bool {
    matches!(plan.after, After::Weekly { .. }) && plan.steps.iter().all(|s| s.reason == REASON)
}

/// A plan's timetable as lines: `1 Mon` to `7 Sun` if it is one week that recurs, else one a dated day.
///
/// # Errors
/// `TimeZone` for a name that is not there.
pub fn lines(plan: &CapacityPlan) -> Result<BTreeMap<String, String>, ScheduleError> {
    match &plan.after {
        After::Weekly { steps } if is_weekly(plan) => Ok(schedule::render_week(steps)),
        _ => schedule::render(&plan.steps, plan.valid_until, &plan.time_zone),
    }
}

/// The steps that lines of either form say, between the plan's origin and its end.
///
/// # Errors
/// A day, a line or a zone that cannot be read.
pub fn steps(
    lines: &BTreeMap<String, String>,
    zone: &str,
    origin: Timestamp,
    until: Timestamp,
) -> Result<Vec<Step>, ScheduleError> {
    match schedule::parse_week(lines) {
        Ok(week) => Ok(expand(&week, origin, until, &schedule::time_zone(zone)?)),
        Err(_) => schedule::parse(lines, zone),
    }
}

/// The first passing of a local time in the week of a Monday.
fn instant(zone: &TimeZone, monday: civil::Date, day: u8, time: &str) -> Option<Timestamp> {
    let date = monday.checked_add((i64::from(day) - 1).days()).ok()?;
    let (hour, minute) = time.split_once(':')?;
    let time = civil::Time::new(hour.parse().ok()?, minute.parse().ok()?, 0, 0).ok()?;
    zone.to_timestamp(date.to_datetime(time)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn week() -> Vec<WeeklyStep> {
        let step = |day, time: &str, units| WeeklyStep { day, time: time.into(), units };
        vec![step(1, "07:30", 9), step(1, "19:00", 4), step(7, "02:30", 6), step(7, "04:00", 3)]
    }

    fn check_expand(from: &str, until: &str, expected: &[(&str, u32)]) {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        let found = expand(&week(), from.parse().unwrap(), until.parse().unwrap(), &berlin);
        let found: Vec<(String, u32)> = found.iter().map(|s| (s.from.to_string(), s.units)).collect();
        let expected: Vec<(String, u32)> = expected.iter().map(|(at, units)| ((*at).to_owned(), *units)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_week_goes_on_and_on() {
        check_expand(
            "2026-11-24T00:00:00Z",
            "2026-12-01T00:00:00Z",
            &[
                ("2026-11-24T00:00:00Z", 4),
                ("2026-11-29T01:30:00Z", 6),
                ("2026-11-29T03:00:00Z", 3),
                ("2026-11-30T06:30:00Z", 9),
                ("2026-11-30T18:00:00Z", 4),
            ],
        );
    }

    #[test]
    fn clock_changes_move_nothing_twice() {
        // 02:30 comes twice on 2026-10-25, and not at all on 2026-03-29.
        check_expand(
            "2026-10-25T00:00:00Z",
            "2026-10-25T12:00:00Z",
            &[("2026-10-25T00:00:00Z", 4), ("2026-10-25T00:30:00Z", 6), ("2026-10-25T03:00:00Z", 3)],
        );
        check_expand(
            "2026-03-29T00:00:00Z",
            "2026-03-29T12:00:00Z",
            &[("2026-03-29T00:00:00Z", 4), ("2026-03-29T01:30:00Z", 6), ("2026-03-29T02:00:00Z", 3)],
        );
    }

    #[test]
    fn both_forms_come_back_from_their_lines() {
        let mut plan = crate::compare::tests::plan(0, &[(0, 4), (30, 9)]);
        plan.after = After::Weekly { steps: week() };
        let dated = lines(&plan).unwrap();
        assert!(dated.keys().all(|day| day.len() == 14), "{dated:?}");
        let back = steps(&dated, "UTC", plan.origin, plan.valid_until).unwrap();
        assert!(schedule::same_units(&back, &plan.steps));

        plan.steps = expand(&week(), plan.origin, plan.valid_until, &TimeZone::UTC);
        let weekly = lines(&plan).unwrap();
        assert_eq!(weekly["1 Mon"], "00:00 3  07:30 9  19:00 4");
        assert_eq!(steps(&weekly, "UTC", plan.origin, plan.valid_until).unwrap(), plan.steps);
    }
}
