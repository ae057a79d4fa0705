//! How dear the user's own calls are to the generator, beside the calls that are built in.

use std::path::Path;
use std::process::Command;
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::error::{Context, Error, Result};
use prost::Message;
use serde_json::{Value, json};

use crate::generator::{WINDOW_S, figures};
use crate::measure::Goal::{AtLeast, Shown};
use crate::measure::{CALLS_PER_CPU_SECOND, CALLS_PER_WINDOW_CPU_SECOND, Claim, Comparison, Figures, Side};
use crate::ours::{Server, asked, drive};
use crate::processes::{CLIENTS, SERVERS, Said, said};

/// How many clients there are, on one thread.
const AT_ONCE: usize = 10;

/// A static request, and a mix of four of which one differs from call to call; and the same over gRPC.
pub(crate) fn comparisons() -> Vec<Comparison> {
    vec![over_http(), over_grpc()]
}

fn over_http() -> Comparison {
    Comparison {
        group: "The generator",
        name: format!("own calls, http1, {AT_ONCE} clients"),
        about: format!(
            "{AT_ONCE} clients of one epoll loop ask our own async server for pings, for {WINDOW_S} s: by the call that is \
             built in, by a call of their own with the same request, and by a mix of four, one of which has the number of the \
             call in its path."
        ),
        claims: vec![
            Claim::ratio(CALLS_PER_CPU_SECOND, "own call", "built in", AtLeast(0.97)),
            Claim::ratio(CALLS_PER_CPU_SECOND, "mix of four", "built in", AtLeast(0.9)),
        ],
        stage: Box::new(|| {
            let server = Rc::new(Server::launch("http1", "async", &[], SERVERS)?);
            let get = |name: &str, path: &str| json!({"name": name, "http": {"method": "GET", "path": path}});
            let calls = [
                get("plain", "/ping"),
                get("one", "/ping?of=1"),
                get("two", "/ping?of=2"),
                get("numbered", "/ping?of=${number}"),
            ];
            let mix: Vec<Value> = calls.iter().map(|call| json!({"call": call["name"], "weight": 1})).collect();
            Ok(vec![
                side("built in", server.clone(), json!({"nonce": server.ready.nonce})),
                side("own call", server.clone(), json!({"calls": [calls[0].clone()], "call": "plain"})),
                side("mix of four", server, json!({"calls": calls, "call": "plain", "mix": mix})),
            ])
        }),
    }
}

fn over_grpc() -> Comparison {
    Comparison {
        group: "The generator",
        name: format!("own calls, grpc, {AT_ONCE} clients"),
        about: format!(
            "{AT_ONCE} clients of one epoll loop ask our own async server for pings, for {WINDOW_S} s: by the call that is \
             built in, by a call of their own by its `.proto`, and by one whose message has the number of the call in it. \
             {AT_ONCE} threads of Python do the same by grpcio's client, on one connection."
        ),
        claims: vec![
            Claim::ratio(CALLS_PER_CPU_SECOND, "own call", "built in", AtLeast(0.97)),
            Claim::ratio(CALLS_PER_CPU_SECOND, "numbered", "built in", AtLeast(0.9)),
            Claim::ratio(CALLS_PER_WINDOW_CPU_SECOND, "own call", "grpcio", Shown),
        ],
        stage: Box::new(|| {
            let server = Rc::new(Server::launch("grpc", "async", &[], SERVERS)?);
            let root = Path::new(env!("CARGO_MANIFEST_DIR"));
            let set = protox::compile(["engine.proto"], [root.join("engine/transport/grpc")]);
            let set = set.map_err(|error| Error::failed(error.to_string()))?.encode_to_vec();
            let proto = json!({"files": {"names": ["engine.proto"], "descriptors": STANDARD.encode(set)}});
            let ask = |method: &str, message: Value| json!({"name": "it", "grpc": {"service": "engine.Engine", "method": method, "message": message}});
            let own = |call: Value| json!({"calls": [call], "call": "it", "proto": proto});
            let python = Path::new(env!("CARGO_TARGET_TMPDIR")).join("grpcio/bin/python");
            let (address, held) = (server.ready.address.clone(), server.clone());
            let there = python.is_file().then_some(()).ok_or("grpcio is not installed (`cargo test --test own_grpc`)");
            let peer = Side::peer("grpcio", there.map_err(str::to_owned), move || {
                let _held = &held;
                let mut command = Command::new(&python);
                command.arg(root.join("tests/systems/grpc_peer.py")).args(["ask", &address]);
                command.args([AT_ONCE as u64, WINDOW_S].map(|number| number.to_string()));
                let Said { text, .. } = said("grpcio", command, CLIENTS)?;
                let told = text.split_whitespace().map(str::parse::<f64>).collect::<std::result::Result<Vec<_>, _>>();
                match told.doing("what grpcio's client says")?.as_slice() {
                    [calls, cpu_s] => Ok(Figures::from([(CALLS_PER_WINDOW_CPU_SECOND.name, calls / cpu_s)])),
                    _ => Err(Error::failed(format!("grpcio's client says `{text}`"))),
                }
            });
            Ok(vec![
                side("built in", server.clone(), json!({"nonce": server.ready.nonce})),
                side("own call", server.clone(), own(ask("Ping", json!({})))),
                side("numbered", server, own(ask("Upload", json!({"content": "${number}"})))),
                peer,
            ])
        }),
    }
}

fn side(name: &'static str, server: Rc<Server>, more: Value) -> Side {
    Side::new(name, move || -> Result<_> {
        let mut more = more.clone();
        more["clients"] = AT_ONCE.into();
        more["duration_ns"] = (WINDOW_S * 1_000_000_000).into();
        // As a load does that says nothing of it: the first reply of each client is looked at.
        more["verify"] = "length".into();
        Ok(figures(&drive(asked(server.transport, &server.ready.address, more)?, CLIENTS)?))
    })
}
