//! Raw loops that do nothing but what the kernel asks of everyone, each in a process of its own.

pub(crate) mod crowd;
pub(crate) mod epoll_loop;
pub(crate) mod exchange;
pub(crate) mod h2_loop;
pub(crate) mod quic_loop;
pub(crate) mod spin;
pub(crate) mod threads;
pub(crate) mod uring_loop;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::process::Command;

use engine::error::{Context, Error, Result};
use engine::place::child::Child;
use serde::{Deserialize, Serialize};

use crate::processes::{line, said, start};

/// Runs a floor with its arguments.
type Run = fn(&[String]) -> Result<()>;

/// What runs in a process of its own, by its name on the command line.
const FLOORS: &[(&str, Run)] = &[
    ("epoll", epoll_loop::call),
    ("exchange-server", exchange::serve),
    ("exchange", exchange::call),
    ("h2", h2_loop::call),
    ("quic-server", quic_loop::serve),
    ("quic", quic_loop::call),
    ("spin", spin::watch),
    ("threads", threads::serve),
    ("uring", uring_loop::call),
];

/// The argument that makes this program a floor.
pub(crate) const FLOOR: &str = "--floor";

/// Runs the floor that the arguments name.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let (name, arguments) = arguments.split_first().ok_or_else(|| Error::usage("name a floor"))?;
    let floor = FLOORS.iter().find(|(floor, _)| floor == name);
    floor.ok_or_else(|| Error::usage(format!("there is no floor `{name}`")))?.1(arguments)
}

/// What a floor says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Says {
    /// It listens there.
    Ready(String),
    /// What it measured.
    Measured(BTreeMap<String, f64>),
}

impl Says {
    /// Says it in a line.
    pub(crate) fn say(&self) -> Result<()> {
        let text = serde_json::to_string(self).doing("a line")?;
        let mut stdout = std::io::stdout().lock();
        writeln!(stdout, "{text}").and_then(|()| stdout.flush()).doing("saying a line")
    }
}

fn command(name: &str, arguments: &[String]) -> Result<Command> {
    let mut command = Command::new(std::env::current_exe().doing("the path of this program")?);
    command.arg(FLOOR).arg(name).args(arguments);
    Ok(command)
}

/// A raw server that listens; it ends when dropped.
pub(crate) struct Floor {
    pub(crate) process: Child,
    pub(crate) address: String,
}

impl Floor {
    /// Starts one on that core.
    pub(crate) fn launch(name: &str, arguments: &[String], core: usize) -> Result<Floor> {
        let mut process = start(name, command(name, arguments)?, core)?;
        match serde_json::from_str(&line(&mut process)?).doing("the first line of a floor")? {
            Says::Ready(address) => Ok(Floor { process, address }),
            Says::Measured(_) => Err(Error::failed(format!("{name} measured before it was ready"))),
        }
    }
}

/// Runs a raw client on that core; its figures, and the CPU time of the whole process in seconds.
pub(crate) fn measured(name: &str, arguments: &[String], core: usize) -> Result<(BTreeMap<String, f64>, f64)> {
    let said = said(name, command(name, arguments)?, core)?;
    match serde_json::from_str(&said.text).doing(format_args!("what {name} said"))? {
        Says::Measured(figures) => Ok((figures, said.cpu_s)),
        Says::Ready(_) => Err(Error::failed(format!("{name} has not measured anything"))),
    }
}

/// Ends this process once nobody holds its stdin any more.
pub(crate) fn end_with_stdin() {
    std::thread::spawn(|| {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
}

/// An argument as what it has to be.
pub(crate) fn argument<T: std::str::FromStr>(arguments: &[String], at: usize) -> Result<T> {
    let text = arguments.get(at).ok_or_else(|| Error::usage(format!("argument {at} of the floor is missing")))?;
    text.parse().map_err(|_| Error::usage(format!("`{text}` is not what argument {at} of the floor has to be")))
}
