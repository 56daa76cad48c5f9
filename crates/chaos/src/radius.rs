//! The blast radius: what an experiment may touch, as the user who runs it says, never the experiment alone.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use crate::target::Target;

/// One thing that may be touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Allowed {
    /// `pid_file:PATH`: the process whose id the file has.
    PidFile(String),
    /// `executable:PATH`: processes of this executable.
    Executable(String),
    /// `port:N`: the process that listens on this port.
    Port(u16),
    /// `cgroup:PATH`: processes of this cgroup.
    Cgroup(String),
    /// `folder:PATH`: this folder and what is in it.
    Folder(String),
    /// `namespace:NAME`: this network namespace.
    Namespace(String),
    /// `address:HOST:PORT`, or `HOST:PORT`: this address; port 0 stands for all of the host's.
    Address(String, u16),
}

/// A text that names nothing that can be allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "is `{0}`; expected `pid_file:PATH`, `executable:PATH`, `port:N`, `cgroup:PATH`, `folder:PATH`, `namespace:NAME` or `HOST:PORT`"
)]
pub struct AllowedError(String);

impl FromStr for Allowed {
    type Err = AllowedError;

    fn from_str(text: &str) -> Result<Self, AllowedError> {
        let error = || AllowedError(text.to_owned());
        let (kind, rest) = text.split_once(':').ok_or_else(error)?;
        let path = || Some(rest.to_owned()).filter(|path| path.starts_with('/') && path.len() > 1).ok_or_else(error);
        match kind {
            "pid_file" => path().map(Self::PidFile),
            "executable" => path().map(Self::Executable),
            "cgroup" => path().map(Self::Cgroup),
            "folder" => path().map(|folder| Self::Folder(folder.trim_end_matches('/').to_owned())),
            "port" => rest.parse().map(Self::Port).map_err(|_| error()),
            "namespace" if !rest.is_empty() => Ok(Self::Namespace(rest.to_owned())),
            "namespace" => Err(error()),
            _ => {
                let (host, port) = text.strip_prefix("address:").unwrap_or(text).rsplit_once(':').ok_or_else(error)?;
                let port = port.parse().map_err(|_| error())?;
                if host.is_empty() { Err(error()) } else { Ok(Self::Address(host.to_owned(), port)) }
            }
        }
    }
}

impl fmt::Display for Allowed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PidFile(path) => write!(f, "pid_file:{path}"),
            Self::Executable(path) => write!(f, "executable:{path}"),
            Self::Port(port) => write!(f, "port:{port}"),
            Self::Cgroup(path) => write!(f, "cgroup:{path}"),
            Self::Folder(path) => write!(f, "folder:{path}"),
            Self::Namespace(name) => write!(f, "namespace:{name}"),
            Self::Address(host, port) => write!(f, "{host}:{port}"),
        }
    }
}

impl Allowed {
    /// Whether it names the target.
    pub fn covers(&self, target: &Target) -> bool {
        match (self, target) {
            (Self::Address(host, port), Target::Address(address)) => {
                let Some((target_host, target_port)) = address.rsplit_once(':') else { return false };
                unbracketed(host) == unbracketed(target_host)
                    && (*port == 0 || *port == target_port.parse().unwrap_or(0))
            }
            (Self::Folder(folder), Target::Folder(path)) => {
                let path = path.trim_end_matches('/');
                !path.split('/').any(|part| part == "..")
                    && path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
            (Self::Namespace(name), Target::Namespace(target)) => name == target,
            (Self::Executable(path), Target::Process { executable, .. }) => path == executable,
            (Self::PidFile(_) | Self::Port(_) | Self::Cgroup(_), Target::Process { named_by, .. }) => {
                self.to_string() == *named_by
            }
            _ => false,
        }
    }
}

/// Who runs the experiment: whose processes may be touched, and which never.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Caller {
    /// User id.
    pub uid: u32,
    /// This process and its ancestors, the first of all processes included.
    pub lineage: Vec<u32>,
}

/// Why a target may not be touched; `None` where it may.
///
/// `allowed` is what the user who runs the experiment allows, beside loopback addresses, this host's processor and memory
/// within the faults' own limits, and processes that the experiment started; `radius` is the experiment's own, if it has one.
pub fn refusal(target: &Target, allowed: &[Allowed], radius: Option<&[Allowed]>, caller: &Caller) -> Option<String> {
    if let Target::Process { pid, uid, .. } = target {
        if *pid <= 1 {
            return Some("is the first of all processes, which is never touched".to_owned());
        }
        if caller.lineage.contains(pid) {
            return Some(format!("is process {pid}, which runs this experiment or started it; it is never touched"));
        }
        if *uid != caller.uid {
            return Some(format!(
                "is process {pid} of user {uid}; only processes of the caller, user {}, are ever touched",
                caller.uid
            ));
        }
    }
    if !by_default(target) && !allowed.iter().any(|a| a.covers(target)) {
        return Some(format!("{} is not among the allowed targets; allow `{}`", shown(target), wanted(target)));
    }
    match radius {
        Some(radius) if !inside(target) && !radius.iter().any(|a| a.covers(target)) => {
            Some(format!("{} is outside of `blast_radius`; name `{}` there", shown(target), wanted(target)))
        }
        _ => None,
    }
}

/// What nobody has to allow.
fn by_default(target: &Target) -> bool {
    inside(target) || matches!(target, Target::Address(address) if is_loopback(address))
}

/// What the experiment has of its own, and needs no radius.
fn inside(target: &Target) -> bool {
    match target {
        Target::Host => true,
        Target::Process { named_by, .. } => named_by == "own",
        _ => false,
    }
}

fn is_loopback(address: &str) -> bool {
    address.rsplit_once(':').is_some_and(|(host, _)| {
        let host = unbracketed(host);
        host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    })
}

fn unbracketed(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// The target in words.
fn shown(target: &Target) -> String {
    match target {
        Target::Address(address) => format!("address `{address}`"),
        Target::Process { pid, executable, .. } => format!("process {pid} (`{executable}`)"),
        Target::Folder(path) => format!("folder `{path}`"),
        Target::Namespace(name) => format!("network namespace `{name}`"),
        Target::Host => "this host".to_owned(),
    }
}

/// What would have to be allowed.
fn wanted(target: &Target) -> String {
    match target {
        Target::Address(address) => address.clone(),
        Target::Process { named_by, .. } => named_by.clone(),
        Target::Folder(path) => format!("folder:{path}"),
        Target::Namespace(name) => format!("namespace:{name}"),
        Target::Host => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(texts: &[&str]) -> Vec<Allowed> {
        texts.iter().map(|t| t.parse().unwrap()).collect()
    }

    fn process(pid: u32, uid: u32, named_by: &str) -> Target {
        let executable = "/usr/bin/web".to_owned();
        Target::Process { pid, started: 1, uid, executable, named_by: named_by.to_owned() }
    }

    fn caller() -> Caller {
        Caller { uid: 1000, lineage: vec![1, 50, 60] }
    }

    #[test]
    fn what_is_allowed_is_written_as_it_is_read() {
        for text in
            ["pid_file:/run/x.pid", "executable:/bin/x", "port:80", "cgroup:/a", "folder:/a", "namespace:n", "h:1"]
        {
            assert_eq!(text.parse::<Allowed>().unwrap().to_string(), text);
        }
        for text in ["", "x", "port:x", "port:70000", "folder:", "folder:rel", "namespace:", ":1", "h:p", "folder:/"] {
            assert!(text.parse::<Allowed>().is_err(), "{text}");
        }
        assert_eq!("address:[::1]:80".parse(), Ok(Allowed::Address("[::1]".to_owned(), 80)));
    }

    #[test]
    fn loopback_and_the_host_need_nobodys_word() {
        for address in ["127.0.0.1:80", "127.9.9.9:1", "[::1]:80", "localhost:80"] {
            assert_eq!(refusal(&Target::Address(address.to_owned()), &[], None, &caller()), None, "{address}");
        }
        assert_eq!(refusal(&Target::Host, &[], None, &caller()), None);
        for address in ["192.0.2.1:80", "example.org:80", "localhost.example.org:80", "0.0.0.0:80"] {
            assert!(refusal(&Target::Address(address.to_owned()), &[], None, &caller()).is_some(), "{address}");
        }
    }

    #[test]
    fn the_radius_narrows_and_never_widens() {
        let target = Target::Address("192.0.2.1:80".to_owned());
        let named = allowed(&["192.0.2.1:80"]);
        assert!(refusal(&target, &[], Some(&named), &caller()).unwrap().contains("allow `192.0.2.1:80`"));
        assert_eq!(refusal(&target, &named, Some(&named), &caller()), None);
        assert_eq!(refusal(&target, &allowed(&["192.0.2.1:0"]), None, &caller()), None);
        let loopback = Target::Address("127.0.0.1:80".to_owned());
        assert!(refusal(&loopback, &[], Some(&named), &caller()).unwrap().contains("outside of `blast_radius`"));
    }

    #[test]
    fn folders_are_held_by_whole_names() {
        let folder = allowed(&["folder:/data"]);
        let refused = |path: &str| refusal(&Target::Folder(path.to_owned()), &folder, None, &caller()).is_some();
        assert!(!refused("/data") && !refused("/data/x"));
        assert!(refused("/database") && refused("/data/../etc") && refused("/"));
    }

    #[test]
    fn some_processes_are_never_touched() {
        let allowed = allowed(&["port:80", "pid_file:/x", "executable:/usr/bin/web"]);
        assert_eq!(refusal(&process(70, 1000, "port:80"), &allowed, None, &caller()), None);
        assert_eq!(refusal(&process(70, 1000, "own"), &[], None, &caller()), None);
        for (pid, uid) in [(1, 1000), (60, 1000), (70, 0), (70, 1001)] {
            assert!(refusal(&process(pid, uid, "port:80"), &allowed, None, &caller()).is_some(), "{pid} {uid}");
        }
        assert!(refusal(&process(70, 1000, "port:81"), &allowed[..2], None, &caller()).is_some());
    }
}
