//! Results kept on disk by what they were made from, so that the same question is computed once.
//!
//! One file a result, named by the SHA-256 of the question: its check sum on the first line, JSON after it, gzipped. It is
//! written beside and renamed, so that a reader sees a whole file or none; one that is damaged is removed and counts as
//! absent. When all are over [`LARGEST`] bytes, those unused for longest go. A cache that cannot be written is no failure:
//! results are computed again. `STORMGLASS_CACHE=off` turns it off, `STORMGLASS_CACHE=/path` moves it.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::SystemTime;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::folders;

/// Most bytes that are kept.
pub const LARGEST: u64 = 256 << 20;
/// Changed when what is kept under a key changes its meaning.
const FORM: u32 = 1;

/// A folder of results, or none.
#[derive(Debug, Clone)]
pub struct Cache {
    folder: Option<PathBuf>,
    largest: u64,
}

/// What a result was made from, as a SHA-256.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key(String);

impl Key {
    /// The key of a question: all that the answer depends on, for example `(series, settings)`. The program is part of
    /// it: another version, or another build of the same, may answer otherwise.
    ///
    /// # Errors
    /// A question that JSON cannot hold.
    pub fn of(question: &impl Serialize) -> Result<Self, serde_json::Error> {
        let mut hash = Sha256::new();
        hash.update(format!("{FORM} {} {}\n", env!("CARGO_PKG_VERSION"), build()));
        hash.update(serde_json::to_vec(question)?);
        Ok(Self(hex(&hash.finalize())))
    }
}

/// What tells this build of the program from others: size and time of its file.
fn build() -> &'static str {
    static BUILD: OnceLock<String> = OnceLock::new();
    BUILD.get_or_init(|| {
        let meta = std::env::current_exe().and_then(fs::metadata);
        let time = |m: &fs::Metadata| m.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok();
        meta.map(|m| format!("{} {:?}", m.len(), time(&m))).unwrap_or_default()
    })
}

impl Cache {
    /// The user's cache, as the environment says.
    pub fn from_environment() -> Self {
        Self::named(std::env::var_os("STORMGLASS_CACHE").as_deref())
    }

    fn named(setting: Option<&OsStr>) -> Self {
        match setting {
            Some(off) if off == "off" => Self::off(),
            Some(path) if Path::new(path).is_absolute() => Self::at(path.into()),
            _ => Self { folder: folders::cache().map(|folder| folder.join("results")), largest: LARGEST },
        }
    }

    /// A cache in this folder, which is made when it is first needed.
    pub fn at(folder: PathBuf) -> Self {
        Self { folder: Some(folder), largest: LARGEST }
    }

    /// A cache that keeps nothing.
    pub fn off() -> Self {
        Self { folder: None, largest: 0 }
    }

    /// What was kept under a key; `None` where nothing was, or it is damaged or of another form.
    pub fn get<T: DeserializeOwned>(&self, key: &Key) -> Option<T> {
        let path = self.path(key)?;
        let bytes = fs::read(&path).ok()?;
        let found = body(&bytes).and_then(unpacked).and_then(|body| serde_json::from_slice(&body).ok());
        match &found {
            // The time of the last use decides what goes first; a cache that is read only keeps the old one.
            Some(_) => drop(File::options().write(true).open(&path).and_then(|f| f.set_modified(SystemTime::now()))),
            None => drop(fs::remove_file(&path)),
        }
        found
    }

    /// Keeps a result under a key; where that cannot be, nothing is kept.
    pub fn put(&self, key: &Key, value: &impl Serialize) {
        let (Some(folder), Some(path)) = (&self.folder, self.path(key)) else { return };
        if write(folder, &path, value).is_ok() && key.0.starts_with('0') {
            // Every sixteenth key is enough to stay near the bound; what cannot be listed is left as it is.
            let _ = shrink(folder, self.largest);
        }
    }

    fn path(&self, key: &Key) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join(&key.0))
    }
}

fn write(folder: &Path, path: &Path, value: &impl Serialize) -> io::Result<()> {
    folders::make_private(folder)?;
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    serde_json::to_writer(&mut packed, value)?;
    let body = packed.finish()?;
    let mut new = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    new.write_all(hex(&Sha256::digest(&body)).as_bytes())?;
    new.write_all(b"\n")?;
    new.write_all(&body)?;
    new.persist(path).map(drop).map_err(|e| e.error)
}

/// What follows the check sum, if that is right.
fn body(bytes: &[u8]) -> Option<&[u8]> {
    let (sum, body) = bytes.split_at_checked(64)?;
    let body = body.strip_prefix(b"\n")?;
    (hex(&Sha256::digest(body)).as_bytes() == sum).then_some(body)
}

/// What was packed, up to a size that no result has.
fn unpacked(body: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    GzDecoder::new(body).take(LARGEST).read_to_end(&mut out).ok()?;
    Some(out)
}

/// Removes what was unused for longest until the bound holds.
fn shrink(folder: &Path, largest: u64) -> io::Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let meta = entry.metadata()?;
        if meta.is_file() {
            files.push((meta.modified()?, meta.len(), entry.path()));
        }
    }
    files.sort();
    let mut size: u64 = files.iter().map(|(_, len, _)| len).sum();
    for (_, len, path) in files {
        if size <= largest {
            break;
        }
        fs::remove_file(path)?;
        size -= len;
    }
    Ok(())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn cache() -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path().join("deep/er"));
        (folder, cache)
    }

    #[test]
    fn what_is_kept_is_found_under_its_question_alone() {
        let (_folder, cache) = cache();
        let key = Key::of(&("series", 1)).unwrap();
        assert_eq!(cache.get::<String>(&key), None);
        cache.put(&key, &"found");
        assert_eq!(cache.get::<String>(&key).as_deref(), Some("found"));
        assert_eq!(cache.get::<String>(&Key::of(&("series", 2)).unwrap()), None);
        cache.put(&key, &"newer");
        assert_eq!(cache.get::<String>(&key).as_deref(), Some("newer"));
    }

    #[test]
    fn what_is_damaged_is_removed() {
        let (_folder, cache) = cache();
        let key = Key::of(&1).unwrap();
        let path = cache.path(&key).unwrap();
        for damage in [|b: &mut Vec<u8>| b[70] ^= 1, |b: &mut Vec<u8>| b.truncate(80), |b: &mut Vec<u8>| b.clear()] {
            cache.put(&key, &"a result of some length");
            let mut bytes = fs::read(&path).unwrap();
            damage(&mut bytes);
            fs::write(&path, bytes).unwrap();
            assert_eq!(cache.get::<String>(&key), None);
            assert!(!path.exists());
        }
        cache.put(&key, &"of another form");
        assert_eq!(cache.get::<u8>(&key), None);
        assert!(!path.exists());
    }

    #[test]
    fn what_was_unused_for_longest_goes_first() {
        let (_folder, cache) = cache();
        let keys: Vec<Key> = (0..8).map(|k| Key::of(&k).unwrap()).collect();
        let long_ago = SystemTime::now() - Duration::from_secs(1_000);
        for (age, key) in keys.iter().enumerate() {
            cache.put(key, &"x".repeat(100));
            let file = File::options().write(true).open(cache.path(key).unwrap()).unwrap();
            file.set_modified(long_ago + Duration::from_secs(age as u64)).unwrap();
        }
        assert!(cache.get::<String>(&keys[0]).is_some());
        let one = fs::metadata(cache.path(&keys[0]).unwrap()).unwrap().len();
        shrink(cache.folder.as_ref().unwrap(), 2 * one).unwrap();
        let left: Vec<bool> = keys.iter().map(|key| cache.get::<String>(key).is_some()).collect();
        assert_eq!(left, [true, false, false, false, false, false, false, true]);
    }

    #[test]
    fn the_environment_turns_it_off_or_moves_it() {
        let off = Cache::named(Some(OsStr::new("off")));
        let key = Key::of(&1).unwrap();
        off.put(&key, &1);
        assert_eq!(off.get::<i32>(&key), None);
        assert_eq!(Cache::named(Some(OsStr::new("/elsewhere"))).folder, Some("/elsewhere".into()));
        assert_eq!(Cache::named(Some(OsStr::new("on"))).folder, Cache::named(None).folder);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_read_it_and_a_folder_that_cannot_be_is_no_failure() {
        use std::os::unix::fs::PermissionsExt as _;
        let (folder, cache) = cache();
        let key = Key::of(&1).unwrap();
        cache.put(&key, &1);
        let meta = fs::metadata(cache.folder.as_ref().unwrap()).unwrap();
        assert_eq!(meta.permissions().mode() & 0o777, 0o700);
        fs::write(folder.path().join("file"), "").unwrap();
        let nowhere = Cache::at(folder.path().join("file/below"));
        nowhere.put(&key, &1);
        assert_eq!(nowhere.get::<i32>(&key), None);
    }

    proptest! {
        #[test]
        fn every_finite_number_comes_back_bit_for_bit(values in proptest::collection::vec(proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO, 0..50)) {
            let (_folder, cache) = cache();
            let key = Key::of(&values).unwrap();
            cache.put(&key, &values);
            let back: Vec<f64> = cache.get(&key).unwrap();
            prop_assert!(back.iter().map(|v| v.to_bits()).eq(values.iter().map(|v| v.to_bits())));
        }
    }
}
