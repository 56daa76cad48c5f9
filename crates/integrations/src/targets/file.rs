//! Target `file`: the timetable as a schedule file, JSON or YAML, for whatever on the platform reads it.
//!
//! Replaced atomically (a new file beside it, fsync, rename), its permissions kept. Another owner's file is a conflict;
//! taken over, its bytes are kept in the policy's state and restored on delete, if ours are still in place then.
//! The form is described by `docs/schemas/schedule.schema.json`.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use stormglass_ops::ports::{Mode, OnConflict};
use stormglass_ops::{
    After, Applied, ApplyRequest, CapacityPlan, Limits, Owner, ScalingTarget, Step, TargetError, schedule,
};

/// Largest schedule file that is read.
const LARGEST: u64 = 16 << 20;

/// Settings of the target `file`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileConfig {
    /// The file; `.json`, `.yaml` or `.yml`.
    pub path: PathBuf,
}

/// What a schedule file holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleFile {
    /// Version of the form: 1.
    pub version: u32,
    /// Who manages it, for example `stormglass/<policy id>`.
    pub managed_by: String,
    /// Time zone of the weekly steps (IANA name).
    pub time_zone: String,
    /// `floor` or `exact`.
    pub mode: Mode,
    /// Fewest units ever.
    pub min: u32,
    /// Most units ever.
    pub max: u32,
    /// Change points, in order.
    pub steps: Vec<Step>,
    /// End of the steps; `after` follows.
    pub valid_until: Timestamp,
    /// What follows the end.
    pub after: After,
}

/// A schedule file as a scaling target.
#[derive(Debug, Clone)]
pub struct FileTarget {
    path: PathBuf,
}

/// The two forms of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Json,
    Yaml,
}

impl FileTarget {
    /// The target of these settings.
    ///
    /// # Errors
    /// `Setting` for an empty path or another suffix.
    pub fn new(config: FileConfig) -> Result<Self, TargetError> {
        form(&config.path)?;
        Ok(Self { path: config.path })
    }

    fn invalid(&self, reason: String) -> TargetError {
        TargetError::Invalid { what: self.describe(), reason }
    }

    fn unreachable(&self, doing: &str, error: &io::Error) -> TargetError {
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let advice = match error.kind() {
            io::ErrorKind::NotFound => format!("; the folder {} has to be there", folder.display()),
            io::ErrorKind::PermissionDenied => format!("; the folder {} has to be writable", folder.display()),
            _ => String::new(),
        };
        TargetError::Unreachable { what: self.describe(), reason: format!("{doing}: {error}{advice}") }
    }

    /// The bytes that are there; `None` where there is no file.
    fn bytes(&self) -> Result<Option<Vec<u8>>, TargetError> {
        match fs::metadata(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(self.unreachable("it cannot be read", &e)),
            Ok(meta) if meta.is_dir() => {
                return Err(self.invalid("is a folder; expected a schedule file, or nothing".into()));
            }
            Ok(meta) if meta.len() > LARGEST => {
                return Err(self.invalid(format!("has {} bytes; expected a schedule file", meta.len())));
            }
            Ok(_) => {}
        }
        fs::read(&self.path).map(Some).map_err(|e| self.unreachable("it cannot be read", &e))
    }

    fn parse(&self, bytes: &[u8]) -> Result<ScheduleFile, TargetError> {
        parse(bytes, form(&self.path)?).map_err(|e| self.invalid(e))
    }

    /// Replaces the file at once: whoever reads it sees the old or the new one, whole.
    fn replace(&self, bytes: &[u8]) -> Result<(), TargetError> {
        let real = fs::canonicalize(&self.path).unwrap_or_else(|_| self.path.clone());
        let folder = real.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        let write = || -> io::Result<()> {
            let mut new = tempfile::Builder::new().prefix(".stormglass-").tempfile_in(folder)?;
            new.write_all(bytes)?;
            set_permissions(new.as_file(), &real)?;
            new.as_file().sync_all()?;
            new.persist(&real).map_err(|e| e.error)?;
            sync_folder(folder)
        };
        write().map_err(|e| self.unreachable("it cannot be written", &e))
    }

    /// What is there before the first write; a conflict where it is somebody else's.
    fn claim(&self, owner: &Owner, on_conflict: OnConflict) -> Result<Option<serde_json::Value>, TargetError> {
        let Some(bytes) = self.bytes()? else { return Ok(None) };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let there = self.parse(&bytes).map(|f| f.managed_by);
        match there {
            Ok(name) if name == owner.0 => Ok(None),
            other if on_conflict == OnConflict::Take => {
                drop(other);
                Ok(Some(serde_json::Value::String(text)))
            }
            other => Err(TargetError::Conflict {
                what: self.describe(),
                owner: other.map_or_else(|_| "somebody who writes another form".into(), |name| format!("`{name}`")),
                advice: "choose another path, remove the file, or set `on_conflict = \"take\"` to take it over and restore it on destroy".into(),
            }),
        }
    }
}

#[async_trait]
impl ScalingTarget for FileTarget {
    fn describe(&self) -> String {
        self.path.display().to_string()
    }

    fn limits(&self) -> Limits {
        Limits::unlimited()
    }

    async fn read(&self, _owner: &Owner) -> Result<Option<Applied>, TargetError> {
        let Some(bytes) = self.bytes()? else { return Ok(None) };
        let file = self.parse(&bytes)?;
        Ok(Some(Applied { owner: Owner(file.managed_by), steps: file.steps, previous: None, id: self.describe() }))
    }

    async fn apply(&self, request: &ApplyRequest) -> Result<Applied, TargetError> {
        schedule::fits(&self.describe(), &self.limits(), &request.plan)?;
        let previous = self.claim(&request.owner, request.on_conflict)?;
        let file = ScheduleFile::new(request);
        self.replace(render(&file, form(&self.path)?).as_bytes())?;
        Ok(Applied { owner: request.owner.clone(), steps: file.steps, previous, id: self.describe() })
    }

    async fn remove(&self, owner: &Owner, previous: Option<&serde_json::Value>) -> Result<(), TargetError> {
        let Some(bytes) = self.bytes()? else { return Ok(()) };
        if self.parse(&bytes)?.managed_by != owner.0 {
            return Ok(());
        }
        if let Some(text) = previous.and_then(serde_json::Value::as_str) {
            return self.replace(text.as_bytes());
        }
        fs::remove_file(&self.path).map_err(|e| self.unreachable("it cannot be removed", &e))
    }
}

impl ScheduleFile {
    /// What a request puts in force: steps passed are folded into the one in force now.
    fn new(request: &ApplyRequest) -> Self {
        let plan = &request.plan;
        Self {
            version: 1,
            managed_by: request.owner.0.clone(),
            time_zone: plan.time_zone.clone(),
            mode: request.mode,
            min: plan.min,
            max: plan.max,
            steps: schedule::to_come(&plan.steps, request.now),
            valid_until: plan.valid_until,
            after: plan.after.clone(),
        }
    }

    /// Units in force at an instant, what follows the end included; `None` where nothing of it holds.
    pub fn units_at(&self, at: Timestamp) -> Option<u32> {
        let plan = CapacityPlan {
            version: self.version,
            origin: self.steps.first().map_or(self.valid_until, |s| s.from),
            as_of: None,
            time_zone: self.time_zone.clone(),
            steps: self.steps.clone(),
            valid_until: self.valid_until,
            after: self.after.clone(),
            min: self.min,
            max: self.max,
            peak: self.steps.iter().map(|s| s.units).max().unwrap_or_default(),
            model: String::new(),
            accuracy: None,
            skill: None,
            savings: None,
            cost: None,
            risk: None,
            warnings: Vec::new(),
        };
        schedule::units_at(&plan, at)
    }
}

/// Reads a schedule file.
///
/// # Errors
/// `Unreachable` where there is none, `Invalid` where it holds something else.
pub fn read_schedule(path: &Path) -> Result<ScheduleFile, TargetError> {
    let target = FileTarget::new(FileConfig { path: path.to_path_buf() })?;
    let missing = || target.unreachable("it cannot be read", &io::Error::from(io::ErrorKind::NotFound));
    let bytes = target.bytes()?.ok_or_else(missing)?;
    target.parse(&bytes)
}

fn form(path: &Path) -> Result<Form, TargetError> {
    match path.extension().and_then(|e| e.to_str()) {
        Some("json") => Ok(Form::Json),
        Some("yaml" | "yml") => Ok(Form::Yaml),
        _ => Err(TargetError::Setting {
            setting: "file.path".into(),
            reason: format!("is `{}`; expected a path that ends in .json, .yaml or .yml", path.display()),
        }),
    }
}

fn parse(bytes: &[u8], form: Form) -> Result<ScheduleFile, String> {
    let file: ScheduleFile = match form {
        Form::Json => serde_json::from_slice(bytes).map_err(|e| format!("is no schedule file: {e}"))?,
        Form::Yaml => serde_yaml_ng::from_slice(bytes).map_err(|e| format!("is no schedule file: {e}"))?,
    };
    if file.version != 1 {
        return Err(format!("has version {}; expected 1, or use a newer stormglass", file.version));
    }
    schedule::time_zone(&file.time_zone).map_err(|e| e.to_string())?;
    if file.steps.is_empty() {
        return Err("has no steps; expected at least one".into());
    }
    Ok(file)
}

/// One line a step, so that a diff of two schedules shows which changed.
fn render(file: &ScheduleFile, form: Form) -> String {
    match form {
        Form::Yaml => serde_yaml_ng::to_string(file).unwrap_or_default(),
        Form::Json => {
            let mut text = format!(
                "{{\n  \"version\": {},\n  \"managed_by\": {},\n  \"time_zone\": {},\n  \"mode\": {},\n  \"min\": {},\n  \"max\": {},\n  \"steps\": [\n",
                file.version,
                line(&file.managed_by),
                line(&file.time_zone),
                line(&file.mode),
                file.min,
                file.max
            );
            let steps: Vec<String> = file.steps.iter().map(|s| format!("    {}", line(s))).collect();
            text.push_str(&steps.join(",\n"));
            text.push_str(&format!(
                "\n  ],\n  \"valid_until\": {},\n  \"after\": {}\n}}\n",
                line(&file.valid_until),
                after(&file.after)
            ));
            text
        }
    }
}

fn after(after: &After) -> String {
    let After::Weekly { steps } = after else { return line(after) };
    let steps: Vec<String> = steps.iter().map(|s| format!("      {}", line(s))).collect();
    format!("{{\n    \"kind\": \"weekly\",\n    \"steps\": [\n{}\n    ]\n  }}", steps.join(",\n"))
}

/// A value on one line of JSON.
fn line(value: &impl Serialize) -> String {
    // Structs of texts and numbers have no map key and no number that JSON lacks.
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(unix)]
fn set_permissions(new: &File, old: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(old).map_or(0o644, |meta| meta.permissions().mode() & 0o7777);
    new.set_permissions(fs::Permissions::from_mode(mode))
}

#[cfg(not(unix))]
fn set_permissions(_new: &File, _old: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes a rename last through a power cut.
#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
