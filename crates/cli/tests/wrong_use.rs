//! Wrong use: exit code 2, nothing on standard output, and a text that says what, where, what was expected and what to do.

mod common;

use common::{Files, daily_load, run, run_in};

/// Checks one wrong use: its exit code and that its message holds all these texts.
#[track_caller]
fn check_wrong(files: &Files, arguments: &[&str], texts: &[&str]) {
    let said = run_in(files.path(), arguments);
    assert_eq!(said.code, 2, "{said:#?}");
    assert_eq!(said.stdout, "", "{said:#?}");
    assert!(said.stderr.lines().any(|line| line.starts_with("error: ")), "{said:#?}");
    for text in texts {
        assert!(said.stderr.contains(text), "`{text}` is missing: {}", said.stderr);
    }
}

fn files() -> Files {
    let files = Files::new();
    files.write("load.csv", daily_load(10));
    files.write("panel.csv", "a,1,2,3\nb,4,5,6\n");
    files
}

#[test]
fn options() {
    let files = files();
    check_wrong(&files, &["forecast", "load.csv"], &["--horizon"]);
    check_wrong(&files, &["forecast", "--horizon", "1h"], &["FILE"]);
    check_wrong(&files, &["forecast", "load.csv", "--horizon", "5"], &["`5` is no duration", "90s"]);
    check_wrong(&files, &["forecast", "load.csv", "--horizon", "90m"], &["--horizon is 90m", "multiple", "1h"]);
    check_wrong(
        &files,
        &["forecast", "load.csv", "--horizon", "1h", "--levels", "0.5,1.5"],
        &["1.5", "between 0 and 1"],
    );
    check_wrong(
        &files,
        &["forecast", "load.csv", "--horizon", "1h", "--timezone", "Moon/Base"],
        &["--timezone", "Moon/Base"],
    );
    check_wrong(&files, &["forecast", "load.csv", "--horizon", "1h", "--season", "0"], &["--season is 0"]);
    check_wrong(&files, &["forecast", "load.csv", "--horizon", "36000d"], &["864000 steps", "at most"]);
    check_wrong(&files, &["backtest", "load.csv"], &["--horizon"]);
    check_wrong(
        &files,
        &["backtest", "load.csv", "--horizon", "2h", "--test-fraction", "1.5"],
        &["1.5", "between 0 and 1"],
    );
    check_wrong(&files, &["backtest", "load.csv", "--horizon", "2h", "--lead-from", "3h"], &["3", "horizon"]);
    check_wrong(&files, &["backtest", "load.csv", "--horizon", "2h", "--threads", "0"], &["--threads is 0"]);
    check_wrong(&files, &["backtest", "--panel", "panel.csv"], &["--test"]);
    check_wrong(&files, &["backtest", "--panel", "panel.csv", "--test", "panel.csv"], &["--season"]);
    check_wrong(&files, &["panel", "panel.csv", "--horizon", "0", "--season", "1"], &["--horizon is 0"]);
    check_wrong(&files, &["bench", "load.csv", "--model", "naive", "--repeat", "0"], &["--repeat is 0"]);
    check_wrong(&files, &["completions", "cobol"], &["cobol", "bash"]);
    check_wrong(&files, &["divine"], &["divine"]);
}

#[test]
fn an_unknown_model_is_pointed_at() {
    let files = files();
    let said = run_in(files.path(), &["forecast", "load.csv", "--horizon", "1h", "--model", "ensemble(naive, magic)"]);
    let lines: Vec<&str> = said.stderr.lines().collect();
    let named = lines.iter().position(|line| line.contains("ensemble(naive, magic)")).expect("the name is repeated");
    assert_eq!(lines[named].find("magic"), lines[named + 1].find('^'), "{}", said.stderr);
    check_wrong(
        &files,
        &["backtest", "load.csv", "--horizon", "1h", "--model", "magic"],
        &["unknown model `magic`", "^", "stormglass models"],
    );
    check_wrong(&files, &["bench", "load.csv", "--model", "seasonal_naive[0]"], &["^"]);
}

#[test]
fn files_that_are_not_there_or_hold_something_else() {
    let files = files();
    std::fs::create_dir(files.path().join("folder")).unwrap();
    files.write("empty.csv", "");
    files.write("header.csv", "timestamp,value\n");
    files.write("bad.csv", "timestamp,value\n2026-01-01T00:00:00Z,1\n2026-01-01T01:00:00Z,many\n");
    files.write("times.csv", "timestamp,value\nyesterday,1\n");
    files.write("columns.csv", "time,load\n2026-01-01T00:00:00Z,1\n");
    files.write("one.csv", "timestamp,value\n2026-01-01T00:00:00Z,1\n");
    files.write("blank.csv", "timestamp,value\n2026-01-01T00:00:00Z,\n2026-01-01T01:00:00Z,\n");
    let forecast = |file: &str, texts: &[&str]| check_wrong(&files, &["forecast", file, "--horizon", "1h"], texts);
    forecast("gone.csv", &["gone.csv", "cannot be read"]);
    forecast("folder", &["folder", "expected a file"]);
    forecast("empty.csv", &["empty.csv", "is empty", "timestamp,value"]);
    forecast("header.csv", &["header.csv", "expected at least one"]);
    forecast("bad.csv", &["bad.csv", "line 3", "many"]);
    forecast("times.csv", &["times.csv", "line 2", "yesterday", "RFC 3339"]);
    forecast("columns.csv", &["columns.csv", "`timestamp`", "`time`", "--time-column"]);
    forecast("one.csv", &["one.csv", "step"]);
    forecast("blank.csv", &["blank.csv", "expected at least one"]);
}

#[test]
fn series_and_panels_are_told_apart() {
    let files = files();
    check_wrong(&files, &["forecast", "panel.csv", "--horizon", "1h"], &["panel.csv", "stormglass panel"]);
    check_wrong(
        &files,
        &["panel", "load.csv", "--horizon", "2", "--season", "24"],
        &["load.csv", "line 1", "stormglass forecast"],
    );
    files.write("other.csv", "a,1\nc,2\n");
    files.write("ragged.csv", "a,1,2\nb,2\n");
    let backtest = |test: &str, texts: &[&str]| {
        check_wrong(
            &files,
            &["backtest", "--panel", "panel.csv", "--test", test, "--season", "1", "--model", "naive"],
            texts,
        );
    };
    backtest("other.csv", &["other.csv", "no row `b`"]);
    backtest("ragged.csv", &["ragged.csv", "`b` has 1"]);
    check_wrong(
        &files,
        &["panel", "panel.csv", "--horizon", "2", "--season", "24", "--model", "holt_winters(additive)"],
        &["series `a`", "at least", "has 3"],
    );
}

#[test]
fn nothing_can_be_borrowed_from_other_steps() {
    let files = files();
    let series = |name: &str, minutes: usize| {
        let row = |i: usize| format!("2026-01-01T{:02}:{:02}:00Z,{}\n", i * minutes / 60, i * minutes % 60, i + 1);
        files.write(name, format!("timestamp,value\n{}", (0..12).map(row).collect::<String>()))
    };
    let (load, similar) = (series("minutes.csv", 5), series("hours.csv", 60));
    let arguments = ["forecast", &load, "--horizon", "1h", "--borrow-from", &similar];
    check_wrong(&files, &arguments, &["--borrow-from", "hours.csv", "bring both to one step"]);
}

#[test]
fn too_little_data_says_how_much_there_is() {
    let files = files();
    check_wrong(&files, &["backtest", "load.csv", "--horizon", "20d"], &["240 steps", "shorter horizon"]);
    let hungry = "holt_winters(additive)[168]";
    check_wrong(&files, &["forecast", "load.csv", "--horizon", "1h", "--model", hungry], &["240", "at least"]);
}

#[test]
fn settings_are_named_by_their_path() {
    let files = files();
    let settings = |name: &str, text: &str| files.write(name, format!("source: {{csv: {{path: load.csv}}}}\n{text}"));
    settings("word.yaml", "capacity: {mni: 1}\n");
    settings("span.yaml", "capacity: {per_unit: 1, warm_up: soon}\n");
    settings("unit.yaml", "capacity: {min: 1}\n");
    settings("zone.yaml", "capacity: {per_unit: 50}\ntime_zone: Moon/Base\n");
    settings("model.yaml", "capacity: {per_unit: 50}\nforecast: {model: magic}\n");
    settings("bounds.yaml", "capacity: {per_unit: 50, min: 9, max: 3}\n");
    settings("units.yaml", "capacity: {per_unit: 50}\nload: {kind: per_unit}\n");
    files.write("list.yaml", "- 1\n");
    files.write("broken.json", "{");
    files.write("kind.yaml", "source: {graphite: {}}\n");
    files.write("sourceless.yaml", "capacity: {per_unit: 1}\n");
    let plan = |file: &str, texts: &[&str]| check_wrong(&files, &["plan", file], texts);
    plan("word.yaml", &["word.yaml", "capacity", "mni", "min"]);
    plan("span.yaml", &["capacity.warm_up", "soon", "90s"]);
    plan("unit.yaml", &["capacity.per_unit", "not set"]);
    plan("zone.yaml", &["time_zone", "Moon/Base", "Europe/Berlin"]);
    plan("model.yaml", &["forecast.model", "unknown model `magic`", "^"]);
    plan("bounds.yaml", &["capacity.", "9", "3"]);
    plan("units.yaml", &["load.units"]);
    plan("list.yaml", &["list.yaml", "--csv"]);
    plan("broken.json", &["broken.json", "no JSON"]);
    plan("kind.yaml", &["source", "graphite", "csv"]);
    plan("sourceless.yaml", &["`source` is missing", "--csv"]);
    plan("gone.yaml", &["gone.yaml", "cannot be read"]);
    check_wrong(&files, &["plan", "--csv", "load.csv", "--set", "capacity.min"], &["PATH=VALUE"]);
    check_wrong(
        &files,
        &["plan", "--csv", "load.csv", "--per-unit", "50", "--out", "schedule.txt"],
        &["--out", ".json"],
    );
}

#[test]
fn policies_and_schedules() {
    let files = files();
    files.write("magic.json", r#"{"policies":[{"name":"a","kind":"magic"}]}"#);
    files.write("none.json", r#"{"policies":[]}"#);
    files.write("good.json", r#"{"policies":[{"name":"a","kind":"hpa"}]}"#);
    files.write("other.json", r#"{"hello": 1}"#);
    let replay = |policy: &str, texts: &[&str]| check_wrong(&files, &["replay", "load.csv", "--policy", policy], texts);
    replay("magic.json", &["magic.json", "magic", "oracle5"]);
    replay("none.json", &["none.json", "`policies` is empty"]);
    replay("gone.json", &["gone.json", "cannot be read"]);
    check_wrong(&files, &["replay", "gone.csv", "--policy", "good.json"], &["gone.csv"]);
    check_wrong(&files, &["now", "gone.json"], &["gone.json"]);
    check_wrong(&files, &["now", "other.json"], &["other.json", "no schedule file"]);
    check_wrong(&files, &["now", "load.csv"], &["load.csv", "no schedule file"]);
    check_wrong(&files, &["now", "other.json", "--at", "noon"], &["noon", "--at"]);
}

#[test]
fn help_is_no_error() {
    for arguments in [&["--help"][..], &["backtest", "--help"], &["--version"], &["help", "plan"]] {
        let said = run(arguments).expect_code(0);
        assert!(!said.stdout.is_empty() && said.stderr.is_empty(), "{said:#?}");
    }
}
