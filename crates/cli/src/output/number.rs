//! Numbers as people read them: four digits that count, shares as percentages.

/// A number with about four digits that count, large ones in full with thousands apart.
pub(crate) fn short(value: f64) -> String {
    let size = value.abs();
    if !value.is_finite() {
        return "-".into();
    }
    match size {
        0.0 => "0".into(),
        s if !(1e-4..1e15).contains(&s) => format!("{value:.3e}"),
        s if s >= 1000.0 => thousands(value),
        s if s >= 100.0 => trim(format!("{value:.1}")),
        s if s >= 10.0 => trim(format!("{value:.2}")),
        s if s >= 1.0 => trim(format!("{value:.3}")),
        _ => trim(format!("{value:.5}")),
    }
}

/// A share as a percentage; a dash where there is none.
pub(crate) fn percent(share: Option<f64>) -> String {
    share.filter(|s| s.is_finite()).map_or_else(|| "-".into(), |s| format!("{:.1} %", s * 100.0))
}

/// A number where there is one, else a dash.
pub(crate) fn or_dash(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), short)
}

fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    if value < 0.0 { format!("-{out}") } else { out }
}

fn trim(text: String) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_digits_that_count() {
        let cases = [
            (0.0, "0"),
            (1.0, "1"),
            (0.082_51, "0.08251"),
            (9.4, "9.4"),
            (12.345_6, "12.35"),
            (999.95, "1000"),
            (1_234.5, "1,234"),
            (-6_185_432.0, "-6,185,432"),
            (1e-9, "1.000e-9"),
            (f64::NAN, "-"),
        ];
        for (value, text) in cases {
            assert_eq!(short(value), text, "{value}");
        }
        assert_eq!(percent(Some(0.923)), "92.3 %");
        assert_eq!(percent(None), "-");
        assert_eq!(or_dash(Some(2.5)), "2.5");
    }
}
