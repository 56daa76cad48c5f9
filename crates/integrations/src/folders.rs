//! Where files of our own live, by the XDG Base Directory Specification 0.8.

use std::path::PathBuf;

/// Folder for what can be made again.
pub(crate) fn cache() -> Option<PathBuf> {
    under("XDG_CACHE_HOME", ".cache")
}

/// Folder for what is kept between runs.
pub(crate) fn state() -> Option<PathBuf> {
    under("XDG_STATE_HOME", ".local/state")
}

/// Our folder under the one that a variable names, or under the home; `None` on a machine that has neither.
fn under(variable: &str, otherwise: &str) -> Option<PathBuf> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute(variable).or_else(|| Some(absolute("HOME")?.join(otherwise))).map(|path| path.join("stormglass"))
}

/// Makes a folder that nobody else may read.
pub(crate) fn make_private(path: &std::path::Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
