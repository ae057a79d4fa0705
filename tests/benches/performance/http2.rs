//! How dear a call over HTTP/2 is to the generator, beside a bare loop and h2load.

use std::rc::Rc;

use engine::error::Result;
use serde_json::json;

use crate::floors::{h2_loop, measured};
use crate::generator::{WINDOW_S, figures};
use crate::measure::Goal::{AtLeast, Shown};
use crate::measure::{
    CALLS_PER_CPU_SECOND, CALLS_PER_SECOND, CALLS_PER_WINDOW_CPU_SECOND, Claim, Comparison, Figures, Side,
};
use crate::ours::{Server, asked, drive};
use crate::peers::{Foreign, found, h2load};
use crate::processes::{CLIENTS, SERVERS};

/// Ten connections of one stream and one of 32, against our server and against nghttpd.
pub(crate) fn comparisons() -> Vec<Comparison> {
    let shapes = [(10, 1), (1, 32)];
    shapes
        .into_iter()
        .flat_map(|(connections, streams)| [own(connections, streams), foreign(connections, streams)])
        .collect()
}

fn name(connections: usize, streams: usize, server: &str) -> String {
    format!("http2 generator, {connections} × {streams} streams, against {server}")
}

fn own(connections: usize, streams: usize) -> Comparison {
    Comparison {
        group: "HTTP/2",
        name: name(connections, streams, "async"),
        about: format!(
            "Pings over {connections} connections with {streams} streams each to our own async server, for {WINDOW_S} s; the \
             bare loop asks the h2 crate for the same in the same words, looks at the status and records nothing."
        ),
        claims: vec![Claim::ratio(CALLS_PER_WINDOW_CPU_SECOND, "ours", "bare loop", AtLeast(0.95))],
        stage: Box::new(move || {
            let server = Rc::new(Server::launch("http2", "async", &[], SERVERS)?);
            let (address, nonce) = (server.ready.address.clone(), Some(server.ready.nonce.clone()));
            let sides = [ours(connections, streams, &address, nonce, server.clone())];
            Ok(sides.into_iter().chain([bare(connections, streams, address, server)]).collect())
        }),
    }
}

fn foreign(connections: usize, streams: usize) -> Comparison {
    Comparison {
        group: "HTTP/2",
        name: name(connections, streams, "nghttpd"),
        about: format!(
            "{connections} connections with {streams} streams each ask nghttpd for a small file, for {WINDOW_S} s; h2load and \
             the bare loop over the h2 crate do the same, the bare loop in our words."
        ),
        claims: vec![
            Claim::ratio(CALLS_PER_CPU_SECOND, "ours", "h2load", Shown),
            Claim::ratio(CALLS_PER_WINDOW_CPU_SECOND, "ours", "bare loop", AtLeast(0.95)),
        ],
        stage: Box::new(move || {
            let server = Rc::new(Foreign::nghttpd()?);
            let address = server.address.to_string();
            let (to, held) = (address.clone(), server.clone());
            let peer = Side::peer("h2load", found("h2load"), move || {
                let _held = &held;
                h2load(&to, connections, streams, WINDOW_S)
            });
            let own = ours(connections, streams, &address, None, server.clone());
            Ok(vec![own, peer, bare(connections, streams, address, server)])
        }),
    }
}

fn ours<S: 'static>(connections: usize, streams: usize, address: &str, nonce: Option<String>, server: Rc<S>) -> Side {
    let address = address.to_owned();
    Side::new("ours", move || {
        let _held = &server;
        let more = json!({
            "clients": connections * streams, "nonce": nonce, "duration_ns": WINDOW_S * 1_000_000_000,
            "options": {"streams": streams},
        });
        Ok(figures(&drive(asked("http2", &address, more)?, CLIENTS)?))
    })
}

fn bare<S: 'static>(connections: usize, streams: usize, address: String, server: Rc<S>) -> Side {
    Side::new("bare loop", move || -> Result<Figures> {
        let _held = &server;
        let arguments = h2_loop::arguments(&address, connections, streams, WINDOW_S);
        let (figures, cpu_s) = measured("h2", &arguments, CLIENTS)?;
        let (per_cpu_second, per_second) = h2_loop::rates(&figures, cpu_s);
        Ok(Figures::from([
            (CALLS_PER_CPU_SECOND.name, per_cpu_second),
            (CALLS_PER_WINDOW_CPU_SECOND.name, figures["calls"] / figures["window_cpu_s"]),
            (CALLS_PER_SECOND.name, per_second),
        ]))
    })
}
