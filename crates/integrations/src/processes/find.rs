//! Finding processes in `/proc`.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::param::clock_ticks_per_second;

use super::stat::{Stat, status};
use super::{NotFound, Process, Selector};

/// How much later than its pid file a process may seem to have started: the kernel tells the boot time by the second.
const SLACK: Duration = Duration::from_secs(2);

/// The processes that a selector names, by id; never an empty list.
///
/// # Errors
/// There is none, or it cannot be told.
pub(crate) fn find(selector: &Selector) -> Result<Vec<Process>, NotFound> {
    let found: Vec<Process> = match selector {
        Selector::PidFile(path) => vec![of_pid_file(path)?],
        Selector::Executable(path) => {
            let real = fs::canonicalize(path).unwrap_or_else(|_| path.into());
            all()?.into_iter().filter_map(process).filter(|p| Path::new(&p.executable) == real).collect()
        }
        Selector::Port(port) => {
            let listening = listening(*port)?;
            let holds = |pid: &u32| sockets(*pid).iter().any(|socket| listening.contains(socket));
            all()?.into_iter().filter(holds).filter_map(process).collect()
        }
        Selector::Cgroup(group) => all()?.into_iter().filter(|pid| in_group(*pid, group)).filter_map(process).collect(),
    };
    if found.is_empty() {
        let none = match selector {
            Selector::Port(port) => format!("no process listens on TCP port {port} that this user can see"),
            Selector::Executable(path) => format!("no process of {path} runs that this user can see"),
            Selector::PidFile(path) => format!("no process of {path} runs"),
            Selector::Cgroup(group) => format!("no process runs in the cgroup {group} or below it"),
        };
        return Err(NotFound::None(none));
    }
    Ok(found)
}

/// What is known of a process, if it runs.
pub(crate) fn process(pid: u32) -> Option<Process> {
    let stat = Stat::of(pid).filter(|s| s.runs())?;
    let uid = status(pid, "Uid")?.split_whitespace().next()?.parse().ok()?;
    let executable = fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    let executable = executable.to_string_lossy();
    // A file that was replaced since, by an upgrade, is still the executable that was named.
    let executable = executable.strip_suffix(" (deleted)").unwrap_or(&executable).to_owned();
    // The same process was looked at all the time.
    (Stat::of(pid)?.started == stat.started).then_some(Process { pid, started: stat.started, uid, executable })
}

fn all() -> Result<Vec<u32>, NotFound> {
    let entries = fs::read_dir("/proc").map_err(|e| NotFound::Unknown(format!("/proc: {e}")))?;
    let mut pids: Vec<u32> = entries.flatten().filter_map(|e| e.file_name().to_str()?.parse().ok()).collect();
    pids.sort_unstable();
    Ok(pids)
}

fn of_pid_file(path: &str) -> Result<Process, NotFound> {
    let text = fs::read_to_string(path).map_err(|e| match e.kind() {
        ErrorKind::NotFound => NotFound::None(format!("there is no {path}")),
        _ => NotFound::Unknown(format!("{path}: {e}")),
    })?;
    let first = text.split_whitespace().next().unwrap_or_default();
    let pid = first.parse().ok().filter(|pid| *pid > 0).ok_or_else(|| {
        let cut: String = first.chars().take(20).collect();
        NotFound::Unknown(format!("{path} begins with `{cut}`; expected a process id"))
    })?;
    let process =
        process(pid).ok_or_else(|| NotFound::None(format!("{path} names process {pid}, which does not run")))?;
    let written = fs::metadata(path).and_then(|m| m.modified());
    let started = begun(process.started);
    if let (Ok(written), Some(started)) = (written, started)
        && started > written + SLACK
    {
        return Err(NotFound::Unknown(format!(
            "{path} is older than process {pid} (`{}`), which has its id by chance, it seems; touch the file if it is right",
            process.executable
        )));
    }
    Ok(process)
}

/// The time of day of a number of ticks since boot.
fn begun(ticks: u64) -> Option<SystemTime> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let boot: u64 = stat.lines().find_map(|line| line.strip_prefix("btime ")?.trim().parse().ok())?;
    let since = Duration::from_secs_f64(ticks as f64 / clock_ticks_per_second() as f64);
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(boot) + since)
}

/// Numbers of the sockets that listen on a TCP port in this network namespace.
fn listening(port: u16) -> Result<BTreeSet<u64>, NotFound> {
    let mut found = BTreeSet::new();
    let mut read = false;
    for table in ["/proc/self/net/tcp", "/proc/self/net/tcp6"] {
        // A host without IPv6 has no second table.
        let Ok(text) = fs::read_to_string(table) else { continue };
        read = true;
        found.extend(listeners(&text, port));
    }
    if !read {
        return Err(NotFound::Unknown("/proc/self/net/tcp cannot be read".to_owned()));
    }
    Ok(found)
}

/// Rows are `n: ADDRESS:PORT REMOTE:PORT STATE ... inode`, in hexadecimal; state 0A listens.
fn listeners(table: &str, port: u16) -> Vec<u64> {
    let row = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let at = u16::from_str_radix(fields.get(1)?.rsplit_once(':')?.1, 16).ok()?;
        (at == port && fields.get(3) == Some(&"0A")).then(|| fields.get(9)?.parse().ok()).flatten()
    };
    table.lines().skip(1).filter_map(row).collect()
}

/// Numbers of the sockets that a process has.
fn sockets(pid: u32) -> Vec<u64> {
    let open = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter_map(|fd| {
        let to = fs::read_link(fd.path()).ok()?;
        to.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
    })
    .collect()
}

fn in_group(pid: u32, group: &str) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    text.lines().filter_map(|line| line.splitn(3, ':').nth(2)).any(|path| Path::new(path).starts_with(group))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn own() -> Process {
        process(std::process::id()).unwrap()
    }

    #[test]
    fn each_selector_finds_this_process() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        assert_eq!(find(&Selector::Port(port)), Ok(vec![own()]));
        drop(listener);
        let said = format!("no process listens on TCP port {port} that this user can see");
        assert_eq!(find(&Selector::Port(port)), Err(NotFound::None(said)));
        assert!(find(&Selector::Executable(own().executable)).unwrap().contains(&own()));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.pid");
        std::fs::write(&path, format!("{}\nmore\n", std::process::id())).unwrap();
        assert_eq!(find(&Selector::PidFile(path.to_str().unwrap().to_owned())), Ok(vec![own()]));
    }

    #[test]
    fn a_pid_file_that_is_wrong_is_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.pid");
        let shown = path.to_str().unwrap().to_owned();
        let said = |text: &str| {
            std::fs::write(&path, text).unwrap();
            find(&Selector::PidFile(shown.clone())).unwrap_err()
        };
        let unknown = |found: &str| NotFound::Unknown(format!("{shown} begins with `{found}`; expected a process id"));
        assert_eq!(said("web"), unknown("web"));
        assert_eq!(said("0"), unknown("0"));
        assert_eq!(said("-5"), unknown("-5"));
        assert_eq!(said(""), unknown(""));
        let gone = format!("{shown} names process 4000000000, which does not run");
        assert_eq!(said("4000000000"), NotFound::None(gone));
        std::fs::write(&path, std::process::id().to_string()).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        let old = find(&Selector::PidFile(shown.clone())).unwrap_err().to_string();
        assert!(old.starts_with(&format!("{shown} is older than process {} (`", std::process::id())), "{old}");
        std::fs::remove_file(&path).unwrap();
        assert_eq!(find(&Selector::PidFile(shown.clone())), Err(NotFound::None(format!("there is no {shown}"))));
    }

    #[test]
    fn only_listeners_of_the_port_count() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n\
             0: 0100007F:1538 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0 100 0\n\
             1: 0100007F:1538 0100007F:9999 01 00000000:00000000 00:00000000 00000000     0        0 222 1 0 100 0\n\
             2: 0100007F:1539 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 333 1 0 100 0\n";
        assert_eq!(listeners(table, 0x1538), [111]);
    }

    #[test]
    fn groups_are_matched_by_whole_names() {
        let text = std::fs::read_to_string("/proc/self/cgroup").unwrap();
        let path = text.lines().find_map(|l| l.splitn(3, ':').nth(2).filter(|p| p.len() > 2)).map(str::to_owned);
        if let Some(path) = path {
            assert!(in_group(std::process::id(), &path));
            assert!(!in_group(std::process::id(), &path[..path.len() - 1]));
        }
        assert!(!in_group(std::process::id(), "/no/such/group"));
    }
}
