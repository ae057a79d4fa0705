//! How dear a call is at the least by the two ways of the kernel to wait for many sockets.

use std::rc::Rc;

use engine::error::Result;

use crate::floors::{crowd, h2_loop, measured, uring_loop};
use crate::generator::WINDOW_S;
use crate::measure::{CALLS_PER_CPU_SECOND, CALLS_PER_SECOND, Claim, Comparison, Figures, Goal::Shown, Side};
use crate::ours::Server;
use crate::processes::{CLIENTS, SERVERS};

/// Both ways with 10 and with 100 clients.
pub(crate) fn comparisons() -> Vec<Comparison> {
    [10, 100].map(comparison).into()
}

fn comparison(clients: usize) -> Comparison {
    Comparison {
        group: "The generator",
        name: format!("epoll loop beside io_uring loop, {clients} clients"),
        about: format!(
            "{clients} clients ping our own async HTTP server for {WINDOW_S} s from a bare loop on one thread, which only \
             counts replies: by epoll with a read and a write for each call, and by io_uring, where sockets receive by \
             themselves and one wait submits what a batch of calls sends."
        ),
        claims: vec![
            Claim::ratio(CALLS_PER_CPU_SECOND, "io_uring loop", "epoll loop", Shown),
            Claim::ratio(CALLS_PER_SECOND, "io_uring loop", "epoll loop", Shown),
        ],
        stage: Box::new(move || {
            let server = Rc::new(Server::launch("http1", "async", &[], SERVERS)?);
            let turn = |floor| {
                let server = server.clone();
                move || turn(floor, &server.ready.address, clients)
            };
            Ok(vec![
                Side::new("epoll loop", turn("epoll")),
                Side::peer("io_uring loop", uring_loop::allowed(), turn("uring")),
            ])
        }),
    }
}

/// What a bare loop gives, and what it takes as a process.
pub(crate) fn turn(floor: &str, address: &str, clients: usize) -> Result<Figures> {
    let arguments = crowd::arguments(address, clients, WINDOW_S);
    let (figures, cpu_s) = measured(floor, &arguments, CLIENTS)?;
    let (per_cpu_second, per_second) = h2_loop::rates(&figures, cpu_s);
    Ok(Figures::from([(CALLS_PER_CPU_SECOND.name, per_cpu_second), (CALLS_PER_SECOND.name, per_second)]))
}
