//! Numbers, shares, durations and instants as a person reads them.

use jiff::{Timestamp, tz::TimeZone};

/// What stands where a value is missing.
pub(crate) const MISSING: &str = "n/a";

/// A number with `decimals` decimals and commas between thousands.
pub(crate) fn fixed(value: f64, decimals: usize) -> String {
    if !value.is_finite() {
        return MISSING.to_owned();
    }
    let text = format!("{:.*}", decimals, value.abs());
    let (whole, fraction) = text.split_once('.').map_or((text.as_str(), None), |(w, f)| (w, Some(f)));
    let mut grouped = String::new();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(fraction) = fraction {
        grouped.push('.');
        grouped.push_str(fraction);
    }
    // A value that rounds to zero has no sign.
    let zero = !grouped.contains(|c: char| c.is_ascii_digit() && c != '0');
    if value < 0.0 && !zero { format!("\u{2212}{grouped}") } else { grouped }
}

/// A number with about three significant digits.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    let decimals = match size {
        s if s >= 100.0 || s == s.trunc() => 0,
        s if s >= 10.0 => 1,
        s if s >= 1.0 => 2,
        s if s >= 0.01 => 3,
        _ => return if value.is_finite() { format!("{value:.2e}") } else { MISSING.to_owned() },
    };
    fixed(value, decimals)
}

/// A number, or the word for a missing one.
pub(crate) fn optional(value: Option<f64>, show: impl Fn(f64) -> String) -> String {
    value.filter(|v| v.is_finite()).map_or_else(|| MISSING.to_owned(), show)
}

/// A share of 1 as a percentage with one decimal.
pub(crate) fn percent(share: f64) -> String {
    if share.is_finite() { format!("{}%", fixed(share * 100.0, 1)) } else { MISSING.to_owned() }
}

/// A share of load served in time; rounding never turns a miss into 100%.
pub(crate) fn service_level(share: f64) -> String {
    match share {
        s if !s.is_finite() => MISSING.to_owned(),
        s if s >= 1.0 => "100%".to_owned(),
        s if s > 0.9999 => "over 99.99%".to_owned(),
        s => format!("{}%", fixed(s * 100.0, 2)),
    }
}

/// Seconds in the largest unit that divides them: `5 min`, `1 h`, `7 days`.
pub(crate) fn duration(seconds: u64) -> String {
    let units = [(86_400, "day", "days"), (3_600, "h", "h"), (60, "min", "min")];
    for (size, one, many) in units {
        if seconds >= size && seconds.is_multiple_of(size) {
            let n = seconds / size;
            return format!("{n} {}", if n == 1 { one } else { many });
        }
    }
    format!("{seconds} s")
}

/// A number of days in words: `1 day`, `27.5 days`.
pub(crate) fn days(n: f64) -> String {
    if n == 1.0 {
        "1 day".to_owned()
    } else {
        format!("{} days", if n == n.trunc() { fixed(n, 0) } else { fixed(n, 1) })
    }
}

/// `n` things in words: `1 gap`, `2,000 gaps`.
pub(crate) fn count(n: u64, one: &str, many: &str) -> String {
    format!("{} {}", fixed(n as f64, 0), if n == 1 { one } else { many })
}

/// An instant in the report's zone: `Mon 23 Nov 07:30`.
pub(crate) fn moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%a %-d %b %H:%M").to_string()
}

/// The same with year and zone: `Mon 23 Nov 2026 07:30 CET`.
pub(crate) fn full_moment(at: Timestamp, zone: &TimeZone) -> String {
    at.to_zoned_datetime(zone.clone()).strftime("%a %-d %b %Y %H:%M %Z").to_string()
}

/// The instant of a Unix second, held within what the calendar knows.
pub(crate) fn timestamp(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap_or(if second < 0 { Timestamp::MIN } else { Timestamp::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_signed() {
        assert_eq!(fixed(1_234_567.891, 2), "1,234,567.89");
        assert_eq!(fixed(-1_000.0, 0), "\u{2212}1,000");
        assert_eq!(fixed(-0.04, 1), "0.0");
        assert_eq!(fixed(999.0, 0), "999");
        assert_eq!(fixed(f64::NAN, 1), "n/a");
    }

    #[test]
    fn numbers_keep_three_digits() {
        let shown = [0.0, 3.0, 3.16, 31.62, 316.2, 31_622.0, 0.0123].map(number);
        assert_eq!(shown, ["0", "3", "3.16", "31.6", "316", "31,622", "0.012"]);
        assert_eq!(number(0.000_012), "1.20e-5");
        assert_eq!(number(f64::INFINITY), "n/a");
    }

    #[test]
    fn a_missed_service_level_never_reads_100() {
        assert_eq!(service_level(0.999_99), "over 99.99%");
        assert_eq!(service_level(1.0), "100%");
        assert_eq!(service_level(0.9987), "99.87%");
        assert_eq!(service_level(f64::NAN), "n/a");
    }

    #[test]
    fn durations_use_the_largest_whole_unit() {
        let shown = [0, 45, 90, 300, 3_600, 5_400, 86_400, 604_800].map(duration);
        assert_eq!(shown, ["0 s", "45 s", "90 s", "5 min", "1 h", "90 min", "1 day", "7 days"]);
    }

    #[test]
    fn moments_are_in_the_zone() {
        let zone = TimeZone::get("Europe/Berlin").unwrap();
        let at: Timestamp = "2026-10-25T01:30:00Z".parse().unwrap();
        assert_eq!(full_moment(at, &zone), "Sun 25 Oct 2026 02:30 CET");
        assert_eq!(moment(timestamp(i64::MAX), &TimeZone::UTC).len(), 16);
    }
}
