//! A program in a process group of its own that does not outlive the caller's interest in it.

/// A process group that is ended when the value is dropped, so that a caller that gives up leaves nothing behind.
pub(crate) struct Group {
    #[cfg_attr(not(unix), allow(dead_code))]
    leader: Option<u32>,
}

impl Group {
    /// The group that this process leads.
    pub(crate) fn of(leader: Option<u32>) -> Self {
        Self { leader }
    }

    /// The group has ended by itself.
    pub(crate) fn forget(mut self) {
        self.leader = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(leader) = self.leader.and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw)
        {
            // A group that has just ended is what is wanted.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
    }
}
