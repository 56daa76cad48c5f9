//! The target `file`: written whole or not at all, owned, restored, seen to drift.

use std::path::Path;

use jiff::Timestamp;
use stormglass_integrations::targets::file::{FileConfig, FileTarget, read_schedule};
use stormglass_ops::ports::{Mode, OnConflict};
use stormglass_ops::{After, ApplyRequest, CapacityPlan, Owner, ScalingTarget, Step, TargetError, WeeklyStep};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
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
    FileTarget::new(FileConfig { path: path.to_path_buf() }).unwrap()
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
