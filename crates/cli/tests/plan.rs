//! `stormglass plan`, `report`, `replay` and `now`: from a load to a timetable that is in force.

mod common;

use common::{Files, daily_load, run, run_in, trace};

/// Settings for a load beside them.
const SETTINGS: &str = "source:\n  csv: {path: load.csv}\nload: {kind: total}\nforecast: {horizon: 7d, preset: fast}\ncapacity:\n  \
    per_unit: 50\n  min: 2\n  max: 20\n  dwell: 2h\n  cost_per_unit_hour: 0.5\ntime_zone: Europe/Berlin\n";

fn service() -> Files {
    let files = Files::new();
    files.write("load.csv", daily_load(42));
    files.write("settings.yaml", SETTINGS);
    files
}

#[test]
fn the_timetable_reads_as_in_terraforms_plan() {
    let files = service();
    let said = run_in(files.path(), &["plan", "settings.yaml"]).expect_code(0);
    for text in ["2026-02-16 Mon  ", "1 Mon  00:00 ", "Europe/Berlin", "peak", "accuracy", "savings", "static", "hpa"] {
        assert!(said.stdout.contains(text), "{text}: {}", said.stdout);
    }
    assert!(!said.stdout.contains('\x1b'), "{}", said.stdout);
}

#[test]
fn json_has_the_whole_capacity_plan() {
    let files = service();
    let answer = run_in(files.path(), &["plan", "settings.yaml", "--json", "-q"]).json();
    let plan = &answer["capacity_plan"];
    assert_eq!((plan["version"].as_u64(), plan["time_zone"].as_str()), (Some(1), Some("Europe/Berlin")));
    assert_eq!(plan["as_of"], "2026-02-16T00:00:00Z", "stored data fix the clock at their end");
    assert_eq!(plan["valid_until"], "2026-02-23T00:00:00Z");
    assert!(plan["cost"].is_number() && plan["accuracy"].as_f64().is_some_and(|a| a > 0.9), "{plan}");
    let peak = plan["peak"].as_u64().expect("units");
    assert!((7..=12).contains(&peak), "340 at noon, 50 a unit, 70 % utilization: {peak}");
    assert_eq!(answer["schedule"].as_object().map(serde_json::Map::len), Some(8));
    let again = run_in(files.path(), &["plan", "settings.yaml", "--json", "-q"]).json();
    assert_eq!(plan, &again["capacity_plan"], "the same data give the same plan");
}

#[test]
fn what_was_forecast_before_is_held_against_what_came() {
    let files = service();
    let record = || run_in(files.path(), &["plan", "settings.yaml", "--json", "-q"]).json()["record"].clone();
    files.write("load.csv", daily_load(40));
    assert!(record().is_null(), "nothing was forecast before");
    files.write("load.csv", daily_load(41));
    let first = record();
    assert_eq!((first["forecasts"].as_u64(), first["since"].as_str()), (Some(1), Some("2026-02-14T00:00:00Z")));
    files.write("load.csv", daily_load(42));
    let second = record();
    assert_eq!(second["forecasts"], 2);
    assert!(second["accuracy"].as_f64().is_some_and(|a| a > 0.9), "{second}");
    assert_eq!(record(), second, "a forecast that is made again is not counted again");
    let said = run_in(files.path(), &["plan", "settings.yaml"]).expect_code(0);
    assert!(said.stdout.contains("in 2 forecasts made since"), "{}", said.stdout);
    run_in(files.path(), &["report", "settings.yaml", "--out", "report.html"]).expect_code(0);
    assert!(files.read("report.html").contains("what was forecast before, and what came"));
    // Another load under the same name shares nothing with it.
    files.write("load.csv", daily_load(42).replace(",1", ",2"));
    assert!(record().is_null());
}

#[test]
fn options_win_over_the_file() {
    let files = service();
    let with = |more: &[&str]| {
        let arguments = [&["plan", "settings.yaml", "--json", "-q", "--horizon", "2d"], more].concat();
        run_in(files.path(), &arguments).json()["capacity_plan"].clone()
    };
    assert_eq!(with(&["--max", "5"])["peak"], 5);
    assert_eq!(with(&["--set", "capacity.max=6"])["peak"], 6);
    assert_eq!(with(&["--set", "capacity.after=hold"])["after"]["kind"], "hold");
    assert_eq!(with(&["--timezone", "UTC"])["time_zone"], "UTC");
    assert_eq!(with(&["--as-of", "2026-02-10T00:00:00Z"])["origin"], "2026-02-10T00:00:00Z");
    let load = files.at("load.csv");
    let bare =
        run(&["plan", "--csv", &load, "--per-unit", "50", "--preset", "fast", "--horizon", "2d", "--json"]).json();
    assert_eq!(bare["capacity_plan"]["time_zone"], "UTC");
}

#[cfg(unix)]
#[test]
fn a_program_can_be_the_source() {
    let files = service();
    let script = files.write("print-load", "#!/bin/sh\ncat \"$1\"\n");
    let load = files.at("load.csv");
    let mut arguments =
        vec!["plan", "--per-unit", "50", "--preset", "fast", "--as-of", "2026-02-16T00:00:00Z", "--json"];
    arguments.extend(["--horizon", "2d", "--exec", "sh", &script, &load]);
    let answer = run(&arguments).json();
    assert!(answer["capacity_plan"]["peak"].as_u64().is_some_and(|peak| peak > 3), "{answer}");
}

#[test]
fn the_schedule_file_is_in_force() {
    let files = service();
    let out = files.at("schedule.json");
    let arguments = ["plan", "settings.yaml", "--out", "schedule.json", "--preset", "fast", "--json", "-q"];
    let plan = run_in(files.path(), &arguments).json()["capacity_plan"].clone();
    let file: serde_json::Value = serde_json::from_str(&files.read("schedule.json")).unwrap();
    assert_eq!((file["version"].as_u64(), file["managed_by"].as_str()), (Some(1), Some("stormglass/cli")));
    assert_eq!((&file["mode"], &file["min"], &file["max"]), (&"floor".into(), &2.into(), &20.into()));
    for step in plan["steps"].as_array().expect("steps") {
        let said = run(&["now", &out, "--at", step["from"].as_str().expect("a time")]).expect_code(0);
        assert_eq!(said.stdout, format!("{}\n", step["units"]));
    }
    let long_after = run(&["now", &out, "--at", "2027-06-01T12:00:00Z", "--json"]).json();
    assert_eq!(long_after["ended"], true);
    assert!(long_after["units"].as_u64().is_some_and(|units| (2..=20).contains(&units)));
}

#[test]
fn somebody_elses_schedule_file_is_left_alone() {
    let files = service();
    let first = ["plan", "settings.yaml", "--out", "schedule.yaml", "-q"];
    run_in(files.path(), &first).expect_code(0);
    let before = files.read("schedule.yaml");
    let other = [&first[..], &["--owner", "stormglass/other", "--max", "3"]].concat();
    let said = run_in(files.path(), &other).expect_code(1);
    assert!(said.stderr.contains("stormglass/cli") && said.stderr.contains("--take"), "{}", said.stderr);
    assert_eq!(files.read("schedule.yaml"), before);
    run_in(files.path(), &[&other[..], &["--take"]].concat()).expect_code(0);
    assert_ne!(files.read("schedule.yaml"), before);
}

#[test]
fn the_report_is_one_page() {
    let files = service();
    let said =
        run_in(files.path(), &["report", "settings.yaml", "--out", "page.html", "--title", "Checkout & Co", "--json"]);
    assert_eq!(said.json()["path"], "page.html");
    let page = files.read("page.html");
    assert!(page.starts_with("<!doctype html>") || page.starts_with("<!DOCTYPE html>"), "{}", &page[..60]);
    assert!(page.contains("Checkout &amp; Co") && page.contains("<svg") && page.trim_end().ends_with("</html>"));
}

#[test]
fn ways_to_scale_side_by_side() {
    let files = Files::new();
    let policies = files.write(
        "policies.json",
        r#"{"policies":[{"name":"static","kind":"static"},{"name":"hpa","kind":"hpa","target_utilization":0.7},
            {"name":"floor under oracle","kind":"oracle5"},{"name":"ours","kind":"stormglass","risk":0.005,"min":1,"max":200}],
            "startup_seconds":180,"slo_utilization":0.85,"peak_units":40}"#,
    );
    let load = trace("ms_purchases_1h");
    for more in [&[][..], &["--mode", "kubernetes"], &["--cadence", "daemon"]] {
        let arguments = [&["replay", load.as_str(), "--policy", &policies, "--json", "-q"], more].concat();
        let answer = run(&arguments).json();
        let rows = answer["rows"].as_array().expect("rows");
        let names: Vec<&str> = rows.iter().filter_map(|row| row["name"].as_str()).collect();
        assert_eq!(names, ["static", "hpa", "floor under oracle", "ours"]);
        for row in rows {
            for key in ["unit_hours", "slo", "unserved", "time_short", "changes_per_day"] {
                assert!(row[key].is_number(), "{key}: {row}");
            }
            assert!(row["cost"].is_null());
        }
        let hours = |i: usize| rows[i]["unit_hours"].as_f64().expect("a number");
        assert!(hours(2) < hours(0) && hours(3) < hours(0), "{answer}");
        assert_eq!(rows[2]["slo"], 0.0);
    }
    let said = run(&["replay", &load, "--policy", &policies]).expect_code(0);
    assert!(said.stdout.contains("floor under oracle") && said.stdout.contains("changes a day"), "{}", said.stdout);
}
