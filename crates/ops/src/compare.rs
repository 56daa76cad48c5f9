//! Whether a new capacity plan differs enough from the one in force to be worth a change; pure.

use crate::capacity_plan::{CapacityPlan, Step};
use crate::duration::Span;

/// How far two plans are apart over the time that both plan.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Distance {
    /// Unit-hours of the old one less those of the new one, as a share of the new one's.
    pub cost: f64,
    /// Unit-hours that the old one lacks where the new one has more, as a share of the new one's.
    pub shortage: f64,
}

/// Whether the prior plan stays: it differs from the new one by less than `tolerance` in cost and in what it lacks, and
/// covers at least `min_remaining` from the new plan's origin on.
///
/// A change of the limits, the time zone or of what follows the end is never kept back, nor is one with a `tolerance`
/// of zero.
pub fn keeps(prior: &CapacityPlan, new: &CapacityPlan, tolerance: f64, min_remaining: Span) -> bool {
    let remaining = prior.valid_until.as_second() - new.origin.as_second();
    let covers = remaining > 0 && i64::try_from(min_remaining.as_secs()).is_ok_and(|least| remaining >= least);
    let settings = |p: &CapacityPlan| (p.min, p.max, p.time_zone.clone(), std::mem::discriminant(&p.after));
    if !covers || prior.origin > new.origin || settings(prior) != settings(new) {
        return false;
    }
    let riskier = match (prior.risk, new.risk) {
        (Some(old), Some(new)) => (old - new).abs() >= tolerance,
        _ => false,
    };
    !riskier && distance(prior, new).is_some_and(|d| d.cost.abs() < tolerance && d.shortage < tolerance)
}

/// How far two plans are apart from the new one's origin to the first end; `None` where they share no time.
pub fn distance(prior: &CapacityPlan, new: &CapacityPlan) -> Option<Distance> {
    let (from, to) = (new.origin.as_second(), prior.valid_until.min(new.valid_until).as_second());
    if from >= to {
        return None;
    }
    let mut times: Vec<i64> = prior.steps.iter().chain(&new.steps).map(|s| s.from.as_second()).collect();
    times.retain(|t| *t > from && *t < to);
    times.extend([from, to]);
    times.sort_unstable();
    times.dedup();
    let (mut cost, mut shortage, mut all) = (0.0, 0.0, 0.0);
    for pair in times.windows(2) {
        let seconds = (pair[1] - pair[0]) as f64;
        let (old, new) = (units(&prior.steps, pair[0])?, units(&new.steps, pair[0])?);
        cost += (old - new) * seconds;
        shortage += (new - old).max(0.0) * seconds;
        all += new * seconds;
    }
    // Against nothing every unit is infinitely much.
    let share = |x: f64| if x == 0.0 { 0.0 } else { x / all };
    Some(Distance { cost: share(cost), shortage: share(shortage) })
}

fn units(steps: &[Step], second: i64) -> Option<f64> {
    let step = steps.iter().rev().find(|s| s.from.as_second() <= second).or(steps.first())?;
    Some(f64::from(step.units))
}

#[cfg(test)]
pub(crate) mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::capacity_plan::After;

    /// A plan from hours and units, a week long from an hour on.
    pub(crate) fn plan(origin_hour: i64, points: &[(i64, u32)]) -> CapacityPlan {
        let hour = |h: i64| Timestamp::from_second(1_800_000_000 + h * 3_600).unwrap();
        let steps: Vec<Step> =
            points.iter().map(|(h, units)| Step { from: hour(*h), units: *units, reason: "forecast".into() }).collect();
        CapacityPlan {
            version: 1,
            origin: hour(origin_hour),
            as_of: None,
            time_zone: "UTC".into(),
            peak: steps.iter().map(|s| s.units).max().unwrap_or(0),
            steps,
            valid_until: hour(origin_hour + 168),
            after: After::Hold,
            min: 1,
            max: 100,
            model: "auto".into(),
            accuracy: None,
            skill: None,
            savings: None,
            cost: None,
            risk: None,
            warnings: vec![],
        }
    }

    fn check_keeps(old: &CapacityPlan, new: &CapacityPlan, tolerance: f64, kept: bool) {
        assert_eq!(keeps(old, new, tolerance, Span::seconds(86_400)), kept, "{:?}", distance(old, new));
    }

    #[test]
    fn small_differences_keep_the_prior_plan() {
        let (old, new) = (plan(0, &[(0, 10), (50, 20)]), plan(6, &[(6, 10), (51, 20)]));
        check_keeps(&old, &new, 0.05, true);
        check_keeps(&old, &new, 0.001, false);
        check_keeps(&old, &new, 0.0, false);
    }

    #[test]
    fn equal_cost_at_another_time_is_a_difference() {
        let (old, new) = (plan(0, &[(0, 10), (20, 20), (40, 10)]), plan(6, &[(6, 10), (60, 20), (80, 10)]));
        let apart = distance(&old, &new).unwrap();
        assert!(apart.cost.abs() < 1e-12 && apart.shortage > 0.1, "{apart:?}");
        check_keeps(&old, &new, 0.1, false);
    }

    #[test]
    fn a_prior_plan_that_ends_soon_is_replaced() {
        let (old, new) = (plan(0, &[(0, 10)]), plan(145, &[(145, 10)]));
        check_keeps(&old, &new, 0.5, false);
        check_keeps(&old, &plan(144, &[(144, 10)]), 0.5, true);
        check_keeps(&old, &plan(200, &[(200, 10)]), 0.5, false);
        check_keeps(&new, &old, 0.5, false);
    }

    #[test]
    fn new_limits_and_more_risk_come_through() {
        let (old, new) = (plan(0, &[(0, 10)]), plan(6, &[(6, 10)]));
        check_keeps(&old, &CapacityPlan { max: 90, ..new.clone() }, 0.5, false);
        check_keeps(&old, &CapacityPlan { after: After::Restore, ..new.clone() }, 0.5, false);
        let risky = |plan: &CapacityPlan, risk| CapacityPlan { risk: Some(risk), ..plan.clone() };
        check_keeps(&risky(&old, 0.2), &risky(&new, 0.01), 0.1, false);
        check_keeps(&risky(&old, 0.05), &risky(&new, 0.01), 0.1, true);
    }
}
