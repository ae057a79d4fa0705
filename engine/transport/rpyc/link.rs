//! The sending half of a connection.

use crate::transport::outbox::Outbox;
use crate::transport::rpyc::boxed::{put_token, put_tuple, put_value, put_yours};
use crate::transport::rpyc::brine::{self, Token};
use crate::transport::rpyc::exception::Raised;
use crate::transport::rpyc::frame::{Body, Outbound};
use crate::transport::rpyc::handler;
use crate::transport::rpyc::message::{EXCEPTION, REPLY, REQUEST};

/// The sending half of a connection: frames, sequence numbers, and how much was said.
pub(crate) struct Link {
    outbound: Outbound,
    seq: i64,
    messages: u64,
}

impl Link {
    pub(crate) fn new(compress: bool) -> Self {
        Link { outbound: Outbound::new(compress), seq: 0, messages: 0 }
    }

    /// The sequence number of the next request.
    pub(crate) fn next_seq(&self) -> i64 {
        self.seq
    }

    /// How many messages were sent.
    pub(crate) fn messages(&self) -> u64 {
        self.messages
    }

    fn put_start(message: &mut Vec<u8>, kind: u8, seq: i64) {
        message.push(kind);
        brine::put_count(message, 2);
        brine::put_int(message, seq);
    }

    fn put_request(message: &mut Vec<u8>, seq: i64, handler: i64) {
        Self::put_start(message, REQUEST, seq);
        brine::put_count(message, 2);
        brine::put_int(message, handler);
    }

    fn take_seq(&mut self) -> i64 {
        self.messages += 1;
        self.seq += 1;
        self.seq - 1
    }

    /// Sends a request whose box of arguments `write` makes; its sequence number.
    pub(crate) fn request(&mut self, out: &mut Outbox, handler: i64, write: impl FnOnce(&mut Vec<u8>)) -> i64 {
        let seq = self.take_seq();
        self.outbound.send(out, |message| {
            Self::put_request(message, seq, handler);
            write(message);
        });
        seq
    }

    /// Asks for the attribute `name` of the peer's object `id`.
    pub(crate) fn getattr(&mut self, out: &mut Outbox, id: &[u8], name: &str) -> i64 {
        self.request(out, handler::GETATTR, |args| {
            put_tuple(args, 2);
            put_yours(args, id);
            put_token(args, Token::Text(name));
        })
    }

    /// Calls the method `name`, without arguments, of the peer's object `id`.
    pub(crate) fn callattr(&mut self, out: &mut Outbox, id: &[u8], name: &str) -> i64 {
        self.request(out, handler::CALLATTR, |args| {
            put_tuple(args, 4);
            put_yours(args, id);
            put_token(args, Token::Text(name));
            put_token(args, Token::Tuple(0));
            put_token(args, Token::Tuple(0));
        })
    }

    /// Calls the peer's object `id` with the box of arguments that `write` makes.
    pub(crate) fn call(&mut self, out: &mut Outbox, id: &[u8], write: impl FnOnce(&mut Vec<u8>)) -> i64 {
        self.request(out, handler::CALL, |args| {
            put_tuple(args, 3);
            put_yours(args, id);
            write(args);
            put_token(args, Token::Tuple(0));
        })
    }

    /// Calls the peer's object `id` with both boxes of arguments, those by order and those by name, that `write` makes.
    pub(crate) fn call_with(&mut self, out: &mut Outbox, id: &[u8], write: impl FnOnce(&mut Vec<u8>)) -> i64 {
        self.request(out, handler::CALL, |args| {
            put_tuple(args, 3);
            put_yours(args, id);
            write(args);
        })
    }

    /// Calls the peer's object `id` with one argument of `len` bytes, which are in `body`.
    pub(crate) fn call_with_bytes(&mut self, out: &mut Outbox, id: &[u8], len: u32, body: Body) -> i64 {
        let seq = self.take_seq();
        let mut tail = Vec::with_capacity(8);
        put_token(&mut tail, Token::Tuple(0));
        let write = |message: &mut Vec<u8>| {
            Self::put_request(message, seq, handler::CALL);
            put_tuple(message, 3);
            put_yours(message, id);
            put_token(message, Token::Tuple(1));
            brine::put_bytes_head(message, len);
        };
        self.outbound.send_body(out, write, body, &tail);
        seq
    }

    /// Gives up one reference to the peer's object `id`. Nobody waits for the reply.
    pub(crate) fn del(&mut self, out: &mut Outbox, id: &[u8]) {
        self.request(out, handler::DEL, |args| {
            put_tuple(args, 2);
            put_yours(args, id);
            put_token(args, Token::Int(1));
        });
    }

    /// Sends a reply whose box `write` makes.
    pub(crate) fn reply(&mut self, out: &mut Outbox, seq: i64, write: impl FnOnce(&mut Vec<u8>)) {
        self.messages += 1;
        self.outbound.send(out, |message| {
            Self::put_start(message, REPLY, seq);
            write(message);
        });
    }

    /// Sends a reply with one token by value.
    pub(crate) fn reply_token(&mut self, out: &mut Outbox, seq: i64, token: Token<'_>) {
        self.reply(out, seq, |value| put_token(value, token));
    }

    /// Sends a reply with bytes by value.
    pub(crate) fn reply_bytes(&mut self, out: &mut Outbox, seq: i64, len: u32, body: Body) {
        self.messages += 1;
        let write = |message: &mut Vec<u8>| {
            Self::put_start(message, REPLY, seq);
            put_value(message);
            brine::put_bytes_head(message, len);
        };
        self.outbound.send_body(out, write, body, &[]);
    }

    /// Sends an exception in the form in which rpyc 5 and older read it: kind, number and content in one tuple.
    pub(crate) fn exception_for_older(&mut self, out: &mut Outbox, seq: i64, raised: &Raised) {
        self.messages += 1;
        self.outbound.send(out, |message| {
            brine::put(message, Token::Tuple(3));
            brine::put_int(message, EXCEPTION.into());
            brine::put_int(message, seq);
            raised.put(message);
        });
    }

    /// Sends an exception.
    pub(crate) fn exception(&mut self, out: &mut Outbox, seq: i64, raised: &Raised) {
        self.messages += 1;
        self.outbound.send(out, |message| {
            Self::put_start(message, EXCEPTION, seq);
            raised.put(message);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::{Link, handler};
    use crate::call::Fill;
    use crate::transport::outbox::Outbox;
    use crate::transport::rpyc::boxed::{Boxed, put_id, put_mine, put_token, put_tuple};
    use crate::transport::rpyc::brine::{self, Token};
    use crate::transport::rpyc::exception::Raised;
    use crate::transport::rpyc::frame::Body;
    use crate::transport::rpyc::message::Message;

    // Frames of rpyc 6.0.2 and the reference suite's service, recorded by a relay.
    const SERVICE: &str = "12080e2f7270796362656e63682e736572766572732e727079635f736572766572732e42656e63686d61726b53657276\
        696365160e3934313534353237313833363136160f313339363536343334303439363136";
    const METHOD: &str =
        "12080e0f6275696c74696e732e6d6574686f64160f313339363536343633343232313434160f313339363536343334303530333034";
    const UPLOAD: &str =
        "12080e0f6275696c74696e732e6d6574686f64160f313339363536343633343232313434160f313339363536343334303533303536";
    const ITERATOR: &str = "12080e166275696c74696e732e6c6973745f6974657261746f72160f313339363536343633343739323030160f\
        313339363536343333393633303038";
    const LIST: &str =
        "12080e0d6275696c74696e732e6c697374160f313339363536343633343739363136160f313339363536343334303438383936";

    fn bytes(hex: &str) -> Vec<u8> {
        let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
        let nibble = |digit: u8| char::from(digit).to_digit(16).expect("hex") as u8;
        digits.chunks_exact(2).map(|pair| nibble(pair[0]) << 4 | nibble(pair[1])).collect()
    }

    /// The frame that `send` makes when the next request has the number `seq`.
    fn frame(seq: i64, send: impl FnOnce(&mut Link, &mut Outbox)) -> Vec<u8> {
        let (mut link, mut out) = (Link::new(true), Outbox::new());
        link.seq = seq;
        send(&mut link, &mut out);
        out.drain()
    }

    #[test]
    fn requests_are_those_that_were_recorded() {
        let (service, method, upload) = (bytes(SERVICE), bytes(METHOD), bytes(UPLOAD));
        let none = |args: &mut Vec<u8>| put_token(args, Token::Tuple(0));
        let getroot = frame(0, |link, out| {
            link.request(out, handler::GETROOT, none);
        });
        assert_eq!(getroot, bytes("0000000800 0111501153115102 0a"));
        let inspect = frame(1, |link, out| {
            link.request(out, handler::INSPECT, |args| {
                put_token(args, Token::Tuple(1));
                args.extend_from_slice(&service);
            });
        });
        assert_eq!(inspect, bytes(&format!("0000005c00 01115111601151 10{SERVICE} 0a")));
        let getattr = frame(2, |link, out| {
            link.getattr(out, &service, "ping");
        });
        assert_eq!(getattr, bytes(&format!("0000006600 0111521154115211 1153{SERVICE} 1151080d70696e67 0a")));
        assert_eq!(getattr.len(), 108);
        let call = frame(3, |link, out| {
            link.call(out, &method, none);
        });
        assert_eq!(call, bytes(&format!("0000004500 01115311571152121153{METHOD}115102115102 0a")));
        let del = frame(4, |link, out| link.del(out, &method));
        assert_eq!(del, bytes(&format!("0000004200 011154115f1152111153{METHOD}115151 0a")));
        let echo = frame(18, |link, out| {
            link.call(out, &method, |args| {
                put_token(args, Token::Tuple(1));
                brine::put(args, Token::Text("hello"));
            });
        });
        assert_eq!(echo, bytes(&format!("0000004d00 01116211571152121153{METHOD}115110080e0568656c6c6f115102 0a")));
        let whole = frame(21, |link, out| {
            let body = Body::Fill { fill: Fill::constant(b'x'), offset: 0, len: 1024 };
            link.call_with_bytes(out, &upload, 1024, body);
        });
        let x = "78".repeat(1024);
        assert_eq!(whole, bytes(&format!("0000044a00 01116511571152121153{UPLOAD}1151100f00000400{x}115102 0a")));
        assert_eq!(whole.len(), 1104);
        let next = frame(38, |link, out| {
            link.callattr(out, &bytes(ITERATOR), "__next__");
        });
        assert_eq!(
            next,
            bytes(&format!("0000005900 01117611581152131153{ITERATOR}1151080e085f5f6e6578745f5f115102115102 0a"))
        );
        let close = frame(55, |link, out| {
            link.request(out, handler::CLOSE, none);
        });
        assert_eq!(close, bytes("0000000800 0111871152115102 0a"));
    }

    #[test]
    fn a_list_is_lent_as_recorded() {
        let call = frame(33, |link, out| {
            link.call(out, &bytes(METHOD), |args| {
                put_tuple(args, 1);
                put_mine(args, &bytes(LIST));
            });
        });
        assert_eq!(call, bytes(&format!("0000007a00 01117111571152121153{METHOD}115210 1154{LIST}115102 0a")));
    }

    #[test]
    fn replies_are_those_that_were_recorded() {
        let reply = |seq, token: Token<'_>| frame(0, |link, out| link.reply_token(out, seq, token));
        assert_eq!(reply(3, Token::Text("pong")), bytes("0000000b00 0211531151080d706f6e67 0a"));
        assert_eq!(reply(4, Token::None), bytes("0000000600 021154115100 0a"));
        assert_eq!(reply(21, Token::Int(1024)), bytes("0000000b00 0211651151160431303234 0a"));
        let method = frame(0, |link, out| {
            link.reply(out, 2, |reply| put_mine(reply, &bytes(METHOD)));
        });
        assert_eq!(method, bytes(&format!("0000003a00 021152 1154{METHOD} 0a")));
        let chunk = frame(0, |link, out| {
            link.reply_bytes(out, 38, 100, Body::Fill { fill: Fill::constant(0), offset: 0, len: 100 });
        });
        assert_eq!(chunk, bytes(&format!("0000006b00 02117611510e64{} 0a", "00".repeat(100))));
        let stop = frame(0, |link, out| link.exception(out, 46, &Raised::StopIteration));
        assert_eq!(stop, bytes("0000000400 03117e51 0a"));
    }

    #[test]
    fn recorded_messages_are_understood() {
        let call = bytes(&format!("01117111571152121153{METHOD}1152101154{LIST}115102"));
        let Ok(Message::Request { seq: 33, handler: handler::CALL, args }) = Message::read(&call) else {
            panic!("a call with the number 33")
        };
        let mut items = args.items().expect("arguments");
        let Ok(Some(Boxed::Mine(method))) = items.next() else { panic!("of a method of ours") };
        let (name, class, object) = method.parts().expect("a name and two ids");
        assert_eq!((name, class, object), ("builtins.method", 139_656_463_422_144, 139_656_434_050_304));
        let mut lent = Vec::new();
        args.yours(&mut |id| lent.push(id.raw.to_vec())).expect("well formed");
        assert_eq!(lent, [bytes(LIST)]);
        let mut id = Vec::new();
        put_id(&mut id, name, class, object);
        assert_eq!(id, method.raw);

        let reply = bytes("02117211510e64");
        assert!(Message::is_reply_before(&reply[..reply.len() - 2], 34));
        assert!(!Message::is_reply_before(&reply[..reply.len() - 2], 35));
        assert!(matches!(Message::read(&bytes("03117e51")), Ok(Message::Exception { seq: 46, raised: [0x51] })));
        assert!(Message::read(&bytes("04117e51")).is_err());
    }
}
