//! What the wall clock says about a series: its time zone, and the days and hours that are unlike others.

use jiff::{Timestamp, civil, tz::TimeZone};
use serde::{Deserialize, Serialize};

/// Time zone and special times of a series; seasons follow its wall clock.
#[derive(Debug, Clone, PartialEq)]
pub struct Calendar {
    time_zone: TimeZone,
    events: Vec<Event>,
}

/// A stretch of time that is unlike others: a sale, a release, a holiday.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Name; events of one name are taken to have one effect.
    pub name: String,
    /// First instant of the event.
    pub from: Timestamp,
    /// First instant after the event.
    pub to: Timestamp,
    /// Factor on the load that the user expects while it lasts; `None` lets the models learn it from earlier ones.
    pub factor: Option<f64>,
}

impl Default for Calendar {
    fn default() -> Self {
        Self::utc()
    }
}

impl Calendar {
    /// The calendar of UTC, without events.
    pub fn utc() -> Self {
        Self { time_zone: TimeZone::UTC, events: Vec::new() }
    }

    /// A calendar of one time zone, without events.
    pub fn new(time_zone: TimeZone) -> Self {
        Self { time_zone, events: Vec::new() }
    }

    /// The same calendar with these events, sorted by their beginning.
    pub fn with_events(mut self, mut events: Vec<Event>) -> Self {
        events.sort_by(|a, b| (a.from, a.to, &a.name).cmp(&(b.from, b.to, &b.name)));
        self.events = events;
        self
    }

    /// The time zone whose wall clock the seasons follow.
    pub fn time_zone(&self) -> &TimeZone {
        &self.time_zone
    }

    /// All events, earliest first.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The wall clock at an instant.
    pub fn local(&self, at: Timestamp) -> civil::DateTime {
        self.time_zone.to_datetime(at)
    }

    /// Seconds that the wall clock is ahead of UTC at an instant.
    pub fn utc_offset(&self, at: Timestamp) -> i64 {
        i64::from(self.time_zone.to_offset(at).seconds())
    }
}
