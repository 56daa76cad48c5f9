//! Whether a target can hold a plan, by its own limits alone; nobody is asked.

use crate::capacity_plan::{After, CapacityPlan, WeeklyStep};
use crate::ports::{Limits, TargetError};
use crate::weekly;

/// Whether a target's limits can hold a plan: number of steps, with those of the week that follows, their distance, and
/// whether steps may be dated and may recur.
///
/// `target`: what it is, for the message.
/// # Errors
/// `Limit` with what the target holds, what the plan has, and the setting that changes it.
pub fn fits(target: &str, limits: &Limits, plan: &CapacityPlan) -> Result<(), TargetError> {
    let error = |limit: String, got: String, advice: String| {
        Err(TargetError::Limit { what: target.to_owned(), limit, got, advice })
    };
    let week: &[WeeklyStep] = if let After::Weekly { steps } = &plan.after { steps } else { &[] };
    // One week that recurs needs its own steps only.
    let dated = if weekly::is_weekly(plan) { 0 } else { plan.steps.len() };
    if dated > 0 && !limits.dated {
        let advice = "set `capacity.form = \"weekly\"` on the forecast".to_owned();
        return error("weekly steps only".into(), format!("{dated} dated ones"), advice);
    }
    if !week.is_empty() && !limits.recurring {
        let advice = "set `capacity.after` to `restore` or `hold` on the forecast".to_owned();
        return error("no weekly steps".into(), format!("{} that recur every week", week.len()), advice);
    }
    let steps = dated + week.len();
    if let Some(max) = limits.max_steps.filter(|max| steps > *max) {
        let both = dated > 0 && !week.is_empty();
        let advice =
            format!("set `capacity.max_changes = {}` on the forecast", if both { max / 2 } else { max }.max(1));
        let got = if both {
            format!("{steps} steps, {dated} dated ones and {} of the week that follows", week.len())
        } else {
            format!("{steps} steps")
        };
        return error(format!("at most {max} steps"), got, advice);
    }
    let between_dated = plan.steps.windows(2).map(|w| w[1].from.as_second() - w[0].from.as_second());
    let between_weekly = week.windows(2).map(|w| second_of_week(&w[1]) - second_of_week(&w[0]));
    let least = i64::try_from(limits.min_spacing_seconds).unwrap_or(i64::MAX);
    if let Some(got) = between_dated.chain(between_weekly).filter(|apart| *apart < least).min() {
        let advice = format!("set `capacity.dwell` on the forecast to at least `{least}s`");
        return error(format!("steps at least {least} s apart"), format!("two {got} s apart"), advice);
    }
    Ok(())
}

fn second_of_week(step: &WeeklyStep) -> i64 {
    let mut parts = step.time.split(':').map(|part| part.parse::<i64>().unwrap_or_default());
    let (hour, minute) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    (i64::from(step.day) * 24 + hour) * 3_600 + minute * 60
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compare::tests::plan;

    fn check_fits(limits: Limits, plan: &CapacityPlan, words: Option<&str>) {
        let found = fits("file s.json", &limits, plan).map_err(|e| e.to_string());
        match (found, words) {
            (Ok(()), None) => {}
            (Err(error), Some(words)) => assert!(error.contains(words), "{error}"),
            (found, words) => panic!("{found:?}, expected {words:?}"),
        }
    }

    fn week() -> After {
        let step = |time: &str, units| WeeklyStep { day: 1, time: time.into(), units };
        After::Weekly { steps: vec![step("00:00", 1), step("07:00", 2), step("07:30", 3)] }
    }

    #[test]
    fn limits_are_named_with_the_setting_that_helps() {
        let dated = plan(0, &[(0, 1), (1, 2), (3, 1)]);
        let followed = CapacityPlan { after: week(), ..dated.clone() };
        let free = Limits::unlimited();
        check_fits(free.clone(), &followed, None);
        check_fits(Limits { max_steps: Some(3), ..free.clone() }, &dated, None);
        check_fits(Limits { max_steps: Some(2), ..free.clone() }, &dated, Some("`capacity.max_changes = 2`"));
        check_fits(Limits { max_steps: Some(5), ..free.clone() }, &followed, Some("3 dated ones and 3 of the week"));
        check_fits(Limits { min_spacing_seconds: 3_600, ..free.clone() }, &dated, None);
        check_fits(Limits { min_spacing_seconds: 3_601, ..free.clone() }, &dated, Some("`3601s`"));
        check_fits(Limits { min_spacing_seconds: 3_600, ..free.clone() }, &followed, Some("two 1800 s apart"));
        check_fits(Limits { dated: false, ..free.clone() }, &dated, Some("`capacity.form"));
        check_fits(Limits { recurring: false, ..free }, &followed, Some("`capacity.after`"));
    }
}
