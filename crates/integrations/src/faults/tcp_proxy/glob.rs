//! `*` stands for any characters, all else for itself.

/// Whether the whole text fits the pattern.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    // Where the last star stands, and where what it stands for ends so far.
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p, t));
            p += 1;
        } else if pattern.get(p) == Some(&text[t]) {
            p += 1;
            t += 1;
        } else if let Some((at, end)) = star {
            star = Some((at, end + 1));
            p = at + 1;
            t = end + 1;
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|&b| b == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn stars_stand_for_any_characters() {
        for (pattern, text, expected) in [
            ("/api/*", "/api/orders/1", true),
            ("/api/*", "/api/", true),
            ("/api/*", "/api", false),
            ("/health", "/health", true),
            ("/health", "/healthz", false),
            ("*", "", true),
            ("*/items/*", "/a/items/items/7", true),
            ("/a*b*c", "/aXbXbc", true),
            ("/a*b*c", "/aXbXbd", false),
            ("", "/", false),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
