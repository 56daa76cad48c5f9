//! The rules of the tree, each a function over its files; one sentence for each breach.

mod edges;
mod links;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Done, output, root};

/// A file that git keeps, with its text.
struct File {
    path: PathBuf,
    text: String,
}

/// Checks all rules and lists every breach.
pub(crate) fn tidy() -> Done {
    let files = files()?;
    let mut breaches = edges::check()?;
    breaches.extend(sources::check(&files));
    breaches.extend(links::check(&root(), &files));
    if breaches.is_empty() {
        println!("tidy: {} files keep the rules of the tree", files.len());
        return Ok(());
    }
    Err(format!("{} breaches of the rules of the tree (CONTRIBUTING.md):\n  {}", breaches.len(), breaches.join("\n  ")))
}

/// All text files that git tracks or would track.
fn files() -> Result<Vec<File>, String> {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let mut files = Vec::new();
    for name in output(&mut git)?.split('\0').filter(|n| !n.is_empty()) {
        // A path that git lists and that is gone has just been deleted; one that is no text has no rule.
        if let Ok(text) = fs::read_to_string(root().join(name)) {
            files.push(File { path: PathBuf::from(name), text });
        }
    }
    Ok(files)
}

fn has_extension(path: &Path, extension: &str) -> bool {
    path.extension().is_some_and(|e| e == extension)
}
