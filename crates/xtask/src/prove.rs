//! The long evidence: what takes hours, or needs more than the tests may install.

use std::path::PathBuf;
use std::process::Command;

use crate::run::{Done, cargo, find, root, run};
use crate::terraform::build;
use crate::tools;

/// One piece of evidence.
struct Proof {
    name: &'static str,
    run: fn(&Options) -> Done,
}

/// What the caller asked for.
struct Options {
    traces: Option<PathBuf>,
}

/// All pieces, in the order in which they run.
const PROOFS: &[Proof] = &[
    Proof { name: "fuzz", run: fuzz },
    Proof { name: "kernels", run: kernels },
    Proof { name: "speed", run: speed },
    Proof { name: "growth", run: growth },
    Proof { name: "protocol", run: protocol },
    Proof { name: "proxy", run: proxy },
    Proof { name: "plan", run: plan },
    Proof { name: "accuracy", run: accuracy },
    Proof { name: "storm", run: storm },
    Proof { name: "plots", run: plots },
    Proof { name: "opentofu", run: opentofu },
];

const FUZZ_TARGETS: &[&str] = &["msgpack", "json", "csv", "http", "journal", "fits"];
const FUZZ_SECONDS: u32 = 600;

/// Runs all, or the one named by `--only`.
pub(crate) fn prove(args: &[&str]) -> Done {
    let (mut only, mut options) = (None, Options { traces: None });
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let value = words.next().ok_or_else(|| format!("`{word}` needs a value"))?;
        match *word {
            "--only" => only = Some(*value),
            "--traces" => options.traces = Some(PathBuf::from(value)),
            other => return Err(format!("`{other}` is no option of prove; known: --only, --traces")),
        }
    }
    let names: Vec<&str> = PROOFS.iter().map(|p| p.name).collect();
    if let Some(name) = only.filter(|n| !names.contains(n)) {
        return Err(format!("`{name}` is no evidence; known: {}", names.join(", ")));
    }
    PROOFS.iter().filter(|p| only.is_none_or(|n| n == p.name)).try_for_each(|p| (p.run)(&options))
}

/// Ten minutes for each decoder of foreign bytes.
fn fuzz(_: &Options) -> Done {
    if find("cargo-fuzz").is_none() {
        run("install cargo-fuzz", cargo().args(["install", "--locked", "cargo-fuzz"]))?;
    }
    for target in FUZZ_TARGETS {
        let (corpus, seeds) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
        std::fs::create_dir_all(root().join(&corpus)).map_err(|e| format!("{corpus}: {e}"))?;
        let mut command = Command::new("cargo");
        command.current_dir(root()).args(["+nightly", "fuzz", "run", target, &corpus, &seeds, "--"]);
        command.arg(format!("-max_total_time={FUZZ_SECONDS}"));
        run(&format!("fuzz {target}"), &mut command)?;
    }
    Ok(())
}

/// Fits and kernels, by criterion.
fn kernels(_: &Options) -> Done {
    run("benchmarks of forecast-core", cargo().args(["bench", "--locked", "--package", "forecast-core"]))
}

/// Fits and panels beside other libraries; R takes part where it is installed.
fn speed(_: &Options) -> Done {
    let binaries = build("release")?;
    let python = tools::python("speed", &["numpy", "statsforecast==2.1.1", "prophet==1.5.0"])?;
    let mut command = Command::new(python);
    command.current_dir(root()).arg("acceptance-tests/bench/speed.py").arg(binaries.join("stormglass"));
    command.arg(tools::peers()?);
    run("speed beside other libraries", &mut command)
}

/// Time and memory of fits against length, season and number of series; draws the plots of the docs.
fn growth(_: &Options) -> Done {
    let binaries = build("release")?;
    let python = find("python3").ok_or("`python3` is not on PATH; the benchmark script needs it")?;
    let mut command = Command::new(python);
    command.current_dir(root()).arg("acceptance-tests/bench/growth.py").arg(binaries.join("stormglass"));
    command.arg("docs/images");
    run("growth of time and memory", &mut command)
}

/// Start, handshake and calls of the built provider.
fn protocol(_: &Options) -> Done {
    let binaries = build("release")?;
    let provider = binaries.join(format!("terraform-provider-stormglass{}", std::env::consts::EXE_SUFFIX));
    let mut bench = cargo();
    bench.args(["bench", "--locked", "--package", "tfplugin", "--bench", "protocol", "--"]).arg(provider);
    run("start, handshake and calls", &mut bench)
}

/// The fault `tcp_proxy` beside what was asked of it and beside other proxies.
fn proxy(_: &Options) -> Done {
    let mut bench = cargo();
    bench.args(["bench", "--locked", "--package", "stormglass-integrations", "--bench", "proxy"]);
    run("the proxy and its peers", &mut bench)
}

/// Wall time of plan and apply with 1, 200 and 1,000 policies.
fn plan(_: &Options) -> Done {
    let binaries = build("release")?;
    let python = find("python3").ok_or("`python3` is not on PATH; the benchmark script needs it")?;
    let mut command = Command::new(python);
    command.current_dir(root()).arg("acceptance-tests/bench/plan.py").arg(binaries);
    command.env("STORMGLASS_TERRAFORM", tools::terraform()?);
    run("plan and apply of many policies", &mut command)
}

/// Accuracy on every trace of a folder, beside the naive methods.
fn accuracy(options: &Options) -> Done {
    let folder = options.traces.clone().unwrap_or_else(|| root().join("tests/data/traces"));
    let binaries = build("release")?;
    let python = tools::python("scores", &["numpy", "pandas"])?;
    let mut command = Command::new(python);
    command.current_dir(root()).arg("acceptance-tests/bench/accuracy.py").arg(binaries.join("stormglass")).arg(folder);
    run("accuracy", &mut command)
}

/// A thousand kills of experiments, and the table of what was killed.
fn storm(_: &Options) -> Done {
    let mut tests = cargo();
    tests.args(["test", "--locked", "--package", "acceptance-tests", "--test", "chaos", "storm", "--", "--nocapture"]);
    tests.env("STORMGLASS_BINARIES", build("dev")?).env("STORMGLASS_STORM", "1000");
    run("kill storm", &mut tests)
}

/// The pictures of the guides.
fn plots(_: &Options) -> Done {
    let binaries = build("release")?;
    let python = tools::python("plots", &["matplotlib==3.10.3"])?;
    let mut command = Command::new(python);
    command
        .current_dir(root())
        .arg("acceptance-tests/bench/plots.py")
        .arg(binaries.join("stormglass"))
        .arg("docs/images");
    run("pictures of the guides", &mut command)
}

/// The acceptance tests on OpenTofu.
fn opentofu(_: &Options) -> Done {
    let tofu = find("tofu").ok_or("`tofu` is not on PATH; get it from https://opentofu.org/docs/intro/install/")?;
    let binaries = build("dev")?;
    let python = tools::python("terraform-core", tools::NEWER_CORE)?;
    run("the demonstration provider", cargo().args(["build", "--locked", "--package", "tfplugin", "--examples"]))?;
    let mut tests = cargo();
    tests.args(["test", "--locked", "--package", "acceptance-tests", "--no-fail-fast"]);
    tests.env("STORMGLASS_BINARIES", binaries).env("STORMGLASS_TERRAFORM", tofu).env("STORMGLASS_PYTHON", python);
    run("acceptance tests on OpenTofu", &mut tests)
}
