//! How near one client's calls come to the raw exchange of the same bytes.

use std::rc::Rc;

use engine::error::Result;
use serde_json::json;

use crate::floors::exchange::written;
use crate::floors::{Floor, measured};
use crate::measure::{Claim, Comparison, Figures, Goal::AtMost, P50, Side};
use crate::ours::{Server, drive};
use crate::processes::{CLIENTS, SERVERS};

/// Calls of a side in a round.
const CALLS: u64 = 20_000;
/// Calls before them.
const WARMUP: u64 = 500;

/// The turns of `root.ping()`: DEL of the last call with GETATTR, then CALL (docs/rpyc.md).
const ROOT_PING: [(usize, usize); 2] = [(72 + 108, 12 + 64), (75, 17)];

/// Where the two ends run, and how the client waits.
#[derive(Clone, Copy)]
struct Place {
    name: &'static str,
    said: &'static str,
    client: usize,
    wait: &'static str,
}

const TWO_CORES: Place =
    Place { name: "two cores", said: "each end on a core of its own", client: CLIENTS, wait: "block" };
const ONE_CORE: Place = Place { name: "one core", said: "both ends on one core", client: SERVERS, wait: "block" };
const SPINNING: Place = Place {
    name: "spinning",
    said: "each end on a core of its own, the client asking for the reply again and again without sleeping",
    client: CLIENTS,
    wait: "spin",
};

/// The transports in each place, and `root.ping()` of rpyc.
pub(crate) fn comparisons() -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for place in [TWO_CORES, ONE_CORE, SPINNING] {
        for transport in ["tcp", "unix", "http1"] {
            let goal = match (place.name, transport) {
                ("two cores", _) => 1.03,
                (_, "http1") => 1.15,
                _ => 1.05,
            };
            comparisons.push(comparison(transport, place, None, goal));
        }
    }
    comparisons.push(comparison("rpyc", ONE_CORE, Some(&ROOT_PING), 1.10));
    comparisons.push(comparison("rpyc", TWO_CORES, Some(&ROOT_PING), 1.10));
    comparisons
}

/// `turns` are those of a call, where it has more than one.
fn comparison(
    transport: &'static str,
    place: Place,
    turns: Option<&'static [(usize, usize)]>,
    goal: f64,
) -> Comparison {
    let said = place.said;
    Comparison {
        group: "One client",
        name: format!("one client, {transport}, {}", place.name),
        about: format!(
            "{CALLS} pings of one client to a threaded server, and as many exchanges of as many bytes by two loops that \
             read and write; {said}."
        ),
        claims: vec![Claim::ratio(P50, "ours", "raw exchange", AtMost(goal))],
        stage: Box::new(move || sides(transport, place, turns)),
    }
}

fn sides(transport: &'static str, place: Place, turns: Option<&'static [(usize, usize)]>) -> Result<Vec<Side>> {
    let server = Rc::new(Server::launch(transport, "threaded", &[], SERVERS)?);
    let turns = turns.map_or_else(|| turn(&server), |turns| Ok(turns.to_vec()))?;
    let family = if transport == "unix" { "unix" } else { "tcp" };
    let floor = Floor::launch("exchange-server", &[family.into(), written(&turns)], SERVERS)?;
    let arguments =
        [floor.address.clone(), written(&turns), "-".into(), CALLS.to_string(), WARMUP.to_string(), place.wait.into()];
    Ok(vec![
        Side::new("ours", move || {
            let more = json!({"iterations": CALLS, "warmup": WARMUP, "wait": place.wait, "verify": "length"});
            let driven = drive(server.asked(more)?, place.client)?;
            Ok(Figures::from([(P50.name, driven.measured.response_time.p50_ns as f64)]))
        }),
        Side::new("raw exchange", move || {
            let _held = &floor;
            let (figures, _) = measured("exchange", &arguments, place.client)?;
            Ok(Figures::from([(P50.name, figures["p50_ns"])]))
        }),
    ])
}

/// Bytes up and down of a ping, as our client counts them.
fn turn(server: &Server) -> Result<Vec<(usize, usize)>> {
    let driven = drive(server.asked(json!({"iterations": 100, "warmup": 1}))?, CLIENTS)?;
    let each = |bytes: u64| (bytes as f64 / driven.calls()).round() as usize;
    Ok(vec![(each(driven.measured.bytes.wire_up), each(driven.measured.bytes.wire_down))])
}
