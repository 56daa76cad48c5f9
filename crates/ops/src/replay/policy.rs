//! What is replayed: the ways to scale, and the world that they scale in.

use serde::{Deserialize, Serialize};

use crate::duration::Span;
use crate::ports::Mode as ScalingMode;

/// The ways to scale, side by side in one world.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyFile {
    /// One row of the answer each.
    pub policies: Vec<Policy>,
    /// The world.
    #[serde(flatten)]
    pub world: World,
}

/// What is the same for all ways to scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct World {
    /// Seconds from asking for a unit until it serves; it is billed from asking on.
    pub startup_seconds: u64,
    /// Highest utilization at which the service objective holds.
    pub slo_utilization: f64,
    /// Units that serve the scored part's 99th percentile at full load; sets what one unit serves.
    pub peak_units: f64,
    /// Load that one unit serves at full load, instead of `peak_units`.
    pub capacity_per_unit: Option<f64>,
    /// Age of a reactive scaler's metric in seconds.
    pub metric_delay_seconds: u64,
    /// Seconds over which a reactive scaler looks back before it scales down.
    pub stabilization_seconds: u64,
    /// Price of a unit for an hour.
    pub cost_per_unit_hour: Option<f64>,
    /// How often a timetable is made anew at the cadence of Terraform.
    pub refresh_interval: Span,
    /// Time until a measurement is complete.
    pub settling: Span,
    /// Time from the refresh until the timetable is in force.
    pub apply_delay: Span,
    /// Time zone of seasons and days.
    pub time_zone: String,
}

impl Default for World {
    fn default() -> Self {
        Self {
            startup_seconds: 180,
            slo_utilization: 0.85,
            peak_units: 40.0,
            capacity_per_unit: None,
            metric_delay_seconds: 60,
            stabilization_seconds: 300,
            cost_per_unit_hour: None,
            refresh_interval: Span::seconds(6 * 3_600),
            settling: Span::seconds(300),
            apply_delay: Span::seconds(300),
            time_zone: "UTC".into(),
        }
    }
}

/// One way to scale.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Name of its row.
    pub name: String,
    /// How it decides.
    pub kind: Kind,
    /// Fewest units.
    #[serde(default = "one")]
    pub min: u32,
    /// Most units.
    #[serde(default = "very_many")]
    pub max: u32,
    /// Utilization that it sizes for; 0.7 for a reactive scaler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_utilization: Option<f64>,
    /// `stormglass`: expected share of the load that may arrive short.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<f64>,
    /// `stormglass`: quantile of the forecast that is provisioned for, instead of `risk`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<f64>,
    /// `stormglass`: `floor` under a reactive scaler, or `exact`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<ScalingMode>,
    /// `stormglass`: name of the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// `stormglass`: least time between two changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dwell: Option<Span>,
    /// Reactive scalers in mode `kubernetes`: rates and windows as the API has them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub behavior: Option<Behavior>,
}

/// How a way to scale decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The highest demand of the scored part, all the time.
    Static,
    /// Kubernetes' HorizontalPodAutoscaler.
    Hpa,
    /// Perfect knowledge: the cheapest schedule without any violation.
    Oracle,
    /// The same, holding each size through the scale-down window.
    Oracle5,
    /// Timetables from forecasts, as this project makes them.
    Stormglass,
}

/// Field `behavior` of a HorizontalPodAutoscaler.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Behavior {
    /// On the way up.
    pub scale_up: Option<Rules>,
    /// On the way down.
    pub scale_down: Option<Rules>,
}

/// Rates and window of one direction.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
pub struct Rules {
    /// Seconds looked back; 0 up and 300 down by default.
    pub stabilization_window_seconds: Option<u64>,
    /// Which of the policies counts; the one that changes most by default.
    pub select_policy: Option<Select>,
    /// Rates; the API's defaults where there are none.
    pub policies: Vec<Rate>,
}

/// Which rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Select {
    /// The one that changes most.
    #[default]
    Max,
    /// The one that changes least.
    Min,
    /// None: no change in this direction.
    Disabled,
}

/// A rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Rate {
    /// What `value` counts.
    #[serde(rename = "type")]
    pub kind: RateKind,
    /// So many at most.
    pub value: u32,
    /// In so many seconds.
    pub period_seconds: u64,
}

/// What a rate counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RateKind {
    /// Units.
    Pods,
    /// Percent of the units at the beginning of the period.
    Percent,
}

fn one() -> u32 {
    1
}

fn very_many() -> u32 {
    1_000_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_published_form() {
        let text = r#"{"policies":[{"name":"static","kind":"static"},{"name":"hpa","kind":"hpa","target_utilization":0.7},
            {"name":"floor under oracle","kind":"oracle5"},
            {"name":"ours","kind":"stormglass","risk":0.005,"min":1,"max":200}],
            "startup_seconds":180,"slo_utilization":0.85,"peak_units":40}"#;
        let file: PolicyFile = serde_json::from_str(text).unwrap();
        assert_eq!(file.world, World::default());
        assert_eq!((file.policies[3].risk, file.policies[3].max), (Some(0.005), 200));
        assert_eq!(serde_json::from_str::<PolicyFile>(&serde_json::to_string(&file).unwrap()).unwrap(), file);
    }

    #[test]
    fn reads_the_behavior_of_the_api() {
        let text = r#"{"name":"hpa","kind":"hpa","behavior":{"scaleUp":{"stabilizationWindowSeconds":60,"selectPolicy":"Min",
            "policies":[{"type":"Pods","value":4,"periodSeconds":15}]}}}"#;
        let rules = serde_json::from_str::<Policy>(text).unwrap().behavior.unwrap().scale_up.unwrap();
        assert_eq!((rules.select_policy, rules.policies[0].kind), (Some(Select::Min), RateKind::Pods));
    }

    #[test]
    fn refuses_unknown_words() {
        assert!(serde_json::from_str::<Policy>(r#"{"name":"a","kind":"magic"}"#).is_err());
        assert!(serde_json::from_str::<Policy>(r#"{"name":"a","kind":"hpa","riks":1}"#).is_err());
        assert!(serde_json::from_str::<PolicyFile>(r#"{"policies":[],"peek_units":40}"#).is_err());
    }
}
