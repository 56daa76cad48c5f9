//! Quantiles as users name them: `--levels 0.1,0.9`; their text names columns and keys.

use std::str::FromStr;

use forecast_core::Level;

/// A quantile's probability with the text that it was given as.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct LevelText {
    /// As the user wrote it.
    pub(crate) text: String,
    /// Its probability.
    pub(crate) level: Level,
}

impl FromStr for LevelText {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let number: f64 =
            text.parse().map_err(|_| format!("`{text}` is no number; expected probabilities such as 0.1,0.9"))?;
        let level = Level::new(number).map_err(|e| e.to_string())?;
        Ok(Self { text: text.to_owned(), level })
    }
}

/// Levels ascending, each once; the first text of a level names it.
pub(crate) fn ascending(levels: &[LevelText]) -> Vec<LevelText> {
    let mut sorted = levels.to_vec();
    sorted.sort_by(|a, b| a.level.probability().total_cmp(&b.level.probability()));
    sorted.dedup_by(|later, earlier| later.level == earlier.level);
    sorted
}

/// The levels alone.
pub(crate) fn bare(levels: &[LevelText]) -> Vec<Level> {
    levels.iter().map(|l| l.level).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_keep_their_text_and_are_sorted() {
        let levels: Vec<LevelText> = ["0.90", "0.1", ".9"].iter().map(|t| t.parse().unwrap()).collect();
        let sorted = ascending(&levels);
        assert_eq!(sorted.iter().map(|l| l.text.as_str()).collect::<Vec<_>>(), ["0.1", "0.90"]);
        assert_eq!(bare(&sorted)[1].probability(), 0.9);
    }

    #[test]
    fn what_is_no_probability_is_said() {
        assert!("1.5".parse::<LevelText>().unwrap_err().contains("between 0 and 1"));
        assert!("p90".parse::<LevelText>().unwrap_err().contains("no number"));
    }
}
