//! The list of systems that are not ours: how each is installed and launched.

pub mod contract;
pub mod environment;
mod installer;
pub mod python;

use std::process::Command;

use crate::stack::contract::System;
use crate::stack::environment::Environment;

/// Every system; a new one is its lines here and in the grid of [`crate::server::pairing`].
pub static SYSTEMS: &[&dyn System] = &[
    &python::RPYC_THREADED,
    &python::RPYC_FORKING,
    &python::RPYC_POOLED,
    &python::WERKZEUG,
    &python::GUNICORN_SYNC,
    &python::GUNICORN_GTHREAD,
];

/// The system that serves `transport` under the model `server`, if there is one.
pub fn system(transport: &str, server: &str) -> Option<&'static dyn System> {
    SYSTEMS.iter().copied().find(|system| system.transport() == transport && system.server() == server)
}

/// The client process that makes its calls with `rpyc.connect` and `requests.Session`; speaks as `engine drive` does.
pub fn driver_command(environment: &Environment) -> Command {
    environment.command("drive.py")
}

#[cfg(test)]
mod tests {
    use super::SYSTEMS;
    use crate::call::{Driver, Stack};
    use crate::server::MODELS;
    use crate::server::pairing::Pairing;
    use crate::transport::TRANSPORTS;

    #[test]
    fn python_pairs_are_those_that_have_a_system() {
        for transport in TRANSPORTS {
            for model in MODELS {
                let pairing = Pairing::of(*transport, *model, Stack::Python, Driver::Native);
                let there = super::system(transport.name(), model.name()).is_some();
                assert_eq!(pairing.is_ok(), there, "{} {}", transport.name(), model.name());
            }
        }
    }

    #[test]
    fn no_two_systems_share_a_pair_or_a_name() {
        for (i, a) in SYSTEMS.iter().enumerate() {
            for b in &SYSTEMS[..i] {
                assert_ne!((a.transport(), a.server()), (b.transport(), b.server()));
                assert_ne!(a.name(), b.name());
            }
        }
    }
}
