//! Wrong experiments: each is refused with exit code 2, told where, and nothing is touched.

use serde_json::{Value, json};

use crate::lab::Lab;

/// A way to make the sound experiment wrong, and what is said of it.
struct Wrong {
    /// JSON pointer of what is changed; the last part may be new.
    at: &'static str,
    to: Value,
    says: &'static str,
}

fn wrong(at: &'static str, to: Value, says: &'static str) -> Wrong {
    Wrong { at, to, says }
}

fn sound(lab: &Lab) -> Value {
    let mut experiment =
        lab.experiment(json!([{"fault": "cpu_burn", "name": "busy", "share": 0.2, "cores": 1, "duration": "1s"}]));
    experiment["abort_when"] = json!([{"probe": "answers", "failures": 5}]);
    experiment
}

fn every_one() -> Vec<Wrong> {
    let burn = |more: Value| {
        let mut step = json!({"fault": "cpu_burn", "share": 0.2, "cores": 1, "duration": "1s"});
        for (key, value) in more.as_object().expect("an object") {
            step[key] = value.clone();
        }
        step
    };
    let step = |step: Value| json!([step]);
    let pause = |key: &str, value: Value| json!([{"fault": "process_pause", "duration": "1s", key: value}]);
    vec![
        // The whole.
        wrong("/title", Value::Null, "title: is required"),
        wrong("/title", json!(""), "title: is an empty text"),
        wrong("/title", json!(7), "title: is `7`; expected text"),
        wrong("/titel", json!("x"), "titel: is not known here; known: `title`"),
        wrong("/order", json!("parallel"), "order: is `parallel`; expected one of `together`, `sequence`"),
        wrong("/recovery_objective", json!("0s"), "recovery_objective: is zero"),
        wrong(
            "/recovery_objective",
            json!("soon"),
            "recovery_objective: is `soon`; expected an integer with `ms`, `s`, `m`, `h` or `d`",
        ),
        wrong("/recovery_objective", json!(60), "recovery_objective: is `60`; expected duration"),
        wrong("/lease", json!("10ms"), "lease: is out of bounds; expected 1s to 10m"),
        wrong("/lease", json!("1h"), "lease: is out of bounds"),
        wrong("/lock_timeout", json!("-1s"), "lock_timeout: is `-1s`"),
        wrong("/seed", json!(-1), "seed: is `-1`; expected an integer of at least 0"),
        wrong("/seed", json!(1.5), "seed: is `1.5`; expected an integer"),
        wrong("/allow_irreversible", json!("yes"), "allow_irreversible: is `\"yes\"`; expected true or false"),
        wrong("/blast_radius", json!([]), "blast_radius: is empty: such an experiment may touch nothing"),
        wrong("/blast_radius", json!(["web"]), "blast_radius[0]: is `web`; expected `pid_file:PATH`"),
        wrong("/blast_radius", json!(["port:99999"]), "blast_radius[0]: is `port:99999`"),
        wrong("/blast_radius", json!("port:80"), "blast_radius: is `\"port:80\"`; expected a list of texts"),
        // The steady state.
        wrong("/steady_state", json!([]), "steady_state: has no element; expected a list of checks"),
        wrong("/steady_state", Value::Null, "steady_state: has no element"),
        wrong("/steady_state", json!("answers"), "steady_state: is `answers`; expected a list"),
        wrong("/steady_state/0", json!("answers"), "steady_state[0]: is `answers`; expected names with values"),
        wrong(
            "/steady_state/0/type",
            json!("ping"),
            "steady_state[0].type: is `ping`, which is no probe; known: `http`, `tcp`",
        ),
        wrong("/steady_state/0/type", Value::Null, "steady_state[0].type: is required; known probes: `http`"),
        wrong(
            "/steady_state/0/address",
            json!("127.0.0.1"),
            "steady_state[0].address: is `127.0.0.1`; expected `host:port`",
        ),
        wrong("/steady_state/0/address", Value::Null, "steady_state[0].address: is required: Address to connect to."),
        wrong("/steady_state/0/url", json!("http://x/"), "steady_state[0].url: is not known here; known: `address`"),
        wrong("/steady_state/0/timeout", json!("0s"), "steady_state[0].timeout: is 0ms; expected 1ms at least"),
        wrong("/steady_state/0/interval", json!("10ms"), "steady_state[0].interval: is 10ms; expected 50ms at least"),
        wrong("/steady_state/0/tolerance", json!({}), "steady_state[0].tolerance: is `{}`; expected some of status"),
        wrong(
            "/steady_state/0/tolerance",
            json!({"range": [2, 1]}),
            "steady_state[0].tolerance.range: is `[2,1]`; expected one number",
        ),
        wrong(
            "/steady_state/0/tolerance",
            json!({"range": [1, 2], "status": 200}),
            "steady_state[0].tolerance.range: is set beside `status`",
        ),
        wrong(
            "/steady_state/0/tolerance",
            json!({"regex": "(("}),
            "steady_state[0].tolerance.regex: is `((`, which is no regular expression: unclosed group",
        ),
        wrong(
            "/steady_state/0/tolerance",
            json!({"json_path": "a.b"}),
            "steady_state[0].tolerance.json_path: is `a.b`, which is no JSONPath",
        ),
        wrong("/steady_state/0/tolerance", json!({"equals": 1}), "steady_state[0].tolerance.equals: needs `json_path`"),
        wrong("/steady_state/0/tolerance", json!({"relative": -0.1}), "steady_state[0].tolerance.relative: is below 0"),
        wrong(
            "/steady_state/0/address",
            json!("192.0.2.7:80"),
            "steady_state[0]: address `192.0.2.7:80` is not among the allowed targets; allow `192.0.2.7:80`",
        ),
        // The method.
        wrong("/method", json!([]), "method: has no element; expected a list of faults"),
        wrong("/method/0/fault", json!("cpu_brun"), "method[0].fault: is `cpu_brun`, which is no fault; known: "),
        wrong("/method/0/fault", Value::Null, "method[0].fault: is required; known faults: "),
        wrong("/method/0/duration", json!("0s"), "method[0].duration: is zero"),
        wrong("/method/0/duration", Value::Null, "method[0].duration: is required: How long the fault is in force."),
        wrong("/method/0/duration", json!("25h"), "method: takes 25h; an experiment takes 24h at most"),
        wrong("/method/0/ramp", json!("2s"), "method[0].ramp: is 2s, longer than `duration`, 1s"),
        wrong("/method/0/delay", json!("1 s"), "method[0].delay: is `1 s`; expected an integer with"),
        wrong("/method/0/share", json!(1.5), "method[0].share: is `1.5`; expected a share between 0 and 1"),
        wrong("/method/0/share", json!("half"), "method[0].share: is `\"half\"`; expected share, 0 to 1"),
        wrong("/method/0/cores", json!(0), "method[0].cores: is "),
        wrong("/method/0/latency", json!("1s"), "method[0].latency: is not known here; known: "),
        wrong(
            "/method",
            json!([burn(json!({})), burn(json!({}))]),
            "method[1].name: is `cpu_burn`, as another one's; names are unique",
        ),
        wrong("/method", step(json!({"fault": "memory", "duration": "1s"})), "method[0]"),
        wrong(
            "/method",
            step(json!({"fault": "memory", "duration": "1s", "bytes": "64MB"})),
            "method[0].bytes: is `64MB`; expected an integer with `B`, `KiB`",
        ),
        wrong(
            "/method",
            step(json!({"fault": "disk_fill", "duration": "1s", "folder": "/no/such/folder", "bytes": "1MiB"})),
            "method[0]: ",
        ),
        wrong(
            "/method",
            step(json!({"fault": "disk_fill", "duration": "1s", "folder": "/tmp", "bytes": "1MiB"})),
            "method[0]: folder `/tmp` is not among the allowed targets; allow `folder:/tmp`",
        ),
        wrong("/method", pause("pid_file", json!("/no/such.pid")), "method[0]: "),
        wrong("/method", pause("port", json!(1)), "method[0]: "),
        wrong("/method", step(json!({"fault": "process_pause", "duration": "1s"})), "method[0]"),
        wrong(
            "/method",
            step(json!({"fault": "process_pause", "duration": "1s", "port": 80, "pid_file": "/x"})),
            "method[0]",
        ),
        wrong(
            "/method",
            step(json!({"fault": "process_kill", "duration": "1s", "port": 80, "signal": "HUP"})),
            "method[0].signal: is `HUP`; expected one of `KILL`, `TERM`",
        ),
        wrong(
            "/method",
            step(json!({"fault": "process_kill", "duration": "1s", "port": 80, "start": []})),
            "method[0].start: has no program",
        ),
        wrong(
            "/method",
            step(json!({"fault": "network_drop", "duration": "1s", "namespace": "no-such-namespace", "share": 0.5})),
            "method[0]",
        ),
        // Conditions and windows.
        wrong(
            "/abort_when/0/probe",
            json!("answer"),
            "abort_when[0].probe: is `answer`; expected a check of `steady_state`: `answers`",
        ),
        wrong("/abort_when/0/failures", json!(0), "abort_when[0].failures: is 0; expected 1 or more"),
        wrong(
            "/abort_when/0",
            json!({"probe": "answers"}),
            "abort_when[0].failures: is absent, and `error_budget` too",
        ),
        wrong("/abort_when/0/error_budget", json!(0.1), "abort_when[0].error_budget: is set beside `failures`"),
        wrong(
            "/abort_when/0",
            json!({"probe": "answers", "error_budget": 2}),
            "abort_when[0].error_budget: is `2`; expected a share",
        ),
        wrong(
            "/abort_when/0",
            json!({"probe": "answers", "error_budget": 0.1, "window": "0s"}),
            "abort_when[0].window: is zero",
        ),
        wrong(
            "/wait_for_window",
            json!([{"from": "monday", "to": "2026-01-01T00:00:00Z"}]),
            "wait_for_window[0].from: is `\"monday\"`; expected a time such as",
        ),
        wrong(
            "/wait_for_window",
            json!([{"from": "2026-01-02T00:00:00Z", "to": "2026-01-01T00:00:00Z"}]),
            "wait_for_window[0]: ends at 2026-01-01T00:00:00Z, not after its begin",
        ),
    ]
}

#[test]
fn wrong_experiments_are_told_where_they_are_wrong() {
    let lab = Lab::new();
    assert_eq!(lab.run(&sound(&lab), &["--dry-run"]).code, Some(0), "the experiment that is made wrong is sound");
    let all = every_one();
    assert!(all.len() >= 60, "{} wrong experiments", all.len());
    let mut astray = Vec::new();
    for Wrong { at, to, says } in all {
        let mut experiment = sound(&lab);
        let (parent, key) = at.rsplit_once('/').expect("a pointer");
        match experiment.pointer_mut(parent) {
            Some(Value::Array(items)) => items[key.parse::<usize>().expect("an index")] = to.clone(),
            Some(value) => value[key] = to.clone(),
            None => panic!("{at} leads nowhere"),
        }
        let done = lab.run(&experiment, &[]);
        if done.code != Some(2) || !done.err.contains(says) || done.err.contains("panicked") {
            astray.push(format!("{at} = {to}\n  expected: {says}\n  code {:?}: {}", done.code, done.err));
        }
    }
    assert!(astray.is_empty(), "{}", astray.join("\n"));
    assert!(lab.journal().is_none(), "nothing was begun");
}

/// The user's state folder is not declared to outlive a restart.
#[test]
fn a_fault_that_somebody_has_to_undo_needs_a_folder_that_outlives_the_machine() {
    let lab = Lab::new();
    let step = json!([{"fault": "network_bandwidth", "namespace": "none", "device": "eth0", "rate": "1KiB", "duration": "1s"}]);
    let path = lab.write(&lab.experiment(step));
    let mut command = std::process::Command::new(acceptance_tests::stormglass());
    command.args(["chaos", "run"]).arg(path).env("XDG_STATE_HOME", lab.path("state"));
    let out = command.output().expect("the command starts");
    let err = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{err}");
    assert!(err.contains("method[0]: `network_bandwidth` has to be undone by somebody, even after a restart"), "{err}");
    assert!(!lab.path("state").exists());
}

#[test]
fn wrong_files_and_options_are_told() {
    let lab = Lab::new();
    let path = lab.path("experiment.yaml");
    let run = |text: &str, more: &[&str]| {
        std::fs::write(&path, text).expect("written");
        let mut arguments = vec!["run", path.to_str().expect("a text path")];
        arguments.extend(more);
        let done = lab.chaos(&arguments);
        assert_eq!(done.code, Some(2), "{done:?}");
        done.err
    };
    assert!(run("title: [", &[]).contains("is no YAML"));
    assert!(run("- a\n", &[]).contains("experiment: is no object"));
    assert!(run("", &[]).contains("experiment: is no object"));
    let sound = sound(&lab).to_string();
    assert!(run(&sound, &["--allow", "web"]).contains("--allow is `web`; expected `pid_file:PATH`"));
    let done = lab.chaos(&["run", "/no/such/file.yaml"]);
    assert!(done.code == Some(2) && done.err.contains("the experiment cannot be read"), "{done:?}");
}
