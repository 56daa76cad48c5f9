//! How much memory is left: of the host (`MemAvailable`) and of each cgroup that limits this process.
//!
//! Sources: proc_meminfo(5); the kernel's documentation of cgroup v2 (`memory.max`, `memory.current`) and v1
//! (`memory.limit_in_bytes`, `memory.usage_in_bytes`). Cached file pages that the kernel can drop count as free.

use std::io;
use std::path::{Path, PathBuf};

use crate::faults::fill::Scope;

/// The host and all cgroups with a limit, with what is left now.
///
/// # Errors
/// `/proc` cannot be read, or is not as expected.
pub(super) fn scopes() -> io::Result<Vec<Scope>> {
    scopes_under(Path::new("/"))
}

fn scopes_under(root: &Path) -> io::Result<Vec<Scope>> {
    let host = host(&std::fs::read_to_string(root.join("proc/meminfo"))?)?;
    let cgroups = std::fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mounts = std::fs::read_to_string(root.join("proc/self/mountinfo")).unwrap_or_default();
    let limits = ancestors(&cgroups, &mounts).into_iter().filter_map(|(version, path)| limit(root, version, &path));
    let total = host.total;
    Ok(std::iter::once(host).chain(limits.filter(|limit| limit.total < total)).collect())
}

fn host(meminfo: &str) -> io::Result<Scope> {
    let field = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.and_then(|rest| rest.trim().strip_suffix("kB")?.trim().parse::<u64>().ok())
            .map(|kib| kib << 10)
            .ok_or_else(|| io::Error::other(format!("/proc/meminfo has no `{name}` in kB")))
    };
    Ok(Scope { name: "this host".to_owned(), total: field("MemTotal")?, available: field("MemAvailable")? })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The folders of the cgroups that this process is in, from the innermost out.
fn ancestors(cgroups: &str, mounts: &str) -> Vec<(Version, PathBuf)> {
    let mut found = Vec::new();
    for line in cgroups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let version = match controllers {
            "" => Version::Two,
            c if c.split(',').any(|c| c == "memory") => Version::One,
            _ => continue,
        };
        let Some((mounted_root, mount)) = mount(mounts, version) else { continue };
        // Inside a container the path may be the host's, and the mount shows the container's own group as its top.
        let inside = Path::new(path).strip_prefix(&mounted_root).unwrap_or(Path::new(""));
        found.extend(mount.join(inside).ancestors().take_while(|p| p.starts_with(&mount)).map(|p| (version, p.into())));
    }
    found
}

/// Root within the hierarchy, and folder, of the mount that has the memory controller.
fn mount(mounts: &str, version: Version) -> Option<(PathBuf, PathBuf)> {
    mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut before = before.split(' ').skip(3);
        let (root, folder) = (before.next()?, before.next()?);
        let mut after = after.split(' ');
        let (kind, options) = (after.next()?, after.nth(1)?);
        let fits = match version {
            Version::Two => kind == "cgroup2",
            Version::One => kind == "cgroup" && options.split(',').any(|o| o == "memory"),
        };
        fits.then(|| (root.into(), folder.into()))
    })
}

/// The limit of one cgroup, if it has one.
fn limit(root: &Path, version: Version, group: &Path) -> Option<Scope> {
    let (limit, usage, cache) = match version {
        Version::One => ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        Version::Two => ("memory.max", "memory.current", "inactive_file"),
    };
    let folder = root.join(group.strip_prefix("/").ok()?);
    let text = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    let number = |name: &str| text(name)?.trim().parse::<u64>().ok();
    // Without a limit version 2 says `max`, which is no number, and version 1 more than any host has.
    let total = number(limit)?;
    let droppable = text("memory.stat").unwrap_or_default();
    let droppable = droppable.lines().find_map(|l| l.strip_prefix(cache)?.trim().parse::<u64>().ok()).unwrap_or(0);
    let used = number(usage)?.saturating_sub(droppable);
    Some(Scope { name: format!("cgroup `{}`", group.display()), total, available: total.saturating_sub(used) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, files: &[(&str, &str)]) {
        for (path, text) in files {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
    }

    const MEMINFO: (&str, &str) = ("proc/meminfo", "MemTotal:  1000 kB\nMemFree: 5 kB\nMemAvailable:   600 kB\n");

    #[test]
    fn the_host_and_each_limit_count() {
        let root = tempfile::tempdir().unwrap();
        put(
            root.path(),
            &[
                MEMINFO,
                ("proc/self/cgroup", "0::/user/job\n"),
                ("proc/self/mountinfo", "30 1 0:2 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw\n"),
                ("sys/fs/cgroup/user/job/memory.max", "max\n"),
                ("sys/fs/cgroup/user/job/memory.current", "9\n"),
                ("sys/fs/cgroup/user/memory.max", "409600\n"),
                ("sys/fs/cgroup/user/memory.current", "309600\n"),
                ("sys/fs/cgroup/user/memory.stat", "anon 1\ninactive_file 100000\nactive_file 5\n"),
            ],
        );
        let found = scopes_under(root.path()).unwrap();
        let host = Scope { name: "this host".to_owned(), total: 1000 << 10, available: 600 << 10 };
        let group = Scope { name: "cgroup `/sys/fs/cgroup/user`".to_owned(), total: 409_600, available: 200_000 };
        assert_eq!(found, [host, group]);
    }

    #[test]
    fn a_container_sees_its_own_group_as_the_top() {
        let root = tempfile::tempdir().unwrap();
        let mounts = "31 1 0:3 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      35 1 0:4 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n";
        put(
            root.path(),
            &[
                MEMINFO,
                ("proc/self/cgroup", "4:memory:/docker/x\n3:cpu:/\n"),
                ("proc/self/mountinfo", mounts),
                ("sys/fs/cgroup/memory/memory.limit_in_bytes", "500000\n"),
                ("sys/fs/cgroup/memory/memory.usage_in_bytes", "100000\n"),
            ],
        );
        let found = scopes_under(root.path()).unwrap();
        assert_eq!((found.len(), found[1].total, found[1].available), (2, 500_000, 400_000));
        put(root.path(), &[("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n")]);
        assert_eq!(scopes_under(root.path()).unwrap().len(), 1, "no limit");
    }

    #[test]
    fn this_machine_has_memory() {
        let found = scopes().unwrap();
        assert!(found.iter().all(|s| s.available > 0 && s.available <= s.total), "{found:?}");
        assert!(host("MemTotal: 5 kB\n").unwrap_err().to_string().contains("MemAvailable"));
    }
}
