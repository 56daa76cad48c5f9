//! The target `file`: written whole or not at all, owned, restored, seen to drift.

use std::path::Path;

use jiff::Timestamp;
use stormglass_integrations::targets::file::{FileConfig, FileTarget, read_schedule};
use stormglass_ops::ports::{Mode, OnConflict};
use stormglass_ops::{After, ApplyRequest, CapacityPlan, Owner, ScalingTarget, Step, TargetError, WeeklyStep};

fn at(text: &str) -> Timestamp {
    text.parse().expect("a time of this file")
}

fn request(owner: &str, units: u32) -> ApplyRequest {
    let step = |from: &str, units| Step { from: at(from), units, reason: "forecast".into() };
    let weekly = vec![
        WeeklyStep { day: 1, time: "07:30".into(), units: 8 },
        WeeklyStep { day: 1, time: "19:00".into(), units: 3 },
    ];
    ApplyRequest {
        owner: Owner(owner.into()),
        plan: CapacityPlan {
            version: 1,
            origin: at("2026-11-23T00:00:00Z"),
            as_of: None,
            time_zone: "Europe/Berlin".into(),
            steps: vec![
                step("2026-11-23T00:00:00Z", 4),
                step("2026-11-23T06:30:00Z", units),
                step("2026-11-23T18:00:00Z", 5),
            ],
            valid_until: at("2026-11-24T00:00:00Z"),
            after: After::Weekly { steps: weekly },
            min: 2,
            max: 40,
            peak: units,
            model: "auto".into(),
            accuracy: None,
            skill: None,
            savings: None,
            cost: None,
            risk: None,
            warnings: Vec::new(),
        },
        mode: Mode::Floor,
        now: at("2026-11-23T00:00:00Z"),
        on_conflict: OnConflict::Error,
    }
}

fn target(path: &Path) -> FileTarget {
    FileTarget::new(FileConfig { path: path.to_path_buf() }).expect("a path with a known suffix")
}

#[tokio::test]
async fn what_is_applied_is_read_back_in_both_forms() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.json", "a.yaml"] {
        let target = target(&folder.path().join(name));
        let owner = Owner("stormglass/a".into());
        assert_eq!(target.read(&owner).await.unwrap(), None);
        let applied = target.apply(&request("stormglass/a", 9)).await.unwrap();
        assert_eq!(target.read(&owner).await.unwrap().unwrap().steps, applied.steps);
        let file = read_schedule(&folder.path().join(name)).unwrap();
        assert_eq!(file.units_at(at("2026-11-23T07:00:00Z")), Some(9));
        assert_eq!(file.units_at(at("2026-11-30T06:30:00Z")), Some(8), "the typical week follows, in local time");
        target.remove(&owner, None).await.unwrap();
        assert_eq!(target.read(&owner).await.unwrap(), None);
        target.remove(&owner, None).await.unwrap();
    }
}

#[tokio::test]
async fn steps_passed_are_folded_into_the_one_in_force() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder.path().join("a.json"));
    let now = at("2026-11-23T12:00:00Z");
    let applied = target.apply(&ApplyRequest { now, ..request("stormglass/a", 9) }).await.unwrap();
    assert_eq!((applied.steps.len(), applied.steps[0].from, applied.steps[0].units), (2, now, 9));
}

#[tokio::test]
async fn another_owners_file_is_a_conflict_until_it_is_taken_and_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let target = target(&path);
    target.apply(&request("stormglass/a", 9)).await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = target.apply(&request("stormglass/b", 7)).await.unwrap_err();
    assert!(matches!(&error, TargetError::Conflict { owner, .. } if owner.contains("stormglass/a")), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), before);

    let take = ApplyRequest { on_conflict: OnConflict::Take, ..request("stormglass/b", 7) };
    let applied = target.apply(&take).await.unwrap();
    target.remove(&Owner("stormglass/b".into()), applied.previous.as_ref()).await.unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_is_no_schedule_is_never_touched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    std::fs::write(&path, "precious").unwrap();
    let target = target(&path);
    assert!(target.apply(&request("stormglass/a", 9)).await.is_err());
    assert!(target.remove(&Owner("stormglass/a".into()), None).await.is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "precious");
}

#[cfg(unix)]
#[tokio::test]
async fn permissions_stay_and_nothing_else_is_left() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let target = target(&path);
    target.apply(&request("stormglass/a", 9)).await.unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    target.apply(&request("stormglass/a", 7)).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_folder_that_is_missing_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = target(&folder.path().join("missing/a.json")).apply(&request("stormglass/a", 9)).await.unwrap_err();
    assert!(error.to_string().contains("missing has to be there"), "{error}");
    let wrong = FileTarget::new(FileConfig { path: "schedule.txt".into() }).unwrap_err();
    assert!(wrong.to_string().contains(".json, .yaml or .yml"), "{wrong}");
}

#[tokio::test]
async fn of_two_who_begin_at_once_one_gets_a_conflict() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    for round in 0..20 {
        let runs: Vec<_> = ["stormglass/a", "stormglass/b"]
            .map(|owner| {
                let target = target(&path);
                std::thread::spawn(move || {
                    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                    runtime.block_on(target.apply(&request(owner, 9))).map(|applied| applied.owner.0)
                })
            })
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect();
        let winners: Vec<&String> = runs.iter().flatten().collect();
        assert_eq!(winners.len(), 1, "round {round}: {runs:?}");
        assert_eq!(&read_schedule(&path).unwrap().managed_by, winners[0]);
        std::fs::remove_file(&path).unwrap();
    }
}

#[tokio::test]
async fn the_same_schedule_again_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let target = target(&path);
    target.apply(&request("stormglass/a", 9)).await.unwrap();
    let written = std::fs::metadata(&path).unwrap().modified().unwrap();
    target.apply(&request("stormglass/a", 9)).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), written);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_stays_a_link_and_one_to_nowhere_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let (real, link) = (folder.path().join("real.json"), folder.path().join("link.json"));
    std::os::unix::fs::symlink(&real, &link).unwrap();
    let error = target(&link).apply(&request("stormglass/a", 9)).await.unwrap_err().to_string();
    assert!(error.contains("symbolic link to a place where nothing is"), "{error}");
    target(&real).apply(&request("stormglass/a", 9)).await.unwrap();
    target(&link).apply(&request("stormglass/a", 7)).await.unwrap();
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(read_schedule(&real).unwrap().steps[1].units, 7);
}

#[tokio::test]
async fn what_cannot_be_restored_is_not_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    let take = ApplyRequest { on_conflict: OnConflict::Take, ..request("stormglass/a", 9) };
    let error = target(&path).apply(&take).await.unwrap_err().to_string();
    assert!(error.contains("could not be restored"), "{error}");
    assert_eq!(std::fs::read(&path).unwrap(), [0xff, 0xfe]);
}

#[tokio::test]
async fn a_file_edited_by_hand_is_read_or_says_where_it_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.json");
    let target = target(&path);
    target.apply(&request("stormglass/a", 9)).await.unwrap();
    let sound = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, sound.replace("\"units\":9", "\"units\":11")).unwrap();
    let drifted = target.read(&Owner("stormglass/a".into())).await.unwrap().unwrap();
    assert_eq!(drifted.steps[1].units, 11);
    std::fs::copy(&path, folder.path().join("copy.txt")).unwrap();
    assert_eq!(read_schedule(&folder.path().join("copy.txt")).unwrap().steps[1].units, 11);
    for (old, new, want) in [
        ("\"version\": 1", "\"version\": 2", "has version 2; expected 1"),
        ("Europe/Berlin", "Europe/Berln", "`Europe/Berln` is no time zone"),
        ("\"time\":\"07:30\"", "\"time\":\"7:30\"", "a weekly step on day 1 at `7:30`"),
        ("\"day\":1", "\"day\":0", "a weekly step on day 0"),
        ("2026-11-23T18:00:00Z", "2026-11-23T05:00:00Z", "expected steps in order"),
        ("\"min\": 2", "\"min\": -2", "is no schedule file: invalid value: integer `-2`"),
        ("\"min\": 2", "\"minimum\": 2", "unknown field `minimum`"),
    ] {
        assert!(sound.contains(old), "{old}");
        std::fs::write(&path, sound.replacen(old, new, 1)).unwrap();
        let error = read_schedule(&path).unwrap_err().to_string();
        assert!(error.contains(want), "`{error}` lacks `{want}`");
    }
}
