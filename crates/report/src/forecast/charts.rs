//! The report's charts: load with forecast, schedule against need, what was forecast against what came.

use jiff::tz::TimeZone;

use super::{Backtest, Band, ForecastReport, ForecastSeries, Record, Schedule, unit_name};
use crate::chart::{Chart, Hint, Limit, Mark, Role, Span};
use crate::format::{duration, full_moment, moment, optional, percent, timestamp};
use crate::page::Html;
use crate::series::{TimeSeries, finite};

pub(super) const LOAD_LEAD: &str =
    "The solid line was measured, the dashed one is forecast; the darker the band, the likelier the load stays inside.";
pub(super) const SCHEDULE_LEAD: &str =
    "The heavy line is what will run. Where the dashed line comes close to it, there is little headroom.";

/// A history longer than this many forecasts is shown in close-up, with the whole of it below.
const CLOSE_UP: i64 = 2;

/// Load and forecast in close-up, and the whole history where that hides a part of it.
pub(super) fn load(report: &ForecastReport, zone: &TimeZone) -> Html {
    let as_of = report.as_of.as_second();
    let history = report.history.as_ref().filter(|h| !h.values.is_empty());
    let end = report.forecast.as_ref().map_or(as_of, |f| last(&f.center)).max(history.map_or(as_of, last));
    let start = history.map_or_else(|| report.forecast.as_ref().map_or(as_of, |f| f.center.second(0)), |h| h.second(0));
    let ahead = end.saturating_sub(as_of).max(86_400);
    let close = start.max(as_of.saturating_sub(ahead.saturating_mul(CLOSE_UP)));
    let mut chart = Chart::new("load-chart", "Load and forecast", zone, close, end);
    chart.unit = report.load_unit.clone().unwrap_or_default();
    chart.height = 320;
    if let Some(forecast) = &report.forecast {
        bands(&mut chart, forecast);
    }
    if let Some(history) = history {
        chart.line("measured", Role::Observed, history.points_from(close));
    }
    if let Some(forecast) = &report.forecast {
        chart.line("forecast", Role::Forecast, forecast.center.points());
        chart.marks.push(Mark { at: as_of, label: "as of".to_owned() });
    }
    chart.description = load_description(report, zone);
    let mut content = chart.html();
    if let Some(history) = history.filter(|_| start < close) {
        let span = duration(u64::try_from(as_of.saturating_sub(start) / 86_400 * 86_400).unwrap_or_default());
        let title = format!("The whole history: {span}");
        let mut whole = Chart::new("history-chart", &title, zone, start, as_of);
        whole.height = 110;
        whole.description = format!("Measured load since {}.", full_moment(timestamp(start), zone));
        whole.line("measured", Role::Observed, history.points());
        whole.spans.push(Span { from: close, to: as_of, label: "shown above".to_owned() });
        content.push(&whole.html());
    }
    content
}

fn load_description(report: &ForecastReport, zone: &TimeZone) -> String {
    let unit = report.load_unit.as_deref().unwrap_or_default();
    let say = |label: &str, series: &TimeSeries| {
        let known = || series.values.iter().enumerate().filter_map(|(i, v)| finite(*v).map(|v| (i, v)));
        let peak = known().max_by(|a, b| a.1.total_cmp(&b.1));
        let peak_at =
            peak.map_or_else(String::new, |(i, _)| format!(" on {}", moment(timestamp(series.second(i)), zone)));
        let peak = optional(peak.map(|p| p.1), crate::format::number);
        format!("{label} peaks at {peak} {unit}{peak_at}. ")
    };
    let mut text = String::new();
    text.extend(report.history.as_ref().map(|h| say("Measured load", h)));
    text.extend(report.forecast.as_ref().map(|f| say("The forecast", &f.center)));
    text.trim_end().to_owned()
}

/// The timetable with what the load needs.
pub(super) fn schedule(report: &ForecastReport, schedule: &Schedule, zone: &TimeZone) -> Html {
    let name = unit_name(schedule);
    let as_of = report.as_of.as_second();
    let first = schedule.steps.first().map_or(as_of, |s| s.from.as_second());
    let needed_end = schedule.needed.as_ref().map_or(as_of, |n| last(&n.center));
    let end = schedule.valid_until.map_or(needed_end, |v| v.as_second()).max(first);
    // A little of what ran before puts the schedule in proportion.
    let before = end.saturating_sub(first) / 4;
    let has_past = schedule.needed_seen.is_some() || schedule.ran.is_some();
    let start = if has_past { first.saturating_sub(before) } else { first };
    let mut chart = Chart::new("schedule-chart", "Units planned and units needed", zone, start, end);
    chart.unit = name.to_owned();
    chart.whole = true;
    let points: Vec<(i64, f64)> = schedule.steps.iter().map(|s| (s.from.as_second(), f64::from(s.units))).collect();
    if let Some(needed) = &schedule.needed {
        bands(&mut chart, needed);
    }
    if let Some(ran) = &schedule.ran {
        let points = ran.points_from(start).into_iter().filter(|p| p.0 <= first);
        chart.steps("ran", Role::Ran, points.filter_map(|(at, v)| Some((at, v?))).collect(), first);
    }
    if let Some(seen) = &schedule.needed_seen {
        chart.line("needed by the measured load", Role::Observed, seen.points_from(start));
    }
    chart.steps("planned", Role::Plan, points, end);
    if let Some(needed) = &schedule.needed {
        chart.line("needed by the forecast", Role::Forecast, needed.center.points());
    }
    for (word, value) in [("min", schedule.min), ("max", schedule.max)] {
        chart.limits.extend(value.map(|v| Limit { value: f64::from(v), label: format!("{word} {v}") }));
    }
    if start < first {
        chart.marks.push(Mark { at: first, label: "schedule starts".to_owned() });
    }
    chart.hints = hints(schedule, name, end, zone);
    chart.description = format!("{} change points; the table below lists all of them.", schedule.steps.len());
    chart.html()
}

/// What each step is, for the pointer.
fn hints(schedule: &Schedule, name: &str, end: i64, zone: &TimeZone) -> Vec<Hint> {
    let ends = schedule.steps.iter().skip(1).map(|s| s.from.as_second()).chain([end]);
    let hint = |(step, to): (&super::Step, i64)| {
        let reason = step.reason.as_deref().map_or_else(String::new, |r| format!(" ({r})"));
        let text = format!("{}: {} {name}{reason}", moment(step.from, zone), step.units);
        Hint { from: step.from.as_second(), to, text }
    };
    schedule.steps.iter().zip(ends).map(hint).collect()
}

/// How many forecasts, since when, and how accurate they were beside what the backtest promised.
pub(super) fn record_lead(report: &ForecastReport, record: &Record, zone: &TimeZone) -> String {
    let accuracy = optional(record.accuracy, percent);
    let promised = report.accuracy.map_or_else(String::new, |a| format!("; the backtest has {}", percent(a)));
    let (count, since) = (record.forecasts, full_moment(record.since, zone));
    let made = if count == 1 { "One forecast was made".to_owned() } else { format!("{count} forecasts were made") };
    format!("{made} since {since} and held against what came. Accuracy {accuracy}{promised}.")
}

/// What the latest forecast before each instant said, against what came.
pub(super) fn record(report: &ForecastReport, record: &Record, zone: &TimeZone) -> Html {
    let (start, end) = (record.forecast.second(0), last(&record.forecast));
    let mut chart = Chart::new("record-chart", "What was forecast and what came", zone, start, end);
    chart.unit = report.load_unit.clone().unwrap_or_default();
    chart.line("what came", Role::Observed, record.actual.points());
    chart.line("what was forecast", Role::Forecast, record.forecast.points());
    chart.description = "Forecasts as they were made before the load came, not repeated afterwards.".to_owned();
    chart.html()
}

/// What was forecast at one lead against what came; empty without both.
pub(super) fn backtest(report: &ForecastReport, backtest: &Backtest, zone: &TimeZone) -> Html {
    let (Some(forecast), Some(actual)) = (&backtest.forecast, &backtest.actual) else {
        return Html::default();
    };
    let lead = backtest.lead_seconds.map_or_else(String::new, |s| format!(", forecasts made {} ahead", duration(s)));
    let title = format!("What was forecast and what came{lead}");
    let start = forecast.center.second(0).min(actual.second(0));
    let end = last(&forecast.center).max(last(actual));
    let mut chart = Chart::new("backtest-chart", &title, zone, start, end);
    chart.unit = report.load_unit.clone().unwrap_or_default();
    bands(&mut chart, forecast);
    chart.line("what came", Role::Observed, actual.points());
    chart.line("what was forecast", Role::Forecast, forecast.center.points());
    chart.description = "The closer the two lines, the better such forecasts were.".to_owned();
    chart.html()
}

/// Adds the bands of a forecast, the widest at the back.
fn bands(chart: &mut Chart, forecast: &ForecastSeries) {
    let mut sorted: Vec<&Band> = forecast.bands.iter().collect();
    sorted.sort_by(|a, b| (b.upper_level - b.lower_level).total_cmp(&(a.upper_level - a.lower_level)));
    for band in sorted {
        let width = band.upper_level - band.lower_level;
        let label = format!("{} interval", percent(width).replace(".0%", "%"));
        let points = band.lower.iter().zip(&band.upper).take(forecast.center.values.len()).enumerate();
        let points = points.filter_map(|(i, (lower, upper))| {
            let (lower, upper) = (finite(*lower)?, finite(*upper)?);
            Some((forecast.center.second(i), lower, upper))
        });
        chart.band(&label, Role::Forecast, points.collect());
    }
}

/// Unix second of the last value.
fn last(series: &TimeSeries) -> i64 {
    series.end().saturating_sub(series.step()).max(series.second(0))
}
