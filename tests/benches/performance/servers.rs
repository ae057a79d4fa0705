//! How dear a reply is to our servers, and how dear an idle connection.

use std::net::TcpStream;
use std::rc::Rc;

use engine::error::{Context, Result};
use nix::unistd::Pid;

use crate::floors::Floor;
use crate::floors::threads::pinged;
use crate::generator::WINDOW_S;
use crate::measure::Goal::AtLeast;
use crate::measure::{
    CALLS_PER_SECOND, Claim, Comparison, Figures, MEMORY_PER_CONNECTION, REPLIES_PER_CPU_SECOND, Side,
};
use crate::ours::Server;
use crate::peers::{Foreign, found, wrk_calls, wrk_command};
use crate::processes::{CLIENTS, SERVERS, children, cpu_s, proportional_memory, said};

/// Idle connections of the measurement of memory.
const IDLE: usize = 100;

/// Each of our two servers under wrk, and the memory of two that give a thread or a process to each connection.
pub(crate) fn comparisons() -> Vec<Comparison> {
    let mut comparisons: Vec<Comparison> =
        [10, 100].into_iter().flat_map(|clients| [event_loop(clients), threads(clients)]).collect();
    comparisons.push(memory("threaded", 24.0 * 1024.0));
    comparisons.push(memory("forking", 110.0 * 1024.0));
    comparisons
}

fn event_loop(clients: usize) -> Comparison {
    Comparison {
        group: "The servers",
        name: format!("http1 async server, {clients} connections, beside nginx"),
        about: format!(
            "wrk with {clients} connections asks each server for a small page for {WINDOW_S} s; nginx has one worker and writes no log."
        ),
        claims: vec![Claim::ratio(REPLIES_PER_CPU_SECOND, "ours", "nginx", AtLeast(1.0))],
        stage: Box::new(move || {
            let server = Rc::new(Server::launch("http1", "async", &[], SERVERS)?);
            let nginx = if found("nginx").is_ok() { Some(Foreign::nginx()?) } else { None };
            Ok(vec![
                Side::peer("ours", found("wrk"), move || under_wrk(&server.ready.address, server.pid(), clients)),
                Side::peer("nginx", found("nginx").and(found("wrk")), move || match &nginx {
                    Some(nginx) => under_wrk(&nginx.address.to_string(), nginx.worker()?, clients),
                    None => Ok(Figures::new()),
                }),
            ])
        }),
    }
}

fn threads(clients: usize) -> Comparison {
    Comparison {
        group: "The servers",
        name: format!("http1 threaded server, {clients} connections, beside a raw loop"),
        about: format!(
            "wrk with {clients} connections asks each server for a small page for {WINDOW_S} s; the raw loop has a thread for \
             each connection, which looks for the end of a head and writes the bytes of our own reply."
        ),
        claims: vec![
            Claim::ratio(REPLIES_PER_CPU_SECOND, "ours", "raw loop", AtLeast(0.95)),
            Claim::ratio(CALLS_PER_SECOND, "ours", "raw loop", AtLeast(0.95)),
        ],
        stage: Box::new(move || {
            let server = Server::launch("http1", "threaded", &[], SERVERS)?;
            let floor = Floor::launch("threads", std::slice::from_ref(&server.ready.address), SERVERS)?;
            Ok(vec![
                Side::peer("ours", found("wrk"), move || under_wrk(&server.ready.address, server.pid(), clients)),
                Side::peer("raw loop", found("wrk"), move || under_wrk(&floor.address, floor.process.pid(), clients)),
            ])
        }),
    }
}

/// What a server gives under wrk, and what it takes for it.
fn under_wrk(address: &str, server: Pid, clients: usize) -> Result<Figures> {
    let before = cpu_s(server)?;
    let said = said("wrk", wrk_command(address, 1, clients, WINDOW_S)?, CLIENTS)?;
    let cpu_s = cpu_s(server)? - before;
    let (calls, per_second) = wrk_calls(&said.text)?;
    Ok(Figures::from([(REPLIES_PER_CPU_SECOND.name, calls / cpu_s), (CALLS_PER_SECOND.name, per_second)]))
}

fn memory(model: &'static str, bound: f64) -> Comparison {
    Comparison {
        group: "The servers",
        name: format!("http1 {model} server, memory of an idle connection"),
        about: format!(
            "What {IDLE} connections that have each been answered once add to the memory of the server and its children, \
             each page divided by those who share it."
        ),
        claims: vec![Claim::below(MEMORY_PER_CONNECTION, "ours", bound)],
        stage: Box::new(move || {
            Ok(vec![Side::new("ours", move || {
                let server = Server::launch("http1", model, &[], SERVERS)?;
                let before = whole_memory(server.pid())?;
                let mut held = Vec::new();
                for _ in 0..IDLE {
                    let address = &server.ready.address;
                    let mut stream = TcpStream::connect(address).doing("an idle connection")?;
                    pinged(&mut stream, address).doing("an idle connection")?;
                    held.push(stream);
                }
                let each = (whole_memory(server.pid())? - before) / held.len() as f64;
                Ok(Figures::from([(MEMORY_PER_CONNECTION.name, each)]))
            })])
        }),
    }
}

/// The memory of a server and of its children.
fn whole_memory(pid: Pid) -> Result<f64> {
    children(pid)?.into_iter().chain([pid]).map(proportional_memory).sum()
}
