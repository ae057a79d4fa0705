//! The stack `python`: the real Python systems, pinned.

use std::process::Command;

use crate::error::{Error, Result};
use crate::registry::Entry;
use crate::server::contract::Model;
use crate::stack::contract::{Fit, Kit, Refusal, Stack, Wanted};
use crate::stack::environment::Environment;
use crate::stack::python_systems::{SYSTEMS, System, speaks, system};
use crate::transport::contract::{Facts, Transport};
use crate::transport::http1::ENCODING;
use crate::transport::option::Options;
use crate::transport::options::{CONGESTION, NODELAY, TLS, encrypts};
use crate::transport::terms::Terms;

/// The stack `python`.
pub struct Python;

impl Entry for Python {
    fn name(&self) -> &'static str {
        "python"
    }
    fn about(&self) -> &'static str {
        "The real Python system, pinned."
    }
}

impl Stack for Python {
    fn fits(&self, transport: &dyn Transport, model: &dyn Model) -> Fit {
        let (transport, model) = (transport.name(), model.name());
        let of_transport = || SYSTEMS.iter().filter(|system| system.transport() == transport);
        if of_transport().any(|system| system.server() == model) {
            return Ok(());
        }
        let models: Vec<&str> = of_transport().map(|system| system.server()).collect();
        Err(Refusal::because(match models.is_empty() {
            true => format!("no real Python server speaks {transport} here; there are some for {}", speaks()),
            false => {
                format!("no real Python server for {transport} is {model}; there are {}", models.join(", "))
            }
        }))
    }

    fn takes(&self, transport: &dyn Transport, _: &dyn Model, options: &Options) -> Fit {
        takes(transport, options)
    }

    fn terms(&self, transport: &dyn Transport, model: &dyn Model, options: &Options, cores: u64) -> Terms {
        system(transport.name(), model.name()).map(|system| system.terms(options, cores)).unwrap_or_default()
    }

    fn facts(&self, transport: &dyn Transport, model: &dyn Model, _: &Options) -> Facts {
        system(transport.name(), model.name()).map(System::facts).unwrap_or_default()
    }

    fn kit(&self) -> Option<&'static dyn Kit> {
        Some(&Packages)
    }

    fn interpreted(&self) -> bool {
        true
    }

    fn command(
        &self,
        kit: Option<&Environment>,
        transport: &dyn Transport,
        model: &dyn Model,
        wanted: &Wanted<'_>,
    ) -> Result<Command> {
        let (transport, model) = (transport.name(), model.name());
        let system = system(transport, model)
            .ok_or_else(|| Error::stopped(format!("no Python system serves {transport} as {model}")))?;
        Ok(system.command(installed(kit)?, wanted))
    }
}

/// The kit of the Python systems and clients.
pub(crate) struct Packages;

impl Entry for Packages {
    fn name(&self) -> &'static str {
        "python"
    }
    fn about(&self) -> &'static str {
        "rpyc, Flask, gunicorn and requests, pinned, in an environment of their own"
    }
}

impl Kit for Packages {
    fn ready(&self, offline: bool, say: &mut dyn FnMut(&str), stop: &dyn Fn() -> bool) -> Result<Environment> {
        Environment::ready(offline, say, stop)
    }
}

/// The kit, which must have been installed.
pub(crate) fn installed(kit: Option<&Environment>) -> Result<&Environment> {
    kit.ok_or_else(|| Error::stopped("the Python systems were not prepared"))
}

/// Whether a Python end of the transport takes these options, or why not.
pub(crate) fn takes(transport: &dyn Transport, options: &Options) -> Fit {
    let transport = transport.name();
    let set = |name: &str| options.0.contains_key(name);
    let lacks = [
        (TLS.name, encrypts(options)),
        (ENCODING.name, options.word(ENCODING.name) == Some("chunked")),
        (NODELAY.name, set(NODELAY.name) && transport != "rpyc"),
        (CONGESTION.name, set(CONGESTION.name)),
    ];
    match lacks.into_iter().find(|(_, lacking)| *lacking) {
        None => Ok(()),
        Some((option, _)) => {
            Err(Refusal::because(format!("a Python end of {transport} does not take the option {option} here")))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::registry::find;
    use crate::server::MODELS;
    use crate::stack::contract::Stack;
    use crate::stack::python::{Python, takes};
    use crate::transport::TRANSPORTS;
    use crate::transport::option::{OptionValue, Options};

    #[test]
    fn a_python_end_is_refused_what_it_cannot_be_given() {
        let refused = |transport: &str, name: &str, flag| {
            let options = Options([(name.to_owned(), OptionValue::Flag(flag))].into());
            takes(find("transport", TRANSPORTS, transport).expect("it is listed"), &options).err().map(|it| it.reason)
        };
        let reason =
            |transport, option| Some(format!("a Python end of {transport} does not take the option {option} here"));
        assert_eq!(refused("http1", "tls", true), reason("http1", "tls"));
        assert_eq!(refused("http1", "tls", false), None);
        assert_eq!(refused("http1", "nodelay", false), reason("http1", "nodelay"));
        assert_eq!(refused("rpyc", "nodelay", true), None);
    }

    #[test]
    fn python_is_refused_in_words_where_there_is_none() {
        let refused = |transport: &str, model: &str| {
            let transport = find("transport", TRANSPORTS, transport).expect("it is listed");
            let model = find("model", MODELS, model).expect("it is listed");
            Python.fits(transport, model).err().map(|refusal| refusal.reason)
        };
        assert_eq!(refused("rpyc", "forking"), None);
        let reason = refused("http1", "forking").expect("Flask has no forking server here");
        assert_eq!(reason, "no real Python server for http1 is forking; there are threaded, preforked, pooled");
        assert!(refused("tcp", "threaded").expect("tcp").contains("rpyc and http1"));
    }
}
