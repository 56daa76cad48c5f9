//! What was found, in the attributes of the data source; small, as it stays in state.

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};
use stormglass_ops::job::{BacktestSummary, Outcome};
use tfplugin::diagnostics::Diagnostics;

use super::model::{BacktestModel, CapacityForecastModel, QuantileModel, SavingsModel, StepModel, WindowModel};
use crate::attributes::capacity_plan::CapacityPlanModel;
use crate::data_sources::short;
use crate::hex::hex;

/// The configuration with all that was computed.
pub(super) fn of(config: CapacityForecastModel, outcome: &Outcome) -> Result<CapacityForecastModel, Diagnostics> {
    let plan = &outcome.plan;
    let capacity_plan = CapacityPlanModel::from_plan(plan).map_err(|e| Diagnostics::error("No schedule", e))?;
    let step = |s: &stormglass_ops::Step| StepModel {
        time: s.from.to_string(),
        units: i64::from(s.units),
        reason: s.reason.clone(),
    };
    let savings = plan.savings.as_ref().map(|savings| {
        let row = |row: &stormglass_ops::SavingsRow| SavingsModel {
            unit_hours: short(row.unit_hours),
            slo: short(row.slo),
            cost: row.cost.map(short),
        };
        savings.rows.iter().map(|(name, r)| (name.clone(), row(r))).collect()
    });
    Ok(CapacityForecastModel {
        id: Some(fingerprint(&capacity_plan)),
        status: Some(outcome.status.to_string()),
        steps: Some(plan.steps.iter().map(step).collect()),
        quantiles: quantiles(outcome),
        quiet_windows: Some(
            outcome
                .quiet_windows
                .iter()
                .map(|w| WindowModel { from: w.from.to_string(), to: w.to.to_string() })
                .collect(),
        ),
        model: Some(plan.model.clone()),
        accuracy: plan.accuracy.map(short),
        skill: plan.skill.map(short),
        backtest: outcome.backtest.as_ref().map(backtest),
        savings,
        origin: Some(plan.origin.to_string()),
        valid_until: Some(plan.valid_until.to_string()),
        per_unit: Some(short(outcome.per_unit)),
        capacity_plan: Some(capacity_plan),
        ..config
    })
}

fn backtest(summary: &BacktestSummary) -> BacktestModel {
    BacktestModel {
        origins: i64::try_from(summary.origins).unwrap_or(i64::MAX),
        wape: short(summary.wape),
        naive_wape: summary.naive_wape.map(short),
        from_lead: summary.from_lead.to_string(),
        to_lead: summary.to_lead.to_string(),
        coverage: summary.coverage.iter().map(|(level, seen)| (level.clone(), short(*seen))).collect(),
    }
}

/// One element a step, or nothing where no level was asked for.
fn quantiles(outcome: &Outcome) -> Option<Vec<QuantileModel>> {
    let rows = outcome.quantiles();
    let names: Vec<String> = outcome.levels.iter().map(|l| l.probability().to_string()).collect();
    let row = |(time, values): (jiff::Timestamp, Vec<f64>)| QuantileModel {
        time: time.to_string(),
        values: names.iter().cloned().zip(values.into_iter().map(short)).collect::<BTreeMap<_, _>>(),
    };
    (!rows.is_empty()).then(|| rows.into_iter().map(row).collect())
}

fn fingerprint(plan: &CapacityPlanModel) -> String {
    let text = serde_json::to_string(plan).unwrap_or_default();
    hex(&Sha256::digest(text.as_bytes())[..8])
}
