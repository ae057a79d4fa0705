//! Clients of our HTTP server as a bare loop has them: sockets, the bytes that each sends, and how many come back.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use engine::error::{Context, Result};

use crate::floors::threads::pinged;
use crate::floors::{Says, argument};

/// Connected clients, each of which has been answered once.
pub(crate) struct Crowd {
    pub(crate) streams: Vec<TcpStream>,
    /// What a client sends for each call: the bytes of our own client.
    pub(crate) ask: String,
    /// The bytes of each reply.
    pub(crate) reply: usize,
    /// How long clients begin calls.
    pub(crate) window: Duration,
}

impl Crowd {
    /// The clients that the arguments of a floor ask for.
    pub(crate) fn dialled(arguments: &[String]) -> Result<Crowd> {
        let address: String = argument(arguments, 0)?;
        let (clients, window): (usize, u64) = (argument(arguments, 1)?, argument(arguments, 2)?);
        let (mut streams, mut reply) = (Vec::new(), 0);
        for _ in 0..clients {
            let mut stream = TcpStream::connect(&address).doing("dialling")?;
            stream.set_nodelay(true).doing("dialling")?;
            reply = pinged(&mut stream, &address).doing("the first ping")?.len();
            streams.push(stream);
        }
        let version = env!("CARGO_PKG_VERSION");
        let ask = format!("GET /ping HTTP/1.1\r\nHost: {address}\r\nUser-Agent: engine/{version}\r\n\r\n");
        Ok(Crowd { streams, ask, reply, window: Duration::from_millis(window) })
    }
}

/// The arguments of a floor that has a crowd.
pub(crate) fn arguments(address: &str, clients: usize, window_s: u64) -> Vec<String> {
    vec![address.to_owned(), clients.to_string(), (window_s * 1000).to_string()]
}

/// Says how many calls were answered since then.
pub(crate) fn say(calls: u64, begun: Instant) -> Result<()> {
    let figures = [("calls", calls as f64), ("elapsed_s", begun.elapsed().as_secs_f64())];
    Says::Measured(figures.map(|(name, value)| (name.to_owned(), value)).into()).say()
}
