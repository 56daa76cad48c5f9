//! Bytes as a person reads them.

/// In the largest unit that leaves a number of at least 1, with two decimals at most: `1.5GiB`.
pub(super) fn shown(bytes: u64) -> String {
    let (factor, unit) = [(1_u64 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
        .into_iter()
        .find(|(factor, _)| bytes >= *factor)
        .unwrap_or((1, "B"));
    let number = (bytes as f64 / factor as f64 * 100.0).round() / 100.0;
    format!("{number}{unit}")
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn the_unit_fits_the_size() {
        assert_eq!(shown(0), "0B");
        assert_eq!(shown(1023), "1023B");
        assert_eq!(shown(1536), "1.5KiB");
        assert_eq!(shown(64 << 20), "64MiB");
        assert_eq!(shown(10_737_418_240 + 1), "10GiB");
    }
}
