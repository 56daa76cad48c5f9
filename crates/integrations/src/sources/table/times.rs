//! Texts of times to instants: RFC 3339, Unix seconds and milliseconds, patterns; local times by a zone's clock.

use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{Timestamp, fmt::strtime};

use super::{Format, TableError, shortened, whole};

/// Reads the times of one table, row by row.
pub(super) struct Times {
    kind: Kind,
    zone: TimeZone,
    zone_name: String,
    /// The time before, which tells the two passes of an hour apart that comes twice.
    last: Option<Timestamp>,
}

enum Kind {
    Rfc3339,
    Unix { nanoseconds: i128 },
    Pattern(String),
}

impl Times {
    /// The reader of a format's times.
    pub(super) fn new(format: &Format) -> Result<Self, TableError> {
        let zone = TimeZone::get(&format.time_zone).map_err(|_| {
            whole(format!("time_zone is `{}`; expected an IANA name such as `Europe/Berlin`", format.time_zone))
        })?;
        let kind = match format.time_format.as_str() {
            "rfc3339" => Kind::Rfc3339,
            "unix" => Kind::Unix { nanoseconds: 1_000_000_000 },
            "unix_ms" => Kind::Unix { nanoseconds: 1_000_000 },
            pattern if pattern.contains('%') => Kind::Pattern(pattern.to_owned()),
            other => {
                let expected = "`rfc3339`, `unix`, `unix_ms` or a pattern such as `%d.%m.%Y %H:%M`";
                return Err(whole(format!("time_format is `{other}`; expected {expected}")));
            }
        };
        Ok(Self { kind, zone, zone_name: format.time_zone.clone(), last: None })
    }

    /// The instant of a text; texts are handed over in the order of the table.
    pub(super) fn parse(&mut self, text: &str) -> Result<Timestamp, String> {
        let wrong =
            |expected: &str| format!("`{}` is no time; expected {expected}, or set `time_format`", shortened(text));
        let at = match &self.kind {
            Kind::Rfc3339 => match text.parse::<Timestamp>() {
                Ok(at) => at,
                Err(_) => {
                    let local = text.parse::<DateTime>();
                    self.local(text, local.map_err(|_| wrong("RFC 3339 such as `2026-11-23T07:30:00Z`"))?)?
                }
            },
            Kind::Unix { nanoseconds } => unix(text, *nanoseconds)
                .ok_or_else(|| wrong("seconds or milliseconds since 1970, as the format says"))?,
            Kind::Pattern(pattern) => {
                let broken = strtime::parse(pattern, text).map_err(|_| wrong(&format!("the pattern `{pattern}`")))?;
                match broken.to_timestamp() {
                    Ok(at) => at,
                    Err(_) => {
                        let local = broken.to_datetime();
                        self.local(text, local.map_err(|_| wrong(&format!("a date and a time by `{pattern}`")))?)?
                    }
                }
            }
        };
        self.last = Some(at);
        Ok(at)
    }

    /// The instant of a local time. Of the two that an hour set back has, the second follows once the first has been seen.
    fn local(&self, text: &str, local: DateTime) -> Result<Timestamp, String> {
        let out_of_range = |_| format!("`{}` is out of range; expected a year from 1 to 9999", shortened(text));
        let ambiguous = self.zone.to_ambiguous_timestamp(local);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { .. } => ambiguous.compatible().map_err(out_of_range),
            AmbiguousOffset::Fold { .. } => {
                let first = ambiguous.earlier().map_err(out_of_range)?;
                let seen = self.last.is_some_and(|last| last >= first);
                if seen { ambiguous.later().map_err(out_of_range) } else { Ok(first) }
            }
            AmbiguousOffset::Gap { .. } => Err(format!(
                "`{}` does not exist in {}, whose clock is set forward over it; are the times in UTC? set `time_zone`",
                shortened(text),
                self.zone_name
            )),
        }
    }
}

/// A decimal count of units of so many nanoseconds since 1970.
fn unix(text: &str, nanoseconds: i128) -> Option<Timestamp> {
    let (number, negative) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
    let (count, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(count) || !digits(fraction) {
        return None;
    }
    // Twelve digits of a second are beyond what an instant holds.
    let fraction = &fraction[..fraction.len().min(12)];
    let part = fraction.parse::<i128>().ok()? * nanoseconds / 10_i128.pow(u32::try_from(fraction.len()).ok()?);
    let total = count.parse::<i128>().ok()?.checked_mul(nanoseconds)?.checked_add(part)?;
    Timestamp::from_nanosecond(if negative { -total } else { total }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(time_format: &str, zone: &str, texts: &[&str]) -> Result<Vec<String>, String> {
        let format = Format { time_format: time_format.into(), time_zone: zone.into(), ..Format::default() };
        let mut times = Times::new(&format).map_err(|e| e.to_string())?;
        texts.iter().map(|text| times.parse(text).map(|t| t.to_string())).collect()
    }

    fn check(time_format: &str, zone: &str, texts: &[&str], want: &[&str]) {
        assert_eq!(parse(time_format, zone, texts).unwrap(), want);
    }

    #[test]
    fn each_form_is_read() {
        check(
            "rfc3339",
            "UTC",
            &["2026-01-01T01:00:00+01:00", "2026-01-01 00:00", "2026-01-01"],
            &["2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00Z"],
        );
        check(
            "unix",
            "UTC",
            &["1767225600", "1767225600.5", "-1.5"],
            &["2026-01-01T00:00:00Z", "2026-01-01T00:00:00.5Z", "1969-12-31T23:59:58.5Z"],
        );
        check("unix_ms", "UTC", &["1767225600250"], &["2026-01-01T00:00:00.25Z"]);
        check("%d.%m.%Y", "Europe/Berlin", &["01.07.2026"], &["2026-06-30T22:00:00Z"]);
        check("%Y-%m-%d %H:%M %z", "UTC", &["2026-07-01 02:00 +0200"], &["2026-07-01T00:00:00Z"]);
    }

    #[test]
    fn an_hour_that_comes_twice_is_read_in_the_order_of_the_rows() {
        // Clocks in Berlin go from 03:00 back to 02:00 at 01:00 UTC on 2026-10-25.
        let rows = ["2026-10-25T01:30", "2026-10-25T02:00", "2026-10-25T02:30", "2026-10-25T02:00", "2026-10-25T02:30"];
        check(
            "rfc3339",
            "Europe/Berlin",
            &rows,
            &[
                "2026-10-24T23:30:00Z",
                "2026-10-25T00:00:00Z",
                "2026-10-25T00:30:00Z",
                "2026-10-25T01:00:00Z",
                "2026-10-25T01:30:00Z",
            ],
        );
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (format, zone, text, want) in [
            ("rfc3339", "UTC", "", "`` is no time"),
            ("rfc3339", "UTC", "1767225600", "expected RFC 3339"),
            ("rfc3339", "Europe/Berlin", "2026-03-29T02:30", "does not exist in Europe/Berlin"),
            ("unix", "UTC", "12.abc", "is no time"),
            ("unix", "UTC", "99999999999999999999999999999999999999999", "is no time"),
            ("unix", "UTC", "1.", "is no time"),
            ("%d.%m.%Y", "UTC", "31.02.2026", "is no time"),
            ("%H:%M", "UTC", "07:30", "expected a date and a time"),
            ("epoch", "UTC", "1", "time_format is `epoch`"),
            ("unix", "Mars/Base", "1", "time_zone is `Mars/Base`"),
        ] {
            let found = parse(format, zone, &[text]).unwrap_err();
            assert!(found.contains(want), "`{found}` lacks `{want}`");
        }
    }
}
