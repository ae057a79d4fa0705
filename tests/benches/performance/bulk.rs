//! How fast large bodies move, beside iperf3, raw loops and each other.

use std::rc::Rc;

use engine::error::Result;
use serde_json::json;

use crate::floors::exchange::written;
use crate::floors::{Floor, measured};
use crate::measure::Goal::AtLeast;
use crate::measure::{BANDWIDTH, Claim, Comparison, Figures, Side};
use crate::ours::{Server, drive};
use crate::peers::{found, iperf3};
use crate::processes::{CLIENTS, SERVERS};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
/// Bytes that a side moves in a round, at least one body.
const MOVED: u64 = 1 << 30;
/// The congestion control of both ends.
pub(crate) const CONTROL: &str = "cubic";
/// What a frame of ours has besides the body, up and down.
const HEAD: usize = 9;
const ANSWER: usize = 25;

/// Bodies that iperf3 can be compared with, smaller ones, and the other transports.
pub(crate) fn comparisons() -> Vec<Comparison> {
    let mut comparisons: Vec<Comparison> = [16 * MIB, 128 * MIB].map(beside_iperf3).into();
    comparisons.extend([64 * KIB, MIB].map(beside_exchange));
    comparisons.extend([MIB, 16 * MIB].map(beside_tcp));
    comparisons.push(beside_quinn(16 * MIB));
    comparisons
}

fn said(bytes: u64) -> String {
    if bytes < MIB { format!("{} KiB", bytes / KIB) } else { format!("{} MiB", bytes / MIB) }
}

fn calls(bytes: u64) -> u64 {
    (MOVED / bytes).clamp(4, 10_000)
}

fn beside_iperf3(bytes: u64) -> Comparison {
    Comparison {
        group: "Bulk",
        name: format!("bulk, tcp, {} beside iperf3", said(bytes)),
        about: format!(
            "Uploads of {} one after the other, each answered, and iperf3's one stream without an end, for a second; both \
             with {CONTROL}.",
            said(bytes)
        ),
        claims: vec![Claim::ratio(BANDWIDTH, "ours", "iperf3", AtLeast(0.95))],
        stage: Box::new(move || {
            let ours = uploads("ours", "tcp", "threaded", bytes)?;
            let peer =
                Side::peer("iperf3", found("iperf3"), || Ok(Figures::from([(BANDWIDTH.name, iperf3(CONTROL)?)])));
            Ok(vec![ours, peer])
        }),
    }
}

fn beside_exchange(bytes: u64) -> Comparison {
    Comparison {
        group: "Bulk",
        name: format!("bulk, tcp, {} beside the raw exchange", said(bytes)),
        about: format!(
            "Uploads of {} one after the other, each answered, and as many writes of as many bytes that a raw loop reads \
             and answers; both with {CONTROL}.",
            said(bytes)
        ),
        claims: vec![Claim::ratio(BANDWIDTH, "ours", "raw exchange", AtLeast(0.95))],
        stage: Box::new(move || {
            let ours = uploads("ours", "tcp", "threaded", bytes)?;
            let turns = written(&[(bytes as usize + HEAD, ANSWER)]);
            let floor = Floor::launch("exchange-server", &["tcp".into(), turns.clone(), CONTROL.into()], SERVERS)?;
            let calls = calls(bytes).to_string();
            let arguments = [floor.address.clone(), turns, CONTROL.into(), calls, "2".into(), "block".into()];
            let raw = Side::new("raw exchange", move || {
                let _held = &floor;
                let (figures, _) = measured("exchange", &arguments, CLIENTS)?;
                Ok(Figures::from([(BANDWIDTH.name, figures["calls"] * bytes as f64 / figures["elapsed_s"])]))
            });
            Ok(vec![ours, raw])
        }),
    }
}

fn beside_tcp(bytes: u64) -> Comparison {
    Comparison {
        group: "Bulk",
        name: format!("bulk, http1, {} beside our tcp", said(bytes)),
        about: format!("Uploads of {} one after the other to threaded servers; both with {CONTROL}.", said(bytes)),
        claims: vec![Claim::ratio(BANDWIDTH, "http1", "tcp", AtLeast(0.9))],
        stage: Box::new(move || {
            Ok(vec![uploads("http1", "http1", "threaded", bytes)?, uploads("tcp", "tcp", "threaded", bytes)?])
        }),
    }
}

fn beside_quinn(bytes: u64) -> Comparison {
    Comparison {
        group: "Bulk",
        name: format!("bulk, quic, {} beside a bare quinn loop", said(bytes)),
        about: format!(
            "Uploads of {}, each on a stream of its own, and the same by two loops that only read and write, with the same \
             windows, socket buffers, congestion control and cipher.",
            said(bytes)
        ),
        claims: vec![Claim::ratio(BANDWIDTH, "ours", "bare quinn loop", AtLeast(0.95))],
        stage: Box::new(move || {
            let calls = 16;
            let floor = Floor::launch("quic-server", &[], SERVERS)?;
            let arguments = [floor.address.clone(), bytes.to_string(), calls.to_string()];
            let server = Server::launch("quic", "async", &[], SERVERS)?;
            let ours = Side::new("ours", move || {
                let more = json!({"call": "upload", "payload": bytes, "iterations": calls, "warmup": 1});
                Ok(Figures::from([(BANDWIDTH.name, drive(server.asked(more)?, CLIENTS)?.upload_rate())]))
            });
            let bare = Side::new("bare quinn loop", move || {
                let _held = &floor;
                let (figures, _) = measured("quic", &arguments, CLIENTS)?;
                Ok(Figures::from([(BANDWIDTH.name, (bytes * calls) as f64 / figures["elapsed_s"])]))
            });
            Ok(vec![ours, bare])
        }),
    }
}

/// A side that uploads to a server of its own.
fn uploads(name: &'static str, transport: &'static str, model: &str, bytes: u64) -> Result<Side> {
    let server = Rc::new(Server::launch(transport, model, &[&format!("congestion={CONTROL}")], SERVERS)?);
    Ok(Side::new(name, move || {
        let more = json!({
            "call": "upload", "payload": bytes, "iterations": calls(bytes), "warmup": 2,
            "options": {"congestion": CONTROL},
        });
        Ok(Figures::from([(BANDWIDTH.name, drive(server.asked(more)?, CLIENTS)?.upload_rate())]))
    }))
}
