//! What is said to an agent and what it answers: one JSON object a line where it is reached by a pipe.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::place::child::Heard;
use crate::place::link::namespaces::Inside;
use crate::place::observer::contract::Evidence;
use crate::place::trip::Trips;
use crate::results::machine::Interference;
use crate::stack::environment::Environment;
use crate::transport::ports::Ports;

/// The version of these lines; both sides must speak the same.
pub const VERSION: u32 = 1;

/// The number by which an end is known at its agent.
pub type EndId = u32;

/// A line to an agent; each is answered by one [`Answer`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Request {
    /// Start a process.
    Launch(Launch),
    /// Find the processes of a server that runs already, to observe them.
    Find(Found),
    /// Say a line to an end.
    Tell {
        /// Which.
        end: EndId,
        /// The line, without its end.
        line: String,
    },
    /// Whether the process that leads an end still runs.
    Alive {
        /// Which.
        end: EndId,
    },
    /// How an end ended, and what it wrote.
    How {
        /// Which.
        end: EndId,
    },
    /// The living processes of an end and how many sockets each holds.
    Sockets {
        /// Which.
        end: EndId,
    },
    /// An end is up, and nobody has called it yet.
    Idle {
        /// Which.
        end: EndId,
    },
    /// Both ends wait: the window begins, and counters are read.
    Begin {},
    /// Stop the processes of an end for a while, on purpose.
    Stall {
        /// Which.
        end: EndId,
        /// How long from now, in nanoseconds.
        after_ns: u64,
        /// For how long, in nanoseconds.
        length_ns: u64,
    },
    /// About a second of the window has passed.
    Look {
        /// Which end's observers look.
        end: EndId,
    },
    /// The window has ended: counters are read.
    End {},
    /// Close the stdin of an end and wait until it is gone.
    Stop {
        /// Which.
        end: EndId,
    },
    /// Kill an end and all that it started, if it is still there.
    Kill {
        /// Which.
        end: EndId,
    },
    /// From now on look at who else uses the cores of the two ends.
    Neighbours {
        /// The server's cores and the client's.
        ends: [Vec<usize>; 2],
        /// Other agents of the same run that it sees, each with all that descends from it: none of them is a neighbour.
        run: Vec<i32>,
    },
    /// Look at the machine.
    Moment {
        /// Whether what was seen long before can be forgotten.
        first: bool,
    },
    /// What others have used of those cores since a moment.
    Since {
        /// When that was.
        moment_ns: u64,
    },
    /// What is worth a line before a run begins.
    Warning {},
    /// How quick the machine itself is, between two of its cores.
    Yardstick {
        /// A core of the server.
        server: usize,
        /// A core of the client.
        client: usize,
    },
    /// Nothing, but that somebody is still there.
    Beat {},
    /// Install a kit, where it is not installed there yet.
    Install {
        /// Its name.
        kit: String,
        /// Whether nothing may be downloaded.
        offline: bool,
    },
    /// What its clock says.
    Clock {},
    /// Answer, with the same bytes, the first who comes to a port of this address.
    Echo {
        /// One of the agent's own addresses.
        host: IpAddr,
    },
    /// Go to whoever answers at that address and back.
    Go {
        /// What [`Request::Echo`] answered, at another agent.
        address: SocketAddr,
        /// How often.
        count: u32,
    },
}

/// What an agent answers to one request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Answer {
    /// It is done.
    Done {},
    /// Whether it runs.
    Alive {
        /// True while it does.
        alive: bool,
    },
    /// How it ended, in words.
    Ended {
        /// With the end of what it wrote to stderr.
        how: String,
        /// What a command of the user's own wrote.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        wrote: Option<String>,
    },
    /// Who serves there: the command of its first process; none where nobody is found, for the reason.
    Owner {
        /// The words of its command line.
        command: Vec<String>,
        /// Why nobody was found.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        why: Option<String>,
    },
    /// Sockets by process.
    Sockets(BTreeMap<i32, usize>),
    /// What was seen of the window.
    Window(Box<Window>),
    /// When that was, in nanoseconds since the agent began.
    Moment {
        /// For [`Request::Since`].
        moment_ns: u64,
    },
    /// What others used, where it is known.
    Interference(Option<Interference>),
    /// What is worth a line, where something is.
    Warning(Option<String>),
    /// How quick it is, where it could be measured.
    Yardstick(Option<Pace>),
    /// It is installed.
    Installed(Environment),
    /// The monotonic clock there.
    Clock {
        /// In nanoseconds, from a beginning of its own.
        now_ns: u64,
    },
    /// Where it answers.
    Echo {
        /// The port.
        port: u16,
    },
    /// How long it took.
    Went(Trips),
    /// It cannot be done.
    Failed(RemoteError),
}

/// What comes from an agent by a pipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum FromAgent {
    /// The first line of all.
    #[serde(rename = "agent")]
    Hello(Hello),
    /// No agent is there: what the machine is, as `uname -m` says it.
    Absent {
        /// Its architecture.
        machine: String,
    },
    /// Something came from an end.
    Said {
        /// Which.
        end: EndId,
        /// What.
        heard: Heard,
    },
    /// The answer to the last request.
    Answer(Answer),
}

/// Who an agent is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hello {
    /// The version of its lines.
    pub version: u32,
    /// The version of the engine.
    pub engine: String,
    /// The cores that its processes may run on.
    pub cores: Vec<usize>,
    /// What the machine is, by name.
    pub machine: BTreeMap<String, String>,
    /// The SHA-256 of its program, in hexadecimal.
    #[serde(default)]
    pub sha256: String,
    /// What the machine calls itself.
    #[serde(default)]
    pub host: String,
    /// Where others reach it, as far as the way to it tells: by ssh the address that was dialled.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// How many files a process there may have open.
    #[serde(default)]
    pub descriptors: Option<u64>,
    /// How much of its memory was free, in bytes, where its kernel tells.
    #[serde(default)]
    pub memory: Option<u64>,
    /// Its local ports, where its kernel tells.
    #[serde(default)]
    pub ports: Option<Ports>,
    /// What its clock said.
    #[serde(default)]
    pub now_ns: u64,
    /// Its processes among all that it sees, where its kernel tells.
    #[serde(default)]
    pub tree: Option<Tree>,
}

/// The processes of an agent, among those of one start of a kernel in one namespace of process ids.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// The process from which all others of the agent descend.
    pub root: i32,
    /// The start of the kernel (`/proc/sys/kernel/random/boot_id`).
    pub boot: String,
    /// The namespace in which `root` is its id (`/proc/self/ns/pid`).
    pub namespace: String,
}

impl Tree {
    /// Whether both agents see the same processes: their two hosts are one machine.
    pub fn is_beside(&self, other: &Tree) -> bool {
        (&self.boot, &self.namespace) == (&other.boot, &other.namespace)
    }
}

impl Hello {
    /// An error where the two sides would not understand each other.
    pub fn check(&self) -> Result<()> {
        if self.version == VERSION {
            return Ok(());
        }
        let (theirs, ours) = (self.version, env!("CARGO_PKG_VERSION"));
        Err(Error::stopped(format!(
            "the agent speaks version {theirs} of its lines (engine {}), and this engine {ours} speaks version {VERSION}",
            self.engine
        ))
        .help("let the same build of the engine run at both places"))
    }
}

/// A process to start.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Launch {
    /// The number by which it will be known.
    pub end: EndId,
    /// What it is called in messages.
    pub what: String,
    /// The program: a path there, [`crate::stack::native::ENGINE`] the agent's own.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables of its environment, besides those of the agent; none takes one away.
    #[serde(default)]
    pub env: BTreeMap<String, Option<String>>,
    /// The cores that it and all that it starts stay on; all where none are named.
    #[serde(default)]
    pub cores: Vec<usize>,
    /// The network that it lives in; ours where none is named.
    #[serde(default)]
    pub inside: Option<Inside>,
    /// The observers to attach, by name.
    #[serde(default)]
    pub observe: Vec<String>,
    /// True for one that keeps a command of the user's own: what it keeps is counted, and it is not.
    #[serde(default)]
    pub keeper: bool,
    /// The names of processes that belong to it, and are counted apart.
    #[serde(default)]
    pub with: Vec<String>,
}

/// A server that runs already.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    /// The number by which it will be known.
    pub end: EndId,
    /// Where it is dialled.
    pub address: String,
    /// True where that is of UDP.
    #[serde(default)]
    pub udp: bool,
    /// The observers to attach, by name.
    #[serde(default)]
    pub observe: Vec<String>,
    /// The names of processes that belong to it, and are counted apart.
    #[serde(default)]
    pub with: Vec<String>,
}

impl Launch {
    /// The program that `command` would start, with its arguments and its environment.
    pub fn of(command: &Command) -> Self {
        let words = |word: &OsStr| word.to_string_lossy().into_owned();
        Launch {
            program: command.get_program().into(),
            args: command.get_args().map(words).collect(),
            env: command.get_envs().map(|(name, value)| (words(name), value.map(words))).collect(),
            ..Launch::default()
        }
    }

    /// As the command that starts it here.
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.args);
        for (name, value) in &self.env {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        command
    }
}

/// What an agent saw between the beginning and the end of a window.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Of each end that was there.
    pub ends: BTreeMap<EndId, Evidence>,
    /// The share of the machine's time that its hypervisor gave to others, where it is known.
    pub stolen: Option<f64>,
    /// What others used of the cores of both ends, where it is known.
    pub interference: Option<Interference>,
    /// From when until when an end was stopped on purpose, in nanoseconds of the monotonic clock there.
    pub stalled: Option<(u64, u64)>,
}

/// How quick a machine is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pace {
    /// The median of a raw exchange of bytes between two cores, in nanoseconds.
    pub exchange_ns: u64,
    /// The median time of a fixed piece of arithmetic on them, in nanoseconds.
    pub arithmetic_ns: u64,
}

/// An error on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RemoteError {
    /// What is wrong.
    pub message: String,
    /// What would be right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What a command of the user's own wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wrote: Option<String>,
}

impl From<&Error> for RemoteError {
    fn from(error: &Error) -> Self {
        let [help, wrote] = [error.remedy(), error.output()].map(|text| text.map(str::to_owned));
        RemoteError { message: error.message().to_owned(), help, wrote }
    }
}

impl From<RemoteError> for Error {
    fn from(trouble: RemoteError) -> Self {
        let error = Error::failed(trouble.message);
        let error = match trouble.help {
            Some(help) => error.help(help),
            None => error,
        };
        match trouble.wrote {
            Some(wrote) => error.wrote(wrote),
            None => error,
        }
    }
}
