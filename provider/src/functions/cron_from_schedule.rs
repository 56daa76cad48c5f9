//! `cron_from_schedule(schedule, time_zone)`: a weekly schedule as cron expressions.

use std::collections::BTreeMap;

use serde::Serialize;
use stormglass_ops::cron;
use tfplugin::provider::{Function, FunctionError, Signature, parameter};
use tfplugin::value::Type;

/// The function.
pub(crate) struct CronFromSchedule;

/// One element of the result.
#[derive(Debug, Serialize)]
pub(crate) struct Entry {
    cron: String,
    units: i64,
    until: String,
    time_zone: String,
}

impl Function for CronFromSchedule {
    type Arguments = (BTreeMap<String, String>, String);
    type Output = Vec<Entry>;

    fn name(&self) -> &'static str {
        "cron_from_schedule"
    }

    fn signature(&self) -> Signature {
        let entry = Type::object([
            ("cron", Type::String),
            ("units", Type::Number),
            ("until", Type::String),
            ("time_zone", Type::String),
        ]);
        Signature::new("Cron expressions of a weekly schedule.", Type::list(entry))
            .describe(
                "One element a change: five fields of cron in local time, the units from then on, the five fields of the next change, \
                 and the time zone. Days with the same change and the same end share one. Dated schedules \
                 have no cron expressions and are refused: set `capacity.form = \"weekly\"` and take `capacity_plan.schedule`.",
            )
            .parameter(parameter("schedule", Type::map(Type::String)).describe("A weekday (`1 Mon`) to its change points (`00:00 4  07:30 9`)."))
            .parameter(parameter("time_zone", Type::String).describe("Time zone of the schedule (IANA name)."))
    }

    fn call(&self, (schedule, time_zone): Self::Arguments) -> Result<Vec<Entry>, FunctionError> {
        let entries = cron::cron_from_schedule(&schedule, &time_zone).map_err(|error| {
            let argument = usize::from(matches!(error, stormglass_ops::schedule::ScheduleError::TimeZone(_)));
            FunctionError::argument(argument, format!("{error}; only weekly schedules have cron expressions."))
        })?;
        let entry = |e: cron::CronEntry| Entry {
            cron: e.cron,
            units: i64::from(e.units),
            until: e.until,
            time_zone: time_zone.clone(),
        };
        Ok(entries.into_iter().map(entry).collect())
    }
}
