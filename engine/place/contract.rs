//! What a place is: somewhere that ends can run.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::Command;

use crate::error::Result;
use crate::key::place::HERE;
use crate::place::messages::Hello;
use crate::registry::Entry;
use crate::scenario::WrittenPlace;
use crate::template::Template;

/// Where ends run. It only says how an agent is reached there: what an agent does is the same everywhere.
///
/// Its name is the word behind `by` in a scenario, but for the one that needs no definition.
pub trait Place: Entry + Sync {
    /// How the agent on a host is reached.
    fn reach(&self, host: &Host) -> Result<Reach>;

    /// Where others reach a host, by what its agent says and the way to it tells; none where only the user can say.
    fn address(&self, _host: &Host, _hello: &Hello) -> Result<Option<IpAddr>> {
        Ok(None)
    }

    /// What would help where the way to a host failed and said that.
    fn remedy(&self, _host: &Host, _said: &str) -> Option<String> {
        None
    }
}

/// A host of a place, as a scenario says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The name of its place.
    pub place: String,
    /// Its own name.
    pub name: String,
    /// How many hosts the place has.
    pub of: usize,
    /// What starts a command there, where the user says it.
    pub run: Option<String>,
    /// Where others reach it, where the user says it.
    pub address: Option<String>,
    /// The engine there, where it is not to be copied.
    pub engine: Option<PathBuf>,
}

impl Host {
    /// The machine that the run is started on.
    pub fn here() -> Self {
        let [place, name] = [HERE, HERE].map(str::to_owned);
        Host { place, name, of: 1, run: None, address: None, engine: None }
    }

    /// The hosts of a place, in their order.
    pub fn all(place: &WrittenPlace) -> Vec<Self> {
        let of = place.hosts.len();
        let host = |name: &String| Host {
            place: place.name.clone(),
            name: name.clone(),
            of,
            run: place.run.clone(),
            address: place.address.as_deref().map(|text| filled(text, name)),
            engine: place.engine.clone(),
        };
        place.hosts.iter().map(host).collect()
    }
}

/// A text of a place with the name of one of its hosts in it.
pub(crate) fn filled(text: &str, host: &str) -> String {
    // What is no template has been told where it was read.
    let template = Template::parse(text).unwrap_or_default();
    template.fill(|word| (word == "host").then(|| host.to_owned())).to_string()
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.place == self.name { Ok(()) } else { write!(f, " of the place `{}`", self.place) }
    }
}

/// How an agent is reached.
#[derive(Debug)]
pub enum Reach {
    /// It is this very process.
    Directly,
    /// By a command that runs `engine agent` there, with our pipes as its stdin and stdout.
    By(Command),
    /// By a prefix, behind which anything can be run there.
    Through(Prefix),
}

/// What starts commands on a host, with our pipes as their stdin and stdout.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefix {
    /// The program and its first arguments.
    pub words: Vec<String>,
    /// True where it gives what follows to a shell there, as one text.
    pub shell: bool,
}

impl Prefix {
    /// What runs a script of `sh` there. The script is one line: shells that log in differ in how they take several.
    pub fn script(&self, script: &str) -> Command {
        let mut words = self.words.iter();
        let mut command = Command::new(words.next().map_or("", String::as_str));
        command.args(words);
        if self.shell {
            command.arg(format!("exec sh -c {}", shell_words::quote(script)));
        } else {
            command.args(["sh", "-c", script]);
        }
        command
    }
}
