//! The provider's functions, called by real Terraform.

use acceptance_tests::Workspace;

fn output(expression: &str) -> acceptance_tests::Run {
    Workspace::new(&format!("output \"it\" {{\n  value = {expression}\n}}\n")).plan()
}

#[test]
fn units_keep_utilization_at_its_target() {
    output("provider::stormglass::units_for_load(950, 100, 0.7)").expect_code(2).expect_text("it = 14");
    output("provider::stormglass::units_for_load(0, 100, 0.7)").expect_code(2).expect_text("it = 0");
}

#[test]
fn a_wrong_argument_is_named() {
    output("provider::stormglass::units_for_load(950, 0, 0.7)")
        .expect_code(1)
        .expect_text("per_unit")
        .expect_text("above zero");
    output("provider::stormglass::forecast([1, 2, 3], 0, 4)").expect_code(1).expect_text("season_length");
}

#[test]
fn a_series_that_repeats_itself_goes_on() {
    let week = "[for i in range(84) : i % 12]";
    output(&format!("join(\" \", provider::stormglass::forecast({week}, 12, 3))")).expect_code(2).expect_text("0 1 2");
}

#[test]
fn a_weekly_schedule_becomes_cron_expressions() {
    let week = r#"{ "1 Mon" = "00:00 2  08:00 6", "2 Tue" = "00:00 2  08:00 6" }"#;
    output(&format!("jsonencode(provider::stormglass::cron_from_schedule({week}, \"Europe/Berlin\"))"))
        .expect_code(2)
        .expect_text("0 8 * * 1");
    output(r#"provider::stormglass::cron_from_schedule({ "2026-11-23 Mon" = "00:00 2" }, "UTC")"#)
        .expect_code(1)
        .expect_text("weekly");
}
