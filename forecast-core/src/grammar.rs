//! Names of models, the same in the command, in Terraform and in stored fits.
//!
//! `name`, `name(argument, ...)`, `name[season]`, `name(argument, ...)[season, ...]`; an argument is a word, a number
//! or, in `ensemble(...)` and `mstl(...)`, a model. Spaces do not matter, case does not either. Which names there are and what they
//! take is in [`CATALOGUE`]; an error points at the character that is wrong.

use crate::model::Forecaster;
use crate::models::CATALOGUE;

/// Deepest nesting of ensembles.
const DEEPEST: usize = 8;
/// Longest season in steps: a year of half-minutes.
const LONGEST_SEASON: usize = 1_051_200;

/// A name that is none, and where it goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrammarError {
    /// The whole text.
    pub text: String,
    /// Byte at which it goes wrong; the text's length if it ends too early.
    pub at: usize,
    /// What is wrong there, and what was expected.
    pub reason: String,
}

impl std::fmt::Display for GrammarError {
    /// The text, a caret below the character at fault, and the reason, one line each.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let column = self.text.get(..self.at).map_or(0, |before| before.chars().count());
        writeln!(f, "wrong model name at character {}", column + 1)?;
        writeln!(f, "  {}", self.text.replace(char::is_control, " "))?;
        write!(f, "  {:column$}^ {}", "", self.reason)
    }
}

impl std::error::Error for GrammarError {}

/// The model of a name.
/// # Errors
/// A text that is no model's name, with the byte at fault.
pub fn parse(text: &str) -> Result<Box<dyn Forecaster>, GrammarError> {
    parse_with_season(text, None)
}

/// The model of a name, with the season that models take which name none themselves.
/// # Errors
/// As [`parse`].
pub fn parse_with_season(text: &str, season_length: Option<usize>) -> Result<Box<dyn Forecaster>, GrammarError> {
    let mut reader = Reader { text, at: 0, season_length };
    let call = reader.call(0)?;
    reader.skip_spaces();
    if reader.at < text.len() {
        return Err(reader.error(reader.at, "expected the end of the name"));
    }
    call.build()
}

/// Whether a text is a model's name.
/// # Errors
/// As [`parse`].
pub fn check(text: &str) -> Result<(), GrammarError> {
    parse(text).map(|_| ())
}

/// The name of a model in the catalogue, without arguments and season: `ets` of `ets(A,N,A)[24]`.
pub(crate) fn head(name: &str) -> &str {
    name.split(['(', '[']).next().unwrap_or(name).trim()
}

/// A model's name taken apart.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    text: &'a str,
    /// Where the name starts.
    at: usize,
    name: String,
    /// Arguments of each pair of parentheses.
    groups: Vec<Vec<Argument<'a>>>,
    seasons: Vec<(usize, usize)>,
    /// The season for models that name none.
    season_length: Option<usize>,
}

/// One argument and where it starts.
#[derive(Debug)]
pub(crate) struct Argument<'a> {
    at: usize,
    call: Call<'a>,
}

impl<'a> Call<'a> {
    fn build(&self) -> Result<Box<dyn Forecaster>, GrammarError> {
        match CATALOGUE.iter().find(|entry| entry.name == self.name) {
            Some(entry) => (entry.build)(self),
            None => Err(self.wrong(self.at, &format!("unknown model `{}`; known: {}", self.name, known()))),
        }
    }

    fn wrong(&self, at: usize, reason: &str) -> GrammarError {
        GrammarError { text: self.text.into(), at, reason: reason.into() }
    }

    /// Refuses parentheses beyond the first `most` pairs.
    pub(crate) fn at_most_groups(&self, most: usize) -> Result<&Self, GrammarError> {
        match self.groups.get(most) {
            Some(extra) => {
                let at = extra.first().map_or(self.at, |argument| argument.at);
                let takes = if most == 0 { "no arguments".into() } else { format!("{most} pair of parentheses") };
                Err(self.wrong(at, &format!("`{}` takes {takes}", self.name)))
            }
            None => Ok(self),
        }
    }

    /// The words of the first pair of parentheses, each one of `known`.
    pub(crate) fn words(&self, known: &[&str]) -> Result<Vec<&str>, GrammarError> {
        let Some(arguments) = self.groups.first() else { return Ok(Vec::new()) };
        let mut out: Vec<&str> = Vec::new();
        for argument in arguments {
            let word = argument.call.name.as_str();
            let plain = argument.call.groups.is_empty() && argument.call.seasons.is_empty();
            if !plain || !known.contains(&word) {
                let reason = format!("`{}` does not take `{word}`; expected one of {}", self.name, known.join(", "));
                return Err(self.wrong(argument.at, &reason));
            }
            if out.contains(&word) {
                return Err(self.wrong(argument.at, &format!("`{word}` is there twice")));
            }
            out.push(word);
        }
        Ok(out)
    }

    /// The words of the first pair of parentheses, exactly `COUNT`; `None` without the pair.
    pub(crate) fn letters<const COUNT: usize>(&self) -> Result<Option<[&str; COUNT]>, GrammarError> {
        let Some(arguments) = self.groups.first() else { return Ok(None) };
        if arguments.len() != COUNT {
            let at = arguments.get(COUNT).or(arguments.last()).map_or(self.at, |argument| argument.at);
            return Err(self.wrong(at, &format!("expected {COUNT} letters, found {}", arguments.len())));
        }
        Ok(Some(std::array::from_fn(|i| arguments[i].call.name.as_str())))
    }

    /// An error at an argument of the first pair of parentheses.
    pub(crate) fn wrong_argument(&self, index: usize, reason: &str) -> GrammarError {
        let argument = self.groups.first().and_then(|arguments| arguments.get(index));
        self.wrong(argument.map_or(self.at, |argument| argument.at), reason)
    }

    /// Several words of which at most one of `choices` may be there; `None` without any.
    pub(crate) fn one_of(&self, words: &[&'a str], choices: &[&str]) -> Result<(), GrammarError> {
        let found: Vec<&&str> = words.iter().filter(|w| choices.contains(w)).collect();
        match found.as_slice() {
            [] | [_] => Ok(()),
            [first, second, ..] => Err(self.wrong(self.at, &format!("`{first}` and `{second}` exclude each other"))),
        }
    }

    /// The whole numbers of pair of parentheses `group`, exactly `count`, each at most `most`; `None` without the pair.
    pub(crate) fn numbers<const COUNT: usize>(
        &self,
        group: usize,
        most: usize,
    ) -> Result<Option<[usize; COUNT]>, GrammarError> {
        let Some(found) = self.counts(group, most)? else { return Ok(None) };
        let wrong = |found: Vec<usize>| {
            let arguments = &self.groups[group];
            let at = arguments.get(COUNT).or(arguments.last()).map_or(self.at, |argument| argument.at);
            self.wrong(at, &format!("expected {COUNT} numbers, found {}", found.len()))
        };
        found.try_into().map(Some).map_err(wrong)
    }

    /// The whole numbers of pair of parentheses `group`, each at most `most`; `None` without the pair.
    pub(crate) fn counts(&self, group: usize, most: usize) -> Result<Option<Vec<usize>>, GrammarError> {
        let Some(arguments) = self.groups.get(group) else { return Ok(None) };
        let number = |argument: &Argument<'_>| {
            let plain = argument.call.groups.is_empty() && argument.call.seasons.is_empty();
            let number = argument.call.name.parse::<usize>().ok().filter(|number| plain && *number <= most);
            number.ok_or_else(|| self.wrong(argument.at, &format!("expected a whole number from 0 to {most}")))
        };
        arguments.iter().map(number).collect::<Result<_, _>>().map(Some)
    }

    /// The models of the first pair of parentheses, at least one.
    pub(crate) fn models(&self) -> Result<Vec<Box<dyn Forecaster>>, GrammarError> {
        match self.groups.first().map(Vec::as_slice) {
            None | Some([]) => Err(self.wrong(
                self.at,
                &format!("`{}` needs models, for example `{}(naive, seasonal_naive)`", self.name, self.name),
            )),
            Some(arguments) => arguments.iter().map(|argument| argument.call.build()).collect(),
        }
    }

    /// Whether a word is among the first pair of parentheses, and the one model there.
    pub(crate) fn word_and_model(&self, word: &str) -> Result<(bool, Option<Box<dyn Forecaster>>), GrammarError> {
        let (mut found, mut model) = (false, None);
        for argument in self.groups.first().map_or(&[][..], Vec::as_slice) {
            if argument.call.name == word && !found {
                found = true;
            } else if model.is_none() {
                model = Some(argument.call.build()?);
            } else {
                return Err(self.wrong(argument.at, &format!("`{}` takes `{word}` and one model", self.name)));
            }
        }
        Ok((found, model))
    }

    /// As [`Call::seasons`], and the season for all where none is named.
    pub(crate) fn seasons_or_default(&self, most: usize, least: usize) -> Result<Vec<usize>, GrammarError> {
        let seasons = self.seasons(most, least)?;
        let default = self.season_length.filter(|season| seasons.is_empty() && *season >= least);
        Ok(default.map_or(seasons, |season| vec![season]))
    }

    /// At most one season of at least `least` steps; without one the season for all.
    pub(crate) fn season(&self, least: usize) -> Result<Option<usize>, GrammarError> {
        let seasons = self.seasons(1, least)?;
        Ok(seasons.first().copied().or(self.season_length.filter(|season| *season >= least)))
    }

    /// A number in brackets, without a default.
    pub(crate) fn window(&self) -> Result<Option<usize>, GrammarError> {
        Ok(self.seasons(1, 1)?.first().copied())
    }

    /// Up to `most` seasons of at least `least` steps each, ascending.
    pub(crate) fn seasons(&self, most: usize, least: usize) -> Result<Vec<usize>, GrammarError> {
        if let Some((at, _)) = self.seasons.get(most) {
            let takes = if most == 0 { "no season".into() } else { format!("at most {most} in brackets") };
            return Err(self.wrong(*at, &format!("`{}` takes {takes}", self.name)));
        }
        if let Some((at, _)) = self.seasons.iter().find(|(_, season)| !(least..=LONGEST_SEASON).contains(season)) {
            return Err(self.wrong(*at, &format!("expected a number of steps from {least} to {LONGEST_SEASON}")));
        }
        if let Some(pair) = self.seasons.windows(2).find(|pair| pair[0].1 >= pair[1].1) {
            return Err(self.wrong(pair[1].0, "expected seasons in ascending order"));
        }
        Ok(self.seasons.iter().map(|(_, season)| *season).collect())
    }
}

/// All names, for messages.
fn known() -> String {
    CATALOGUE.iter().map(|entry| entry.name).collect::<Vec<_>>().join(", ")
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    season_length: Option<usize>,
}

impl<'a> Reader<'a> {
    fn error(&self, at: usize, reason: &str) -> GrammarError {
        GrammarError { text: self.text.into(), at, reason: reason.into() }
    }

    fn skip_spaces(&mut self) {
        let rest = &self.text[self.at..];
        self.at += rest.len() - rest.trim_start_matches(' ').len();
    }

    /// Takes a character if it comes next.
    fn take(&mut self, wanted: char) -> bool {
        self.skip_spaces();
        let found = self.text[self.at..].starts_with(wanted);
        self.at += if found { wanted.len_utf8() } else { 0 };
        found
    }

    fn word(&mut self) -> Result<(usize, &'a str), GrammarError> {
        self.skip_spaces();
        let start = self.at;
        let rest = &self.text[start..];
        let length = rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.')).unwrap_or(rest.len());
        if length == 0 {
            let found = rest.chars().next().map_or("the end".into(), |c| format!("`{c}`"));
            return Err(self.error(start, &format!("expected a name, found {found}; known: {}", known())));
        }
        self.at += length;
        Ok((start, &rest[..length]))
    }

    fn call(&mut self, depth: usize) -> Result<Call<'a>, GrammarError> {
        let (at, word) = self.word()?;
        if depth > DEEPEST {
            return Err(self.error(at, "nested too deeply"));
        }
        let mut call = Call {
            text: self.text,
            at,
            name: word.to_ascii_lowercase(),
            groups: Vec::new(),
            seasons: Vec::new(),
            season_length: self.season_length,
        };
        while self.take('(') {
            let mut arguments = Vec::new();
            if !self.take(')') {
                loop {
                    self.skip_spaces();
                    arguments.push(Argument { at: self.at, call: self.call(depth + 1)? });
                    if self.take(')') {
                        break;
                    }
                    if !self.take(',') {
                        return Err(self.error(self.at, "expected `,` or `)`"));
                    }
                }
            }
            call.groups.push(arguments);
        }
        if self.take('[') {
            loop {
                let (at, digits) = self.word()?;
                let season = digits.parse().map_err(|_| self.error(at, "expected a whole number of steps"))?;
                call.seasons.push((at, season));
                if self.take(']') {
                    break;
                }
                if !self.take(',') {
                    return Err(self.error(self.at, "expected `,` or `]`"));
                }
            }
        }
        Ok(call)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_name(text: &str, name: &str) {
        let model = parse(text).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(model.name(), name, "from `{text}`");
    }

    fn check_wrong(text: &str, at: usize, reason: &str) {
        let error = parse(text).unwrap_err();
        assert!(error.reason.contains(reason), "`{text}`: {error}");
        assert_eq!(error.at, at, "`{text}`: {error}");
    }

    #[test]
    fn names_are_read_and_written() {
        check_name("auto", "auto");
        check_name("  Naive ", "naive");
        check_name("mean", "mean");
        check_name("mean[12]", "mean[12]");
        check_name("seasonal_naive", "seasonal_naive");
        check_name("seasonal_naive [ 168 ]", "seasonal_naive[168]");
        check_name("seasonal_naive_levelled[24]", "seasonal_naive_levelled[24]");
        check_name("profile(weekly)", "profile(weekly)");
        check_name("profile[24]", "profile[24]");
        check_name("holt_winters[24]", "holt_winters(additive)[24]");
        check_name("holt_winters(multiplicative,damped)[24]", "holt_winters(multiplicative, damped)[24]");
        check_name("holt", "holt");
        check_name("holt(damped)", "holt(damped)");
        check_name("ses", "ses");
        check_name("mstl[24,168]", "mstl[24,168]");
        check_name("mstl(robust, holt(damped))[24]", "mstl(robust, holt(damped))[24]");
        check_name("local_level", "local_level");
        check_name("Local_Linear_Trend", "local_linear_trend");
        check_name("theta[24]", "theta[24]");
        check_name("theta(dynamic)", "theta(dynamic)");
        check_name("theta(auto)[24]", "theta(auto)[24]");
        check_name("croston(TSB)", "croston(tsb)");
        check_name("harmonic", "harmonic");
        check_name("harmonic[24, 168]", "harmonic[24,168]");
        check_name("harmonic(3, 10)[24, 168]", "harmonic(3,10)[24,168]");
        check_name("prophet", "prophet");
        check_name("prophet(Multiplicative)[24,168]", "prophet(multiplicative)[24,168]");
        check_name("arima", "arima");
        check_name("arima[24]", "arima[24]");
        check_name("arima(2,1,0)", "arima(2,1,0)");
        check_name("arima(1,0,1)(0,1,1)[24]", "arima(1,0,1)(0,1,1)[24]");
        check_name("arima(1,0,1)(0,0,0)", "arima(1,0,1)");
        check_name("ets", "ets");
        check_name("ets(a,ad,m)[24]", "ets(A,Ad,M)[24]");
        check_name("ets(M,N,N)[24]", "ets(M,N,N)");
        check_name("ensemble(naive, ensemble(drift,mean[3]))", "ensemble(naive, ensemble(drift, mean[3]))");
    }

    #[test]
    fn a_season_for_all_goes_to_those_that_name_none() {
        let name = |text| parse_with_season(text, Some(48)).unwrap().name();
        assert_eq!(name("seasonal_naive"), "seasonal_naive[48]");
        assert_eq!(name("seasonal_naive[24]"), "seasonal_naive[24]");
        assert_eq!(name("ensemble(naive, holt_winters)"), "ensemble(naive, holt_winters(additive)[48])");
        assert_eq!(name("mean"), "mean");
    }

    #[test]
    fn errors_point_at_the_character() {
        check_wrong("", 0, "expected a name");
        check_wrong("nave", 0, "unknown model `nave`; known: auto, naive");
        check_wrong("naive[24]", 6, "no season");
        check_wrong("naive(x)", 6, "no arguments");
        check_wrong("seasonal_naive[", 15, "expected a name");
        check_wrong("seasonal_naive[x]", 15, "whole number");
        check_wrong("seasonal_naive[0]", 15, "from 1");
        check_wrong("seasonal_naive[24,168]", 18, "at most 1");
        check_wrong("seasonal_naive[24", 17, "expected `,` or `]`");
        check_wrong("holt_winters(adaptive)", 13, "does not take `adaptive`");
        check_wrong("holt_winters(additive, additive)", 23, "twice");
        check_wrong("arima(1,0)", 8, "expected 3 numbers, found 2");
        check_wrong("arima(1,0,x)", 10, "whole number from 0 to 20");
        check_wrong("arima(1,0,1)(0,9,1)[24]", 15, "whole number from 0 to 5");
        check_wrong("arima(1,0,1)(0,1,1)", 6, "need a season");
        check_wrong("ets(A,Z,A)", 6, "for the trend");
        check_wrong("ets(A,A)", 6, "expected 3 letters, found 2");
        check_wrong("harmonic(3)", 9, "as many seasons");
        check_wrong("harmonic(3,1)[24]", 11, "as many seasons");
        check_wrong("harmonic(13)[24]", 9, "at most half");
        check_wrong("harmonic(x)[24]", 9, "whole number");
        check_wrong("mstl[168,24]", 9, "ascending");
        check_wrong("mstl(naive, drift)", 12, "one model");
        check_wrong("ensemble()", 0, "needs models");
        check_wrong("ensemble(naive, nave)", 16, "unknown model");
        check_wrong("ensemble(naive", 14, "expected `,` or `)`");
        check_wrong("naive naive", 6, "expected the end");
        check_wrong("naïve", 2, "expected the end");
        check_wrong(&"ensemble(".repeat(40), 81, "nested too deeply");
    }

    #[test]
    fn the_caret_stands_below_the_character() {
        let text = parse("ensemble(naive, nave)").unwrap_err().to_string();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0], "wrong model name at character 17");
        assert_eq!(lines[1], "  ensemble(naive, nave)");
        assert_eq!(lines[2].find('^'), Some(18));
    }
}
