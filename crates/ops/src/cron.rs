//! Cron expressions of a weekly schedule: five fields, minute hour day month weekday, Sunday 0, in local time.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::capacity_plan::WeeklyStep;
use crate::schedule::{self, ScheduleError};

/// When units change, every week.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CronEntry {
    /// Five fields, for example `30 7 * * 1-5`.
    pub cron: String,
    /// Units from then on.
    pub units: u32,
    /// When they end, in the same five fields: the next change of the week.
    pub until: String,
}

/// Cron expressions for the change points of a weekly schedule; days with the same change share one.
///
/// `lines`: a weekday (`1 Mon`) to its change points (`00:00 4  07:30 9`); the expressions are in the local time of
/// `time_zone`, which only has to exist. Ordered by time of day, then by units.
/// # Errors
/// A dated day, a line that cannot be read, an unknown time zone.
pub fn cron_from_schedule(lines: &BTreeMap<String, String>, time_zone: &str) -> Result<Vec<CronEntry>, ScheduleError> {
    schedule::time_zone(time_zone)?;
    Ok(cron_from_week(&schedule::parse_week(lines)?))
}

/// Cron expressions for the change points of a week; days share one where both their beginning and their end agree.
pub fn cron_from_week(steps: &[WeeklyStep]) -> Vec<CronEntry> {
    let mut sorted: Vec<&WeeklyStep> = steps.iter().collect();
    sorted.sort();
    // Key: time, units, time of the next change, days until then. Cron counts from Sunday, weeks here from Monday.
    let mut days: BTreeMap<(&str, u32, &str, usize), [bool; 7]> = BTreeMap::new();
    for (step, next) in sorted.iter().zip(sorted.iter().cycle().skip(1)) {
        let (day, end) = (usize::from(step.day % 7), usize::from(next.day % 7));
        days.entry((&step.time, step.units, &next.time, (end + 7 - day) % 7)).or_default()[day] = true;
    }
    days.into_iter()
        .map(|((time, units, end, later), days)| {
            let ends = std::array::from_fn(|day| days[(day + 7 - later) % 7]);
            CronEntry { cron: expression(time, days), units, until: expression(end, ends) }
        })
        .collect()
}

/// Five fields for a local time on some days.
fn expression(time: &str, days: [bool; 7]) -> String {
    let number = |text: Option<&str>| text.and_then(|t| t.parse::<u8>().ok()).unwrap_or_default();
    let mut parts = time.split(':');
    let (hour, minute) = (number(parts.next()), number(parts.next()));
    format!("{minute} {hour} * * {}", weekdays(days))
}

/// `1-5`, `0,6`, `*`: runs of three days and more as ranges.
fn weekdays(days: [bool; 7]) -> String {
    if days == [true; 7] {
        return "*".into();
    }
    let mut parts: Vec<String> = Vec::new();
    let mut day = 0;
    while day < 7 {
        let run = days[day..].iter().take_while(|d| **d).count();
        match run {
            0 => {}
            1 | 2 => parts.extend((day..day + run).map(|d| d.to_string())),
            _ => parts.push(format!("{day}-{}", day + run - 1)),
        }
        day += run.max(1);
    }
    parts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_cron(lines: &[(&str, &str)], expected: &[(&str, u32)]) {
        let lines = lines.iter().map(|(d, l)| ((*d).to_owned(), (*l).to_owned())).collect();
        let found = cron_from_schedule(&lines, "Europe/Berlin").unwrap();
        let found: Vec<(&str, u32)> = found.iter().map(|e| (e.cron.as_str(), e.units)).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn days_with_the_same_change_share_an_expression() {
        let work = "00:00 4  07:30 9  19:00 4";
        let days = [("1 Mon", work), ("2 Tue", work), ("3 Wed", work), ("4 Thu", work), ("5 Fri", work)];
        let weekend = [("6 Sat", "00:00 4  10:00 6  12:05 4"), ("7 Sun", "00:00 4  10:00 6  12:05 4")];
        let all: Vec<_> = days.into_iter().chain(weekend).collect();
        let morning = [("30 7 * * 1-5", 9), ("0 10 * * 0,6", 6)];
        // What begins alike and ends at another time is another window.
        let evening = [("5 12 * * 0", 4), ("5 12 * * 6", 4), ("0 19 * * 1-4", 4), ("0 19 * * 5", 4)];
        check_cron(&all, &[&morning[..], &evening[..]].concat());
        let lines = all.iter().map(|(d, l)| ((*d).to_owned(), (*l).to_owned())).collect();
        let until: Vec<String> = cron_from_schedule(&lines, "UTC").unwrap().into_iter().map(|e| e.until).collect();
        assert_eq!(until, ["0 19 * * 1-5", "5 12 * * 0,6", "30 7 * * 1", "0 10 * * 0", "30 7 * * 2-5", "0 10 * * 6"]);
    }

    #[test]
    fn every_day_is_a_star_and_a_flat_week_one_entry() {
        let names = ["1 Mon", "2 Tue", "3 Wed", "4 Thu", "5 Fri", "6 Sat", "7 Sun"];
        check_cron(&names.map(|n| (n, "00:00 1  08:00 2")), &[("0 0 * * *", 1), ("0 8 * * *", 2)]);
        check_cron(&names.map(|n| (n, "00:00 3")), &[("0 0 * * 1", 3)]);
    }

    #[test]
    fn dated_schedules_are_refused() {
        let dated = BTreeMap::from([("2026-11-23 Mon".to_owned(), "00:00 4".to_owned())]);
        assert_eq!(cron_from_schedule(&dated, "UTC"), Err(ScheduleError::Day("2026-11-23 Mon".into())));
        let weekly = BTreeMap::from([("1 Mon".to_owned(), "00:00 4".to_owned())]);
        assert_eq!(cron_from_schedule(&weekly, "Mars/Base"), Err(ScheduleError::TimeZone("Mars/Base".into())));
    }
}
