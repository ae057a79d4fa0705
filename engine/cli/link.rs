//! `engine link`: lays the emulated network between two ends, and carries their packets.

use clap::Args;

use crate::error::{Context, Exit, Result};
use crate::key::link::properties::Link as Properties;
use crate::place::link::probe::Probe;
use crate::place::link::serve::{Laying, serve};
use crate::units::{BitRate, Share, Size, Time};

/// Lays a network between two of its own, says where ends get in, and carries until stdin ends; one JSON object a line.
#[derive(Debug, Args)]
pub(crate) struct Link {
    /// How long a packet is under way, one way and each way
    #[arg(long, value_name = "TIME", default_value = "0ms")]
    delay: Time,
    /// By how much that varies at most, up and down
    #[arg(long, value_name = "TIME", default_value = "0ms")]
    jitter: Time,
    /// The share of packets that is lost
    #[arg(long, value_name = "SHARE", default_value = "0%")]
    loss: Share,
    /// How many bits the wire carries in a second
    #[arg(long, value_name = "RATE")]
    rate: Option<BitRate>,
    /// How many bytes may wait for the wire
    #[arg(long, value_name = "SIZE")]
    queue: Option<Size>,
    /// The seed of what is lost and of how delays vary
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Do not go before ordinary processes, even where that is allowed
    #[arg(long)]
    ordinary: bool,
    /// Try it, in place of waiting for ends
    #[arg(long, value_name = "JSON")]
    probe: Option<String>,
}

impl Link {
    pub(crate) fn run(self) -> Result<Exit> {
        let probe = self.probe.as_deref().map(serde_json::from_str::<Probe>).transpose();
        let link = Properties {
            delay: self.delay.0,
            jitter: self.jitter.0,
            loss: self.loss,
            rate: self.rate,
            queue: self.queue,
            ..Properties::named("by hand")
        };
        let probe = probe.doing("`--probe` has something else than a probe")?;
        serve(&Laying { link, seed: self.seed, first: !self.ordinary, probe })?;
        Ok(Exit::Success)
    }
}
