//! The server's end of a connection, in TLS.

use rustls::ServerConnection;

use crate::call::{CallError, CallResponse};
use crate::transport::contract::{Next, ServerCodec, Step};
use crate::transport::outbox::Outbox;
use crate::transport::tls::session::Session;

/// The protocol inside, and the session around it.
pub(crate) struct TlsServer {
    session: Session,
    inner: Box<dyn ServerCodec>,
    /// True once the connection is to be closed behind what still has to be written.
    closing: bool,
}

impl TlsServer {
    pub(crate) fn new(session: ServerConnection, inner: Box<dyn ServerCodec>) -> Self {
        TlsServer { session: Session::new(session), inner, closing: false }
    }

    fn hear(&mut self, input: &mut &[u8]) -> Result<Step, CallError> {
        loop {
            if !self.session.handshaking() {
                // Also with nothing new: the protocol inside may hold more than the call that was just answered.
                loop {
                    match self.session.hear(|opened, out| self.inner.receive(opened, out))? {
                        Step::Read => {}
                        step => return Ok(step),
                    }
                    if !self.session.waits() {
                        break;
                    }
                }
            }
            if self.session.ended {
                return Ok(Step::Close);
            }
            if input.is_empty() {
                return Ok(Step::Read);
            }
            self.session
                .take(input)
                .map_err(|error| CallError::protocol(format!("the client breaks the rules of TLS: {error}")))?;
        }
    }
}

impl ServerCodec for TlsServer {
    fn receive(&mut self, input: &mut &[u8], out: &mut Outbox) -> Result<Step, CallError> {
        let step = self.hear(input);
        self.closing |= matches!(step, Ok(Step::Close) | Err(_));
        self.session.seal(out);
        step
    }

    fn overlaps(&self) -> bool {
        self.inner.overlaps()
    }

    fn answer(&mut self, call: u64, answer: CallResponse, out: &mut Outbox) -> Next {
        let next = self.inner.answer(call, answer, &mut self.session.plain);
        self.closing |= next == Next::Close;
        self.session.seal(out);
        next
    }

    fn fill_output(&mut self, out: &mut Outbox) {
        if self.session.plain.is_empty() {
            self.inner.fill_output(&mut self.session.plain);
        }
        self.session.seal(out);
        if self.closing && self.session.plain.is_empty() && out.is_empty() {
            self.session.end(out);
        }
    }
}
