//! What the kernel has to say about a connection.

use crate::call::Fault;
use crate::drive::clock::now_ns;
use crate::drive::event_loop::EventLoop;
use crate::drive::event_loop::calls::{At, Line};
use crate::drive::event_loop::pass::Pass;
use crate::drive::shared::Stage;
use crate::transport::contract::Reply;

impl EventLoop {
    /// The kernel has something to say about a connection.
    pub(super) fn ready(&mut self, which: usize, hung_up: bool, pass: &mut Pass<'_>) {
        self.hear(which, hung_up, pass);
        self.release(which);
    }

    fn hear(&mut self, which: usize, hung_up: bool, pass: &mut Pass<'_>) {
        let parting = |index: &usize| self.lines[*index].stage == At::Parting && self.lines[*index].on == which;
        if let Some(index) = self.lines_of(which).find(parting) {
            return self.part(index, false, pass);
        }
        let mut replies = std::mem::take(&mut self.replies);
        let single = self.job.streams == 1;
        match self.advance(which, hung_up, &mut replies) {
            Ok(()) => {
                if !self.connections[which].codec.accepts() {
                    self.retire(which, true);
                }
                // What the replies make due goes out in one write.
                self.connections[which].held = !single;
                for reply in replies.drain(..) {
                    // A server that closed right after its reply told so once; the edge will not come again.
                    // Where several lines are read to the end, the end is met there.
                    let reusable = reply.reusable && !(single && hung_up);
                    self.reply(which, Reply { reusable, ..reply }, pass);
                }
                self.connections[which].held = false;
                if !single && let Err(fault) = self.connections[which].write() {
                    self.break_off(which, fault);
                }
            }
            // The server closed a connection that nobody was using: the next call dials.
            Err(_) if !self.busy(which) => self.leave(which),
            Err(fault) => {
                let (stage, taken) = (self.awaiting(which), self.connections[which].taken());
                self.leave(which);
                // What came before the failure still counts, but for the one reply that it spoils.
                for reply in replies.drain(..).filter(|_| !single) {
                    self.reply(which, Reply { reusable: true, ..reply }, pass);
                }
                self.fail(which, stage, &fault, taken, pass);
            }
        }
        replies.clear();
        self.replies = replies;
    }

    /// Where the calls are that a failure of this connection would hit.
    pub(super) fn awaiting(&self, which: usize) -> At {
        if self.connections[which].stage == Stage::Open { At::Calling } else { At::Waiting }
    }

    /// Moves a connection on as far as its socket allows; adds the replies that are complete.
    pub(super) fn advance(&mut self, which: usize, hung_up: bool, replies: &mut Vec<Reply>) -> Result<(), Fault> {
        let connection = &mut self.connections[which];
        if connection.socket.is_none() {
            return Ok(());
        }
        if connection.stage == Stage::Dialling {
            connection.check_dial()?;
            (connection.dialled, connection.secured) = (now_ns(), None);
            self.open(which)?;
        }
        let busy = self.busy(which);
        let connection = &mut self.connections[which];
        connection.write()?;
        connection.read(busy, hung_up, &mut self.buffer, replies)?;
        if connection.stage == Stage::Opening
            && let Some(reply) = replies.pop()
        {
            reply.verdict?;
            if connection.secured.is_none() && connection.codec.secured() {
                connection.secured = Some(now_ns());
            }
            return self.open(which);
        }
        let first = connection.place * self.job.streams;
        let awaited = |line: &Line| line.stage == At::Calling && line.on == which;
        match replies.iter().all(|reply| awaited(&self.lines[first + reply.line])) {
            true => Ok(()),
            false => Err(Fault::protocol("a reply came that nobody asked for")),
        }
    }
}
