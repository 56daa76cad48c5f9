//! Panels: many series in one file, `id,v1,v2,…` a row, without a header and without times.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use std::time::Duration;

use flate2::read::MultiGzDecoder;

use crate::error::CliError;
use crate::parallel;

/// Rows that are read before their values are, on all threads.
const BLOCK: usize = 1024;

/// One series of a panel.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PanelRow {
    /// Its name.
    pub(crate) id: String,
    /// Its values, oldest first; `None` is missing.
    pub(crate) values: Vec<Option<f64>>,
}

/// Reads a panel; rows may be of unlike length, an empty value is missing, gzip goes by suffix.
pub(crate) fn read_panel(path: &Path, threads: usize) -> Result<Vec<PanelRow>, CliError> {
    let name = path.display();
    if path.is_dir() {
        return Err(CliError::Usage(format!("{name} is a folder; expected a panel file")));
    }
    let file = File::open(path).map_err(|e| CliError::Usage(format!("{name} cannot be read: {e}")))?;
    let packed = path.extension().is_some_and(|suffix| suffix.eq_ignore_ascii_case("gz"));
    let input: Box<dyn Read> =
        if packed { Box::new(MultiGzDecoder::new(BufReader::new(file))) } else { Box::new(BufReader::new(file)) };
    parse(input, threads).map_err(|error| CliError::Usage(format!("{name}: {error}")))
}

fn parse(input: impl Read, threads: usize) -> Result<Vec<PanelRow>, String> {
    let mut records = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(input).into_records();
    let mut rows: Vec<PanelRow> = Vec::new();
    let mut ids = BTreeSet::new();
    loop {
        let read = records.by_ref().take(BLOCK);
        let block: Vec<csv::StringRecord> =
            read.collect::<Result<_, _>>().map_err(|e| format!("it cannot be read: {e}"))?;
        if block.is_empty() {
            break;
        }
        for row in parallel::map(&block, threads, row, |_| ()) {
            let row = row?;
            if !ids.insert(row.id.clone()) {
                return Err(format!("series `{}` stands there twice; expected each id once", row.id));
            }
            rows.push(row);
        }
    }
    if rows.is_empty() { Err("it is empty; expected a series a row, `id,v1,v2,…`".into()) } else { Ok(rows) }
}

/// A row's values; errors name its line.
fn row(record: &csv::StringRecord) -> Result<PanelRow, String> {
    let line = record.position().map_or(0, csv::Position::line);
    values(record).map_err(|reason| format!("line {line}: {reason}"))
}

fn values(record: &csv::StringRecord) -> Result<PanelRow, String> {
    let mut cells = record.iter();
    let id = cells.next().unwrap_or_default().trim().to_owned();
    let values: Vec<Option<f64>> = cells.map(value).collect::<Result<_, _>>().map_err(|error| {
        if id == "timestamp" {
            format!("{error}; this is a file of one series: see `stormglass forecast` and `backtest` without --panel")
        } else {
            error
        }
    })?;
    if values.iter().all(Option::is_none) {
        return Err(format!("series `{id}` has no value; expected `id,v1,v2,…`"));
    }
    Ok(PanelRow { id, values })
}

fn value(cell: &str) -> Result<Option<f64>, String> {
    let cell = cell.trim();
    if cell.is_empty() {
        return Ok(None);
    }
    let number: f64 = cell.parse().map_err(|_| format!("`{cell}` is no number; expected one, or nothing"))?;
    Ok(number.is_finite().then_some(number))
}

/// Time between two values of a panel, which has no times: a season is a day; without a season the step is a week.
///
/// So what knows the clock (days, weeks) finds the panel's season where it looks for it.
pub(crate) fn panel_step(season: usize) -> Result<Duration, CliError> {
    match season as u64 {
        0 => Err(CliError::usage("--season is 0; expected a number of steps, 1 for no season")),
        1 => Ok(Duration::from_secs(7 * 86_400)),
        7 => Ok(Duration::from_secs(86_400)),
        season if season <= 86_400 => Ok(Duration::from_secs((86_400 + season / 2) / season)),
        season => Err(CliError::Usage(format!("--season is {season}; expected at most 86400 steps"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_unlike_length_with_gaps() {
        let rows = parse("a,1,2.5\nb,,3,4\n\n\"c, d\",5\n".as_bytes(), 2).unwrap();
        assert_eq!(rows[0], PanelRow { id: "a".into(), values: vec![Some(1.0), Some(2.5)] });
        assert_eq!(rows[1].values, [None, Some(3.0), Some(4.0)]);
        assert_eq!(rows[2].id, "c, d");
    }

    #[test]
    fn errors_name_line_and_way_out() {
        let error = |text: &str| parse(text.as_bytes(), 2).unwrap_err();
        assert_eq!(error("a,1\nb,x\n"), "line 2: `x` is no number; expected one, or nothing");
        assert!(error("timestamp,value\n").contains("a file of one series"));
        assert!(error("").contains("it is empty"));
        assert!(error("a\n").contains("series `a` has no value"));
        assert_eq!(error("a,1\nb,2\na,3\n"), "series `a` stands there twice; expected each id once");
    }

    #[test]
    fn a_season_is_a_day() {
        for (season, seconds) in [(24, 3600), (1, 604_800), (7, 86_400), (12, 7200), (52, 1662)] {
            assert_eq!(panel_step(season).unwrap().as_secs(), seconds);
        }
        assert!(panel_step(0).is_err() && panel_step(100_000).is_err());
    }
}
