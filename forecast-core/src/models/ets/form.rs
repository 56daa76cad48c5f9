//! The forms of exponential smoothing in state space: error, trend, season.

use serde::{Deserialize, Serialize};

use crate::kernels::ets::{Kind, Part};

/// One form, for example (A,Ad,M).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Form {
    /// Whether errors are relative to the forecast (M) or absolute (A).
    pub relative_errors: bool,
    /// How the trend enters.
    pub trend: Part,
    /// Whether the trend fades.
    pub damped: bool,
    /// How the season enters.
    pub season: Part,
}

impl Form {
    /// The forms that are tried when none is given, simplest first: R's choice, without multiplicative trends and without
    /// the unstable ones (absolute errors with a multiplicative season, relative ones are fine).
    pub fn usual(seasonal: bool, positive: bool) -> Vec<Self> {
        let mut all = Vec::new();
        for relative_errors in [false, true] {
            for season in [Part::None, Part::Additive, Part::Multiplicative] {
                for (trend, damped) in [(Part::None, false), (Part::Additive, false), (Part::Additive, true)] {
                    let form = Self { relative_errors, trend, damped, season };
                    let fits = (seasonal || season == Part::None) && (positive || !form.needs_positive());
                    if fits && (relative_errors || season != Part::Multiplicative) {
                        all.push(form);
                    }
                }
            }
        }
        all
    }

    /// Whether all values have to be above zero.
    pub fn needs_positive(&self) -> bool {
        self.relative_errors || self.trend == Part::Multiplicative || self.season == Part::Multiplicative
    }

    /// Whether the one-step errors are linear in the start states.
    pub(super) fn is_linear(&self) -> bool {
        !self.needs_positive()
    }

    /// The letters, for example `A,Ad,M`.
    pub fn letters(&self) -> String {
        let part = |part| match part {
            Part::None => "N",
            Part::Additive => "A",
            Part::Multiplicative => "M",
        };
        let (error, damped) = (if self.relative_errors { "M" } else { "A" }, if self.damped { "d" } else { "" });
        format!("{error},{}{damped},{}", part(self.trend), part(self.season))
    }

    /// The form of lower-case letters, such as `m`, `ad` and `a`; `None` if they are none.
    pub fn from_letters(error: &str, trend: &str, season: &str) -> Option<Self> {
        let part = |letter: &str| match letter {
            "n" => Some(Part::None),
            "a" => Some(Part::Additive),
            "m" => Some(Part::Multiplicative),
            _ => None,
        };
        let relative_errors = match error {
            "a" => false,
            "m" => true,
            _ => return None,
        };
        let (trend, damped) = match trend.strip_suffix('d') {
            Some(letter) => (part(letter).filter(|part| *part != Part::None)?, true),
            None => (part(trend)?, false),
        };
        Some(Self { relative_errors, trend, damped, season: part(season)? })
    }

    pub(super) fn kind(&self) -> Kind {
        Kind { relative_errors: self.relative_errors, trend: self.trend, damped: self.damped, season: self.season }
    }

    /// Parameters and start states that are learned, for a season of `m` steps; the variance is one more.
    pub(super) fn parameters(&self, m: usize) -> usize {
        let trend = if self.trend == Part::None { 0 } else { 2 + usize::from(self.damped) };
        2 + trend + if self.season == Part::None { 0 } else { m }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_fifteen_usual_forms() {
        assert_eq!(Form::usual(true, true).len(), 15);
        assert_eq!(Form::usual(true, false).len(), 6);
        assert_eq!(Form::usual(false, true).len(), 6);
        assert_eq!(Form::usual(false, false).len(), 3);
    }

    #[test]
    fn letters_come_back() {
        for form in Form::usual(true, true) {
            let letters = form.letters().to_lowercase();
            let parts: Vec<&str> = letters.split(',').collect();
            assert_eq!(Form::from_letters(parts[0], parts[1], parts[2]), Some(form));
        }
        for wrong in [["x", "n", "n"], ["a", "nd", "n"], ["a", "ad", "z"], ["a", "d", "n"]] {
            assert_eq!(Form::from_letters(wrong[0], wrong[1], wrong[2]), None, "{wrong:?}");
        }
    }

    #[test]
    fn learned_numbers_are_counted_as_in_r() {
        let count = |letters: [&str; 3]| Form::from_letters(letters[0], letters[1], letters[2]).unwrap().parameters(12);
        assert_eq!(count(["a", "n", "n"]), 2);
        assert_eq!(count(["a", "a", "a"]), 16);
        assert_eq!(count(["m", "ad", "m"]), 17);
    }
}
