//! Double seasonal exponential smoothing with fixed rates, one step at a time.
//!
//! y[t] = l + d[t mod day] + w[t mod week] + r[t], where the remainder r is an autoregression of first order. The error
//! e = y - (l + d + w) moves each part: l by a e, d by g (1 - a) e, w by v (1 - g) e. As long as few days or weeks were
//! seen, g and v are those of a plain mean. Profiles are medians of a few days and know nothing of a slow change within
//! them; this is a member that does, at a handful of operations a step. The rates are not fitted: a fit at each past
//! origin would cost what the rest of the mixture costs together. Source: Taylor (2003), Journal of the Operational
//! Research Society 54, 799-805.

/// Hours in which the level's memory halves: it is to follow weeks, not days.
const LEVEL_HALF_LIFE: f64 = 48.0;
/// Hours in which the remainder halves.
const REMAINDER_HALF_LIFE: f64 = 3.0;
/// Rates of the day's and of the week's season once enough were seen.
const DAY_RATE: f64 = 0.1;
const WEEK_RATE: f64 = 0.2;
/// Most that the level moves by of an error, however long a step is.
const FASTEST_LEVEL: f64 = 0.5;

/// Level, seasons and remainder after the steps seen.
#[derive(Debug, Clone, Default)]
pub(crate) struct Smoothing {
    alpha: f64,
    phi: f64,
    level: f64,
    day: Vec<f64>,
    week: Vec<f64>,
    remainder: f64,
    seen: usize,
    /// Whether a value was observed.
    started: bool,
}

impl Smoothing {
    /// Nothing seen yet, `step` seconds between values, `day` and `week` steps in the seasons; a day of one step is none.
    pub(crate) fn new(step: u64, day: usize, week: usize) -> Self {
        let kept = |half_life: f64| libm::exp2(-(step as f64) / 3600.0 / half_life);
        Self {
            alpha: (1.0 - kept(LEVEL_HALF_LIFE)).min(FASTEST_LEVEL),
            phi: kept(REMAINDER_HALF_LIFE),
            day: vec![0.0; day],
            week: vec![0.0; week],
            ..Self::default()
        }
    }

    /// Takes in the value of a step, `None` where nothing was observed; `clock` counts steps by the wall clock.
    pub(crate) fn push(&mut self, value: Option<f64>, clock: usize) {
        let (at_day, at_week) = (clock % self.day.len(), clock % self.week.len());
        if let Some(first) = value.filter(|_| !self.started) {
            (self.level, self.started) = (first, true);
        }
        self.seen += 1;
        let error = value.map(|y| y - (self.level + self.day[at_day] + self.week[at_week]));
        let Some(error) = error.filter(|e| e.is_finite()) else {
            self.remainder *= self.phi;
            return;
        };
        let of_mean = |season: usize| 1.0 / (self.seen / season + 1) as f64;
        let (day_rate, week_rate) = (of_mean(self.day.len()).max(DAY_RATE), of_mean(self.week.len()).max(WEEK_RATE));
        self.level += self.alpha * error;
        if self.day.len() > 1 {
            self.day[at_day] += day_rate * (1.0 - self.alpha) * error;
        }
        if self.seen >= self.week.len() {
            self.week[at_week] += week_rate * (1.0 - DAY_RATE) * error;
        }
        self.remainder = error;
    }

    /// Forecasts of the next steps, one a lead; `clock` is that of the first.
    pub(crate) fn forecast(&self, clock: impl Fn(usize) -> usize, out: &mut [f64]) {
        let mut remainder = self.remainder;
        for (k, out) in out.iter_mut().enumerate() {
            let clock = clock(k);
            remainder *= self.phi;
            *out = self.level + self.day[clock % self.day.len()] + self.week[clock % self.week.len()] + remainder;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3600;

    /// A day's wave, lower on the last two days of the week.
    fn load(t: usize) -> f64 {
        let day = ((t % 24) as f64 - 11.5).abs();
        100.0 + 3.0 * day - if t / 24 % 7 >= 5 { 40.0 } else { 0.0 }
    }

    fn after(weeks: usize, value: impl Fn(usize) -> Option<f64>) -> Smoothing {
        let mut smoothing = Smoothing::new(HOUR, 24, 168);
        (0..168 * weeks).for_each(|t| smoothing.push(value(t), t));
        smoothing
    }

    fn week_ahead(smoothing: &Smoothing) -> Vec<f64> {
        let mut out = vec![0.0; 168];
        smoothing.forecast(|k| k, &mut out);
        out
    }

    fn mean_error(forecast: &[f64], truth: impl Fn(usize) -> f64) -> f64 {
        forecast.iter().enumerate().map(|(t, f)| (f - truth(t)).abs()).sum::<f64>() / forecast.len() as f64
    }

    #[test]
    fn learns_both_seasons() {
        let error = mean_error(&week_ahead(&after(12, |t| Some(load(t)))), load);
        // The level follows weekends a little; the mean alone would err by more than ten.
        assert!(error < 2.0, "{error}");
    }

    #[test]
    fn follows_a_level_that_changes() {
        let value = |t: usize| load(t) + if t < 168 * 10 { 0.0 } else { 60.0 };
        let error = mean_error(&week_ahead(&after(12, |t| Some(value(t)))), |t| load(t) + 60.0);
        assert!(error < 6.0, "{error}");
    }

    #[test]
    fn what_the_last_step_was_off_fades() {
        let last = 168 * 12 - 1;
        let plain = week_ahead(&after(12, |t| Some(load(t))));
        let raised = week_ahead(&after(12, |t| Some(load(t) + if t == last { 30.0 } else { 0.0 })));
        let off: Vec<f64> = raised.iter().zip(&plain).map(|(a, b)| a - b).collect();
        assert!(off[0] > 20.0 && (off[3] / off[0] - 0.5).abs() < 0.05 && off[23] < 6.0, "{:?}", &off[..24]);
    }

    #[test]
    fn gaps_and_what_is_no_number_change_nothing_but_the_remainder() {
        let whole = after(6, |t| Some(load(t)));
        for odd in [None, Some(f64::INFINITY)] {
            let mut gapped = whole.clone();
            (0..24).for_each(|t| gapped.push(odd, t));
            assert_eq!((gapped.level, &gapped.day, &gapped.week), (whole.level, &whole.day, &whole.week));
            assert!(gapped.remainder.abs() <= whole.remainder.abs() * 0.01);
        }
    }

    #[test]
    fn daily_data_have_a_week_alone() {
        let mut smoothing = Smoothing::new(24 * HOUR, 1, 7);
        let value = |t: usize| if t % 7 < 5 { 10.0 } else { 4.0 };
        (0..700).for_each(|t| smoothing.push(Some(value(t)), t));
        let mut out = [0.0; 7];
        smoothing.forecast(|k| k, &mut out);
        assert!(mean_error(&out, value) < 0.5 && smoothing.day == [0.0], "{out:?}");
    }
}
