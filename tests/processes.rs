//! Several client processes share one load: together they are what one would be, and none is lost without a word.

mod family;
mod scripted;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use engine::results::{Outcome, Record, Results, State};
use family::{command_line, descendants, gone, kill, until};
use scripted::Scripted;

fn command(folder: &Path, scenario: &str) -> Command {
    fs::write(folder.join("s.yaml"), scenario).expect("a file");
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.env("ENGINE_BESIDE_OTHERS", "1").current_dir(folder).args(["run", "s.yaml", "--out", "out", "--quiet"]);
    command
}

fn results(folder: &Path, scenario: &str) -> Results {
    let output = command(folder, scenario).output().expect("the engine starts");
    Results::read(&folder.join("out")).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)))
}

#[test]
fn what_a_server_was_asked_is_counted_by_all_processes_together() {
    let server = Scripted::start();
    let folder = tempfile::tempdir().expect("a folder");
    let rows: String = (0..20).map(|row| format!("{row}\n")).collect();
    fs::write(folder.path().join("rows.csv"), format!("row\n{rows}")).expect("a file");
    fs::write(folder.path().join("users.csv"), "user\na\nb\nc\nd\n").expect("a file");
    let scenario = format!(
        "title: t\nquestion: q\ntargets: [{{name: it, transport: http1, at: \"{}\"}}]\ncalls:\n\
         - {{name: list, http: GET /fast}}\n- {{name: gone, http: GET /missing}}\n\
         - {{name: row, http: \"GET /row/${{row}}\"}}\n- {{name: own, http: \"GET /own/${{user}}\"}}\n\
         data: [{{file: rows.csv, each: call}}, {{file: users.csv, each: client}}]\nworkloads:\n\
         - {{name: closed, call: list, clients: 5, processes: [1, 2, 4], warmup: 3, iterations: 20}}\n\
         - {{name: open, call: list, clients: 6, processes: [1, 3], rate: 300, duration: 500ms}}\n\
         - {{name: mixed, mix: {{list: 3, gone: 1}}, clients: 4, processes: 2, iterations: 30}}\n\
         - {{name: rows, call: row, clients: 5, processes: 3, iterations: 4}}\n\
         - {{name: users, call: own, clients: 4, processes: 3, iterations: 25}}\n\
         - {{name: counted, call: list, clients: 5, processes: 2, rate: 1000, iterations: 20}}\ntrials: 2\n",
        server.address()
    );
    let results = results(folder.path(), &scenario);
    let mut asked = 0;
    for record in &results.records {
        let (id, measured) = (results.id(record), record.measured.as_ref());
        let measured = measured.unwrap_or_else(|| panic!("{}: {:?}", results.id(record), record.reason));
        let processes =
            results.cells[record.cell].settings.text("processes").expect("an axis").parse().expect("a number");
        let (counts, clients): (_, u32) = (&measured.counts, measured.drivers.iter().map(|own| own.clients).sum());
        match processes {
            1 => assert!(measured.drivers.is_empty(), "{id}"),
            several => {
                assert_eq!((measured.drivers.len(), clients as usize), (several, measured.clients.len()), "{id}");
                assert_eq!(measured.drivers.iter().map(|own| own.ok).sum::<u64>(), counts.ok, "{id}");
                assert_eq!(measured.facts["client processes"], several.to_string(), "{id}");
            }
        }
        assert!(counts.conserved(), "{id}: {counts:?}");
        assert_eq!(measured.clients.iter().map(|own| own.ok + own.error).sum::<u64>(), counts.scheduled, "{id}");
        assert_eq!(measured.response_time.count, counts.ok, "{id}");
        assert_eq!(
            measured.timeline.iter().map(|slice| slice.ok + slice.failed).sum::<u64>(),
            counts.scheduled,
            "{id}"
        );
        let expected = match id {
            _ if id.contains("/open") => 150,
            _ if id.contains("/mixed") => 120,
            _ if id.contains("/rows") => 20,
            _ => 100,
        };
        assert_eq!(counts.scheduled, expected, "{id}");
        asked +=
            counts.scheduled + measured.untimed.map_or(0, |untimed| untimed.ready + untimed.before + untimed.warmup);
    }
    let report = fs::read_to_string(folder.path().join("out/report.html")).expect("a report");
    assert!(report.contains("Client process by client process"), "the shares are told");
    assert_eq!(server.all(), asked, "the server was asked what is counted, and nothing else");
    let rows: Vec<u64> = (0..20).map(|row| server.asked(&format!("GET /row/{row}"))).collect();
    assert_eq!(rows, [2; 20], "whatever process its client is in, a row is had once in each trial");
    let users = ["a", "b", "c", "d"].map(|user| server.asked(&format!("GET /own/{user}")));
    assert_eq!(users, [50; 4], "and each client has its own");
}

#[test]
fn a_process_without_a_client_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = "title: t\nquestion: q\ntargets: [{transport: tcp, server: threaded}]\nworkloads:\n\
        - {name: w, call: ping, clients: [1, 2], processes: [1, 2], iterations: 5}\ntrials: 1\n";
    let results = results(folder.path(), scenario);
    assert_eq!(results.cells.len(), 3);
    let [refused] = results.refusals.as_slice() else { panic!("{:?}", results.refusals) };
    assert_eq!(refused.reason, "2 client processes need a client each, and there is 1");
}

#[test]
fn connections_that_clients_share_are_shared_out() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = "title: t\nquestion: q\ntargets: [{transport: http1, server: threaded, options: {pool: [1, 4]}}]\n\
        workloads:\n- {name: w, call: ping, clients: 7, processes: 3, iterations: 5}\ntrials: 1\n";
    let results = results(folder.path(), scenario);
    let [refused] = results.refusals.as_slice() else { panic!("{:?}", results.refusals) };
    assert_eq!(refused.reason, "3 client processes need a connection each, and `pool` is 1");
    let [record] = results.records.as_slice() else { panic!("{} records", results.records.len()) };
    let measured = record.measured.as_ref().expect("measured");
    assert_eq!((measured.facts["connections"].as_str(), measured.counts.ok), ("4", 35));
}

#[test]
fn python_clients_share_a_load_too() {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = "title: t\nquestion: q\ntargets: [{transport: http1, server: threaded, driver: python}]\n\
        workloads:\n- {name: w, call: ping, clients: 3, processes: 2, iterations: 5}\ntrials: 1\n";
    let results = results(folder.path(), scenario);
    let record = results.records.last().expect("a record");
    let measured = record.measured.as_ref().unwrap_or_else(|| panic!("{:?}", record.reason));
    assert_eq!((measured.counts.ok, measured.response_time.count), (15, 15));
    assert_eq!(measured.drivers.iter().map(|own| (own.clients, own.ok)).collect::<Vec<_>>(), [(2, 10), (1, 5)]);
}

/// The record of the one trial in which `harm` was done to the second of two client processes while they called.
fn harmed(transport: &str, harm: impl Fn(u32)) -> Record {
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = format!(
        "title: t\nquestion: q\ntargets: [{{transport: {transport}, server: threaded}}]\nworkloads:\n\
         - {{name: w, call: ping, clients: 4, processes: 2, rate: 400, duration: 4s}}\ntrials: 1\n"
    );
    let mut run = command(folder.path(), &scenario).stderr(Stdio::null()).spawn().expect("the run starts");
    let drivers = || -> Vec<u32> {
        let all = descendants(run.id());
        all.into_iter().filter(|pid| command_line(*pid).contains(" drive")).collect()
    };
    // Which have used some time of a processor call.
    let calling = |pid: &u32| {
        let schedstat = fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
        schedstat.split_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or(0u64) > 20_000_000
    };
    until("two client processes that call", || drivers().iter().filter(|pid| calling(pid)).count() == 2);
    let all = descendants(run.id());
    harm(*drivers().last().expect("there are two"));
    run.wait().expect("it ends");
    until("the end of all", || all.iter().all(|pid| gone(*pid)));
    let results = Results::read(&folder.path().join("out")).expect("results");
    results.records.into_iter().next_back().expect("a record")
}

#[test]
fn a_client_process_that_is_killed_fails_the_trial_by_its_name() {
    for transport in ["tcp", "http2"] {
        let record = harmed(transport, |pid| kill("-KILL", pid));
        assert!(record.outcome == Outcome::Failed && record.measured.is_none(), "{transport}: {record:?}");
        let reason = record.reason.expect("a reason");
        assert!(
            reason.contains("client process ") && reason.contains(" of 2") && reason.contains("SIGKILL"),
            "{reason}"
        );
    }
}

#[test]
fn a_client_process_that_is_held_up_spoils_the_trial_by_its_name() {
    let record = harmed("tcp", |pid| {
        kill("-STOP", pid);
        std::thread::sleep(std::time::Duration::from_millis(1_200));
        kill("-CONT", pid);
    });
    let said = record.verdict.sentence();
    assert_eq!(record.verdict.state, State::Invalid, "{said}");
    assert!(said.contains("client process ") && said.contains(" of 2: "), "{said}");
}
