//! Settings that are out of range or contradict each other, before anything is read.

use super::JobError;
use crate::duration::Span;
use crate::settings::JobSettings;

/// Seconds of a day.
const DAY: u64 = 86_400;
/// Most units that a timetable may have.
const MOST_UNITS: u32 = 1_000_000;

/// Refuses what no forecast could satisfy.
pub(super) fn check(settings: &JobSettings) -> Result<(), JobError> {
    let wrong = |setting: &str, found: String, expected: String| {
        Err(JobError::Setting { setting: setting.to_owned(), found, expected })
    };
    let (forecast, capacity) = (&settings.forecast, &settings.capacity);
    let longest = [
        ("forecast.horizon", forecast.horizon, 1, 35 * DAY),
        ("capacity.warm_up", capacity.warm_up, 0, DAY / 4),
        ("capacity.dwell", capacity.dwell, 0, DAY),
    ];
    if let Some((setting, found, least, most)) =
        longest.into_iter().find(|(_, found, least, most)| !(*least..=*most).contains(&found.as_secs()))
    {
        let expected = format!("{} to {}", Span::seconds(least), Span::seconds(most));
        return wrong(setting, found.to_string(), expected);
    }
    if !(0.5..=0.999).contains(&capacity.level) {
        return wrong("capacity.level", capacity.level.to_string(), "0.5 to 0.999".to_owned());
    }
    if !(1..=MOST_UNITS).contains(&capacity.max) {
        return wrong("capacity.max", capacity.max.to_string(), format!("1 to {MOST_UNITS}"));
    }
    if let Some(step) = forecast.step.filter(|step| *step > forecast.horizon) {
        return wrong(
            "forecast.step",
            step.to_string(),
            format!("at most forecast.horizon, which is {}", forecast.horizon),
        );
    }
    if capacity.target_utilization > capacity.slo_utilization {
        let expected = format!(
            "at most capacity.slo_utilization, which is {}: units sized above it miss the objective all the time",
            capacity.slo_utilization
        );
        return wrong("capacity.target_utilization", capacity.target_utilization.to_string(), expected);
    }
    if let Some((index, o)) = capacity.overrides.iter().enumerate().find(|(_, o)| o.min > capacity.max) {
        let setting = format!("capacity.overrides[{index}].min");
        return wrong(&setting, o.min.to_string(), format!("at most capacity.max, which is {}", capacity.max));
    }
    if let Some((index, e)) = settings.events.iter().enumerate().find(|(_, e)| e.from >= e.to) {
        return wrong(
            &format!("events[{index}].to"),
            e.to.to_string(),
            format!("a time after `from`, which is {}", e.from),
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_refused(settings: JobSettings, setting: &str) {
        assert_eq!(check(&settings).unwrap_err().setting(), setting);
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        let with = |change: &dyn Fn(&mut JobSettings)| {
            let mut settings = JobSettings::default();
            change(&mut settings);
            settings
        };
        for horizon in [0, 36 * DAY] {
            check_refused(with(&|s| s.forecast.horizon = Span::seconds(horizon)), "forecast.horizon");
        }
        check_refused(with(&|s| s.capacity.warm_up = Span::seconds(99 * 3_600)), "capacity.warm_up");
        check_refused(with(&|s| s.capacity.dwell = Span::seconds(DAY + 1)), "capacity.dwell");
        check_refused(with(&|s| s.capacity.level = 0.9999), "capacity.level");
        check_refused(with(&|s| s.capacity.max = 2_000_000), "capacity.max");
    }

    #[test]
    fn contradictions_are_named() {
        let sound = JobSettings::default();
        check(&sound).unwrap();
        let mut step = sound.clone();
        step.forecast.step = "14d".parse().ok();
        check_refused(step, "forecast.step");
        let mut utilization = sound.clone();
        utilization.capacity.target_utilization = 0.95;
        check_refused(utilization, "capacity.target_utilization");
    }
}
