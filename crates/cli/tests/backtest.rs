//! `stormglass backtest`: scores, dumps, and that nothing after an origin reaches its forecasts.

mod common;

use std::collections::BTreeMap;

use common::{Files, daily_load, run, trace};

/// Rows of a dump by their origin, text as it stands, without the last column, which is the truth.
fn rows_by_origin(dump: &str) -> BTreeMap<String, Vec<String>> {
    let mut rows: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in dump.lines().skip(1) {
        let (forecast, _actual) = line.rsplit_once(',').expect("columns");
        let (origin, _) = forecast.split_once(',').expect("columns");
        rows.entry(origin.to_owned()).or_default().push(forecast.to_owned());
    }
    rows
}

fn backtest(load: &str, dump: &str, more: &[&str]) -> serde_json::Value {
    let arguments = ["backtest", load, "--step", "1h", "--horizon", "6h", "--dump", dump, "--json"];
    run(&[&arguments, more].concat()).json()
}

#[test]
fn json_and_dump_have_the_published_form() {
    let files = Files::new();
    let load = files.write("load.csv", daily_load(40));
    let dump = files.at("dump.csv");
    let answer = backtest(&load, &dump, &[]);
    for key in ["model", "wape", "accuracy", "mase", "pinball", "coverage", "interval_coverage", "origins", "seconds"] {
        assert!(answer.get(key).is_some(), "{key}");
    }
    assert_eq!(answer["model"], "auto");
    // 960 steps: the first origin is 720, the last one whose horizon fits is 954.
    assert_eq!(answer["origins"], 235);
    for level in ["0.025", "0.05", "0.1", "0.5", "0.9", "0.95", "0.975"] {
        assert!(answer["pinball"][level].is_number() && answer["coverage"][level].is_number(), "{level}");
    }
    for interval in ["0.80", "0.90", "0.95"] {
        assert!(answer["interval_coverage"][interval].is_number(), "{interval}");
    }
    let text = files.read("dump.csv");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("origin,lead,time,forecast,0.025,0.05,0.1,0.5,0.9,0.95,0.975,actual"));
    assert!(lines.next().is_some_and(|l| l.starts_with("2026-02-04T00:00:00Z,1,2026-02-04T00:00:00Z,")), "{text}");
    assert_eq!(text.lines().count(), 1 + 235 * 6);
}

#[test]
fn the_scores_follow_from_the_dump() {
    let files = Files::new();
    let load = files.write("load.csv", daily_load(40));
    let answer = backtest(&load, &files.at("dump.csv"), &["--levels", "0.5,0.90", "--lead-from", "3h"]);
    let (mut error, mut size, mut below, mut count) = (0.0, 0.0, 0.0, 0.0);
    let dump = files.read("dump.csv");
    assert!(dump.starts_with("origin,lead,time,forecast,0.5,0.90,actual\n"), "{}", &dump[..80]);
    for line in dump.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        assert!(cells[1].parse::<usize>().unwrap() >= 3, "{line}");
        let number = |i: usize| cells[i].parse::<f64>().unwrap();
        error += (number(6) - number(3)).abs();
        size += number(6).abs();
        below += f64::from(number(6) <= number(5));
        count += 1.0;
        assert_eq!(cells[3], cells[4], "the point is the median");
    }
    let close = |found: &serde_json::Value, expected: f64| (found.as_f64().unwrap() - expected).abs() < 1e-12;
    assert!(close(&answer["wape"], error / size), "{answer}");
    assert!(close(&answer["coverage"]["0.90"], below / count), "{answer}");
}

/// The heart of every claim of accuracy: what comes at an origin or later changes no byte of what is forecast there.
#[test]
fn nothing_after_an_origin_reaches_its_forecasts() {
    let files = Files::new();
    let text = daily_load(40);
    let load = files.write("load.csv", &text);
    let lines: Vec<&str> = text.lines().collect();
    for model in ["auto", "holt_winters(additive)[24]", "seasonal_naive_levelled[24]", "profile(daily)"] {
        backtest(&load, &files.at("before.csv"), &["--model", model]);
        let before = rows_by_origin(&files.read("before.csv"));
        for changed in [722, 800, 950] {
            let altered: Vec<String> = lines
                .iter()
                .enumerate()
                .map(|(i, line)| match line.split_once(',') {
                    // The header is line 0, so step `changed` is line `changed + 1`.
                    Some((time, _)) if i > changed => match i % 3 {
                        0 => format!("{time},"),
                        1 => format!("{time},1e9"),
                        _ => format!("{time},{i}.5"),
                    },
                    _ => (*line).to_owned(),
                })
                .collect();
            let other = files.write("altered.csv", altered.join("\n"));
            backtest(&other, &files.at("after.csv"), &["--model", model]);
            let after = rows_by_origin(&files.read("after.csv"));
            assert_eq!(before.len(), after.len(), "{model}");
            let first_change = lines[changed + 1].split(',').next().unwrap();
            let mut unchanged = 0;
            for (origin, rows) in &before {
                if origin.as_str() <= first_change {
                    assert_eq!(
                        rows, &after[origin],
                        "{model}: the forecasts at {origin} know what came at {first_change}"
                    );
                    unchanged += 1;
                }
            }
            assert_eq!(unchanged, changed - 720 + 1, "{model}");
            assert!(changed == 950 || before != after, "{model}: what is known should matter");
        }
    }
}

#[test]
fn neither_threads_nor_repetition_change_a_byte() {
    let files = Files::new();
    let load = trace("ms_purchases_1h");
    for model in ["auto", "holt_winters(additive)[24]"] {
        backtest(&load, &files.at("one.csv"), &["--model", model, "--stride", "12h", "--threads", "1"]);
        backtest(&load, &files.at("many.csv"), &["--model", model, "--stride", "12h", "--threads", "3"]);
        assert_eq!(files.read("one.csv"), files.read("many.csv"), "{model}");
    }
}

#[test]
fn missing_truth_is_not_scored() {
    let files = Files::new();
    let text: String = daily_load(40)
        .lines()
        .enumerate()
        .map(|(i, line)| match line.split_once(',') {
            Some((time, _)) if i > 1 && i % 5 == 0 => format!("{time},\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    let answer = backtest(&files.write("load.csv", text), &files.at("dump.csv"), &["--model", "naive"]);
    assert!(answer["wape"].as_f64().is_some_and(|wape| wape > 0.0 && wape < 1.0), "{answer}");
    assert!(files.read("dump.csv").lines().any(|line| line.ends_with(',')));
}

#[test]
fn a_person_sees_scores() {
    let files = Files::new();
    let load = files.write("load.csv", daily_load(20));
    let said = run(&["backtest", &load, "--horizon", "12h", "--model", "seasonal_naive[24]"]).expect_code(0);
    for text in ["seasonal_naive[24]", "accuracy", "WAPE", "lead up to", "0.975", "0.90"] {
        assert!(said.stdout.contains(text), "{text}: {}", said.stdout);
    }
    let quiet = run(&["backtest", &load, "--horizon", "12h", "--model", "naive", "-q", "--json"]);
    assert_eq!(quiet.stderr, "");
    quiet.json();
}

#[test]
fn coarser_data_keep_their_step() {
    let mut text = String::from("timestamp,value\n");
    for day in 1..=28 {
        text.push_str(&format!("2026-02-{day:02}T00:00:00Z,{}\n", 10 + day % 7));
    }
    let files = Files::new();
    let load = files.write("load.csv", text);
    let arguments = ["--step", "5m", "--horizon", "2d", "--stride", "1h", "--model", "seasonal_naive[7]", "--json"];
    let answer = run(&[&["backtest", load.as_str()], &arguments[..]].concat()).json();
    assert_eq!((answer["origins"].as_u64(), answer["wape"].as_f64()), (Some(6), Some(0.0)));
}
