//! A real service: two instances behind HAProxy, PostgreSQL behind them, one instance in a network namespace of its own.

mod tests;

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::lab::eventually;

/// The service, up and answering.
pub(crate) struct Checkout {
    pub(crate) folder: TempDir,
    namespace: String,
    link: String,
    /// Host's and namespace's address of the link between them.
    near: String,
    far: String,
    database: u16,
    proxy: u16,
    first: u16,
    second: u16,
    front: u16,
    running: Vec<Child>,
}

impl Checkout {
    /// Starts everything; needs root, for the namespace.
    pub(crate) fn start() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let own = std::process::id();
        // A /30 of the block for documentation and tests that no network is routed to.
        let third = (own % 200) + number;
        let (near, far) = (format!("198.18.{third}.1"), format!("198.18.{third}.2"));
        let ports: Vec<u16> = free_ports(5);
        let mut checkout = Self {
            folder: TempDir::with_prefix("stormglass-checkout-").expect("a folder"),
            namespace: format!("checkout-{own}-{number}"),
            link: format!("co{}x{number}", own % 100_000),
            near,
            far,
            database: ports[0],
            proxy: ports[1],
            first: ports[2],
            second: ports[3],
            front: ports[4],
            running: Vec::new(),
        };
        checkout.link_namespace();
        checkout.start_database();
        let first = checkout.instance("127.0.0.1", checkout.first, false);
        checkout.running.push(first);
        let second = checkout.instance(&checkout.far, checkout.second, true);
        checkout.running.push(second);
        checkout.start_haproxy();
        // HAProxy answers as soon as one of them is up; an experiment begins with both.
        let instances = [format!("127.0.0.1:{}", checkout.first), format!("{}:{}", checkout.far, checkout.second)];
        for address in instances.iter().chain([&checkout.front()]) {
            eventually(&format!("an answer of {address}"), || healthy(address));
        }
        checkout
    }

    /// Address of the service, through HAProxy.
    pub(crate) fn front(&self) -> String {
        format!("127.0.0.1:{}", self.front)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Arguments that start the first instance again.
    pub(crate) fn start_command(&self) -> Vec<String> {
        let env = format!("exec env PROXY_PORT={} DATABASE_PORT={} \"$0\" \"$@\"", self.proxy, self.database);
        let words = ["sh", "-c", &env, python(), app(), "127.0.0.1", &self.first.to_string(), &self.near];
        words.iter().map(ToString::to_string).collect()
    }

    /// Processes that listen on the first instance's port: what an experiment started is nobody's child of ours.
    fn end_first(&self) {
        let out = Command::new("ss").args(["-Hltnp", &format!("sport = :{}", self.first)]).output();
        let text = out.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
        for part in text.split("pid=").skip(1) {
            let pid: String = part.chars().take_while(char::is_ascii_digit).collect();
            if let Ok(pid) = pid.parse() {
                crate::lab::signal(pid, rustix::process::Signal::KILL);
            }
        }
    }

    fn link_namespace(&self) {
        let Self { namespace, link, near, far, .. } = self;
        ip(&format!("netns add {namespace}"));
        ip(&format!("link add {link} type veth peer name eth0 netns {namespace}"));
        ip(&format!("address add {near}/30 dev {link}"));
        ip(&format!("link set {link} up"));
        ip(&format!("-n {namespace} address add {far}/30 dev eth0"));
        ip(&format!("-n {namespace} link set eth0 up"));
        ip(&format!("-n {namespace} link set lo up"));
    }

    /// PostgreSQL does not run as root; its files belong to its own user.
    fn start_database(&mut self) {
        let bin = postgres_bin();
        let data = self.path("data");
        let user =
            |command: &mut Command| command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
        // Its user has to get through.
        fs::set_permissions(self.folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("permissions");
        fs::create_dir(&data).expect("a folder");
        let chown = Command::new("chown").arg("postgres:postgres").arg(&data).status().expect("chown starts");
        assert!(chown.success(), "the user `postgres`, which Debian's package makes, is missing");
        let made = user(as_postgres(&bin.join("initdb")).args(["--auth=trust", "--no-sync", "-D"]).arg(&data))
            .expect("initdb starts");
        assert!(made.success(), "initdb failed");
        let hba = data.join("pg_hba.conf");
        let line = format!("host all all {}/30 trust\n", self.near);
        let text = fs::read_to_string(&hba).expect("a file of initdb's");
        fs::write(&hba, text + &line).expect("writable");
        let mut command = as_postgres(&bin.join("postgres"));
        command.arg("-D").arg(&data).args(["-p", &self.database.to_string(), "-k", ""]);
        command.args(["-c", &format!("listen_addresses=127.0.0.1,{}", self.near), "-c", "fsync=off"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(fs::File::create(self.path("postgres.log")).expect("a log"));
        self.running.push(command.spawn().expect("postgres starts"));
        let address = format!("127.0.0.1:{}", self.database);
        eventually("the database", || std::net::TcpStream::connect(&address).is_ok());
    }

    fn instance(&self, address: &str, port: u16, inside: bool) -> Child {
        let mut command = if inside {
            let mut command = Command::new("ip");
            command.args(["netns", "exec", &self.namespace, python()]);
            command
        } else {
            Command::new(python())
        };
        command.args([app(), address, &port.to_string(), &self.near]);
        command.env("PROXY_PORT", self.proxy.to_string()).env("DATABASE_PORT", self.database.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("python starts")
    }

    fn start_haproxy(&mut self) {
        let Self { first, second, far, front, .. } = self;
        let config = format!(
            "global\n  maxconn 500\ndefaults\n  mode http\n  timeout connect 1s\n  timeout client 10s\n  timeout server 5s\n  \
             retries 3\n  option redispatch 1\n  retry-on conn-failure empty-response 503\nfrontend front\n  bind 127.0.0.1:{front}\n  \
             default_backend app\nbackend app\n  balance roundrobin\n  timeout check 2s\n  option httpchk GET /health\n  \
             default-server check inter 200ms fastinter 100ms fall 2 rise 2\n  server first 127.0.0.1:{first}\n  \
             server second {far}:{second}\n"
        );
        let path = self.path("haproxy.cfg");
        fs::write(&path, config).expect("writable");
        let mut command = Command::new("haproxy");
        command.args(["-db", "-f"]).arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        self.running.push(command.spawn().expect("haproxy starts"));
    }
}

impl Drop for Checkout {
    fn drop(&mut self) {
        for child in self.running.iter_mut().rev() {
            // PostgreSQL's quick end; the others end by it as well.
            crate::lab::signal(child.id(), rustix::process::Signal::INT);
            std::thread::sleep(std::time::Duration::from_millis(100));
            if child.try_wait().is_ok_and(|ended| ended.is_none()) {
                std::thread::sleep(std::time::Duration::from_millis(500));
                let _ = child.kill();
            }
            let _ = child.wait();
        }
        self.end_first();
        let _ = Command::new("ip").args(["netns", "delete", &self.namespace]).output();
        let _ = Command::new("ip").args(["link", "delete", &self.link]).output();
    }
}

/// Whether the service says that its database is up.
pub(crate) fn healthy(address: &str) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    let _ = stream.set_read_timeout(Some(std::time::Duration::from_secs(3)));
    let _ = stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let mut answer = String::new();
    let _ = stream.read_to_string(&mut answer);
    answer.starts_with("HTTP/1.1 200")
}

fn app() -> &'static str {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/chaos/checkout/app.py")
}

/// Python with a driver for PostgreSQL.
fn python() -> &'static str {
    use std::sync::OnceLock;
    static PYTHON: OnceLock<String> = OnceLock::new();
    PYTHON.get_or_init(|| {
        std::env::var("STORMGLASS_SERVICE_PYTHON")
            .expect("STORMGLASS_SERVICE_PYTHON names a Python with psycopg2; `cargo xtask test` makes one")
    })
}

fn postgres_bin() -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql")
        .expect("Debian's package `postgresql` is installed; `cargo xtask test` does that");
    let mut found: Vec<PathBuf> =
        versions.flatten().map(|e| e.path().join("bin")).filter(|p| p.join("postgres").is_file()).collect();
    found.sort();
    found.pop().expect("a version of PostgreSQL")
}

fn as_postgres(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--init-groups"]).arg(program).current_dir("/");
    command
}

fn ip(line: &str) {
    let out = Command::new("ip").args(line.split(' ')).output().expect("`ip` starts");
    assert!(out.status.success(), "ip {line}, which needs root: {}", String::from_utf8_lossy(&out.stderr));
}

fn free_ports(n: usize) -> Vec<u16> {
    let listeners: Vec<TcpListener> = (0..n).map(|_| TcpListener::bind("127.0.0.1:0").expect("a free port")).collect();
    listeners.iter().map(|l| l.local_addr().expect("an address").port()).collect()
}
