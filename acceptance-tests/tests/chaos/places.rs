//! Experiments by an ordinary user, on a cgroup, and in a cgroup that has little memory; each needs root to be set up.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use acceptance_tests::stormglass;
use serde_json::{Value, json};

use crate::lab::{Done, Lab, eventually, finish, state};

/// The user `nobody`.
const NOBODY: u32 = 65_534;

/// A process that sleeps, until it is dropped.
struct Sleeper(Child);

impl Sleeper {
    fn start(user: u32) -> Self {
        Self(Command::new("sleep").arg("600").uid(user).gid(user).spawn().expect("sleep starts, as root"))
    }

    fn runs(&self) -> bool {
        state(self.0.id()) == Some(('S', 0))
    }

    fn paused(&self) -> bool {
        state(self.0.id()).is_some_and(|(letter, tracer)| letter == 't' && tracer != 0)
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A cgroup of our own, with the memory controller.
struct Group {
    folder: PathBuf,
    /// As `/proc/PID/cgroup` has it.
    path: String,
    /// File of the limit.
    limit: &'static str,
}

impl Group {
    fn new(name: &str) -> Self {
        let mounts = fs::read_to_string("/proc/self/mounts").expect("/proc is there");
        let mount = |fits: &dyn Fn(&str, &str) -> bool| {
            mounts.lines().find_map(|line| {
                let fields: Vec<&str> = line.split(' ').collect();
                fits(fields[2], fields[3]).then(|| PathBuf::from(fields[1]))
            })
        };
        let one = mount(&|kind, options| kind == "cgroup" && options.split(',').any(|o| o == "memory"));
        let (root, limit) = match one {
            Some(root) => (root, "memory.limit_in_bytes"),
            None => {
                let root = mount(&|kind, _| kind == "cgroup2").expect("a hierarchy of cgroups");
                fs::write(root.join("cgroup.subtree_control"), "+memory").expect("the memory controller, as root");
                (root, "memory.max")
            }
        };
        let name = format!("{name}-{}", std::process::id());
        let folder = root.join(&name);
        fs::create_dir(&folder).expect("a cgroup, as root");
        Self { folder, path: format!("/{name}"), limit }
    }

    fn take_in(&self, below: &str, process: &Sleeper) {
        let folder = self.folder.join(below);
        let _ = fs::create_dir(&folder);
        fs::write(folder.join("cgroup.procs"), process.0.id().to_string()).expect("a process moves into a cgroup");
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // A group is empty a moment after its last process has ended.
        let remove = |folder: &Path| !folder.exists() || fs::remove_dir(folder).is_ok();
        eventually("the group's end", || remove(&self.folder.join("below")) && remove(&self.folder));
    }
}

fn pause(selector: &str, value: &str) -> Value {
    json!([{"fault": "process_pause", "name": "frozen", selector: value, "duration": "2s"}])
}

#[test]
fn an_ordinary_user_pauses_processes_of_its_own_and_no_others() {
    let lab = Lab::new();
    let folder = lab.folder("nobody");
    let program = folder.join("stormglass");
    fs::copy(stormglass(), &program).expect("a copy that everyone may run");
    for path in [folder.parent().expect("the lab's folder"), &program] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("permissions");
    }
    chown(&folder, Some(NOBODY), Some(NOBODY)).expect("a folder of the user's, as root");
    let run = |victim: &Sleeper| {
        let pid_file = folder.join("victim.pid");
        fs::write(&pid_file, victim.0.id().to_string()).expect("a pid file");
        let pid_file = pid_file.to_str().expect("a text path");
        let experiment = lab.write(&lab.experiment(pause("pid_file", pid_file)));
        let mut command = Command::new(&program);
        command.args(["chaos", "run", "--json", "--allow", &format!("pid_file:{pid_file}"), "--journal-dir"]);
        command.arg(folder.join("journals")).arg(experiment).uid(NOBODY).gid(NOBODY);
        command.env_remove("XDG_RUNTIME_DIR").current_dir(&folder);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command starts")
    };
    let of_root = Sleeper::start(0);
    let refused = finish(run(&of_root));
    let words = format!("of user 0; only processes of the caller, user {NOBODY}, are ever touched");
    let scope = fs::read_to_string("/proc/sys/kernel/yama/ptrace_scope").unwrap_or_default();
    if !matches!(scope.trim(), "" | "0") {
        // This host lets only root trace, and with it pause.
        assert!(refused.code == Some(2) && refused.err.contains("needs "), "{refused:?}");
        return;
    }
    assert!(refused.code == Some(2) && refused.err.contains(&words) && of_root.runs(), "{refused:?}");
    let own = Sleeper::start(NOBODY);
    let child = run(&own);
    eventually("the pause", || own.paused());
    let done = finish(child);
    assert!(done.code == Some(0) && own.runs(), "{done:?}");
}

#[test]
fn a_cgroup_is_paused_with_those_below_it() {
    let lab = Lab::new();
    let (inside, below, outside) = (Sleeper::start(0), Sleeper::start(0), Sleeper::start(0));
    let group = Group::new("stormglass-pause");
    group.take_in("", &inside);
    group.take_in("below", &below);
    let child =
        lab.start(&lab.experiment(pause("cgroup", &group.path)), &["--allow", &format!("cgroup:{}", group.path)]);
    eventually("the pause", || inside.paused() && below.paused());
    assert!(outside.runs());
    let done = finish(child);
    assert!(done.code == Some(0) && inside.runs() && below.runs(), "{done:?}");
    assert_eq!(done.json()["faults"][0]["counts"]["processes"], 2);
    drop((inside, below));
}

#[test]
fn memory_of_a_cgroup_is_not_taken_below_its_floor() {
    const MIB: u64 = 1 << 20;
    let run = |group: &Group, mib: u64| -> Done {
        fs::write(group.folder.join(group.limit), (mib * MIB).to_string()).expect("a limit");
        let lab = Lab::new();
        let experiment = lab.write(&lab.experiment(json!([{"fault": "memory", "share": 0.99, "duration": "2s"}])));
        let mut command = Command::new("sh");
        command
            .args(["-c", "echo $$ > \"$0\" && exec \"$@\""])
            .arg(group.folder.join("cgroup.procs"))
            .arg(stormglass());
        command.args(["chaos", "run", "--json", "--journal-dir"]).arg(lab.journals()).arg(experiment);
        finish(command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("sh starts"))
    };
    let group = Group::new("stormglass-memory");
    let done = run(&group, 600);
    assert_eq!(done.code, Some(0), "{done:?}");
    let fault = &done.json()["faults"][0];
    assert!(fault["plan"].as_str().is_some_and(|p| p.contains("256MiB of cgroup `")), "{fault}");
    let most = fault["counts"]["most_bytes"].as_u64().expect("a number");
    assert!(most > 0 && most <= (600 - 256) * MIB, "{fault}");
    let refused = run(&group, 200);
    assert!(refused.code == Some(2) && refused.err.contains("there is nothing to take"), "{refused:?}");
}
