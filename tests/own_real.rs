//! Real programs as servers of the user's own, by the scenarios that are shipped with them: what each was asked by its own log
//! or counter is what the results say, to the call.

mod own;
mod systems;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use engine::results::{Counts, Outcome, Results};
use own::{free_port, marked, stderr, until};
use systems::Program;
use tempfile::TempDir;

/// A folder with a copy of the example services and their scenarios, whose processes carry a mark.
struct Services {
    folder: TempDir,
    mark: String,
}

impl Services {
    fn new(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/own");
        for entry in fs::read_dir(shipped).expect("the folder is part of the project").flatten() {
            if entry.path().is_file() {
                fs::copy(entry.path(), folder.path().join(entry.file_name())).expect("it is copied");
            }
        }
        Services { folder, mark: format!("real-{name}-{}", std::process::id()) }
    }

    /// The same with the Python packages that they need; none where this machine cannot have them.
    fn of_python(name: &str) -> Option<Self> {
        let python = systems::venv(
            "own-services",
            "../../scenarios/own/requirements.txt",
            "flask, gunicorn, rpyc, uvicorn, grpc, grpc_tools, grpc_reflection",
        )?;
        let services = Services::new(name);
        let environment = python.parent().and_then(Path::parent).expect("it lies in an environment");
        std::os::unix::fs::symlink(environment, services.path(".venv")).expect("a link");
        Some(services)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a run of one of the scenarios measures, each trial of which has all its calls right.
    fn run(&self, scenario: &str, sets: &[&str], programs: &[Program]) -> Results {
        let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
        command.env("ENGINE_BESIDE_OTHERS", "1").env("OWN", &self.mark).env_remove("RUST_BACKTRACE");
        programs.iter().for_each(|program| program.found_by(&mut command));
        command.current_dir(self.folder.path()).args(["run", scenario, "--out", "out"]);
        command.args(sets.iter().flat_map(|set| ["--set", set]));
        let output = command.output().expect("the engine starts");
        let told = stderr(&output);
        let results = Results::read(&self.path("out")).unwrap_or_else(|error| panic!("{error}: {told}"));
        assert_eq!(marked(&self.mark), BTreeSet::new(), "something is left running");
        for record in &results.records {
            let id = results.id(record);
            assert_eq!(record.outcome, Outcome::Measured, "{id}: {:?}: {told}", record.reason);
            let measured = record.measured.as_ref().expect("it is measured");
            assert_eq!(measured.counts.ok, measured.counts.scheduled, "{id}: {:?}", measured.failures);
            if !measured.calls.is_empty() {
                assert_eq!(measured.calls.values().map(|call| call.counts).sum::<Counts>(), measured.counts, "{id}");
            }
            let cost = record.cost.as_ref().expect("it is here, and observed");
            assert!(cost.server.cpu_ns > Some(0) && cost.server.processes > Some(0), "{id}: {cost:?}");
        }
        results
    }

    /// How often a log names each word that it begins its lines with.
    fn log(&self, name: &str) -> BTreeMap<String, u64> {
        let mut asked = BTreeMap::new();
        for line in fs::read_to_string(self.path(name)).unwrap_or_default().lines() {
            *asked.entry(line.to_owned()).or_default() += 1;
        }
        asked
    }
}

/// How often each call was made of the targets whose names begin so, timed or not; `ready` is the call by which a target
/// says that it is.
fn made(results: &Results, target: &str, ready: Option<&str>) -> BTreeMap<String, u64> {
    let mut made: BTreeMap<String, u64> = BTreeMap::new();
    for record in &results.records {
        let cell = &results.cells[record.cell];
        let measured = record.measured.as_ref().expect("it is measured");
        if !cell.target.starts_with(target) {
            continue;
        }
        let untimed = measured.untimed.unwrap_or_default();
        if let Some(ready) = ready {
            *made.entry(ready.to_owned()).or_default() += untimed.ready;
        }
        match cell.text("call") {
            Some(call) => *made.entry(call).or_default() += measured.counts.scheduled + untimed.warmup,
            // What is drawn while it warms up is told all together.
            None => {
                for (call, figures) in &measured.calls {
                    *made.entry(call.clone()).or_default() += figures.counts.scheduled;
                }
                *made.entry("any".to_owned()).or_default() += untimed.warmup;
            }
        }
    }
    made
}

#[test]
fn two_builds_of_a_shop_in_flask() {
    let Some(services) = Services::of_python("shop") else { return };
    let results = services.run(
        "shop.yaml",
        &[
            "trials=2",
            "targets.shop.env.ASKED='${build}.log'",
            "workloads.each-alone.duration=200ms",
            "workloads.each-alone.warmup=5",
            "workloads.as-in-production.duration=500ms",
        ],
        &[],
    );
    for build in ["main", "branch"] {
        let made = made(&results, &format!("shop-build={build}"), Some("health"));
        let log = services.log(&format!("{build}.log"));
        for call in ["health", "list", "buy"] {
            assert_eq!(log.get(call), made.get(call), "{build}: {call}: {log:?}, {made:?}");
        }
        assert_eq!(made.get("any"), Some(&0));
    }
    // Both are judged, whatever came of it; nothing is said of `main` against itself.
    let report = fs::read_to_string(services.path("out/report.md")).expect("a report");
    let judged = report.lines().filter(|line| line.contains("110% of baseline |")).collect::<Vec<_>>();
    let own = judged.iter().filter(|line| line.starts_with("| shop-build=branch/")).count();
    assert_eq!((judged.len(), own), (3, 3), "{report}");
}

#[test]
fn the_same_functions_over_rpyc_and_over_http() {
    let Some(services) = Services::of_python("lab") else { return };
    let sets = [
        "trials=1",
        "targets.rpyc.env.ASKED=rpyc.log",
        "targets.http.env.ASKED=http.log",
        "workloads.calls.duration=200ms",
        "workloads.calls.warmup=2",
    ];
    let results = services.run("lab.yaml", &sets, &[]);
    assert_eq!(results.records.len(), 16, "two calls over two networks to four targets");
    for target in ["rpyc", "http"] {
        let (log, made) = (services.log(&format!("{target}.log")), made(&results, target, None));
        assert_eq!(log, made, "{target}");
    }
    // A method is looked up for each call, or once: a round trip that shows far away.
    let far = |target: &str| {
        let cell = |id: &str| id.starts_with(target) && id.contains("call=reading") && id.ends_with("link=wan");
        let record = results.records.iter().find(|record| cell(results.id(record))).expect(target);
        record.measured.as_ref().expect("it is measured").response_time.min_ns / 1_000_000
    };
    let (attribute, bound) = (far("rpyc-method=attribute"), far("rpyc-method=bound"));
    assert!(attribute >= 80 && bound >= 40, "{attribute} ms, {bound} ms");
    assert!(far("http-workers=1") >= 40);
}

#[test]
fn grpcio_takes_orders_by_their_description_and_by_its_own() {
    let Some(services) = Services::of_python("orders") else { return };
    let sets = [
        "trials=1",
        "targets.orders.env.ASKED=orders.log",
        "workloads.capacity.rate=40",
        "workloads.capacity.warmup=3",
        "workloads.capacity.clients=4",
    ];
    for (proto, asked) in [("orders.proto", 1), ("reflection", 2)] {
        let proto = format!("targets.orders.proto={proto}");
        let results = services.run("orders.yaml", &[&sets[..], &[proto.as_str()]].concat(), &[]);
        let placed: u64 = made(&results, "orders", None).values().sum();
        assert!(placed >= 2 * 20, "{placed}");
        assert_eq!(services.log("orders.log").get("place"), Some(&placed), "the {asked}. time");
        fs::remove_file(services.path("orders.log")).expect("it is there");
        fs::remove_dir_all(services.path("out")).expect("it is there");
    }
}

#[test]
fn users_of_a_portal_log_in_once_and_go_through_their_steps() {
    let Some(services) = Services::of_python("portal") else { return };
    let sets = [
        "trials=1",
        "targets.portal.env.ASKED=portal.log",
        "workloads.morning.clients=[2, 3]",
        "workloads.morning.duration=600ms",
        "workloads.morning.think=5ms..20ms",
    ];
    let results = services.run("portal.yaml", &sets, &[]);
    let mut made = made(&results, "portal", None);
    assert_eq!(made.remove("any"), Some(0), "nothing warms up");
    let before = results.records.iter().filter_map(|record| Some(record.measured.as_ref()?.untimed?.before)).sum();
    assert_eq!(before, 5, "each client of both cells, once");
    made.insert("login".to_owned(), before);
    assert_eq!(services.log("portal.log"), made);
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path()) {
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn redis_is_asked_in_its_own_protocol_over_tcp_and_a_socket() {
    let Some(redis) = systems::program("redis-server", "redis-server") else { return };
    let services = Services::new("redis");
    // What it was told to keep it writes into its own log of commands.
    fs::create_dir(services.path("log")).expect("a folder");
    let launch = "targets.redis.launch=redis-server --port ${port} --unixsocket ${socket} --io-threads ${threads} --save '' \
                  --dir log --appendonly yes";
    let sets = [
        launch,
        "trials=1",
        "targets.redis.vary.threads=[1, 2]",
        "workloads.small.iterations=20",
        "workloads.small.warmup=3",
    ];
    let results = services.run("redis.yaml", &sets, &[redis]);
    let (mut logs, mut log) = (Vec::new(), Vec::new());
    files(&services.path("log"), &mut logs);
    logs.iter().for_each(|file| log.extend(fs::read(file).expect("a log")));
    let kept = log.windows(7).filter(|window| window == b"\r\nSET\r\n").count() as u64;
    assert_eq!(kept, made(&results, "redis", None)["set"], "each that was asked, timed or not");
    // Two transports, with so many threads, for each call.
    assert_eq!(results.records.len(), 8);
    let cells = results.records.iter().map(|record| results.id(record));
    assert!(cells.clone().any(|id| id.starts_with("redis-unix-threads=2/")), "{:?}", cells.collect::<Vec<_>>());
}

/// A program that the test itself runs.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What Redis answers to a command, until its last line.
fn told(port: u16, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("it listens");
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it answers, and hangs up");
    text
}

#[test]
fn a_redis_that_runs_already_counts_what_it_was_asked() {
    let Some(redis) = systems::program("redis-server", "redis-server") else { return };
    let services = Services::new("redis-at");
    let (port, socket) = (free_port(), services.path("socket"));
    let mut command = Command::new(&redis.path);
    redis.found_by(&mut command);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--unixsocket"]).arg(&socket);
    let _running =
        Running(command.current_dir(services.folder.path()).stdout(Stdio::null()).spawn().expect("it starts"));
    until("Redis listens", || TcpStream::connect(("127.0.0.1", port)).is_ok() && socket.exists());
    let text = fs::read_to_string(services.path("redis.yaml")).expect("it is there");
    let (before, rest) = text.split_once("targets:\n").expect("targets");
    let (_, after) = rest.split_once("\ncalls:\n").expect("calls");
    let targets = format!(
        "targets:\n  - {{name: tcp, transport: tcp, at: \"127.0.0.1:{port}\", ready: pong}}\n  \
         - {{name: unix, transport: unix, at: \"unix:{}\"}}\n",
        socket.display()
    );
    let before = before.replace("answer: [threads, transport]\n", "");
    fs::write(services.path("at.yaml"), format!("{before}{targets}\ncalls:\n{after}")).expect("it is written");
    let results =
        services.run("at.yaml", &["trials=2", "workloads.small.iterations=20", "workloads.small.warmup=3"], &[]);
    let (tcp, unix) = (made(&results, "tcp", Some("pong")), made(&results, "unix", None));
    let stats = told(port, "INFO commandstats");
    for (call, command) in [("pong", "ping"), ("set", "set")] {
        let counted = stats.split_once(&format!("cmdstat_{command}:calls=")).map_or("0", |(_, rest)| rest);
        let counted: u64 = counted.split(',').next().unwrap_or_default().parse().expect("a number");
        assert_eq!(counted, tcp[call] + unix[call], "{command}: {tcp:?}, {unix:?}, {stats}");
    }
}

#[test]
fn nginx_beside_caddy_serve_files_by_their_logs() {
    let (Some(nginx), Some(caddy)) = (systems::program("nginx", "nginx-light"), systems::program("caddy", "caddy"))
    else {
        return;
    };
    let services = Services::new("files");
    let sets = [
        "trials=1",
        "targets.nginx.env.ASKED=nginx.log",
        "targets.caddy.env.ASKED=caddy.log",
        "workloads.files.duration=100ms",
        "workloads.files.clients=[1, 4]",
        "workloads.files.warmup=2",
    ];
    let results = services.run("files.yaml", &sets, &[nginx, caddy]);
    let of_nginx = services.log("nginx.log");
    let made_of_nginx = made(&results, "nginx", Some("small"));
    let of_caddy = fs::read_to_string(services.path("caddy.log")).expect("a log");
    let made_of_caddy = made(&results, "caddy", Some("small"));
    for call in ["small", "large"] {
        assert_eq!(of_nginx.get(&format!("GET /{call}")), made_of_nginx.get(call), "{of_nginx:?}");
        let lines = of_caddy.matches(&format!("\"uri\":\"/{call}\"")).count() as u64;
        assert_eq!(Some(&lines), made_of_caddy.get(call), "{call}");
    }
    for record in &results.records {
        let measured = record.measured.as_ref().expect("it is measured");
        let len = if results.id(record).contains("call=small") { 1 << 10 } else { 1 << 20 };
        assert_eq!(measured.bytes.payload_down, len * measured.counts.ok);
    }
}

#[test]
fn a_server_that_goes_away_while_it_is_asked_costs_no_call() {
    let Some(nginx) = systems::program("nginx", "nginx-light") else { return };
    let services = Services::new("away");
    let conf = fs::read_to_string(services.path("nginx.conf")).expect("it is there");
    // Each connection takes seven requests, then it is ended: by `Connection: close`, or by a GOAWAY.
    let conf =
        conf.replace("keepalive_requests 1000000000", "keepalive_requests 7").replace("ADDRESS", "ADDRESS VERSION");
    fs::write(services.path("nginx.conf"), conf).expect("it is written");
    let script = fs::read_to_string(services.path("serve_files.sh")).expect("it is there");
    fs::write(services.path("serve_files.sh"), script.replace("sed -e", "sed -e \"s|VERSION|$VERSION|\" -e"))
        .expect("it is written");
    let target = |name: &str, transport: &str, version: &str| {
        format!(
            "  - {{name: {name}, transport: {transport}, launch: \"sh serve_files.sh nginx ${{address}}\", ready: small, \
             env: {{ASKED: {name}.log, VERSION: \"{version}\"}}}}\n"
        )
    };
    let text = format!(
        "title: t\nquestion: q\ntrials: 1\ntargets:\n{}{}calls:\n  - {{name: small, http: GET /small, size: 1KiB}}\n\
         workloads:\n  - {{name: w, call: small, clients: 3, warmup: 4, iterations: 40}}\n",
        target("close", "http1", ""),
        target("goaway", "http2", "http2"),
    );
    fs::write(services.path("away.yaml"), text).expect("it is written");
    let results = services.run("away.yaml", &[], &[nginx]);
    for name in ["close", "goaway"] {
        let asked = services.log(&format!("{name}.log"));
        assert_eq!(asked.get("GET /small"), made(&results, name, Some("small")).get("small"), "{name}: {asked:?}");
    }
    for record in &results.records {
        let measured = record.measured.as_ref().expect("it is measured");
        assert!(measured.dials >= Some(14), "{}: {:?}", results.id(record), measured.dials);
    }
}
