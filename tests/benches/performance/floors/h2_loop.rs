//! A bare loop over the h2 crate: so many connections with so many streams each, nothing verified but the status.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use engine::error::{Context, Error, Result};
use h2::client::SendRequest;
use http::{Request, header::USER_AGENT};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use tokio::net::TcpStream;
use tokio::task::{LocalSet, spawn_local};

use crate::floors::{Says, argument};

/// The floor `h2`: address, connections, streams on each, milliseconds.
pub(crate) fn call(arguments: &[String]) -> Result<()> {
    let address: String = argument(arguments, 0)?;
    let (connections, streams): (usize, usize) = (argument(arguments, 1)?, argument(arguments, 2)?);
    let window = Duration::from_millis(argument(arguments, 3)?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().doing("a runtime")?;
    let tasks = LocalSet::new();
    let looping = tasks.run_until(calls(address, connections, streams, window));
    let (calls, elapsed, cpu) = runtime.block_on(looping)?;
    let figures = [("calls", calls as f64), ("elapsed_s", elapsed.as_secs_f64()), ("window_cpu_s", cpu.as_secs_f64())];
    Says::Measured(figures.map(|(name, value)| (name.to_owned(), value)).into()).say()
}

/// How many calls were answered, in what time, and for how much CPU time.
async fn calls(
    address: String,
    connections: usize,
    streams: usize,
    window: Duration,
) -> Result<(u64, Duration, Duration)> {
    let count = Rc::new(Cell::new(0));
    let mut senders = Vec::new();
    for _ in 0..connections {
        let stream = TcpStream::connect(&address).await.doing("dialling")?;
        stream.set_nodelay(true).doing("dialling")?;
        let (sender, connection) = h2::client::handshake(stream).await.doing("the handshake")?;
        spawn_local(connection);
        senders.extend(std::iter::repeat_n(sender, streams));
    }
    let (begun, before) = (Instant::now(), cpu_so_far()?);
    let each = |sender| spawn_local(ping(sender, format!("http://{address}/ping"), begun + window, count.clone()));
    let tasks: Vec<_> = senders.into_iter().map(each).collect();
    for task in tasks {
        task.await.doing("a stream's task")??;
    }
    Ok((count.get(), begun.elapsed(), cpu_so_far()? - before))
}

/// What this process has cost until now.
fn cpu_so_far() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF).doing("asking what this process cost")?;
    let micros = [usage.user_time(), usage.system_time()].map(|time| time.num_microseconds());
    Ok(Duration::from_micros(micros.iter().sum::<i64>().max(0) as u64))
}

async fn ping(mut sender: SendRequest<Bytes>, uri: String, end: Instant, count: Rc<Cell<u64>>) -> Result<()> {
    // The header of our own client: the first one costs the library more than all that is said of the call.
    let agent = concat!("engine/", env!("CARGO_PKG_VERSION"));
    let request = Request::get(uri).header(USER_AGENT, agent).body(()).doing("a request")?;
    while Instant::now() < end {
        sender = sender.ready().await.doing("waiting for a stream")?;
        let (response, _) = sender.send_request(request.clone(), true).doing("sending")?;
        let response = response.await.doing("the reply")?;
        if response.status() != 200 {
            return Err(Error::failed(format!("the server answered {}", response.status())));
        }
        let mut body = response.into_body();
        while let Some(part) = body.data().await {
            let part = part.doing("the body")?;
            body.flow_control().release_capacity(part.len()).doing("the body")?;
        }
        count.set(count.get() + 1);
    }
    Ok(())
}

/// The arguments of the floor.
pub(crate) fn arguments(address: &str, connections: usize, streams: usize, window_s: u64) -> Vec<String> {
    vec![address.to_owned(), connections.to_string(), streams.to_string(), (window_s * 1000).to_string()]
}

/// Calls for each second of CPU time, and for each second.
pub(crate) fn rates(figures: &BTreeMap<String, f64>, cpu_s: f64) -> (f64, f64) {
    (figures["calls"] / cpu_s, figures["calls"] / figures["elapsed_s"])
}
