//! What pipes and shells meet: a reader that leaves, an output that cannot be written, completions and man pages.

mod common;

use std::io::Read;
use std::process::{Command, Stdio};

use common::{Files, STORMGLASS, daily_load, run};

#[test]
fn a_reader_that_leaves_ends_the_command_quietly() {
    let files = Files::new();
    let load = files.write("load.csv", daily_load(60));
    for arguments in [
        &["forecast", &load, "--horizon", "30d", "--model", "naive"][..],
        &["forecast", &load, "--horizon", "30d", "--model", "naive", "--json"],
        &["man"],
    ] {
        let mut child = Command::new(STORMGLASS)
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the command starts");
        drop(child.stdout.take());
        let mut said = String::new();
        child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
        let status = child.wait().expect("the command ends");
        assert_eq!((status.code(), said.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_written_is_a_failure() {
    let files = Files::new();
    let load = files.write("load.csv", daily_load(10));
    let dump = files.at("no/such/folder/dump.csv");
    let said = run(&["backtest", &load, "--horizon", "2h", "--model", "naive", "--dump", &dump, "-q"]).expect_code(1);
    assert!(said.stderr.contains("dump.csv cannot be written"), "{}", said.stderr);
    assert_eq!(said.stdout, "");
    let page = files.at("no/such/folder/page.html");
    let arguments =
        ["report", "--csv", &load, "--per-unit", "50", "--preset", "fast", "--horizon", "1d", "--out", &page];
    assert!(run(&arguments).expect_code(1).stderr.contains("page.html"));
}

#[test]
fn completions_and_man_pages_name_every_command() {
    let commands = ["forecast", "backtest", "plan", "replay", "report", "models", "panel", "bench", "now"];
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = run(&["completions", shell]).expect_code(0);
        assert!(commands.iter().all(|command| said.stdout.contains(command)), "{shell}");
    }
    let page = run(&["man"]).expect_code(0).stdout;
    assert!(page.contains(".TH") && commands.iter().all(|command| page.contains(command)));
    let files = Files::new();
    run(&["man", "--out", &files.at("pages")]).expect_code(0);
    for command in commands {
        assert!(files.read(&format!("pages/stormglass-{command}.1")).contains(".TH"), "{command}");
    }
}
