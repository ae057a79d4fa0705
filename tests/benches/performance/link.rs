//! What the relay of a link can carry, and what a packet costs it, beside a link that carries as much as it is asked to.

use std::process::Command;

use engine::error::{Error, Result};
use engine::key::link::properties::Link;
use engine::place::contract::{Host, Place, Reach};
use engine::place::link::laid::probe;
use engine::place::link::probe::Probe;
use engine::place::site::Site;
use engine::registry::Entry;
use engine::units::BitRate;

use crate::measure::Goal::{AtLeast, Shown};
use crate::measure::{BANDWIDTH, CPU_PER_PACKET, Claim, Comparison, Figures, Side};

/// What is carried in a round.
const CARRIED: u64 = 400 << 20;
/// The highest rate that a scenario may ask for.
const MOST: BitRate = BitRate::MOST;

/// A stream as fast as it goes, and one over a wire of the highest rate.
pub(crate) fn comparisons() -> Vec<Comparison> {
    vec![Comparison {
        group: "Links",
        name: "link, a stream of TCP".to_owned(),
        about: format!(
            "A stream through the relay of a link without properties, in packets of 1,500 bytes, and through one of {MOST}, \
             which is the most that a scenario may ask for: the ceiling has to be twice that."
        ),
        claims: vec![
            Claim::ratio(BANDWIDTH, "without a rate", "at 1 Gbit", AtLeast(2.0)),
            Claim::ratio(CPU_PER_PACKET, "without a rate", "at 1 Gbit", Shown),
        ],
        stage: Box::new(|| {
            let site = Site::reach(&Built)?;
            let side = |name, link: Link| {
                let site = site.clone();
                Side::new(name, move || carried(&site, &link))
            };
            let wired = Link { rate: Some(MOST), ..Link::named("wired") };
            Ok(vec![side("without a rate", Link::named("open")), side("at 1 Gbit", wired)])
        }),
    }]
}

/// This machine, by the agent of the engine that was built.
struct Built;

impl Entry for Built {
    fn name(&self) -> &'static str {
        "built"
    }
    fn about(&self) -> &'static str {
        "this machine, by the engine that was built"
    }
}

impl Place for Built {
    fn reach(&self, _: &Host) -> Result<Reach> {
        let mut agent = Command::new(env!("CARGO_BIN_EXE_engine"));
        agent.arg("agent");
        Ok(Reach::By(agent))
    }
}

fn carried(site: &Site, link: &Link) -> Result<Figures> {
    let seen = probe(site, link, 1, Probe::Stream { bytes: CARRIED }, Vec::new())?;
    let packets = seen.carried.up.packets + seen.carried.down.packets;
    if packets == 0 || seen.timed_ns == 0 {
        return Err(Error::failed("the link carried nothing"));
    }
    Ok(Figures::from([
        (BANDWIDTH.name, seen.timed_bytes as f64 * 1e9 / seen.timed_ns as f64),
        (CPU_PER_PACKET.name, seen.carried.cpu_ns as f64 / packets as f64),
    ]))
}
