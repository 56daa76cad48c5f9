//! The answer first: what to look at, and what the whole page says in a few sentences and figures.

use jiff::tz::TimeZone;

use super::{After, ForecastReport, ReplayRow, Schedule, money, row, strong, unit_name};
use crate::format::{days, duration, moment, percent, service_level};
use crate::page::{Figure, Html, Page, State};
use crate::series::{TimeSeries, finite};

/// Coverage this far below its promise is worth a look.
const COVERAGE_SLACK: f64 = 0.1;

/// Service level this far below another way to scale is worth a look.
const SLO_SLACK: f64 = 0.001;

/// A last value this many steps before the report's instant is worth a look.
const LATE_STEPS: i64 = 3;

/// Adds the verdict and the key figures.
pub(super) fn add(page: &mut Page, report: &ForecastReport, zone: &TimeZone) {
    let findings = findings(report);
    let (state, heading) = match findings.len() {
        0 => (State::Good, "Nothing needs a look".to_owned()),
        1 => (State::Attention, "One thing to look at first".to_owned()),
        n => (State::Attention, format!("{n} things to look at first")),
    };
    page.verdict(state, &heading, &findings, &sentences(report, zone));
    page.figures(&figures(report, zone));
}

/// The caller's warnings, then what the figures themselves give away.
fn findings(report: &ForecastReport) -> Vec<String> {
    let mut findings = report.warnings.clone();
    findings.extend(unknowns(report));
    let ours = row(report, "ours");
    for (name, words) in [("static", "a static peak"), ("hpa", "the Kubernetes HPA")] {
        let other = row(report, name);
        if let Some(saved) = saving(ours, other).filter(|s| *s < 0.0) {
            findings.push(format!("In the replay this plan used {} more unit-hours than {words}.", percent(-saved)));
        }
        if let (Some(our_slo), Some(other_slo)) = (slo(ours), slo(other))
            && our_slo < other_slo - SLO_SLACK
            && name == "hpa"
        {
            let (a, b) = (service_level(our_slo), service_level(other_slo));
            findings.push(format!("In the replay this plan had the lower service level: {a} against {b} of {words}."));
        }
    }
    let coverage = report.backtest.iter().flat_map(|b| &b.coverage);
    for c in coverage.filter(|c| c.seen.is_finite() && c.seen < c.nominal - COVERAGE_SLACK) {
        let (nominal, seen) = (percent(c.nominal), percent(c.seen));
        findings.push(format!("Intervals are too narrow: {nominal} promised, {seen} seen in the backtest."));
    }
    if let Some(needed) = report.schedule.as_ref().and_then(beyond_max) {
        findings.push(needed);
    }
    findings
}

/// What is not known, or known only of a while ago; silence about it would read as good news.
fn unknowns(report: &ForecastReport) -> Vec<String> {
    let mut unknowns = Vec::new();
    let known = |series: &TimeSeries| series.values.iter().rposition(|v| finite(*v).is_some());
    match report.forecast.as_ref().and_then(|f| known(&f.center)) {
        None => unknowns.push("There is no forecast.".to_owned()),
        Some(_) if !report.accuracy.is_some_and(f64::is_finite) => {
            unknowns.push("How accurate such forecasts are has not been measured.".to_owned());
        }
        Some(_) => {}
    }
    match report.history.as_ref().map(|h| (h, known(h))) {
        Some((history, Some(last))) => {
            let late = report.as_of.as_second().saturating_sub(history.second(last));
            if late > LATE_STEPS.saturating_mul(history.step()) {
                let minutes = u64::try_from(late / 60).unwrap_or_default();
                unknowns.push(format!("The last measured value is {} older than this report.", duration(minutes * 60)));
            }
        }
        _ => unknowns.push("There is no measured load.".to_owned()),
    }
    unknowns
}

/// A sentence if the forecast needs more than the plan may ever give.
fn beyond_max(schedule: &Schedule) -> Option<String> {
    let max = f64::from(schedule.max?);
    let needed = &schedule.needed.as_ref()?.center;
    let peak = needed.values.iter().flatten().copied().filter(|v| v.is_finite()).reduce(f64::max)?;
    let name = unit_name(schedule);
    (peak > max).then(|| format!("The forecast needs {:.0} {name} at its peak; the maximum is {max}.", peak.ceil()))
}

fn sentences(report: &ForecastReport, zone: &TimeZone) -> Vec<Html> {
    let mut sentences = Vec::new();
    if let Some(schedule) = &report.schedule {
        sentences.extend(schedule_sentence(schedule, zone));
    }
    if report.model.is_some() || report.accuracy.is_some() {
        sentences.push(model_sentence(report));
    }
    sentences.extend(savings_sentence(report));
    sentences
}

fn schedule_sentence(schedule: &Schedule, zone: &TimeZone) -> Option<Html> {
    let name = unit_name(schedule);
    let (low, peak) = bounds(schedule)?;
    let mut out = Html::text("The schedule ");
    if low == peak {
        out.push(&Html::text("stays at "));
        out.push(&strong(&format!("{peak} {name}")));
    } else {
        let first = schedule.steps.iter().find(|s| s.units == peak)?;
        out.push(&Html::text(&format!("runs between {low} and ")));
        out.push(&strong(&format!("{peak} {name}")));
        out.push(&Html::text(&format!(", its peak first on {}", moment(first.from, zone))));
    }
    if let Some(until) = schedule.valid_until {
        out.push(&Html::text(", and is valid until "));
        out.push(&strong(&moment(until, zone)));
    }
    out.push(&Html::text(match &schedule.after {
        Some(After::Weekly { .. }) => "; then the typical week goes on.",
        Some(After::Restore) => "; then what was there before is restored.",
        Some(After::Hold) => "; then the last step stays.",
        None => ".",
    }));
    Some(out)
}

fn model_sentence(report: &ForecastReport) -> Html {
    let mut out = Html::text("The model ");
    out.push(&strong(report.model.as_deref().unwrap_or("(not named)")));
    match report.accuracy.filter(|a| a.is_finite()) {
        Some(accuracy) => {
            out.push(&Html::text(" was "));
            out.push(&strong(&format!("{} accurate", percent(accuracy))));
            let period = report.backtest.as_ref().and_then(|b| b.days).filter(|d| d.is_finite());
            let period = period.map_or_else(String::new, |d| format!(" over {} of backtest", days(d)));
            out.push(&Html::text(&period));
        }
        None => out.push(&Html::text(" has no measured accuracy yet")),
    }
    if let Some(skill) = report.skill.filter(|s| s.is_finite()) {
        let words = if skill < 0.0 { "larger" } else { "smaller" };
        let text = format!("; its error was {} {words} than that of the best naive method", percent(skill.abs()));
        out.push(&Html::text(&text));
    }
    out.push(&Html::text("."));
    out
}

fn savings_sentence(report: &ForecastReport) -> Option<Html> {
    let ours = row(report, "ours")?;
    let mut parts = Vec::new();
    for (name, words) in [("static", "a static peak"), ("hpa", "the Kubernetes HPA")] {
        let other = row(report, name);
        let Some(saved) = saving(Some(ours), other) else { continue };
        let level = slo(other).map_or_else(String::new, |s| format!(" (service level {})", service_level(s)));
        let more = if saved < 0.0 { "more" } else { "fewer" };
        parts.push((format!("{} {more}", percent(saved.abs())), format!(" unit-hours than {words}{level}")));
    }
    if parts.is_empty() {
        return None;
    }
    let period = report.replay.as_ref().and_then(|r| r.days).filter(|d| d.is_finite());
    let period = period.map_or_else(|| "the past".to_owned(), |d| format!("the last {}", days(d)));
    let mut out = Html::text(&format!("Replayed over {period}, such plans used "));
    for (i, (figure, rest)) in parts.iter().enumerate() {
        out.push(&Html::text(if i == 0 { "" } else { " and " }));
        out.push(&strong(figure));
        out.push(&Html::text(rest));
    }
    if let Some(level) = slo(Some(ours)) {
        out.push(&Html::text(", at a service level of "));
        out.push(&strong(&service_level(level)));
    }
    out.push(&Html::text("."));
    Some(out)
}

fn figures(report: &ForecastReport, zone: &TimeZone) -> Vec<Figure> {
    let mut figures = Vec::new();
    let mut figure = |label: &str, value: String, note: String| {
        figures.push(Figure { label: label.to_owned(), value, note });
    };
    if let Some(schedule) = &report.schedule {
        if let Some((low, peak)) = bounds(schedule) {
            figure("Peak", format!("{peak} {}", unit_name(schedule)), format!("lowest {low}"));
        }
        if let Some(cost) = schedule.cost.filter(|c| c.is_finite()) {
            figure("Cost", money(report, cost), "of the whole timetable".to_owned());
        }
    }
    if let Some(accuracy) = report.accuracy.filter(|a| a.is_finite()) {
        figure("Accuracy", percent(accuracy), "1 \u{2212} WAPE in the backtest".to_owned());
    }
    let ours = row(report, "ours");
    for (name, label) in [("static", "Vs. static peak"), ("hpa", "Vs. HPA")] {
        let other = row(report, name);
        if let Some(saved) = saving(ours, other) {
            let sign = if saved < 0.0 { "+" } else { "\u{2212}" };
            let level = slo(other).map_or_else(String::new, |s| format!(", which served {}", service_level(s)));
            figure(label, format!("{sign}{}", percent(saved.abs())), format!("unit-hours{level}"));
        }
    }
    if let Some(level) = slo(ours) {
        figure("Service level", service_level(level), "of the load met in the replay".to_owned());
    }
    if let Some(until) = report.schedule.as_ref().and_then(|s| s.valid_until) {
        let local = until.to_zoned_datetime(zone.clone());
        figure("Valid until", local.strftime("%a %-d %b").to_string(), local.strftime("%H:%M %Z, %Y").to_string());
    }
    figures
}

/// Fewest and most units of the timetable.
fn bounds(schedule: &Schedule) -> Option<(u32, u32)> {
    let units = || schedule.steps.iter().map(|s| s.units);
    Some((units().min()?, units().max()?))
}

fn slo(row: Option<&ReplayRow>) -> Option<f64> {
    row?.slo.filter(|s| s.is_finite())
}

/// Share of the other's unit-hours that ours does not use.
fn saving(ours: Option<&ReplayRow>, other: Option<&ReplayRow>) -> Option<f64> {
    let (ours, other) = (ours?.unit_hours?, other?.unit_hours?);
    (other > 0.0).then(|| 1.0 - ours / other).filter(|s| s.is_finite())
}
