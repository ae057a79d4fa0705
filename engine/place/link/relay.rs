//! Moves packets between two devices, each when it is due, and watches how late it is.

use std::os::fd::{AsFd, BorrowedFd};

use hdrhistogram::Histogram;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, ppoll};
use nix::sys::time::TimeSpec;
use nix::time::{ClockId, clock_gettime};

use crate::drive::clock::now_ns;
use crate::key::link::properties::Link;
use crate::place::link::obstacle::{Obstacle, step};
use crate::place::link::queue::Queue;
use crate::place::link::tun::Tun;
use crate::place::link::waited::Waited;
use crate::place::link::wire::{Fate, Wire};
use crate::results::link::{Carried, Late, Way};

/// It stops sleeping so long before a packet is due, and watches the clock: a kernel wakes late by about as much.
const SPIN_NS: u64 = 80_000;
/// With more packets than these under way it sleeps until they are due.
const CROWD: usize = 16;
/// One round of its work takes less than this, unless it has lost its core meanwhile.
const HELD_UP_NS: u64 = 100_000;
/// How many packets of one way are taken before it looks again which are due.
const BATCH: usize = 32;
/// Lateness beyond this is told as this: a minute.
const LATEST_NS: u64 = 60_000_000_000;

/// A relay between the network of a client and that of a server.
pub struct Relay {
    /// The device of the client's network, and of the server's.
    tuns: [Tun; 2],
    /// From the client to the server, and back.
    ways: [OneWay; 2],
    /// Whether it is to go before ordinary processes, and whether it does.
    first: bool,
    real_time: bool,
    /// Of the thread that it runs in.
    waited: Option<Waited>,
    seed: u64,
    cpu_ns: u64,
}

/// What goes one way.
struct OneWay {
    wire: Wire,
    queue: Queue,
    seen: Way,
    late: Histogram<u64>,
    last_ns: u64,
    overflowed_before: u64,
}

impl OneWay {
    fn of(link: &Link, seed: u64) -> Result<Self, Obstacle> {
        let late =
            Histogram::new_with_bounds(1, LATEST_NS, 3).map_err(|_| step("making a histogram")(Errno::EINVAL))?;
        Ok(OneWay {
            wire: Wire::of(link, seed),
            queue: Queue::default(),
            seen: Way::default(),
            late,
            last_ns: 0,
            overflowed_before: 0,
        })
    }

    /// Gives on what is due. A packet that the other network does not take, as where it is gone, is gone too.
    fn deliver(&mut self, to: &Tun) {
        while let Some(due) = self.queue.next_ns() {
            let now = now_ns();
            let Some(packet) = self.queue.arrived(now) else { return };
            let _ = to.give(packet.bytes());
            self.late.saturating_record((now - due).max(1));
            self.queue.done(packet);
        }
    }

    /// Takes what was sent, a batch at most; `waited_ns` ago it may have been. True where there was something.
    fn take(&mut self, from: &Tun, waited_ns: u64) -> Result<bool, Obstacle> {
        for taken in 0..BATCH {
            let mut room = self.queue.room();
            let Some(length) = from.take(&mut room).map_err(step("taking a packet"))? else {
                self.queue.spare(room);
                return Ok(taken > 0);
            };
            // Version 6 is not spoken on a link: what a kernel says in it of itself is no traffic of an end.
            if room[0] >> 4 != 4 {
                self.queue.spare(room);
                continue;
            }
            let sent_ns = now_ns().saturating_sub(waited_ns).max(self.last_ns);
            self.last_ns = sent_ns;
            self.seen.packets += 1;
            self.seen.bytes += length as u64;
            match self.wire.send(sent_ns, length) {
                Fate::Arrives(due) => self.queue.push(due, room, length),
                fate => {
                    *(if fate == Fate::Lost { &mut self.seen.lost } else { &mut self.seen.dropped }) += 1;
                    self.queue.spare(room);
                }
            }
        }
        Ok(true)
    }

    fn begin(&mut self, tun: &mut Tun) {
        self.seen = Way::default();
        self.late.reset();
        self.overflowed_before = tun.overflowed().unwrap_or(0);
    }

    fn end(&self, tun: &mut Tun) -> Way {
        let at = |quantile| if self.late.is_empty() { 0 } else { self.late.value_at_quantile(quantile) };
        let late = Late { p50_ns: at(0.5), p99_ns: at(0.99), max_ns: self.late.max() };
        let overflowed = tun.overflowed().unwrap_or(0).saturating_sub(self.overflowed_before);
        Way { overflowed, late, ..self.seen }
    }
}

impl Relay {
    /// Between the device of the client's network and that of the server's, which are as `link` says.
    /// It goes before ordinary processes where that is allowed, if it is to go `first`.
    pub fn new(tuns: [Tun; 2], link: &Link, seed: u64, first: bool) -> Result<Self, Obstacle> {
        // Neither way may lose what the other loses.
        let ways = [OneWay::of(link, seed)?, OneWay::of(link, !seed)?];
        Ok(Relay { tuns, ways, first, waited: None, real_time: false, seed, cpu_ns: 0 })
    }

    /// This thread is the relay's from now on.
    pub fn begin_here(&mut self) {
        self.real_time = self.first && goes_first();
        self.waited = Some(Waited::begin());
    }

    /// How long its thread has waited for a core since this was last asked.
    fn waited_ns(&mut self) -> u64 {
        self.waited.as_mut().map_or(0, Waited::since)
    }

    /// Moves packets until `control` has something to read.
    pub fn run(&mut self, control: BorrowedFd<'_>) -> Result<(), Obstacle> {
        let (mut waited_ns, mut looked_ns) = (0, now_ns());
        loop {
            let [client, server] = &self.tuns;
            let [up, down] = &mut self.ways;
            up.deliver(server);
            down.deliver(client);
            let busy = up.take(client, waited_ns)? | down.take(server, waited_ns)?;
            let next = up.queue.next_ns().into_iter().chain(down.queue.next_ns()).min();
            // Where many packets are under way it is not worth a core to have each of them to the microsecond.
            let early = if up.queue.len() + down.queue.len() > CROWD { 0 } else { SPIN_NS };
            let left = next.map(|due| due.saturating_sub(now_ns()).saturating_sub(early));
            let sleep = if busy { Some(0) } else { left };
            if self.wait(control, sleep)? {
                return Ok(());
            }
            // What is found after a while in which this thread had no core may have been sent before.
            let before = std::mem::replace(&mut looked_ns, now_ns());
            let held_up = sleep != Some(0) || looked_ns - before > HELD_UP_NS;
            waited_ns = if held_up { self.waited_ns() } else { 0 };
        }
    }

    /// Waits for packets for so long at most, or for whatever comes. True where `control` has something to read.
    fn wait(&self, control: BorrowedFd<'_>, time_ns: Option<u64>) -> Result<bool, Obstacle> {
        let read = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
        let mut waiting = [read(control), read(self.tuns[0].as_fd()), read(self.tuns[1].as_fd())];
        let time = time_ns.map(|ns| TimeSpec::new((ns / 1_000_000_000) as i64, (ns % 1_000_000_000) as i64));
        match ppoll(&mut waiting, time, None) {
            Ok(_) => Ok(waiting[0].any().unwrap_or(false)),
            Err(Errno::EINTR) => Ok(false),
            Err(error) => Err(step("waiting for packets")(error)),
        }
    }

    /// A window begins: what is counted begins at nothing.
    pub fn begin(&mut self) {
        self.waited_ns();
        self.cpu_ns = cpu_ns();
        let both = self.ways.iter_mut().zip(&mut self.tuns);
        both.for_each(|(way, tun)| way.begin(tun));
    }

    /// What was carried since it began.
    pub fn end(&mut self) -> Carried {
        let [client, server] = &mut self.tuns;
        let [up, down] = &self.ways;
        Carried {
            seed: self.seed,
            real_time: self.real_time,
            cpu_ns: cpu_ns().saturating_sub(self.cpu_ns),
            up: up.end(client),
            down: down.end(server),
        }
    }
}

/// The CPU time of this thread.
fn cpu_ns() -> u64 {
    let spent = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID);
    spent.map_or(0, |time| std::time::Duration::from(time).as_nanos() as u64)
}

/// Lets this thread go before all ordinary ones, and wake when it asks to, where that is allowed.
fn goes_first() -> bool {
    // Of ordinary threads the kernel may gather wake-ups over 50 µs; a nanosecond is the least that can be asked for.
    let _ = nix::sys::prctl::set_timerslack(1);
    // The kernel's own `struct sched_param`. Not every C library makes this call: musl refuses it without asking.
    let priority: libc::c_int = 1;
    let policy = libc::SCHED_FIFO | libc::SCHED_RESET_ON_FORK;
    // SAFETY: it reads one number, which lives through the call, and concerns this thread alone.
    unsafe { libc::syscall(libc::SYS_sched_setscheduler, 0, policy, &raw const priority) == 0 }
}
