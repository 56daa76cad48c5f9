//! Configurations and series that many tests share.

use std::fmt::Write as _;

/// First day of [`load`]: a Monday.
pub const FIRST_DAY: &str = "2026-10-05T00:00:00Z";

/// Days of the months of 2026.
const MONTHS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/// Four weeks of hours that repeat daily, lower at the end of each week: `timestamp,value`, from [`FIRST_DAY`] on.
pub fn load() -> String {
    load_from(10, 5)
}

/// The same from another day of 2026 on, which begins the first of its weeks.
pub fn load_from(month: u32, day: u32) -> String {
    let (mut month, mut of_month) = (month, day);
    let mut text = String::from("timestamp,value\n");
    for hour in 0..24 * 28_u32 {
        let (day, time) = (hour / 24, hour % 24);
        let shape = [2, 1, 1, 1, 1, 2, 4, 6, 8, 9, 10, 10, 9, 10, 10, 9, 9, 8, 7, 6, 5, 4, 3, 2][time as usize];
        let weekend = if day % 7 >= 5 { 6 } else { 10 };
        // A small wave of its own length stands for noise, so that nothing repeats exactly.
        let value = shape * weekend * 10 + (hour * 7) % 11;
        let _ = writeln!(text, "2026-{month:02}-{of_month:02}T{time:02}:00:00Z,{value}");
        if time == 23 {
            of_month += 1;
            if of_month > MONTHS[month as usize - 1] {
                (month, of_month) = (month + 1, 1);
            }
        }
    }
    text
}

/// A forecast and a policy over `load.csv` and `schedule.json`, with more lines for each block.
pub fn service(forecast: &str, policy: &str) -> String {
    format!(
        r#"
data "stormglass_capacity_forecast" "web" {{
  source   = {{ csv = {{ path = "load.csv" }} }}
  capacity = {{ per_unit = 100, min = 2, max = 20, dwell = "1h", cost_per_unit_hour = 0.1 }}
  preset   = "fast"
  {forecast}
}}

resource "stormglass_predictive_scaling_policy" "web" {{
  capacity_plan = data.stormglass_capacity_forecast.web.capacity_plan
  target        = {{ file = {{ path = "schedule.json" }} }}
  {policy}
}}
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_series_is_four_weeks_of_hours() {
        let text = load();
        assert_eq!(text.lines().count(), 1 + 24 * 28);
        assert!(text.lines().nth(1).is_some_and(|l| l.starts_with(FIRST_DAY)));
        assert!(text.trim_end().lines().last().is_some_and(|l| l.starts_with("2026-11-01T23:00:00Z")));
    }
}
