//! The client's end of a connection, in TLS.

use rustls::ClientConnection;

use crate::call::own::Material;
use crate::call::{CallError, CallSpec};
use crate::transport::contract::{ClientCodec, Reply};
use crate::transport::outbox::Outbox;
use crate::transport::tls::session::Session;

/// The protocol inside, and the session around it. Its first opening stage is the handshake; this end's last
/// words of it travel with whatever is written next.
pub(crate) struct TlsClient {
    session: Session,
    inner: Box<dyn ClientCodec>,
}

impl TlsClient {
    pub(crate) fn new(session: ClientConnection, inner: Box<dyn ClientCodec>) -> Self {
        TlsClient { session: Session::new(session), inner }
    }

    fn hear(&mut self, input: &mut &[u8]) -> Result<Option<Reply>, CallError> {
        let opening = self.session.handshaking();
        let mut reply = None;
        loop {
            if opening && !self.session.handshaking() {
                return Ok(Some(Reply::ok()));
            }
            if !opening && self.inner.max_in_flight() > 1 {
                // Also with nothing new: the protocol inside may hold more replies than one.
                loop {
                    match self.session.hear(|opened, out| self.inner.receive(opened, out))? {
                        Some(reply) => return Ok(Some(reply)),
                        None if self.session.waits() => {}
                        None => break,
                    }
                }
            }
            // One record may hold more than one message of the protocol inside, but no second reply.
            while self.session.waits() {
                if let Some(came) = self.session.hear(|opened, out| self.inner.receive(opened, out))?
                    && reply.replace(came).is_some()
                {
                    return Err(CallError::protocol("a reply came that nobody asked for"));
                }
            }
            if input.is_empty() {
                return Ok(reply);
            }
            self.session.take(input).map_err(|error| match opening {
                true => CallError::connect(format!("the TLS handshake failed: {error}")),
                false => CallError::protocol(format!("the server breaks the rules of TLS: {error}")),
            })?;
        }
    }
}

impl ClientCodec for TlsClient {
    fn open(&mut self, out: &mut Outbox) -> bool {
        let awaited = self.session.handshaking() || self.inner.open(&mut self.session.plain);
        self.session.seal(out);
        awaited
    }

    fn is_encrypted(&self) -> bool {
        !self.session.handshaking()
    }

    fn negotiated(&self) -> Option<String> {
        self.session.negotiated()
    }

    fn max_in_flight(&self) -> usize {
        self.inner.max_in_flight()
    }

    fn accepts(&mut self) -> bool {
        self.inner.accepts()
    }

    fn cancel(&mut self, slot: usize, out: &mut Outbox) -> bool {
        let good = self.inner.cancel(slot, &mut self.session.plain);
        self.session.seal(out);
        good
    }

    fn call(&mut self, slot: usize, ask: &CallSpec, content: bool, out: &mut Outbox) {
        self.inner.call(slot, ask, content, &mut self.session.plain);
        self.session.seal(out);
    }

    fn receive(&mut self, input: &mut &[u8], out: &mut Outbox) -> Result<Option<Reply>, CallError> {
        let reply = self.hear(input);
        self.session.seal(out);
        reply
    }

    fn inspect(&mut self, slot: usize) -> Result<(), CallError> {
        self.inner.inspect(slot)
    }

    fn material(&mut self, slot: usize) -> Option<Box<Material>> {
        self.inner.material(slot)
    }

    fn fill_output(&mut self, out: &mut Outbox) {
        if self.session.plain.is_empty() {
            self.inner.fill_output(&mut self.session.plain);
        }
        self.session.seal(out);
    }

    fn hung_up(&mut self) -> Result<Reply, CallError> {
        match (self.session.handshaking(), self.session.ended) {
            (true, _) => Err(CallError::connect("the server closed the connection during the TLS handshake")),
            // Whoever cuts a connection must not be able to make half a reply look whole.
            (false, false) => Err(CallError::connect("the connection was cut: the server did not end its TLS session")),
            (false, true) => self.inner.hung_up(),
        }
    }

    fn close(&mut self, out: &mut Outbox) {
        self.inner.close(&mut self.session.plain);
        self.session.seal(out);
        self.session.end(out);
    }

    fn awaits_close(&self) -> bool {
        self.inner.awaits_close()
    }

    fn messages(&self) -> u64 {
        self.inner.messages()
    }

    fn quick_ack(&self) -> bool {
        self.inner.quick_ack()
    }
}
