//! Calls of the user's own as bytes on a stream: the client's end of whatever protocol a server of theirs speaks.

use std::sync::Arc;

use crate::call::own::search::Search;
use crate::call::own::{Length, Material, OwnCall, ReplyEnd, SendCall};
use crate::call::{CallError, CallSpec, Own};
use crate::transport::contract::{ClientCodec, ClientContext, Reply};
use crate::transport::outbox::Outbox;

/// A client that sends what a call says and reads until its reply ends.
pub(crate) struct SendClient {
    calls: Arc<[OwnCall]>,
    /// What each call looks for in its reply, and where that ends; made once.
    watched: Vec<Watched>,
    asked: Own,
    looks: bool,
    /// Bytes of the reply so far, without a length before them.
    received: u64,
    /// The length before it, as far as it has come.
    head: [u8; 8],
    headed: usize,
    messages: u64,
    /// The reply, where values are taken from it, and why it cannot be kept, where it cannot.
    material: Option<Box<Material>>,
    unkept: Result<(), CallError>,
}

struct Watched {
    contains: Option<Search>,
    ending: Ending,
    ends: Ends,
}

/// Where a reply ends.
#[derive(Clone, Copy)]
enum Ends {
    /// With certain bytes.
    Until,
    /// After so many.
    Bytes(u64),
    /// After as many as stand before it.
    Length(Length),
}

/// Looks for the bytes with which a reply ends (Knuth, Morris and Pratt).
struct Ending {
    wanted: Box<[u8]>,
    /// How many bytes of the beginning of `wanted` stand at the end of its first so many, not all of those.
    borders: Box<[usize]>,
    matched: usize,
}

impl Ending {
    fn new(wanted: &[u8]) -> Self {
        let mut borders = vec![0; wanted.len()];
        let mut matched = 0;
        for at in 1..wanted.len() {
            while matched > 0 && wanted[at] != wanted[matched] {
                matched = borders[matched - 1];
            }
            matched += usize::from(wanted[at] == wanted[matched]);
            borders[at] = matched;
        }
        Ending { wanted: wanted.into(), borders: borders.into(), matched: 0 }
    }

    /// Where in `bytes` it ends, if it does.
    fn find(&mut self, bytes: &[u8]) -> Option<usize> {
        let last = self.wanted.len().checked_sub(1)?;
        for (at, byte) in bytes.iter().enumerate() {
            while self.matched > 0 && *byte != self.wanted[self.matched] {
                self.matched = self.borders[self.matched - 1];
            }
            if *byte == self.wanted[self.matched] {
                if self.matched == last {
                    self.matched = 0;
                    return Some(at + 1);
                }
                self.matched += 1;
            }
        }
        None
    }
}

impl SendClient {
    /// A client of those calls of the context that are asked so.
    pub(crate) fn new(context: &ClientContext) -> Self {
        let watched = |call: &OwnCall| {
            let (until, ends) = match call.send.as_ref().map(|send| &send.reply) {
                Some(ReplyEnd::Until(until)) => (until.as_ref(), Ends::Until),
                Some(ReplyEnd::Bytes(bytes)) => (&[][..], Ends::Bytes(*bytes)),
                Some(ReplyEnd::Length(length)) => (&[][..], Ends::Length(*length)),
                None => (&[][..], Ends::Bytes(0)),
            };
            let contains = call.contains.as_ref().map(|text| Search::new(text.as_bytes()));
            Watched { contains, ending: Ending::new(until), ends }
        };
        SendClient {
            watched: context.own.iter().map(watched).collect(),
            calls: context.own.clone(),
            asked: Own { call: 0, client: 0, number: 0 },
            looks: false,
            received: 0,
            head: [0; 8],
            headed: 0,
            messages: 0,
            material: None,
            unkept: Ok(()),
        }
    }

    fn call(&self) -> Option<(&OwnCall, &SendCall)> {
        let call = self.calls.get(usize::from(self.asked.call))?;
        Some((call, call.send.as_ref()?))
    }

    /// Takes the bytes of the reply that are at the front of `input`; whether it is over.
    fn take(&mut self, input: &mut &[u8]) -> bool {
        let Some(watched) = self.watched.get_mut(usize::from(self.asked.call)) else { return true };
        let left = match watched.ends {
            Ends::Until => None,
            Ends::Bytes(bytes) => Some(bytes.saturating_sub(self.received)),
            Ends::Length(length) => {
                let want = (length.width() - self.headed).min(input.len());
                self.head[self.headed..self.headed + want].copy_from_slice(&input[..want]);
                self.headed += want;
                *input = &input[want..];
                if self.headed < length.width() {
                    return false;
                }
                Some(length.said(&self.head[..length.width()]).saturating_sub(self.received))
            }
        };
        let end = match left {
            Some(left) => Some(left).filter(|left| *left <= input.len() as u64).map(|left| left as usize),
            None => watched.ending.find(input),
        };
        let (part, rest) = input.split_at(end.unwrap_or(input.len()));
        *input = rest;
        self.received += part.len() as u64;
        if self.looks
            && let Some(search) = &mut watched.contains
        {
            search.feed(part);
        }
        if let Some(material) = &mut self.material
            && self.unkept.is_ok()
        {
            self.unkept = material.keep(part);
        }
        end.is_some()
    }

    fn verdict(&self) -> Result<(), CallError> {
        let Some((call, send)) = self.call() else { return Err(CallError::not_of_the_service()) };
        // What ends a reply is not of it.
        let ending = if let ReplyEnd::Until(until) = &send.reply { until.len() as u64 } else { 0 };
        let bytes = self.received - ending.min(self.received);
        if let Some(size) = call.size
            && size != bytes
        {
            return Err(CallError::short(format!("the reply has {bytes} bytes where `size` says {size}")));
        }
        let watched = self.watched.get(usize::from(self.asked.call)).and_then(|watched| watched.contains.as_ref());
        if self.looks && watched.is_some_and(|search| !search.found()) {
            return Err(CallError::corrupt("the reply does not hold what `contains` says"));
        }
        self.unkept.clone()
    }

    /// What came, without what ends it.
    fn material(&mut self) -> Option<Box<Material>> {
        let mut material = self.material.take()?;
        if let Some((_, SendCall { reply: ReplyEnd::Until(until), .. })) = SendClient::call(self) {
            let len = material.body.len().saturating_sub(until.len());
            material.body.truncate(len);
        }
        Some(material)
    }
}

impl ClientCodec for SendClient {
    fn call(&mut self, _: usize, ask: &CallSpec, content: bool, out: &mut Outbox) {
        if let CallSpec::Own(own) = ask {
            self.asked = *own;
        }
        (self.looks, self.received, self.headed) = (content, 0, 0);
        self.messages += 1;
        if let Some(watched) = self.watched.get_mut(usize::from(self.asked.call)) {
            watched.ending.matched = 0;
            if let Some(search) = watched.contains.as_mut().filter(|_| content) {
                search.restart();
            }
        }
        let keeps = SendClient::call(self).is_some_and(|(call, _)| !call.take.is_empty());
        (self.material, self.unkept) = (keeps.then(Box::default), Ok(()));
        if let Some((_, send)) = SendClient::call(self) {
            out.put_with(|small| send.put(self.asked, small));
        }
    }

    fn receive(&mut self, input: &mut &[u8], _: &mut Outbox) -> Result<Option<Reply>, CallError> {
        if !self.take(input) {
            return Ok(None);
        }
        let up = SendClient::call(self).map_or(0, |(_, send)| send.len(self.asked));
        let (verdict, material) = (self.verdict(), self.material());
        Ok(Some(Reply { verdict, carried: (up, self.received), material, ..Reply::ok() }))
    }

    fn messages(&self) -> u64 {
        self.messages
    }
}

#[cfg(test)]
mod tests {
    use super::{Ending, SendClient};
    use crate::call::own::OwnCall;
    use crate::call::{CallSpec, ErrorClass, Fill, Own};
    use crate::transport::contract::{ClientCodec, ClientContext, Reply};
    use crate::transport::option::Options;
    use crate::transport::outbox::Outbox;

    fn client(call: serde_json::Value) -> SendClient {
        let calls: Vec<OwnCall> = serde_json::from_value(serde_json::json!([call])).expect("a call");
        let context = ClientContext::of_service(Fill::constant(0), Options::default(), "memory");
        SendClient::new(&ClientContext { own: calls.into(), ..context })
    }

    /// What is sent, and the reply to it, when these bytes come in pieces of `step`.
    fn exchange(client: &mut SendClient, bytes: &[u8], step: usize) -> (Vec<u8>, Option<Reply>, usize) {
        let mut out = Outbox::new();
        ClientCodec::call(client, 0, &CallSpec::Own(Own { call: 0, client: 3, number: 7 }), true, &mut out);
        let sent = out.drain();
        let mut taken = 0;
        for piece in bytes.chunks(step) {
            let mut input = piece;
            let reply = client.receive(&mut input, &mut out).expect("nothing breaks it");
            taken += piece.len() - input.len();
            if reply.is_some() {
                return (sent, reply, taken);
            }
        }
        (sent, None, taken)
    }

    #[test]
    fn a_reply_ends_where_its_call_says_however_it_is_cut() {
        // "\r\n" in base64.
        let line = serde_json::json!({"until": "DQo="});
        for (reply, bytes, end, size) in [
            (line, &b"+PO\rNG\r\r\nrest"[..], 9, 7),
            (serde_json::json!({"bytes": 4}), b"+PONG\r\n", 4, 4),
            (serde_json::json!({"length": "u16be"}), b"\0\x05+PONG\r\n", 7, 5),
            (serde_json::json!({"length": "u8"}), b"\0more", 1, 0),
        ] {
            for step in 1..=bytes.len() {
                let told = serde_json::json!({"message": {"text": "PING ${client}"}, "reply": reply});
                let mut it = client(serde_json::json!({"name": "it", "send": told, "size": size}));
                for _ in 0..2 {
                    let (sent, got, taken) = exchange(&mut it, bytes, step);
                    assert!(sent.ends_with(b"PING 3"));
                    assert_eq!((got.expect("it ends").verdict, taken), (Ok(()), end), "{reply} in steps of {step}");
                    assert!(exchange(&mut it, &bytes[..end - 1], step).1.is_none());
                }
            }
        }
    }

    #[test]
    fn a_reply_is_looked_at() {
        let told = serde_json::json!({"message": {"bytes": "AAE="}, "reply": {"bytes": 3}});
        let class = |call: serde_json::Value| {
            let (sent, reply, _) = exchange(&mut client(call), b"-ER", 1);
            assert_eq!(sent, [0, 1]);
            reply.expect("it ends").verdict.err().map(|fault| fault.class)
        };
        assert_eq!(class(serde_json::json!({"name": "it", "send": told, "contains": "ER"})), None);
        assert_eq!(class(serde_json::json!({"name": "it", "send": told, "contains": "OK"})), Some(ErrorClass::Corrupt));
        assert_eq!(class(serde_json::json!({"name": "it", "send": told, "size": 4})), Some(ErrorClass::Short));
    }

    #[test]
    fn an_end_is_found_where_its_beginning_stood_before() {
        let mut ending = Ending::new(b"aabaab!");
        assert_eq!(ending.find(b"aabaabaab!x"), Some(10));
        assert_eq!(ending.find(b"aabaab"), None);
        assert_eq!(ending.find(b"!"), Some(1));
    }
}
