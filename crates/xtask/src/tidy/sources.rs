//! Rules of source files: length, opening sentence, and words that do not belong in the tree.

use std::path::Path;

use super::{File, has_extension};

const LONGEST: usize = 800;

/// Words that no file may hold, with what to do instead. Assembled, so that this file keeps its own rule.
const WORDS: &[(&[&str], &str)] = &[
    (&["TO", "DO"], "finish it, or describe the limit in the docs"),
    (&["FIX", "ME"], "finish it, or describe the limit in the docs"),
    (&["#[ig", "nore"], "a test that does not run proves nothing; move long evidence to `cargo xtask prove`"),
    (&["thread::", "sleep(Duration::from_secs"], "wait for the event, not for the clock"),
    (&["/ro", "ot/"], "no path of one machine belongs in the tree"),
    (&["/ho", "me/"], "no path of one machine belongs in the tree"),
];

/// Breaches in the project's Rust files.
pub(super) fn check(files: &[File]) -> Vec<String> {
    let mut breaches = Vec::new();
    for file in files.iter().filter(|f| has_extension(&f.path, "rs")) {
        let path = file.path.display();
        let generated = file.path.components().any(|c| c.as_os_str() == "generated");
        let lines = file.text.lines().count();
        if lines > LONGEST && !generated {
            breaches.push(format!("{path}: {lines} lines; split it by idea, at most {LONGEST}"));
        }
        if !generated && !file.text.starts_with("//!") && !file.text.starts_with("#!") {
            breaches.push(format!("{path}: does not begin with `//!` and what it is"));
        }
        if file.text.contains(&["unsafe", " {"].concat()) && !may_be_unsafe(&file.path) {
            breaches.push(format!("{path}: an unsafe block outside forecast-core/src/kernels"));
        }
        for (parts, advice) in WORDS {
            let word = parts.concat();
            for (index, line) in file.text.lines().enumerate() {
                if line.contains(&word) {
                    breaches.push(format!("{path}:{}: `{word}`: {advice}", index + 1));
                }
            }
        }
    }
    breaches
}

fn may_be_unsafe(path: &Path) -> bool {
    path.starts_with("forecast-core/src/kernels") || path.ends_with("tidy/sources.rs")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(path: &str, text: &str) -> Vec<String> {
        check(&[File { path: path.into(), text: text.into() }])
    }

    #[test]
    fn an_ordinary_file_keeps_the_rules() {
        assert_eq!(breaches("a.rs", "//! What it is.\nfn f() {}\n"), Vec::<String>::new());
    }

    #[test]
    fn each_rule_is_held() {
        assert!(breaches("a.rs", "fn f() {}\n")[0].contains("does not begin"));
        assert!(breaches("a.rs", &format!("//! A.\n{}", "\n".repeat(900)))[0].contains("lines"));
        assert!(breaches("a.rs", &format!("//! A.\n// {}: x\n", ["TO", "DO"].concat()))[0].contains("a.rs:2"));
        assert!(breaches("a.rs", &format!("//! A.\n{} x }}\n", ["unsafe", " {"].concat()))[0].contains("kernels"));
    }
}
