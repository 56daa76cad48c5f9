//! Settings that contradict each other, before anything is read.

use super::JobError;
use crate::settings::JobSettings;

/// Refuses what no forecast could satisfy.
pub(super) fn check(settings: &JobSettings) -> Result<(), JobError> {
    let wrong = |setting: &str, found: String, expected: String| {
        Err(JobError::Setting { setting: setting.to_owned(), found, expected })
    };
    let (forecast, capacity) = (&settings.forecast, &settings.capacity);
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
