//! Prophet against the package prophet: a posterior density no lower than that of Stan's optimizer, forecasts alike.

use std::collections::BTreeMap;
use std::time::Duration;

use forecast_core::models::{EventWindow, Prophet};
use forecast_core::{Ahead, Calendar, Event, Forecaster, Series};
use serde_json::Value;

use super::{check_all_close, data, number, numbers};

fn series(entry: &Value) -> Series {
    let name = entry["name"].as_str().unwrap();
    let values =
        if entry["y"].is_null() { data(&format!("data_{name}.json"))["values"].take() } else { entry["y"].clone() };
    let step = if entry["freq"] == "D" { 86_400 } else { 3_600 };
    let start = format!("{}T00:00:00Z", entry["start"].as_str().unwrap()).parse().unwrap();
    let y = Series::new(start, Duration::from_secs(step), numbers(&values)).unwrap();
    let sale = |from: &str, to: &str| Event {
        name: "sale".into(),
        from: from.parse().unwrap(),
        to: to.parse().unwrap(),
        factor: None,
    };
    let sales = if name == "sales" {
        vec![sale("2024-01-10T00:00:00Z", "2024-01-11T00:00:00Z"), sale("2024-01-18T00:00:00Z", "2024-01-19T00:00:00Z")]
    } else {
        Vec::new()
    };
    y.with_calendar(Calendar::utc().with_events(sales))
}

#[test]
fn the_posterior_is_no_lower_than_that_of_stan() {
    for entry in data("prophet.json").as_array().unwrap() {
        let window = EventWindow { after: 1, ..EventWindow::default() };
        let model = Prophet {
            multiplicative: entry["multiplicative"].as_bool().unwrap(),
            windows: BTreeMap::from([("sale".to_owned(), window)]),
            ..Prophet::default()
        };
        let fitted = model.fit(&series(entry)).unwrap();
        let parameters = fitted.parameters();
        let columns = entry["columns"].as_array().unwrap().len();
        let what = format!("{} {}", entry["name"], fitted.name());
        assert_eq!(parameters.len(), 4 + 25 + columns, "{what}: {parameters:?}");
        let (found, expected) = (parameters["log_posterior"], number(&entry["log_posterior"]));
        assert!(found >= expected - 1e-3, "{what}: {found}, Stan {expected}");
        assert!(found <= expected + 1.0, "{what}: another density: {found}, Stan {expected}");
        let point = numbers(&entry["forecast"]);
        let ahead = fitted.forecast(&Ahead::steps(point.len()), &[]).unwrap();
        check_all_close(&what, &ahead.point, &point, 5e-3);
    }
}
