//! The list of all proofs of links.

use std::time::Duration;

use crate::key::link::properties::Link;
use crate::place::disturbance::Disturbance;
use crate::place::link::probe::{Probe, Shown as Seen};
use crate::run::proof::contract::{How, Proof};
use crate::run::proof::figure::Figure;
use crate::run::proof::link::{PACKET, Tried, dropped, lost, rate_of_datagrams, rate_of_stream, round_trip, spread};
use crate::units::{BitRate, Size};

/// How many echoes, and datagrams whose loss is counted.
const ECHOES: u32 = 100;
const COUNTED: u32 = 20_000;

/// Every proof of links, in the order of the table.
pub fn of_links() -> Vec<Proof> {
    let link = || Link::named("proved");
    let echo = |ms: u64| (Link { delay: Duration::from_millis(ms), ..link() }, Probe::Echo { count: ECHOES });
    let mut proofs: Vec<Proof> = [0, 1, 10, 50]
        .map(|ms| {
            let (link, probe) = echo(ms);
            proof(format!("round trip, {ms} ms each way"), link, probe, round_trip)
        })
        .into();
    let (steady, probe) = echo(10);
    let jitter = Link { jitter: Duration::from_millis(2), ..steady };
    proofs.push(proof("jitter, 10 ± 2 ms each way".to_owned(), jitter, probe, spread));
    proofs.extend(["0.1%", "1%", "5%"].iter().filter_map(|share| {
        let lossy = Link { loss: share.parse().ok()?, ..link() };
        let probe = Probe::Datagrams { count: COUNTED, bytes: 100, gap_ns: 50_000 };
        Some(proof(format!("loss, {share}"), lossy, probe, lost))
    }));
    for (rate, bits) in [("10 Mbit", 10_000_000), ("100 Mbit", 100_000_000)] {
        let wired = || Link { rate: Some(BitRate(bits)), delay: Duration::from_millis(1), ..link() };
        // A fifth more is offered than the wire takes, for about two seconds.
        let gap_ns = PACKET as u64 * 8 * 1_000_000_000 / bits * 10 / 12;
        let count = (2_000_000_000 / gap_ns) as u32;
        let datagrams = Probe::Datagrams { count, bytes: PACKET, gap_ns };
        proofs.push(proof(format!("rate, {rate}, UDP"), wired(), datagrams, rate_of_datagrams));
        let stream = Probe::Stream { bytes: bits / 8 * 3 };
        proofs.push(proof(format!("rate, {rate}, TCP"), wired(), stream, rate_of_stream));
    }
    let narrow = Link { rate: Some(BitRate(1_000_000)), queue: Some(Size(30_000)), ..link() };
    let burst = Probe::Datagrams { count: 60, bytes: PACKET, gap_ns: 0 };
    proofs.push(proof("queue, 30 KB at 1 Mbit".to_owned(), narrow, burst, dropped));
    proofs
}

fn proof(name: String, link: Link, probe: Probe, check: fn(&Link, &Seen) -> Vec<Figure>) -> Proof {
    Proof {
        name: format!("link: {name}"),
        target: String::new(),
        workloads: Vec::new(),
        disturbance: Disturbance::default(),
        how: How::Link(Tried { link, probe, check }),
        alone: true,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::of_links;

    #[test]
    fn each_proof_has_a_name_of_its_own() {
        let proofs = of_links();
        let names: BTreeSet<&str> = proofs.iter().map(|proof| proof.name.as_str()).collect();
        assert_eq!((names.len(), proofs.len()), (13, 13));
    }
}
