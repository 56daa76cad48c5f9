//! What was found on the way, in words: what a person should know before applying.

use forecast_core::Series;
use forecast_core::borrow::{BorrowError, Borrowed};
use forecast_core::clean::Report;
use jiff::Timestamp;

use crate::load::TotalLoad;

/// Share of missing steps from which on a person should know.
const MANY_MISSING: f64 = 0.05;
/// Age up to which another level is worth a word.
const RECENT_SECONDS: i64 = 14 * 86_400;

/// What was borrowed from a similar service, or why nothing was; nothing to say where the own history is long enough.
pub(crate) fn about_borrowing(borrowed: &Result<Borrowed, BorrowError>, y: &Series) -> Option<String> {
    match borrowed {
        Ok(borrowed) if borrowed.steps == 0 => None,
        Ok(borrowed) => Some(format!(
            "the history begins on {}; the {} steps before it are those of load.borrow_from times {:.4}",
            y.start(),
            borrowed.steps,
            borrowed.scale
        )),
        Err(reason) => Some(format!("nothing is borrowed: {reason}")),
    }
}

/// Warnings about the measurements.
pub(crate) fn about_data(load: &TotalLoad, report: &Report, y: &Series) -> Vec<String> {
    let (steps, end) = (y.len(), y.end());
    let mut out = Vec::new();
    let share = |part: usize, all: usize| 100.0 * part as f64 / all.max(1) as f64;
    if load.saturated > 0 {
        out.push(format!(
            "{} of {} samples ({:.1} %) are saturated: the load was at least so high, and the forecast may be too low",
            load.saturated,
            load.measured,
            share(load.saturated, load.measured)
        ));
    }
    if load.without_units > 0 {
        out.push(format!(
            "{} of {} samples lie at times without a unit count and are missing",
            load.without_units, load.measured
        ));
    }
    if report.missing as f64 > MANY_MISSING * steps as f64 {
        let longest = report.gaps.first().map(|gap| format!(", the longest gap from {} to {}", gap.from, gap.to));
        out.push(format!(
            "{} of {steps} steps of the history ({:.1} %) are missing{}",
            report.missing,
            share(report.missing, steps),
            longest.unwrap_or_default()
        ));
    }
    let noted = [
        (&report.not_finite, "samples are no number and are missing"),
        (&report.out_of_bounds, "samples are below zero and are missing"),
    ];
    for (noted, words) in noted.into_iter().filter(|(noted, _)| noted.count > 0) {
        let first = noted.first.first().map(|at| format!(", the first at {at}")).unwrap_or_default();
        out.push(format!("{} {words}{first}", noted.count));
    }
    let recent = |at: &&Timestamp| end.as_second() - at.as_second() < RECENT_SECONDS;
    if let Some(last) = report.level_shifts.first.iter().rfind(recent) {
        out.push(format!("the load moved to another level on {last}; older days say less of what comes"));
    }
    out
}
