//! Forecasts that were made, kept so that they can be held against what came.
//!
//! One file a series, JSON Lines, one forecast a line, appended under a lock. A file over [`LARGEST`] bytes is cut to the
//! newer half of its lines; a line that cannot be read, such as the last one after a power cut, is passed over.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::PathBuf;

use forecast_core::Series;
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
    /// The last value that was measured before it.
    pub anchor: Option<Anchor>,
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

/// The last value measured before a forecast: where the series at hand has another one, it is another series.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Anchor {
    /// Start of its step.
    pub time: Timestamp,
    /// The value.
    pub value: f64,
}

/// How forecasts made before did, as far as what they were for has been measured since.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TrackRecord {
    /// Origin of the first of them.
    pub since: Timestamp,
    /// Forecasts of which at least one step was measured since.
    pub forecasts: usize,
    /// Steps measured since.
    pub steps: usize,
    /// Sum of absolute errors over sum of absolute loads.
    pub wape: f64,
    /// 1 - WAPE.
    pub accuracy: f64,
    /// WAPE of each forecast, oldest first.
    #[serde(skip)]
    pub one_by_one: Vec<f64>,
    /// For each step measured since, what the latest forecast before it said.
    #[serde(skip)]
    pub latest: BTreeMap<Timestamp, f64>,
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

    /// Adds a forecast of the series `id`, unless it was kept already.
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
        if ends_with(&mut file, &line)? {
            return Ok(());
        }
        if file.metadata()?.len() > 0 && !ends_with(&mut file, b"\n")? {
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

    /// How the forecasts of the series `id` did, held against what `y` has measured since; `None` where nothing was.
    ///
    /// A forecast whose anchor is not in `y` was made for another series of the same name, and is left out.
    /// # Errors
    /// A file that cannot be read.
    pub fn record(&self, id: &str, y: &Series) -> io::Result<Option<TrackRecord>> {
        let measured: BTreeMap<Timestamp, f64> =
            (0..y.len()).filter_map(|i| Some((y.time(i), y.observation(i)?))).collect();
        let is_of_this = |a: &Anchor| measured.get(&a.time).is_some_and(|v| near(*v, a.value));
        let (mut since, mut steps, mut one_by_one, mut latest) = (None, 0, Vec::new(), BTreeMap::new());
        let (mut errors, mut truths) = (0.0, 0.0);
        for made in self.read(id)?.into_iter().filter(|made| made.anchor.as_ref().is_some_and(is_of_this)) {
            let (mut error, mut truth, mut seen) = (0.0, 0.0, 0);
            for expected in &made.points {
                if let Some(actual) = measured.get(&expected.time) {
                    error += (actual - expected.forecast).abs();
                    truth += actual.abs();
                    seen += 1;
                    latest.insert(expected.time, expected.forecast);
                }
            }
            if truth > 0.0 {
                since = since.or(Some(made.origin));
                one_by_one.push(error / truth);
                (errors, truths, steps) = (errors + error, truths + truth, steps + seen);
            }
        }
        let wape = errors / truths;
        let of = |since| TrackRecord {
            since,
            forecasts: one_by_one.len(),
            steps,
            wape,
            accuracy: 1.0 - wape,
            one_by_one,
            latest,
        };
        Ok(since.map(of))
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

/// Whether two values are the same but for the rounding of their sources.
fn near(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
}

/// Whether these are the last bytes of a file; nothing else of it is read.
fn ends_with(file: &mut File, bytes: &[u8]) -> io::Result<bool> {
    let length = bytes.len() as u64;
    let Some(from) = file.metadata()?.len().checked_sub(length) else { return Ok(false) };
    let mut last = vec![0; bytes.len()];
    file.seek(SeekFrom::Start(from))?;
    file.read_exact(&mut last)?;
    Ok(last == bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
        let anchor = Some(Anchor { time: at(origin - 1), value: (origin - 1) as f64 });
        Made { origin: at(origin), model: "auto".into(), anchor, points: (0..3).map(point).collect() }
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
    }

    #[test]
    fn forecasts_are_held_against_what_came_since() {
        let (_folder, archive) = archive();
        // Hours -1 to 9, hour h at h, but 2 is missing; a forecast says 0, 1, 2 for the three hours from its origin on.
        let values = (-1..10).map(|h| (h != 2).then_some(h as f64)).collect();
        let y = Series::from_options(at(-1), Duration::from_secs(3_600), values).unwrap();
        assert_eq!(archive.record("web", &y).unwrap(), None);
        for origin in [0, 1, 9, 50] {
            archive.append("web", &made(origin)).unwrap();
            archive.append("web", &made(origin)).unwrap();
        }
        let other = Made { anchor: Some(Anchor { time: at(3), value: 99.0 }), ..made(4) };
        archive.append("web", &other).unwrap();
        assert_eq!(archive.read("web").unwrap().len(), 5, "the same forecast is kept once");
        let record = archive.record("web", &y).unwrap().unwrap();
        // Origin 0: hours 0 and 1 are right. Origin 1: hours 1 and 3 are off by 1 each. Origin 9: hour 9 is off by 9.
        assert_eq!((record.since, record.forecasts, record.steps), (at(0), 3, 5));
        assert_eq!(record.one_by_one, [0.0, 0.5, 1.0]);
        assert!((record.wape - 11.0 / 14.0).abs() < 1e-12, "{}", record.wape);
        assert_eq!(record.latest, BTreeMap::from([(at(0), 0.0), (at(1), 0.0), (at(3), 2.0), (at(9), 0.0)]));
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
