//! `disk_fill`: real blocks without a name, and free again.

use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::statvfs;
use serde_json::json;
use stormglass_chaos::{Class, Target};

use crate::holder::{Holder, alive, read, refused, until};

/// Bytes of blocks in files without a name that the process has open in the folder.
fn held(pid: u32, folder: &Path) -> u64 {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    open.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to.starts_with(folder)))
        .filter_map(|fd| std::fs::metadata(fd.path()).ok())
        .map(|file| {
            assert_eq!(file.nlink(), 0, "it has a name");
            file.blocks() * 512
        })
        .sum()
}

fn free(folder: &Path) -> u64 {
    let system = statvfs(folder).unwrap();
    system.f_bavail * system.f_frsize
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn blocks_are_taken_follow_a_ramp_and_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().canonicalize().unwrap();
    let mut holder = Holder::inject("disk_fill", &json!({ "folder": path, "bytes": "150MiB" }));
    assert_eq!(holder.touch.targets, [Target::Folder(path.to_str().unwrap().to_owned())]);
    until("150 MiB", || held(holder.pid(), &path) >= 150 << 20);
    assert_eq!(entries(&path), 0);
    holder.ramp(0.1);
    until("a tenth", || holder.counts()["bytes"] == 15_u64 << 20);
    assert!(held(holder.pid(), &path) < 16 << 20);
    holder.undo(|pid| {
        assert!(alive(pid));
        assert_eq!((held(pid, &path), entries(&path)), (0, 0));
    });
}

#[test]
fn the_kernel_frees_it_with_the_holder() {
    // Nobody else writes much to shared memory, so that what is free can be compared.
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let before = free(folder.path());
    let holder = Holder::inject("disk_fill", &json!({ "folder": folder.path(), "bytes": "300MiB" }));
    until("300 MiB less", || free(folder.path()) + (290 << 20) < before);
    holder.kill(|pid| {
        assert!(!alive(pid));
        assert!(free(folder.path()) + (100 << 20) > before);
        assert_eq!(entries(folder.path()), 0);
    });
}

#[test]
fn a_link_is_followed_before_the_radius_is_asked_and_not_after() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(other.path(), &link).unwrap();
    let settings = json!({ "folder": link, "bytes": "1MiB" });
    let mut touch = read("disk_fill", &settings).unwrap().resolve().unwrap();
    let real = other.path().canonicalize().unwrap();
    assert_eq!(touch.targets, [Target::Folder(real.to_str().unwrap().to_owned())]);
    touch.targets = vec![Target::Folder(link.to_str().unwrap().to_owned())];
    let said = Holder::inject_resolved("disk_fill", &settings, touch).err().unwrap();
    assert!(said.contains("no file can be made there"), "{said}");
}

#[test]
fn what_cannot_be_filled_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = |folder: &str| json!({ "folder": folder, "bytes": "1MiB" });
    assert_eq!(
        refused("disk_fill", &at("/no/such/folder")),
        "`folder` /no/such/folder: No such file or directory (os error 2); expected a folder that exists"
    );
    let said = refused("disk_fill", &at("/proc"));
    let root = rustix::process::geteuid().is_root();
    let expected = if root { "files without a name (O_TMPFILE, openat2)" } else { "no file can be made there" };
    assert!(said.contains(expected), "{said}");
    let fault = read("disk_fill", &json!({ "folder": folder.path(), "share": 1 })).unwrap();
    assert_eq!(fault.class(), Class::Reversible);
    assert!(fault.resolve().unwrap().plan.contains("less than asked"));
    let all = json!({ "folder": folder.path(), "bytes": "1MiB", "keep_free": "99999999GiB" });
    let said = refused("disk_fill", &all);
    assert!(said.starts_with("bytes 1MiB: there is nothing to take: the file system of "), "{said}");
}

#[test]
fn wrong_settings_are_told_apart() {
    for (settings, expected) in [
        (
            json!({ "bytes": "1MiB" }),
            "method[0].folder: is required: A folder on the file system to fill, by its absolute path.",
        ),
        (json!({ "folder": "data", "bytes": "1MiB" }), "method[0].folder: is `data`; expected an absolute path"),
        (json!({ "folder": "", "share": 0.5 }), "method[0].folder: is an empty text; expected text"),
        (json!({ "folder": "/tmp" }), "method[0].share: is not set, and `bytes` is not either; set one of them"),
    ] {
        assert_eq!(read("disk_fill", &settings).err().unwrap(), expected, "{settings}");
    }
}
