//! The user's own server: a command that we launch, or an address where it runs already.

pub mod options;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use crate::call::own::grpc::Proto;
use crate::secret::Secret;
use crate::template::Template;
use crate::transport::contract::{Facts, Transport};
use crate::transport::option::Options;
use crate::transport::terms::{Encrypted, Terms};
use crate::words::words;

words! {
    /// How often a command is launched.
    Fresh {
        /// For each trial.
        Trial = "trial",
        /// Once for all trials.
        Run = "run",
    }
}

/// A server of the user's own, as one target has it: the words of `vary` are filled in.
#[derive(Debug, Clone, PartialEq)]
pub struct Own {
    /// Who it is.
    pub who: Who,
    /// Variables of its environment, on top of ours: templates.
    pub env: BTreeMap<String, Secret>,
    /// The name of the call that it answers once it is ready; none where its port does.
    pub ready: Option<String>,
    /// How long it may take until then.
    pub within: Duration,
    /// How often it is launched.
    pub fresh: Fresh,
    /// The names of other processes that are the target's too.
    pub with: Vec<String>,
    /// From where its messages are known, over gRPC.
    pub proto: Option<Proto>,
}

/// A variable that a command needs, and that our environment has not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unset(pub String);

impl fmt::Display for Unset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the environment has no `{}`", self.0)
    }
}

impl std::error::Error for Unset {}

/// How an own server comes to be there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// We launch it: program and arguments.
    Launch(Vec<Template>),
    /// It runs already at this address.
    At(String),
}

/// What a command may be told of where it has to listen: `${port}` and the like.
pub const GIVEN: [&str; 4] = ["port", "host", "address", "socket"];

/// What stands before the name of a variable of our environment: `${env:NAME}`.
pub const FROM_ENV: &str = "env:";

/// A word as a shell would have to be told it; what is to be filled in needs no quotes here.
fn quoted(word: &str) -> String {
    let plain = !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "\"'\\".contains(c));
    if plain { word.to_owned() } else { shell_words::quote(word).into_owned() }
}

/// A template with the variables of our environment filled in, as a template.
fn with_variables(template: &Template, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, Unset> {
    let named = |word: &str| word.strip_prefix(FROM_ENV).map(str::to_owned);
    let unknown = template.words().filter_map(|(word, _)| named(word)).find(|name| variable(name).is_none());
    match unknown {
        Some(name) => Err(Unset(name)),
        None => Ok(template.fill(|word| variable(&named(word)?)).to_string()),
    }
}

impl Own {
    /// The key that says who it is.
    pub fn key(&self) -> &'static str {
        match self.who {
            Who::Launch(_) => "launch",
            Who::At(_) => "at",
        }
    }

    /// The command as it was written, with the words that are not known yet; none where it is not launched.
    pub fn command(&self) -> Option<String> {
        match &self.who {
            Who::Launch(words) => {
                Some(words.iter().map(|word| quoted(&word.to_string())).collect::<Vec<_>>().join(" "))
            }
            Who::At(_) => None,
        }
    }

    /// The words of its command as templates, with what `variable` knows of our environment; the first name that it does
    /// not know.
    pub fn words(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<Vec<String>, Unset> {
        let Who::Launch(words) = &self.who else { return Ok(Vec::new()) };
        words.iter().map(|word| with_variables(word, variable)).collect()
    }

    /// The same of the variables of its own environment.
    pub fn environment(&self, variable: &dyn Fn(&str) -> Option<String>) -> Result<BTreeMap<String, String>, Unset> {
        let text = |text: &Secret| match Template::parse(text.reveal()) {
            Ok(template) => with_variables(&template, variable),
            // What cannot be parsed has been told where it was read.
            Err(_) => Ok(text.reveal().to_owned()),
        };
        self.env.iter().map(|(name, value)| Ok((name.clone(), text(value)?))).collect()
    }

    /// Whether the command is told where it has to listen by a host, which is none where it only gets a port.
    pub fn knows_host(&self) -> bool {
        let Who::Launch(words) = &self.who else { return true };
        let told = |template: &Template| template.words().any(|(word, _)| matches!(word, "host" | "address"));
        words.iter().any(told) || self.env.values().any(|text| Template::parse(text.reveal()).is_ok_and(|it| told(&it)))
    }

    /// On what terms it serves calls: those of the transport, as far as its client decides them.
    pub fn terms(&self, transport: &dyn Transport, options: &Options) -> Terms {
        Terms { compressed: None, ..transport.terms(options) }
    }

    /// What else a reader has to know of it.
    pub fn facts(&self, transport: &dyn Transport, options: &Options) -> Facts {
        let mut facts = Facts::new();
        let system = match &self.who {
            Who::Launch(_) => "the user's own, launched",
            Who::At(_) => "the user's own, which ran already",
        };
        facts.insert("system".to_owned(), system.to_owned());
        if let (Who::Launch(_), Fresh::Run) = (&self.who, self.fresh) {
            facts.insert("fresh".to_owned(), "launched once for all trials".to_owned());
        }
        let described = match &self.proto {
            Some(Proto::Reflection) => Some("by the server itself (reflection)".to_owned()),
            Some(Proto::Files { names, .. }) => Some(format!("by {}", names.join(", "))),
            None => None,
        };
        facts.extend(described.map(|how| ("messages described".to_owned(), how)));
        if let Some(Encrypted::Tls(how) | Encrypted::Quic(how)) = transport.terms(options).encrypted {
            facts.insert("encrypted".to_owned(), options::encrypted(options, how));
        }
        facts
    }
}
