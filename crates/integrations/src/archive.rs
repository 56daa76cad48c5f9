//! Forecasts that were made, kept so that they can be held against what came.
//!
//! One file a series, JSON Lines, one forecast a line, appended under a lock. A file over [`LARGEST`] bytes is cut to the
//! newer half of its lines; a line that cannot be read, such as the last one after a power cut, is passed over.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use forecast_core::RawSeries;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::folders;

/// Most bytes kept of one series.
pub const LARGEST: u64 = 8 << 20;

/// A folder of forecasts made.
#[derive(Debug, Clone)]
pub struct Archive {
    folder: PathBuf,
    largest: u64,
}

/// One forecast that was made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Made {
    /// First time to forecast: only what is before it was seen.
    pub origin: Timestamp,
    /// The model that made it.
    pub model: String,
    /// What was expected, in order of time.
    pub points: Vec<Expected>,
}

/// What was expected at a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Expected {
    /// Start of the step.
    pub time: Timestamp,
    /// The median.
    pub forecast: f64,
    /// Quantiles by level.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quantiles: BTreeMap<String, f64>,
}

/// A forecast of one step beside what came.
#[derive(Debug, Clone, PartialEq)]
pub struct Came {
    /// Origin of the forecast.
    pub origin: Timestamp,
    /// The model that made it.
    pub model: String,
    /// What was expected.
    pub expected: Expected,
    /// What was measured.
    pub actual: f64,
}

impl Archive {
    /// The user's archive; `None` on a machine without a home, or with `STORMGLASS_ARCHIVE=off`.
    pub fn from_environment() -> Option<Self> {
        let off = std::env::var_os("STORMGLASS_ARCHIVE").is_some_and(|v| v == "off");
        folders::state().filter(|_| !off).map(|folder| Self::at(folder.join("forecasts")))
    }

    /// An archive in this folder, which is made when it is first needed.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder, largest: LARGEST }
    }

    /// Adds a forecast of the series `id`.
    ///
    /// # Errors
    /// A folder that cannot be made or a file that cannot be written.
    pub fn append(&self, id: &str, made: &Made) -> io::Result<()> {
        folders::make_private(&self.folder)?;
        let mut line = serde_json::to_vec(made)?;
        line.push(b'\n');
        let lock = File::create(self.path(id).with_extension("lock"))?;
        lock.lock()?;
        let mut file = File::options().create(true).read(true).append(true).open(self.path(id))?;
        if !ends_a_line(&mut file)? {
            line.insert(0, b'\n');
        }
        file.write_all(&line)?;
        if file.metadata()?.len() > self.largest { self.cut(id) } else { Ok(()) }
    }

    /// All forecasts of the series `id`, oldest first; none where nothing was kept.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(&self, id: &str) -> io::Result<Vec<Made>> {
        match fs::read(self.path(id)) {
            Ok(bytes) => Ok(bytes.split(|b| *b == b'\n').filter_map(|l| serde_json::from_slice(l).ok()).collect()),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(e),
        }
    }

    /// Every step forecast of the series `id` that was measured since, by origin and time.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn came(&self, id: &str, measured: &RawSeries) -> io::Result<Vec<Came>> {
        let actual: BTreeMap<Timestamp, f64> =
            measured.samples.iter().filter_map(|s| Some((s.time, s.value?))).collect();
        let mut came = Vec::new();
        for Made { origin, model, points } in self.read(id)? {
            for expected in points {
                if let Some(actual) = actual.get(&expected.time) {
                    came.push(Came { origin, model: model.clone(), expected, actual: *actual });
                }
            }
        }
        Ok(came)
    }

    /// Keeps the newer half of the lines.
    fn cut(&self, id: &str) -> io::Result<()> {
        let bytes = fs::read(self.path(id))?;
        let half = bytes.len() / 2;
        let start = bytes[half..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |at| half + at + 1);
        let mut new = tempfile::Builder::new().prefix(".new-").tempfile_in(&self.folder)?;
        new.write_all(&bytes[start..])?;
        new.persist(self.path(id)).map(drop).map_err(|e| e.error)
    }

    /// An id may be longer than a file name, and hold any character.
    fn path(&self, id: &str) -> PathBuf {
        let name: String = Sha256::digest(id).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        self.folder.join(name).with_extension("jsonl")
    }
}

/// Whether a file is empty or its last line is whole.
fn ends_a_line(file: &mut File) -> io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use forecast_core::Sample;

    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(1_767_225_600 + hour * 3_600).unwrap()
    }

    fn made(origin: i64) -> Made {
        let point = |lead: i64| Expected {
            time: at(origin + lead),
            forecast: lead as f64,
            quantiles: BTreeMap::from([("0.9".into(), 2.0)]),
        };
        Made { origin: at(origin), model: "auto".into(), points: (0..3).map(point).collect() }
    }

    fn archive() -> (tempfile::TempDir, Archive) {
        let folder = tempfile::tempdir().unwrap();
        let archive = Archive::at(folder.path().join("forecasts"));
        (folder, archive)
    }

    #[test]
    fn what_was_forecast_is_read_back_with_what_came() {
        let (_folder, archive) = archive();
        assert_eq!(archive.read("web").unwrap(), []);
        archive.append("web", &made(0)).unwrap();
        archive.append("web", &made(1)).unwrap();
        archive.append("../other/series", &made(5)).unwrap();
        assert_eq!(archive.read("web").unwrap(), [made(0), made(1)]);
        let sample = |hour, value| Sample { time: at(hour), value };
        let measured = RawSeries {
            name: "web".into(),
            samples: vec![sample(1, Some(7.0)), sample(2, None), sample(9, Some(1.0))],
        };
        let came = archive.came("web", &measured).unwrap();
        let short: Vec<_> = came.iter().map(|c| (c.origin, c.expected.forecast, c.actual)).collect();
        assert_eq!(short, [(at(0), 1.0, 7.0), (at(1), 0.0, 7.0)]);
    }

    #[test]
    fn the_oldest_go_when_there_are_too_many() {
        let (_folder, mut archive) = archive();
        archive.largest = 5_000;
        for origin in 0..100 {
            archive.append("web", &made(origin)).unwrap();
        }
        let left = archive.read("web").unwrap();
        assert!(left.len() > 5 && left.len() < 30, "{}", left.len());
        assert_eq!(left.last(), Some(&made(99)));
        assert!(left.windows(2).all(|w| w[0].origin < w[1].origin));
    }

    #[test]
    fn a_line_that_broke_off_is_passed_over() {
        let (_folder, archive) = archive();
        archive.append("web", &made(0)).unwrap();
        let whole = fs::read(archive.path("web")).unwrap();
        fs::write(archive.path("web"), [&whole[..], &whole[..30]].concat()).unwrap();
        archive.append("web", &made(1)).unwrap();
        assert_eq!(archive.read("web").unwrap(), [made(0), made(1)]);
    }

    #[test]
    fn appends_from_many_threads_are_all_kept() {
        let (_folder, archive) = archive();
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let archive = &archive;
                scope.spawn(move || (0..25).for_each(|k| archive.append("web", &made(thread * 25 + k)).unwrap()));
            }
        });
        assert_eq!(archive.read("web").unwrap().len(), 100);
    }
}
