//! What an online mixture has seen so far, with sums and profiles that grow by one step at a time.
//!
//! Everything here is causal: the entry of a step is computed from that step and earlier ones, once, and never
//! changes, except that profiles of steps to come are extended as the past grows.

use serde::{Deserialize, Serialize};

use super::kinds::Kinds;
use super::smoothing::Smoothing;
use crate::series::Series;

/// Seconds of a day.
pub(crate) const DAY: u64 = 86_400;
/// Half the width of the window that smooths a profile, in seconds.
const SMOOTHING: u64 = 900;
/// How far above the 99 % quantile a value may count, in distances of that quantile from the median.
const CLIP_REACH: f64 = 2.0;

/// What the curve of a logarithmic unit is steepest against: a tenth of the usual size.
const LOG_BEND: f64 = 10.0;

/// Binary exponent of the largest value in units: sums of squares over any history stay finite.
pub(crate) const LARGEST_EXPONENT: i32 = 300;
/// The largest value in units, 2^300; a later one beyond it counts as much.
const LARGEST: f64 = 2.037_035_976_334_486e90;

/// How values are counted.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) enum Unit {
    /// In multiples of a number, a power of two near their usual size.
    Plain(f64),
    /// As the logarithm of one plus ten times that; nothing below zero.
    Log(f64),
}

impl Unit {
    fn count(self, value: f64) -> f64 {
        match self {
            Self::Plain(size) => (value / size).clamp(-LARGEST, LARGEST),
            Self::Log(size) => libm::log1p(LOG_BEND * (value / size).max(0.0)),
        }
    }

    /// A value counted in this unit as it is in the plain unit of the same size.
    pub(crate) fn to_plain(self, counted: f64) -> f64 {
        match self {
            Self::Plain(_) => counted,
            Self::Log(_) => libm::expm1(counted.min(700.0)) / LOG_BEND,
        }
    }
}

/// Values seen, in the order of the grid, and what is derived from them.
#[derive(Debug, Clone, Default)]
pub(crate) struct History {
    /// Seconds between two values.
    pub(crate) step: u64,
    /// Steps a day; 1 if the step is about a day or longer.
    pub(crate) day: usize,
    /// Steps a week; of data coarser than a day, steps a year.
    pub(crate) week: usize,
    /// Values, gaps filled from one day before, else from the last value.
    pub(crate) values: Vec<f64>,
    /// Which values were measured.
    pub(crate) observed: Vec<bool>,
    /// Values with spikes cut at the limits known before them.
    pub(crate) clipped: Vec<f64>,
    /// Sums of `clipped` up to each step, one more than there are values.
    sums: Vec<f64>,
    /// Median over the same time of earlier days, one a step, reaching almost a day into the future.
    day_profile: Vec<f64>,
    /// Median over the same time of earlier weeks, one a step, reaching almost a week into the future.
    week_profile: Vec<f64>,
    /// Median over the same time of earlier days of the same kind, reaching almost a day.
    kind_profile: Vec<f64>,
    /// Sums of the kind profile up to each step, the last known value standing in for what is not known.
    kind_sums: Vec<f64>,
    /// Which days are of a kind.
    kinds: Kinds,
    /// Steps until the first whole day by the wall clock had ended.
    first_day: usize,
    /// Day of the week of each step by the wall clock, Monday 0, as far as the profiles reach.
    weekday: Vec<u8>,
    /// Steps that the wall clock is ahead of UTC, as far as the profiles reach.
    shift: Vec<i32>,
    /// Limits that the next values are cut to.
    limits: (f64, f64),
    /// Least and largest value.
    extremes: (f64, f64),
    /// Whether any value was below zero.
    pub(crate) negative: bool,
    /// Level and seasons as of the newest step.
    smoothing: Smoothing,
}

impl History {
    /// An empty history with the grid of a series.
    pub(crate) fn new(y: &Series) -> Self {
        let step = y.step().as_secs();
        let (day, week) = if step <= DAY / 2 {
            let day = ((DAY + step / 2) / step) as usize;
            (day, 7 * day)
        } else if step < 7 * DAY / 2 {
            (1, 7)
        } else {
            (1, ((365 * DAY + step / 2) / step).max(1) as usize)
        };
        Self {
            step,
            day,
            week,
            values: Vec::new(),
            observed: Vec::new(),
            clipped: Vec::new(),
            sums: vec![0.0],
            day_profile: Vec::new(),
            week_profile: Vec::new(),
            kind_profile: Vec::new(),
            kind_sums: vec![0.0],
            kinds: Kinds::default(),
            first_day: usize::MAX,
            weekday: Vec::new(),
            shift: Vec::new(),
            limits: (f64::NEG_INFINITY, f64::INFINITY),
            extremes: (0.0, 0.0),
            negative: false,
            smoothing: Smoothing::new(step, day, week),
        }
    }

    /// Steps seen.
    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }

    /// Steps in this many seconds, rounded, at least one.
    pub(crate) fn steps_in(&self, seconds: u64) -> usize {
        ((seconds + self.step / 2) / self.step).max(1) as usize
    }

    /// Whether there are several steps a day.
    pub(crate) fn has_day(&self) -> bool {
        self.day > 1
    }

    /// Half the width of the window that smooths profiles, in steps.
    fn smoothing(&self) -> usize {
        if self.has_day() { self.steps_in(SMOOTHING) } else { 1 }
    }

    /// Takes in the next step of `y`.
    pub(crate) fn push(&mut self, y: &Series, unit: Unit) {
        let n = self.len();
        let value = match y.observation(n) {
            Some(value) => unit.count(value),
            None if n == 0 => unit.count(y.values()[0]),
            None if self.has_day() && n >= self.day => self.values[n - self.day],
            None => self.values[n - 1],
        };
        self.extend_clock(y);
        if n.is_multiple_of(self.clip_every()) {
            self.update_limits();
        }
        self.negative |= value < 0.0;
        let (least, largest) = if n == 0 { (value, value) } else { self.extremes };
        self.extremes = (least.min(value), largest.max(value));
        self.values.push(value);
        self.observed.push(y.observed()[n]);
        self.clipped.push(self.clip(value, n));
        self.sums.push(self.sums[n] + self.clipped[n]);
        if n + 1 >= self.day && self.weekday[n + 1] != self.weekday[n] {
            self.end_day();
        }
        self.extend_profiles();
        let seen = self.observed[n].then_some(self.clipped[n]);
        self.smoothing.push(seen, self.clock(n));
    }

    /// Steps by the wall clock up to step `t`, from some midnight or other.
    pub(crate) fn clock(&self, t: usize) -> usize {
        // The clock is behind UTC by less than a week.
        (t + self.week).saturating_add_signed(self.shift_at(t) as isize)
    }

    /// What double seasonal smoothing forecasts; it is known at the newest step alone.
    pub(crate) fn smoothing_ahead(&self, origin: usize, out: &mut [f64]) {
        debug_assert_eq!(origin, self.len(), "smoothing knows no earlier origin");
        self.smoothing.forecast(|k| self.clock(origin + k), out);
    }

    /// A value cut to the limits, unless it was as far out at the same time of an earlier day or week.
    fn clip(&self, value: f64, n: usize) -> f64 {
        let (mut low, mut high) = self.limits;
        for before in [self.day, self.week].iter().filter_map(|season| n.checked_sub(*season)) {
            low = low.min(self.values[before]);
            high = high.max(self.values[before]);
        }
        value.max(low).min(high)
    }

    /// Weekdays and clock shifts up to a week beyond the step.
    fn extend_clock(&mut self, y: &Series) {
        let calendar = y.calendar();
        let reach = self.len() + self.week.min(8 * self.day) + self.day + 1;
        while self.weekday.len() < reach {
            let at = y.time(self.weekday.len());
            self.weekday.push(calendar.local(at).weekday().to_monday_zero_offset() as u8);
            let steps = if self.has_day() { calendar.utc_offset(at) / self.step as i64 } else { 0 };
            self.shift.push(steps as i32);
        }
    }

    fn clip_every(&self) -> usize {
        if self.has_day() { (self.day / 4).max(1) } else { 7 }
    }

    /// Limits from the last week: far beyond the 1 % and 99 % quantiles.
    fn update_limits(&mut self) {
        let window = if self.has_day() { self.week } else { 60 };
        let fewest = if self.has_day() { self.day } else { 20 };
        let n = self.len();
        let mut recent = self.values[n.saturating_sub(window)..].to_vec();
        if recent.len() < fewest {
            return;
        }
        recent.sort_unstable_by(f64::total_cmp);
        let at = |p: f64| recent[((recent.len() - 1) as f64 * p) as usize];
        let (low, middle, high) = (at(0.01), at(0.5), at(0.99));
        self.limits = (low - CLIP_REACH * (middle - low), high + CLIP_REACH * (high - middle));
    }

    /// Mean of the clipped values of the `count` steps before `end`, as many as there are.
    pub(crate) fn mean(&self, end: usize, count: usize) -> f64 {
        let end = end.clamp(1, self.len());
        let from = end.saturating_sub(count.max(1));
        (self.sums[end] - self.sums[from]) / (end - from) as f64
    }

    /// The step that was `days` days before `t` by the wall clock.
    pub(crate) fn days_before(&self, t: usize, days: usize) -> Option<usize> {
        let plain = t.checked_sub(days * self.day)?;
        let change = self.shift_at(t) - self.shift_at(plain);
        if change == 0 { Some(plain) } else { plain.checked_add_signed(change as isize) }
    }

    fn shift_at(&self, t: usize) -> i32 {
        self.shift.get(t).or(self.shift.last()).copied().unwrap_or(0)
    }

    /// The same time in the latest whole number of seasons before `origin`; `season` is a day or a week of steps.
    pub(crate) fn season_before(&self, t: usize, origin: usize, season: usize, extra: usize) -> Option<usize> {
        let seasons = (t - origin) / season + 1 + extra;
        if !self.has_day() {
            return t.checked_sub(seasons * season);
        }
        let days = seasons * (season / self.day);
        let at = self.days_before(t, days)?;
        if at < origin { Some(at) } else { self.days_before(t, days + season / self.day) }
    }

    /// Smoothed value around a past step, from nothing at or after `end`.
    pub(crate) fn smoothed(&self, at: usize, end: usize) -> f64 {
        let half = self.smoothing();
        if half <= 1 {
            return self.clipped[at];
        }
        let (from, to) = ((at + 1).saturating_sub(half), (at + half).min(end));
        (self.sums[to] - self.sums[from]) / (to - from) as f64
    }

    /// Tells the kinds of days about the day that ends with the newest step.
    fn end_day(&mut self) {
        self.first_day = self.first_day.min(self.len());
        let from = self.len() - self.day;
        let mut course = [0.0; 8];
        let parts = course.len().min(self.day);
        for (part, mean) in course[..parts].iter_mut().enumerate() {
            let (a, b) = (from + part * self.day / parts, from + (part + 1) * self.day / parts);
            *mean = (self.sums[b] - self.sums[a]) / (b - a) as f64;
        }
        self.kinds.push(self.weekday[from + self.day / 2], course);
    }

    /// Adds what the newest step makes known of the profiles.
    fn extend_profiles(&mut self) {
        let n = self.len();
        while self.day_profile.len() <= n + self.reach(self.day) {
            let t = self.day_profile.len();
            let value = self.median_of((1..=7).filter_map(|j| self.past(t, j * self.day, n)));
            self.day_profile.push(value);
        }
        while self.week_profile.len() <= n + self.reach(self.week) {
            let t = self.week_profile.len();
            let value = self.median_of((1..=4).filter_map(|j| self.past(t, j * self.week, n)));
            self.week_profile.push(value);
        }
        while self.kind_profile.len() <= n + self.reach(self.day) {
            let t = self.kind_profile.len();
            let same = (1..=28).filter(|j| t.checked_sub(j * self.day).is_some_and(|i| self.alike(t, i, n)));
            let value = self.median_of(same.filter_map(|j| self.past(t, j * self.day, n)).take(5));
            self.kind_profile.push(value);
            let known = if value.is_finite() { value } else { self.clipped[t.min(n - 1)] };
            self.kind_sums.push(self.kind_sums[t] + known);
        }
    }

    fn past(&self, t: usize, lag: usize, n: usize) -> Option<f64> {
        let at = if self.has_day() { self.days_before(t, lag / self.day)? } else { t.checked_sub(lag)? };
        (at < n).then(|| self.smoothed(at, n))
    }

    /// Median, or `NaN` of nothing.
    fn median_of(&self, values: impl Iterator<Item = f64>) -> f64 {
        let mut few = [0.0; 8];
        let mut count = 0;
        for value in values {
            few[count] = value;
            count += 1;
        }
        let few = &mut few[..count];
        few.sort_unstable_by(f64::total_cmp);
        match count {
            0 => f64::NAN,
            _ if count % 2 == 1 => few[count / 2],
            _ => 0.5 * (few[count / 2 - 1] + few[count / 2]),
        }
    }

    /// Whether two steps are on days of a kind, by what was known at `origin`.
    fn alike(&self, one: usize, other: usize, origin: usize) -> bool {
        let (one, other) = (self.weekday.get(one), self.weekday.get(other));
        let days = origin.checked_sub(self.first_day).map_or(0, |since| 1 + since / self.day);
        one.zip(other).is_some_and(|(one, other)| self.kinds.alike(days, *one, *other))
    }

    /// How far the profiles of a season reach beyond an origin.
    fn reach(&self, season: usize) -> usize {
        season - if self.has_day() { self.smoothing() } else { 1 }
    }

    /// Median profile of the days before, for step `t` as known at `origin`.
    pub(crate) fn day_profile(&self, t: usize, origin: usize) -> Option<f64> {
        self.read(&self.day_profile, t, origin + self.reach(self.day), self.day)
    }

    /// Median profile of the weeks before, for step `t` as known at `origin`.
    pub(crate) fn week_profile(&self, t: usize, origin: usize) -> Option<f64> {
        self.read(&self.week_profile, t, origin + self.reach(self.week), self.week)
    }

    /// Mean of the kind profile over the `count` steps before `end`, each as known almost a day before it.
    pub(crate) fn mean_kind_profile(&self, end: usize, count: usize) -> f64 {
        let from = end.saturating_sub(count.max(1));
        (self.kind_sums[end] - self.kind_sums[from]) / (end - from).max(1) as f64
    }

    /// Median profile of days of the same kind, for step `t`; further ahead the last day of the same kind.
    pub(crate) fn kind_profile(&self, t: usize, origin: usize) -> Option<f64> {
        let end = origin + self.reach(self.day);
        let (mut at, mut days) = (t, 0);
        while at > end || !self.alike(at, t, origin) {
            days += 1;
            at = self.days_before(t, days)?;
        }
        self.kind_profile.get(at).copied().filter(|value| value.is_finite())
    }

    /// Entry `t` of a profile that reaches to `last`, or whole seasons before it by the wall clock; `None` where nothing is
    /// known.
    fn read(&self, profile: &[f64], t: usize, last: usize, season: usize) -> Option<f64> {
        let (back, days) = (t.saturating_sub(last).div_ceil(season), season / self.day);
        let mut at = self.days_before(t, back * days)?;
        if at > last {
            at = self.days_before(t, (back + 1) * days)?;
        }
        profile.get(at).copied().filter(|value| value.is_finite())
    }

    /// Bounds of what can be forecast: as far beyond the least and the largest value seen as these lie apart.
    pub(crate) fn reachable(&self) -> (f64, f64) {
        let (least, largest) = self.extremes;
        (least - (largest - least), largest + (largest - least))
    }
}
