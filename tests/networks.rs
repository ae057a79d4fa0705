//! Both ends in network namespaces of their own: other hosts are reached, and ports run out where a machine has few.

mod ends;

use std::process::{Command, Stdio};

use ends::{Drive, Server, assignment};
use engine::lack::Lack;
use engine::results::Measured;
use engine::server::MODELS;
use engine::stack::pairing::Pairing;
use engine::stack::{driver, native};
use engine::transport::TRANSPORTS;
use serde_json::{Value, json};

const MS: u64 = 1_000_000;

/// A network namespace; removed when dropped.
struct Network(String);

fn ip(arguments: &[&str]) -> bool {
    let status = Command::new("ip").args(arguments).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}

impl Network {
    /// A fresh one; none where this process may not make any, which is said.
    fn fresh(name: &str) -> Option<Network> {
        let name = format!("engine-{}-{name}", std::process::id());
        let made = ip(&["netns", "add", &name]).then(|| Network(name));
        let made = made.filter(|network| {
            let inside = |command: &[&str]| ip(&[&["netns", "exec", &network.0][..], command].concat());
            inside(&["ip", "link", "set", "lo", "up"])
        });
        if made.is_none() {
            eprintln!("not run: this test needs root and `ip netns`");
        }
        made
    }

    /// A command that runs in it.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, program]);
        command
    }

    fn set(&self, name: &str, value: &str) {
        let write = format!("echo '{value}' > /proc/sys/net/ipv4/{name}");
        let status = self.command("sh").args(["-c", &write]).status().expect("ip is there");
        assert!(status.success(), "{write}");
    }

    fn serve(&self, transport: &str, listen: &str, more: &[&str]) -> Server {
        let mut command = self.command(env!("CARGO_BIN_EXE_engine"));
        command.args(["serve", "--transport", transport, "--server", "threaded", "--listen", listen]).args(more);
        Server::start(command)
    }

    fn measure(&self, server: &Server, transport: &str, more: Value) -> Result<Measured, Value> {
        let mut command = self.command(env!("CARGO_BIN_EXE_engine"));
        command.arg("drive");
        Drive::start(command).measure(&assignment(server, transport, more))
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        ip(&["netns", "delete", &self.0]);
    }
}

/// Two networks with a cable between them, and their addresses in each family.
fn cabled() -> Option<(Network, Network)> {
    let (here, there) = (Network::fresh("here")?, Network::fresh("there")?);
    assert!(ip(&[
        "link", "add", "cable", "netns", &here.0, "type", "veth", "peer", "name", "cable", "netns", &there.0
    ]));
    for (network, end) in [(&here, 1), (&there, 2)] {
        for address in [format!("10.99.0.{end}/24"), format!("fd99::{end}/64")] {
            let nodad = if address.contains(':') { &["nodad"][..] } else { &[] };
            assert!(ip(&[&["-n", &network.0, "address", "add", &address, "dev", "cable"][..], nodad].concat()));
        }
        assert!(ip(&["-n", &network.0, "link", "set", "cable", "up"]));
    }
    Some((here, there))
}

#[test]
fn every_transport_over_a_network_reaches_another_host() {
    let Some((here, there)) = cabled() else { return };
    for transport in ["quic", "http3", "tcp", "rpyc", "http1", "http2", "grpc"] {
        for listen in ["10.99.0.1:0", "[fd99::1]:0"] {
            let server = here.serve(transport, listen, &[]);
            for call in ["ping", "connect"] {
                let more = json!({"call": call, "clients": 2, "iterations": 5});
                let got = there.measure(&server, transport, more).expect("it can be measured");
                assert_eq!((got.counts.ok, got.counts.scheduled), (10, 10), "{transport} {listen}: {:?}", got.failures);
            }
            assert!(server.stop());
        }
    }
}

#[test]
fn a_machine_without_ports_is_not_the_servers_fault() {
    // Each connect leaves a port behind that comes back after a minute, and so does each server.
    let few = |name: &str| {
        let network = Network::fresh(name)?;
        network.set("ip_local_port_range", "40000 40019");
        network.set("tcp_tw_reuse", "0");
        Some(network)
    };
    for clients in [1, 2] {
        let Some(network) = few(&format!("ports-{clients}")) else { return };
        let server = network.serve("tcp", "127.0.0.1:0", &[]);
        let more = json!({"call": "connect", "clients": clients, "iterations": 40 / clients, "timeout_ns": 5_000 * MS});
        let got = network.measure(&server, "tcp", more).expect("it can be measured");
        let lacked = got.generator.lacked.expect("ports were lacking");
        assert_eq!((lacked.what, lacked.calls), (Lack::Ports, got.counts.error.connect), "{:?}", got.failures);
        assert!(got.counts.ok < 20 && lacked.calls > 20 && got.counts.conserved(), "{:?}", got.counts);
        assert!(server.stop());
    }
    // What a machine has is known before.
    let Some(network) = few("ports") else { return };
    let doctor = network.command(env!("CARGO_BIN_EXE_engine")).arg("doctor").output().expect("ip is there");
    let said = String::from_utf8_lossy(&doctor.stdout);
    assert!(said.contains("20 local ports allow 20 dials a minute to one server here, 20 to one elsewhere"), "{said}");
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let file = folder.path().join("churn.yaml");
    let text = "title: t\nquestion: q\ntrials: 1\norder: sequential\ntargets: [{transport: tcp, server: threaded}]\n\
                workloads: [{name: churn, call: connect, iterations: 40}]\n";
    std::fs::write(&file, text).expect("the file can be written");
    let engine = |command: &str, more: &[&std::ffi::OsStr]| {
        let mut all = network.command(env!("CARGO_BIN_EXE_engine"));
        let output = all.arg(command).arg(&file).args(more).output().expect("ip is there");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    let (code, said, warned) = engine("plan", &[]);
    assert_eq!(code, Some(0), "{warned}");
    assert!(said.contains("at most 20 dials a minute to one server"), "{said}");
    assert!(
        warned.contains("tcp-threaded/churn dials 40 connections, and this machine's 20 local ports allow"),
        "{warned}"
    );
    // And a run of it is invalid, which is exit 3, whatever the target did.
    let out = folder.path().join("out");
    let (code, _, said) = engine("run", &["--out".as_ref(), out.as_os_str(), "--quiet".as_ref()]);
    assert_eq!(code, Some(3), "{said}");
    let results = std::fs::read_to_string(out.join("results.json")).expect("it was written");
    let results: Value = serde_json::from_str(&results).expect("it is JSON");
    let record = &results["records"][0];
    assert_eq!((&record["outcome"], &record["verdict"]["state"]), (&json!("measured"), &json!("invalid")), "{record}");
    assert_eq!(record["generator"]["lacked"]["what"], "ports");
    let why = record["verdict"]["reasons"][0]["text"].as_str().expect("a reason");
    assert!(why.starts_with("the client's machine ran out of local ports, and "), "{why}");
}

#[test]
fn an_address_that_nobody_can_dial_is_refused_with_what_to_write() {
    for transport in ["tcp", "quic", "http3"] {
        for listen in ["0.0.0.0:0", "[::]:0", "0.0.0.0:8080", "[::ffff:0.0.0.0]:0"] {
            let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
            command.args(["serve", "--transport", transport, "--server", "threaded", "--listen", listen]);
            let output = command.stdin(Stdio::null()).output().expect("it starts");
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(2), "{listen}: {said}");
            assert!(
                said.contains("is every address of this machine") && said.contains("--listen 127.0.0.1:0"),
                "{said}"
            );
        }
    }
}

#[test]
fn a_server_is_reached_by_the_name_of_its_host() {
    for (transport, tls) in [("tcp", false), ("http1", true), ("quic", true)] {
        let mut more = vec!["--listen", "localhost:0"];
        if tls && transport != "quic" {
            more.extend(["--option", "tls=true"]);
        }
        let server = Server::launch(transport, "async", &more);
        let port = server.address().rsplit_once(':').expect("a port").1.to_owned();
        let options = if transport == "http1" { json!({"tls": true}) } else { json!({}) };
        let more = json!({"address": format!("localhost:{port}"), "clients": 2, "iterations": 20, "options": options,
            "ca": server.ready["ca"]});
        let got = ends::measure(&server, transport, more).expect("it can be measured");
        assert_eq!(got.counts.ok, 40, "{transport}: {:?}", got.failures);
        assert!(server.stop());
    }
}

#[test]
fn a_server_takes_connections_of_those_only_of_whom_it_was_told() {
    for transport in TRANSPORTS.iter().filter(|transport| ["tcp", "quic", "http3"].contains(&transport.name())) {
        for model in MODELS {
            let fits = Pairing::of(*transport, *model, &native::Native, &driver::native::Native).is_ok();
            let (transport, model) = (transport.name(), model.name());
            if !fits {
                continue;
            }
            let measured = |only: &[&str]| {
                let server = Server::launch(transport, model, only);
                let measured = ends::measure(&server, transport, json!({"clients": 2, "iterations": 5}));
                assert!(server.stop(), "{transport} {model}");
                measured
            };
            let taken = measured(&["--only", "127.0.0.2", "--only", "127.0.0.1"]).expect("it is one of them");
            assert_eq!(taken.counts.ok, 10, "{transport} {model}: {:?}", taken.failures);
            let stranger = measured(&["--only", "127.0.0.2"]).expect_err("it is none of them");
            let class = stranger["failed"]["class"].as_str();
            assert!(class.is_some_and(|class| class != "timeout"), "{transport} {model}: {stranger}");
        }
    }
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.args(["serve", "--transport", "unix", "--server", "threaded", "--only", "127.0.0.1"]);
    let output = command.stdin(Stdio::null()).output().expect("it starts");
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`--only` names addresses of a network"));
}
