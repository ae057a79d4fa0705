//! What processes that are not of a run do to its trials is told, judged and tried again; what the run does itself is not.

mod burners;

use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::Duration;

use burners::{Burners, LOADS, Others, equals, run};
use engine::results::State;

/// Each of these has the machine to itself, as far as they are concerned.
static MACHINE: Mutex<()> = Mutex::new(());

#[test]
fn what_burns_the_cores_is_told_within_ten_points_and_its_trials_are_tried_again() {
    let _alone = MACHINE.lock().unwrap_or_else(|broken| broken.into_inner());
    for (name, transport, clients) in LOADS {
        let folder = tempfile::tempdir().expect("a folder");
        let mut burning = Some(Burners::light());
        let mut truth = Vec::new();
        let ran = run(folder.path(), &equals(transport, clients, 2), |trials| {
            truth.extend(burning.as_mut().map(Burners::shares));
            if trials == 2 {
                burning = None;
            }
        });
        let warning = ran.told.iter().find(|line| line.starts_with("this machine is busy: "));
        assert!(warning.is_some(), "{name}: {:?}", ran.told);
        let records = &ran.results.records;
        // Of the first the burners also know the time before the run began.
        for (record, shares) in records[..2].iter().zip(&truth).skip(1) {
            let interference = record.interference.as_ref().expect("this system has /proc");
            let (client, server) = shares.split_last().expect("there is a core");
            let server = server.iter().sum::<f64>() / server.len().max(1) as f64;
            let truth = server.max(*client);
            assert!(interference.share >= truth - 0.10, "{name}: {truth} is told as {interference:?}");
            assert!(interference.largest.as_ref().is_some_and(|most| most.share >= 0.1), "{name}: {interference:?}");
        }
        for record in &records[..2] {
            assert_ne!(record.verdict.state, State::Valid, "{name}: {:?}", record.interference);
            let why = record.verdict.reasons.iter().find(|reason| reason.text.starts_with("other processes used "));
            assert!(why.is_some(), "{name}: {:?}", record.verdict);
        }
        // As many as may be are tried again: all that were burnt, where nothing else keeps this machine busy.
        let disturbed = records[..4].iter().filter(|record| record.disturbed()).count();
        let again = records.iter().filter(|record| record.attempt > 1);
        assert_eq!(again.count(), 2, "{name}: half as many as there are trials, for {disturbed} were disturbed");
        assert_eq!(ran.results.counting().count(), 4, "{name}: each trial counts once");
        assert!(ran.results.manifest.yardsticks.len() >= 4, "{name}: before each block, and after the last");
        let calm = ran.results.counting().all(|record| record.verdict.state != State::Invalid);
        assert!(calm == (ran.code == Some(0)), "{name}: only the last attempt counts: {:?}", ran.code);
    }
}

#[test]
fn no_server_is_marked_for_what_it_does_itself() {
    let _alone = MACHINE.lock().unwrap_or_else(|broken| broken.into_inner());
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("scenario.yaml");
    // A process for each connection, and a connection for each call: forks, exits and threads without end.
    let scenario = "title: t\nquestion: q\ntrials: 1\n\
         targets: [{transport: http1, server: [threaded, forking, async], options: {keep-alive: false}}]\n\
         workloads: [{name: w, call: ping, clients: 16, duration: 1s}]\n";
    std::fs::write(&file, scenario).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.arg("run").arg(&file).arg("--out").arg(folder.path().join("out")).stdin(Stdio::null());
    let mut process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("the engine starts");
    let mut others = Others::than(process.id() as i32);
    while process.try_wait().expect("it can be waited for").is_none() {
        others.look();
        // A look every now and then: what happens in between is in the next one.
        std::thread::sleep(Duration::from_millis(100));
    }
    let results = engine::results::Results::read(&folder.path().join("out")).expect("it was measured");
    let most = others.most(Duration::from_millis(500));
    assert!(results.records.len() >= 3);
    for record in &results.records {
        let interference = record.interference.as_ref().expect("this system has /proc");
        let said = format!("{}: {interference:?}, where others used {most} cores at most", results.id(record));
        assert!(interference.share <= most + 0.05, "{said}");
        assert!(interference.stretch_ns >= 500_000_000 && interference.run_queue_ns.is_some(), "{said}");
    }
}

#[test]
fn a_run_beside_another_is_told_before_it_begins() {
    let _alone = MACHINE.lock().unwrap_or_else(|broken| broken.into_inner());
    let folder = tempfile::tempdir().expect("a folder");
    let first = folder.path().join("first.yaml");
    std::fs::write(&first, equals("tcp", "clients: 1", 50)).expect("it can be written");
    let mut command = Command::new(env!("CARGO_BIN_EXE_engine"));
    command.arg("run").arg(&first).arg("--out").arg(folder.path().join("first"));
    let mut beside =
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let scenario = "title: t\nquestion: q\ntrials: 1\ntargets: [{transport: tcp, server: threaded}]\n\
                    workloads: [{name: w, call: ping, iterations: 10}]\n";
    let ran = run(folder.path(), scenario, |_| {});
    let _ = beside.kill();
    let _ = beside.wait();
    let told = format!("this machine is busy: another `engine run` (pid {}) is under way", beside.id());
    assert!(ran.told.iter().any(|line| line.starts_with(&told)), "{:?}", ran.told);
}
