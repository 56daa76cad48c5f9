//! `stormglass forecast` and `stormglass models`: the answers for machines and for people.

mod common;

use common::{Files, daily_load, run, trace};
use serde_json::Value;

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().expect("an object").keys().map(String::as_str).collect()
}

#[test]
fn json_has_the_published_keys() {
    let files = Files::new();
    let load = files.write("load.csv", daily_load(28));
    let answer = run(&["forecast", &load, "--horizon", "24h", "--levels", "0.9,0.1", "--json"]).json();
    for key in ["model", "n_used", "parameters", "log_likelihood", "sse", "aicc", "fit_seconds", "forecast"] {
        assert!(keys(&answer).contains(&key), "{key}");
    }
    let steps = answer["forecast"].as_array().expect("steps");
    assert_eq!(steps.len(), 24);
    assert_eq!(steps[0]["lead"], 1);
    assert_eq!(steps[0]["time"], "2026-02-02T00:00:00Z");
    for step in steps {
        let at = |level: &str| step["quantiles"][level].as_f64().expect("a number");
        let point = step["forecast"].as_f64().expect("a number");
        assert!(at("0.1") <= point && point <= at("0.9"), "{step}");
    }
}

#[test]
fn a_model_of_its_own_name_with_a_season() {
    let files = Files::new();
    let load = files.write("load.csv", daily_load(14));
    let by_option =
        run(&["forecast", &load, "--horizon", "6h", "--model", "seasonal_naive", "--season", "24", "--json"]);
    let by_name = run(&["forecast", &load, "--horizon", "6h", "--model", "seasonal_naive[24]", "--json"]);
    assert_eq!(by_option.json()["model"], "seasonal_naive[24]");
    assert_eq!(by_option.json()["forecast"], by_name.json()["forecast"]);
    assert_eq!(by_name.json()["log_likelihood"], Value::Null);
    assert_eq!(by_name.json()["forecast"][2]["forecast"].as_f64(), Some(common::value_at(13 * 24 + 2)));
}

#[test]
fn a_short_series_borrows_from_a_similar_one() {
    let files = Files::new();
    let whole = daily_load(14);
    let similar = files.write("similar.csv", &whole);
    let lines: Vec<&str> = whole.lines().collect();
    let load = files.write("load.csv", format!("{}\n{}\n", lines[0], lines[lines.len() - 6..].join("\n")));
    let ask = |more: &[&str]| {
        let arguments = ["forecast", &load, "--horizon", "24h", "--model", "seasonal_naive[24]", "--json"];
        run(&[&arguments[..], more].concat())
    };
    assert!(ask(&[]).code != 0, "six hours hold no day");
    let answer = ask(&["--borrow-from", &similar]).json();
    assert_eq!(answer["forecast"][2]["forecast"].as_f64(), Some(common::value_at(13 * 24 + 2)));
}

#[test]
fn families_add_their_keys() {
    let files = Files::new();
    let load = files.write("load.csv", daily_load(14));
    let answer = |model: &str| run(&["forecast", &load, "--horizon", "2h", "--model", model, "--json"]).json();
    let arima = answer("arima(1,0,0)(0,1,0)[24]");
    assert_eq!((arima["d"].as_u64(), arima["D"].as_u64()), (Some(0), Some(1)));
    assert!(["exact", "css"].contains(&arima["likelihood"].as_str().expect("a word")), "{arima}");
    let ets = answer("ets(A,N,A)[24]");
    assert_eq!((ets["region"].as_str(), &ets["d"]), (Some("usual"), &Value::Null));
    assert!(ets["log_likelihood"].is_number() && ets["sse"].is_number() && ets["aicc"].is_number(), "{ets}");
}

#[test]
fn every_model_of_the_catalogue_forecasts() {
    let files = Files::new();
    let load = files.write("load.csv", daily_load(28));
    let catalogue = run(&["models", "--json"]).json();
    let models = catalogue["models"].as_array().expect("models");
    assert!(models.len() >= 8);
    for model in models {
        assert!(model["description"].as_str().is_some_and(|text| text.ends_with('.')), "{model}");
        let name = match model["name"].as_str().expect("a name") {
            "ensemble" => "ensemble(naive, seasonal_naive[24])",
            name => name,
        };
        let answer = run(&["forecast", &load, "--horizon", "3h", "--season", "24", "--model", name, "--json"]).json();
        assert_eq!(answer["forecast"].as_array().map(Vec::len), Some(3), "{name}");
    }
}

#[test]
fn finer_data_are_binned_and_coarser_keep_their_step() {
    let load = trace("azure_v2_cpu_5min");
    let hourly = run(&["forecast", &load, "--step", "1h", "--horizon", "2h", "--model", "naive", "--json"]).json();
    assert_eq!(hourly["n_used"], 720);
    let kept = run(&["forecast", &load, "--step", "1m", "--horizon", "1h", "--model", "naive", "--json"]).json();
    assert_eq!(kept["forecast"].as_array().map(Vec::len), Some(12));
}

#[test]
fn a_pipe_gets_every_row_and_no_escape() {
    let files = Files::new();
    let load = files.write("load.csv", daily_load(28));
    let said = run(&["forecast", &load, "--horizon", "48h", "--timezone", "Europe/Berlin"]).expect_code(0);
    assert!(said.stdout.contains("lead") && said.stdout.contains("2026-02-02 01:00:00+01:00"), "{}", said.stdout);
    assert!(said.stdout.lines().any(|line| line.trim_start().starts_with("48 ")), "{}", said.stdout);
    assert!(!said.stdout.contains('\x1b') && !said.stdout.contains('━'));
    let drawn = run(&["forecast", &load, "--horizon", "48h", "--plot", "always"]).expect_code(0);
    assert!(drawn.stdout.contains("━ forecast") && !drawn.stdout.contains('\x1b'));
}

#[test]
fn the_files_own_form() {
    let files = Files::new();
    let text = "Zeit;Anfragen\n05.01.2026 00:00;1,5\n05.01.2026 01:00;2,5\n05.01.2026 02:00;\n05.01.2026 03:00;4,5\n";
    let load = files.write("load.csv", text);
    let mut arguments = vec!["forecast", &load, "--horizon", "1h", "--model", "naive", "--json"];
    arguments.extend(["--time-column", "Zeit", "--value-column", "Anfragen", "--time-format", "%d.%m.%Y %H:%M"]);
    arguments.extend(["--separator", ";", "--decimal", ",", "--stamps-timezone", "Europe/Berlin"]);
    let answer = run(&arguments).json();
    assert_eq!(answer["forecast"][0]["time"], "2026-01-05T03:00:00Z");
    assert_eq!(answer["forecast"][0]["forecast"], 4.5);
}

#[test]
fn what_was_mended_is_told_on_standard_error() {
    let files = Files::new();
    let text = daily_load(3).replace("2026-01-05T02:00:00Z", "2026-01-05T01:00:00Z");
    let load = files.write("load.csv", text);
    let arguments = ["forecast", &load, "--horizon", "1h", "--model", "naive", "--json"];
    let said = run(&arguments);
    assert!(said.stderr.contains("warning") && said.stderr.contains("2026-01-05T01:00:00Z"), "{}", said.stderr);
    said.json();
    assert_eq!(run(&[&["--quiet"], &arguments[..]].concat()).stderr, "");
}
