//! The server's end of a connection.

use crate::call::{CallError, CallResponse};
use crate::transport::contract::{Next, ServerCodec, ServerContext, Step};
use crate::transport::outbox::Outbox;
use crate::transport::rpyc::frame::Inbound;
use crate::transport::rpyc::session::{BESIDES, Session};

/// How many bytes of replies wait at most before they are written.
const REPLIES: u64 = 1 << 20;

/// The server's end of one connection.
pub(crate) struct RpycServer {
    inbound: Inbound,
    session: Session,
}

impl RpycServer {
    pub(crate) fn new(context: &ServerContext) -> Self {
        let inbound = Inbound::new(context.body_limit.saturating_add(BESIDES));
        RpycServer { inbound, session: Session::new(context) }
    }
}

impl ServerCodec for RpycServer {
    fn receive(&mut self, input: &mut &[u8], out: &mut Outbox) -> Result<Step, CallError> {
        while let Some(message) = self.inbound.take(input, &mut self.session)? {
            match self.session.hear(message, out)? {
                // What is asked in a few bytes may be answered with many, and a client need not read any.
                Step::Read if out.len() > REPLIES => return Ok(Step::Write),
                Step::Read => {}
                step => return Ok(step),
            }
        }
        Ok(Step::Read)
    }

    fn answer(&mut self, _: u64, answer: CallResponse, out: &mut Outbox) -> Next {
        self.session.answer(answer, out);
        Next::Continue
    }

    fn fill_output(&mut self, _: &mut Outbox) {
        self.session.written();
    }
}

#[cfg(test)]
mod tests {
    use super::{RpycServer, Step};
    use crate::call::{CallRequest, CallResponse, Fill};
    use crate::transport::contract::{ServerCodec, ServerContext};
    use crate::transport::held::{HELD, Hold};
    use crate::transport::option::Options;
    use crate::transport::outbox::Outbox;
    use crate::transport::rpyc::boxed::{Boxed, put_token, put_tuple, put_yours};
    use crate::transport::rpyc::brine::Token;
    use crate::transport::rpyc::handler;
    use crate::transport::rpyc::link::Link;
    use crate::transport::rpyc::message::Message;

    /// A client that reads each reply before it goes on.
    struct Peer {
        server: RpycServer,
        link: Link,
        out: Outbox,
    }

    impl Peer {
        fn new() -> Self {
            let context = ServerContext {
                options: Options::default(),
                body_limit: 1 << 20,
                hold: Hold::new(HELD).expect("a page"),
            };
            Peer { server: RpycServer::new(&context), link: Link::new(false), out: Outbox::new() }
        }

        /// Sends what waits; the name of the object that is the last reply, if it is one.
        fn object(&mut self) -> Option<Vec<u8>> {
            let bytes = self.out.drain();
            let (mut input, mut back) = (bytes.as_slice(), Outbox::new());
            while let Step::Execute { .. } = self.server.receive(&mut input, &mut back).expect("well formed") {
                self.server.answer(0, CallResponse::Bytes { fill: Fill::constant(7), len: 20 }, &mut back);
            }
            let frame = back.drain();
            match Message::read(&frame[5..frame.len() - 1]).expect("one reply") {
                Message::Reply { value: Boxed::Yours(id), .. } => Some(id.raw.to_vec()),
                _ => None,
            }
        }

        /// Sends what waits; what the service is asked first, if it is.
        fn asked(&mut self) -> Option<CallRequest> {
            let (bytes, mut back) = (self.out.drain(), Outbox::new());
            match self.server.receive(&mut bytes.as_slice(), &mut back).expect("well formed") {
                Step::Execute { call, asked } => {
                    self.server.answer(call, CallResponse::Pong, &mut back);
                    Some(asked)
                }
                _ => None,
            }
        }

        fn root(&mut self) -> Vec<u8> {
            self.link.request(&mut self.out, handler::GETROOT, |args| put_token(args, Token::Tuple(0)));
            self.object().expect("a root")
        }

        fn attribute(&mut self, of: &[u8], name: &str) -> Vec<u8> {
            self.link.getattr(&mut self.out, of, name);
            self.object().expect("an attribute that is an object")
        }

        fn del(&mut self, id: &[u8]) {
            self.link.del(&mut self.out, id);
            assert_eq!(self.object(), None);
        }
    }

    #[test]
    fn what_is_lent_is_forgotten_once_it_is_given_up() {
        let mut peer = Peer::new();
        let root = peer.root();
        let chunked = peer.attribute(&root, "download_file_chunked");
        let mut lists = std::collections::BTreeSet::new();
        for _ in 0..10_000 {
            peer.link.call(&mut peer.out, &chunked, |args| {
                put_token(args, Token::Tuple(2));
                args.extend_from_slice(&[0x51 + 19, 0x51 + 4]);
            });
            let list = peer.object().expect("a list");
            let length = peer.attribute(&list, "__len__");
            let repr = peer.attribute(&length, "__repr__");
            peer.link.callattr(&mut peer.out, &list, "__iter__");
            let iterator = peer.object().expect("an iterator");
            // The list lives as long as something bound to it does.
            peer.del(&list);
            peer.del(&length);
            assert_eq!(peer.server.session.objects().lent(), 4);
            peer.del(&repr);
            peer.del(&iterator);
            assert_eq!(peer.server.session.objects().lent(), 0);
            lists.insert(list);
        }
        assert!(lists.len() < 8, "places are used again");
    }

    #[test]
    fn what_was_given_up_more_often_than_lent_is_gone_and_nothing_else() {
        let mut peer = Peer::new();
        let root = peer.root();
        let ping = peer.attribute(&root, "ping");
        assert_eq!(peer.attribute(&root, "ping"), ping);
        peer.link.request(&mut peer.out, handler::DEL, |args| {
            put_tuple(args, 2);
            put_yours(args, &ping);
            put_token(args, Token::Int(1000));
        });
        assert_eq!(peer.object(), None);
        peer.link.getattr(&mut peer.out, &ping, "__doc__");
        assert_eq!(peer.object(), None);
        assert_eq!(peer.attribute(&root, "ping"), ping);
    }

    #[test]
    fn what_is_known_by_its_bytes_is_answered_as_when_it_came_first() {
        let mut peer = Peer::new();
        let root = peer.root();
        let mut replies = std::collections::BTreeSet::new();
        for _ in 0..3 {
            let ping = peer.attribute(&root, "ping");
            peer.link.call(&mut peer.out, &ping, |args| put_token(args, Token::Tuple(0)));
            let asked = peer.asked().expect("a ping to execute");
            peer.del(&ping);
            replies.insert((ping, format!("{asked:?}")));
        }
        assert_eq!(replies.len(), 1, "{replies:?}");
        // With its last reference the method is gone for the peer, however well its call is known.
        let (ping, _) = replies.pop_first().expect("one of them");
        peer.link.call(&mut peer.out, &ping, |args| put_token(args, Token::Tuple(0)));
        assert_eq!(peer.asked(), None);
        // Another name is another method.
        assert_ne!(peer.attribute(&root, "nonce"), ping);
    }
}
