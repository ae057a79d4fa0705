//! The stack `native`: our own servers, in Rust.

use std::net::SocketAddr;
use std::process::Command;

use crate::error::Result;
use crate::registry::Entry;
use crate::server::ballast;
use crate::server::contract::Model;
use crate::server::runtime;
use crate::stack::contract::{Fit, Refusal, Stack, Wanted};
use crate::stack::environment::Environment;
use crate::transport::contract::{Facts, Family, IoModel, Transport};
use crate::transport::option::Options;
use crate::transport::terms::Terms;

/// This very program, even where its file has been replaced since.
pub const ENGINE: &str = "/proc/self/exe";

/// The stack `native`.
pub struct Native;

impl Entry for Native {
    fn name(&self) -> &'static str {
        "native"
    }
    fn about(&self) -> &'static str {
        "Ours, in Rust."
    }
}

impl Stack for Native {
    fn fits(&self, transport: &dyn Transport, model: &dyn Model) -> Fit {
        let refused = model.refuses(transport).or_else(|| match transport.io_model() {
            IoModel::Stream(_) => None,
            IoModel::Async(_) => model.executes().err().map(str::to_owned),
        });
        refused.map_or(Ok(()), |reason| Err(Refusal { reason }))
    }

    fn takes(&self, transport: &dyn Transport, model: &dyn Model, options: &Options) -> Fit {
        model.declines(transport, options).map_or(Ok(()), |reason| Err(Refusal { reason }))
    }

    fn terms(&self, transport: &dyn Transport, model: &dyn Model, options: &Options, cores: u64) -> Terms {
        Terms { workers: model.workers(options, cores), ballast: ballast::held(options), ..transport.terms(options) }
    }

    fn facts(&self, transport: &dyn Transport, model: &dyn Model, options: &Options) -> Facts {
        let mut facts = transport.facts(options);
        facts.extend(model.facts(options));
        if let IoModel::Async(_) = transport.io_model() {
            facts.extend(runtime::facts());
        }
        facts
    }

    fn command(
        &self,
        _: Option<&Environment>,
        transport: &dyn Transport,
        model: &dyn Model,
        wanted: &Wanted<'_>,
    ) -> Result<Command> {
        let mut command = Command::new(ENGINE);
        command.arg("serve").args(["--transport", transport.name(), "--server", model.name()]);
        if let Some((fill, seed)) = wanted.fill {
            command.args(["--fill", &fill.to_string(), "--seed", &seed.to_string()]);
        }
        command.args(["--nonce", wanted.nonce]);
        if transport.family() != Family::Unix {
            command.args(["--listen", &SocketAddr::new(wanted.host, 0).to_string()]);
            for peer in wanted.only {
                command.args(["--only", &peer.to_string()]);
            }
        }
        for (name, value) in &wanted.options.0 {
            command.args(["--option", &format!("{name}={value}")]);
        }
        Ok(command)
    }
}
