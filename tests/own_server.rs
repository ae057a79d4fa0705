//! Servers of the user's own: launched, proved to be those that were launched, ended; found where they run already.

mod own;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use own::{Own, free_port, has, marked, server, stderr, until};
use serde_json::Value;
use tempfile::TempDir;

#[test]
fn a_launched_server_is_measured_and_charged_and_told_where_it_comes_from() {
    let own = Own::doing("serve", ", vary: {knob: [1, 2]}");
    let text = fs::read_to_string(own.folder.path().join("own.yaml")).expect("it is there");
    fs::write(own.folder.path().join("own.yaml"), text.replace("${port}", "${port} ${knob}")).expect("it is written");
    let (output, results) = own.run();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let cells: Vec<&str> =
        results["cells"].as_array().expect("cells").iter().filter_map(|it| it["id"].as_str()).collect();
    assert_eq!(cells, ["own-knob=1/w", "own-knob=2/w"]);
    let settings = &results["cells"][1]["settings"];
    assert_eq!((&settings["knob"], &settings["server"], &settings["stack"]), (&2.into(), &Value::Null, &Value::Null));
    for record in results["records"].as_array().expect("records") {
        assert_eq!((&record["outcome"], &record["counts"]["ok"]), (&"measured".into(), &50.into()), "{record}");
        let cost = &record["cost"]["server"];
        // The kernel alone takes connections, so that on a busy machine a server may do nothing in so short a window.
        assert!(cost["cpu_ns"].is_u64() && cost["peak_memory"].as_u64() > Some(1 << 20), "{cost}");
        assert_eq!(cost["processes"], 1, "what keeps the command is not counted: {cost}");
    }
    let target = &results["manifest"]["targets"]["own-knob=2"];
    assert_eq!(target["command"], "python3 server.py serve ${port} 2");
    assert!(target["sha256"]["server.py"].as_str().is_some_and(|hash| hash.len() == 64), "{target}");
    assert!(!results.to_string().contains(&own.mark), "the environment is nobody's business");
}

#[test]
fn a_server_that_forks_is_charged_as_a_whole() {
    let (_, results) = Own::doing("forks", "").run();
    let record = &results["records"][0];
    assert_eq!(
        (&record["outcome"], &record["cost"]["server"]["processes"]),
        (&"measured".into(), &4.into()),
        "{record}"
    );
}

#[test]
fn a_server_on_a_unix_socket_is_dialled_there_and_its_folder_is_removed() {
    let own = Own::new(
        "transport: unix, launch: \"python3 server.py serve ${socket}\", env: {OWN: MARK}",
        "call: connect, clients: 3, iterations: 10",
    );
    let (output, results) = own.run();
    assert_eq!(results["records"][0]["counts"]["ok"], 30, "{}", stderr(&output));
}

/// The scenario with a network, over which each workload that has a `link` is asked.
fn over_a_link(own: &Own) {
    let file = own.folder.path().join("own.yaml");
    let text = fs::read_to_string(&file).expect("it is there");
    fs::write(file, format!("{text}links: [{{name: wan, delay: 20ms}}]\n")).expect("it is written");
}

#[test]
fn a_launched_server_is_dialled_at_its_address_behind_a_link() {
    let workload = "call: connect, iterations: 5, link: [none, wan]";
    for (launch, env) in [
        ("python3 server.py serve ${address}", ""),
        ("sh -c 'exec python3 server.py serve $HOST:${port}'", ", HOST: \"${host}\""),
    ] {
        let own = Own::new(&format!("transport: tcp, launch: \"{launch}\", env: {{OWN: MARK{env}}}"), workload);
        over_a_link(&own);
        let (output, results) = own.run();
        let records = results["records"].as_array().expect("records");
        assert_eq!(records.len(), 2, "{}", stderr(&output));
        // On a busy machine the link itself is late, which spoils a verdict and fails nothing.
        assert!(matches!(output.status.code(), Some(0 | 3)), "{}", stderr(&output));
        assert!(!stderr(&output).contains("not told on which address"), "{}", stderr(&output));
        for record in records {
            assert_eq!(record["counts"]["ok"], 5, "{record}");
            let far = results["cells"][record["cell"].as_u64().expect("a cell") as usize]["settings"]["link"] == "wan";
            let least = record["response_time"]["min_ns"].as_u64().expect("times");
            assert!(!far || least >= 40_000_000, "there and back: {least}");
        }
    }
}

#[test]
fn a_command_that_is_told_its_port_only_is_not_found_behind_a_link_and_is_warned_of() {
    let own = Own::doing("serve", ", within: 3s");
    let file = own.folder.path().join("own.yaml");
    let text = fs::read_to_string(&file).expect("it is there");
    fs::write(&file, text.replace("iterations: 50", "iterations: 5, link: wan")).expect("it is written");
    over_a_link(&own);
    let checked = own.command("check").output().expect("the engine starts");
    let said = "own.yaml:8: `own` is launched behind a link and is not told on which address to listen";
    assert!(checked.status.success() && stderr(&checked).contains(said), "{}", stderr(&checked));
    let (reason, _) = own.failure();
    assert!(reason.contains("; it listens on 127.0.0.1:"), "{reason}");
}

#[test]
fn what_belongs_to_a_target_is_counted_apart_by_its_name() {
    let own = Own::doing("with-store", ", with: [postgres, nobody-of-that-name]");
    let store = own.folder.path().join("store");
    let mut python = Command::new("python3");
    python.arg(server()).args(["store", &store.display().to_string()]).process_group(0);
    let _running = Running(python.spawn().expect("Python starts"));
    until("the store listens", || std::os::unix::net::UnixStream::connect(&store).is_ok());
    let file = own.folder.path().join("own.yaml");
    let text = fs::read_to_string(&file).expect("it is there");
    let text = text.replace("env: {", &format!("env: {{STORE: {}, ", store.display()));
    let text = text.replace("call: connect, iterations: 50", "call: line, iterations: 200");
    fs::write(&file, text + "calls: [{name: line, send: \"a line\\n\", until: \"\\n\"}]\n").expect("it is written");
    let (output, results) = own.run();
    let record = &results["records"][0];
    assert_eq!(record["counts"]["ok"], 200, "{}", stderr(&output));
    let cost = &record["cost"]["server"];
    assert!(cost["more"]["postgres_cpu_ns"].as_u64() > Some(0), "{cost}");
    assert_eq!(cost["processes"], 1, "it is none of the command's own: {cost}");
    let why = [&cost["missing"], &results["manifest"]["missing"]["server"]];
    let why = why.iter().find_map(|missing| missing["nobody-of-that-name_cpu_ns"].as_str());
    assert_eq!(why, Some("no process of that name is there"), "{results}");
}

#[test]
fn plan_tells_the_files_that_are_read() {
    let own =
        Own::new("transport: http1, at: \"127.0.0.1:1\", options: {tls: true, ca: ca.pem}", "call: put, iterations: 1");
    let file = own.folder.path().join("own.yaml");
    let text = fs::read_to_string(&file).expect("it is there");
    let calls = "calls: [{name: put, http: PUT /, body-file: body.bin}]\n";
    fs::write(&file, text + calls).expect("it is written");
    for name in ["ca.pem", "body.bin"] {
        fs::write(own.folder.path().join(name), "x").expect("it is written");
    }
    let output = own.command("plan").output().expect("the engine starts");
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    for line in ["reads ca.pem: `ca` of own\n", "reads body.bin: `body-file` of put\n"] {
        assert!(told.contains(line), "{told}{}", stderr(&output));
    }
    let output = own.command("plan").arg("--json").output().expect("the engine starts");
    let plan: Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    assert_eq!(plan["files"][1], serde_json::json!({"of": "put", "key": "body-file", "file": "body.bin"}), "{plan}");
}

#[test]
fn each_way_to_fail_is_told_and_leaves_nothing_running() {
    for (how, more, said, wrote) in [
        ("silent", ", within: 5s", "your command did not listen on 127.0.0.1:", "still thinking"),
        ("exits", "", "your command ended with exit code 98 before it listened", "address in use"),
        ("elsewhere", ", within: 5s", "; it listens on 127.0.0.1:", ""),
        // It is told when it has listened, or when it has left what will.
        ("background", "", "`python3` (pid ", ""),
        ("runaway", "", "has left the process group of your command", ""),
        ("dies", "", "your command was killed by SIGKILL while it served", ""),
        ("stubborn", "", "your command did not end within 5 s of SIGTERM, and `python3` (pid ", ""),
        ("noisy", "", "your command ended with exit code 3 while it served", "the last word"),
    ] {
        let own = Own::doing(how, more);
        let text = fs::read_to_string(own.folder.path().join("own.yaml")).expect("it is there");
        // The kernel takes the dials of a while before a server does: it has time to come to its end.
        fs::write(own.folder.path().join("own.yaml"), text.replace("iterations: 50", "duration: 3s"))
            .expect("it is written");
        let (reason, told) = own.failure();
        assert!(reason.contains(said), "{how}: {reason}");
        assert!(told.contains(wrote), "{how}: {told}");
        assert!(wrote.is_empty() || !reason.contains(wrote), "{how}: what it wrote is not recorded: {reason}");
        assert!(told.len() < 20_000, "{how}: {}", told.len());
    }
    let (reason, _) =
        Own::new("transport: tcp, launch: \"./nothing ${port}\"", "call: connect, iterations: 5").failure();
    assert!(reason.contains("`./nothing` cannot be launched in /"), "{reason}");
    let unset = "transport: tcp, launch: \"python3 server.py serve ${port} ${env:NOBODY_SETS_THIS}\"";
    let (reason, _) = Own::new(unset, "call: connect, iterations: 5").failure();
    assert!(
        reason.contains("the environment has no `NOBODY_SETS_THIS`, from which target `own` takes a value"),
        "{reason}"
    );
}

#[test]
fn a_port_that_is_stolen_is_told_with_the_thief() {
    let folder = tempfile::tempdir().expect("a folder");
    let den = folder.path().join("den");
    let listener = UnixListener::bind(&den).expect("a den");
    let own = Own::doing("robbed", ", within: 20s");
    let text = fs::read_to_string(own.folder.path().join("own.yaml")).expect("it is there");
    let text = text.replace("env: {", &format!("env: {{THIEF: {}, ", den.display()));
    fs::write(own.folder.path().join("own.yaml"), text).expect("it is written");
    // This very process takes each port that the command is to have.
    let thief = std::thread::spawn(move || {
        let mut stolen = Vec::new();
        for _ in 0..3 {
            let (mut victim, _) = listener.accept().expect("a victim");
            let mut line = String::new();
            BufReader::new(&victim).read_line(&mut line).expect("it says its port");
            stolen.push(TcpListener::bind(("127.0.0.1", line.trim().parse().expect("a port"))).expect("it is free"));
            victim.write_all(b"ok").expect("it waits");
        }
        stolen
    });
    let (reason, told) = own.failure();
    let stolen = thief.join().expect("it stole");
    let port = stolen[2].local_addr().expect("it listens").port();
    let me = format!("(pid {})", std::process::id());
    assert!(reason.contains(&format!("127.0.0.1:{port} is held by `own_server")), "{reason}");
    assert!(reason.contains(&me) && reason.contains("which is not the command that was launched"), "{reason}");
    assert!(told.contains("is held by"), "{told}");
}

#[test]
fn a_server_that_is_launched_once_is_there_for_all_trials() {
    let own = Own::doing("serve", ", fresh: run");
    let output = own.command("run").args(["--out", "out", "--set", "trials=3"]).output().expect("the engine starts");
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert_eq!(marked(&own.mark), BTreeSet::new());
    let results = fs::read_to_string(own.folder.path().join("out/results.json")).expect("results");
    let results: Value = serde_json::from_str(&results).expect("results are JSON");
    assert_eq!(results["manifest"]["facts"]["own"]["fresh"], "launched once for all trials");
    assert_eq!(results["records"].as_array().map(Vec::len), Some(3));
}

#[test]
fn a_killed_engine_leaves_nothing_running() {
    for how in ["serve", "forks", "stubborn", "silent", "runaway"] {
        let own = Own::doing(how, "");
        let text = fs::read_to_string(own.folder.path().join("own.yaml")).expect("it is there");
        fs::write(own.folder.path().join("own.yaml"), text.replace("iterations: 50", "duration: 60s"))
            .expect("it is written");
        let mut engine = own.command("run");
        let mut engine = engine.args(["--out", "out"]).stderr(Stdio::null()).spawn().expect("the engine starts");
        until("the command is launched", || marked(&own.mark).iter().any(|line| line.contains("server.py")));
        engine.kill().expect("it is there");
        engine.wait().expect("it is gone");
        until("nothing is left of it", || marked(&own.mark).is_empty());
    }
}

#[test]
fn check_and_plan_launch_nothing_and_tell_the_commands() {
    let own = Own::new("transport: tcp, launch: \"touch ${port} launched\"", "call: connect, iterations: 1");
    for name in ["check", "plan"] {
        let output = own.command(name).output().expect("the engine starts");
        assert!(output.status.success(), "{}", stderr(&output));
        if name == "plan" {
            let told = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(told.contains("launches own: touch ${port} launched"), "{told}");
        }
    }
    assert!(!own.folder.path().join("launched").exists());
}

/// A server that runs already, in a process group of its own.
struct Running(Child);

impl Running {
    fn start(how: &str, port: u16) -> Self {
        let mut command = Command::new("python3");
        command.arg(server()).args([how, &port.to_string()]).process_group(0);
        let child = command.spawn().expect("Python starts");
        until("it listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Running(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = killpg(Pid::from_raw(self.0.id() as i32), Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

#[test]
fn a_server_that_runs_here_already_is_found_and_charged_and_left_alone() {
    let port = free_port();
    let mut running = Running::start("forks", port);
    let own = Own::new(&format!("transport: tcp, at: \"localhost:{port}\""), "call: connect, iterations: 50");
    let (output, results) = own.run();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let (record, facts) = (&results["records"][0], &results["manifest"]["facts"]["own"]);
    assert_eq!((&record["counts"]["ok"], &record["cost"]["server"]["processes"]), (&50.into(), &4.into()), "{record}");
    assert_eq!(facts["its processes"], "observed, as it was found");
    assert!(running.0.try_wait().is_ok_and(|ended| ended.is_none()), "it is not ours to end");
}

#[test]
fn nobody_at_an_address_is_told() {
    let own = Own::new(&format!("transport: tcp, at: \"127.0.0.1:{}\"", free_port()), "call: connect, iterations: 5");
    let (reason, _) = own.failure();
    assert!(reason.contains("cannot dial 127.0.0.1:"), "{reason}");
}

/// A scenario of those targets over HTTP/1.1, which are asked for their items.
fn shops(targets: &str) -> Own {
    let own = Own::new("transport: tcp, at: \"127.0.0.1:1\"", "call: connect, iterations: 1");
    for file in ["server.js", "Server.java"] {
        fs::copy(server().with_file_name(file), own.folder.path().join(file)).expect("it is copied");
    }
    let text = format!(
        "title: t\nquestion: q\ntrials: 1\ntimeout: 20s\ntargets:\n{targets}calls:\n  - {{name: health, http: GET /health}}\n  \
         - {{name: list, http: GET /items, contains: '\"items\"'}}\nworkloads:\n  \
         - {{name: w, call: list, clients: 2, warmup: 5, iterations: 20}}\n"
    );
    fs::write(own.folder.path().join("own.yaml"), text.replace("MARK", &own.mark)).expect("it is written");
    own
}

#[test]
fn servers_of_other_languages_are_launched_and_asked_the_users_own_calls() {
    let mut targets = String::new();
    if has("node", "--version") {
        let ready = "ready: health, env: {OWN: MARK}";
        targets += &format!("  - {{name: node, transport: http1, launch: \"node server.js ${{address}}\", {ready}}}\n");
    }
    if has("javac", "-version") {
        let env = "within: 60s, env: {OWN: MARK, PORT: \"${port}\"}";
        targets += &format!("  - {{name: java, transport: http1, launch: java Server.java, {env}}}\n");
    }
    if targets.is_empty() {
        return;
    }
    let shops = shops(&targets);
    let (output, results) = shops.run();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    for record in results["records"].as_array().expect("records") {
        assert_eq!(record["counts"]["ok"], 40, "{record}");
        assert!(record["cost"]["server"]["threads"].as_u64() > Some(1), "{record}");
        let name = results["cells"][record["cell"].as_u64().expect("a cell") as usize]["target"].as_str();
        let ready = if name == Some("node") { 3 } else { 0 };
        assert_eq!(record["untimed"]["ready"].as_u64().unwrap_or(0), ready, "{record}");
        let log =
            fs::read_to_string(shops.folder.path().join(format!("{}.log", name.expect("a name")))).expect("a log");
        let asked = |path: &str| log.lines().filter(|line| *line == path).count() as u64;
        assert_eq!((asked("/health"), asked("/items")), (ready, 40 + 2 * 5), "what it was asked by its own log");
    }
}

#[test]
fn a_server_that_never_answers_as_expected_is_not_measured() {
    let target = "  - {name: own, transport: http1, launch: \"python3 server.py serve ${port}\", ready: health, within: 5s, env: {OWN: MARK}}\n";
    let (reason, _) = shops(target).failure();
    assert!(reason.starts_with("ready: `health` was not answered as expected within 5s: "), "{reason}");
}

/// nginx that speaks TLS of one version, to those whom it knows where it asks for that.
struct Nginx {
    process: Child,
    port: u16,
    folder: TempDir,
}

impl Nginx {
    fn start(version: &str, asks: bool) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let put = |name: &str, text: String| fs::write(folder.path().join(name), text).expect("it is written");
        let made = rcgen::generate_simple_self_signed(["shop.example".to_owned()]).expect("a certificate");
        put("ca.pem", made.cert.pem());
        put("key.pem", made.signing_key.serialize_pem());
        let known = rcgen::generate_simple_self_signed(["client".to_owned()]).expect("a certificate");
        put("client.pem", known.cert.pem());
        put("client.key", known.signing_key.serialize_pem());
        let (at, port) = (folder.path().display(), free_port());
        let asks =
            if asks { format!("ssl_verify_client on; ssl_client_certificate {at}/client.pem;") } else { String::new() };
        put(
            "nginx.conf",
            format!(
                "daemon off; master_process off; pid {at}/pid; error_log stderr crit; events {{ worker_connections 64; }}\n\
                 http {{ log_format asked \"$request_uri\"; access_log {at}/asked.log asked; client_body_temp_path {at}; proxy_temp_path {at}; fastcgi_temp_path {at};\n\
                 uwsgi_temp_path {at}; scgi_temp_path {at};\n\
                 server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {at}/ca.pem; ssl_certificate_key {at}/key.pem;\n\
                 ssl_protocols {version}; {asks} location / {{ return 200 '{{\"items\":[]}}'; }} }} }}\n"
            ),
        );
        let mut command = Command::new("nginx");
        command.arg("-p").arg(folder.path()).arg("-c").arg(folder.path().join("nginx.conf")).stderr(Stdio::null());
        let process = command.spawn().expect("nginx starts");
        until("nginx listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        Nginx { process, port, folder }
    }

    /// A run against it with those options.
    fn asked(&self, options: &str) -> (Output, Value) {
        let (output, results, _) = self.reported(options);
        (output, results)
    }

    /// The same with its report.
    fn reported(&self, options: &str) -> (Output, Value, String) {
        let (at, port) = (self.folder.path().display(), self.port);
        let options = options.replace("AT", &at.to_string());
        let target = format!(
            "  - {{name: own, transport: http1, at: \"127.0.0.1:{port}\", ready: health, within: 2s, options: {{tls: true, {options}}}}}\n"
        );
        let own = shops(&target);
        let (output, results) = own.run();
        (output, results, fs::read_to_string(own.folder.path().join("out/report.md")).expect("a report"))
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_server_in_tls_is_known_by_a_file_or_not_at_all_and_knows_its_clients() {
    if !has("nginx", "-v") {
        assert!(std::env::var_os("CI").is_none(), "in CI nginx must be there");
        return;
    }
    let facts = |results: &Value| results["manifest"]["facts"]["own"].clone();
    let reason = |results: &Value| results["records"][0]["reason"].as_str().unwrap_or_default().to_owned();
    for (version, told) in [("TLSv1.2", "TLS 1.2, "), ("TLSv1.3", "TLS 1.3, ")] {
        let nginx = Nginx::start(version, false);
        let (output, results) = nginx.asked("ca: AT/ca.pem, server-name: shop.example");
        assert_eq!(results["records"][0]["counts"]["ok"], 40, "{}", stderr(&output));
        let log = fs::read_to_string(nginx.folder.path().join("asked.log")).expect("a log");
        let asked = |path: &str| log.lines().filter(|line| *line == path).count() as u64;
        let untimed = &results["records"][0]["untimed"];
        let ready = untimed["ready"].as_u64().expect("it was awaited");
        assert_eq!(
            (asked("/health"), asked("/items")),
            (ready, 40 + 10),
            "what it was asked by its own log: {untimed}"
        );
        let facts = facts(&results);
        assert!(facts["negotiated"].as_str().is_some_and(|said| said.starts_with(told)), "{facts}");
        assert!(facts["encrypted"].as_str().is_some_and(|said| said.contains("the server known by `/")), "{facts}");
    }
    let nginx = Nginx::start("TLSv1.3", true);
    let (_, results, report) = nginx.reported("insecure: true, cert: AT/client.pem, key: AT/client.key");
    assert!(report.contains("**insecure any certificate was taken for that of own**"), "{report}");
    assert_eq!(results["records"][0]["counts"]["ok"], 40, "{results}");
    assert!(facts(&results)["encrypted"].as_str().is_some_and(|said| said.contains("NOT verified, the client by")));
    let (_, results) = nginx.asked("insecure: true");
    assert!(reason(&results).contains("status 400"), "it does not know us: {}", reason(&results));
    let (_, results) = nginx.asked("ca: AT/ca.pem");
    assert!(reason(&results).contains("certificate"), "another name: {}", reason(&results));
    let (_, results) = nginx.asked("server-name: shop.example");
    assert!(reason(&results).contains("certificate"), "the system does not know it: {}", reason(&results));
}

#[test]
fn what_is_secret_is_in_no_file_and_is_the_same_where_a_run_is_gone_on_with() {
    let own = Own::doing("serve", "");
    let text = fs::read_to_string(own.folder.path().join("own.yaml")).expect("it is there");
    let text = text
        .replace("env: {", "env: {A: hunter2, B: \"${env:OWN_TOKEN}\", ")
        .replace("iterations: 50", "duration: 30s");
    fs::write(own.folder.path().join("own.yaml"), text).expect("it is written");
    let run = |more: &[&str], token: &str| {
        let mut command = own.command("run");
        command.args(["--out", "out", "--set", "targets.own.env.C=swordfish"]).args(more).env("OWN_TOKEN", token);
        command
    };
    let mut engine = run(&[], "xyzzy-token").stderr(Stdio::null()).spawn().expect("the engine starts");
    until("it serves", || marked(&own.mark).iter().any(|line| line.contains("server.py")));
    let journal = own.folder.path().join("out/results.journal");
    until("it is noted", || fs::read(&journal).is_ok_and(|text| !text.is_empty()));
    nix::sys::signal::kill(Pid::from_raw(engine.id() as i32), Signal::SIGINT).expect("it is there");
    engine.wait().expect("it is gone");
    let mut files = 0;
    for entry in fs::read_dir(own.folder.path().join("out")).expect("a folder").flatten() {
        let text = fs::read(entry.path()).unwrap_or_default();
        for secret in ["hunter2", "swordfish", "xyzzy-token"] {
            assert!(!String::from_utf8_lossy(&text).contains(secret), "{secret} is in {}", entry.path().display());
        }
        files += 1;
    }
    assert!(files >= 2, "there are results and a key");
    let edits = ["--resume", "--set", "targets.own.env.A=another"];
    let output = run(&edits, "xyzzy-token").output().expect("the engine starts");
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert!(stderr(&output).contains("what the scenario keeps secret"), "{}", stderr(&output));
}
