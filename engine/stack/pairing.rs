//! The only door through which transport, model, stack and driver come together.

use std::fmt;

use crate::registry::Entry;
use crate::server::contract::Model;
use crate::stack::contract::{Driver, Refusal, Stack};
use crate::stack::native::Native;
use crate::transport::contract::{Facts, OptionSpec, Options, Transport};
use crate::transport::terms::Terms;

/// Transport, model, stack and driver that can work together.
#[derive(Clone, Copy)]
pub struct Pairing {
    transport: &'static dyn Transport,
    model: &'static dyn Model,
    stack: &'static dyn Stack,
    driver: &'static dyn Driver,
}

impl Pairing {
    /// The pairing, or why it cannot be.
    pub fn of(
        transport: &'static dyn Transport,
        model: &'static dyn Model,
        stack: &'static dyn Stack,
        driver: &'static dyn Driver,
    ) -> Result<Self, Refusal> {
        stack.fits(transport, model)?;
        driver.fits(transport, model)?;
        Ok(Pairing { transport, model, stack, driver })
    }

    /// The pairing with these options, or why it cannot have them.
    pub fn with(self, options: &Options) -> Result<Self, Refusal> {
        self.stack.takes(self.transport, options)?;
        self.driver.takes(self.transport, options)?;
        Ok(self)
    }

    /// Every option that may be set here: the transport's and the model's.
    pub fn options(&self) -> Vec<&'static OptionSpec> {
        self.transport.options().iter().chain(self.model.options()).collect()
    }

    /// On what terms its server serves calls, with these options and so many cores.
    pub fn terms(&self, options: &Options, cores: u64) -> Terms {
        self.stack.terms(self.transport, self.model, options, cores)
    }

    /// What a reader has to know of its server, with these options and so many cores: its terms in words, and what else
    /// there is to say.
    pub fn facts(&self, options: &Options, cores: u64) -> Facts {
        let mut facts = self.terms(options, cores).words();
        facts.extend(self.stack.facts(self.transport, self.model, options));
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
    pub fn stack(&self) -> &'static dyn Stack {
        self.stack
    }
    /// Whose client it is.
    pub fn driver(&self) -> &'static dyn Driver {
        self.driver
    }
}

impl PartialEq for Pairing {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

/// The words of a combination, joined by `-`; what is ours goes without saying.
pub fn words(transport: &dyn Transport, model: &dyn Model, stack: &dyn Stack, driver: &dyn Driver) -> String {
    let ours = |name: &str| name == Native.name();
    let words = format!("{}-{}", transport.name(), model.name());
    match (stack.name(), driver.name()) {
        (stack, driver) if ours(stack) && ours(driver) => words,
        (stack, driver) if stack == driver => format!("{words}-{stack}"),
        (stack, driver) if ours(driver) => format!("{words}-{stack}-stack"),
        (stack, driver) if ours(stack) => format!("{words}-{driver}-driver"),
        (stack, driver) => format!("{words}-{stack}-stack-{driver}-driver"),
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
