//! What the network tells of a connection.

use crate::call::CallError;
use crate::drive::event_loop::calls::{Slot, State};
use crate::drive::event_loop::connection::Stage;
use crate::drive::event_loop::run::Run;
use crate::drive::network::Network;
use crate::transport::contract::Reply;

impl<N: Network> Run<'_, N> {
    /// Something is new of a connection.
    pub(super) fn ready(&mut self, which: usize, hung_up: bool) {
        self.receive(which, hung_up);
        self.release(which);
    }

    fn receive(&mut self, which: usize, hung_up: bool) {
        let closing = |index: &usize| {
            let slot = &self.calls.slots[*index];
            slot.state == State::Closing && slot.on == which
        };
        if let Some(index) = self.slots_of(which).find(closing) {
            return self.closing(index, false);
        }
        let mut replies = std::mem::take(&mut self.connections.replies);
        let single = self.job.streams == 1;
        match self.advance(which, hung_up, &mut replies) {
            Ok(()) => {
                if !self.connections.all[which].codec.accepts() {
                    self.retire(which, true);
                }
                // What the replies make due goes out in one write.
                self.connections.all[which].held = !single;
                for reply in replies.drain(..) {
                    // A server that closed right after its reply told so once; the edge will not come again.
                    // With several streams the end is seen by the read that goes on to it.
                    let reusable = reply.reusable && !(single && hung_up);
                    self.reply(which, Reply { reusable, ..reply });
                }
                self.connections.all[which].held = false;
                if !single && let Err(fault) = self.connections.all[which].write() {
                    self.connections.fail_later(which, fault);
                }
            }
            // The server closed a connection that nobody was using: the next call dials.
            Err(_) if !self.busy(which) => self.connections.close(which),
            Err(fault) => {
                let (state, taken) = (self.awaiting(which), self.connections.all[which].taken());
                self.connections.close(which);
                // What came before the failure still counts, but for the one reply that it spoils.
                for reply in replies.drain(..).filter(|_| !single) {
                    self.reply(which, Reply { reusable: true, ..reply });
                }
                self.fail(which, state, &fault, taken);
            }
        }
        replies.clear();
        self.connections.replies = replies;
    }

    /// What ends a call that only dials, once its connection is open.
    fn dialled_only(&self, which: usize) -> Option<Reply> {
        (self.job.dials_only && self.connections.all[which].stage == Stage::Open).then(Reply::ok)
    }

    /// How far the calls are that a failure of this connection would hit.
    pub(super) fn awaiting(&self, which: usize) -> State {
        if self.connections.all[which].stage == Stage::Open { State::Calling } else { State::Connecting }
    }

    /// Moves a connection on as far as its socket allows; adds the replies that are complete.
    fn advance(&mut self, which: usize, hung_up: bool, replies: &mut Vec<Reply>) -> Result<(), CallError> {
        let connection = &mut self.connections.all[which];
        if connection.socket.is_none() {
            return Ok(());
        }
        if connection.stage == Stage::Dialling {
            connection.check_dial()?;
            (connection.dialled, connection.secured) = (self.connections.network.now_ns(), None);
            self.open(which)?;
            replies.extend(self.dialled_only(which));
        }
        let busy = self.busy(which);
        let connection = &mut self.connections.all[which];
        connection.write()?;
        connection.read(busy, hung_up, &mut self.connections.buffer, replies)?;
        if connection.stage == Stage::Opening
            && let Some(reply) = replies.pop()
        {
            reply.verdict?;
            if connection.secured.is_none() && connection.codec.is_encrypted() {
                connection.secured = Some(self.connections.network.now_ns());
            }
            self.open(which)?;
            replies.extend(self.dialled_only(which));
            return Ok(());
        }
        let first = connection.number * self.job.streams;
        let awaited = |slot: &Slot| slot.state == State::Calling && slot.on == which;
        match replies.iter().all(|reply| awaited(&self.calls.slots[first + reply.slot])) {
            true => Ok(()),
            false => Err(CallError::protocol("a reply came that nobody asked for")),
        }
    }
}
