//! How punctual the open loop is, and how much memory clients take.

use std::rc::Rc;

use engine::error::{Error, Result};
use serde_json::{Value, json};

use crate::floors::measured;
use crate::measure::Goal::{AtMost, Within};
use crate::measure::{Claim, Comparison, Figures, P99_LATENESS, PEAK_MEMORY, Side};
use crate::ours::{Server, drive};
use crate::peers::{found, wrk_calls, wrk_command};
use crate::processes::{CLIENTS, SERVERS, peak_memory, said_watched};

/// Calls a second that are offered.
const RATE: u64 = 20_000;
/// For how long, in milliseconds.
const WINDOW_MS: u64 = 2000;

/// Lateness, and memory for few clients, many clients and many calls.
pub(crate) fn comparisons() -> Vec<Comparison> {
    vec![lateness("block", 25_000.0), lateness("spin", 25_000.0), crowd(), few(), many_calls()]
}

fn lateness(wait: &'static str, more_ns: f64) -> Comparison {
    let how = if wait == "spin" { "spins between sends" } else { "sleeps, then spins before each send" };
    Comparison {
        group: "The open loop",
        name: format!("open loop, {RATE} a second, {wait}"),
        about: format!(
            "64 clients offer an async server {RATE} pings a second from one core, whose generator {how}; the spin loop \
             does nothing but watch the clock. Our lateness counts from when a client was free to send."
        ),
        claims: vec![Claim::ratio(P99_LATENESS, "ours", "spin loop", Within(more_ns))],
        stage: Box::new(move || {
            let server = Server::launch("tcp", "async", &[], SERVERS)?;
            let spin = Side::new("spin loop", || {
                let (figures, _) = measured("spin", &[RATE.to_string(), WINDOW_MS.to_string()], CLIENTS)?;
                Ok(Figures::from([(P99_LATENESS.name, figures["p99_ns"])]))
            });
            let ours = Side::new("ours", move || {
                let more = json!({
                    "clients": 64, "rate": RATE, "duration_ns": WINDOW_MS * 1_000_000, "wait": wait, "warmup": 1,
                });
                let lateness = drive(server.asked(more)?, CLIENTS)?.measured.generator.lateness;
                let lateness = lateness.ok_or_else(|| Error::failed("the client tells no lateness"))?;
                Ok(Figures::from([(P99_LATENESS.name, lateness.p99_ns as f64)]))
            });
            Ok(vec![ours, spin])
        }),
    }
}

/// The peak memory of a client process.
fn peak(server: &Server, more: Value) -> Result<Figures> {
    Ok(Figures::from([(PEAK_MEMORY.name, drive(server.asked(more)?, CLIENTS)?.peak_memory)]))
}

fn crowd() -> Comparison {
    Comparison {
        group: "The open loop",
        name: "memory, 10000 clients".into(),
        about: "The most memory that a client process had resident whose 10,000 clients ping an async HTTP server five times \
                each."
            .into(),
        claims: vec![Claim::below(PEAK_MEMORY, "ours", 150e6)],
        stage: Box::new(|| {
            let server = Server::launch("http1", "async", &[], SERVERS)?;
            let more = || json!({"clients": 10_000, "iterations": 5, "warmup": 1});
            Ok(vec![Side::new("ours", move || peak(&server, more()))])
        }),
    }
}

fn few() -> Comparison {
    Comparison {
        group: "The open loop",
        name: "memory, 10 clients, beside wrk".into(),
        about: "The most memory that a generator with 10 clients had resident, against our async HTTP server, for 1 s."
            .into(),
        claims: vec![Claim::ratio(PEAK_MEMORY, "ours", "wrk", AtMost(3.0))],
        stage: Box::new(|| {
            let server = Rc::new(Server::launch("http1", "async", &[], SERVERS)?);
            let address = server.ready.address.clone();
            let wrk = Side::peer("wrk", found("wrk"), move || {
                let mut most: f64 = 0.0;
                // It is gone at the last look, which then tells nothing.
                let watch = |pid| most = most.max(peak_memory(pid).unwrap_or_default());
                let said = said_watched("wrk", wrk_command(&address, 1, 10, 1)?, &[CLIENTS], watch)?;
                wrk_calls(&said.text)?;
                Ok(Figures::from([(PEAK_MEMORY.name, most)]))
            });
            let ours = move || peak(&server, json!({"clients": 10, "duration_ns": 1_000_000_000}));
            Ok(vec![Side::new("ours", ours), wrk])
        }),
    }
}

fn many_calls() -> Comparison {
    Comparison {
        group: "The open loop",
        name: "memory, ten times the calls".into(),
        about: "The most memory that a client process had resident whose 10 clients make 20,000 and 200,000 calls."
            .into(),
        claims: vec![Claim::ratio(PEAK_MEMORY, "200,000 calls", "20,000 calls", AtMost(1.05))],
        stage: Box::new(|| {
            let server = Rc::new(Server::launch("http1", "async", &[], SERVERS)?);
            let side = |name, each: u64, server: Rc<Server>| {
                Side::new(name, move || peak(&server, json!({"clients": 10, "iterations": each})))
            };
            let many = side("200,000 calls", 20_000, server.clone());
            Ok(vec![many, side("20,000 calls", 2000, server)])
        }),
    }
}
