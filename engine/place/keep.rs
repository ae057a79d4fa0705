//! The process around a command of the user's own: launches it, proves that it listens, and leaves nothing of it running.
//!
//! That holds also where whoever asked for it is killed. It leads the process group in which the command runs, and adopts
//! what leaves it; it waits while the command is measured, and is not counted.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, ErrorKind};
use std::net::{TcpListener, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::{set_child_subreaper, set_pdeathsig};
use nix::sys::signal::{SigHandler, Signal, kill, signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, getpgrp, getpid, getppid, mkdtemp, read, setpgid};

use crate::error::{Context, Error, Result};
use crate::place::child::quoted;
use crate::place::kept::{Failed, Keep, ToKeeper};
use crate::place::listener::{Listening, holders, listening};
use crate::place::output::Output;
use crate::place::processes::{Stat, all, command, name};
use crate::server::ready::Ready;
use crate::template::Template;
use crate::transport::address::Address;
use crate::transport::contract::{Facts, Family};

/// How long a command may take to end once it has been told to.
const GRACE: Duration = Duration::from_secs(5);
/// How long what was killed may take until it is gone.
const GOING: Duration = Duration::from_secs(2);
/// How often it is looked whether a command listens, at first and in the end.
const LOOKS: [Duration; 2] = [Duration::from_millis(1), Duration::from_millis(10)];
/// How often it is looked whether all is well while it serves, and while it writes much.
const WATCHES: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(10)];
/// How many ports are tried where others take them.
const TRIES: u32 = 3;

/// Does what stdin says, from the first line to the end of the command.
pub fn keep() -> std::result::Result<(), Failed> {
    let failed = |error: Error| Failed { reason: error.to_string(), wrote: String::new() };
    let mut told = Told::default();
    let wanted = loop {
        match told.next(Duration::from_secs(3600)) {
            Some(ToKeeper::Keep(wanted)) => break wanted,
            Some(ToKeeper::Stop {}) => return Ok(()),
            None if told.over => return Ok(()),
            None => {}
        }
    };
    begin().map_err(failed)?;
    let mut kept =
        Kept { output: Output::new().map_err(failed)?, told, leader: Pid::from_raw(0), ended: None, fresh: None };
    let outcome = kept.serve(&wanted);
    kept.kill();
    if let Some(folder) = kept.fresh.take() {
        // It is in nobody's way.
        let _ = std::fs::remove_dir_all(folder);
    }
    match outcome {
        Ok(()) => Ok(()),
        Err(error) => Err(Failed { reason: error.to_string(), wrote: quoted(&kept.output.text()) }),
    }
}

/// Leads a group of its own, adopts what the command leaves behind, and is not ended by what ends the command.
fn begin() -> Result<()> {
    // It leads one already where an agent has started it.
    let _ = setpgid(Pid::from_raw(0), Pid::from_raw(0));
    set_child_subreaper(true).doing("becoming the parent of what a command leaves behind")?;
    // SAFETY: what is run does nothing, but that a wait ends for it.
    unsafe { signal(Signal::SIGCHLD, SigHandler::Handler(awake)) }.doing("asking to be told when the command ends")?;
    for ending in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
        // SAFETY: to ignore a signal runs no code of ours.
        unsafe { signal(ending, SigHandler::SigIgn) }.doing("ignoring signals that are meant for the command")?;
    }
    Ok(())
}

extern "C" fn awake(_: libc::c_int) {}

/// What stdin says, line by line.
#[derive(Debug, Default)]
struct Told {
    text: Vec<u8>,
    over: bool,
}

impl Told {
    /// The next line that comes within `time`; none where none does, or stdin is over.
    fn next(&mut self, time: Duration) -> Option<ToKeeper> {
        if let Some(line) = self.line() {
            return Some(line);
        }
        let stdin = io::stdin();
        let time = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
        if poll(&mut [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)], time) != Ok(1) {
            return None;
        }
        let mut buffer = [0; 65536];
        match read(stdin.as_fd(), &mut buffer) {
            Ok(0) => self.over = true,
            Ok(n) => self.text.extend_from_slice(&buffer[..n]),
            Err(Errno::EINTR) => {}
            Err(_) => self.over = true,
        }
        self.line()
    }

    fn line(&mut self) -> Option<ToKeeper> {
        let end = self.text.iter().position(|byte| *byte == b'\n')?;
        let rest = self.text.split_off(end + 1);
        let line = std::mem::replace(&mut self.text, rest);
        let line = serde_json::from_slice(&line).ok();
        // Whoever says something else is none of ours.
        self.over |= line.is_none();
        line
    }
}

/// The command, with all that it started.
struct Kept {
    output: Output,
    told: Told,
    leader: Pid,
    ended: Option<WaitStatus>,
    /// The folder of its socket.
    fresh: Option<PathBuf>,
}

/// How a wait for the listener ended where nobody may be measured.
enum Missed {
    /// Nothing more is wanted.
    Over,
    /// Somebody else has the address: who, in words.
    Stolen(String),
    /// Anything else.
    Failed(Error),
}

impl Kept {
    /// Launches, announces and serves until stdin says that it is enough; else why it could not.
    fn serve(&mut self, wanted: &Keep) -> Result<()> {
        let mut address = None;
        for last in (1..=TRIES).map(|attempt| attempt == TRIES) {
            let given = self.free(wanted)?;
            self.launch(wanted, &given)?;
            match self.await_listener(&given.address, wanted) {
                Ok(()) => {
                    address = Some(given.address);
                    break;
                }
                Err(Missed::Over) => return Ok(()),
                Err(Missed::Stolen(whose)) if last => {
                    let what = format!("{whose}, which is not the command that was launched; {TRIES} times in a row");
                    return Err(Error::failed(what));
                }
                Err(Missed::Stolen(_)) => self.kill(),
                Err(Missed::Failed(error)) => return Err(error),
            }
        }
        let address = address.map(|address| address.to_string()).unwrap_or_default();
        let ready =
            Ready { address, pid: self.leader.as_raw() as u32, nonce: String::new(), facts: Facts::new(), ca: None };
        ready.announce()?;
        self.watch()
    }

    /// An address where nothing listens, with a folder for its socket where one is wanted.
    fn free(&mut self, wanted: &Keep) -> Result<Given> {
        let port = free_port(&wanted.host)?;
        let wants = |template: &String| template.contains("${socket}");
        let wants = wanted.words.iter().chain(wanted.env.values()).any(wants) || wanted.family == Family::Unix;
        if wants && self.fresh.is_none() {
            self.fresh =
                Some(mkdtemp(&std::env::temp_dir().join("engine-XXXXXX")).doing("making a folder for its socket")?);
        }
        let socket = self.fresh.as_deref().unwrap_or(Path::new("")).join("socket");
        let host_and_port = match wanted.host.contains(':') {
            true => format!("[{}]:{port}", wanted.host),
            false => format!("{}:{port}", wanted.host),
        };
        let address = match wanted.family {
            Family::Unix => Address::Path(socket.clone()),
            Family::Tcp | Family::Udp => host_and_port.parse()?,
        };
        Ok(Given { host: wanted.host.clone(), port, host_and_port, socket, address })
    }

    fn launch(&mut self, wanted: &Keep, given: &Given) -> Result<()> {
        let text = |template: &String| {
            let filled = Template::parse(template).map(|it| it.fill(|word| given.value(word)));
            filled
                .ok()
                .and_then(|it| it.text().ok())
                .ok_or_else(|| Error::failed("the command has words that nobody fills"))
        };
        let words: Vec<String> = wanted.words.iter().map(text).collect::<Result<_>>()?;
        let (program, arguments) = words.split_first().ok_or_else(|| Error::failed("the command is empty"))?;
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&wanted.folder).stdin(Stdio::null());
        for (name, template) in &wanted.env {
            command.env(name, text(template)?);
        }
        command.stdout(self.output.writer()?).stderr(self.output.writer()?);
        let keeper = getpid();
        // SAFETY: only async-signal-safe calls (sigaction, prctl, getppid) are made between fork and exec.
        unsafe {
            command.pre_exec(move || {
                for ending in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP] {
                    signal(ending, SigHandler::SigDfl)?;
                }
                set_pdeathsig(Signal::SIGKILL)?;
                if getppid() == keeper { Ok(()) } else { Err(ErrorKind::BrokenPipe.into()) }
            });
        }
        let folder = wanted.folder.display();
        let child = command.spawn().doing(format_args!("`{program}` cannot be launched in {folder}"))?;
        (self.leader, self.ended) = (Pid::from_raw(child.id() as i32), None);
        Ok(())
    }

    /// Waits until the command listens at `address`, and nobody else does.
    fn await_listener(&mut self, address: &Address, wanted: &Keep) -> std::result::Result<(), Missed> {
        let within = Duration::from_nanos(wanted.within_ns);
        let (deadline, mut nap) = (Instant::now() + within, LOOKS[0]);
        loop {
            self.reap();
            self.output.shorten();
            match self.owner(address, wanted.family) {
                Owner::Nobody => {}
                Owner::Command => return Ok(()),
                Owner::Runaway(who) => {
                    return Err(Missed::Failed(Error::failed(format!(
                        "{who} listens on {address} and has left the process group of your command; let it stay in the foreground"
                    ))));
                }
                Owner::Stranger(who) => return Err(Missed::Stolen(format!("{address} is held by {who}"))),
            }
            if let Some(ended) = self.ended {
                return Err(Missed::Failed(Error::failed(self.ended_early(&ended))));
            }
            if Instant::now() > deadline {
                return Err(Missed::Failed(Error::failed(self.silent(address, within))));
            }
            match self.told.next(nap) {
                Some(_) => return Err(Missed::Over),
                None if self.told.over => return Err(Missed::Over),
                None => nap = (nap * 2).min(LOOKS[1]),
            }
        }
    }

    /// Who listens at `address`.
    fn owner(&self, address: &Address, family: Family) -> Owner {
        // In the namespace of the command, which may be another than ours.
        let process = if self.ended.is_none() { self.leader } else { getpid() };
        let there: BTreeSet<u64> = listening(process, family)
            .iter()
            .filter(|socket| socket.takes(address))
            .map(|socket| socket.inode)
            .collect();
        if there.is_empty() {
            return Owner::Nobody;
        }
        let holders = holders(&there);
        let members = members();
        if holders.iter().any(|pid| members.get(pid) == Some(&true)) {
            return Owner::Command;
        }
        if let Some(pid) = holders.iter().find(|pid| members.contains_key(pid)) {
            return Owner::Runaway(called(*pid));
        }
        // Whoever looks at the wrong moment finds a socket that is just being closed.
        match holders.first() {
            Some(pid) => Owner::Stranger(called(*pid)),
            None if self.ended.is_some() => Owner::Stranger("a process of another user".to_owned()),
            None => Owner::Nobody,
        }
    }

    /// What to say of a command that ended before it listened.
    fn ended_early(&self, ended: &WaitStatus) -> String {
        let how = how(ended);
        match members().keys().next() {
            Some(left) => format!(
                "your command {how} before it listened, and left {} behind; launch what serves itself, in the foreground",
                called(*left)
            ),
            None => format!("your command {how} before it listened"),
        }
    }

    /// What to say of a command that has not come to listen.
    fn silent(&self, address: &Address, within: Duration) -> String {
        let said = format!("your command did not listen on {address} within {}", crate::units::Time(within));
        let members: Vec<Pid> = members().into_keys().collect();
        let of = |family| {
            listening(self.leader, family)
                .into_iter()
                .filter(|it| holders(&[it.inode].into()).iter().any(|pid| members.contains(pid)))
        };
        let elsewhere: Vec<Listening> = [Family::Tcp, Family::Unix].into_iter().flat_map(of).collect();
        match elsewhere.first() {
            Some(other) => format!("{said}; it listens on {} instead", other.address),
            None => said,
        }
    }

    /// Waits until stdin says that it is enough, or the command ends of itself, which it may not.
    fn watch(&mut self) -> Result<()> {
        let mut nap = WATCHES[0];
        loop {
            match self.told.next(nap) {
                None if self.told.over => return Ok(()),
                told => {
                    self.reap();
                    match (&self.ended, told) {
                        (Some(ended), _) => {
                            return Err(Error::failed(format!("your command {} while it served", how(ended))));
                        }
                        (None, Some(_)) => return self.stop(),
                        (None, None) => nap = if self.output.shorten() { WATCHES[1] } else { WATCHES[0] },
                    }
                }
            }
        }
    }

    /// Tells the command to end, and waits; an error where it has to be killed.
    fn stop(&mut self) -> Result<()> {
        let deadline = Instant::now() + GRACE;
        signal_all(Signal::SIGTERM);
        let mut nap = LOOKS[0];
        while Instant::now() < deadline {
            self.reap();
            self.output.shorten();
            if members().is_empty() {
                return Ok(());
            }
            std::thread::sleep(nap);
            nap = (nap * 2).min(LOOKS[1]);
        }
        let left = members().into_keys().next();
        let Some(left) = left else { return Ok(()) };
        let (within, left) = (GRACE.as_secs(), called(left));
        Err(Error::failed(format!("your command did not end within {within} s of SIGTERM, and {left} was killed")))
    }

    /// Kills all of it, and waits until it is gone.
    fn kill(&mut self) {
        let deadline = Instant::now() + GOING;
        while !members().is_empty() && Instant::now() < deadline {
            signal_all(Signal::SIGKILL);
            self.reap();
            std::thread::sleep(LOOKS[0]);
        }
        self.reap();
    }

    /// Waits for all that has ended.
    fn reap(&mut self) {
        while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            match status.pid() {
                None => return,
                Some(pid) if pid == self.leader => self.ended = Some(status),
                Some(_) => {}
            }
        }
    }
}

/// Whose socket it is.
enum Owner {
    Nobody,
    Command,
    /// Of the command, but it has left.
    Runaway(String),
    Stranger(String),
}

/// What the words of a command stand for.
struct Given {
    host: String,
    port: u16,
    host_and_port: String,
    socket: PathBuf,
    address: Address,
}

impl Given {
    fn value(&self, word: &str) -> Option<String> {
        Some(match word {
            "port" => self.port.to_string(),
            "host" => self.host.clone(),
            "address" => self.host_and_port.clone(),
            "socket" => self.socket.display().to_string(),
            _ => return None,
        })
    }
}

/// A port that is free for TCP and UDP alike.
fn free_port(host: &str) -> Result<u16> {
    let mut taken = Error::failed(format!("no port of {host} is free"));
    for _ in 0..100 {
        let tcp = TcpListener::bind((host, 0)).doing(format_args!("looking for a free port of {host}"))?;
        let port = tcp.local_addr().doing("looking at a port")?.port();
        match UdpSocket::bind((host, port)) {
            Ok(_) => return Ok(port),
            Err(error) => taken = taken.because(error),
        }
    }
    Err(taken)
}

/// The living processes of the command, each with whether it is in its group.
fn members() -> BTreeMap<Pid, bool> {
    let (own, group) = (getpid(), getpgrp());
    let stats: BTreeMap<Pid, Stat> = all().into_iter().filter_map(|pid| Some((pid, Stat::of(pid)?))).collect();
    let descends = |pid: Pid| {
        let parent = |pid: &Pid| stats.get(pid).map(|stat| Pid::from_raw(stat.parent));
        std::iter::successors(Some(pid), parent).skip(1).take(1000).any(|ancestor| ancestor == own)
    };
    stats
        .iter()
        .filter(|(pid, stat)| **pid != own && !stat.zombie)
        .map(|(pid, stat)| (*pid, stat.group == group, descends(*pid)))
        .filter(|(_, inside, descends)| *inside || *descends)
        .map(|(pid, inside, _)| (pid, inside))
        .collect()
}

fn signal_all(what: Signal) {
    for pid in members().into_keys() {
        // Who has gone meanwhile needs none.
        let _ = kill(pid, what);
    }
}

/// A process, in words: what the kernel calls it, and what it was started as.
fn called(pid: Pid) -> String {
    let words = command(pid.as_raw());
    let name = name(pid.as_raw()).unwrap_or_default();
    let program = words.first().map(|word| word.rsplit('/').next().unwrap_or(word)).filter(|word| !word.is_empty());
    format!("`{}` (pid {pid})", program.unwrap_or(&name))
}

/// How it ended, in words.
fn how(status: &WaitStatus) -> String {
    match status {
        WaitStatus::Exited(_, code) => format!("ended with exit code {code}"),
        WaitStatus::Signaled(_, signal, _) => format!("was killed by {signal}"),
        other => format!("ended: {other:?}"),
    }
}
