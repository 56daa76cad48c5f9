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
    /// Factor on the load that the user expects while it lasts; with `None` the model `prophet` learns the effect from
    /// earlier events of the name, and others leave it alone.
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

    /// Factor on the load that the user expects at an instant: that of all events under way; 1 without any.
    pub fn factor(&self, at: Timestamp) -> f64 {
        let under_way = self.events.iter().take_while(|event| event.from <= at).filter(|event| at < event.to);
        under_way.filter_map(|event| event.factor).filter(|f| f.is_finite() && *f >= 0.0).product()
    }

    /// Whether any event says what factor it brings.
    pub fn has_factors(&self) -> bool {
        self.events.iter().any(|event| event.factor.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, from: &str, to: &str, factor: Option<f64>) -> Event {
        Event { name: name.into(), from: from.parse().unwrap(), to: to.parse().unwrap(), factor }
    }

    #[test]
    fn factors_of_events_under_way_multiply() {
        let calendar = Calendar::utc().with_events(vec![
            event("sale", "2026-11-27T00:00:00Z", "2026-11-28T00:00:00Z", Some(2.0)),
            event("mail", "2026-11-27T08:00:00Z", "2026-11-27T10:00:00Z", Some(1.5)),
            event("learned", "2026-11-27T08:00:00Z", "2026-11-27T10:00:00Z", None),
        ]);
        let at = |time: &str| calendar.factor(time.parse().unwrap());
        assert_eq!(at("2026-11-26T23:59:59Z"), 1.0);
        assert_eq!(at("2026-11-27T00:00:00Z"), 2.0);
        assert_eq!(at("2026-11-27T09:00:00Z"), 3.0);
        assert_eq!(at("2026-11-28T00:00:00Z"), 1.0);
        assert!(calendar.has_factors());
        assert!(!Calendar::utc().has_factors());
    }

    #[test]
    fn the_wall_clock_of_a_zone() {
        let calendar = Calendar::new(TimeZone::get("Europe/Berlin").unwrap());
        let winter = "2026-01-05T12:00:00Z".parse().unwrap();
        assert_eq!(calendar.local(winter).to_string(), "2026-01-05T13:00:00");
        assert_eq!(calendar.utc_offset(winter), 3600);
        assert_eq!(calendar.utc_offset("2026-07-05T12:00:00Z".parse().unwrap()), 7200);
    }
}
