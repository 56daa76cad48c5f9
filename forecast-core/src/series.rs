//! A measured load: as it arrives ([`RawSeries`]), and on a regular grid ([`Series`]).

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use ndarray::{Array2, Axis};
use serde::{Deserialize, Serialize};

use crate::calendar::Calendar;

/// One measurement; `None` is a time at which nothing was measured.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// When it was measured.
    pub time: Timestamp,
    /// What was measured, in the unit of the source.
    pub value: Option<f64>,
}

/// Samples as a source hands them over: unsorted, irregular, with duplicates and gaps.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct RawSeries {
    /// Name of the metric, for messages.
    pub name: String,
    /// The samples, in any order.
    pub samples: Vec<Sample>,
}

/// Load on a regular grid of finite values, with a mask of what was observed.
///
/// Values that were not observed are filled from the past alone: the value one day earlier, else the last one; only
/// what precedes the first observation takes that observation's value. Times are whole seconds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Series {
    start: Timestamp,
    step: Duration,
    values: Vec<f64>,
    observed: Vec<bool>,
    calendar: Arc<Calendar>,
    regressors: Arc<Regressors>,
    /// Whether it is of a kind that falls below zero, also where no value of it does.
    signed: bool,
}

/// Named columns known for the past and, through [`crate::Ahead`], for the future.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Regressors {
    /// Names, one a column.
    pub names: Vec<String>,
    /// Values, one row a step, one column a name.
    pub values: Array2<f64>,
}

/// Why values do not make a series.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum SeriesError {
    /// No value at all.
    #[error("the series is empty; expected at least one value")]
    Empty,
    /// No value was observed.
    #[error("none of the {len} values was observed; expected at least one")]
    NothingObserved {
        /// Number of steps.
        len: usize,
    },
    /// A step of zero or with a fraction of a second.
    #[error("the step is {step:?}; expected whole seconds, at least one")]
    Step {
        /// The step found.
        step: Duration,
    },
    /// NaN or an infinity where a number is needed.
    #[error("value {index} is {value}; expected a finite number, or a missing value")]
    NotFinite {
        /// Position from 0.
        index: usize,
        /// The value found.
        value: f64,
    },
    /// Columns of unlike length.
    #[error("{what} has {got} rows; expected {expected}, one a step")]
    Length {
        /// Which column.
        what: String,
        /// Rows found.
        got: usize,
        /// Rows expected.
        expected: usize,
    },
    /// A series that does not continue the other.
    #[error("the new values start at {got}; expected {expected}, the step after the last one")]
    NotContiguous {
        /// Start found.
        got: Timestamp,
        /// Start expected.
        expected: Timestamp,
    },
}

impl Series {
    /// A fully observed series in UTC.
    ///
    /// `start`: time of the first value, of which a fraction of a second is dropped; `step`: whole seconds between values; `values`: n finite numbers.
    /// # Errors
    /// An empty or non-finite input, or a step that is not whole seconds.
    pub fn new(start: Timestamp, step: Duration, values: Vec<f64>) -> Result<Self, SeriesError> {
        Self::from_options(start, step, values.into_iter().map(Some).collect())
    }

    /// A series with missing values (`None`), which are filled from the past (see the type).
    /// # Errors
    /// No observed value, a non-finite value, or a step that is not whole seconds.
    pub fn from_options(start: Timestamp, step: Duration, values: Vec<Option<f64>>) -> Result<Self, SeriesError> {
        if values.is_empty() {
            return Err(SeriesError::Empty);
        }
        if step.as_secs() == 0 || step.subsec_nanos() != 0 {
            return Err(SeriesError::Step { step });
        }
        if let Some((index, value)) =
            values.iter().enumerate().find_map(|(i, v)| v.filter(|v| !v.is_finite()).map(|v| (i, v)))
        {
            return Err(SeriesError::NotFinite { index, value });
        }
        let observed: Vec<bool> = values.iter().map(Option::is_some).collect();
        let Some(first) = values.iter().flatten().next().copied() else {
            return Err(SeriesError::NothingObserved { len: values.len() });
        };
        // What a unit of time counts from here on is a second.
        let start = Timestamp::from_second(start.as_second()).unwrap_or(start);
        let values = fill_from_past(&values, first, day_of(step));
        let (calendar, regressors) = Default::default();
        Ok(Self { start, step, values, observed, calendar, regressors, signed: false })
    }

    /// The same series read by another wall clock.
    #[must_use]
    pub fn with_calendar(mut self, calendar: Calendar) -> Self {
        self.calendar = Arc::new(calendar);
        self
    }

    /// The same series read by a calendar that others share.
    pub(crate) fn with_calendar_of(mut self, calendar: &Arc<Calendar>) -> Self {
        self.calendar = Arc::clone(calendar);
        self
    }

    /// The same series with regressor columns.
    /// # Errors
    /// `Length` unless there is one row a step and one name a column.
    pub fn with_regressors(mut self, regressors: Regressors) -> Result<Self, SeriesError> {
        let (rows, columns) = regressors.values.dim();
        if rows != self.len() {
            return Err(SeriesError::Length { what: "the regressors' matrix".into(), got: rows, expected: self.len() });
        }
        if regressors.names.len() != columns {
            let (what, got) = ("the list of the regressors' names".into(), regressors.names.len());
            return Err(SeriesError::Length { what, got, expected: columns });
        }
        self.regressors = Arc::new(regressors);
        Ok(self)
    }

    /// The same series without regressors, for models that take none.
    #[must_use]
    pub(crate) fn without_regressors(mut self) -> Self {
        self.regressors = Arc::default();
        self
    }

    /// Number of steps.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Always false: a series has at least one value.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Values, one a step, all finite; see [`Series::observed`] for which were measured.
    pub fn values(&self) -> &[f64] {
        &self.values
    }

    /// Which values were measured.
    pub fn observed(&self) -> &[bool] {
        &self.observed
    }

    /// The value at a step if it was measured.
    pub fn observation(&self, index: usize) -> Option<f64> {
        (*self.observed.get(index)?).then(|| self.values[index])
    }

    /// Time of the first value.
    pub fn start(&self) -> Timestamp {
        self.start
    }

    /// Time of the first step after the last value: where a forecast begins.
    pub fn end(&self) -> Timestamp {
        self.time(self.len())
    }

    /// Time of a step; indices past the end give later times.
    pub fn time(&self, index: usize) -> Timestamp {
        let seconds = i64::try_from(self.step.as_secs().saturating_mul(index as u64)).unwrap_or(i64::MAX);
        let at = self.start.as_second().saturating_add(seconds);
        Timestamp::from_second(at.min(Timestamp::MAX.as_second())).unwrap_or(Timestamp::MAX)
    }

    /// Time between two values.
    pub fn step(&self) -> Duration {
        self.step
    }

    /// Steps in this much time, rounded, at least one.
    pub fn steps_in(&self, time: Duration) -> usize {
        ((time.as_secs() + self.step.as_secs() / 2) / self.step.as_secs()).max(1) as usize
    }

    /// Time zone and events.
    pub fn calendar(&self) -> &Arc<Calendar> {
        &self.calendar
    }

    /// Regressor columns of the past.
    pub fn regressors(&self) -> &Regressors {
        &self.regressors
    }

    /// The steps `from..to`, clamped to the series; `None` where none is left or none was observed.
    pub fn slice(&self, from: usize, to: usize) -> Option<Self> {
        let to = to.min(self.len());
        if from >= to || !self.observed[from..to].contains(&true) {
            return None;
        }
        Some(self.part(from, to))
    }

    /// The same grid with other values; both columns have one entry a step.
    pub(crate) fn with_values(&self, values: Vec<f64>, observed: Vec<bool>) -> Self {
        debug_assert!(values.len() == self.len() && observed.len() == self.len());
        Self { values, observed, ..self.clone() }
    }

    /// The same grid with other values, `None` where nothing is known, which is filled from the past.
    pub(crate) fn refilled(&self, values: &[Option<f64>]) -> Self {
        let first = values.iter().flatten().next().copied().unwrap_or(self.values[0]);
        let observed = values.iter().map(Option::is_some).collect();
        self.with_values(fill_from_past(values, first, day_of(self.step)), observed)
    }

    /// The same values as those of something that falls below zero, such as what a season leaves.
    #[must_use]
    pub(crate) fn signed(self) -> Self {
        Self { signed: true, ..self }
    }

    /// Whether values below zero are to be expected: without any, no forecast falls below it.
    pub(crate) fn may_be_negative(&self) -> bool {
        self.signed || self.values.iter().any(|v| *v < 0.0)
    }

    fn part(&self, from: usize, to: usize) -> Self {
        let regressors = if self.regressors.names.is_empty() {
            Arc::clone(&self.regressors)
        } else {
            let values = self.regressors.values.slice(ndarray::s![from..to, ..]).to_owned();
            Arc::new(Regressors { names: self.regressors.names.clone(), values })
        };
        Self {
            start: self.time(from),
            step: self.step,
            values: self.values[from..to].to_vec(),
            observed: self.observed[from..to].to_vec(),
            calendar: Arc::clone(&self.calendar),
            regressors,
            signed: self.signed,
        }
    }

    /// The steps `from..to`, clamped to the series, also where none was observed: what [`crate::Fitted::update`]
    /// takes; `None` where none is left.
    pub fn span(&self, from: usize, to: usize) -> Option<Self> {
        let to = to.min(self.len());
        (from < to).then(|| self.part(from, to))
    }

    /// Adds a series that begins where this one ends, with its columns of the same regressors.
    /// # Errors
    /// `NotContiguous` if it begins elsewhere, `Step` if its step differs, `Length` if it lacks one of the regressors.
    pub fn append(&mut self, new: &Self) -> Result<(), SeriesError> {
        self.check_follows(self.len(), new)?;
        let names = &self.regressors.names;
        if !names.is_empty() {
            let column = |name: &String| {
                let at = new.regressors.names.iter().position(|known| known == name);
                let missing =
                    || SeriesError::Length { what: format!("regressor `{name}`"), got: 0, expected: new.len() };
                at.ok_or_else(missing)
            };
            let columns: Vec<usize> = names.iter().map(column).collect::<Result<_, _>>()?;
            let more = new.regressors.values.select(Axis(1), &columns);
            let values = ndarray::concatenate![Axis(0), self.regressors.values.view(), more.view()];
            self.regressors = Arc::new(Regressors { names: names.clone(), values });
        }
        self.values.extend_from_slice(&new.values);
        self.observed.extend_from_slice(&new.observed);
        Ok(())
    }

    /// Whether another series begins at step `len` of this one's grid.
    pub(crate) fn check_follows(&self, len: usize, new: &Self) -> Result<(), SeriesError> {
        if new.step != self.step {
            return Err(SeriesError::Step { step: new.step });
        }
        if new.start != self.time(len) {
            return Err(SeriesError::NotContiguous { got: new.start, expected: self.time(len) });
        }
        Ok(())
    }
}

/// Steps of a day, at least one.
fn day_of(step: Duration) -> usize {
    (86_400 / step.as_secs()).max(1) as usize
}

/// Fills gaps from one day (`day` steps) before, else from the last value, else by `first`.
fn fill_from_past(values: &[Option<f64>], first: f64, day: usize) -> Vec<f64> {
    let mut out: Vec<f64> = Vec::with_capacity(values.len());
    let mut seen = false;
    for (i, value) in values.iter().enumerate() {
        seen |= value.is_some();
        out.push(match value {
            Some(v) => *v,
            None if !seen => first,
            None => match i.checked_sub(day) {
                Some(j) if day > 1 => out[j],
                _ => out[i - 1],
            },
        });
    }
    out
}

/// A series as it is stored: regressors, which belong to a single run, are left out.
#[derive(Serialize, Deserialize)]
struct Stored {
    start: Timestamp,
    step_seconds: u64,
    values: Vec<f64>,
    missing: Vec<usize>,
    #[serde(with = "jiff::fmt::serde::tz::required")]
    time_zone: jiff::tz::TimeZone,
    events: Vec<crate::calendar::Event>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    signed: bool,
}

impl From<Series> for Stored {
    fn from(y: Series) -> Self {
        let missing = y.observed.iter().enumerate().filter(|(_, seen)| !**seen).map(|(t, _)| t).collect();
        Self {
            start: y.start,
            step_seconds: y.step.as_secs(),
            missing,
            time_zone: y.calendar.time_zone().clone(),
            events: y.calendar.events().to_vec(),
            values: y.values,
            signed: y.signed,
        }
    }
}

impl TryFrom<Stored> for Series {
    type Error = SeriesError;

    fn try_from(stored: Stored) -> Result<Self, SeriesError> {
        let calendar = Calendar::new(stored.time_zone).with_events(stored.events);
        let mut y = Self::new(stored.start, Duration::from_secs(stored.step_seconds), stored.values)?;
        for t in stored.missing {
            if let Some(observed) = y.observed.get_mut(t) {
                *observed = false;
            }
        }
        y.signed = stored.signed;
        Ok(y.with_calendar(calendar))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn regressors_go_on_with_the_series() {
        let columns = |names: &[&str], values: Array2<f64>| Regressors {
            names: names.iter().map(|n| (*n).into()).collect(),
            values,
        };
        let hours = |start: Timestamp| Series::new(start, Duration::from_secs(3600), vec![1.0, 2.0]).unwrap();
        let first = hours(Timestamp::UNIX_EPOCH)
            .with_regressors(columns(&["a", "b"], ndarray::array![[1., 5.], [2., 6.]]))
            .unwrap();
        let mut joined = first.clone();
        let next =
            hours(first.end()).with_regressors(columns(&["b", "a"], ndarray::array![[7., 3.], [8., 4.]])).unwrap();
        joined.append(&next).unwrap();
        assert_eq!(joined.regressors().values, ndarray::array![[1., 5.], [2., 6.], [3., 7.], [4., 8.]]);
        assert_eq!(joined.slice(1, 3).unwrap().regressors().values, ndarray::array![[2., 6.], [3., 7.]]);
        assert!(matches!(joined.append(&hours(joined.end())), Err(SeriesError::Length { expected: 2, .. })));
        let unnamed = hours(first.end()).with_regressors(columns(&["a"], Array2::zeros((2, 2))));
        assert!(matches!(unnamed, Err(SeriesError::Length { got: 1, expected: 2, .. })));
    }

    #[test]
    fn a_fraction_of_a_second_is_dropped() {
        let start: Timestamp = "2026-11-02T00:00:00.25Z".parse().unwrap();
        let mut y = Series::new(start, Duration::from_secs(60), vec![1.0, 2.0]).unwrap();
        let next = Series::new(start + jiff::Span::new().minutes(2), y.step(), vec![3.0]).unwrap();
        y.append(&next).unwrap();
        assert_eq!((y.start(), y.len()), (y.time(0), 3));
    }

    const HOUR: Duration = Duration::from_secs(3600);

    fn start() -> Timestamp {
        "2026-11-02T00:00:00Z".parse().unwrap()
    }

    fn hours(values: &[Option<f64>]) -> Series {
        Series::from_options(start(), HOUR, values.to_vec()).unwrap()
    }

    #[test]
    fn gaps_are_filled_from_one_day_before_or_the_last_value() {
        let mut values: Vec<Option<f64>> = (0..30).map(|t| Some(f64::from(t))).collect();
        values[0] = None;
        values[3] = None;
        values[27] = None;
        let y = hours(&values);
        assert_eq!(y.values()[0], 1.0, "before the first observation its value");
        assert_eq!(y.values()[3], 2.0, "no day before: the last value");
        assert_eq!(y.values()[27], 2.0, "the value one day before, itself filled");
        assert_eq!(y.observation(27), None);
        assert_eq!(y.observation(28), Some(28.0));
    }

    #[test]
    fn what_is_no_series_is_refused() {
        let wrong = |values: Vec<Option<f64>>, step| Series::from_options(start(), step, values).unwrap_err();
        assert_eq!(wrong(vec![], HOUR), SeriesError::Empty);
        assert_eq!(wrong(vec![None, None], HOUR), SeriesError::NothingObserved { len: 2 });
        assert!(matches!(wrong(vec![Some(1.0), Some(f64::NAN)], HOUR), SeriesError::NotFinite { index: 1, .. }));
        assert!(matches!(wrong(vec![Some(1.0)], Duration::from_millis(1500)), SeriesError::Step { .. }));
        assert!(matches!(wrong(vec![Some(1.0)], Duration::ZERO), SeriesError::Step { .. }));
    }

    #[test]
    fn parts_join_to_the_whole() {
        let y = hours(&[Some(1.0), None, Some(3.0), Some(4.0)]);
        let mut joined = y.slice(0, 1).unwrap();
        assert_eq!(y.slice(1, 2), None, "nothing observed there");
        joined.append(&y.span(1, 4).unwrap()).unwrap();
        assert_eq!(joined, y);
        let again = joined.append(&y.span(1, 4).unwrap());
        assert!(matches!(again, Err(SeriesError::NotContiguous { .. })));
    }

    #[test]
    fn times_and_steps() {
        let y = hours(&[Some(1.0); 3]);
        assert_eq!(y.end().to_string(), "2026-11-02T03:00:00Z");
        assert_eq!(y.steps_in(Duration::from_secs(86_400)), 24);
        assert_eq!(y.steps_in(Duration::from_secs(1)), 1);
    }

    #[test]
    fn a_stored_series_comes_back() {
        let zone = jiff::tz::TimeZone::get("Europe/Berlin").unwrap();
        let y = hours(&[Some(0.1), None, Some(3.0)]).with_calendar(Calendar::new(zone));
        let text = serde_json::to_string(&y).unwrap();
        assert_eq!(serde_json::from_str::<Series>(&text).unwrap(), y);
    }
}
