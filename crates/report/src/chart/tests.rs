//! What a chart draws, names and leaves out.

use super::*;

fn chart() -> Chart {
    Chart::new("c", "Load", &TimeZone::UTC, 0, 86_400)
}

#[test]
fn nothing_to_draw_says_so() {
    let mut empty = chart();
    empty.line("load", Role::Observed, vec![(0, None)]);
    empty.band("band", Role::Forecast, Vec::new());
    empty.steps("plan", Role::Plan, Vec::new(), 0);
    assert!(empty.layers.is_empty());
    assert!(empty.html().as_str().contains("No data to draw."));
}

#[test]
fn one_point_is_a_dot() {
    let mut one = Chart::new("c", "Load", &TimeZone::UTC, 100, 100);
    one.line("load", Role::Observed, vec![(100, Some(7.0))]);
    assert!(one.html().as_str().contains("h0\"/>"), "{}", one.html());
}

#[test]
fn gaps_break_a_line() {
    let mut gap = chart();
    gap.line("load", Role::Observed, vec![(0, Some(0.0)), (43_200, None), (64_800, Some(5.0)), (86_400, Some(5.0))]);
    assert!(gap.html().as_str().contains("d=\"M0.0 1000h0M750.0 0 1000.0 0\""), "{}", gap.html());
}

#[test]
fn steps_hold_until_the_next_one() {
    let mut steps = chart();
    steps.whole = true;
    steps.steps("units", Role::Plan, vec![(0, 1.0), (43_200, 2.0)], 86_400);
    assert!(steps.html().as_str().contains("d=\"M0.0 500H500.0V0H1000.0\""), "{}", steps.html());
}

#[test]
fn everything_has_a_name() {
    let mut all = chart();
    all.description = "one & two".to_owned();
    all.unit = "req/s <b>".to_owned();
    all.line("seen", Role::Observed, vec![(0, Some(0.0)), (86_400, Some(10.0))]);
    all.band("80%", Role::Forecast, vec![(0, 1.0, 2.0), (86_400, 2.0, 3.0)]);
    all.marks.push(Mark { at: 43_200, label: "as of".to_owned() });
    all.limits.push(Limit { value: 9.0, label: "max 9".to_owned() });
    all.spans.push(Span { from: 0, to: 10, label: "freeze".to_owned() });
    all.hints.push(Hint { from: 0, to: 10, text: "9 units".to_owned() });
    let html = all.html().to_string();
    for part in ["role=\"img\"", "aria-labelledby=\"c-t c-d\"", "<title id=\"c-t\">Load</title>", "one &amp; two"] {
        assert!(html.contains(part), "{part} in {html}");
    }
    for part in ["as of", "max 9", "freeze", "<title>9 units</title>", "req/s &lt;b&gt;", "80%"] {
        assert!(html.contains(part), "{part} in {html}");
    }
}

#[test]
fn a_value_out_of_range_stays_inside() {
    let mut wild = chart();
    wild.line(
        "seen",
        Role::Observed,
        vec![(-500, Some(1.0)), (0, Some(f64::NAN)), (60, Some(2.0)), (90_000, Some(9.0))],
    );
    let html = wild.html().to_string();
    assert!(!html.contains("NaN") && !html.contains("inf"), "{html}");
}
