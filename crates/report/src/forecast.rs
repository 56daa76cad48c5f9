//! The report of a capacity forecast: what was forecast, what came, what was decided, and why.
//!
//! Every part that a caller may not have is optional; a missing part leaves out its section and never shows a made-up
//! number. Numbers that are not finite count as missing.

mod charts;
mod tables;
mod verdict;

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Serialize};

use crate::format::full_moment;
use crate::page::{Html, Page};
use crate::series::TimeSeries;

/// Everything that the page shows.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForecastReport {
    /// Name of the service or policy.
    pub title: String,
    /// One line about it.
    pub subtitle: Option<String>,
    /// The instant that the report is made for: the end of the history that was used.
    pub as_of: Timestamp,
    /// IANA name of the zone that times are shown in.
    pub time_zone: String,
    /// Unit of the load, `requests/s` for example.
    pub load_unit: Option<String>,
    /// Model that made the forecast.
    pub model: Option<String>,
    /// 1 - WAPE of the backtest.
    pub accuracy: Option<f64>,
    /// Relative gain over the best naive method, 1 - WAPE / WAPE of the naive.
    pub skill: Option<f64>,
    /// What a person should know before relying on this.
    pub warnings: Vec<String>,
    /// Measured load up to `as_of`.
    pub history: Option<TimeSeries>,
    /// The forecast from `as_of` on.
    pub forecast: Option<ForecastSeries>,
    /// The timetable of units.
    pub schedule: Option<Schedule>,
    /// How such forecasts did in the past.
    pub backtest: Option<Backtest>,
    /// How the forecasts made before really did.
    pub record: Option<Record>,
    /// How such timetables did in the past, beside other ways to scale.
    pub replay: Option<Replay>,
    /// What the model is mixed from.
    pub members: Vec<Member>,
    /// Where the history comes from and what was found in it.
    pub source: Option<SourceFacts>,
    /// Settings that made this result, in the order shown.
    pub settings: Vec<Setting>,
}

/// A forecast with quantile bands.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ForecastSeries {
    /// The central forecast; the median where there is one.
    pub center: TimeSeries,
    /// Bands between two quantiles, on the instants of `center`.
    pub bands: Vec<Band>,
}

/// The area between two quantiles.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Band {
    /// Probability of the lower quantile, 0.05 for example.
    pub lower_level: f64,
    /// Probability of the upper quantile, 0.95 for example.
    pub upper_level: f64,
    /// Lower bound, one value an instant.
    pub lower: Vec<Option<f64>>,
    /// Upper bound, one value an instant.
    pub upper: Vec<Option<f64>>,
}

/// The timetable with what it rests on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Schedule {
    /// Change points, oldest first.
    pub steps: Vec<Step>,
    /// End of the timetable.
    pub valid_until: Option<Timestamp>,
    /// What follows the end.
    pub after: Option<After>,
    /// Fewest units ever.
    pub min: Option<u32>,
    /// Most units ever.
    pub max: Option<u32>,
    /// What a unit is called; `units` if absent.
    pub unit_name: Option<String>,
    /// Units that the measured load needed.
    pub needed_seen: Option<TimeSeries>,
    /// Units that the forecast load needs, with bands.
    pub needed: Option<ForecastSeries>,
    /// Units that ran.
    pub ran: Option<TimeSeries>,
    /// Expected share of the load that arrives while supply is below demand.
    pub risk: Option<f64>,
    /// Cost of the timetable.
    pub cost: Option<f64>,
    /// Currency of every cost in the report.
    pub currency: Option<String>,
}

/// One change of the timetable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// From when on.
    pub from: Timestamp,
    /// Units from then on.
    pub units: u32,
    /// Why.
    #[serde(default)]
    pub reason: Option<String>,
}

/// What follows the end of a timetable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum After {
    /// The typical week goes on.
    Weekly {
        /// Change points of the week, Monday first.
        #[serde(default)]
        steps: Vec<WeeklyStep>,
    },
    /// What was there before is restored.
    Restore,
    /// The last step stays.
    Hold,
}

/// One change of a typical week.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeeklyStep {
    /// 1 Monday to 7 Sunday.
    pub day: u8,
    /// Local time, `HH:MM`.
    pub time: String,
    /// Units from then on.
    pub units: u32,
}

/// How such forecasts did in the past.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backtest {
    /// How far ahead the forecasts shown were made, in seconds.
    pub lead_seconds: Option<u64>,
    /// Forecasts made that far ahead, at the instants that they were for.
    pub forecast: Option<ForecastSeries>,
    /// What came.
    pub actual: Option<TimeSeries>,
    /// Origins that forecasts were made from.
    pub origins: Option<u64>,
    /// Days that the origins cover.
    pub days: Option<f64>,
    /// How often the truth fell inside each interval.
    pub coverage: Vec<Coverage>,
    /// Errors of the models side by side.
    pub scores: Vec<Score>,
}

/// How the forecasts made before really did.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Record {
    /// Origin of the first of them.
    pub since: Timestamp,
    /// How many.
    pub forecasts: u64,
    /// 1 - WAPE over all of them.
    pub accuracy: Option<f64>,
    /// For each instant, what the latest forecast before it said.
    pub forecast: TimeSeries,
    /// What came.
    pub actual: TimeSeries,
}

/// How often the truth fell inside an interval.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// Share that the interval promises.
    pub nominal: f64,
    /// Share seen.
    pub seen: f64,
}

/// Errors of one model in the backtest.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Score {
    /// The model.
    pub model: String,
    /// Sum of absolute errors over the sum of absolute truths.
    pub wape: Option<f64>,
    /// Mean absolute error over that of the seasonal naive in the training data.
    pub mase: Option<f64>,
    /// The same with squares, under a root.
    pub rmsse: Option<f64>,
}

/// How ways to scale did over the same past.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Replay {
    /// Days replayed.
    pub days: Option<f64>,
    /// One row a way to scale; `ours`, `static`, `hpa` and `oracle` are known by name.
    pub rows: Vec<ReplayRow>,
}

/// What one way to scale used and missed.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReplayRow {
    /// Its name.
    pub name: String,
    /// Billed unit-hours.
    pub unit_hours: Option<f64>,
    /// Their cost.
    pub cost: Option<f64>,
    /// Share of the load that arrived while supply covered demand.
    pub slo: Option<f64>,
    /// Share of the load above what the units could serve.
    pub unserved: Option<f64>,
    /// Changes of the unit count a day.
    pub changes_per_day: Option<f64>,
}

/// One model of a mixture.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Member {
    /// The model.
    pub name: String,
    /// Its share of the forecast, 0 to 1.
    pub weight: Option<f64>,
    /// Its WAPE in the backtest.
    pub wape: Option<f64>,
    /// Why it has this weight.
    pub reason: Option<String>,
}

/// The history and what was found in it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SourceFacts {
    /// Where it comes from; never an address with a secret.
    pub source: Option<String>,
    /// Number of grid steps.
    pub n: Option<u64>,
    /// Length of a step in seconds.
    pub step_seconds: Option<u64>,
    /// First instant.
    pub from: Option<Timestamp>,
    /// Last instant.
    pub to: Option<Timestamp>,
    /// Steps without an observation.
    pub gaps: Option<u64>,
    /// Values that cleaning changed, each kind with its count.
    pub cleaned: Vec<Cleaned>,
    /// Seasons found, in seconds.
    pub seasons_seconds: Vec<u64>,
}

/// One kind of repair and how often it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cleaned {
    /// What was repaired: `duplicates`, `outliers`, ...
    pub kind: String,
    /// How many values.
    pub count: u64,
}

/// A setting by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Its name, as in the configuration.
    pub name: String,
    /// Its value, as a person would write it.
    pub value: String,
}

/// The page for `report`: one HTML text that needs nothing else. The same report always gives the same bytes.
///
/// An unknown time zone is shown as a warning, and times are then in UTC.
pub fn render(report: &ForecastReport) -> String {
    let mut report = report.clone();
    let zone = TimeZone::get(&report.time_zone).unwrap_or_else(|_| {
        let name = if report.time_zone.is_empty() { "none given".to_owned() } else { report.time_zone.clone() };
        report.warnings.push(format!("Unknown time zone ({name}); all times on this page are in UTC."));
        report.time_zone = "UTC".to_owned();
        TimeZone::UTC
    });
    if let Some(schedule) = &mut report.schedule {
        schedule.steps.sort_by_key(|s| s.from);
    }
    page(&report, &zone)
}

fn page(report: &ForecastReport, zone: &TimeZone) -> String {
    let head = [("As of", full_moment(report.as_of, zone)), ("Time zone", report.time_zone.clone())];
    let mut page = Page::new("Capacity forecast", &report.title, report.subtitle.as_deref(), &head);
    verdict::add(&mut page, report, zone);
    let load = charts::load(report, zone);
    page.section("load", "Load: what came and what is forecast", charts::LOAD_LEAD, &load);
    if let Some(schedule) = &report.schedule {
        let mut content = charts::schedule(report, schedule, zone);
        content.push(&tables::timetable(schedule, zone));
        page.section("schedule", "Schedule: what will run", charts::SCHEDULE_LEAD, &content);
    }
    if let Some(replay) = report.replay.as_ref().filter(|r| !r.rows.is_empty()) {
        page.section(
            "replay",
            "Savings: this plan beside other ways to scale",
            &tables::replay_lead(replay),
            &tables::replay(replay, report),
        );
    }
    if let Some(record) = &report.record {
        page.section(
            "record",
            "Record: what was forecast before, and what came",
            &charts::record_lead(report, record, zone),
            &charts::record(report, record, zone),
        );
    }
    if let Some(backtest) = &report.backtest {
        let mut content = charts::backtest(report, backtest, zone);
        content.push(&tables::coverage(backtest));
        content.push(&tables::scores(backtest, report.model.as_deref()));
        if !content.as_str().is_empty() {
            page.section(
                "backtest",
                "Backtest: how far such forecasts were right",
                &tables::backtest_lead(backtest),
                &content,
            );
        }
    }
    if !report.members.is_empty() {
        page.section("model", "Model: what the forecast is mixed from", "", &tables::members(&report.members));
    }
    if let Some(source) = &report.source {
        page.section("source", "Source: the history it rests on", "", &tables::source(source, zone));
    }
    if !report.settings.is_empty() {
        page.section("settings", "Settings", "", &tables::settings(&report.settings));
    }
    page.finish(&format!("Made by Stormglass {} for {}.", env!("CARGO_PKG_VERSION"), full_moment(report.as_of, zone)))
}

/// Name of the units in sentences.
fn unit_name(schedule: &Schedule) -> &str {
    schedule.unit_name.as_deref().unwrap_or("units")
}

/// A cost with its currency.
fn money(report: &ForecastReport, cost: f64) -> String {
    let currency = report.schedule.as_ref().and_then(|s| s.currency.as_deref()).unwrap_or_default();
    format!("{} {currency}", crate::format::fixed(cost, 2)).trim_end().to_owned()
}

/// The row of a replay by its name.
fn row<'a>(report: &'a ForecastReport, name: &str) -> Option<&'a ReplayRow> {
    report.replay.as_ref()?.rows.iter().find(|r| r.name == name)
}

/// A piece of text in bold.
fn strong(text: &str) -> Html {
    Html::markup(format!("<strong>{}</strong>", Html::text(text)))
}

#[cfg(test)]
mod tests;
