//! How dear a call is to the generator, beside wrk, oha and ab.

use std::rc::Rc;

use engine::error::Result;
use serde_json::json;

use crate::kernel::turn;
use crate::measure::Goal::{AtLeast, Shown};
use crate::measure::{
    CALLS_PER_CPU_SECOND, CALLS_PER_SECOND, CALLS_PER_WINDOW_CPU_SECOND, Claim, Comparison, Figures, Side,
};
use crate::ours::{Driven, Server, asked, drive};
use crate::peers::{Foreign, ab, found, oha, wrk};
use crate::processes::{CLIENTS, SERVERS};

/// How long a side makes calls, in seconds.
pub(crate) const WINDOW_S: u64 = 1;

/// Two servers, each met by 10 and by 100 clients.
pub(crate) fn comparisons() -> Vec<Comparison> {
    let each = |server: &'static str| [10, 100].map(|clients| comparison(server, clients));
    ["nginx", "async"].into_iter().flat_map(each).collect()
}

fn comparison(server: &'static str, clients: usize) -> Comparison {
    let whose = if server == "nginx" { "nginx" } else { "our own async server" };
    Comparison {
        group: "The generator",
        name: format!("http1 generator, {clients} clients, against {server}"),
        about: format!(
            "{clients} clients ask {whose} for the same small page on connections that they keep, for {WINDOW_S} s; we \
             verify and record every reply. CPU time is that of the whole process, from launch to exit. The bare epoll loop \
             reads, writes and counts, and does nothing else: its ratios are what is left to reach."
        ),
        claims: vec![
            Claim::ratio(CALLS_PER_CPU_SECOND, "ours", "wrk", AtLeast(1.15)),
            Claim::ratio(CALLS_PER_CPU_SECOND, "ours", "oha", AtLeast(2.0)),
            Claim::ratio(CALLS_PER_CPU_SECOND, "ours", "ab", Shown),
            Claim::ratio(CALLS_PER_SECOND, "ours", "wrk", AtLeast(1.0)),
            Claim::ratio(CALLS_PER_CPU_SECOND, "bare epoll loop", "wrk", Shown),
            Claim::ratio(CALLS_PER_CPU_SECOND, "bare epoll loop", "oha", Shown),
        ],
        stage: Box::new(move || if server == "nginx" { beside_nginx(clients) } else { beside_ours(clients) }),
    }
}

fn beside_nginx(clients: usize) -> Result<Vec<Side>> {
    let nginx = Rc::new(Foreign::nginx()?);
    let address = nginx.address.to_string();
    Ok(sides(clients, address, None, nginx))
}

fn beside_ours(clients: usize) -> Result<Vec<Side>> {
    let server = Rc::new(Server::launch("http1", "async", &[], SERVERS)?);
    let (address, nonce) = (server.ready.address.clone(), server.ready.nonce.clone());
    Ok(sides(clients, address, Some(nonce), server))
}

/// The sides; each holds the server.
fn sides<S: 'static>(clients: usize, address: String, nonce: Option<String>, server: Rc<S>) -> Vec<Side> {
    let peer = |name: &'static str, run: fn(&str, usize, u64) -> Result<Figures>| {
        let (address, server) = (address.clone(), server.clone());
        Side::peer(name, found(name), move || {
            let _held = &server;
            run(&address, clients, WINDOW_S)
        })
    };
    let peers = [peer("wrk", wrk), peer("oha", oha), peer("ab", ab)];
    let (to, held) = (address.clone(), server.clone());
    let bare = Side::new("bare epoll loop", move || {
        let _held = &held;
        turn("epoll", &to, clients)
    });
    let ours = Side::new("ours", move || {
        let _held = &server;
        let more = json!({"clients": clients, "nonce": nonce, "duration_ns": WINDOW_S * 1_000_000_000});
        Ok(figures(&drive(asked("http1", &address, more)?, CLIENTS)?))
    });
    [ours].into_iter().chain(peers).chain([bare]).collect()
}

/// What our generator gave.
pub(crate) fn figures(driven: &Driven) -> Figures {
    Figures::from([
        (CALLS_PER_CPU_SECOND.name, driven.calls() / driven.cpu_s),
        (CALLS_PER_WINDOW_CPU_SECOND.name, driven.calls() / driven.window_cpu_s),
        (CALLS_PER_SECOND.name, driven.measured.calls_per_s),
    ])
}
