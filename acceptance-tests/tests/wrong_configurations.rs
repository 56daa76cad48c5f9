//! What users get wrong, each with the exact diagnostic that they see: what, where, what was expected, what to do.
//!
//! The snapshots in `snapshots/` are the texts as Terraform prints them; a change of one is a change of the product.

use acceptance_tests::{Workspace, hcl};

/// A name and what replaces what in a sound configuration.
type Case = (&'static str, &'static [(&'static str, &'static str)]);

const SOURCE: &str = "source   = { csv = { path = \"load.csv\" } }";
const CAPACITY: &str = "capacity = { per_unit = 100, min = 2, max = 20, dwell = \"1h\", cost_per_unit_hour = 0.1 }";
const TARGET: &str = "target        = { file = { path = \"schedule.json\" } }";
const PRESET: &str = "preset   = \"fast\"";
const PLAN: &str = "capacity_plan = data.stormglass_capacity_forecast.web.capacity_plan";

#[rustfmt::skip]
const SOURCES: &[Case] = &[
    ("source_missing", &[(SOURCE, "")]),
    ("source_empty", &[(SOURCE, "source = {}")]),
    ("source_two_kinds", &[(SOURCE, r#"source = { csv = { path = "load.csv" }, exec = { command = ["true"] } }"#)]),
    ("source_unknown_kind", &[(SOURCE, r#"source = { graphite = { path = "load.csv" } }"#)]),
    ("csv_no_such_file", &[(SOURCE, r#"source = { csv = { path = "lod.csv" } }"#)]),
    ("csv_is_a_folder", &[(SOURCE, r#"source = { csv = { path = "." } }"#)]),
    ("csv_empty_file", &[(SOURCE, r#"source = { csv = { path = "empty.csv" } }"#)]),
    ("csv_header_only", &[(SOURCE, r#"source = { csv = { path = "header.csv" } }"#)]),
    ("csv_wrong_column", &[(SOURCE, r#"source = { csv = { path = "load.csv", value_column = "requests" } }"#)]),
    ("csv_bad_number", &[(SOURCE, r#"source = { csv = { path = "number.csv" } }"#)]),
    ("csv_bad_time", &[(SOURCE, r#"source = { csv = { path = "time.csv" } }"#)]),
    ("csv_not_text", &[(SOURCE, r#"source = { csv = { path = "binary.csv" } }"#)]),
    ("csv_all_missing", &[(SOURCE, r#"source = { csv = { path = "missing.csv" } }"#)]),
    ("csv_not_gzip", &[(SOURCE, r#"source = { csv = { path = "plain.csv.gz" } }"#)]),
    ("csv_too_short", &[(SOURCE, r#"source = { csv = { path = "short.csv" } }"#)]),
    ("exec_no_command", &[(SOURCE, "source = { exec = { command = [] } }")]),
    ("exec_no_such_program", &[(SOURCE, r#"source = { exec = { command = ["no-such-program-here"] } }"#)]),
    ("exec_fails", &[(SOURCE, r#"source = { exec = { command = ["sh", "-c", "echo no database >&2; exit 3"] } }"#)]),
    ("exec_prints_no_series", &[(SOURCE, r#"source = { exec = { command = ["echo", "hello"] } }"#)]),
    ("exec_too_slow", &[(SOURCE, r#"source = { exec = { command = ["sleep", "60"], timeout = "1s" } }"#)]),
    ("prometheus_no_query", &[(SOURCE, r#"source = { prometheus = { endpoint = "http://127.0.0.1:9" } }"#)]),
    ("prometheus_no_endpoint", &[(SOURCE, r#"source = { prometheus = { query = "up" } }"#)]),
    ("prometheus_bad_address", &[(SOURCE, r#"source = { prometheus = { endpoint = "not an address", query = "up" } }"#)]),
    ("prometheus_nobody_answers", &[(SOURCE, r#"source = { prometheus = { endpoint = "http://127.0.0.1:9", query = "up" } }"#)]),
    ("prometheus_unknown_connection", &[(SOURCE, r#"source = { prometheus = { connection = "metrics", query = "up" } }"#)]),
];

#[rustfmt::skip]
const FORECASTS: &[Case] = &[
    ("model_unknown", &[(PRESET, r#"forecast = { model = "arma" }"#)]),
    ("model_bad_season", &[(PRESET, r#"forecast = { model = "seasonal_naive[24" }"#)]),
    ("horizon_no_duration", &[(PRESET, r#"forecast = { horizon = "a week" }"#)]),
    ("horizon_no_unit", &[(PRESET, r#"forecast = { horizon = "7" }"#)]),
    ("horizon_too_long", &[(PRESET, r#"forecast = { horizon = "400d" }"#)]),
    ("horizon_zero", &[(PRESET, r#"forecast = { horizon = "0h" }"#)]),
    ("step_longer_than_horizon", &[(PRESET, r#"forecast = { step = "1d", horizon = "6h" }"#)]),
    ("level_out_of_range", &[(PRESET, "forecast = { levels = [0.1, 1.0] }")]),
    ("accuracy_in_percent", &[(PRESET, "forecast = { minimum_accuracy = 85 }")]),
    ("accuracy_not_reached", &[(PRESET, r#"forecast = { minimum_accuracy = 1.0, on_low_accuracy = "fail" }"#)]),
    ("preset_unknown", &[(PRESET, r#"preset = "best""#)]),
    ("refresh_interval_zero", &[(PRESET, r#"refresh_interval = "0s""#)]),
    ("time_zone_unknown", &[(PRESET, r#"time_zone = "Europe/Berln""#)]),
    ("as_of_no_time", &[(PRESET, r#"as_of = "yesterday""#)]),
    ("as_of_before_the_data", &[(PRESET, r#"as_of = "2020-01-01T00:00:00Z""#)]),
    ("event_ends_before_it_begins", &[(PRESET, r#"events = [{ name = "sale", from = "2026-11-05T00:00:00Z", to = "2026-11-04T00:00:00Z" }]"#)]),
    ("on_source_error_unknown", &[(PRESET, r#"on_source_error = "ignore""#)]),
    ("report_folder_missing", &[(PRESET, r#"report_path = "missing/report.html""#)]),
    ("load_per_unit_without_units", &[(PRESET, r#"load = { kind = "per_unit" }"#)]),
    ("load_unknown_kind", &[(PRESET, r#"load = { kind = "sum" }"#)]),
    ("attribute_unknown", &[(PRESET, r#"presets = "fast""#)]),
];

#[rustfmt::skip]
const CAPACITIES: &[Case] = &[
    ("capacity_missing", &[(CAPACITY, "")]),
    ("capacity_no_max", &[(CAPACITY, "capacity = { per_unit = 100 }")]),
    ("per_unit_zero", &[(CAPACITY, "capacity = { per_unit = 0, max = 20 }")]),
    ("per_unit_cannot_be_learned", &[(CAPACITY, "capacity = { max = 20 }")]),
    ("min_above_max", &[(CAPACITY, "capacity = { per_unit = 100, min = 30, max = 20 }")]),
    ("min_negative", &[(CAPACITY, "capacity = { per_unit = 100, min = -1, max = 20 }")]),
    ("max_no_whole_number", &[(CAPACITY, "capacity = { per_unit = 100, max = 2.5 }")]),
    ("target_utilization_in_percent", &[(CAPACITY, "capacity = { per_unit = 100, max = 20, target_utilization = 70 }")]),
    ("target_utilization_above_slo", &[(CAPACITY, "capacity = { per_unit = 100, max = 20, target_utilization = 0.9, slo_utilization = 0.8 }")]),
    ("threshold_down_above_up", &[(CAPACITY, r#"capacity = { per_unit = 100, max = 20, strategy = "threshold", scale_up_at = 0.3, scale_down_at = 0.8 }"#)]),
    ("strategy_unknown", &[(CAPACITY, r#"capacity = { per_unit = 100, max = 20, strategy = "magic" }"#)]),
    ("warm_up_too_long", &[(CAPACITY, r#"capacity = { per_unit = 100, max = 20, warm_up = "2d" }"#)]),
    ("dwell_negative", &[(CAPACITY, r#"capacity = { per_unit = 100, max = 20, dwell = "-5m" }"#)]),
    ("max_changes_zero", &[(CAPACITY, "capacity = { per_unit = 100, max = 20, max_changes = 0 }")]),
    ("cost_negative", &[(CAPACITY, "capacity = { per_unit = 100, max = 20, cost_per_unit_hour = -1 }")]),
    ("override_above_max", &[(CAPACITY, r#"capacity = { per_unit = 100, max = 20, overrides = [{ from = "2026-11-03T00:00:00Z", to = "2026-11-04T00:00:00Z", min = 50 }] }"#)]),
    ("override_no_time", &[(CAPACITY, r#"capacity = { per_unit = 100, max = 20, overrides = [{ from = "monday", to = "2026-11-04T00:00:00Z", min = 5 }] }"#)]),
    ("freeze_ends_before_it_begins", &[(CAPACITY, r#"capacity = { per_unit = 100, max = 20, freeze_windows = [{ from = "2026-11-05T00:00:00Z", to = "2026-11-04T00:00:00Z" }] }"#)]),
];

#[rustfmt::skip]
const POLICIES: &[Case] = &[
    ("target_missing", &[(TARGET, "")]),
    ("target_empty", &[(TARGET, "target = {}")]),
    ("target_no_path", &[(TARGET, "target = { file = {} }")]),
    ("target_wrong_suffix", &[(TARGET, r#"target = { file = { path = "schedule.txt" } }"#)]),
    ("mode_unknown", &[(TARGET, "target = { file = { path = \"schedule.json\" } }\n  mode = \"force\"")]),
    ("replan_tolerance_in_percent", &[(TARGET, "target = { file = { path = \"schedule.json\" } }\n  replan_tolerance = 5")]),
    ("max_plan_age_no_duration", &[(TARGET, "target = { file = { path = \"schedule.json\" } }\n  max_plan_age = \"1 day\"")]),
    ("on_conflict_unknown", &[(TARGET, "target = { file = { path = \"schedule.json\" } }\n  on_conflict = \"overwrite\"")]),
    ("plan_missing", &[(PLAN, "")]),
    ("plan_of_another_shape", &[(PLAN, "capacity_plan = { schedule = {} }")]),
    ("plan_edited", &[(PLAN, "capacity_plan = merge(data.stormglass_capacity_forecast.web.capacity_plan, { schedule = { someday = \"00:00 3\" } })")]),
];

fn check(cases: &[Case]) {
    let sound = hcl::service("", "");
    let workspace = Workspace::new("");
    let files: [(&str, &str); 8] = [
        ("load.csv", &hcl::load()),
        ("empty.csv", ""),
        ("header.csv", "timestamp,value\n"),
        ("number.csv", "timestamp,value\n2026-10-05T00:00:00Z,1\n2026-10-05T01:00:00Z,1O\n"),
        ("time.csv", "timestamp,value\n2026-10-05T00:00:00Z,1\n05.10.2026 01:00,2\n"),
        ("missing.csv", "timestamp,value\n2026-10-05T00:00:00Z,\n2026-10-05T01:00:00Z,\n"),
        ("plain.csv.gz", "timestamp,value\n2026-10-05T00:00:00Z,1\n"),
        ("short.csv", "timestamp,value\n2026-10-05T00:00:00Z,1\n"),
    ];
    for (name, text) in files {
        workspace.write(name, text);
    }
    let folder = workspace.path("").canonicalize().expect("the folder is there").display().to_string();
    std::fs::write(workspace.path("binary.csv"), [0_u8, 159, 146, 150, 10, 255]).expect("the folder is writable");
    for (name, replacements) in cases {
        let mut hcl = sound.clone();
        for (old, new) in *replacements {
            assert!(hcl.contains(old), "{name}: the sound configuration has no `{old}`");
            hcl = hcl.replace(old, new);
        }
        workspace.hcl(&hcl);
        let run = workspace.plan();
        assert_eq!(run.code, 1, "{name} is refused; terraform printed:\n{}", run.text);
        assert!(!run.text.contains("panic") && !run.text.contains("plugin crashed"), "{name}: {}", run.text);
        let begin = run.text.find("Error: ").unwrap_or_else(|| panic!("{name}: no error in:\n{}", run.text));
        insta::assert_snapshot!(*name, run.text[begin..].trim_end().replace(&*folder, "FOLDER"));
    }
}

#[test]
fn sources() {
    check(SOURCES);
}

#[test]
fn forecasts() {
    check(FORECASTS);
}

#[test]
fn capacities() {
    check(CAPACITIES);
}

#[test]
fn policies() {
    check(POLICIES);
}

#[test]
fn there_are_enough_of_them() {
    let count = SOURCES.len() + FORECASTS.len() + CAPACITIES.len() + POLICIES.len();
    assert!(count >= 60, "{count} wrong configurations");
}
