//! Pure functions that configurations call.

pub(crate) mod cron_from_schedule;
pub(crate) mod forecast;
pub(crate) mod units_for_load;
