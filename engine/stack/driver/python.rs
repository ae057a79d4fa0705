//! The driver `python`: clients that call `rpyc.connect` and `requests.Session`.

use std::process::Command;

use crate::error::Result;
use crate::registry::Entry;
use crate::server::contract::Model;
use crate::stack::contract::{Driver, Fit, Kit, Refusal};
use crate::stack::environment::Environment;
use crate::stack::python::{Packages, installed, takes};
use crate::stack::python_systems::{SYSTEMS, speaks};
use crate::transport::contract::Transport;
use crate::transport::option::Options;

/// Why it has no open loop.
const OPEN: &str = "a Python client makes its next call when the last one is over: its threads cannot send many calls \
                    at given times";

/// The driver `python`.
pub struct Python;

impl Entry for Python {
    fn name(&self) -> &'static str {
        "python"
    }
    fn about(&self) -> &'static str {
        "A real Python client."
    }
}

impl Driver for Python {
    fn fits(&self, transport: &dyn Transport, _: &dyn Model) -> Fit {
        let transport = transport.name();
        // Of each transport that a Python system serves there is a client.
        match SYSTEMS.iter().any(|system| system.transport() == transport) {
            true => Ok(()),
            false => {
                Err(Refusal::because(format!("the Python driver does not speak {transport}; it speaks {}", speaks())))
            }
        }
    }

    fn takes(&self, transport: &dyn Transport, options: &Options) -> Fit {
        takes(transport, options)
    }

    fn keeps_schedules(&self) -> Fit {
        Err(Refusal::because(OPEN))
    }

    fn spins(&self) -> Fit {
        Err(Refusal::because("a Python client waits as its library does"))
    }

    fn mixes(&self) -> Fit {
        Err(Refusal::because("the Python driver makes one kind of call, and keeps no figures by call"))
    }

    fn warms_for_a_time(&self) -> Fit {
        Err(Refusal::because("the Python driver counts the calls of its warm-up: write it like `warmup: 100`"))
    }

    fn kit(&self) -> Option<&'static dyn Kit> {
        Some(&Packages)
    }

    fn interpreted(&self) -> bool {
        true
    }

    fn command(&self, kit: Option<&Environment>) -> Result<Command> {
        Ok(command(installed(kit)?))
    }
}

/// The client process.
pub fn command(environment: &Environment) -> Command {
    environment.command("drive.py")
}

#[cfg(test)]
mod tests {
    use crate::registry::find;
    use crate::server::MODELS;
    use crate::stack::contract::Driver;
    use crate::stack::driver::python::Python;
    use crate::transport::TRANSPORTS;

    #[test]
    fn python_is_refused_in_words_where_there_is_no_client() {
        let refused = |transport: &str| {
            let transport = find("transport", TRANSPORTS, transport).expect("it is listed");
            Python.fits(transport, MODELS[0]).err().map(|refusal| refusal.reason)
        };
        assert_eq!(refused("http1"), None);
        assert!(refused("tcp").expect("tcp").contains("does not speak tcp"));
    }
}
