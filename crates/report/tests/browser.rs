//! The sample report in a real headless Chromium: it is parsed as meant, logs nothing and asks for nothing.
//!
//! The last test hands the browser a page that breaks both rules, so that the checks are known to notice.

mod sample;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use stormglass_report::render;

/// What a browser made of a page.
struct Seen {
    dom: String,
    console: Vec<String>,
    requests: Vec<String>,
}

/// Loads `html` from a file and returns the document, the console's lines and every request of the page.
fn browse(html: &str, window: &str) -> Seen {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (page, log) = (folder.path().join("report.html"), folder.path().join("net.json"));
    fs::write(&page, html).expect("the page is written");
    let output = Command::new("chromium")
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-extensions",
        ])
        .args(["--disable-dev-shm-usage", "--enable-logging=stderr", "--dump-dom"])
        .arg(format!("--window-size={window}"))
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("--log-net-log={}", log.display()))
        .arg(format!("file://{}", page.display()))
        .env("HOME", folder.path())
        .stdin(Stdio::null())
        .output();
    let output = output.unwrap_or_else(|e| {
        panic!("cannot run `chromium`: {e}; install it, on Debian with `apt-get install chromium`, and have it on PATH")
    });
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "chromium failed: {stderr}");
    let console = stderr.lines().filter(|l| l.contains(":CONSOLE")).map(str::to_owned).collect();
    Seen { dom: String::from_utf8(output.stdout).expect("a document in UTF-8"), console, requests: requests(&log) }
}

/// Addresses in Chromium's network log that a page asked for; the browser's own errands have no page as initiator.
fn requests(log: &Path) -> Vec<String> {
    let text = fs::read_to_string(log).expect("chromium wrote its network log");
    let log: serde_json::Value = serde_json::from_str(&text).expect("a network log in JSON");
    let events = log["events"].as_array().expect("a list of events");
    let asked = events.iter().map(|e| &e["params"]).filter(|p| p["url"].is_string() && p["initiator"].is_string());
    let asked = asked.filter(|p| p["initiator"] != "not an origin");
    asked.map(|p| p["url"].as_str().unwrap_or_default().to_owned()).collect()
}

fn check_quiet(seen: &Seen) {
    assert!(seen.console.is_empty(), "{:#?}", seen.console);
    assert!(seen.requests.is_empty(), "{:#?}", seen.requests);
}

#[test]
fn the_sample_is_whole_and_quiet() {
    let seen = browse(&render(&sample::report()), "1280,900");
    check_quiet(&seen);
    for text in [
        "<title>checkout-api \u{b7} Capacity forecast</title>",
        "<h1>checkout-api</h1>",
        "One thing to look at first",
        "<strong>93.1% accurate</strong>",
        "Load: what came and what is forecast",
        "Schedule: what will run",
        "Kubernetes HPA",
        "Expected share of the load",
        "Record: what was forecast before, and what came",
        "Backtest: how far such forecasts were right",
        "weekly_median_profile",
        "target_utilization",
    ] {
        assert!(seen.dom.contains(text), "`{text}` is not in the document");
    }
    assert_eq!(seen.dom.matches("role=\"img\"").count(), 5, "charts");
    assert_eq!(seen.dom.matches("</figure>").count(), 5, "figures");
}

#[test]
fn hostile_text_stays_text() {
    let mut report = sample::report();
    report.title = "</title><script>console.log('ran')</script>".to_owned();
    report.warnings = vec!["<img src=\"http://127.0.0.1:9/x.png\" onerror=\"console.log('ran')\">".to_owned()];
    report.load_unit = Some("</svg><script>console.log('ran')</script>".to_owned());
    let seen = browse(&render(&report), "390,844");
    check_quiet(&seen);
    assert!(seen.dom.contains("&lt;script&gt;console.log('ran')&lt;/script&gt;"), "the title is shown as it is");
    assert!(!seen.dom.contains("<script") && !seen.dom.contains("<img"));
}

#[test]
fn a_phone_needs_no_sideways_scrolling() {
    let page = render(&sample::report()).replace('&', "&amp;").replace('"', "&quot;");
    let measure = "onload=\"document.body.dataset.width=this.contentDocument.documentElement.scrollWidth\"";
    let style = "style=\"width:390px;height:844px;border:0\"";
    let seen =
        browse(&format!("<!DOCTYPE html><body><iframe {style} {measure} srcdoc=\"{page}\"></iframe>"), "600,900");
    let width = seen.dom.split("data-width=\"").nth(1).and_then(|rest| rest.split('"').next());
    let width: u32 = width.and_then(|w| w.parse().ok()).expect("the page was measured");
    assert!((300..=390).contains(&width), "{width} pixels");
}

#[test]
fn a_page_that_logs_and_asks_is_noticed() {
    let seen = browse("<p>x<img src=\"http://127.0.0.1:9/x.png\"><script>console.error('ran')</script>", "390,844");
    assert!(seen.console.iter().any(|line| line.contains("ran")), "{:#?}", seen.console);
    assert!(seen.requests.iter().any(|url| url == "http://127.0.0.1:9/x.png"), "{:#?}", seen.requests);
}
