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
use crate::place::child::{Child, Heard};
use crate::place::messages::{Answer, EndId, FromAgent, Hello, Request};

/// How often an agent is told that somebody is still there; its lease is longer.
const BEAT: Duration = Duration::from_secs(2);
/// How long an agent may take to say who it is, and to answer: stopping an end takes a few seconds at most.
const SILENCE: Duration = Duration::from_secs(30);

/// An agent behind a pipe.
pub struct Piped {
    /// None once it is being stopped.
    process: Option<Child>,
    stdin: Option<Arc<Mutex<ChildStdin>>>,
    heard: BTreeMap<EndId, VecDeque<Heard>>,
    beating: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Piped {
    /// Starts the command, which has to speak as `engine agent` does, and hears who is there.
    pub fn start(place: &str, command: Command) -> Result<(Self, Hello)> {
        let mut process = Child::start(&format!("the agent at {place}"), command)?;
        let first = line(&mut process)?;
        let hello: Hello = match serde_json::from_str(&first) {
            Ok(FromAgent::Hello(hello)) => hello,
            _ => {
                return Err(Error::stopped(format!("the agent at {place} said `{first}` where its `hello` was due"))
                    .help("let nothing else print there, and the same build of the engine run at both places"));
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
        Ok((Piped { process: Some(process), stdin: Some(stdin), heard: BTreeMap::new(), beating }, hello))
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
            FromAgent::Hello(_) => Err(Error::stopped("the agent said `hello` a second time")),
        }
    }
}

/// The first line of an agent.
fn line(process: &mut Child) -> Result<String> {
    let deadline = Instant::now() + SILENCE;
    loop {
        match process.hear()? {
            Heard::Line(line) => return Ok(line),
            Heard::End => return Err(process.ended()),
            Heard::Nothing if Instant::now() > deadline => return Err(silent()),
            Heard::Nothing => {}
        }
    }
}

fn silent() -> Error {
    Error::stopped(format!("the agent was silent for {} s", SILENCE.as_secs()))
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
        let deadline = Instant::now() + SILENCE;
        while Instant::now() < deadline {
            if let Some(answer) = self.receive()? {
                return Ok(answer);
            }
        }
        Err(silent())
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
