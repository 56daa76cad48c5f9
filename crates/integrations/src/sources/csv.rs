//! Source `csv`: a series stored in a file, CSV or JSON, gzip by suffix.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use flate2::read::MultiGzDecoder;
use forecast_core::RawSeries;
use serde::{Deserialize, Serialize};
use stormglass_ops::{MetricSource, SourceError, Window};

use super::table::{self, Format};

/// Settings of the source `csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "serde_json::Map<String, serde_json::Value>")]
pub struct CsvConfig {
    /// The file; `.json` is read as JSON, `.gz` is unpacked.
    pub path: PathBuf,
    /// How it is written.
    #[serde(flatten)]
    pub format: Format,
}

impl TryFrom<serde_json::Map<String, serde_json::Value>> for CsvConfig {
    type Error = serde_json::Error;

    fn try_from(mut map: serde_json::Map<String, serde_json::Value>) -> Result<Self, Self::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Own {
            path: PathBuf,
        }
        let format = Format::split_off(&mut map)?;
        let Own { path } = serde_json::from_value(serde_json::Value::Object(map))?;
        Ok(Self { path, format })
    }
}

/// A stored series.
#[derive(Debug, Clone)]
pub struct Csv {
    config: CsvConfig,
}

impl Csv {
    /// The source of these settings.
    pub fn new(config: CsvConfig) -> Self {
        Self { config }
    }
}

#[async_trait]
impl MetricSource for Csv {
    fn describe(&self) -> String {
        self.config.path.display().to_string()
    }

    fn is_stored(&self) -> bool {
        true
    }

    async fn fetch(&self, window: Option<Window>) -> Result<RawSeries, SourceError> {
        let config = self.config.clone();
        let what = self.describe();
        let read = tokio::task::spawn_blocking(move || read_file(&config.path, &config.format)).await;
        let mut series = read.map_err(|_| SourceError::Interrupted { what: what.clone() })??;
        if let Some(window) = window {
            series.samples.retain(|s| s.time >= window.from && s.time < window.to);
        }
        if series.samples.is_empty() {
            return Err(SourceError::NoData { what, window });
        }
        Ok(series)
    }
}

/// Reads a series from a file; the form follows the file's name.
///
/// # Errors
/// `Unreachable` for a file that cannot be opened, `Invalid` with the line for one that holds no series.
pub fn read_file(path: &Path, format: &Format) -> Result<RawSeries, SourceError> {
    let what = path.display().to_string();
    let (input, json) = open(path)?;
    table::read(&what, input, json, format).map_err(|e| SourceError::Invalid { what, reason: e.to_string() })
}

/// Opens a file, unpacks it by its suffix, and says whether it is JSON.
pub(crate) fn open(path: &Path) -> Result<(Box<dyn Read>, bool), SourceError> {
    let unreachable = |reason: String| SourceError::Unreachable { what: path.display().to_string(), reason };
    if path.is_dir() {
        return Err(unreachable("it is a folder; expected a file".into()));
    }
    let file = File::open(path).map_err(|e| {
        let here = std::env::current_dir().map(|d| d.display().to_string()).unwrap_or_default();
        let advice = if path.is_relative() { format!("; it was looked for in {here}") } else { String::new() };
        unreachable(format!("{e}{advice}"))
    })?;
    let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
    let buffered = BufReader::new(file);
    let packed = name.ends_with(".gz");
    let json = name.trim_end_matches(".gz").ends_with(".json");
    Ok((if packed { Box::new(BufReader::new(MultiGzDecoder::new(buffered))) } else { Box::new(buffered) }, json))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn a_packed_file_reads_as_the_plain_one() {
        let folder = tempfile::tempdir().unwrap();
        let text = "timestamp,value\n2026-01-01T00:00:00Z,1\n";
        let (plain, packed) = (folder.path().join("a.csv"), folder.path().join("a.csv.gz"));
        std::fs::write(&plain, text).unwrap();
        let mut gzip = flate2::write::GzEncoder::new(File::create(&packed).unwrap(), flate2::Compression::default());
        gzip.write_all(text.as_bytes()).unwrap();
        gzip.finish().unwrap();
        let read = |path: &Path| read_file(path, &Format::default()).unwrap().samples;
        assert_eq!(read(&plain), read(&packed));
    }

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.csv");
        let error = || read_file(&path, &Format::default()).unwrap_err().to_string();
        assert!(error().contains("a.csv cannot be read"));
        std::fs::write(&path, "timestamp,value\nnow,1\n").unwrap();
        assert!(error().contains("a.csv: line 2: `now` is no time"));
        let folder_error = read_file(folder.path(), &Format::default()).unwrap_err().to_string();
        assert!(folder_error.contains("it is a folder"));
    }
}
