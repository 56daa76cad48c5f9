//! What `/proc` says about one process or thread, beside the engine's [`Stat`].

use std::fs;

pub(crate) use stormglass_chaos::engine::stat::Stat;

/// The threads of a process.
pub(crate) fn threads(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|e| e.file_name().to_str()?.parse().ok()).collect()
}

/// A field of `/proc/PID/status`, without its name.
pub(crate) fn status(pid: u32, field: &str) -> Option<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    text.lines().find_map(|line| Some(line.strip_prefix(field)?.strip_prefix(':')?.trim().to_owned()))
}

/// Whether this process has a capability, by its number: capabilities(7).
pub(crate) fn has_capability(number: u32) -> bool {
    let rights = status(std::process::id(), "CapEff").and_then(|c| u64::from_str_radix(&c, 16).ok()).unwrap_or(0);
    rights & (1 << number) != 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_threads_and_no_tracer() {
        let own = std::process::id();
        assert!(threads(own).contains(&own));
        assert_eq!(status(own, "TracerPid").as_deref(), Some("0"));
    }
}
