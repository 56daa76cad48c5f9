//! What timetables of this kind would have cost and missed lately, beside a fixed size and a reactive scaler alone.

use std::collections::BTreeMap;

use forecast_core::Series;
use jiff::Timestamp;

use super::policy::{Kind, Policy, World};
use super::predictive::{Outlook, timetable};
use super::{Arena, Mode, ReplayError, Row, Trace};
use crate::capacity::units_for_load;
use crate::capacity_plan::{Savings, SavingsRow};
use crate::duration::Span;
use crate::settings::CapacitySettings;

/// Most days replayed.
const DAYS: u64 = 14;
/// Data coarser than an hour say nothing of what happens between two samples.
const COARSEST: u64 = 3_600;

/// The past that is replayed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Past<'a> {
    pub(crate) series: &'a Series,
    /// Forecasts that were made in the backtest, in order.
    pub(crate) outlooks: &'a [Outlook],
    pub(crate) per_unit: f64,
    pub(crate) settings: &'a CapacitySettings,
    pub(crate) refresh_interval: Span,
}

/// Rows `ours` (the timetable as a floor under a reactive scaler), `static` and `hpa`, and whether timetables alone need
/// fewer unit-hours than a fixed size that is sized alike.
///
/// `None` where nothing can be replayed: no forecast of the past, or data coarser than an hour.
/// # Errors
/// Settings that make no timetable.
pub(crate) fn savings(past: &Past<'_>) -> Result<Option<(Savings, bool)>, ReplayError> {
    let y = past.series;
    let Some(first) = past.outlooks.first().filter(|_| y.step().as_secs() <= COARSEST) else { return Ok(None) };
    let earliest = y.end().as_second() - (DAYS * 86_400) as i64;
    let from = Timestamp::from_second(first.in_force.max(earliest)).unwrap_or_default();
    let since = (from.as_second() - y.start().as_second()).div_euclid(y.step().as_secs() as i64);
    // A span that was never observed cannot be scored.
    let Some(part) = y.slice(usize::try_from(since).unwrap_or(0), y.len()).filter(|part| part.len() > 1) else {
        return Ok(None);
    };
    let Ok(trace) = Trace::from_series(&part) else { return Ok(None) };
    let trace = trace.scored_since(from);
    let settings = past.settings;
    let world = World {
        startup_seconds: settings.warm_up.as_secs(),
        slo_utilization: settings.slo_utilization,
        cost_per_unit_hour: settings.cost_per_unit_hour,
        refresh_interval: past.refresh_interval,
        ..World::default()
    };
    let load = trace.scored();
    let sized_alike = load.iter().map(|x| units_for_load(*x, past.per_unit, settings.target_utilization)).max();
    let arena = Arena::new(load, trace.scored_start(), past.per_unit, &world, Mode::Reference);
    let floor = timetable(past.outlooks, arena.start, arena.minutes, past.per_unit, settings)?;
    let hpa = Policy {
        name: "hpa".into(),
        kind: Kind::Hpa,
        min: settings.min,
        max: settings.max,
        target_utilization: Some(settings.target_utilization),
        risk: None,
        level: None,
        mode: None,
        model: None,
        dwell: None,
        behavior: None,
    };
    let rows = [
        ("ours", arena.reactive(&hpa, Some(&floor))),
        ("static", arena.static_peak("static")),
        ("hpa", arena.reactive(&hpa, None)),
    ];
    let fixed = vec![sized_alike.unwrap_or(1).clamp(settings.min, settings.max); arena.minutes];
    let saves = arena.exact("ours", &floor).unit_hours <= arena.exact("fixed", &fixed).unit_hours;
    let rows: BTreeMap<String, SavingsRow> =
        rows.into_iter().map(|(name, row)| (name.to_owned(), shown(&row))).collect();
    Ok(Some((Savings { days: round(trace.scored_days(), 1), rows }, saves)))
}

fn shown(row: &Row) -> SavingsRow {
    SavingsRow { unit_hours: round(row.unit_hours, 1), cost: row.cost.map(|c| round(c, 2)), slo: round(row.slo, 5) }
}

/// Rounded to so many decimals, as people read it.
pub(crate) fn round(x: f64, decimals: i32) -> f64 {
    let scale = (0..decimals).fold(1.0, |scale, _| scale * 10.0);
    let rounded = (x * scale).round() / scale;
    if rounded.is_finite() { rounded } else { x }
}
