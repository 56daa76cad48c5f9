//! What a way to scale cost, and what it missed.

use serde::{Deserialize, Serialize};

use crate::capacity::units_for_load;

/// One row of the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Name of the way to scale.
    pub name: String,
    /// Billed unit-hours.
    pub unit_hours: f64,
    /// Share of the load that arrives while supply is below demand.
    pub slo: f64,
    /// Share of the load above what the ready units serve at the service objective's utilization.
    pub unserved: f64,
    /// Share of the time in which supply is below demand.
    pub time_short: f64,
    /// Changes of the wanted size a day.
    pub changes_per_day: f64,
    /// Cost, where units are priced.
    pub cost: Option<f64>,
}

/// The load that is scored, and what it demands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scored {
    /// One a tick; `NaN` is missing.
    pub(crate) load: Vec<f64>,
    /// Fewest units that keep utilization within the service objective, at least one; one a tick.
    pub(crate) demand: Vec<u32>,
    /// Load that one unit serves at full load.
    pub(crate) per_unit: f64,
    /// Highest utilization at which the service objective holds.
    pub(crate) slo_utilization: f64,
    /// Seconds of a tick.
    pub(crate) tick: u64,
}

/// What a way to scale did, one entry a tick.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Course {
    /// Units that serve.
    pub(crate) supply: Vec<u32>,
    /// Units that are paid for.
    pub(crate) billed: Vec<u32>,
    /// Changes of the wanted size.
    pub(crate) changes: usize,
}

impl Scored {
    pub(crate) fn new(load: Vec<f64>, per_unit: f64, slo_utilization: f64, tick: u64) -> Self {
        let demand = load.iter().map(|x| units_for_load(*x, per_unit, slo_utilization).max(1)).collect();
        Self { load, demand, per_unit, slo_utilization, tick }
    }

    /// Scores a course; missing ticks count for nothing.
    pub(crate) fn measure(&self, name: &str, course: &Course, cost_per_unit_hour: Option<f64>) -> Row {
        let (mut all, mut short, mut unserved, mut unit_ticks) = (0.0, 0.0, 0.0, 0u64);
        let (mut ticks, mut ticks_short) = (0u64, 0u64);
        for (t, load) in self.load.iter().enumerate().filter(|(_, x)| !x.is_nan()) {
            let supply = course.supply[t];
            let served = f64::from(supply) * self.per_unit * self.slo_utilization;
            all += load;
            unserved += (load - served).max(0.0);
            ticks += 1;
            unit_ticks += u64::from(course.billed[t]);
            if supply < self.demand[t] {
                short += load;
                ticks_short += 1;
            }
        }
        let share = |x: f64| if all > 0.0 { x / all } else { 0.0 };
        let hours = |ticks: u64| (ticks * self.tick) as f64 / 3_600.0;
        let unit_hours = hours(unit_ticks);
        Row {
            name: name.to_owned(),
            unit_hours,
            slo: share(short),
            unserved: share(unserved),
            time_short: if ticks > 0 { ticks_short as f64 / ticks as f64 } else { 0.0 },
            changes_per_day: if ticks > 0 { course.changes as f64 / (hours(ticks) / 24.0) } else { 0.0 },
            cost: cost_per_unit_hour.map(|price| price * unit_hours),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_ticks_count_for_nothing() {
        let scored = Scored::new(vec![8.0, f64::NAN, 17.0, 18.0], 10.0, 0.85, 60);
        assert_eq!(scored.demand, [1, 1, 2, 3]);
        let course = Course { supply: vec![1, 0, 1, 3], billed: vec![2, 9, 2, 3], changes: 1 };
        let row = scored.measure("x", &course, Some(2.0));
        assert_eq!((row.unit_hours, row.cost), (7.0 / 60.0, Some(14.0 / 60.0)));
        assert_eq!((row.slo, row.unserved, row.time_short), (17.0 / 43.0, 8.5 / 43.0, 1.0 / 3.0));
        assert_eq!(row.changes_per_day, 480.0);
    }
}
