//! The only door through which transport, model, stack and driver come together.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::call::{Driver, Stack};
use crate::server::ballast;
use crate::server::contract::Model;
use crate::server::runtime;
use crate::transport::contract::{Facts, OptionSpec, Options, Seam, Transport};
use crate::transport::http1::ENCODING;
use crate::transport::options::{CONGESTION, NODELAY, TLS, encrypts};

/// Under which models a real Python server speaks a transport; a client of Python's speaks each of them too.
const PYTHON: &[(&str, &[&str])] =
    &[("rpyc", &["threaded", "forking", "pooled"]), ("http1", &["threaded", "preforked", "pooled"])];

/// Transport, model, stack and driver that can work together.
#[derive(Clone, Copy)]
pub struct Pairing {
    transport: &'static dyn Transport,
    model: &'static dyn Model,
    stack: Stack,
    driver: Driver,
}

/// A combination that cannot exist, with its reason; not a mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Refusal {
    /// Why, in words for the report.
    pub reason: String,
}

impl Pairing {
    /// The pairing, or why it cannot be.
    pub fn of(
        transport: &'static dyn Transport,
        model: &'static dyn Model,
        stack: Stack,
        driver: Driver,
    ) -> Result<Self, Refusal> {
        let reason = match stack {
            Stack::Native => model.refuses(transport).or_else(|| match transport.seam() {
                Seam::Stream(_) => None,
                Seam::Async(_) => model.executes().err().map(str::to_owned),
            }),
            Stack::Python => no_python_server(transport.name(), model.name()),
        };
        let reason = reason.or_else(|| match driver {
            Driver::Native => None,
            Driver::Python => no_python_client(transport.name()),
        });
        match reason {
            Some(reason) => Err(Refusal { reason }),
            None => Ok(Pairing { transport, model, stack, driver }),
        }
    }

    /// The pairing with these options, or why it cannot have them.
    pub fn with(self, options: &Options) -> Result<Self, Refusal> {
        let native = self.stack == Stack::Native && self.driver == Driver::Native;
        match python_lacks(self.transport.name(), options) {
            Some(option) if !native => {
                let reason =
                    format!("a Python end of {} does not take the option {option} here", self.transport.name());
                Err(Refusal { reason })
            }
            _ => Ok(self),
        }
    }

    /// Every option that may be set here: the transport's and the model's.
    pub fn options(&self) -> Vec<&'static OptionSpec> {
        self.transport.options().iter().chain(self.model.options()).collect()
    }

    /// What a reader has to know to compare our server of this pair fairly, with these options.
    pub fn facts(&self, options: &Options) -> Facts {
        let mut facts = self.transport.facts(options);
        facts.extend(self.model.facts(options));
        if let Seam::Async(_) = self.transport.seam() {
            facts.extend(runtime::facts());
        }
        facts.extend(ballast::facts(options));
        facts
    }

    /// The transport.
    pub fn transport(&self) -> &'static dyn Transport {
        self.transport
    }
    /// The server model.
    pub fn model(&self) -> &'static dyn Model {
        self.model
    }
    /// Whose server it is.
    pub fn stack(&self) -> Stack {
        self.stack
    }
    /// Whose client it is.
    pub fn driver(&self) -> Driver {
        self.driver
    }
}

fn no_python_server(transport: &str, model: &str) -> Option<String> {
    match PYTHON.iter().find(|(name, _)| *name == transport) {
        None => Some(format!("no real Python server speaks {transport} here; there are some for {}", python_speaks())),
        Some((_, models)) if models.contains(&model) => None,
        Some((_, models)) => {
            let models = models.join(", ");
            Some(format!("no real Python server for {transport} is {model}; there are {models}"))
        }
    }
}

fn no_python_client(transport: &str) -> Option<String> {
    let speaks = PYTHON.iter().any(|(name, _)| *name == transport);
    (!speaks).then(|| format!("the Python driver does not speak {transport}; it speaks {}", python_speaks()))
}

/// The first of these options that a Python end of the transport does not take.
fn python_lacks(transport: &str, options: &Options) -> Option<&'static str> {
    let set = |name: &str| options.0.contains_key(name);
    let lacks = [
        (TLS.name, encrypts(options)),
        (ENCODING.name, options.word(ENCODING.name) == Some("chunked")),
        (NODELAY.name, set(NODELAY.name) && transport != "rpyc"),
        (CONGESTION.name, set(CONGESTION.name)),
    ];
    lacks.into_iter().find_map(|(name, lacking)| lacking.then_some(name))
}

fn python_speaks() -> String {
    PYTHON.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" and ")
}

impl PartialEq for Pairing {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

/// The words of a combination, joined by `-`; what is native goes without saying.
pub fn words(transport: &dyn Transport, model: &dyn Model, stack: Stack, driver: Driver) -> String {
    let words = format!("{}-{}", transport.name(), model.name());
    match (stack, driver) {
        (Stack::Native, Driver::Native) => words,
        (stack, Driver::Native) => format!("{words}-{stack}-stack"),
        (Stack::Native, driver) => format!("{words}-{driver}-driver"),
        (stack, Driver::Python) => format!("{words}-{stack}"),
    }
}

impl fmt::Display for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&words(self.transport, self.model, self.stack, self.driver))
    }
}

impl fmt::Debug for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pairing({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::{no_python_client, no_python_server, python_lacks};
    use crate::transport::contract::{OptionValue, Options};

    #[test]
    fn a_python_end_is_refused_what_it_cannot_be_given() {
        let options = |name: &str, flag| Options([(name.to_owned(), OptionValue::Flag(flag))].into());
        assert_eq!(python_lacks("http1", &options("tls", true)), Some("tls"));
        assert_eq!(python_lacks("http1", &options("tls", false)), None);
        assert_eq!(python_lacks("http1", &options("nodelay", false)), Some("nodelay"));
        assert_eq!(python_lacks("rpyc", &options("nodelay", true)), None);
    }

    #[test]
    fn python_is_refused_in_words_where_there_is_none() {
        assert_eq!(no_python_server("rpyc", "forking"), None);
        assert_eq!(no_python_client("http1"), None);
        let refused = no_python_server("http1", "forking").expect("Flask has no forking server here");
        assert_eq!(refused, "no real Python server for http1 is forking; there are threaded, preforked, pooled");
        assert!(no_python_server("tcp", "threaded").expect("tcp").contains("rpyc and http1"));
        assert!(no_python_client("tcp").expect("tcp").contains("does not speak tcp"));
    }
}
