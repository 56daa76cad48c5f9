//! The report's tables: timetable, replay, coverage, models, source, settings.

use jiff::tz::TimeZone;

use super::{After, Backtest, ForecastReport, Member, Replay, Schedule, Setting, SourceFacts, WeeklyStep, money};
use crate::format::{count, days, duration, fixed, full_moment, moment, number, optional, percent, service_level};
use crate::page::{Column, Html, Table, bar, facts, note, subheading};

/// Coverage within this of its promise is as promised.
const COVERAGE_TOLERANCE: f64 = 0.03;

/// A change point as the tables show it.
struct Turn<'a> {
    day: String,
    time: String,
    units: u32,
    reason: Option<&'a str>,
}

/// Day by day, the change points with the reason of each; then what follows.
pub(super) fn timetable(schedule: &Schedule, zone: &TimeZone) -> Html {
    let mut out = Html::default();
    if let Some(risk) = schedule.risk.filter(|r| r.is_finite()) {
        let share = if risk > 0.0 && risk < 0.000_05 {
            "under 0.01%".to_owned()
        } else {
            format!("{}%", fixed(risk * 100.0, 2))
        };
        out.push(&note(&format!("Expected share of the load that arrives while supply is below demand: {share}.")));
    }
    out.push(&subheading("Timetable"));
    let turns: Vec<Turn> = schedule
        .steps
        .iter()
        .map(|step| {
            let local = step.from.to_zoned_datetime(zone.clone());
            let (day, time) = (local.strftime("%a %-d %b").to_string(), local.strftime("%H:%M").to_string());
            Turn { day, time, units: step.units, reason: step.reason.as_deref() }
        })
        .collect();
    if turns.is_empty() {
        out.push(&note("The schedule has no change points."));
    } else {
        let usual = usual_reason(&turns);
        out.push(&day_table("Change points of each day", &turns, usual));
        if let Some(usual) = usual {
            out.push(&note(&format!("Reason of each step: {usual}, unless the step names another.")));
        }
    }
    let until = schedule.valid_until.map_or_else(|| "its end".to_owned(), |v| moment(v, zone));
    match &schedule.after {
        Some(After::Weekly { steps }) if !steps.is_empty() => {
            out.push(&subheading(&format!("From {until} on, every week")));
            let turns: Vec<Turn> = steps.iter().map(weekly_turn).collect();
            out.push(&day_table("Change points of the typical week", &turns, None));
        }
        Some(After::Weekly { .. }) => out.push(&note(&format!("From {until} on, the typical week goes on."))),
        Some(After::Restore) => {
            out.push(&note(&format!("From {until} on, what was there before the schedule is restored.")));
        }
        Some(After::Hold) => out.push(&note(&format!("From {until} on, the last step stays."))),
        None => {}
    }
    out
}

fn weekly_turn(step: &WeeklyStep) -> Turn<'_> {
    let names = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
    let day = usize::from(step.day).checked_sub(1).and_then(|i| names.get(i));
    let day = day.map_or_else(|| format!("day {}", step.day), |name| (*name).to_owned());
    Turn { day, time: step.time.clone(), units: step.units, reason: None }
}

/// The reason that more than half of the steps share; it is said once rather than at each.
fn usual_reason<'a>(turns: &[Turn<'a>]) -> Option<&'a str> {
    let times = |reason: &str| turns.iter().filter(|t| t.reason == Some(reason)).count();
    turns.iter().filter_map(|t| t.reason).find(|reason| 2 * times(reason) > turns.len())
}

/// One row a day; arrows say which way each change goes, reasons other than the usual one stand beside it.
fn day_table(caption: &str, turns: &[Turn<'_>], usual: Option<&str>) -> Html {
    let mut rows: Vec<(String, String)> = Vec::new();
    let mut before = None;
    for turn in turns {
        if rows.last().is_none_or(|(day, _)| *day != turn.day) {
            rows.push((turn.day.clone(), String::new()));
        }
        let way = match before {
            Some(b) if turn.units > b => "<span class=\"way\" aria-label=\"up to\">\u{25b2}</span>",
            Some(b) if turn.units < b => "<span class=\"way\" aria-label=\"down to\">\u{25bc}</span>",
            _ => "",
        };
        before = Some(turn.units);
        let reason = turn
            .reason
            .filter(|r| Some(*r) != usual)
            .map_or_else(String::new, |r| format!("<small>{}</small>", Html::text(r)));
        let (time, units) = (Html::text(&turn.time), turn.units);
        if let Some((_, cell)) = rows.last_mut() {
            cell.push_str(&format!("<li><time>{time}</time> <b>{units}</b>{way}{reason}</li>"));
        }
    }
    let rows = rows
        .into_iter()
        .map(|(day, turns)| vec![Html::text(&day), Html::markup(format!("<ul class=\"turns\">{turns}</ul>"))])
        .collect();
    let columns = vec![Column::words("Day"), Column::words("Units from each time on")];
    let table = Table { caption: caption.to_owned(), columns, rows, strong_row: None };
    Html::markup(format!("<div class=\"days\">{}</div>", table.html()))
}

/// What the replay is.
pub(super) fn replay_lead(replay: &Replay) -> String {
    let period = replay
        .days
        .filter(|d| d.is_finite())
        .map_or_else(|| "the past".to_owned(), |d| format!("the last {}", days(d)));
    format!(
        "Each way to scale was run over {period} of measured load. Service level is the share of the load that \
         arrived while there were units enough for it."
    )
}

/// Ways to scale side by side; columns that no row can fill are left out.
pub(super) fn replay(replay: &Replay, report: &ForecastReport) -> Html {
    let ours = replay.rows.iter().position(|r| r.name == "ours");
    let our_hours = ours.and_then(|i| replay.rows[i].unit_hours);
    let most = replay.rows.iter().filter_map(|r| r.unit_hours).filter(|h| h.is_finite()).fold(0.0, f64::max);
    let (priced, served) =
        (replay.rows.iter().any(|r| r.cost.is_some()), replay.rows.iter().any(|r| r.unserved.is_some()));
    let changes = replay.rows.iter().any(|r| r.changes_per_day.is_some());
    let mut columns =
        vec![Column::words("Way to scale"), Column::numbers("Unit-hours"), Column::numbers("This plan uses")];
    columns.extend(priced.then(|| Column::numbers("Cost")));
    columns.push(Column::numbers("Service level"));
    columns.extend(served.then(|| Column::numbers("Load unserved")));
    columns.extend(changes.then(|| Column::numbers("Changes a day")));
    let rows = replay.rows.iter().enumerate().map(|(i, row)| {
        let hours = optional(row.unit_hours, |h| fixed(h, 0));
        let versus = match (our_hours, row.unit_hours) {
            _ if Some(i) == ours => "\u{2014}".to_owned(),
            (Some(ours), Some(other)) if other > 0.0 && ours <= other => {
                format!("{} less", percent(1.0 - ours / other))
            }
            (Some(ours), Some(other)) if other > 0.0 => format!("{} more", percent(ours / other - 1.0)),
            _ => optional(None, number),
        };
        let mut cells = vec![
            Html::text(way_name(&row.name)),
            bar(row.unit_hours.unwrap_or(0.0) / most.max(1e-9), &hours),
            Html::text(&versus),
        ];
        cells.extend(priced.then(|| Html::text(&optional(row.cost, |c| money(report, c)))));
        cells.push(Html::text(&optional(row.slo, service_level)));
        cells.extend(served.then(|| Html::text(&optional(row.unserved, |u| format!("{}%", fixed(u * 100.0, 3))))));
        cells.extend(changes.then(|| Html::text(&optional(row.changes_per_day, |c| fixed(c, 1)))));
        cells
    });
    let caption = "Unit-hours, cost and service level of each way to scale".to_owned();
    Table { caption, columns, rows: rows.collect(), strong_row: ours }.html()
}

/// What people call the ways to scale that are known by name.
fn way_name(name: &str) -> &str {
    match name {
        "ours" => "This plan",
        "static" => "Static peak",
        "hpa" => "Kubernetes HPA",
        "oracle" => "Perfect knowledge",
        other => other,
    }
}

/// What the backtest is.
pub(super) fn backtest_lead(backtest: &Backtest) -> String {
    let origins = backtest.origins.map(|n| format!(" from {}", count(n, "origin", "origins")));
    let period = backtest.days.filter(|d| d.is_finite()).map(|d| format!(" over {}", days(d)));
    format!(
        "The model was set back in time{}{} and saw only what was known then.",
        origins.unwrap_or_default(),
        period.unwrap_or_default()
    )
}

/// Promise against truth of each interval; empty without any.
pub(super) fn coverage(backtest: &Backtest) -> Html {
    if backtest.coverage.is_empty() {
        return Html::default();
    }
    let row = |c: &super::Coverage| {
        let word = match c.seen - c.nominal {
            d if !d.is_finite() => "not measured",
            d if d < -COVERAGE_TOLERANCE => "too narrow",
            d if d > COVERAGE_TOLERANCE => "too wide",
            _ => "as promised",
        };
        vec![Html::text(&percent(c.nominal)), bar(c.seen, &percent(c.seen)), Html::text(word)]
    };
    let table = Table {
        caption: "How often the truth fell inside each interval".to_owned(),
        columns: vec![
            Column::words("Interval promises"),
            Column::words("Truth fell inside"),
            Column::words("So it is"),
        ],
        rows: backtest.coverage.iter().map(row).collect(),
        strong_row: None,
    };
    let mut out = subheading("Intervals");
    out.push(&table.html());
    out
}

/// Errors of the models, the one in use set apart; empty without any.
pub(super) fn scores(backtest: &Backtest, model: Option<&str>) -> Html {
    if backtest.scores.is_empty() {
        return Html::default();
    }
    let row = |s: &super::Score| {
        let accuracy = s.wape.map(|w| 1.0 - w);
        vec![
            Html::text(&s.model),
            Html::text(&optional(accuracy, percent)),
            Html::text(&optional(s.wape, |v| fixed(v, 4))),
            Html::text(&optional(s.mase, |v| fixed(v, 3))),
            Html::text(&optional(s.rmsse, |v| fixed(v, 3))),
        ]
    };
    let table = Table {
        caption: "Errors of the models in the backtest".to_owned(),
        columns: [Column::words("Model")]
            .into_iter()
            .chain(["Accuracy", "WAPE", "MASE", "RMSSE"].map(Column::numbers))
            .collect(),
        rows: backtest.scores.iter().map(row).collect(),
        strong_row: backtest.scores.iter().position(|s| Some(s.model.as_str()) == model),
    };
    let mut out = subheading("Models side by side");
    out.push(&table.html());
    out.push(&note("Smaller is better for WAPE, MASE and RMSSE; a MASE under 1 beats repeating the last season."));
    out
}

/// Members with weights and reasons.
pub(super) fn members(members: &[Member]) -> Html {
    let errors = members.iter().any(|m| m.wape.is_some());
    let mut columns = vec![Column::words("Member"), Column::words("Weight")];
    columns.extend(errors.then(|| Column::numbers("WAPE")));
    columns.push(Column::words("Why"));
    let rows = members.iter().map(|m| {
        let mut cells = vec![Html::text(&m.name), bar(m.weight.unwrap_or(0.0), &optional(m.weight, percent))];
        cells.extend(errors.then(|| Html::text(&optional(m.wape, |v| fixed(v, 4)))));
        cells.push(Html::text(m.reason.as_deref().unwrap_or_default()));
        cells
    });
    let caption = "Members of the model with their weights".to_owned();
    let table = Table { caption, columns, rows: rows.collect(), strong_row: None };
    Html::markup(format!("<div class=\"reasons\">{}</div>", table.html()))
}

/// Facts about the history.
pub(super) fn source(source: &SourceFacts, zone: &TimeZone) -> Html {
    let mut rows = Vec::new();
    let mut fact = |name: &str, value: Option<String>| rows.extend(value.map(|v| (name.to_owned(), v)));
    fact("Source", source.source.clone());
    fact("Values", source.n.map(|n| fixed(n as f64, 0)));
    fact("Step", source.step_seconds.map(duration));
    fact("From", source.from.map(|t| full_moment(t, zone)));
    fact("To", source.to.map(|t| full_moment(t, zone)));
    fact("Steps without a value", source.gaps.map(|n| share_of(n, source.n)));
    for cleaned in &source.cleaned {
        fact(&format!("Cleaned: {}", cleaned.kind), Some(count(cleaned.count, "value", "values")));
    }
    let seasons: Vec<String> = source.seasons_seconds.iter().map(|s| duration(*s)).collect();
    fact("Seasons found", Some(if seasons.is_empty() { "none".to_owned() } else { seasons.join(", ") }));
    facts(&rows)
}

/// A count with its share of all.
fn share_of(n: u64, all: Option<u64>) -> String {
    match all {
        Some(all) if all > 0 && n > 0 => {
            format!("{} ({}%)", fixed(n as f64, 0), fixed(n as f64 / all as f64 * 100.0, 2))
        }
        _ => fixed(n as f64, 0),
    }
}

/// Settings by name.
pub(super) fn settings(settings: &[Setting]) -> Html {
    let rows: Vec<(String, String)> = settings.iter().map(|s| (s.name.clone(), s.value.clone())).collect();
    facts(&rows)
}
