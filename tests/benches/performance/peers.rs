//! The programs of others: whether they are installed, how each is launched, what it says of itself.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

use engine::error::{Context, Error, Result};
use engine::place::child::Child;
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::measure::{CALLS_PER_CPU_SECOND, CALLS_PER_SECOND, Figures};
use crate::processes::{CLIENTS, SERVERS, children, said, said_watched, start_on};

/// The reply that a foreign server gives to a ping: the body of our own.
pub(crate) const PONG: &str = "{\"response\":\"pong\"}\n";
/// How long a server may take until it takes connections.
const PATIENCE: Duration = Duration::from_secs(10);

/// Every peer with the argument that makes it say its version, and where it comes from.
const PEERS: [(&str, &str, &str); 7] = [
    ("wrk", "-v", "Debian's wrk"),
    ("oha", "--version", "cargo's oha"),
    ("ab", "-V", "Debian's apache2-utils"),
    ("nginx", "-v", "Debian's nginx-light"),
    ("h2load", "--version", "Debian's nghttp2-client"),
    ("nghttpd", "--version", "Debian's nghttp2-server"),
    ("iperf3", "--version", "Debian's iperf3"),
];

/// Where the program of a peer is: what a variable of its name in capitals says, or on PATH.
fn program(name: &str) -> Option<PathBuf> {
    let named = env::var_os(name.to_uppercase()).map(PathBuf::from);
    let path = env::var_os("PATH").unwrap_or_default();
    // Debian keeps servers where only root looks.
    let folders = env::split_paths(&path).chain(["/usr/sbin".into(), "/usr/local/sbin".into()]);
    named.into_iter().chain(folders.map(|folder| folder.join(name))).find(|file| file.is_file())
}

/// Nothing where the peer is installed, else what to say.
pub(crate) fn found(name: &str) -> std::result::Result<(), String> {
    let from = PEERS.iter().find(|(peer, ..)| *peer == name).map_or("", |(_, _, from)| from);
    program(name).map(drop).ok_or_else(|| format!("{name} is not installed ({from})"))
}

/// The command that runs a peer.
fn command(name: &str) -> Result<Command> {
    found(name).map_err(Error::failed)?;
    Ok(Command::new(program(name).unwrap_or_else(|| name.into())))
}

/// Every peer with the first version that it tells of; none where it is not installed.
pub(crate) fn versions() -> BTreeMap<String, Option<String>> {
    let version = |name: &str, argument: &str| {
        let output = command(name).ok()?.arg(argument).output().ok()?;
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        let numbered = |word: &&str| word.contains('.') && word.contains(|c: char| c.is_ascii_digit());
        let word = text.split_whitespace().find(numbered)?;
        Some(word.rsplit('/').next().unwrap_or(word).to_owned())
    };
    PEERS.iter().map(|(name, argument, _)| ((*name).to_owned(), version(name, argument))).collect()
}

/// A foreign server in a folder of its own; it is killed when dropped.
pub(crate) struct Foreign {
    process: Child,
    pub(crate) address: SocketAddr,
    _folder: TempDir,
}

impl Foreign {
    /// Starts what `command` makes of a folder and an address, and waits until it takes connections.
    fn start(name: &str, make: impl FnOnce(&TempDir, SocketAddr) -> Result<Command>) -> Result<Foreign> {
        Foreign::start_on(name, &[SERVERS], make)
    }

    /// The same on those cores.
    fn start_on(
        name: &str,
        cores: &[usize],
        make: impl FnOnce(&TempDir, SocketAddr) -> Result<Command>,
    ) -> Result<Foreign> {
        let folder = tempfile::tempdir().doing("a folder for a server")?;
        // The port is free again at once; nobody else on this machine asks for one by number.
        let listener = TcpListener::bind("127.0.0.1:0").doing("a free port")?;
        let address = listener.local_addr().doing("a free port")?;
        drop(listener);
        let process = start_on(name, make(&folder, address)?, cores)?;
        let mut foreign = Foreign { process, address, _folder: folder };
        let since = Instant::now();
        while TcpStream::connect(address).is_err() {
            if !foreign.process.alive() || since.elapsed() > PATIENCE {
                return Err(foreign.process.ended());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(foreign)
    }

    /// nginx with one worker that answers pings from its configuration.
    pub(crate) fn nginx() -> Result<Foreign> {
        Foreign::nginx_of(1, &[SERVERS])
    }

    /// The same with so many workers, on those cores.
    pub(crate) fn nginx_of(workers: usize, cores: &[usize]) -> Result<Foreign> {
        Foreign::start_on("nginx", cores, |folder, address| {
            let at = folder.path().display();
            let pong = PONG.trim_end();
            let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
                .map(|kind| format!("{kind}_temp_path {at}/{kind};\n"))
                .concat();
            // Without its line feed, which a string of nginx cannot end with: one byte less than ours.
            let config = format!(
                "worker_processes {workers};\nerror_log stderr error;\npid {at}/pid;\ndaemon off;\n\
                 events {{ worker_connections 4096; }}\n\
                 http {{\naccess_log off;\nkeepalive_requests 1000000000;\nkeepalive_timeout 1h;\n{temporary}\
                 server {{\nlisten {address} backlog=4096;\nlocation = /ping {{ default_type application/json; \
                 return 200 '{pong}'; }}\n}}\n}}\n"
            );
            let file = folder.path().join("nginx.conf");
            fs::write(&file, config).doing("nginx's configuration")?;
            let mut command = command("nginx")?;
            command.arg("-p").arg(folder.path()).arg("-e").arg("stderr").arg("-c").arg(file);
            Ok(command)
        })
    }

    /// nghttpd with one thread that serves a file of the name `ping`, in clear.
    pub(crate) fn nghttpd() -> Result<Foreign> {
        Foreign::start("nghttpd", |folder, address| {
            fs::write(folder.path().join("ping"), PONG).doing("the file to serve")?;
            let mut command = command("nghttpd")?;
            command.args(["--no-tls", "--workers=1", "--address=127.0.0.1", "--htdocs"]).arg(folder.path());
            command.arg(address.port().to_string());
            Ok(command)
        })
    }

    /// The process that serves: a worker of the one that was launched, or that one.
    pub(crate) fn worker(&self) -> Result<Pid> {
        Ok(children(self.process.pid())?.first().copied().unwrap_or(self.process.pid()))
    }
}

/// Answered calls of a generator, with what it took as a process.
fn figures(calls: f64, per_second: f64, cpu_s: f64) -> Result<Figures> {
    if calls == 0.0 {
        return Err(Error::failed("no call was answered"));
    }
    Ok(Figures::from([(CALLS_PER_CPU_SECOND.name, calls / cpu_s), (CALLS_PER_SECOND.name, per_second)]))
}

/// The number that stands before or after a word in a text.
fn number_after(text: &str, word: &str) -> Option<f64> {
    let rest = text.split_once(word)?.1.trim_start();
    let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(rest.len());
    rest[..end].parse().ok()
}

/// What wrk is told to do, with so many threads.
pub(crate) fn wrk_command(address: &str, threads: usize, clients: usize, seconds: u64) -> Result<Command> {
    let mut command = command("wrk")?;
    command
        .arg(format!("-t{threads}"))
        .arg(format!("-c{clients}"))
        .arg(format!("-d{seconds}s"))
        .arg(format!("http://{address}/ping"));
    Ok(command)
}

/// The calls that wrk says it made.
pub(crate) fn wrk_calls(text: &str) -> Result<(f64, f64)> {
    if text.contains("Non-2xx") || text.contains("Socket errors") {
        return Err(Error::failed(format!("wrk met errors: {text}")));
    }
    let calls = text.lines().find_map(|line| line.split_once(" requests in ")?.0.trim().parse().ok());
    calls.zip(number_after(text, "Requests/sec:")).ok_or_else(|| Error::failed(format!("wrk said: {text}")))
}

/// wrk with one thread.
pub(crate) fn wrk(address: &str, clients: usize, seconds: u64) -> Result<Figures> {
    wrk_on(&[CLIENTS], address, 1, clients, seconds)
}

/// wrk with so many threads, on those cores.
pub(crate) fn wrk_on(cores: &[usize], address: &str, threads: usize, clients: usize, seconds: u64) -> Result<Figures> {
    let said = said_watched("wrk", wrk_command(address, threads, clients, seconds)?, cores, |_| {})?;
    let (calls, per_second) = wrk_calls(&said.text)?;
    figures(calls, per_second, said.cpu_s)
}

/// oha, for as long.
pub(crate) fn oha(address: &str, clients: usize, seconds: u64) -> Result<Figures> {
    let mut command = command("oha")?;
    let folder = tempfile::tempdir().doing("a folder for what oha says")?;
    let file = folder.path().join("oha.json");
    command.args(["--no-tui", "--output-format", "json", "-z", &format!("{seconds}s"), "-c", &clients.to_string()]);
    command.arg("--output").arg(&file).arg(format!("http://{address}/ping"));
    let said = said("oha", command, CLIENTS)?;
    let told: Value = serde_json::from_slice(&fs::read(file).doing("what oha said")?).doing("what oha said")?;
    let calls = told["statusCodeDistribution"]["200"].as_f64().unwrap_or_default();
    figures(calls, told["summary"]["requestsPerSec"].as_f64().unwrap_or_default(), said.cpu_s)
}

/// ab with keep-alive; it speaks HTTP/1.0.
pub(crate) fn ab(address: &str, clients: usize, seconds: u64) -> Result<Figures> {
    let mut command = command("ab")?;
    command.args(["-k", "-q", "-n", "100000000", "-t", &seconds.to_string(), "-c", &clients.to_string()]);
    command.arg(format!("http://{address}/ping"));
    let said = said("ab", command, CLIENTS)?;
    let number = |word| number_after(&said.text, word).ok_or_else(|| Error::failed(format!("ab said: {}", said.text)));
    let failed = number("Failed requests:")?;
    if failed > 0.0 {
        return Err(Error::failed(format!("{failed} calls of ab failed")));
    }
    figures(number("Complete requests:")?, number("Requests per second:")?, said.cpu_s)
}

/// h2load with one thread.
pub(crate) fn h2load(address: &str, connections: usize, streams: usize, seconds: u64) -> Result<Figures> {
    let mut command = command("h2load")?;
    command.args([format!("-c{connections}"), format!("-m{streams}"), "-t1".into(), format!("-D{seconds}")]);
    command.arg(format!("http://{address}/ping"));
    let said = said("h2load", command, CLIENTS)?;
    // "status codes: 12345 2xx, 0 3xx, …" and "finished in 1.00s, 12345.67 req/s, 1.2MB/s".
    let calls = number_after(&said.text, "status codes:");
    let per_second =
        said.text.lines().find(|line| line.starts_with("finished in")).and_then(|line| number_after(line, ","));
    let (calls, per_second) =
        calls.zip(per_second).ok_or_else(|| Error::failed(format!("h2load said: {}", said.text)))?;
    figures(calls, per_second, said.cpu_s)
}

/// Bytes a second of one stream of iperf3 between two ends with that congestion control.
pub(crate) fn iperf3(control: &str) -> Result<f64> {
    let server = Foreign::start("iperf3", |_, address| {
        let mut command = command("iperf3")?;
        command.args(["-s", "-B", "127.0.0.1", "--logfile", "/dev/null", "-p", &address.port().to_string()]);
        Ok(command)
    })?;
    let mut command = command("iperf3")?;
    command.args(["-c", "127.0.0.1", "-p", &server.address.port().to_string(), "-t", "1", "-C", control, "-J"]);
    let said = said("iperf3", command, CLIENTS)?;
    let told: Value = serde_json::from_str(&said.text).doing("what iperf3 said")?;
    let bits = told["end"]["sum_received"]["bits_per_second"].as_f64();
    bits.map(|bits| bits / 8.0).ok_or_else(|| Error::failed(format!("iperf3 said: {}", told["error"])))
}
