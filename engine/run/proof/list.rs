//! The list of all proofs.

use std::time::Duration;

use crate::place::disturbance::{Disturbance, Side, Stall};
use crate::run::proof::contract::{How, Proof};
use crate::run::proof::evidence::Check;
use crate::run::proof::load::{LOOKED_AT, OFFERED, POISSON, QUEUED, WAITING, constant, lindley, little, poisson};
use crate::run::proof::server::{Shared, burnt, cold, delay};
use crate::run::proof::stall::{end_stall, mid_run, short_drain, starved, time_outs};

/// A transport and a server model.
type Target = (&'static str, &'static str);

const TCP: Target = ("tcp", "threaded");
/// One end of the queue that theory speaks of.
const ONE_WORKER: Target = ("tcp", "pooled, options: {workers: 1}");

/// Both IO models, streams and datagrams, each framing of its own, and both ways to give a client its turn.
const STALLED: [Target; 6] =
    [TCP, ("rpyc", "threaded"), ("rpyc", "forking"), ("http1", "threaded"), ("http2", "threaded"), ("quic", "async")];

/// Every proof, in the order of the table.
pub fn all() -> Vec<Proof> {
    stalls().chain(others()).chain(aborts()).collect()
}

/// What a server's stall must look like, on each of [`STALLED`].
fn stalls() -> impl Iterator<Item = Proof> {
    let kinds: [(&str, &str, Stall, Check); 5] = [
        ("mid-run stall", "clients: 10", stall(Side::Server, 6.0, 1.5), mid_run),
        ("mid-run stall of 2 clients", "clients: 2", stall(Side::Server, 6.0, 1.5), mid_run),
        ("end stall", "clients: 10", stall(Side::Server, 13.0, 4.0), end_stall),
        ("short drain", "clients: 10, drain: 1s", stall(Side::Server, 13.0, 4.0), short_drain),
        ("time-outs", "clients: 10, timeout: 2s", stall(Side::Server, 6.0, 3.0), time_outs),
    ];
    kinds.into_iter().flat_map(|(name, more, stall, check)| {
        STALLED.map(|target| proof(name, target, open(more), Disturbance { stall: Some(stall), fault: None }, check))
    })
}

fn others() -> [Proof; 9] {
    let (calm, fault) = (Disturbance::default(), |fault| Disturbance { fault: Some(fault), stall: None });
    let stopped = Disturbance { stall: Some(stall(Side::Client, 6.0, 1.0)), fault: None };
    let held = Disturbance { stall: Some(stall(Side::Server, 6.0, 1.5)), fault: None };
    let queued = format!("call: ping, rate: {OFFERED}, arrivals: poisson, clients: 64, duration: {QUEUED}s");
    let pings = |more: &str| format!("call: ping, {more}");
    let sleeps = |more: &str| format!("call: sleep, {more}");
    [
        proof("starved generator", TCP, open("clients: 10"), stopped, starved),
        proof("stall of 4 client processes", TCP, open("clients: 10, processes: 4"), held, mid_run),
        proof("cold start", TCP, sleeps("hold: 2ms, duration: 10s"), fault("cold=18ms:5s"), cold),
        proof("known delay", TCP, pings("iterations: 100"), fault("delay=20ms"), delay).alone(),
        proof(
            "burning children",
            ("tcp", "forking"),
            "call: connect, iterations: 20".into(),
            fault("burn=50ms"),
            burnt,
        )
        .alone(),
        proof(
            "Poisson arrivals",
            TCP,
            pings(&format!("rate: {POISSON}, arrivals: poisson, clients: 10, duration: {LOOKED_AT}s")),
            calm,
            poisson,
        )
        .alone(),
        proof("constant arrivals", TCP, pings("rate: 100, clients: 10, duration: 5s"), calm, constant).alone(),
        proof("queueing theory", ONE_WORKER, queued, fault("delay=10ms"), lindley)
            .after(pings(&format!("clients: {WAITING}, iterations: 40")))
            .after(pings("iterations: 200"))
            .after(pings(&format!("clients: {WAITING}, iterations: 40")))
            .alone(),
        proof(
            "Little's law",
            ONE_WORKER,
            sleeps(&format!("hold: 10ms, clients: {WAITING}, duration: 4s")),
            calm,
            little,
        )
        .alone(),
    ]
}

/// What one abort must take along, under each server model.
fn aborts() -> [Proof; 6] {
    [
        ("forking", Shared::Nothing),
        ("preforked, options: {workers: 3}", Shared::Worker),
        ("threaded", Shared::Server),
        ("pooled", Shared::Server),
        ("per-request", Shared::Server),
        ("async", Shared::Server),
    ]
    .map(|(server, shared)| Proof {
        how: How::Abort(shared),
        ..proof(
            "abort",
            ("tcp", server),
            "call: ping, iterations: 1, clients: 12, timeout: 10s".to_owned(),
            Disturbance { fault: Some("abort"), stall: None },
            |_| Vec::new(),
        )
    })
}

/// The workload of everything that is stalled.
fn open(more: &str) -> String {
    format!("call: ping, rate: 100, duration: 15s, {more}")
}

fn stall(end: Side, after: f64, length: f64) -> Stall {
    Stall { end, after: Duration::from_secs_f64(after), length: Duration::from_secs_f64(length) }
}

fn proof(name: &str, (transport, server): Target, workload: String, disturbance: Disturbance, check: Check) -> Proof {
    Proof {
        name: format!("{name}, {transport} {}", server.split(',').next().unwrap_or_default()),
        target: format!("transport: {transport}, server: {server}"),
        workloads: vec![workload],
        disturbance,
        how: How::Record(check),
        alone: false,
    }
}
