//! The only door through which transport, model, stack and driver come together.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::call::{Driver, Stack};
use crate::server::contract::Model;
use crate::transport::contract::{OptionSpec, Transport};

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
        if let Some(reason) = model.refuses(transport) {
            return Err(Refusal { reason });
        }
        Ok(Pairing { transport, model, stack, driver })
    }

    /// Every option that may be set here: the transport's and the model's.
    pub fn options(&self) -> Vec<&'static OptionSpec> {
        self.transport.options().iter().chain(self.model.options()).collect()
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

impl PartialEq for Pairing {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

/// The words of a combination, joined by `-`; what is native goes without saying.
pub fn words(transport: &dyn Transport, model: &dyn Model, stack: Stack, driver: Driver) -> String {
    let mut words = format!("{}-{}", transport.name(), model.name());
    if stack != Stack::Native {
        words += &format!("-{stack}");
    }
    if driver != Driver::Native {
        words += &format!("-{driver}-driver");
    }
    words
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
