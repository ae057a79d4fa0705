//! An agent that is reached by a pipe: each request and each answer is a line.

use std::collections::{BTreeMap, VecDeque};
use std::io::Write;
use std::process::{ChildStdin, Command};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::error::{Context, Error, Result};
use crate::place::agent::Agent;
use crate::place::child::{Child, Heard, Kind, quoted};
use crate::place::messages::{Answer, EndId, FromAgent, Hello, Request};

/// How often an agent is told that somebody is still there; its lease is longer.
const BEAT: Duration = Duration::from_secs(2);
/// How long an agent may take to say who it is, and to answer: stopping an end takes a few seconds at most.
const SILENCE: Duration = Duration::from_secs(30);
/// The same where it has to install something.
const INSTALLING: Duration = Duration::from_secs(900);
/// How much else may be printed there before an agent says who it is: what shells say at a login.
const NOISE: usize = 64 << 10;

/// What is found behind a command.
pub enum Greeting {
    /// An agent.
    Agent(Box<(Piped, Hello)>),
    /// A host without our program: its architecture.
    Absent(String),
}

/// An agent behind a pipe.
pub struct Piped {
    /// None once it is being stopped.
    process: Option<Child>,
    stdin: Option<Arc<Mutex<ChildStdin>>>,
    heard: BTreeMap<EndId, VecDeque<Heard>>,
    beating: Option<(Sender<()>, JoinHandle<()>)>,
    noise: String,
}

impl Piped {
    /// Starts the command, which has to speak as `engine agent` does, and hears who is there.
    pub fn start(place: &str, command: Command) -> Result<(Self, Hello)> {
        match Self::greet(place, command)? {
            Greeting::Agent(agent) => Ok(*agent),
            Greeting::Absent(_) => Err(Error::failed(format!("there is no engine at {place}"))),
        }
    }

    /// The same where it may be that nobody is there who could speak.
    pub fn greet(place: &str, command: Command) -> Result<Greeting> {
        let mut process = Child::start_as(Kind::Prefix, &format!("the agent at {place}"), command)?;
        let (first, noise) = greeting(place, &mut process)?;
        let hello = match serde_json::from_str(&first) {
            Ok(FromAgent::Hello(hello)) => hello,
            Ok(FromAgent::Absent { machine }) => return Ok(Greeting::Absent(machine)),
            _ => {
                return Err(Error::stopped(format!("the agent at {place} said `{first}` where its `agent` was due"))
                    .help("let the same build of the engine run at both places"));
            }
        };
        hello.check()?;
        let stdin = process.take_stdin().ok_or_else(|| Error::stopped("an agent without a stdin"))?;
        let stdin = Arc::new(Mutex::new(stdin));
        let (stop, stopped) = channel();
        let beaten = Arc::clone(&stdin);
        // It ends with its channel, or where nobody listens any more.
        let thread = thread::spawn(move || {
            while stopped.recv_timeout(BEAT) == Err(RecvTimeoutError::Timeout) {
                if tell(&beaten, &Request::Beat {}).is_err() {
                    return;
                }
            }
        });
        let beating = Some((stop, thread));
        let agent = Piped { process: Some(process), stdin: Some(stdin), heard: BTreeMap::new(), beating, noise };
        Ok(Greeting::Agent(Box::new((agent, hello))))
    }

    /// What else was printed there before it said who it is.
    pub fn noise(&self) -> &str {
        &self.noise
    }

    fn process(&mut self) -> Result<&mut Child> {
        self.process.as_mut().ok_or_else(|| Error::stopped("the agent is being stopped"))
    }

    /// The next thing it says, within one tick; what ends have said is kept for whoever waits for it.
    fn receive(&mut self) -> Result<Option<Answer>> {
        let process = self.process()?;
        let line = match process.hear()? {
            Heard::Nothing => return Ok(None),
            Heard::End => return Err(process.ended()),
            Heard::Line(line) => line,
        };
        match serde_json::from_str(&line).doing(format_args!("the agent said `{line}`, which is none of its lines"))? {
            FromAgent::Answer(answer) => Ok(Some(answer)),
            FromAgent::Said { end, heard } => {
                self.heard.entry(end).or_default().push_back(heard);
                Ok(None)
            }
            FromAgent::Hello(_) | FromAgent::Absent { .. } => {
                Err(Error::stopped("the agent said who it is a second time"))
            }
        }
    }
}

/// The first line of an agent, and what was printed before it by others.
fn greeting(place: &str, process: &mut Child) -> Result<(String, String)> {
    let (deadline, mut noise) = (Instant::now() + SILENCE, String::new());
    let beside = |noise: &str| match noise.trim() {
        "" => String::new(),
        said => format!("; this was printed there: {}", quoted(said)),
    };
    loop {
        match process.hear()? {
            Heard::Line(line) if line.starts_with("{\"agent\"") || line.starts_with("{\"absent\"") => {
                return Ok((line, noise));
            }
            Heard::Line(line) => {
                noise.push_str(&line);
                noise.push('\n');
            }
            Heard::End => {
                let error = process.ended();
                return Err(Error::failed(format!("{}{}", error.message(), beside(&noise))));
            }
            Heard::Nothing if Instant::now() > deadline => {
                return Err(Error::failed(format!(
                    "the agent at {place} said nothing for {} s{}",
                    SILENCE.as_secs(),
                    beside(&noise)
                )));
            }
            Heard::Nothing => {}
        }
        if noise.len() > NOISE {
            let what = format!("more than {} KiB were printed at {place} before the agent spoke", NOISE >> 10);
            return Err(Error::failed(format!("{what}: {}", quoted(&noise)))
                .help("let the profile of the shell there print nothing where nobody reads it"));
        }
    }
}

fn silent(time: Duration) -> Error {
    Error::stopped(format!("the agent was silent for {} s", time.as_secs()))
}

/// Writes one line.
fn tell(stdin: &Mutex<ChildStdin>, line: &impl Serialize) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(line)?;
    text.push(b'\n');
    let mut stdin = stdin.lock().unwrap_or_else(PoisonError::into_inner);
    stdin.write_all(&text).and_then(|()| stdin.flush())
}

impl Agent for Piped {
    fn ask(&mut self, request: Request) -> Result<Answer> {
        if let Request::Launch(launch) = &request {
            self.heard.remove(&launch.end);
        }
        let stdin = self.stdin.as_deref().ok_or_else(|| Error::stopped("the agent is being stopped"))?;
        if tell(stdin, &request).is_err() {
            return Err(self.process()?.ended());
        }
        let patience = if matches!(request, Request::Install { .. }) { INSTALLING } else { SILENCE };
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(answer) = self.receive()? {
                return Ok(answer);
            }
        }
        Err(silent(patience))
    }

    fn hear(&mut self, end: EndId) -> Result<Heard> {
        let kept = |agent: &mut Self| agent.heard.get_mut(&end)?.pop_front();
        if let Some(heard) = kept(self) {
            return Ok(heard);
        }
        match self.receive()? {
            None => Ok(kept(self).unwrap_or(Heard::Nothing)),
            Some(answer) => Err(Error::stopped(format!("the agent answered what nobody had asked: {answer:?}"))),
        }
    }
}

impl Drop for Piped {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.beating.take() {
            drop(stop);
            // A thread that panicked has ended too.
            let _ = thread.join();
        }
        self.stdin = None;
        if let Some(process) = self.process.take() {
            // It ends all that it started; if it cannot, it is killed with them.
            let _ = process.stop();
        }
    }
}
