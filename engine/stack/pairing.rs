//! The only door through which transport, driver, and who serves come together.

use std::fmt;
use std::sync::Arc;

use crate::registry::Entry;
use crate::server::contract::Model;
use crate::stack::contract::{Driver, Refusal, Stack};
use crate::stack::driver;
use crate::stack::native::Native;
use crate::stack::own::{Own, options};
use crate::transport::contract::{Facts, Transport};
use crate::transport::option::{OptionSpec, Options};
use crate::transport::terms::Terms;

/// Who serves a target.
#[derive(Clone)]
pub enum Serving {
    /// A server that answers the reference service's calls.
    Model {
        /// How clients get their turn.
        model: &'static dyn Model,
        /// Whose it is.
        stack: &'static dyn Stack,
    },
    /// The user's own, which answers the user's calls.
    Own(Arc<Own>),
}

impl Serving {
    /// The user's own, where it is one.
    pub fn own(&self) -> Option<&Arc<Own>> {
        if let Serving::Own(own) = self { Some(own) } else { None }
    }

    /// The model and the stack, where it has them.
    pub fn model(&self) -> Option<(&'static dyn Model, &'static dyn Stack)> {
        if let Serving::Model { model, stack } = *self { Some((model, stack)) } else { None }
    }
}

/// Transport, driver and who serves, which can work together.
#[derive(Clone)]
pub struct Pairing {
    transport: &'static dyn Transport,
    serving: Serving,
    driver: &'static dyn Driver,
}

impl Pairing {
    /// The pairing with a server of a stack, or why it cannot be.
    pub fn of(
        transport: &'static dyn Transport,
        model: &'static dyn Model,
        stack: &'static dyn Stack,
        driver: &'static dyn Driver,
    ) -> Result<Self, Refusal> {
        stack.fits(transport, model)?;
        driver.fits(transport, model)?;
        Ok(Pairing { transport, serving: Serving::Model { model, stack }, driver })
    }

    /// The pairing with a server of the user's own, whose client is always ours.
    pub fn own(transport: &'static dyn Transport, own: Arc<Own>) -> Self {
        Pairing { transport, serving: Serving::Own(own), driver: &driver::native::Native }
    }

    /// The pairing with these options, or why it cannot have them.
    pub fn with(self, options: &Options) -> Result<Self, Refusal> {
        if let Serving::Model { stack, model } = self.serving {
            stack.takes(self.transport, model, options)?;
            self.driver.takes(self.transport, options)?;
        }
        Ok(self)
    }

    /// Every option that may be set here: the transport's, and the model's or those of an own server.
    pub fn options(&self) -> Vec<&'static OptionSpec> {
        let of_server = match &self.serving {
            Serving::Model { model, .. } => model.options(),
            Serving::Own(_) => &options::OPTIONS,
        };
        self.transport.options().iter().chain(of_server).collect()
    }

    /// On what terms its server serves calls, with these options and so many cores.
    pub fn terms(&self, options: &Options, cores: u64) -> Terms {
        match &self.serving {
            Serving::Model { model, stack } => stack.terms(self.transport, *model, options, cores),
            Serving::Own(own) => own.terms(self.transport, options),
        }
    }

    /// What a reader has to know of its server, with these options and so many cores: its terms in words, and what else
    /// there is to say.
    pub fn facts(&self, options: &Options, cores: u64) -> Facts {
        let mut facts = self.terms(options, cores).words();
        facts.extend(match &self.serving {
            Serving::Model { model, stack } => stack.facts(self.transport, *model, options),
            Serving::Own(own) => own.facts(self.transport, options),
        });
        facts
    }

    /// True where the code of an end is known to be interpreted: each call takes longer by far.
    pub fn interpreted(&self) -> bool {
        self.driver.interpreted() || self.serving.model().is_some_and(|(_, stack)| stack.interpreted())
    }

    /// The transport.
    pub fn transport(&self) -> &'static dyn Transport {
        self.transport
    }
    /// Who serves.
    pub fn serving(&self) -> &Serving {
        &self.serving
    }
    /// Whose client it is.
    pub fn driver(&self) -> &'static dyn Driver {
        self.driver
    }
}

impl PartialEq for Pairing {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string() && self.serving.own() == other.serving.own()
    }
}

/// The words of a combination, joined by `-`; what is ours goes without saying.
pub fn words(transport: &dyn Transport, serving: &Serving, driver: &dyn Driver) -> String {
    let ours = |name: &str| name == Native.name();
    let (model, stack) = match serving {
        Serving::Model { model, stack } => (model.name(), stack.name()),
        Serving::Own(own) => return format!("{}-{}", transport.name(), own.key()),
    };
    let words = format!("{}-{model}", transport.name());
    match (stack, driver.name()) {
        (stack, driver) if ours(stack) && ours(driver) => words,
        (stack, driver) if stack == driver => format!("{words}-{stack}"),
        (stack, driver) if ours(driver) => format!("{words}-{stack}-stack"),
        (stack, driver) if ours(stack) => format!("{words}-{driver}-driver"),
        (stack, driver) => format!("{words}-{stack}-stack-{driver}-driver"),
    }
}

impl fmt::Display for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&words(self.transport, &self.serving, self.driver))
    }
}

impl fmt::Debug for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pairing({self})")
    }
}
