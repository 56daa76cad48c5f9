//! Days unlike others: `cargo run --release -p forecast-core --example events`.
//!
//! A sale with a known factor is taken out of the past, where it would pass for growth, and put on the future. Seasons
//! follow the wall clock of the users' time zone.

mod load;

use std::error::Error;

use forecast_core::{Ahead, Calendar, Event, grammar};
use jiff::civil::{Date, date};
use jiff::tz::TimeZone;

/// A sale from midnight to midnight of the users' day.
fn sale(zone: &TimeZone, day: Date, factor: f64) -> Result<Event, jiff::Error> {
    let midnight = |day: Date| zone.to_timestamp(day.at(0, 0, 0, 0));
    Ok(Event { name: "sale".into(), from: midnight(day)?, to: midnight(day.tomorrow()?)?, factor: Some(factor) })
}

fn main() -> Result<(), Box<dyn Error>> {
    let zone = TimeZone::get("Europe/Berlin")?;
    let plain = load::shop(24 * 28, 1)?.with_calendar(Calendar::new(zone.clone()));
    // The series ends on 2 November; the sale of the next day brings half as much again.
    let sales = vec![sale(&zone, date(2026, 11, 3), 1.5)?];
    let calendar = Calendar::new(zone).with_events(sales);
    let fitted = grammar::parse("auto")?.fit(&plain)?;
    let usual = fitted.forecast(&Ahead::steps(48), &[])?;
    let ahead = Ahead { calendar: Some(calendar.into()), ..Ahead::steps(48) };
    let with_sale = fitted.forecast(&ahead, &[])?;
    for k in (0..48).step_by(4) {
        let time = plain.calendar().local(usual.time(k));
        println!("{:>20} {:6.1} as usual, {:6.1} with the sale", time.to_string(), usual.point[k], with_sale.point[k]);
    }
    Ok(())
}

#[test]
fn it_runs() -> Result<(), Box<dyn Error>> {
    main()
}
