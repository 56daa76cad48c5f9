//! What events with a known factor do to a series: the past is read without them, the future gets them back.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::calendar::Calendar;
use crate::model::Ahead;
use crate::series::Series;

/// The series as it would have been without the events whose factor is known: values divided by it.
///
/// During an event of factor zero nothing can be known of the rest: those steps count as not observed.
pub(crate) fn without_events(y: &Series) -> Series {
    if !y.calendar().has_factors() {
        return y.clone();
    }
    let plain = |t: usize| y.observation(t).map(|v| v / y.calendar().factor(y.time(t))).filter(|v| v.is_finite());
    y.refilled(&(0..y.len()).map(plain).collect::<Vec<_>>())
}

/// Factors of the steps of a horizon, one a lead; `None` where no event says one.
pub(crate) fn factors(ahead: &Ahead, known: &Arc<Calendar>, start: Timestamp, step: Duration) -> Option<Vec<f64>> {
    let calendar = ahead.calendar.as_ref().unwrap_or(known);
    calendar.has_factors().then(|| {
        let seconds = i64::try_from(step.as_secs()).unwrap_or(i64::MAX);
        let time = |k: usize| start.as_second().saturating_add(seconds.saturating_mul(k as i64));
        let at = |k| Timestamp::from_second(time(k).min(Timestamp::MAX.as_second())).unwrap_or(Timestamp::MAX);
        (0..ahead.horizon).map(|k| calendar.factor(at(k))).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::calendar::Event;

    fn sale(factor: f64) -> Calendar {
        let (from, to) = (Timestamp::from_second(7200).unwrap(), Timestamp::from_second(14_400).unwrap());
        Calendar::utc().with_events(vec![Event { name: "sale".into(), from, to, factor: Some(factor) }])
    }

    fn hours(values: &[f64], factor: f64) -> Series {
        let series = Series::new(Timestamp::UNIX_EPOCH, Duration::from_secs(3600), values.to_vec()).unwrap();
        series.with_calendar(sale(factor))
    }

    #[test]
    fn past_events_are_divided_out() {
        let plain = without_events(&hours(&[1.0, 2.0, 6.0, 8.0, 5.0], 2.0));
        assert_eq!(plain.values(), [1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(plain.observed(), [true; 5]);
    }

    #[test]
    fn nothing_is_known_of_an_outage_of_factor_zero() {
        let plain = without_events(&hours(&[1.0, 2.0, 0.0, 0.0, 5.0], 0.0));
        assert_eq!(plain.values(), [1.0, 2.0, 2.0, 2.0, 5.0]);
        assert_eq!(plain.observed(), [true, true, false, false, true]);
    }

    #[test]
    fn gaps_are_filled_from_what_was_there_without_the_event() {
        let values = [Some(1.0), Some(2.0), Some(6.0), None, None];
        let y = Series::from_options(Timestamp::UNIX_EPOCH, Duration::from_secs(3600), values.to_vec()).unwrap();
        let plain = without_events(&y.with_calendar(sale(2.0)));
        assert_eq!(plain.values(), [1.0, 2.0, 3.0, 3.0, 3.0]);
        assert_eq!(plain.observed(), [true, true, true, false, false]);
    }

    #[test]
    fn future_events_multiply() {
        let y = hours(&[1.0], 3.0);
        let found = factors(&Ahead::steps(5), y.calendar(), y.end(), y.step());
        assert_eq!(found, Some(vec![1.0, 3.0, 3.0, 1.0, 1.0]));
        assert_eq!(factors(&Ahead::steps(5), &Arc::default(), y.end(), y.step()), None);
    }
}
