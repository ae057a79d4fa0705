//! Clients that are not ours, curl, nghttp, h2load and a peer that breaks the rules, against our HTTP/2 servers.

mod ends;
mod pairs;
mod systems;

use std::fs;
use std::process::{Command, Output};

use ends::Server;
use engine::call::CallSpec;
use engine::server::MODELS;
use pairs::{Pair, Wire, every_call, stream_transports};
use serde_json::Value;
use systems::{system, venv};

/// The output of a command that must succeed, or none where this machine does not have the program.
fn text(command: &mut Command) -> Option<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let Ok(Output { status, stdout, stderr }) = command.output() else {
        assert!(std::env::var_os("CI").is_none(), "in CI {program} must be there");
        eprintln!("not run: this test needs {program}");
        return None;
    };
    assert!(status.success(), "{command:?}: {status}\n{}", String::from_utf8_lossy(&stderr));
    Some(String::from_utf8(stdout).expect("the output is text"))
}

#[test]
fn curl_can_use_every_endpoint() {
    let body = tempfile::NamedTempFile::new().expect("there is room for a file");
    fs::write(&body, "0123456789abcdef".repeat(100_000)).expect("the file can be written");
    let file = format!("@{}", body.path().display());
    for model in MODELS {
        let server = Server::launch("http2", model.name(), &[]);
        let curl = |arguments: &[&str]| {
            let mut command = Command::new("curl");
            command.args(["--http2-prior-knowledge", "--silent", "--show-error", "--noproxy", "*", "--max-time", "30"]);
            command.args(["--write-out", "%{http_version} %{http_code} %{content_type} %{num_connects};"]);
            for argument in arguments {
                match argument.strip_prefix('/') {
                    Some(path) if path != "dev/null" => command.arg(format!("http://{}/{path}", server.address())),
                    _ => command.arg(argument),
                };
            }
            text(&mut command)
        };
        if curl(&["/ping"]).is_none() {
            return;
        }
        let say = |arguments: &[&str]| curl(arguments).expect("curl is there");
        let json = |body: &str| format!("{body}\n2 200 application/json 1;");
        assert_eq!(say(&["/ping"]), json("{\"response\":\"pong\"}"));
        assert_eq!(say(&["/nonce"]), json(&format!("{{\"nonce\":\"{}\"}}", server.nonce())));
        assert_eq!(say(&["/compute/10"]), json("{\"result\":285}"));
        assert_eq!(say(&["/sleep/0.01"]), json("{\"duration\":0.01}"));
        assert_eq!(say(&["/echo", "--data-binary", "a\nb"]), "a\nb2 200 text/html; charset=utf-8 1;");
        assert_eq!(say(&["/upload", "--data-binary", &file]), json("{\"size\":1600000}"));
        assert_eq!(say(&["/upload-file", "--data-binary", &file]), json("{\"size\":1600000}"));
        assert_eq!(
            say(&["/echo?chunk=1000", "--data-binary", &file, "-o", "/dev/null"]),
            "2 200 text/html; charset=utf-8 1;"
        );
        assert_eq!(say(&["/download/5"]), "xxxxx2 200 application/octet-stream 1;");
        assert_eq!(say(&["/download-file/2?chunk=1"]), "\0\x002 200 application/octet-stream 1;");
        assert_eq!(say(&["/download-file-chunked/3/2"]), json("{\"chunks\":[\"0000\",\"00\"]}"));
        let chunks = ["-H", "Content-Type: application/json", "-d", "{\"chunks\": [\"00ff\", \"0a\"]}"];
        assert_eq!(say(&[&["/upload-file-chunked"][..], &chunks].concat()), json("{\"size\":3}"));
        assert!(say(&["/ping", "--head"]).contains("\r\ncontent-length: 20\r\n"));
        assert!(say(&["/missing"]).ends_with("2 404 text/html; charset=utf-8 1;"));
        assert!(say(&["/ping", "-X", "PUT"]).ends_with("2 405 text/html; charset=utf-8 1;"));
        assert!(say(&["/upload-file-chunked", "-d", "{"]).ends_with("2 400 text/html; charset=utf-8 1;"));
        // That a connection is used again is left to nghttp: curl up to 7.88.1 cannot do that by prior knowledge.
        assert!(server.stop());
    }
}

#[test]
fn nghttp_multiplexes_uploads_and_downloads() {
    let body = tempfile::NamedTempFile::new().expect("there is room for a file");
    fs::write(&body, "0123456789abcdef".repeat(100_000)).expect("the file can be written");
    for model in MODELS {
        let server = Server::launch("http2", model.name(), &[]);
        let url = |path: &str| format!("http://{}/{path}", server.address());
        let mut command = Command::new("nghttp");
        command.args(["-s", "-n", "-m", "3", "-t", "30"]).arg("-d").arg(body.path());
        let Some(said) = text(command.args([url("upload"), url("echo")])) else { return };
        assert_eq!(said.matches(" 200 ").count(), 6, "{said}");
        // Windows that are small at the client: the server sends as they allow.
        let mut command = Command::new("nghttp");
        command.args(["-s", "-n", "-w", "14", "-W", "14", "-t", "30"]);
        let said = text(command.args([url("download/3000000"), url("download-file/3000000?chunk=70000")]));
        let said = said.expect("nghttp is there");
        assert_eq!((said.matches(" 200 ").count(), said.matches("  2M ").count()), (2, 2), "{said}");
        assert!(server.stop());
    }
}

#[test]
fn h2load_is_served_on_every_model() {
    for model in MODELS {
        let server = Server::launch("http2", model.name(), &[]);
        for (calls, path) in [("2000", "ping"), ("200", "download/100000")] {
            let url = format!("http://{}/{path}", server.address());
            let load = ["-n", calls, "-c", "4", "-m", "16", url.as_str()];
            let Some(said) = text(Command::new("h2load").args(load)) else { return };
            assert!(said.contains(&format!("{calls} succeeded, 0 failed, 0 errored, 0 timeout")), "{said}");
        }
        assert!(server.stop());
    }
}

#[test]
fn over_tls_the_protocol_is_agreed_on_and_the_certificate_holds() {
    for model in MODELS {
        let server = Server::launch("http2", model.name(), &["--option", "tls=true"]);
        let authority = tempfile::NamedTempFile::new().expect("there is room for a file");
        fs::write(&authority, server.ready["ca"].as_str().expect("a certificate")).expect("the file can be written");
        let url = |path: &str| format!("https://{}/{path}", server.address());
        let curl = |more: &[&str]| {
            let mut command = Command::new("curl");
            command.args(["--http2", "--silent", "--show-error", "--noproxy", "*", "--max-time", "30", "--cacert"]);
            command.arg(authority.path()).args(["--write-out", "%{http_version} %{http_code} %{ssl_verify_result};"]);
            text(command.args(more))
        };
        let Some(said) = curl(&[&url("ping")]) else { return };
        assert_eq!(said, "{\"response\":\"pong\"}\n2 200 0;");
        let upload = curl(&["--data-binary", "0123456789", &url("upload")]).expect("curl is there");
        assert_eq!(upload, "{\"size\":10}\n2 200 0;");

        let load = ["-n", "500", "-c", "4", "-m", "8", &url("download/100000")];
        let Some(said) = text(Command::new("h2load").args(load)) else { return };
        assert!(said.contains("Application protocol: h2"), "{said}");
        assert!(said.contains("500 succeeded, 0 failed, 0 errored, 0 timeout"), "{said}");
        let said = text(Command::new("nghttp").args(["-s", "-n", "-t", "30", &url("download/3000000")]));
        assert!(said.expect("nghttp is there").contains(" 200 "));
        assert!(server.stop());
    }
}

#[test]
fn what_the_rules_forbid_is_answered_as_they_say() {
    let Some(python) = venv("h2", "h2.txt", "hpack, hyperframe") else { return };
    for (transport, model) in [("http2", "threaded"), ("http2", "async")] {
        let server = Server::launch(transport, model, &[]);
        let said = text(Command::new(&python).arg(system("h2_cases.py")).arg(server.address()));
        let said: Value = serde_json::from_str(&said.expect("Python starts")).expect("the peer writes JSON");
        assert_eq!(said["different"], serde_json::json!([]), "{model}: {:#}", said["different"]);
        let sections = said["sections"].as_object().expect("sections");
        let cases = |of: &str| -> u64 {
            let named = sections.iter().filter(|(section, _)| section.starts_with(of));
            named.map(|(_, count)| count.as_u64().expect("a number")).sum()
        };
        assert_eq!([cases("generic"), cases("http2"), cases("hpack")], [40, 94, 8]);
        assert_eq!(said["by_the_library"], 26);
        assert!(server.stop());
    }
}

/// Both directions of one connection on which every call is asked, and the calls.
fn conversation(transport: &str) -> (Vec<CallSpec>, Pair) {
    let (_, protocol) = stream_transports().find(|(name, _)| *name == transport).expect("it is there");
    let mut pair = Pair::new(&Wire::plain(protocol), usize::MAX);
    let calls = every_call(&[0, 5, 300_000]);
    for call in &calls {
        let reply = pair.call(*call);
        assert!(reply.verdict.is_ok(), "{transport}: {call:?}: {reply:?}");
    }
    (calls, pair)
}

/// Method and path of each request that HTTP/1.1 writes, by httparse.
fn request_lines() -> Vec<(String, String)> {
    let (_, protocol) = stream_transports().find(|(name, _)| *name == "http1").expect("it is there");
    let mut pair = Pair::new(&Wire::plain(protocol), usize::MAX);
    let mut lines = Vec::new();
    for call in every_call(&[0, 5, 300_000]) {
        pair.up.clear();
        assert!(pair.call(call).verdict.is_ok());
        let mut headers = [httparse::EMPTY_HEADER; 16];
        let mut request = httparse::Request::new(&mut headers);
        assert!(request.parse(&pair.up).expect("HTTP/1.1").is_complete());
        lines.push((request.method.unwrap_or_default().to_owned(), request.path.unwrap_or_default().to_owned()));
    }
    lines
}

#[test]
fn frames_and_fields_are_what_hyperframe_and_hpack_make_of_them() {
    let Some(python) = venv("h2", "h2.txt", "hpack, hyperframe") else { return };
    let folder = tempfile::tempdir().expect("a folder");
    for transport in ["http2", "grpc"] {
        let (calls, pair) = conversation(transport);
        let [up, down] = ["up", "down"].map(|name| folder.path().join(name));
        fs::write(&up, &pair.up).expect("the file can be written");
        fs::write(&down, &pair.down).expect("the file can be written");
        let said = text(Command::new(&python).arg(system("h2_streams.py")).args([&up, &down])).expect("Python starts");
        let said: Value = serde_json::from_str(&said).expect("the peer writes JSON");
        let field = |block: &Value, name: &str| {
            let fields = block.as_array().expect("fields");
            let values = fields.iter().filter(|field| field[0] == name).map(|field| field[1].as_str());
            values.map(|value| value.expect("a text").to_owned()).collect::<Vec<_>>().join(", ")
        };
        let [asked, answered] = [0, 1].map(|way| said[way]["streams"].as_array().expect("streams"));
        assert_eq!([asked.len(), answered.len()], [calls.len(); 2], "{transport}");
        for ((call, asked), answered) in calls.iter().zip(asked).zip(answered) {
            let (head, reply) = (&asked["blocks"][0], &answered["blocks"][0]);
            assert_eq!(field(reply, ":status"), "200", "{transport}: {call:?}");
            assert_eq!(field(head, ":authority"), "127.0.0.1:1", "{transport}: {call:?}");
            let data = |stream: &Value| stream["data"].as_u64().expect("a number");
            match transport {
                "http2" => {
                    let length = |block: &Value| field(block, "content-length").parse::<u64>().ok();
                    // A body whose length is told has it.
                    assert!(length(head).is_none_or(|told| told == data(asked)), "{call:?}: {head}");
                    assert!(length(reply).is_none_or(|told| told == data(answered)), "{call:?}: {reply}");
                }
                _ => {
                    assert_eq!(field(head, "content-type"), "application/grpc", "{call:?}");
                    let trailers = answered["blocks"].as_array().and_then(|blocks| blocks.last());
                    assert_eq!(trailers.map(|block| field(block, "grpc-status")).as_deref(), Some("0"), "{call:?}");
                }
            }
        }
        if transport == "http2" {
            let lines = asked.iter().map(|stream| &stream["blocks"][0]);
            let lines = lines.map(|head| (field(head, ":method"), field(head, ":path")));
            // Chunks are frames here, and in HTTP/1.1 the JSON that rpycbench's clients send.
            let whole = |((line, other), _): &((_, _), &CallSpec)| line == other;
            let chunked = |call: &CallSpec| format!("{call:?}").contains("chunk: Some");
            let pairs = lines.zip(request_lines()).zip(&calls);
            let different: Vec<_> = pairs.filter(|pair| !whole(pair) && !chunked(pair.1)).collect();
            assert_eq!(different, [], "both versions of HTTP ask the same");
        }
    }
}
