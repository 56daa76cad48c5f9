//! The sample report as a file: the same bytes every time, small, complete in itself, and made from plain JSON too.

mod sample;

use stormglass_report::{ForecastReport, render};

#[test]
fn the_same_report_gives_the_same_bytes() {
    assert_eq!(render(&sample::report()), render(&sample::report()));
}

#[test]
fn eight_weeks_of_five_minutes_stay_under_500_kilobytes() {
    let size = render(&sample::report()).len();
    assert!(size < 500_000, "{size} bytes");
}

#[test]
fn the_page_asks_for_nothing_from_outside() {
    let html = render(&sample::report());
    for outside in ["://", "url(", "@import", "<script", "<link rel=\"stylesheet\"", "src=", "srcset", "<iframe"] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn a_report_survives_json() {
    let report = sample::report();
    let json = serde_json::to_string(&report).unwrap();
    assert_eq!(render(&serde_json::from_str::<ForecastReport>(&json).unwrap()), render(&report));
}

#[test]
fn absent_parts_may_be_absent_from_the_json() {
    let json = r#"{"title":"a","as_of":"2026-11-23T00:00:00Z","time_zone":"UTC"}"#;
    let report: ForecastReport = serde_json::from_str(json).unwrap();
    assert!(render(&report).contains("<h1>a</h1>"));
    let wrong = r#"{"title":"a","acuracy":0.9}"#;
    assert!(serde_json::from_str::<ForecastReport>(wrong).unwrap_err().to_string().contains("acuracy"));
}

#[test]
fn every_id_is_unique_and_every_reference_leads_to_one() {
    let html = render(&sample::report());
    let values = |attribute: &str| -> Vec<String> {
        let start = format!(" {attribute}=\"");
        html.split(&start).skip(1).map(|part| part.split('"').next().unwrap_or_default().to_owned()).collect()
    };
    let ids = values("id");
    for id in &ids {
        assert_eq!(ids.iter().filter(|other| *other == id).count(), 1, "{id}");
    }
    for id in values("aria-labelledby").iter().flat_map(|list| list.split(' ')) {
        assert!(ids.iter().any(|known| known == id), "{id}");
    }
}

/// Relative luminance contrast as WCAG 2.2 defines it; 4.5 is the least for text.
fn contrast(a: &str, b: &str) -> f64 {
    let luminance = |hex: &str| {
        let digits: String =
            if hex.len() == 4 { hex[1..].chars().flat_map(|c| [c, c]).collect() } else { hex[1..].to_owned() };
        let channel = |i: usize| {
            let c = f64::from(u8::from_str_radix(&digits[i..i + 2], 16).expect("hexadecimal colors")) / 255.0;
            if c <= 0.04045 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
    };
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

#[test]
fn text_and_lines_stand_out_in_every_mode() {
    let html = render(&sample::report());
    let palettes: Vec<&str> = html.split(":root{").skip(1).map(|p| p.split('}').next().unwrap_or_default()).collect();
    assert_eq!(palettes.len(), 3, "light, dark and print");
    for palette in palettes {
        let color = |name: &str| {
            let entry = palette.split(';').find_map(|e| e.strip_prefix(&format!("--{name}:")));
            entry.unwrap_or_else(|| panic!("--{name} in {palette}"))
        };
        for (front, back) in [
            ("ink", "paper"),
            ("ink", "card"),
            ("ink", "attention-bg"),
            ("ink", "good-bg"),
            ("ink", "strong"),
            ("soft", "paper"),
            ("soft", "card"),
            ("good", "good-bg"),
            ("attention", "attention-bg"),
            ("seen", "card"),
            ("forecast", "card"),
            ("forecast", "paper"),
            ("plan", "card"),
        ] {
            let ratio = contrast(color(front), color(back));
            assert!(ratio >= 4.5, "{front} on {back}: {ratio:.2} in {palette}");
        }
    }
}
