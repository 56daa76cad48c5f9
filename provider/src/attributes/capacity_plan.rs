//! `capacity_plan`: all that a policy needs, in a form that is read in the text of Terraform's plan.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stormglass_ops::{After, CapacityPlan, Savings, WeeklyStep, schedule, weekly};
use tfplugin::schema::{Attribute, float64, int64, list, map, nested, one_of, string, timestamp};
use tfplugin::value::Type;

/// The model of `capacity_plan`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct CapacityPlanModel {
    pub(crate) origin: String,
    pub(crate) as_of: Option<String>,
    pub(crate) time_zone: String,
    pub(crate) schedule: BTreeMap<String, String>,
    pub(crate) valid_until: String,
    pub(crate) after: String,
    pub(crate) week: Option<String>,
    pub(crate) min: i64,
    pub(crate) max: i64,
    pub(crate) peak: i64,
    pub(crate) model: String,
    pub(crate) accuracy: Option<f64>,
    pub(crate) savings: Option<String>,
    pub(crate) cost: Option<f64>,
    pub(crate) risk: Option<f64>,
    pub(crate) warnings: Option<Vec<String>>,
}

impl CapacityPlanModel {
    /// The form that is read in the plan's text.
    ///
    /// # Errors
    /// A time zone that nobody knows.
    pub(crate) fn from_plan(plan: &CapacityPlan) -> Result<Self, String> {
        let zone = &plan.time_zone;
        let lines = weekly::lines(plan).map_err(|e| e.to_string())?;
        let (after, week) = match &plan.after {
            After::Weekly { steps } => ("weekly", Some(week_line(steps))),
            After::Restore => ("restore", None),
            After::Hold => ("hold", None),
        };
        Ok(Self {
            origin: plan.origin.to_string(),
            as_of: plan.as_of.map(|t| t.to_string()),
            time_zone: zone.clone(),
            schedule: lines,
            valid_until: plan.valid_until.to_string(),
            after: after.to_owned(),
            week,
            min: i64::from(plan.min),
            max: i64::from(plan.max),
            peak: i64::from(plan.peak),
            model: plan.model.clone(),
            accuracy: plan.accuracy.map(rounded),
            savings: plan.savings.as_ref().and_then(in_words),
            cost: plan.cost.map(rounded),
            risk: plan.risk.map(rounded),
            warnings: Some(plan.warnings.clone()).filter(|w| !w.is_empty()),
        })
    }

    /// The capacity plan that it says; steps have no reasons then, and savings are words only.
    ///
    /// # Errors
    /// What cannot be read, with what was expected.
    pub(crate) fn to_plan(&self) -> Result<CapacityPlan, String> {
        let time = |name: &str, text: &str| text.parse::<Timestamp>().map_err(|e| format!("{name} is `{text}`: {e}"));
        let units =
            |name: &str, n: i64| u32::try_from(n).map_err(|_| format!("{name} is {n}; expected zero or more units"));
        let after = match (self.after.as_str(), &self.week) {
            ("weekly", Some(week)) => After::Weekly { steps: parse_week_line(week)? },
            ("weekly", None) => return Err("after is `weekly`, but week is null; expected the lines of a week".into()),
            ("restore", _) => After::Restore,
            ("hold", _) => After::Hold,
            (other, _) => return Err(format!("after is `{other}`; expected `weekly`, `restore` or `hold`")),
        };
        let (origin, valid_until) = (time("origin", &self.origin)?, time("valid_until", &self.valid_until)?);
        let mut steps =
            weekly::steps(&self.schedule, &self.time_zone, origin, valid_until).map_err(|e| e.to_string())?;
        for step in steps.iter_mut().filter(|s| s.reason.is_empty()) {
            step.reason = REASON.to_owned();
        }
        Ok(CapacityPlan {
            version: 1,
            origin,
            as_of: self.as_of.as_deref().map(|t| time("as_of", t)).transpose()?,
            time_zone: self.time_zone.clone(),
            steps,
            valid_until,
            after,
            min: units("min", self.min)?,
            max: units("max", self.max)?,
            peak: units("peak", self.peak)?,
            model: self.model.clone(),
            accuracy: self.accuracy,
            skill: None,
            savings: None,
            cost: self.cost,
            risk: self.risk,
            warnings: self.warnings.clone().unwrap_or_default(),
        })
    }
}

/// Four decimals: more would be noise in a plan's text.
fn rounded(x: f64) -> f64 {
    (x * 1e4).round() / 1e4
}

/// Reason of a step whose own reason stayed with the data source.
const REASON: &str = "forecast";

/// Between two days of a week on one line.
const DAY_SEPARATOR: &str = " | ";

/// A week on one line, so that a plan's text stays short: `Mon 00:00 3  07:30 9 | Tue 00:00 9`.
fn week_line(steps: &[WeeklyStep]) -> String {
    let lines = schedule::render_week(steps);
    let days: Vec<String> = lines.iter().map(|(day, line)| format!("{} {line}", day.get(2..).unwrap_or(day))).collect();
    days.join(DAY_SEPARATOR)
}

fn parse_week_line(text: &str) -> Result<Vec<WeeklyStep>, String> {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    let mut lines = BTreeMap::new();
    for part in text.split(DAY_SEPARATOR) {
        let (day, line) = part.split_once(' ').unwrap_or((part, ""));
        let index = DAYS.iter().position(|d| *d == day);
        let index = index.ok_or_else(|| format!("week has `{day}`; expected days from `Mon` to `Sun` between `|`"))?;
        lines.insert(format!("{} {day}", index + 1), line.to_owned());
    }
    schedule::parse_week(&lines).map_err(|e| e.to_string())
}

/// What ours needs of the others' unit-hours, and the share of the load that each leaves short.
fn in_words(savings: &Savings) -> Option<String> {
    let ours = savings.rows.get("ours")?;
    let others = savings.rows.iter().filter(|(name, row)| *name != "ours" && row.unit_hours > 0.0);
    let parts: Vec<String> = others
        .map(|(name, row)| {
            let share = 100.0 * (1.0 - ours.unit_hours / row.unit_hours);
            let (words, share) = if share >= 0.0 { ("fewer", share) } else { ("more", -share) };
            format!("{share:.0} % {words} unit-hours than {name} ({:.2} % short)", 100.0 * row.slo)
        })
        .collect();
    (!parts.is_empty()).then(|| format!("{}; ours {:.2} % short", parts.join(", "), 100.0 * ours.slo))
}

/// Who sets the attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A data source computes it.
    Computed,
    /// A policy is given it.
    Configured,
}

/// The attribute `capacity_plan`, without the flags of its own.
pub(crate) fn capacity_plan_attribute(role: Role) -> Attribute {
    let needed = |a: Attribute| if role == Role::Computed { a.computed() } else { a.required() };
    let maybe = |a: Attribute| if role == Role::Computed { a.computed() } else { a.optional() };
    nested(
        "capacity_plan",
        [
            needed(timestamp("origin")).describe("First instant planned."),
            maybe(timestamp("as_of")).describe("The fixed clock of stored data; then the only clock of plan, apply and read."),
            needed(string("time_zone")).describe("Time zone of the days (IANA name)."),
            needed(map("schedule", Type::String)).describe(
                "A day (`2026-11-23 Mon`) to its change points (`00:00 4  07:30 9  19:00 5`): the time and the units from then on.",
            ),
            needed(timestamp("valid_until")).describe("End of the schedule; `after` follows."),
            needed(one_of("after", ["weekly", "restore", "hold"])).describe("What follows the end of the schedule."),
            maybe(string("week")).describe(
                "With `after = \"weekly\"`: the week that follows, on one line: `Mon 00:00 3  07:30 9 | Tue 00:00 9`.",
            ),
            needed(int64("min")).describe("Fewest units ever."),
            needed(int64("max")).describe("Most units ever."),
            needed(int64("peak")).describe("Most units of the schedule."),
            needed(string("model")).describe("The model that made the forecast."),
            maybe(float64("accuracy")).describe(
                "1 - WAPE of such forecasts on the past, a fraction, over the leads that the refresh interval lives on.",
            ),
            maybe(string("savings")).describe("What such schedules saved in a replay of the past, in words."),
            maybe(float64("cost")).describe("Cost of the schedule, where units are priced."),
            maybe(float64("risk")).describe("Expected share of the load that arrives while supply is below demand."),
            maybe(list("warnings", Type::String)).describe("What a person should know before applying."),
        ],
    )
}

#[cfg(test)]
mod tests {
    use stormglass_ops::{SavingsRow, Step};

    use super::*;

    fn plan() -> CapacityPlan {
        let step = |from: &str, units| Step { from: from.parse().unwrap(), units, reason: REASON.into() };
        CapacityPlan {
            version: 1,
            origin: "2026-11-23T00:00:00Z".parse().unwrap(),
            as_of: None,
            time_zone: "Europe/Berlin".into(),
            steps: vec![
                step("2026-11-23T00:00:00Z", 4),
                step("2026-11-23T06:30:00Z", 9),
                step("2026-11-24T18:00:00Z", 5),
            ],
            valid_until: "2026-11-25T00:00:00Z".parse().unwrap(),
            after: After::Weekly {
                steps: vec![
                    WeeklyStep { day: 1, time: "07:30".into(), units: 8 },
                    WeeklyStep { day: 5, time: "19:00".into(), units: 3 },
                ],
            },
            min: 2,
            max: 40,
            peak: 9,
            model: "auto".into(),
            accuracy: Some(0.91),
            skill: None,
            savings: None,
            cost: Some(1.5),
            risk: None,
            warnings: vec!["look".into()],
        }
    }

    #[test]
    fn the_form_for_people_says_the_same() {
        let model = CapacityPlanModel::from_plan(&plan()).unwrap();
        assert_eq!(model.schedule["2026-11-23 Mon"], "01:00 4  07:30 9");
        assert_eq!(model.to_plan().unwrap(), plan());
    }

    #[test]
    fn what_was_edited_wrongly_is_named() {
        let model = CapacityPlanModel::from_plan(&plan()).unwrap();
        let error = |model: CapacityPlanModel| model.to_plan().unwrap_err();
        assert!(error(CapacityPlanModel { origin: "now".into(), ..model.clone() }).contains("origin is `now`"));
        assert!(error(CapacityPlanModel { min: -1, ..model.clone() }).contains("min is -1"));
        assert!(error(CapacityPlanModel { week: None, ..model.clone() }).contains("week is null"));
        assert!(error(CapacityPlanModel { week: Some("Day 00:00 1".into()), ..model.clone() }).contains("`Day`"));
        let schedule = [("someday".to_owned(), "00:00 3".to_owned())].into();
        assert!(error(CapacityPlanModel { schedule, ..model }).contains("someday"));
    }

    #[test]
    fn savings_are_told_with_the_service_level_of_each() {
        let row = |unit_hours, slo| SavingsRow { unit_hours, cost: None, slo };
        let rows = [("ours".to_owned(), row(60.0, 0.002)), ("static".to_owned(), row(100.0, 0.0))].into();
        let words = in_words(&Savings { days: 7.0, rows }).unwrap();
        assert_eq!(words, "40 % fewer unit-hours than static (0.00 % short); ours 0.20 % short");
    }
}
