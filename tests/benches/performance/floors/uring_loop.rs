//! A bare io_uring loop on one thread: sockets receive by themselves, and what a batch of calls sends is submitted by one wait.

use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Instant;

use engine::error::{Context, Error, Result};
use io_uring::squeue::{Entry, Flags};
use io_uring::types::{BufRingEntry, Fd};
use io_uring::{IoUring, cqueue, opcode};
use nix::errno::Errno;

use crate::floors::crowd::{self, Crowd};

/// How many operations can wait to be submitted: two for each client, of as many as there may be.
const QUEUE: u32 = 1024;

/// The group of rooms that sockets receive into; there is no other.
const GROUP: u16 = 0;

/// What an operation has as its name that sends; it is told of only where it fails.
const SENT: u64 = u64::MAX;

/// A ring that does the kernel's part of the work while this thread waits, not whenever something arrives.
fn ring() -> std::io::Result<IoUring> {
    IoUring::builder().setup_single_issuer().setup_defer_taskrun().setup_coop_taskrun().build(QUEUE)
}

/// Why there is no such ring here, where there is none.
pub(crate) fn allowed() -> std::result::Result<(), String> {
    ring().map(drop).map_err(|error| format!("the kernel gives no such ring (io_uring_setup: {error})"))
}

/// Room for what is received at once, of which a reply needs a part; a page, as the list of rooms has to begin one.
#[derive(Clone)]
#[repr(C, align(4096))]
struct Page([u8; 4096]);

/// So many pages that stay for good, so that a loop that fails leaves the kernel nothing to spoil.
fn pages(many: usize) -> *mut Page {
    vec![Page([0; 4096]); many].leak().as_mut_ptr()
}

/// Rooms of which the kernel takes one for each piece that it receives, and gets it back once that is counted.
struct Rooms {
    pages: *mut Page,
    /// What the kernel reads: the rooms that it may take, in a ring.
    list: *mut BufRingEntry,
    many: u16,
    /// How many it has been given so far.
    given: u16,
}

impl Rooms {
    /// Two for each client, all given to the kernel.
    fn of(ring: &IoUring, clients: usize) -> Result<Rooms> {
        let many = u16::try_from(2 * clients).ok().and_then(u16::checked_next_power_of_two);
        let many = many.ok_or_else(|| Error::usage("at most 16384 clients can have two rooms each"))?;
        let list = pages((usize::from(many) * size_of::<BufRingEntry>()).div_ceil(size_of::<Page>())).cast();
        // SAFETY: the list begins a page, has an entry for each room, and stays for good.
        unsafe { ring.submitter().register_buf_ring_with_flags(list as u64, many, GROUP, 0) }.doing("giving rooms")?;
        let mut rooms = Rooms { pages: pages(usize::from(many)), list, many, given: 0 };
        (0..many).for_each(|room| rooms.give(room));
        Ok(rooms)
    }

    /// Lets the kernel take one of them, below `many`, again.
    fn give(&mut self, room: u16) {
        assert!(room < self.many, "the kernel has no other rooms than it was given");
        // SAFETY: both are inside of what was allotted, which stays for good, and the kernel does not read beyond the tail.
        let (entry, page) =
            unsafe { (&mut *self.list.add(usize::from(self.given % self.many)), self.pages.add(usize::from(room))) };
        entry.set_addr(page as u64);
        entry.set_len(size_of::<Page>() as u32);
        entry.set_bid(room);
        self.given = self.given.wrapping_add(1);
        // SAFETY: the tail is a part of the first entry that is not an entry's own, and only this thread writes it.
        unsafe { AtomicU16::from_ptr(BufRingEntry::tail(self.list).cast_mut()) }.store(self.given, Ordering::Release);
    }
}

/// The floor `uring`: address, clients, milliseconds.
pub(crate) fn call(arguments: &[String]) -> Result<()> {
    let Crowd { streams, ask, reply, window } = Crowd::dialled(arguments)?;
    let ask: &'static [u8] = ask.leak().as_bytes();
    let mut ring = ring().doing("setting up io_uring")?;
    let mut rooms = Rooms::of(&ring, streams.len())?;
    let send = |which: usize| -> Entry {
        let send = opcode::Send::new(Fd(streams[which].as_raw_fd()), ask.as_ptr(), ask.len() as u32).build();
        send.flags(Flags::SKIP_SUCCESS).user_data(SENT)
    };
    let receive = |which: usize| -> Entry {
        opcode::RecvMulti::new(Fd(streams[which].as_raw_fd()), GROUP).build().user_data(which as u64)
    };
    let mut have = vec![0; streams.len()];
    let (mut calls, mut under_way) = (0, streams.len());
    let begun = Instant::now();
    for which in 0..streams.len() {
        // SAFETY: the bytes to send stay for good, as the rooms do.
        unsafe { ring.submission().push_multiple(&[receive(which), send(which)]) }.doing("the first calls")?;
    }
    while under_way > 0 {
        ring.submit_and_wait(1).doing("waiting")?;
        let over = begun.elapsed() >= window;
        let (_, mut submitted, completed) = ring.split();
        for event in completed {
            let result = event.result();
            if result < 0 {
                return Err(Error::failed(format!("a call failed: {}", Errno::from_raw(-result))));
            }
            let room = cqueue::buffer_select(event.flags()).filter(|_| result > 0);
            let room = room.ok_or_else(|| Error::failed("the server hung up"))?;
            rooms.give(room);
            let which = event.user_data() as usize;
            if !cqueue::more(event.flags()) {
                // SAFETY: the rooms stay for good.
                unsafe { submitted.push(&receive(which)) }.doing("receiving again")?;
            }
            have[which] += result as usize;
            if have[which] < reply {
                continue;
            }
            (have[which], calls) = (0, calls + 1);
            if over {
                under_way -= 1;
            } else {
                // SAFETY: the bytes to send stay for good.
                unsafe { submitted.push(&send(which)) }.doing("the next call")?;
            }
        }
    }
    crowd::say(calls, begun)
}
