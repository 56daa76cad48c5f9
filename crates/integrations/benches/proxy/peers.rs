//! Programs that are measured: each listens on loopback, and is ended with its value.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use stormglass_chaos::Settings;
use stormglass_integrations::faults::CATALOGUE;

/// A program that runs, and where it listens.
pub(crate) struct Peer {
    pub(crate) address: String,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Asked first: a parent that is killed leaves its workers.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        for _ in 0..100 {
            if self.child.try_wait().is_ok_and(|status| status.is_some()) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An address that nobody listens on.
pub(crate) fn free() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// Whether the program is on PATH.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).chain(["/usr/sbin".into()]).any(|folder| folder.join(program).is_file())
}

fn start(address: String, folder: tempfile::TempDir, command: &mut Command) -> Peer {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let peer = Peer { address, child, _folder: folder };
    for _ in 0..500 {
        if TcpStream::connect(&peer.address).is_ok() {
            return peer;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{command:?} does not listen on {}", peer.address);
}

fn program(name: &str) -> Command {
    let sbin = Path::new("/usr/sbin").join(name);
    Command::new(if sbin.is_file() { sbin } else { name.into() })
}

/// The fault in a process of its own, as the engine's holder would have it.
pub(crate) fn stormglass(upstream: &str, toxics: &Value) -> Peer {
    let mut settings = toxics.clone();
    settings["listen"] = json!(free());
    settings["upstream"] = json!(upstream);
    let address = settings["listen"].as_str().unwrap().to_owned();
    let mut command = Command::new(std::env::current_exe().unwrap());
    start(address, tempfile::tempdir().unwrap(), command.args(["hold", &settings.to_string()]))
}

/// The other side of [`stormglass`]: holds until its standard input ends.
pub(crate) fn hold(settings: &str) {
    let settings: Value = serde_json::from_str(settings).unwrap();
    let kind = CATALOGUE.fault("tcp_proxy").unwrap();
    let read = Settings::new("method[0]", kind.settings(), settings.as_object().unwrap(), &[]);
    let fault = kind.read(read).map_err(|problems| format!("{problems:?}")).unwrap();
    let injected = fault.inject(&fault.resolve().unwrap()).unwrap();
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    injected.undo().unwrap();
}

/// Toxiproxy with one toxic (`type` and `attributes`), or none.
pub(crate) fn toxiproxy(upstream: &str, toxic: Option<(&str, Value)>) -> Peer {
    let (api, listen) = (free(), free());
    let port = api.rsplit_once(':').unwrap().1.to_owned();
    let mut command = Command::new("toxiproxy-server");
    let mut peer =
        start(api.clone(), tempfile::tempdir().unwrap(), command.args(["-host", "127.0.0.1", "-port", &port]));
    post(&api, "/proxies", &json!({ "name": "p", "listen": listen, "upstream": upstream, "enabled": true }));
    if let Some((name, attributes)) = toxic {
        let body = json!({ "name": "t", "type": name, "stream": "downstream", "attributes": attributes });
        post(&api, "/proxies/p/toxics", &body);
    }
    peer.address = listen;
    peer
}

fn post(address: &str, path: &str, body: &Value) {
    let body = body.to_string();
    let mut stream = TcpStream::connect(address).unwrap();
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nuser-agent: bench\r\nconnection: close\r\n");
    write!(stream, "{head}content-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}").unwrap();
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status).unwrap();
    assert!(status.contains(" 20"), "{path}: {status}");
}

/// HAProxy as a TCP proxy with a thread a core.
pub(crate) fn haproxy(upstream: &str) -> Peer {
    let (listen, folder) = (free(), tempfile::tempdir().unwrap());
    let text = format!(
        "global\n  maxconn 4000\n  nbthread 2\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n\
         listen p\n  bind {listen}\n  server s {upstream}\n"
    );
    let path = folder.path().join("haproxy.cfg");
    std::fs::write(&path, text).unwrap();
    start(listen, folder, program("haproxy").arg("-f").arg(path))
}

/// nginx as a TCP proxy with two workers.
pub(crate) fn nginx_stream(upstream: &str) -> Peer {
    let listen = free();
    let module = "/usr/lib/nginx/modules/ngx_stream_module.so";
    let load = if Path::new(module).is_file() { format!("load_module {module};\n") } else { String::new() };
    let block = format!("stream {{ server {{ listen {listen} reuseport; proxy_pass {upstream}; tcp_nodelay on; }} }}");
    nginx(listen, &load, 2, &block)
}

/// nginx as the server behind all proxies: a short answer from memory.
pub(crate) fn nginx_server() -> Peer {
    let listen = free();
    let block = format!(
        "http {{ access_log off; keepalive_requests 100000000; server {{ listen {listen}; location / {{ return 200 \"ok\"; }} }} }}"
    );
    nginx(listen, "", 1, &block)
}

fn nginx(listen: String, load: &str, workers: u32, block: &str) -> Peer {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().display();
    let text = format!(
        "{load}daemon off;\nworker_processes {workers};\npid {at}/pid;\nerror_log {at}/error.log;\n\
         events {{ worker_connections 4000; }}\n{block}\n"
    );
    let path = folder.path().join("nginx.conf");
    std::fs::write(&path, text).unwrap();
    let mut command = program("nginx");
    command.arg("-p").arg(folder.path()).arg("-c").arg(&path);
    start(listen, folder, &mut command)
}
