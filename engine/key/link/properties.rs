//! The emulated network between the two ends of a cell, as its keys set it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::units::{BitRate, Share, Size, ns};

/// The least that waits for the wire of a link with a rate, in bytes, where nothing is said of it.
const LEAST_QUEUE: u64 = 64_000;

/// A network between two ends; both ways are alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// What the scenario calls it.
    pub name: String,
    /// How long a packet is under way, one way.
    #[serde(rename = "delay_ns", default, with = "ns")]
    pub delay: Duration,
    /// By how much that varies at most, up and down; packets keep their order.
    #[serde(rename = "jitter_ns", default, with = "ns")]
    pub jitter: Duration,
    /// The share of packets that is lost by chance.
    #[serde(default)]
    pub loss: Share,
    /// How many bits the wire carries in a second; as many as there are where nothing is said.
    #[serde(default)]
    pub rate: Option<BitRate>,
    /// How many bytes may wait for the wire; what comes on top is dropped.
    #[serde(default)]
    pub queue: Option<Size>,
}

impl Link {
    /// One of that name that does nothing to what it carries.
    pub fn named(name: impl Into<String>) -> Self {
        Link {
            name: name.into(),
            delay: Duration::ZERO,
            jitter: Duration::ZERO,
            loss: Share::default(),
            rate: None,
            queue: None,
        }
    }

    /// How many bytes may wait for the wire: as is said, or what a round trip of delay holds, and 64 KB at least.
    pub fn queue(&self) -> u64 {
        let round_trip = self.delay.saturating_mul(2).as_nanos();
        let holds = |rate: BitRate| (u128::from(rate.bits()) * round_trip / 8_000_000_000) as u64;
        self.queue.map_or_else(|| self.rate.map_or(0, holds).max(LEAST_QUEUE), Size::bytes)
    }

    /// True where packets go missing: by chance, or because they come faster than the wire takes them. How fast bytes
    /// then flow is a matter of congestion control.
    pub fn is_lossy(&self) -> bool {
        self.loss.0 > 0 || self.rate.is_some()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Link;
    use crate::units::{BitRate, Size};

    #[test]
    fn a_queue_holds_a_round_trip_unless_it_is_said() {
        let link = |ms, rate: Option<u64>, queue: Option<u64>| Link {
            delay: Duration::from_millis(ms),
            rate: rate.map(BitRate),
            queue: queue.map(Size),
            ..Link::named("wan")
        };
        assert_eq!(link(10, Some(100_000_000), None).queue(), 250_000);
        assert_eq!(link(1, Some(10_000_000), None).queue(), 64_000);
        assert_eq!(link(10, Some(100_000_000), Some(3_000)).queue(), 3_000);
        assert!(link(1, Some(1), None).is_lossy() && !link(50, None, None).is_lossy());
    }
}
