//! Clients that are not ours, curl and Python's requests, against our HTTP servers.

mod ends;
mod systems;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use ends::Server;
use engine::server::MODELS;
use engine::stack::contract::Wanted;
use engine::stack::python_systems::system;
use engine::transport::option::Options;
use serde_json::{Value, json};

/// The output of a command that must succeed.
fn text(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the command starts");
    assert!(status.success(), "{command:?}: {status}\n{}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("the output is text")
}

#[test]
fn curl_verifies_the_certificate_and_speaks_tls() {
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "in CI curl must be there");
        eprintln!("not run: curl_verifies_the_certificate_and_speaks_tls needs curl");
        return;
    }
    let ca = tempfile::NamedTempFile::new().expect("there is room for a file");
    let file = ca.path().to_str().expect("its name is text");
    for model in MODELS {
        let server = Server::launch("http1", model.name(), &["--option", "tls=true", "--ca", file]);
        assert_eq!(
            fs::read_to_string(file).expect("it was written"),
            server.ready["ca"].as_str().expect("a certificate")
        );
        let port = server.address().rsplit(':').next().expect("a port");
        let curl = |host: &str, more: &[&str]| {
            let mut command = Command::new("curl");
            command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "30", "--tlsv1.3"]);
            command.arg(format!("https://{host}:{port}/download/100000")).args(more);
            command.output().expect("curl starts")
        };
        for host in ["127.0.0.1", "localhost"] {
            let got = curl(host, &["--cacert", file]);
            assert!(got.status.success(), "{}", String::from_utf8_lossy(&got.stderr));
            assert!(got.stdout.len() == 100_000 && got.stdout.iter().all(|byte| *byte == b'x'));
        }
        // Who speaks only the older version and says so is served, by that.
        let older = curl("127.0.0.1", &["--cacert", file, "--http1.0"]);
        assert!(older.status.success(), "{}", String::from_utf8_lossy(&older.stderr));
        // Without the authority's certificate it is a stranger: curl's exit code for that is 60.
        assert_eq!(curl("127.0.0.1", &[]).status.code(), Some(60));
        assert!(server.stop());
    }
}

/// A real threaded Flask server with the service of the reference suite.
fn flask() -> Option<Server> {
    let environment = systems::environment()?;
    let launch = Wanted {
        nonce: "token",
        fill: None,
        timeout: Duration::from_secs(30),
        options: &Options::default(),
        host: std::net::Ipv4Addr::LOCALHOST.into(),
        only: &[],
        cores: 2,
    };
    let system = system("http1", "threaded").expect("there is such a system");
    Some(Server::start(system.command(&environment, &launch)))
}

#[test]
fn flask_and_ours_take_each_spelling_of_a_request_alike() {
    let (Some(real), Some(python)) = (flask(), systems::python()) else { return };
    let ours = Server::launch("http1", "threaded", &["--nonce", "token"]);
    let mut command = Command::new(python);
    command.arg(systems::system("http_differential.py")).args([real.address(), ours.address()]);
    let said: Value = serde_json::from_str(&text(&mut command)).expect("it writes JSON");
    assert!(said["compared"].as_u64() >= Some(30), "{}", said["compared"]);
    assert_eq!(said["differences"], json!([]), "{:#}", said["differences"]);
    assert!(ours.stop());
}

fn launch(model: &str, keep_alive: bool) -> Server {
    Server::launch("http1", model, &["--option", &format!("keep-alive={keep_alive}")])
}

#[test]
fn requests_can_use_every_endpoint() {
    let Some(python) = systems::python() else {
        eprintln!("not run: requests_can_use_every_endpoint needs python3 and its packages");
        return;
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systems/http_calls.py");
    for model in MODELS {
        for (keep_alive, word) in [(true, "keep"), (false, "close")] {
            let server = launch(model.name(), keep_alive);
            text(Command::new(&python).arg(&script).args([server.address(), word]));
            assert!(server.stop());
        }
    }
}

#[test]
fn curl_can_use_every_endpoint() {
    if Command::new("curl").arg("--version").output().is_err() {
        assert!(std::env::var_os("CI").is_none(), "in CI curl must be there");
        eprintln!("not run: curl_can_use_every_endpoint needs curl");
        return;
    }
    let body = tempfile::NamedTempFile::new().expect("there is room for a file");
    // Long enough that curl asks for 100 Continue before it sends it.
    fs::write(&body, "0123456789abcdef".repeat(100_000)).expect("the file can be written");
    let file = format!("@{}", body.path().display());
    for model in MODELS {
        let server = launch(model.name(), true);
        let curl = |arguments: &[&str]| {
            let mut command = Command::new("curl");
            command.args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "30"]);
            command.args(["--write-out", "%{http_code} %{content_type} %{num_connects};"]);
            for argument in arguments {
                match argument.strip_prefix('/') {
                    Some(path) => command.arg(format!("http://{}/{path}", server.address())),
                    None if *argument == "null" => command.arg("/dev/null"),
                    None => command.arg(argument),
                };
            }
            text(&mut command)
        };
        let json = |body: &str| format!("{body}\n200 application/json 1;");
        assert_eq!(curl(&["/ping"]), json("{\"response\":\"pong\"}"));
        assert_eq!(curl(&["/nonce"]), json(&format!("{{\"nonce\":\"{}\"}}", server.nonce())));
        assert_eq!(curl(&["/compute/10"]), json("{\"result\":285}"));
        assert_eq!(curl(&["/sleep/0.01"]), json("{\"duration\":0.01}"));
        assert_eq!(curl(&["/echo", "--data-binary", "a\nb"]), "a\nb200 text/html; charset=utf-8 1;");
        assert_eq!(curl(&["/upload", "--data-binary", &file]), json("{\"size\":1600000}"));
        assert_eq!(
            curl(&["/upload-file", "--data-binary", &file, "-H", "Expect: 100-continue"]),
            json("{\"size\":1600000}")
        );
        assert_eq!(
            curl(&["/upload", "--data-binary", &file, "-H", "Transfer-Encoding: chunked"]),
            json("{\"size\":1600000}")
        );
        assert_eq!(curl(&["/echo", "--data-binary", &file, "-o", "null"]), "200 text/html; charset=utf-8 1;");
        assert_eq!(curl(&["/download/5"]), "xxxxx200 application/octet-stream 1;");
        assert_eq!(curl(&["/download/5?chunk=2"]), "xxxxx200 application/octet-stream 1;");
        // The bytes of chunked transfer coding as they are on the wire.
        let raw = curl(&["/download/5?chunk=2", "--raw"]);
        assert_eq!(raw, "2\r\nxx\r\n2\r\nxx\r\n1\r\nx\r\n0\r\n\r\n200 application/octet-stream 1;");
        let coded = ["-H", "Transfer-Encoding: chunked", "--data-binary", "abcde"];
        assert_eq!(curl(&[&["/upload"][..], &coded].concat()), json("{\"size\":5}"));
        assert!(curl(&[&["/echo?chunk=2"][..], &coded].concat()).starts_with("abcde200"));
        assert_eq!(curl(&["/download-file/2"]), "\x00\x00200 application/octet-stream 1;");
        assert_eq!(curl(&["/download-file-chunked/3/2"]), json("{\"chunks\":[\"0000\",\"00\"]}"));
        let chunks = ["-H", "Content-Type: application/json", "-d", "{\"chunks\": [\"00ff\", \"0a\"]}"];
        assert_eq!(curl(&[&["/upload-file-chunked"][..], &chunks].concat()), json("{\"size\":3}"));
        assert!(curl(&["/ping", "--head"]).contains("\r\nContent-Length: 20\r\n"));
        assert!(curl(&["/missing"]).ends_with("404 text/html; charset=utf-8 1;"));
        assert!(curl(&["/ping", "-X", "PUT"]).ends_with("405 text/html; charset=utf-8 1;"));
        assert!(
            curl(&["/upload-file-chunked", "-H", "Content-Type: application/json", "-d", "{"])
                .ends_with("400 text/html; charset=utf-8 1;")
        );
        // The last figure is how many connections a call opened.
        let twice = |field: &str| curl(&["/ping", "/ping", "-H", field, "-o", "null", "-o", "null"]);
        assert_eq!(twice("Connection: keep-alive"), "200 application/json 1;200 application/json 0;");
        assert_eq!(twice("Connection: close"), "200 application/json 1;200 application/json 1;");
        assert!(server.stop());
    }
}
