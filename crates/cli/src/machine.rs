//! What the operating system says of this process: processor time and peak memory; nothing where it says nothing.

use std::time::Duration;

/// Processor time that all threads of this process have used.
#[cfg(unix)]
pub(crate) fn cpu_time() -> Option<Duration> {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(u64::try_from(spent.tv_sec).ok()?, u32::try_from(spent.tv_nsec).ok()?))
}

/// Processor time that all threads of this process have used.
#[cfg(not(unix))]
pub(crate) fn cpu_time() -> Option<Duration> {
    None
}

/// Most memory that this process had in RAM at any time (`VmHWM` of Linux).
pub(crate) fn peak_memory_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_says_both() {
        assert!(cpu_time().is_some());
        assert!(peak_memory_bytes().unwrap() > 100_000);
    }
}
