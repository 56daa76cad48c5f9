//! The probe `prometheus` against the real server.

use serde_json::json;
use stormglass_chaos::{Probe, Reading, Settings};
use stormglass_integrations::faults::CATALOGUE;

use crate::server::{Server, answering, free_address};

fn probe(endpoint: &str, query: &str) -> Box<dyn Probe> {
    let kind = CATALOGUE.probe("prometheus").unwrap();
    let given = json!({ "endpoint": endpoint, "query": query });
    kind.read(Settings::new("probe[0]", kind.settings(), given.as_object().unwrap(), &[])).unwrap()
}

async fn measure(endpoint: &str, query: &str) -> Result<Reading, String> {
    probe(endpoint, query).measure().await.map_err(|e| e.to_string())
}

#[tokio::test]
async fn a_query_has_a_value_or_none_or_an_error() {
    let server = Server::start(&[], None, None).await;
    let at = &server.address;
    for (query, number) in [("vector(42.5)", 42.5), ("6 * 7", 42.0), ("vector(1) == 1", 1.0), ("vector(0)", 0.0)] {
        let reading = measure(at, query).await.unwrap();
        assert_eq!((reading.number, reading.ok), (Some(number), true), "{query}");
    }
    let none = measure(at, "vector(1) == 2").await.unwrap();
    assert_eq!((none.number, none.ok, none.summary.as_str()), (None, false, "no value"));
    let two = "vector(1) or label_replace(vector(2), \"pod\", \"a\", \"\", \"\")";
    for (query, wants) in [
        (two, "returned 2 series, expected one; aggregate it, for example with sum()"),
        ("vector(0) / 0", "the value is `NaN`, expected a finite number"),
        ("\"text\"", "yields a text, expected a number"),
        ("sum(", "the server refuses the query: "),
        ("vector(1)[5m:1m]", "yields a range, expected one value; use for example rate(...)"),
    ] {
        let said = measure(at, query).await.unwrap_err();
        assert!(said.contains(wants), "`{said}` lacks `{wants}`");
    }
}

#[tokio::test]
async fn what_is_no_prometheus_is_said() {
    let free = free_address();
    let said = measure(&free, "up").await.unwrap_err();
    assert!(said.starts_with(&format!("the query `up` at {free}: ")), "{said}");
    let page = answering("HTTP/1.1 200 OK\r\nContent-Length: 19\r\n\r\n<html>log in</html>").await;
    let said = measure(&page, "up").await.unwrap_err();
    assert!(said.contains("not Prometheus's API"), "{said}");
}
