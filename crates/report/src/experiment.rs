//! The report of one chaos experiment: verdict, times, and a timeline of faults and checks over each other.

use std::fmt::Write as _;

use jiff::Timestamp;

use crate::axis::value_axis;
use crate::page::{Column, Figure, Html, Page, State, Table};

/// What the page shows.
#[derive(Debug, Clone, PartialEq)]
pub struct ExperimentReport {
    /// Title of the experiment.
    pub title: String,
    /// `passed`, `failed`, `aborted` or `interrupted`.
    pub outcome: String,
    /// Why, one sentence.
    pub reason: String,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Timestamp,
    /// Seconds from the first injection to the first failing check; none where nothing broke.
    pub detection_seconds: Option<f64>,
    /// Seconds until everything was back; none where it did not come back.
    pub recovery_seconds: Option<f64>,
    /// The faults, in order.
    pub faults: Vec<Fault>,
    /// The checks, in order.
    pub checks: Vec<Check>,
    /// Path of the journal.
    pub journal: String,
}

/// One fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Its name.
    pub name: String,
    /// What it did.
    pub plan: String,
    /// When it came into force.
    pub injected: Option<Timestamp>,
    /// When it was undone.
    pub undone: Option<Timestamp>,
    /// What went wrong with it.
    pub error: Option<String>,
}

/// One check.
#[derive(Debug, Clone, PartialEq)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// What was asked.
    pub asked: String,
    /// Each measurement, in order.
    pub measurements: Vec<Measurement>,
}

/// One measurement.
#[derive(Debug, Clone, PartialEq)]
pub struct Measurement {
    /// When it was asked.
    pub at: Timestamp,
    /// How long it took, seconds.
    pub seconds: f64,
    /// Whether it was within the tolerance.
    pub ok: bool,
    /// In a few words.
    pub summary: String,
}

/// Width of the drawing, and of the names on its left.
const WIDTH: f64 = 1_000.0;
const NAMES: f64 = 170.0;
/// Height of a row, and of a mark in it.
const ROW: f64 = 28.0;
/// Most failures that are listed.
const LISTED: usize = 50;

/// The page.
pub fn render(report: &ExperimentReport) -> String {
    let facts = [
        ("Began", report.started.strftime("%Y-%m-%d %H:%M:%SZ").to_string()),
        ("Took", seconds(Some(length(report)))),
        ("Journal", report.journal.clone()),
    ];
    let mut page = Page::new("Chaos experiment", &report.title, None, &facts);
    let state = if report.outcome == "passed" { State::Good } else { State::Attention };
    page.verdict(state, &capital(&report.outcome), &[], &[Html::text(&capital(&report.reason))]);
    page.figures(&figures(report));
    let lead = "Faults above, checks below. A tall mark is a measurement outside its tolerance.";
    page.section("timeline", "Timeline", lead, &timeline(report));
    page.section("faults", "Faults", "What was broken, and when it was undone.", &fault_table(report).html());
    page.section("checks", "Checks", "What the steady state was measured by.", &check_table(report).html());
    let failures = failure_table(report);
    if !failures.rows.is_empty() {
        page.section("failures", "Failing measurements", "The first of them, in order.", &failures.html());
    }
    page.finish("Written by Stormglass; every measurement is in the journal.")
}

fn figures(report: &ExperimentReport) -> Vec<Figure> {
    let figure =
        |label: &str, value: String, note: &str| Figure { label: label.to_owned(), value, note: note.to_owned() };
    let all: usize = report.checks.iter().map(|c| c.measurements.len()).sum();
    let failed = report.checks.iter().flat_map(|c| &c.measurements).filter(|m| !m.ok).count();
    let share =
        if all == 0 { "none".to_owned() } else { format!("{:.2} %", 100.0 * (all - failed) as f64 / all as f64) };
    let recovery = match (report.detection_seconds, report.recovery_seconds) {
        (None, Some(_)) => figure("Recovery", "not needed".to_owned(), "the steady state never broke"),
        (_, Some(s)) => figure("Recovery", seconds(Some(s)), "until every check passed again"),
        (_, None) => figure("Recovery", "none".to_owned(), "not every check passed again"),
    };
    vec![
        figure("Detection", seconds(report.detection_seconds), "from the first injection to the first failing check"),
        recovery,
        figure("Measurements", all.to_string(), "of all checks"),
        figure("Passed", share, "of the measurements"),
    ]
}

/// Bars for faults, marks for measurements, seconds below.
fn timeline(report: &ExperimentReport) -> Html {
    let total = length(report).max(1.0);
    let x = |at: Timestamp| {
        NAMES + (WIDTH - NAMES) * (at.duration_since(report.started).as_secs_f64() / total).clamp(0.0, 1.0)
    };
    let rows = report.faults.len() + report.checks.len();
    let height = ROW * rows as f64;
    let mut out = format!(
        "<div class=\"scroll\"><svg viewBox=\"0 0 {WIDTH} {}\" width=\"100%\" role=\"img\" aria-label=\"Timeline of faults and checks\"><g class=\"axis\">",
        height + 24.0
    );
    for (second, label) in value_axis(0.0, total, 10, false).ticks {
        if second <= total {
            let at = NAMES + (WIDTH - NAMES) * second / total;
            let _ = write!(
                out,
                "<line x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"0\" y2=\"{height}\" style=\"stroke:var(--grid)\"/><text class=\"x\" x=\"{at:.1}\" y=\"{}\">{} s</text>",
                height + 18.0,
                Html::text(&label)
            );
        }
    }
    out.push_str("</g>");
    for (row, fault) in report.faults.iter().enumerate() {
        let top = ROW * row as f64;
        name(&mut out, &fault.name, top);
        if let Some(from) = fault.injected {
            let (left, right) = (x(from), x(fault.undone.unwrap_or(report.ended)));
            let _ = write!(
                out,
                "<rect x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"16\" rx=\"3\" style=\"fill:var(--plan)\"><title>{}</title></rect>",
                top + 6.0,
                (right - left).max(2.0),
                Html::text(&fault.plan)
            );
        }
    }
    for (row, check) in report.checks.iter().enumerate() {
        let top = ROW * (report.faults.len() + row) as f64;
        name(&mut out, &check.name, top);
        for m in &check.measurements {
            let (y, height, ink) = if m.ok { (top + 10.0, 8.0, "good") } else { (top + 3.0, 22.0, "attention") };
            let words = format!("{} {}", m.at.strftime("%H:%M:%S%.3fZ"), m.summary);
            let _ = write!(
                out,
                "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"2.5\" height=\"{height}\" style=\"fill:var(--{ink})\"><title>{}</title></rect>",
                x(m.at),
                Html::text(&words)
            );
        }
    }
    out.push_str("</svg></div>");
    Html::markup(out)
}

fn name(out: &mut String, text: &str, top: f64) {
    let short: String =
        if text.chars().count() > 22 { text.chars().take(21).chain("…".chars()).collect() } else { text.to_owned() };
    let _ = write!(
        out,
        "<text x=\"0\" y=\"{:.1}\" style=\"fill:var(--ink);font-size:13px\"><title>{}</title>{}</text>",
        top + 18.0,
        Html::text(text),
        Html::text(&short)
    );
}

fn fault_table(report: &ExperimentReport) -> Table {
    let columns = ["Fault", "What it did", "Injected", "Undone", "Trouble"].map(Column::words).to_vec();
    let rows = report.faults.iter().map(|f| {
        let error = f.error.as_deref().unwrap_or("none");
        [f.name.as_str(), f.plan.as_str(), &clock(f.injected), &clock(f.undone), error].map(Html::text).to_vec()
    });
    Table { caption: "Faults".to_owned(), columns, rows: rows.collect(), strong_row: None }
}

fn check_table(report: &ExperimentReport) -> Table {
    let columns = vec![
        Column::words("Check"),
        Column::words("Asked"),
        Column::numbers("Passed"),
        Column::numbers("Failed"),
        Column::numbers("Slowest"),
    ];
    let rows = report.checks.iter().map(|c| {
        let failed = c.measurements.iter().filter(|m| !m.ok).count();
        let slowest = c.measurements.iter().map(|m| m.seconds).fold(0.0, f64::max);
        let passed = c.measurements.len() - failed;
        let cells = [
            c.name.clone(),
            c.asked.clone(),
            passed.to_string(),
            failed.to_string(),
            format!("{:.0} ms", slowest * 1e3),
        ];
        cells.iter().map(|t| Html::text(t)).collect()
    });
    Table { caption: "Checks".to_owned(), columns, rows: rows.collect(), strong_row: None }
}

fn failure_table(report: &ExperimentReport) -> Table {
    let mut all: Vec<(&Check, &Measurement)> =
        report.checks.iter().flat_map(|c| c.measurements.iter().filter(|m| !m.ok).map(move |m| (c, m))).collect();
    all.sort_by_key(|(_, m)| m.at);
    let row = |(c, m): &(&Check, &Measurement)| {
        [m.at.strftime("%H:%M:%S%.3fZ").to_string(), c.name.clone(), m.summary.clone()]
            .iter()
            .map(|t| Html::text(t))
            .collect()
    };
    Table {
        caption: "Failing measurements".to_owned(),
        columns: ["Time", "Check", "Measured"].map(Column::words).to_vec(),
        rows: all.iter().take(LISTED).map(row).collect(),
        strong_row: None,
    }
}

fn length(report: &ExperimentReport) -> f64 {
    report.ended.duration_since(report.started).as_secs_f64()
}

fn seconds(value: Option<f64>) -> String {
    match value {
        Some(s) if s < 1.0 => format!("{:.0} ms", s * 1e3),
        Some(s) => format!("{s:.1} s"),
        None => "never".to_owned(),
    }
}

fn clock(at: Option<Timestamp>) -> String {
    at.map_or_else(|| "never".to_owned(), |at| at.strftime("%H:%M:%SZ").to_string())
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> ExperimentReport {
        let at = |s: i64| Timestamp::from_second(1_700_000_000 + s).unwrap();
        let measured = |s: i64, ok| Measurement { at: at(s), seconds: 0.012, ok, summary: format!("<status {s}>") };
        ExperimentReport {
            title: "Checkout & <friends>".to_owned(),
            outcome: "failed".to_owned(),
            reason: "`answers` did not come back".to_owned(),
            started: at(0),
            ended: at(30),
            detection_seconds: Some(1.5),
            recovery_seconds: None,
            faults: vec![
                Fault {
                    name: "slow".to_owned(),
                    plan: "adds 200 ms".to_owned(),
                    injected: Some(at(3)),
                    undone: Some(at(13)),
                    error: None,
                },
                Fault {
                    name: "never".to_owned(),
                    plan: String::new(),
                    injected: None,
                    undone: None,
                    error: Some("no holder".to_owned()),
                },
            ],
            checks: vec![Check {
                name: "answers".to_owned(),
                asked: "GET /".to_owned(),
                measurements: (0..30).map(|s| measured(s, s < 5)).collect(),
            }],
            journal: "/j.jsonl".to_owned(),
        }
    }

    #[test]
    fn the_page_escapes_what_users_wrote_and_shows_every_fault_and_measurement() {
        let page = render(&report());
        assert!(
            page.contains("Checkout &amp; &lt;friends&gt;") && !page.contains("<friends>") && !page.contains("<status")
        );
        assert_eq!(page.matches("fill:var(--attention)").count(), 25);
        assert_eq!(page.matches("height=\"16\"").count(), 1, "one bar: the other fault never was in force");
        assert!(page.contains("no holder") && page.contains("`answers` did not come back"));
        assert_eq!(render(&report()), page);
    }

    #[test]
    fn a_run_that_ended_at_once_is_drawn() {
        let mut report = report();
        report.ended = report.started;
        report.checks.clear();
        report.faults.clear();
        assert!(render(&report).contains("Timeline"));
    }
}
