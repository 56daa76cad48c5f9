//! `stormglass panel`, `backtest --panel` and `bench`.

mod common;

use std::io::Write;

use common::{Files, daily_load, run};

/// Three series of two weeks and the day that follows.
fn panel(files: &Files) -> (String, String) {
    let row = |id: &str, from: usize, to: usize, scale: f64| {
        let values: Vec<String> = (from..to).map(|hour| (common::value_at(hour) * scale).to_string()).collect();
        format!("{id},{}\n", values.join(","))
    };
    let train = [("a", 0, 1.0), ("b", 48, 2.0), ("c", 24, 0.5)].map(|(id, from, scale)| row(id, from, 336, scale));
    let test = [("c", 0.5), ("a", 1.0), ("b", 2.0)].map(|(id, scale)| row(id, 336, 360, scale));
    (files.write("train.csv", train.concat()), files.write("test.csv", test.concat()))
}

#[test]
fn a_panel_is_scored_as_the_competition_did() {
    let files = Files::new();
    let (train, test) =
        (files.write("train.csv", "x,1,2,3,4\ny,10,10,20,20\n"), files.write("test.csv", "y,30,10\nx,4,8\n"));
    let dump = files.at("dump.csv");
    let arguments =
        ["backtest", "--panel", &train, "--test", &test, "--season", "1", "--model", "naive", "--dump", &dump];
    let answer = run(&[&arguments[..], &["--json"]].concat()).json();
    // x: naive 4, 4 against 4, 8; y: naive 20, 20 against 30, 10.
    let smape = ((0.0 + 200.0 * 4.0 / 12.0) / 2.0 + (200.0 * 10.0 / 50.0 + 200.0 * 10.0 / 30.0) / 2.0) / 2.0;
    // One step apart x moves by 1, y by 10/3.
    let mase = (2.0 / 1.0 + 10.0 / (10.0 / 3.0)) / 2.0;
    assert!((answer["smape"].as_f64().unwrap() - smape).abs() < 1e-9, "{answer}");
    assert!((answer["mase"].as_f64().unwrap() - mase).abs() < 1e-9, "{answer}");
    assert_eq!(answer["series"], 2);
    assert!(answer["seconds"].is_number());
    assert_eq!(files.read("dump.csv"), "x,4,4\ny,20,20\n");
    let scaled = run(&[&arguments[..], &["--mase-season", "2", "--json"]].concat()).json();
    assert_eq!(scaled["smape"], answer["smape"]);
    assert_ne!(scaled["mase"], answer["mase"]);
}

#[test]
fn a_season_is_found_without_times() {
    let files = Files::new();
    let (train, test) = panel(&files);
    for model in ["auto", "seasonal_naive", "holt_winters(additive)"] {
        let arguments = ["backtest", "--panel", &train, "--test", &test, "--season", "24", "--model", model, "--json"];
        let answer = run(&arguments).json();
        assert_eq!(answer["series"], 3);
        assert!(answer["smape"].as_f64().is_some_and(|smape| smape < 5.0), "{model}: {answer}");
    }
}

#[test]
fn panel_has_the_published_keys_and_threads_change_nothing() {
    let files = Files::new();
    let (train, _) = panel(&files);
    let (one, many) = (files.at("one.csv"), files.at("many.csv"));
    let arguments = ["panel", &train, "--horizon", "24", "--season", "24", "--json"];
    let answer = run(&[&arguments[..], &["--threads", "1", "--dump", &one]].concat()).json();
    for key in ["series", "seconds", "series_per_second", "threads", "peak_memory_bytes"] {
        assert!(answer.get(key).is_some(), "{key}");
    }
    assert_eq!((answer["series"].as_u64(), answer["threads"].as_u64()), (Some(3), Some(1)));
    #[cfg(target_os = "linux")]
    assert!(answer["peak_memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1_000_000));
    run(&[&arguments[..], &["--threads", "3", "--dump", &many]].concat()).json();
    assert_eq!(files.read("one.csv"), files.read("many.csv"));
    assert_eq!(files.read("one.csv").lines().map(|row| row.split(',').count()).collect::<Vec<_>>(), [25; 3]);
}

#[test]
fn a_packed_panel_reads_as_the_plain_one() {
    let files = Files::new();
    let (train, _) = panel(&files);
    let packed = files.at("train.csv.gz");
    let mut gzip = flate2::write::GzEncoder::new(std::fs::File::create(&packed).unwrap(), flate2::Compression::fast());
    gzip.write_all(files.read("train.csv").as_bytes()).unwrap();
    gzip.finish().unwrap();
    for (file, dump) in [(&train, files.at("plain.csv")), (&packed, files.at("packed.csv"))] {
        run(&["panel", file, "--horizon", "2", "--season", "24", "--model", "naive", "--dump", &dump]).expect_code(0);
    }
    assert_eq!(files.read("plain.csv"), files.read("packed.csv"));
}

#[test]
fn bench_times_fits() {
    let files = Files::new();
    let load = files.write("load.csv", daily_load(14));
    let model = "holt_winters(additive)[24]";
    let answer = run(&["bench", &load, "--model", model, "--season", "24", "--repeat", "5", "--json"]).json();
    for key in
        ["first_seconds", "median_seconds", "wall_seconds", "forecast_seconds", "update_seconds", "update_p95_seconds"]
    {
        assert!(answer[key].as_f64().is_some_and(|seconds| seconds > 0.0), "{key}: {answer}");
    }
    #[cfg(unix)]
    assert!(answer["cpu_seconds"].is_number(), "{answer}");
    let said = run(&["bench", &load, "--model", model, "--repeat", "2"]).expect_code(0);
    assert!(said.stdout.contains("median"), "{}", said.stdout);
}
