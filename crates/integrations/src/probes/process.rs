//! Probe `process`: how many processes run that a pid file, an executable, a port or a cgroup names.

use async_trait::async_trait;
use stormglass_chaos::{Probe, ProbeError, ProbeKind, Problem, Reading, Setting, Settings, Target};

use crate::processes::{CGROUP, EXECUTABLE, PID_FILE, PORT, Selector};

/// The kind.
pub(super) struct Process;

const SETTINGS: &[Setting] = &[PID_FILE, EXECUTABLE, PORT, CGROUP];

impl ProbeKind for Process {
    fn name(&self) -> &'static str {
        "process"
    }

    fn summary(&self) -> &'static str {
        "Counts the processes that one of `pid_file`, `executable`, `port`, `cgroup` names; the number is how many run."
    }

    fn settings(&self) -> &'static [Setting] {
        SETTINGS
    }

    fn default_tolerance(&self) -> &'static str {
        "at least one process runs"
    }

    fn read(&self, mut settings: Settings<'_>) -> Result<Box<dyn Probe>, Vec<Problem>> {
        let probe = Selector::read(&mut settings).map(|selector| Count { selector });
        settings.finish(probe).map(|probe| Box::new(probe) as Box<dyn Probe>)
    }
}

/// Which processes.
struct Count {
    selector: Selector,
}

#[async_trait]
impl Probe for Count {
    fn describe(&self) -> String {
        format!("the processes of {}", self.selector)
    }

    fn targets(&self) -> Vec<Target> {
        // They are counted, not touched.
        Vec::new()
    }

    #[cfg(target_os = "linux")]
    async fn measure(&self) -> Result<Reading, ProbeError> {
        use crate::processes::{NotFound, find};

        let error = |reason: String| ProbeError { what: self.describe(), reason };
        let selector = self.selector.clone();
        // On a host of many processes this is thousands of small reads.
        let found = tokio::task::spawn_blocking(move || find(&selector)).await.map_err(|e| error(e.to_string()))?;
        match found {
            Ok(found) => {
                let count = found.len();
                let plural = if count == 1 { "process" } else { "processes" };
                let summary = format!("{count} {plural}");
                Ok(Reading { number: Some(count as f64), text: None, ok: true, summary })
            }
            Err(NotFound::None(reason)) => Ok(Reading { number: Some(0.0), text: None, ok: false, summary: reason }),
            Err(NotFound::Unknown(reason)) => Err(error(reason)),
        }
    }

    #[cfg(not(target_os = "linux"))]
    async fn measure(&self) -> Result<Reading, ProbeError> {
        Err(ProbeError { what: self.describe(), reason: "needs Linux; run the experiment there".to_owned() })
    }
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use serde_json::{Value, json};

    use super::*;

    fn read(value: &Value) -> Result<Box<dyn Probe>, String> {
        let settings = Settings::new("probe[0]", SETTINGS, value.as_object().unwrap(), &[]);
        Process.read(settings).map_err(|p| p[0].to_string())
    }

    #[tokio::test]
    async fn none_and_one_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let probe = read(&json!({ "port": port })).unwrap();
        let one = probe.measure().await.unwrap();
        assert_eq!((one.number, one.ok, one.summary.as_str()), (Some(1.0), true, "1 process"));
        drop(listener);
        let none = probe.measure().await.unwrap();
        assert_eq!((none.number, none.ok), (Some(0.0), false));
        assert_eq!(none.summary, format!("no process listens on TCP port {port} that this user can see"));
    }

    #[tokio::test]
    async fn what_cannot_be_told_is_no_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("web.pid");
        let probe = read(&json!({ "pid_file": path })).unwrap();
        assert!(!probe.measure().await.unwrap().ok, "no file, no process");
        std::fs::write(&path, "web").unwrap();
        let said = probe.measure().await.unwrap_err().to_string();
        let shown = path.display();
        assert_eq!(
            said,
            format!("the processes of pid_file:{shown}: {shown} begins with `web`; expected a process id")
        );
        assert_eq!(
            read(&json!({ "port": 5, "cgroup": "/x" })).err().unwrap(),
            "probe[0].cgroup: is set beside `port`; set one of them"
        );
    }
}
