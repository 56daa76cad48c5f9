//! What the operating system says: a thread's processor time, the process's peak memory; nothing where it says nothing.

use std::time::Duration;

/// Processor time that this thread has used.
///
/// The clock of the whole process is up to a tick of the system behind for threads that run on other processors.
#[cfg(unix)]
pub(crate) fn thread_cpu_time() -> Option<Duration> {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Some(Duration::new(u64::try_from(spent.tv_sec).ok()?, u32::try_from(spent.tv_nsec).ok()?))
}

/// Processor time that this thread has used.
#[cfg(not(unix))]
pub(crate) fn thread_cpu_time() -> Option<Duration> {
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
        assert!(thread_cpu_time().is_some());
        assert!(peak_memory_bytes().unwrap() > 100_000);
    }
}
