//! Ends on other hosts: reached by ssh, srun and a command, counted together, and nothing of them left however a run ends.
//!
//! The hosts are network namespaces of this machine. Where it cannot have them, or lacks Slurm, each test says so by name.

mod family;
mod network;

use std::fs;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use engine::results::{Outcome, Record, Results};
use family::{descendants, kill, until};
use network::{AHEAD, HOSTS, Network, address};

/// Slurm's programs.
const SLURM: [&str; 6] = ["munged", "slurmctld", "slurmd", "srun", "salloc", "scontrol"];

/// A server that writes a byte for each request: what it was asked can be counted from everywhere.
const COUNTING: &str = r#"
import http.server, os, sys
log = os.open(sys.argv[3], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        os.write(log, b".")
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *words):
        pass
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"#;

/// Places by which the server is on `b`, and clients on `a` and `d`.
fn places(network: &Network, by: &str) -> String {
    let engine = network.path("engine").display().to_string();
    format!(
        "places:\n- {{name: web, by: {by}, hosts: b, engine: {engine}}}\n\
         - {{name: farm, by: {by}, hosts: [a, d], engine: {engine}}}\n"
    )
}

/// The whole load, and what its server was asked by its own count.
fn counted(network: &Network, out: &str, by: Option<&str>) -> (Results, u64) {
    fs::write(network.path("count.py"), COUNTING).expect("a file");
    let (folder, log) = (network.folder.path().display(), network.path(&format!("asked-{out}")));
    let launch = format!("python3 {folder}/count.py ${{host}} ${{port}} {}", log.display());
    let (defined, place, from) = match by {
        Some(by) => (places(network, by), ", place: web", ", from: farm"),
        None => (String::new(), "", ", processes: 2"),
    };
    network.scenario(&format!(
        "{defined}targets:\n- {{name: counted, transport: http1, launch: '{launch}'{place}}}\n\
         calls: [{{name: list, http: GET /}}]\nworkloads:\n\
         - {{name: closed, call: list, clients: 5, warmup: 2, iterations: 20{from}}}\n\
         - {{name: open, call: list, clients: 6, rate: 200, duration: 1s{from}}}\ntrials: 2\n"
    ));
    let output = network.run(out, by == Some("srun")).output().expect("the engine starts");
    let results = Results::read(&network.path(out)).unwrap_or_else(|_| panic!("{}", said(&output)));
    (results, fs::metadata(log).expect("it was asked").len())
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// That all calls of the load were made, and that its server was asked so often.
fn agree(results: &Results, asked: u64) {
    let mut made = 0;
    assert_eq!(results.records.len(), 4);
    for record in &results.records {
        let id = results.id(record);
        let measured = record.measured.as_ref().unwrap_or_else(|| panic!("{id}: {:?}", record.reason));
        let expected = if id.contains("/open") { 200 } else { 100 };
        assert_eq!(
            (measured.counts.scheduled, measured.counts.ok),
            (expected, expected),
            "{id}: {:?}",
            measured.failures
        );
        assert_eq!(measured.drivers.len(), 2, "{id}");
        assert_eq!(measured.drivers.iter().map(|own| own.ok).sum::<u64>(), expected, "{id}");
        let untimed = measured.untimed.map_or(0, |untimed| untimed.ready + untimed.before + untimed.warmup);
        made += measured.counts.scheduled + untimed;
    }
    assert_eq!(asked, made, "the server was asked what is counted, and nothing else");
}

/// That the hosts of a record are those of its places, with what is known of the ways between them.
fn ran_there(results: &Results, record: &Record) {
    let hosts = record.hosts.as_ref().expect("they ran elsewhere");
    assert_eq!(hosts.server, "b");
    let clients: Vec<&str> = hosts.clients.iter().map(|client| client.host.as_str()).collect();
    assert_eq!(clients, ["a", "d"]);
    for client in &hosts.clients {
        let trips = client.round_trip_ns.expect("the network lets it through");
        assert!(trips.before > 0 && trips.after > 0, "{client:?}");
        assert!(client.clock.is_some_and(|clock| clock.error_ns > 0), "{client:?}");
    }
    let drivers = &record.measured.as_ref().expect("measured").drivers;
    let on: Vec<Option<&str>> = drivers.iter().map(|driver| driver.host.as_deref()).collect();
    assert_eq!(on, [Some("a"), Some("d")]);
    let known: Vec<(&str, Option<&str>)> =
        results.manifest.hosts.iter().map(|host| (host.host.as_str(), host.address.as_deref())).collect();
    let [a, b, d] = ["a", "b", "d"].map(address);
    assert_eq!(known, [("b", Some(b.as_str())), ("a", Some(a.as_str())), ("d", Some(d.as_str()))]);
    // Namespaces of one machine: none of them takes the processes of another for a neighbour's.
    assert_eq!(results.manifest.hosts[0].one_machine_with, ["here", "a", "d"]);
}

#[test]
fn one_scenario_is_counted_alike_here_and_by_ssh_though_a_host_is_5000_s_ahead() {
    let name = "one_scenario_is_counted_alike_here_and_by_ssh_though_a_host_is_5000_s_ahead";
    let Some(mut network) = Network::lay(name, &["python3"]) else { return };
    let (here, asked) = counted(&network, "here", None);
    agree(&here, asked);
    assert!(here.records.iter().all(|record| record.hosts.is_none()));
    network.all_by_ssh();
    let (by_ssh, asked) = counted(&network, "by-ssh", Some("ssh"));
    agree(&by_ssh, asked);
    by_ssh.records.iter().for_each(|record| ran_there(&by_ssh, record));
    let ahead = |host: &str| {
        let of = |record: &Record| record.hosts.as_ref()?.clients.iter().find(|client| client.host == host)?.clock;
        by_ssh.records.iter().filter_map(of).map(|clock| clock.ahead_ns as f64 / 1e9).next().expect("it was compared")
    };
    assert!(ahead("a").abs() < 1.0 && (ahead(AHEAD) - 5_000.0).abs() < 1.0, "{} {}", ahead("a"), ahead(AHEAD));
    let report = fs::read_to_string(network.path("by-ssh/report.md")).expect("a report");
    assert!(
        report.contains("Where each end ran") && report.contains("servers on b with clients on a and d"),
        "{report}"
    );
    network.await_none("after the runs");
}

#[test]
fn one_scenario_is_counted_alike_by_srun() {
    let Some(mut network) = Network::lay("one_scenario_is_counted_alike_by_srun", &[&SLURM[..], &["python3"]].concat())
    else {
        return;
    };
    network.slurm();
    let (by_srun, asked) = counted(&network, "by-srun", Some("srun"));
    agree(&by_srun, asked);
    by_srun.records.iter().for_each(|record| ran_there(&by_srun, record));
    // Outside of an allocation it would be a job of its own.
    let output = network.run("alone", false).output().expect("the engine starts");
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let told = said(&output);
    assert!(told.contains("in no Slurm allocation") && told.contains("salloc -N1 engine run"), "{told}");
    network.await_none("after the runs");
}

#[test]
fn our_own_servers_and_clients_speak_every_transport_between_hosts() {
    let name = "our_own_servers_and_clients_speak_every_transport_between_hosts";
    let Some(mut network) = Network::lay(name, &[]) else { return };
    network.all_by_ssh();
    network.scenario(&format!(
        "{}targets:\n- {{transport: [tcp, unix, rpyc, http1, http2, http3, quic, grpc], server: async, place: [here, web]}}\n\
         - {{transport: tcp, server: forking, place: web, options: {{tls: true}}, name: tls}}\n\
         workloads:\n- {{name: w, call: ping, clients: 4, iterations: 25, from: [here, web, farm]}}\ntrials: 1\n",
        places(&network, "ssh")
    ));
    let output = network.run("out", false).output().expect("the engine starts");
    let results = Results::read(&network.path("out")).unwrap_or_else(|_| panic!("{}", said(&output)));
    for record in &results.records {
        let measured =
            record.measured.as_ref().unwrap_or_else(|| panic!("{}: {:?}", results.id(record), record.reason));
        assert_eq!(measured.counts.ok, 100, "{}: {:?}", results.id(record), measured.failures);
    }
    // Of Unix sockets only those of one host can be met: here from here, and web from web.
    assert_eq!(results.records.len(), 7 * 6 + 2 + 3);
    let refused: Vec<&str> = results.refusals.iter().map(|refused| refused.reason.as_str()).collect();
    assert_eq!(refused, ["a Unix socket is on the host of its server, and these clients are on another"; 4]);
    network.await_none("after the run");
}

/// A run by ssh or srun whose clients call until they are told to end.
fn calling(network: &Network, by: &str) -> Child {
    network.scenario(&format!(
        "{}targets:\n- {{transport: tcp, server: forking, place: web}}\n\
         workloads:\n- {{name: w, call: ping, clients: 4, duration: 10m, from: farm}}\ntrials: 1\n",
        places(network, by)
    ));
    let mut run = network.run("killed", by == "srun");
    run.args(["--replace", "--quiet"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let run = run.process_group(0).spawn().expect("the engine starts");
    // A conductor, an agent on each of three hosts, two clients, a server, and a process of it for each connection.
    until("a load from two hosts", || network.left().len() >= 1 + 3 + 2 + 1 + 4);
    run
}

/// The conductor of a run: its process that nothing of ours has started.
fn conductor(network: &Network) -> u32 {
    let is = |pid: &&u32| family::command_line(**pid).contains(" run ");
    *network.left().iter().find(is).expect("it runs")
}

#[test]
fn nothing_is_left_where_a_conductor_is_killed_alone_with_its_ssh_or_behind_a_cut() {
    let name = "nothing_is_left_where_a_conductor_is_killed_alone_with_its_ssh_or_behind_a_cut";
    let Some(mut network) = Network::lay(name, &[]) else { return };
    network.all_by_ssh();
    let mut run = calling(&network, "ssh");
    kill("-KILL", conductor(&network));
    let took = network.await_none("the conductor was killed");
    run.wait().expect("it has ended");
    assert!(took < Duration::from_secs(9), "stdin's end tells them, and no lease: {took:?}");

    let mut run = calling(&network, "ssh");
    let conductor_of = conductor(&network);
    let all: Vec<u32> = descendants(conductor_of).into_iter().chain([conductor_of]).collect();
    all.iter().for_each(|pid| kill("-KILL", *pid));
    network.await_none("it was killed with its ssh");
    run.wait().expect("it has ended");

    let mut run = calling(&network, "ssh");
    HOSTS.iter().for_each(|host| network.cut(host, false));
    kill("-KILL", conductor(&network));
    network.await_none("the network was cut before");
    run.wait().expect("it has ended");
    HOSTS.iter().for_each(|host| network.cut(host, true));
}

#[test]
fn nothing_is_left_of_srun_in_an_allocation_where_a_conductor_is_killed() {
    let name = "nothing_is_left_of_srun_in_an_allocation_where_a_conductor_is_killed";
    let Some(mut network) = Network::lay(name, &SLURM) else { return };
    network.slurm();
    for with_its_sruns in [false, true] {
        let mut run = calling(&network, "srun");
        let conductor = conductor(&network);
        let sruns = if with_its_sruns { descendants(conductor) } else { Default::default() };
        sruns.into_iter().chain([conductor]).for_each(|pid| kill("-KILL", pid));
        network.await_none("the conductor was killed");
        run.wait().expect("the allocation ends");
        until("the end of the job", || {
            let jobs = network.inside("squeue").args(["--noheader"]).output().expect("it starts");
            jobs.status.success() && jobs.stdout.is_empty()
        });
    }
}

#[test]
fn an_agent_that_dies_in_the_middle_fails_its_cells_by_the_name_of_its_host() {
    let name = "an_agent_that_dies_in_the_middle_fails_its_cells_by_the_name_of_its_host";
    let Some(mut network) = Network::lay(name, &[]) else { return };
    network.all_by_ssh();
    let run = calling(&network, "ssh");
    let driver = |pid: &&u32| family::command_line(**pid).contains(" drive");
    let drivers: Vec<u32> = network.left().iter().filter(driver).copied().collect();
    kill("-KILL", drivers[0]);
    let output = run.wait_with_output().expect("it ends by itself");
    assert_eq!(output.status.code(), Some(1));
    let results = Results::read(&network.path("killed")).expect("there are results");
    let reason = results.records[0].reason.clone().unwrap_or_default();
    assert!(reason.contains(" of 2 on ") && reason.contains("was killed by SIGKILL"), "{reason}");
    network.await_none("a client was killed");
}

#[test]
fn each_host_that_cannot_be_used_is_told_with_a_remedy_and_the_other_cells_run() {
    let name = "each_host_that_cannot_be_used_is_told_with_a_remedy_and_the_other_cells_run";
    let Some(mut network) = Network::lay(name, &["mount", "gzip", "sha256sum"]) else { return };
    let folder = network.folder.path().display().to_string();
    let cache = |name: &str| {
        let cache = network.path(name);
        fs::create_dir_all(&cache).expect("a folder");
        format!("XDG_CACHE_HOME={}", cache.display())
    };
    let [fresh, foreign, bare] = ["cache-fresh", "cache-foreign", "cache-bare"].map(cache);
    network.program("sparc/uname", "echo sparc64");
    network.program("bare/sh", "exec /bin/sh \"$@\"");
    // A disk of a megabyte, for as long as the network of these hosts is there.
    let full = network.path("cache-full");
    fs::create_dir(&full).expect("a folder");
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"]).arg(&full).status();
    let mounted = mounted.is_ok_and(|status| status.success());
    let path = std::env::var("PATH").expect("there is one");
    network.sshd("fresh", "a", &format!("SetEnv {fresh}"), Some("host"));
    network.sshd("foreign", "a", &format!("SetEnv {foreign} PATH={folder}/sparc:{path}"), Some("host"));
    network.sshd("full", "a", &format!("SetEnv XDG_CACHE_HOME={}", full.display()), Some("host"));
    network.sshd("noisy", "a", "ForceCommand echo Welcome to a; eval \"$SSH_ORIGINAL_COMMAND\"", Some("host"));
    network.sshd("stranger", "a", "", Some("other"));
    network.sshd("unknown", "a", "", None);
    // Behind whatever the profile of a shell does to PATH.
    let alone = format!("ForceCommand exec env {bare} PATH={folder}/bare /bin/sh -c \"$SSH_ORIGINAL_COMMAND\"");
    network.sshd("bare", "a", &alone, Some("host"));
    let engine = format!("{folder}/engine");
    network.scenario(&format!(
        "places:\n- {{name: fresh, by: ssh, hosts: fresh}}\n- {{name: foreign, by: ssh, hosts: foreign}}\n\
         - {{name: full, by: ssh, hosts: full}}\n- {{name: noisy, by: ssh, hosts: noisy, engine: {engine}}}\n\
         - {{name: stranger, by: ssh, hosts: stranger, engine: {engine}}}\n\
         - {{name: unknown, by: ssh, hosts: unknown, engine: {engine}}}\n\
         - {{name: bare, by: ssh, hosts: bare, engine: {engine}}}\n\
         - {{name: gone, by: ssh, hosts: noisy, engine: {folder}/no-engine}}\n\
         - {{name: lost, by: ssh, hosts: no-such-host.invalid, engine: {engine}}}\n\
         targets:\n- {{transport: tcp, server: threaded, place: [here, fresh, foreign, full, noisy, stranger, unknown, gone, lost]}}\n\
         - {{transport: http1, server: threaded, stack: python, place: bare}}\n\
         workloads:\n- {{name: w, call: ping, iterations: 25}}\ntrials: 1\n"
    ));
    let output = network.run("out", false).output().expect("the engine starts");
    if mounted {
        let _ = Command::new("umount").arg(&full).status();
    }
    let told = said(&output);
    let results = Results::read(&network.path("out")).unwrap_or_else(|_| panic!("{told}"));
    assert_eq!(output.status.code(), Some(1), "{told}");
    let outcome = |place: &str| {
        let is = |record: &&Record| results.cells[record.cell].settings.text("place").as_deref() == Some(place);
        let record = results.records.iter().find(is).unwrap_or_else(|| panic!("no cell runs at {place}"));
        (record.outcome, record.reason.clone().unwrap_or_default())
    };
    for place in ["here", "fresh", "noisy"] {
        assert_eq!(outcome(place), (Outcome::Measured, String::new()), "{place}");
    }
    for (place, says) in [
        ("foreign", ["foreign is a sparc64, and this engine is for", "engine: /path/to/engine"]),
        ("full", ["cannot be written to ~/.cache on full: ", "make room there"]),
        ("stranger", ["cannot be reached by ssh", "`ssh-keygen -R stranger`"]),
        ("unknown", ["Host key verification failed", "`ssh unknown true` once"]),
        ("bare", ["no `python3` on the PATH", "install Python"]),
        ("gone", ["no-engine", "is copied"]),
        ("lost", ["cannot be reached by ssh", "~/.ssh/config"]),
    ] {
        let (outcome, reason) = outcome(place);
        if place == "full" && !mounted {
            continue;
        }
        assert_eq!(outcome, Outcome::Failed, "{place}");
        assert!(says.iter().all(|part| reason.contains(part)), "{place}: {reason}");
        assert!(told.contains("cells will fail: "), "{told}");
    }
    assert!(told.contains("a shell of noisy prints at each login") && told.contains("Welcome to a"), "{told}");
    let printed: Vec<Option<&str>> = results.manifest.hosts.iter().map(|host| host.printed.as_deref()).collect();
    assert!(printed.contains(&Some("Welcome to a")), "{printed:?}");
    // It was copied once: what runs there is this very engine.
    let copies = fs::read_dir(network.path("cache-fresh/engine/bin")).expect("it was copied").count();
    assert_eq!(copies, 1);
    network.await_none("after the run");
}

#[test]
fn a_command_of_ones_own_reaches_a_host_as_well() {
    let name = "a_command_of_ones_own_reaches_a_host_as_well";
    let Some(network) = Network::lay(name, &[]) else { return };
    // As `docker exec -i` and `kubectl exec -i` do: a command there, with our pipes.
    network.scenario(&format!(
        "places:\n- {{name: pods, by: command, run: '{}', hosts: a, address: {}, engine: {}}}\n\
         targets:\n- {{transport: [tcp, http1], server: threaded, place: pods}}\n\
         workloads:\n- {{name: w, call: ping, iterations: 25, from: [here, pods]}}\ntrials: 1\n",
        network.reach("${host}"),
        address("a"),
        network.path("engine").display(),
    ));
    let output = network.run("out", false).output().expect("the engine starts");
    let results = Results::read(&network.path("out")).unwrap_or_else(|_| panic!("{}", said(&output)));
    assert_eq!(results.records.len(), 4);
    for record in &results.records {
        assert_eq!(record.outcome, Outcome::Measured, "{}: {:?}", results.id(record), record.reason);
    }
    network.await_none("after the run");
}
