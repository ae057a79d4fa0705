//! Whose server and whose client a target has: what each can do, what it needs, and how it is launched.

use std::net::IpAddr;
use std::process::Command;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::call::FillKind;
use crate::error::Result;
use crate::registry::Entry;
use crate::server::contract::Model;
use crate::stack::environment::Environment;
use crate::transport::contract::{Facts, Transport};
use crate::transport::option::Options;
use crate::transport::terms::Terms;

/// A combination that cannot exist, with its reason; not a mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Refusal {
    /// Why, in words for the report.
    pub reason: String,
}

/// Nothing, or why a combination cannot exist.
pub type Fit = std::result::Result<(), Refusal>;

impl Refusal {
    /// For this reason.
    pub fn because(reason: impl Into<String>) -> Self {
        Refusal { reason: reason.into() }
    }
}

/// Whose server a target is. One file implements it and one line registers it.
///
/// What it launches speaks as `engine serve` does: the ready line of [`crate::server::ready::ReadyLine`] once it
/// listens on a port of its own, service until stdin closes, no process left behind.
pub trait Stack: Entry + Sync {
    /// Whether it has a server for that transport under that model, or why not.
    fn fits(&self, transport: &dyn Transport, model: &dyn Model) -> Fit;

    /// Whether its server of that transport under that model can be given these options, or why not.
    fn takes(&self, _transport: &dyn Transport, _model: &dyn Model, _options: &Options) -> Fit {
        Ok(())
    }

    /// On what terms its server serves calls with these options, on so many cores: what a fair comparison holds equal.
    fn terms(&self, transport: &dyn Transport, model: &dyn Model, options: &Options, cores: u64) -> Terms;

    /// What else a reader has to know of it; the ready line adds the versions.
    fn facts(&self, transport: &dyn Transport, model: &dyn Model, options: &Options) -> Facts;

    /// What has to be installed first, where something has.
    fn kit(&self) -> Option<&'static dyn Kit> {
        None
    }

    /// True where its code is interpreted, by one thread at a time: each call takes longer by far, and threads gain
    /// nothing from further cores.
    fn interpreted(&self) -> bool {
        false
    }

    /// The process to launch for a pair that fits, with its kit installed.
    fn command(
        &self,
        kit: Option<&Environment>,
        transport: &dyn Transport,
        model: &dyn Model,
        wanted: &Wanted<'_>,
    ) -> Result<Command>;
}

/// Whose client makes the calls. One file implements it and one line registers it.
///
/// What it launches speaks as `engine drive` does (`drive/messages.rs`).
pub trait Driver: Entry + Sync {
    /// Whether it speaks that transport, or why not.
    fn fits(&self, transport: &dyn Transport, model: &dyn Model) -> Fit;

    /// Whether its client of that transport can be given these options, or why not.
    fn takes(&self, _transport: &dyn Transport, _options: &Options) -> Fit {
        Ok(())
    }

    /// Whether it can keep the schedule of an open loop, or why not.
    fn keeps_schedules(&self) -> Fit {
        Ok(())
    }

    /// Whether it can ask the kernel for replies again and again instead of sleeping, or why not.
    fn spins(&self) -> Fit {
        Ok(())
    }

    /// Whether it can draw each call from several, or go through several in their order with pauses, or why not.
    fn mixes(&self) -> Fit {
        Ok(())
    }

    /// Whether it can warm up for a time rather than for a number of calls, or why not.
    fn warms_for_a_time(&self) -> Fit {
        Ok(())
    }

    /// What has to be installed first, where something has.
    fn kit(&self) -> Option<&'static dyn Kit> {
        None
    }

    /// True where its code is interpreted: each call takes longer by far.
    fn interpreted(&self) -> bool {
        false
    }

    /// The process to launch, with its kit installed.
    fn command(&self, kit: Option<&Environment>) -> Result<Command>;
}

/// Programs that are not ours, installed once for all that need them.
pub trait Kit: Entry + Sync {
    /// Installs what is missing; `say` is told what takes long, and `stop` is asked all the time whether to give up.
    /// With `offline` nothing is downloaded. An error says what is missing and what to do.
    fn ready(&self, offline: bool, say: &mut dyn FnMut(&str), stop: &dyn Fn() -> bool) -> Result<Environment>;
}

/// What a server is told at its launch.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The token that it answers to [`crate::call::CallSpec::Nonce`].
    pub nonce: &'a str,
    /// The bytes of downloads and their seed, or none for the reference suite's.
    pub fill: Option<(FillKind, u64)>,
    /// How long the server itself lets a request take, where it has such a limit.
    pub timeout: Duration,
    /// The options of the target.
    pub options: &'a Options,
    /// The address that it listens on, at a port of its own; what travels without a network has none.
    pub host: IpAddr,
    /// Whom it takes connections of, where it can tell; everybody's where none is named.
    pub only: &'a [IpAddr],
    /// How many cores it may run on: so many workers it has where the options do not say.
    pub cores: usize,
}
