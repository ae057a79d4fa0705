//! Why a call of gRPC cannot be made ready, and where in the call that is. It never says a value, which may be a secret.

use std::fmt;

/// Why a call cannot be made ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Where in the call.
    pub place: Place,
    /// What is wrong, in words.
    pub what: String,
    /// What would be right.
    pub help: Option<String>,
}

/// Where in a call something is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the name of its method.
    Method,
    /// In its message: the key that these steps lead to.
    Key(Vec<Step>),
    /// In its message: the value that these steps lead to; the whole message where there are none.
    Value(Vec<Step>),
}

/// One step into a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// To the value of that key.
    Key(String),
    /// To that item of a list.
    Item(usize),
}

impl Fault {
    /// That is wrong at that place.
    pub(super) fn at(place: Place, what: impl Into<String>) -> Self {
        Fault { place, what: what.into(), help: None }
    }

    /// The same, with what would be right.
    pub(super) fn help(self, help: impl Into<String>) -> Self {
        Fault { help: Some(help.into()), ..self }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Method => {}
            Place::Key(steps) | Place::Value(steps) => {
                f.write_str("message")?;
                for step in steps {
                    match step {
                        Step::Key(key) => write!(f, ".{key}")?,
                        Step::Item(item) => write!(f, "[{item}]")?,
                    }
                }
                f.write_str(": ")?;
            }
        }
        f.write_str(&self.what)?;
        self.help.iter().try_for_each(|help| write!(f, "; {help}"))
    }
}

impl std::error::Error for Fault {}
