//! Runs against a server of the user's own: what it was asked is what results say, and nothing that is secret is in them.

mod ends;
mod scripted;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ends::Server;
use engine::results::Results;
use scripted::Scripted;

/// What must be found nowhere.
const MARKER: &str = "s3cret-marker";

fn engine(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_engine"))
        .env("ENGINE_BESIDE_OTHERS", "1")
        .env("OWN_RUN_KEY", MARKER)
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the engine starts")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Every file below a folder, with what it holds.
fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path() {
            path if path.is_dir() => files(&path, found),
            path => found.push((path.display().to_string(), fs::read(&path).expect("a file"))),
        }
    }
}

#[test]
fn what_a_server_was_asked_is_in_the_results_to_the_call_and_no_secret_is() {
    let server = Scripted::start();
    let folder = tempfile::tempdir().expect("a folder");
    let scenario = format!(
        "title: t\nquestion: q\ntargets:\n  - {{name: it, transport: http1, at: \"{}\"}}\ncalls:\n  - name: list\n    \
         http: GET /fast\n    contains: fast\n  - name: buy\n    http: POST /echo\n    headers: {{authorization: \"Bearer {MARKER}\"}}\n    \
         json: {{key: {MARKER}, number: \"${{unique}}\"}}\n  - name: gone\n    http: GET /missing\n    headers: {{x-key: {MARKER}}}\n\
         workloads:\n  - {{name: mixed, mix: {{list: 5, buy: 3, gone: 1}}, clients: 3, warmup: 4, iterations: 20}}\n  \
         - {{name: each, call: [list, buy], iterations: 10}}\ntrials: 2\n",
        server.address()
    );
    fs::write(folder.path().join("s.yaml"), scenario).expect("a file");
    let set = format!("calls.buy.headers.x-more={MARKER}");
    let output = engine(folder.path(), &["run", "s.yaml", "--out", "out", "--set", &set]);
    let results = Results::read(&folder.path().join("out")).unwrap_or_else(|_| panic!("{}", said(&output)));
    let (timed, untimed) = counted(&results);
    assert_eq!((timed, untimed), (2 * (60 + 10 + 10), 2 * 12), "{}", said(&output));
    assert_eq!(server.all(), timed + untimed, "the server was asked what is counted, and nothing else");
    let mut written = Vec::new();
    files(&folder.path().join("out"), &mut written);
    let (_, page) = written.iter().find(|(name, _)| name.ends_with("report.html")).expect("a report");
    let page = String::from_utf8_lossy(page);
    assert!(page.contains("Call by call") && page.contains(">gone<"), "each call has its row");
    for (name, bytes) in written.iter().chain([&("the terminal".to_owned(), said(&output).into_bytes())]) {
        let found = bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes());
        assert!(!found, "{name} holds the secret");
    }
}

/// How much of what a server was asked is in the results: timed, and not.
fn counted(results: &Results) -> (u64, u64) {
    let (mut timed, mut untimed) = (0, 0);
    for record in &results.records {
        let measured = record.measured.as_ref().unwrap_or_else(|| panic!("{:?}", record.reason));
        assert!(measured.counts.conserved());
        timed += measured.counts.scheduled;
        untimed += measured.untimed.map_or(0, |untimed| untimed.ready + untimed.before + untimed.warmup);
        if !measured.calls.is_empty() {
            let calls: engine::results::Counts = measured.calls.values().map(|call| call.counts).sum();
            assert_eq!(calls, measured.counts);
        }
    }
    (timed, untimed)
}

/// Nothing that was written or said holds the secret.
fn keeps_its_secret(folder: &Path, said: &str) {
    let mut written = Vec::new();
    files(folder, &mut written);
    assert!(!written.is_empty());
    for (name, bytes) in written.iter().chain([&("the terminal".to_owned(), said.as_bytes().to_vec())]) {
        let found = bytes.windows(MARKER.len()).any(|window| window == MARKER.as_bytes());
        assert!(!found, "{name} holds the secret");
    }
}

/// Users of the portal, whose names are secret, and with them all that they are given.
fn users(folder: &Path, count: usize) {
    let user = |number: usize| format!("{MARKER}-{number}");
    let row = |number| format!("{0},\"pw \"\"{0}\"\",\"\n", user(number));
    let rows: String = (0..count).map(row).collect();
    fs::write(folder.join("users.csv"), format!("user,password\n{rows}")).expect("a file");
}

const PORTAL: &str = "calls:
  - name: login
    http: POST /login
    json: {user: \"${user}\", password: \"${password}\"}
    take: {token: json /access_token}
  - name: inbox
    http: GET /inbox
    headers: {authorization: \"Bearer ${token}\"}
    take: {message: json /items/0/id}
  - name: read
    http: GET /messages/${message}
    headers: {authorization: \"Bearer ${token}\"}
    contains: to
";

#[test]
fn a_morning_at_the_portal_is_counted_to_the_call_and_keeps_its_secrets() {
    let server = Scripted::start();
    let folder = tempfile::tempdir().expect("a folder");
    users(folder.path(), 3);
    let scenario = format!(
        "title: t\nquestion: q\ntargets:\n  - {{name: portal, transport: http1, at: \"{0}\", ready: peek, options: {{cookies: true}}}}\n\
         data:\n  - {{file: users.csv, each: client}}\n{PORTAL}  - name: peek\n    http: GET /fast?key={MARKER}&of=${{client}}\n    \
         headers: {{x-key: \"of ${{env:OWN_RUN_KEY}}\"}}\nworkloads:\n  - {{name: morning, before: [login], steps: [inbox, read], think: 1ms..3ms, clients: [1, 3], warmup: 1, iterations: 4}}\n  \
         - {{name: paced, before: [login], steps: [inbox, read], think: 1ms, clients: 2, rate: 50, duration: 200ms}}\n  \
         - {{name: peeks, call: peek, iterations: 5}}\ntrials: 2\n",
        server.address()
    );
    fs::write(folder.path().join("s.yaml"), scenario).expect("a file");
    let planned = engine(folder.path(), &["plan", "s.yaml"]);
    assert!(said(&planned).contains("reads users.csv: `data` of user, password (3 rows)"), "{}", said(&planned));
    let output = engine(folder.path(), &["run", "s.yaml", "--out", "out"]);
    let results = Results::read(&folder.path().join("out")).unwrap_or_else(|_| panic!("{}", said(&output)));
    let (timed, untimed) = counted(&results);
    // Two trials: passes of two steps by one and by three clients, ten paced ones, and five peeks.
    assert_eq!(timed, 2 * (2 * 4 + 2 * 12 + 2 * 10 + 5), "{}", said(&output));
    // Logins, warm-up, and one call in each trial by which the portal says that it is ready.
    assert_eq!(untimed, 2 * ((1 + 2 + 1) + (3 + 6 + 1) + (2 + 1) + 1));
    assert_eq!(server.all(), timed + untimed, "the server was asked what is counted, and nothing else");
    let (head, _) = server.last(&format!("GET /fast?key={MARKER}&of=0"));
    assert!(head.contains(&format!("x-key: of {MARKER}\r\n")), "{head}");
    let passes: u64 = results
        .records
        .iter()
        .filter_map(|record| record.measured.as_ref()?.passes.as_ref())
        .map(|passes| {
            assert_eq!((passes.skipped_steps, passes.response_time.count), (0, passes.count));
            passes.count
        })
        .sum();
    assert_eq!(passes, 2 * (4 + 12 + 10));
    let text = |file: &str| fs::read_to_string(folder.path().join("out").join(file)).expect("a report");
    assert!(text("report.html").contains("a whole pass") && text("report.md").contains("| a whole pass |"));
    keeps_its_secret(&folder.path().join("out"), &said(&output));
}

#[test]
fn a_client_that_is_not_let_in_fails_its_trial_in_words_without_secrets() {
    let server = Scripted::start();
    let folder = tempfile::tempdir().expect("a folder");
    users(folder.path(), 2);
    let scenario = format!(
        "title: t\nquestion: q\ntargets:\n  - {{name: portal, transport: http1, at: \"{0}\"}}\n\
         data:\n  - {{file: users.csv, each: client}}\ncalls:\n  - name: login\n    http: POST /login?of={MARKER}\n    \
         json: {{user: \"${{user}}\", password: \"not ${{password}}\"}}\n    status: 201\n    take: {{at: header location}}\n  \
         - name: next\n    http: GET /${{at}}\nworkloads:\n  - {{name: w, before: [login], call: next, clients: 2, iterations: 1}}\ntrials: 1\n",
        server.address()
    );
    fs::write(folder.path().join("s.yaml"), scenario).expect("a file");
    let output = engine(folder.path(), &["run", "s.yaml", "--out", "out"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    // Whichever was refused first.
    let told = |client: &str| said(&output).contains(&format!("before: client {client}: login: status 200"));
    assert!(told("0") || told("1"), "{}", said(&output));
    keeps_its_secret(&folder.path().join("out"), &said(&output));
}

#[test]
fn what_a_launched_server_is_told_and_says_is_nowhere_in_the_results() {
    let folder = tempfile::tempdir().expect("a folder");
    let script = "import os, sys\nsys.stderr.write('it was ' + os.environ['KEY'])\nsys.exit(3)\n";
    fs::write(folder.path().join("fails.py"), script).expect("a file");
    let scenario = format!(
        "title: t\nquestion: q\ntargets:\n  - {{name: it, transport: http1, launch: \"python3 fails.py ${{port}}\", env: {{KEY: {MARKER}}}}}\n\
         workloads:\n  - {{name: w, call: connect, iterations: 1}}\ntrials: 1\n"
    );
    fs::write(folder.path().join("s.yaml"), scenario).expect("a file");
    let output = engine(folder.path(), &["run", "s.yaml", "--out", "out"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    // What it wrote is quoted on the terminal, and there alone.
    assert!(said(&output).contains(&format!("it was {MARKER}")), "{}", said(&output));
    keeps_its_secret(&folder.path().join("out"), "");
}

/// Every place of a scenario that may hold a secret at once, for servers of four protocols and one that says its own aloud.
#[test]
fn a_secret_in_every_place_that_may_hold_one_is_written_nowhere() {
    let page = Scripted::start();
    let (orders, object) = (Server::launch("grpc", "async", &[]), Server::launch("rpyc", "threaded", &[]));
    let folder = tempfile::tempdir().expect("a folder");
    users(folder.path(), 2);
    let script = "import os, sys\nsys.stderr.write('it was ' + os.environ['KEY'] + sys.argv[2])\nsys.exit(3)\n";
    fs::write(folder.path().join("fails.py"), script).expect("a file");
    let proto = Path::new(env!("CARGO_MANIFEST_DIR")).join("engine/transport/grpc/engine.proto");
    fs::copy(proto, folder.path().join("engine.proto")).expect("a copy");
    let packed = STANDARD.encode(MARKER);
    let scenario = format!(
        "title: t\nquestion: q\ntargets:\n  - {{name: page, transport: http1, at: \"{0}\", options: {{cookies: true}}}}\n  \
         - {{name: lines, transport: tcp, at: \"{0}\"}}\n  - {{name: orders, transport: grpc, at: \"{1}\", proto: engine.proto}}\n  \
         - {{name: object, transport: rpyc, at: \"{2}\"}}\n  - {{name: told, transport: http1, launch: \"python3 fails.py ${{port}} \
         ${{env:OWN_RUN_KEY}}\", env: {{KEY: {MARKER}}}}}\ndata:\n  - {{file: users.csv, each: client}}\ncalls:\n  - name: all\n    \
         http: POST /echo?key={MARKER}&of=${{user}}\n    headers: {{authorization: \"Bearer {MARKER}\", cookie: \"id={MARKER}\"}}\n    \
         json: {{key: {MARKER}, password: \"${{password}}\"}}\n    grpc: engine.Engine/Upload\n    message: {{content: \"{packed}\"}}\n    \
         metadata: {{authorization: \"Bearer {MARKER}\", x-user: \"${{user}}\"}}\n    rpyc: upload\n    args: [{MARKER}, \"${{password}}\"]\n    \
         send: \"GET /fast?key={MARKER} HTTP/1.1\\r\\n\\r\\n\"\n    until: \"fast\"\nworkloads:\n  \
         - {{name: w, call: all, clients: 2, iterations: 3}}\ntrials: 1\n",
        page.address(),
        orders.address(),
        object.address(),
    );
    fs::write(folder.path().join("s.yaml"), scenario).expect("a file");
    let set = format!("calls.all.headers.x-more={MARKER}");
    let mut told = String::new();
    for command in [
        &["check", "s.yaml"][..],
        &["plan", "s.yaml", "--set", &set],
        &["run", "s.yaml", "--out", "out", "--set", &set],
        &["report", "out"],
        &["compare", "out", "out"],
    ] {
        let output = engine(folder.path(), command);
        assert_ne!(output.status.code(), Some(2), "{command:?}: {}", said(&output));
        told += &said(&output);
    }
    let results = Results::read(&folder.path().join("out")).unwrap_or_else(|error| panic!("{error}: {told}"));
    for target in ["page", "lines", "orders", "object"] {
        let asked = results.records.iter().filter(|record| results.cells[record.cell].target == target);
        let calls: u64 = asked.map(|record| record.measured.as_ref().map_or(0, |it| it.counts.scheduled)).sum();
        assert_eq!(calls, 6, "{target}: {told}");
    }
    let (head, body) = page.last(&format!("POST /echo?key={MARKER}&of={MARKER}-0"));
    assert!(head.contains(&format!("x-more: {MARKER}\r\n")) && body.contains(MARKER), "{head}{body}");
    // What a server of the user's own said when it ended is quoted where the user sits, and there alone.
    let quoted = format!("it was {MARKER}{MARKER}");
    assert!(told.contains(&quoted), "{told}");
    let written = folder.path().join("out");
    keeps_its_secret(&written, &told.replace(&quoted, ""));
    let mut all = Vec::new();
    files(&written, &mut all);
    assert!(all.iter().all(|(_, bytes)| !String::from_utf8_lossy(bytes).contains(&packed)), "nor as it was packed");
}

#[test]
fn what_was_tried_is_a_scenario_that_runs() {
    let server = Scripted::start();
    let folder = tempfile::tempdir().expect("a folder");
    let url = format!("http://{}/fast", server.address());
    let tried = engine(folder.path(), &["try", &url, "--for", "1s", "--clients", "2", "-H", "accept: text/plain"]);
    assert!(tried.status.success(), "{}", said(&tried));
    let (head, _) = server.last("GET /fast");
    assert!(head.contains("accept: text/plain"), "{head}");
    let file = folder.path().join("127.0.0.1.yaml");
    let scenario = fs::read_to_string(&file).expect("the scenario was written");
    assert!(scenario.contains("http: \"GET /fast\"") && scenario.contains("duration: 200ms"), "{scenario}");
    assert!(engine(folder.path(), &["check", "127.0.0.1.yaml"]).status.success());
    // A newcomer runs what was written: the same is asked, and the same is found.
    let before = server.asked("GET /fast");
    let ran = engine(folder.path(), &["run", "127.0.0.1.yaml", "--out", "out"]);
    assert!(ran.status.success(), "{}", said(&ran));
    let results = Results::read(&folder.path().join("out")).expect("results");
    let made = |record: &engine::results::Record| {
        let measured = record.measured.as_ref().expect("it is measured");
        assert_eq!((measured.counts.ok, measured.clients.len()), (measured.counts.scheduled, 2));
        measured.counts.scheduled + measured.untimed.map_or(0, |it| it.ready + it.before + it.warmup)
    };
    assert_eq!(results.records.len(), 5, "as many trials");
    assert_eq!(server.asked("GET /fast") - before, results.records.iter().map(made).sum::<u64>());
    let figures = |output: &Output| {
        let line = String::from_utf8_lossy(&output.stdout)
            .lines()
            .find(|line| line.starts_with("127.0.0.1 "))
            .map(str::to_owned);
        line.unwrap_or_else(|| panic!("{}", said(output)))
    };
    assert!(figures(&tried).contains(" tried ") && figures(&ran).contains(" tried "), "the table of both has its row");
    assert!(!said(&tried).contains("results.json"), "nothing is told of a folder that is not there for long");
    let again = engine(folder.path(), &["try", &url, "--for", "1s", "-H", &format!("X-Api-Key: {MARKER}")]);
    assert!(again.status.success() && folder.path().join("127.0.0.1-2.yaml").exists(), "{}", said(&again));
    assert!(said(&again).contains("127.0.0.1-2.yaml holds your `X-Api-Key` as it is"), "{}", said(&again));
    assert!(!said(&again).contains(MARKER), "{}", said(&again));
    assert_eq!(fs::read_to_string(&file).expect("it is still there"), scenario, "nothing is written over");
    for (url, wrong) in [("localhost:80", "no scheme"), ("http://me:pw@h/", "names a user")] {
        let output = engine(folder.path(), &["try", url]);
        assert_eq!(output.status.code(), Some(2));
        assert!(said(&output).contains(wrong), "{}", said(&output));
    }
}
