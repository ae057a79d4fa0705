//! What goes over a link takes as long as it must, and nothing of it is left, met by another, or silently measured without.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use engine::results::{Outcome, ReasonKind, Record, Results, State};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::{Pid, geteuid};

/// How long anything here may take before the test says that it never happened.
const PATIENCE: Duration = Duration::from_secs(60);
/// Tests that spin, or that must not be spun beside, have their turn one by one.
static TURN: Mutex<()> = Mutex::new(());

/// A run in a folder of its own, which everyone may write to, by a program that everyone may start.
struct Run {
    folder: tempfile::TempDir,
}

impl Run {
    fn of(scenario: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let everyone = |mode| fs::Permissions::from_mode(mode);
        fs::set_permissions(folder.path(), everyone(0o777)).expect("the folder is ours");
        let text = format!("title: Over a link\nquestion: Is it as it is asked to be?\n{scenario}");
        fs::write(folder.path().join("scenario.yaml"), text).expect("the scenario is written");
        Run { folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program, as nobody where this is root.
    fn as_nobody(&self) -> Command {
        if !geteuid().is_root() {
            return Command::new(env!("CARGO_BIN_EXE_engine"));
        }
        let program = self.path("engine");
        if !program.exists() {
            fs::copy(env!("CARGO_BIN_EXE_engine"), &program).expect("it can be copied");
        }
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
        command
    }

    fn start(&self, mut command: Command) -> Child {
        command
            .env("ENGINE_BESIDE_OTHERS", "1")
            .current_dir(self.folder.path())
            .args(["run", "scenario.yaml", "--out", "out", "--quiet"])
            .stderr(fs::File::create(self.path("stderr")).expect("a file"))
            .spawn()
            .expect("the run starts")
    }

    fn ends(&self, mut run: Child) -> (Option<i32>, Results) {
        let code = run.wait().expect("the run ends").code();
        let said = fs::read_to_string(self.path("stderr")).unwrap_or_default();
        (code, Results::read(&self.path("out")).unwrap_or_else(|error| panic!("{error}: {said}")))
    }
}

fn engine() -> Command {
    Command::new(env!("CARGO_BIN_EXE_engine"))
}

fn setting(results: &Results, record: &Record, name: &str) -> String {
    results.cells[record.cell].text(name).unwrap_or_default()
}

/// From the slope over the delay, which no machine's own slowness changes: the shortest of several calls each.
#[test]
fn a_call_takes_the_round_trips_that_its_protocol_needs() {
    let run = Run::of(
        "
links: [{name: wan, delay: [10ms, 70ms]}]
targets:
  - {transport: [tcp, http1, http2, grpc, quic], server: async}
  - {transport: rpyc, server: threaded, options: {method: [attribute, bound]}}
  - {transport: tcp, server: threaded, name: tls, options: {tls: true}}
workloads:
  - {name: ping, call: ping, iterations: 10, link: wan}
  - {name: connect, call: connect, iterations: 6, link: wan}
trials: 1
",
    );
    let (code, results) = run.ends(run.start(engine()));
    let mut shortest: BTreeMap<(String, String), BTreeMap<String, f64>> = BTreeMap::new();
    for record in &results.records {
        assert_eq!(record.outcome, Outcome::Measured, "{:?}", record.reason);
        let measured = record.measured.as_ref().expect("it is measured");
        assert_eq!(measured.counts.ok, measured.counts.scheduled);
        let cell = &results.cells[record.cell];
        let key = (cell.target.clone(), cell.workload.clone());
        let delay = setting(&results, record, "link.delay");
        shortest.entry(key).or_default().insert(delay, measured.response_time.min_ns as f64 / 1e6);
    }
    let expected = [
        ("tcp-async", 1.0, 2.0),
        ("http1-async", 1.0, 2.0),
        ("http2-async", 1.0, 2.0),
        ("grpc-async", 1.0, 2.0),
        ("quic-async", 1.0, 2.0),
        ("tls", 1.0, 3.0),
        ("rpyc-threaded-method=attribute", 2.0, 5.0),
        ("rpyc-threaded-method=bound", 1.0, 5.0),
    ];
    for (target, ping, connect) in expected {
        for (workload, trips) in [("ping", ping), ("connect", connect)] {
            let times = &shortest[&(target.to_owned(), workload.to_owned())];
            // Sixty milliseconds more each way.
            let slope = (times["70ms"] - times["10ms"]) / 120.0;
            assert!((slope / trips - 1.0).abs() < 0.05, "{target} {workload}: {slope:.3} for {trips}: {times:?}");
        }
    }
    assert!(matches!(code, Some(0 | 3)), "a busy machine spoils verdicts, and nothing fails: {code:?}");
}

#[test]
fn a_normal_user_gets_a_link_too_and_the_record_says_what_it_carried() {
    let run = Run::of(
        "
links: [{name: bad, delay: 1ms, loss: 20%}]
targets: [{transport: tcp, server: forking}]
workloads: [{name: w, call: ping, iterations: 60, link: [none, bad]}]
trials: 2
",
    );
    let (_, results) = run.ends(run.start(run.as_nobody()));
    let (mut seeds, mut lost) = (BTreeSet::new(), 0);
    for record in &results.records {
        assert_eq!(record.outcome, Outcome::Measured, "{:?}", record.reason);
        let Some(carried) = &record.link else {
            assert_eq!(setting(&results, record, "link"), "none");
            continue;
        };
        assert_eq!(setting(&results, record, "link"), "bad");
        let calls = record.measured.as_ref().expect("it is measured").counts.ok;
        assert!(carried.ways().iter().all(|way| way.packets >= calls && way.bytes > 40 * way.packets), "{carried:?}");
        assert!(carried.cpu_ns > 0, "{carried:?}");
        lost += carried.up.lost + carried.down.lost;
        seeds.insert(carried.seed);
    }
    assert_eq!(seeds.len(), 2, "each trial draws anew");
    assert!(lost > 0, "one of hundreds of packets, of which a fifth is to be lost");
}

#[test]
fn a_resumed_run_loses_other_packets_than_its_first_part() {
    let run = Run::of(
        "
links: [{name: bad, delay: 1ms, loss: 20%}]
targets: [{transport: tcp, server: forking}]
workloads: [{name: w, call: ping, iterations: 30, link: bad}]
trials: 4
",
    );
    let mut first = run.start(engine());
    let records = || Results::read(&run.path("out")).map_or(0, |results| results.records.len());
    until("two trials are there", || records() >= 2 || first.try_wait().is_ok_and(|ended| ended.is_some()));
    first.kill().expect("it is ours");
    first.wait().expect("it is over");
    let mut again = engine();
    again.arg("run").arg("scenario.yaml").args(["--out", "out", "--quiet", "--resume"]);
    let again = again.env("ENGINE_BESIDE_OTHERS", "1").current_dir(run.folder.path()).status().expect("it starts");
    let results = Results::read(&run.path("out")).expect("results");
    assert!(results.manifest.resumed.len() == 1 && again.code() != Some(2), "{again:?}");
    let seeds: Vec<u64> =
        results.records.iter().filter_map(|record| record.link.as_ref().map(|link| link.seed)).collect();
    let different: BTreeSet<&u64> = seeds.iter().collect();
    assert!(seeds.len() >= 4 && different.len() == seeds.len(), "each trial draws anew: {seeds:?}");
}

/// What a network needs to live: a process in it, or one that holds it.
fn networks() -> BTreeMap<PathBuf, Vec<u32>> {
    let mut found: BTreeMap<PathBuf, Vec<u32>> = BTreeMap::new();
    for pid in fs::read_dir("/proc").expect("/proc").flatten().filter_map(|it| it.file_name().to_str()?.parse().ok()) {
        let held = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
        let of = held.filter_map(|file| fs::read_link(file.path()).ok()).filter(|file| file.starts_with("net:"));
        for network in of.chain(fs::read_link(format!("/proc/{pid}/ns/net"))) {
            found.entry(network).or_default().push(pid);
        }
    }
    found
}

#[test]
fn a_killed_engine_leaves_no_process_and_no_network() {
    let run = Run::of(
        "
links: [{name: wan, delay: 1ms}]
targets: [{transport: tcp, server: forking}]
workloads: [{name: w, call: ping, clients: 2, duration: 60s, link: wan}]
trials: 1
",
    );
    let ours = fs::read_link("/proc/self/ns/net").expect("we are in a network");
    let mut running = run.start(engine());
    let others = |known: &BTreeSet<PathBuf>| -> Vec<PathBuf> {
        networks().into_keys().filter(|network| *network != ours && !known.contains(network)).collect()
    };
    let descends =
        |pid: u32| std::iter::successors(Some(pid), |pid| parent(*pid)).any(|ancestor| ancestor == running.id());
    let mut laid: BTreeSet<PathBuf> = BTreeSet::new();
    until("both ends inside", || {
        let mine =
            networks().into_iter().filter(|(network, pids)| *network != ours && pids.iter().any(|pid| descends(*pid)));
        laid = mine.map(|(network, _)| network).collect();
        // The relay is in one of the two, and each has an end by then.
        laid.len() == 2 && ends_inside(&laid, &descends) >= 3
    });
    running.kill().expect("it is ours");
    running.wait().expect("it is gone");
    until("nothing", || networks().keys().all(|network| !laid.contains(network)));
    assert!(others(&laid).iter().all(|network| !laid.contains(network)));
}

/// How many of those processes live in one of the networks.
fn ends_inside(networks: &BTreeSet<PathBuf>, of: &impl Fn(u32) -> bool) -> usize {
    let pids = fs::read_dir("/proc").expect("/proc").flatten().filter_map(|it| it.file_name().to_str()?.parse().ok());
    let inside = |pid: &u32| fs::read_link(format!("/proc/{pid}/ns/net")).is_ok_and(|it| networks.contains(&it));
    pids.filter(|pid| of(*pid) && inside(pid)).count()
}

fn parent(pid: u32) -> Option<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    text.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok().filter(|parent| *parent > 0)
}

fn until(what: &str, mut happened: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !happened() {
        assert!(begun.elapsed() < PATIENCE, "{what} never came");
        std::thread::yield_now();
    }
}

/// Each has the addresses that the other has too; a server proves by its token that it is the one launched.
#[test]
fn two_engines_at_once_do_not_meet() {
    let scenario = "
links: [{name: wan, delay: 2ms}]
targets: [{transport: [tcp, quic], server: async}]
workloads: [{name: w, call: echo, payload: 1KiB, verify: content, iterations: 40, link: wan}]
trials: 2
";
    let runs = [Run::of(scenario), Run::of(scenario)];
    let running: Vec<Child> = runs.iter().map(|run| run.start(engine())).collect();
    for (run, child) in runs.iter().zip(running) {
        let (_, results) = run.ends(child);
        assert_eq!(results.records.len(), 4);
        for record in &results.records {
            let counts = &record.measured.as_ref().unwrap_or_else(|| panic!("{:?}", record.reason)).counts;
            assert_eq!((counts.ok, counts.scheduled), (40, 40));
        }
    }
}

/// A user namespace of one's own has limits of one's own.
#[test]
fn without_the_right_the_cells_over_a_link_fail_with_the_remedy_and_the_others_run() {
    let scenario = "
links: [{name: wan, delay: 1ms}]
targets: [{transport: [tcp, unix], server: async}]
workloads: [{name: w, call: ping, iterations: 5, link: [none, wan]}]
trials: 1
";
    let forbidden = "echo 0 > /proc/sys/user/max_net_namespaces; exec \"$@\"";
    let without_device = "mount --bind /dev/null /dev/net/tun; exec \"$@\"";
    for (how, said, remedy) in [
        (forbidden, "no user and network namespaces can be made", "run as root"),
        (without_device, "/dev/net/tun cannot be opened", "/dev/net/tun"),
    ] {
        let run = Run::of(scenario);
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--mount", "sh", "-c", how, "sh"]).arg(env!("CARGO_BIN_EXE_engine"));
        let (code, results) = run.ends(run.start(command));
        assert_eq!(code, Some(1), "a cell failed");
        let refused: Vec<&str> = results.refusals.iter().map(|refused| refused.reason.as_str()).collect();
        assert_eq!(refused, ["a link is a network, and a Unix socket crosses none"]);
        for record in &results.records {
            if setting(&results, record, "link") == "none" {
                assert_eq!(record.outcome, Outcome::Measured, "{:?}", record.reason);
            } else {
                let why = record.reason.as_deref().unwrap_or_default();
                assert!(record.outcome == Outcome::Failed && why.contains(said) && why.contains(remedy), "{why}");
            }
        }
        let told = fs::read_to_string(run.path("stderr")).expect("it was written");
        assert!(told.contains("tcp-async/w/link=wan: 1 of 1 trial failed") && told.contains(remedy), "{told}");
    }
}

/// Threads that do nothing but use one core, until they are dropped.
struct Burning(std::sync::Arc<AtomicBool>, Vec<std::thread::JoinHandle<()>>);

impl Burning {
    fn on(core: usize, threads: usize) -> Self {
        let stop = std::sync::Arc::new(AtomicBool::new(false));
        let burn = |_| {
            let stop = stop.clone();
            std::thread::spawn(move || {
                stay_on(core);
                while !stop.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        let threads = (0..threads).map(burn).collect();
        Burning(stop, threads)
    }
}

impl Drop for Burning {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
        for thread in self.1.drain(..) {
            thread.join().expect("a thread that only spins");
        }
    }
}

fn cores() -> Vec<usize> {
    let set = sched_getaffinity(Pid::from_raw(0)).expect("it can be asked");
    (0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false)).collect()
}

fn stay_on(core: usize) {
    let mut set = CpuSet::new();
    set.set(core).expect("a core");
    sched_setaffinity(Pid::from_raw(0), &set).expect("a core of ours");
}

/// A normal user's relay goes in its turn, and on a core that eight others burn its turn comes late.
#[test]
fn a_link_whose_relay_is_starved_says_so() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let core = cores()[0];
    let run = Run::of(
        "
links: [{name: wan, delay: 1ms}]
targets: [{transport: tcp, server: async}]
workloads: [{name: w, call: ping, clients: 4, iterations: 60, link: wan}]
trials: 1
pin: none
",
    );
    let mut command = Command::new("taskset");
    let nobody = run.as_nobody();
    command.args(["-c", &core.to_string()]).arg(nobody.get_program()).args(nobody.get_args());
    let burning = Burning::on(core, 8);
    let (_, results) = run.ends(run.start(command));
    drop(burning);
    let [record] = results.records.as_slice() else { panic!("one trial") };
    let carried = record.link.as_ref().unwrap_or_else(|| panic!("{:?}", record.reason));
    assert!(!carried.real_time, "nobody may go first");
    assert!(carried.late_p99_ns() > 200_000, "{carried:?}");
    assert_ne!(record.verdict.state, State::Valid, "{:?}", record.verdict);
    let why = record.verdict.reasons.iter().find(|reason| reason.kind == ReasonKind::Link);
    assert!(
        why.is_some_and(
            |why| why.text.starts_with("the link was late: ") && why.text.contains(" late at p99, on a delay of 1")
        ),
        "{:?}",
        record.verdict
    );
}

#[test]
fn links_are_proved_and_the_table_says_what_was_seen() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let output = engine().args(["selftest", "links"]).stdin(Stdio::null()).output().expect("the engine starts");
    let told = String::from_utf8_lossy(&output.stdout);
    // On a machine that does something else figures of time are undecided; what chance and order are is never.
    assert!(matches!(output.status.code(), Some(0 | 3)), "{told}{}", String::from_utf8_lossy(&output.stderr));
    for proof in [
        "round trip, 50 ms each way",
        "jitter, 10 ± 2 ms",
        "loss, 0.1%",
        "loss, 5%",
        "rate, 100 Mbit, TCP",
        "queue, 30 KB",
    ] {
        let rows: Vec<&str> = told.lines().filter(|line| line.contains(proof)).collect();
        assert!(rows.len() >= 3 && rows.iter().any(|row| row.starts_with("holds ")), "{proof}: {told}");
    }
}

#[test]
fn doctor_says_whether_links_can_be_laid() {
    let output = engine().arg("doctor").output().expect("the engine starts");
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(told.contains("links can be laid: over 1 ms each way a packet and its echo took "), "{told}");
}
