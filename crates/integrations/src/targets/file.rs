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
use stormglass_ops::ports::{Mode, OnConflict, Terms};
use stormglass_ops::{
    After, Applied, ApplyRequest, CapacityPlan, Limits, Owner, ScalingTarget, Step, TargetError, WeeklyStep, schedule,
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
        let folder = folder_of(&self.path);
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

    /// Puts bytes in the file's place at once: whoever reads it sees the old or the new one, whole. Where no file was there,
    /// none may have come since.
    fn put(&self, bytes: &[u8], was_there: bool) -> io::Result<()> {
        let real = match fs::canonicalize(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(&self.path).is_ok() => {
                return Err(io::Error::other("it is a symbolic link to a place where nothing is"));
            }
            other => other.unwrap_or_else(|_| self.path.clone()),
        };
        let folder = folder_of(&real);
        let mut builder = tempfile::Builder::new();
        builder.prefix(".stormglass-");
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666)); // less what the user's mask takes away
        let mut new = builder.tempfile_in(folder)?;
        new.write_all(bytes)?;
        if was_there {
            keep_access(new.as_file(), &real)?;
        }
        new.as_file().sync_all()?;
        let placed = if was_there { new.persist(&real) } else { new.persist_noclobber(&real) };
        match placed {
            // Some file systems cannot rename without replacing.
            Err(e) if !was_there && e.error.kind() != io::ErrorKind::AlreadyExists => e.file.persist(&real)?,
            other => other?,
        };
        sync_folder(folder)
    }

    fn replace(&self, bytes: &[u8]) -> Result<(), TargetError> {
        self.put(bytes, true).map_err(|e| self.unreachable("it cannot be written", &e))
    }

    /// What has to be restored one day of what is there before the first write; a conflict where it is somebody else's.
    fn claim(
        &self,
        there: Option<&[u8]>,
        owner: &Owner,
        on_conflict: OnConflict,
    ) -> Result<Option<serde_json::Value>, TargetError> {
        let Some(bytes) = there else { return Ok(None) };
        let there = self.parse(bytes).map(|f| f.managed_by);
        match there {
            Ok(name) if name == owner.0 => Ok(None),
            _ if on_conflict == OnConflict::Take => {
                let kept = String::from_utf8(bytes.to_vec()).map_err(|_| {
                    self.invalid("is no text, so that it could not be restored; remove it, or choose another path".into())
                })?;
                Ok(Some(serde_json::Value::String(kept)))
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
        Ok(Some(file.applied(self.describe(), None)))
    }

    async fn apply(&self, request: &ApplyRequest) -> Result<Applied, TargetError> {
        schedule::fits(&self.describe(), &self.limits(), &request.plan)?;
        let file = ScheduleFile::new(request);
        let text = render(&file, form(&self.path)?).map_err(|e| self.invalid(e))?;
        let mut there = self.bytes()?;
        let mut previous = self.claim(there.as_deref(), &request.owner, request.on_conflict)?;
        if there.is_none() {
            match self.put(text.as_bytes(), false) {
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                    // Somebody was faster: what came is judged as if it had been there before.
                    there = self.bytes()?;
                    previous = self.claim(there.as_deref(), &request.owner, request.on_conflict)?;
                    self.replace(text.as_bytes())?;
                }
                other => other.map_err(|e| self.unreachable("it cannot be written", &e))?,
            }
        } else if there.as_deref() != Some(text.as_bytes()) {
            self.replace(text.as_bytes())?;
        }
        Ok(file.applied(self.describe(), previous))
    }

    async fn remove(&self, owner: &Owner, previous: Option<&serde_json::Value>) -> Result<(), TargetError> {
        let Some(bytes) = self.bytes()? else { return Ok(()) };
        if self.parse(&bytes)?.managed_by != owner.0 {
            return Ok(());
        }
        if let Some(text) = previous.and_then(serde_json::Value::as_str) {
            return self.replace(text.as_bytes());
        }
        let removed = fs::remove_file(&self.path).and_then(|()| sync_folder(folder_of(&self.path)));
        removed.map_err(|e| self.unreachable("it cannot be removed", &e))
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

    /// The file in the words of the port.
    fn applied(self, id: String, previous: Option<serde_json::Value>) -> Applied {
        let terms = Terms {
            mode: Some(self.mode),
            min: Some(self.min),
            max: Some(self.max),
            time_zone: Some(self.time_zone),
            valid_until: Some(self.valid_until),
            after: Some(self.after),
        };
        Applied { owner: Owner(self.managed_by), steps: self.steps, terms, previous, id }
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
    let target = FileTarget { path: path.to_path_buf() };
    let missing = || target.unreachable("it cannot be read", &io::Error::from(io::ErrorKind::NotFound));
    let bytes = target.bytes()?.ok_or_else(missing)?;
    // YAML reads JSON too, so that a copy by another name can be read.
    parse(&bytes, form(path).unwrap_or(Form::Yaml)).map_err(|e| target.invalid(e))
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
    if let Some(pair) = file.steps.windows(2).find(|pair| pair[0].from >= pair[1].from) {
        return Err(format!(
            "has a step from {} after one from {}; expected steps in order",
            pair[1].from, pair[0].from
        ));
    }
    let weekly = if let After::Weekly { steps } = &file.after { steps.as_slice() } else { &[] };
    let wrong = |step: &&WeeklyStep| !(1..=7).contains(&step.day) || !is_clock(&step.time);
    if let Some(step) = weekly.iter().find(wrong) {
        let expected = "expected a day from 1 (Monday) to 7 and a time such as `07:30`";
        return Err(format!("has a weekly step on day {} at `{}`; {expected}", step.day, step.time));
    }
    Ok(file)
}

/// Whether a text is `HH:MM`.
fn is_clock(text: &str) -> bool {
    text.len() == 5 && text.is_char_boundary(2) && jiff::civil::Time::strptime("%H:%M", text).is_ok()
}

/// The folder that a file is in.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// One line a step, so that a diff of two schedules shows which changed.
fn render(file: &ScheduleFile, form: Form) -> Result<String, String> {
    match form {
        Form::Yaml => serde_yaml_ng::to_string(file).map_err(|e| e.to_string()),
        Form::Json => json(file).map_err(|e| e.to_string()),
    }
}

fn json(file: &ScheduleFile) -> Result<String, serde_json::Error> {
    let mut text = String::from("{\n");
    for (name, value) in [
        ("version", line(&file.version)?),
        ("managed_by", line(&file.managed_by)?),
        ("time_zone", line(&file.time_zone)?),
        ("mode", line(&file.mode)?),
        ("min", line(&file.min)?),
        ("max", line(&file.max)?),
        ("steps", lines(&file.steps, 2)?),
        ("valid_until", line(&file.valid_until)?),
    ] {
        text.push_str(&format!("  \"{name}\": {value},\n"));
    }
    let after = match &file.after {
        After::Weekly { steps } => {
            format!("{{\n    \"kind\": \"weekly\",\n    \"steps\": {}\n  }}", lines(steps, 4)?)
        }
        other => line(other)?,
    };
    text.push_str(&format!("  \"after\": {after}\n}}\n"));
    Ok(text)
}

/// An array with an element a line, in a text that is `indent` deep.
fn lines(values: &[impl Serialize], indent: usize) -> Result<String, serde_json::Error> {
    let lines: Vec<String> = values.iter().map(line).collect::<Result<_, _>>()?;
    let (outer, inner) = (" ".repeat(indent), " ".repeat(indent + 2));
    Ok(if lines.is_empty() {
        "[]".to_owned()
    } else {
        format!("[\n{inner}{}\n{outer}]", lines.join(&format!(",\n{inner}")))
    })
}

/// A value on one line of JSON.
fn line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value)
}

/// Gives the new file the permissions of the old one, and its owner where that is allowed.
#[cfg(unix)]
fn keep_access(new: &File, old: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let Ok(meta) = fs::metadata(old) else { return Ok(()) };
    let now = new.metadata()?;
    if (now.uid(), now.gid()) != (meta.uid(), meta.gid()) {
        // Only root may; for others the file becomes theirs, as with any replacement.
        let _ = fchown(new, Some(meta.uid()), Some(meta.gid()));
    }
    new.set_permissions(meta.permissions())
}

#[cfg(not(unix))]
fn keep_access(_new: &File, _old: &Path) -> io::Result<()> {
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
