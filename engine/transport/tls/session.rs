//! What both ends of TLS have in common: records in, plaintext to the protocol inside, records out.

use std::io::{BufRead, IoSlice, Write};

use rustls::{Connection, Error, ProtocolVersion};

use crate::transport::outbox::{GATHER, Outbox};

/// How much is sealed at a time, in bytes: what the protocol inside has ready stays a reference until then.
const PIECE: usize = 256 * 1024;

/// One connection's state of TLS, and what the protocol inside has to write.
pub(crate) struct Session {
    tls: Connection,
    /// What waits to be sealed.
    pub(crate) plain: Outbox,
    /// True once the peer has said that it writes no more (close_notify).
    pub(crate) ended: bool,
}

impl Session {
    pub(crate) fn new(tls: impl Into<Connection>) -> Self {
        let mut tls = tls.into();
        tls.set_buffer_limit(Some(PIECE));
        Session { tls, plain: Outbox::new(), ended: false }
    }

    /// What was agreed on, in words; none while that is not over.
    pub(crate) fn negotiated(&self) -> Option<String> {
        let version = match self.tls.protocol_version()? {
            ProtocolVersion::TLSv1_2 => "TLS 1.2",
            ProtocolVersion::TLSv1_3 => "TLS 1.3",
            _ => "TLS",
        };
        let suite = self.tls.negotiated_cipher_suite()?.suite();
        Some(format!("{version}, {}", suite.as_str().unwrap_or("an unknown cipher")))
    }

    pub(crate) fn handshaking(&self) -> bool {
        self.tls.is_handshaking()
    }

    /// Takes some bytes from the front of `input`, at most a record's, and opens the records that are complete.
    pub(crate) fn take(&mut self, input: &mut &[u8]) -> Result<(), Error> {
        match self.tls.read_tls(input) {
            // What follows a close_notify is not part of the session.
            Ok(0) => *input = &[],
            Ok(_) => {}
            Err(error) => return Err(Error::General(error.to_string())),
        }
        self.ended |= self.tls.process_new_packets()?.peer_has_closed();
        Ok(())
    }

    /// Gives opened bytes, or none, to `hear`, which takes some from their front and may write.
    pub(crate) fn hear<T>(&mut self, hear: impl FnOnce(&mut &[u8], &mut Outbox) -> T) -> T {
        let mut reader = self.tls.reader();
        let opened = reader.fill_buf().unwrap_or_default();
        let mut rest = opened;
        let heard = hear(&mut rest, &mut self.plain);
        let taken = opened.len() - rest.len();
        reader.consume(taken);
        heard
    }

    /// True while opened bytes wait to be heard.
    pub(crate) fn waits(&mut self) -> bool {
        self.tls.reader().fill_buf().is_ok_and(|opened| !opened.is_empty())
    }

    /// Seals what waits, up to a piece, and puts it with all that TLS itself has to say into `out`.
    pub(crate) fn seal(&mut self, out: &mut Outbox) {
        let mut room = PIECE;
        while room > 0 && !self.plain.is_empty() && !self.handshaking() {
            let mut slices = [IoSlice::new(&[]); GATHER];
            let used = self.plain.gather(&mut slices);
            let Ok(sealed @ 1..) = self.tls.writer().write_vectored(&slices[..used]) else {
                // A session that has failed seals nothing any more.
                self.plain.clear();
                break;
            };
            self.plain.advance(sealed);
            room = room.saturating_sub(sealed);
            self.put(out);
        }
        self.put(out);
    }

    /// Says that this end writes no more (close_notify); once.
    pub(crate) fn end(&mut self, out: &mut Outbox) {
        self.tls.send_close_notify();
        self.put(out);
    }

    fn put(&mut self, out: &mut Outbox) {
        if self.tls.wants_write() {
            // Writing to memory cannot fail.
            out.put_with(|bytes| while self.tls.wants_write() && self.tls.write_tls(bytes).is_ok() {});
        }
    }
}
