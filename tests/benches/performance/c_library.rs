//! What the C library that is linked into the program costs: the static builds of `just dist`, with musl and with glibc.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;

use engine::error::Result;
use serde_json::{Value, json};

use crate::generator::WINDOW_S;
use crate::measure::Goal::{AtLeast, Shown};
use crate::measure::{CALLS_PER_CPU_SECOND_OF_BOTH, CALLS_PER_SECOND, Claim, Comparison, Figures, Side};
use crate::ours::{Server, drive_by};
use crate::processes::{CLIENTS, SERVERS, cpu_s};

/// What is asked of whom: a small page, frames of a library that allocates, datagrams, threads, and long bodies.
const ASKED: [(&str, &str, usize, Option<u64>); 6] = [
    ("http1", "async", 10, None),
    ("http1", "threaded", 100, None),
    ("http2", "async", 10, None),
    ("grpc", "threaded", 10, None),
    ("quic", "async", 10, None),
    ("tcp", "threaded", 1, Some(1 << 20)),
];

/// Each of them by both builds.
pub(crate) fn comparisons() -> Vec<Comparison> {
    ASKED.map(|(transport, model, clients, upload)| comparison(transport, model, clients, upload)).into()
}

fn comparison(transport: &'static str, model: &'static str, clients: usize, upload: Option<u64>) -> Comparison {
    let what = if upload.is_some() { "uploads of 1 MiB" } else { "pings" };
    Comparison {
        group: "The C library",
        name: format!("C library, {transport} {model}, {clients} clients, {what}"),
        about: format!(
            "Both ends are a static build, with musl or with glibc: {clients} clients make {what} for {WINDOW_S} s. CPU time is that \
             of the server in the window and of the client process as a whole."
        ),
        claims: vec![
            Claim::ratio(CALLS_PER_CPU_SECOND_OF_BOTH, "musl", "glibc", AtLeast(0.95)),
            Claim::ratio(CALLS_PER_SECOND, "musl", "glibc", Shown),
        ],
        stage: Box::new(move || {
            let more = match upload {
                Some(payload) => json!({"call": "upload", "payload": payload, "verify": "length"}),
                None => json!({}),
            };
            Ok(vec![
                side("musl", "musl", transport, model, clients, more.clone()),
                side("glibc", "gnu", transport, model, clients, more),
            ])
        }),
    }
}

/// One build at both ends, where `just dist` made it.
fn side(
    name: &'static str,
    library: &str,
    transport: &'static str,
    model: &'static str,
    clients: usize,
    more: Value,
) -> Side {
    let program = Rc::new(built(library));
    let found = if program.exists() {
        Ok(())
    } else {
        let machine = std::env::consts::ARCH;
        Err(format!("there is no static build with {name} (TARGET={machine}-unknown-linux-{library} just dist)"))
    };
    Side::peer(name, found, move || measured(&program, transport, model, clients, &more))
}

fn measured(program: &Path, transport: &'static str, model: &str, clients: usize, more: &Value) -> Result<Figures> {
    let mut serve = Command::new(program);
    serve.args(["serve", "--transport", transport, "--server", model]);
    let server = Server::start(transport, serve, SERVERS)?;
    let mut asked = json!({"clients": clients, "duration_ns": WINDOW_S * 1_000_000_000});
    if let (Some(asked), Some(more)) = (asked.as_object_mut(), more.as_object()) {
        asked.extend(more.clone());
    }
    let mut drive = Command::new(program);
    drive.arg("drive");
    let before = cpu_s(server.pid())?;
    let driven = drive_by(drive, server.asked(asked)?, CLIENTS)?;
    let cpu_s = driven.cpu_s + cpu_s(server.pid())? - before;
    Ok(Figures::from([
        (CALLS_PER_CPU_SECOND_OF_BOTH.name, driven.calls() / cpu_s),
        (CALLS_PER_SECOND.name, driven.measured.calls_per_s),
    ]))
}

/// Where `just dist` leaves the build with that library.
fn built(library: &str) -> PathBuf {
    let here = Path::new(env!("CARGO_BIN_EXE_engine"));
    let target = here.ancestors().nth(2).unwrap_or(here);
    target.join(format!("{}-unknown-linux-{library}/release/engine", std::env::consts::ARCH))
}
