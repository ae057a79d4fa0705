//! The server's end of a connection with a stream for each call, whatever the streams say.

use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use h2::server::{Connection, Handshake, SendResponse};
use h2::{RecvStream, SendStream};
use http::Request;
use http::header::CONTENT_TYPE;

use crate::call::{CallError, CallRequest, CallResponse};
use crate::transport::contract::{Next, ServerCodec, Step};
use crate::transport::held::Share;
use crate::transport::http2::early::Early;
use crate::transport::http2::pipe::Pipe;
use crate::transport::http2::pump::pump;
use crate::transport::http2::settings::{CONNECTION_WINDOW, FRAMING, HEAD_LIMIT, STREAM_WINDOW, STREAMS};
use crate::transport::outbox::Outbox;
use crate::transport::web::body::{PIECE, Piece, Sending};
use crate::transport::web::exchange::{IncomingRequest, Outgoing, ServerExchange};

/// A server whose calls overlap on one connection.
pub(crate) struct StreamServer<A: ServerExchange> {
    answering: A,
    limit: u64,
    pipe: Pipe,
    link: Link,
    streams: BTreeMap<u64, Stream<A::Request>>,
    /// Calls that are complete and wait to be executed.
    ready: VecDeque<(u64, CallRequest)>,
    /// Request bodies in memory on this connection, in bytes.
    kept: u64,
    /// The same, as the whole server knows it.
    share: Share,
    early: Early,
    held: bool,
}

enum Link {
    Greeting(Handshake<Pipe, Piece>),
    Open(Connection<Pipe, Piece>),
    Over,
}

struct Stream<R> {
    request: R,
    kept: u64,
    taken: u64,
    /// The request's body while it comes in.
    body: Option<RecvStream>,
    respond: SendResponse<Piece>,
    /// The reply where it has begun before the request is complete.
    begun: Option<SendStream<Piece>>,
    /// What of it is due next.
    turn: Bytes,
    /// The reply's body while it goes out.
    sending: Option<(SendStream<Piece>, Sending)>,
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

impl<A: ServerExchange> StreamServer<A> {
    /// A server that takes in at most `limit` bytes of a body, and keeps no more of all bodies than there is room for.
    pub(crate) fn new(answering: A, limit: u64, share: Share) -> Self {
        let pipe = Pipe::default();
        let mut builder = h2::server::Builder::new();
        builder
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(PIECE as u32)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD_LIMIT)
            .data_frame_budget(FRAMING);
        let link = Link::Greeting(builder.handshake(pipe.clone()));
        let (streams, ready) = (BTreeMap::new(), VecDeque::new());
        StreamServer {
            answering,
            limit,
            pipe,
            link,
            streams,
            ready,
            kept: 0,
            share,
            early: Early::default(),
            held: false,
        }
    }

    /// Lets the library write and read, and moves every stream on; false once the connection is over.
    fn drive(&mut self) -> Result<bool, CallError> {
        let mut context = context();
        let broken = |error: h2::Error| CallError::protocol(error.to_string());
        if let Link::Greeting(greeting) = &mut self.link {
            match Pin::new(greeting).poll(&mut context) {
                Poll::Pending => return Ok(true),
                Poll::Ready(greeted) => {
                    let mut connection = greeted.map_err(broken)?;
                    self.early = Early::new(connection.ping_pong());
                    self.link = Link::Open(connection);
                }
            }
        }
        loop {
            let Link::Open(connection) = &mut self.link else { return Ok(false) };
            let mut moved = false;
            loop {
                match connection.poll_accept(&mut context) {
                    Poll::Pending => break,
                    Poll::Ready(None) => {
                        self.link = Link::Over;
                        return Ok(false);
                    }
                    Poll::Ready(Some(accepted)) => {
                        let (head, respond) = accepted.map_err(broken)?;
                        let (head, body) = head.into_parts();
                        let request = self.answering.begin(&Request::from_parts(head, ()));
                        let call = u64::from(respond.stream_id().as_u32());
                        self.streams.insert(call, Stream::new(request, body, respond));
                    }
                }
            }
            moved |= self.early.confirm(&mut context);
            let mut over = Vec::new();
            for (call, stream) in &mut self.streams {
                let advanced = stream.advance(&mut context, self.limit, (&mut self.kept, &mut self.share), &mut moved);
                let advanced = match advanced {
                    Moved::On
                        if stream.serve(&self.answering, &mut self.early, &mut self.kept, &mut moved).is_err() =>
                    {
                        Moved::Over
                    }
                    advanced => advanced,
                };
                match advanced {
                    Moved::On => {}
                    Moved::CallRequest(asked) => self.ready.push_back((*call, asked)),
                    Moved::Refused(answer) => over.push((*call, self.answering.answer(&stream.request, answer))),
                    Moved::Over => over.push((*call, None)),
                }
            }
            // What was sent back early is not kept any more.
            self.share.hold(self.kept);
            moved |= !over.is_empty();
            for (call, outgoing) in over {
                match outgoing {
                    Some(outgoing) => self.respond(call, outgoing),
                    None => self.forget(call),
                }
            }
            if !moved {
                return Ok(true);
            }
        }
    }

    /// Sends the head of a reply and begins with its body.
    fn respond(&mut self, call: u64, outgoing: Outgoing) {
        let Some(stream) = self.streams.get_mut(&call) else { return };
        // What may be left of a refused request has no reader any more, so it is not waited for.
        stream.body = None;
        if let Some(mut begun) = stream.begun.take() {
            match outgoing.body {
                Some(body) => stream.sending = Some((begun, body)),
                None => {
                    let mut fields = outgoing.head.into_parts().0.headers;
                    fields.remove(CONTENT_TYPE);
                    let _ = begun.send_trailers(fields);
                    self.forget(call);
                }
            }
            return;
        }
        let sent = stream.respond.send_response(outgoing.head, outgoing.body.is_none());
        match (sent, outgoing.body) {
            (Ok(sender), Some(body)) => stream.sending = Some((sender, body)),
            // All is said, or the client has gone.
            (Ok(_) | Err(_), _) => self.forget(call),
        }
    }

    fn forget(&mut self, call: u64) {
        if let Some(stream) = self.streams.remove(&call) {
            self.kept -= stream.kept;
            self.share.hold(self.kept);
        }
    }
}

/// What became of a stream.
enum Moved {
    On,
    CallRequest(CallRequest),
    Refused(CallResponse),
    Over,
}

impl<R: IncomingRequest> Stream<R> {
    fn new(request: R, body: RecvStream, respond: SendResponse<Piece>) -> Self {
        Stream { request, kept: 0, taken: 0, body: Some(body), respond, begun: None, turn: Bytes::new(), sending: None }
    }

    /// Tells how much of the request is kept in memory now.
    fn account(&mut self, kept: &mut u64) {
        let now = self.request.kept() + self.turn.len() as u64;
        *kept = *kept - self.kept + now;
        self.kept = now;
    }

    /// Sends back what can be before the request is complete.
    fn serve<A: ServerExchange<Request = R>>(
        &mut self,
        answering: &A,
        early: &mut Early,
        kept: &mut u64,
        moved: &mut bool,
    ) -> Result<(), h2::Error> {
        while self.body.is_some() {
            if self.turn.is_empty() {
                let Some(turn) = self.request.turn() else { break };
                self.turn = turn;
                self.account(kept);
            }
            let now = self.turn.split_to(early.take(self.turn.len()));
            if now.is_empty() {
                break;
            }
            let begun = match &mut self.begun {
                Some(begun) => begun,
                None => self.begun.insert(self.respond.send_response(answering.opening(), false)?),
            };
            begun.send_data(now.into(), false)?;
            *moved = true;
        }
        Ok(())
    }

    fn advance(
        &mut self,
        context: &mut Context<'_>,
        limit: u64,
        held: (&mut u64, &mut Share),
        moved: &mut bool,
    ) -> Moved {
        let (kept, share) = held;
        if let Some((sender, sending)) = &mut self.sending {
            let pumped = pump(sending, sender);
            *moved |= matches!(pumped, Ok(true));
            return if pumped.is_err() || sending.ended() { Moved::Over } else { Moved::On };
        }
        let Some(body) = &mut self.body else {
            let reset = match &mut self.begun {
                Some(begun) => begun.poll_reset(context),
                None => self.respond.poll_reset(context),
            };
            return if reset.is_ready() { Moved::Over } else { Moved::On };
        };
        while !self.request.decided() {
            match body.poll_data(context) {
                Poll::Pending => return Moved::On,
                Poll::Ready(Some(Ok(bytes))) => {
                    self.request.data(&bytes);
                    self.taken += bytes.len() as u64;
                    let now = self.request.kept() + self.turn.len() as u64;
                    *kept = *kept - self.kept + now;
                    self.kept = now;
                    let refused = match (self.taken > limit, share.hold(*kept)) {
                        (true, _) => Some((413, "The body is longer than this server takes in.")),
                        (_, false) => Some((503, "This server holds as many bodies as it may.")),
                        _ => None,
                    };
                    if let Some((status, message)) = refused {
                        return Moved::Refused(CallResponse::Error { status, message: message.to_owned() });
                    }
                    // What has been looked at makes room for more.
                    let _ = body.flow_control().release_capacity(bytes.len());
                    *moved = true;
                }
                Poll::Ready(Some(Err(_))) => return Moved::Over,
                Poll::Ready(None) => break,
            }
        }
        self.body = None;
        // Who has ended its request reads.
        if let Some(begun) = &mut self.begun
            && !self.turn.is_empty()
            && begun.send_data(std::mem::take(&mut self.turn).into(), false).is_err()
        {
            return Moved::Over;
        }
        match self.request.asked() {
            Ok(asked) => Moved::CallRequest(asked),
            Err(answer) => Moved::Refused(answer),
        }
    }
}

impl<A: ServerExchange> ServerCodec for StreamServer<A> {
    fn receive(&mut self, input: &mut &[u8], out: &mut Outbox) -> Result<Step, CallError> {
        if !input.is_empty() {
            self.pipe.bring(input);
            loop {
                let driven = self.drive();
                self.held = self.pipe.pour(out);
                if !driven? {
                    return Ok(Step::Close);
                }
                if self.pipe.is_read() {
                    break;
                }
            }
        }
        while let Some((call, asked)) = self.ready.pop_front() {
            // A call that was cancelled meanwhile need not be executed.
            if self.streams.contains_key(&call) {
                return Ok(Step::Execute { call, asked });
            }
        }
        Ok(Step::Read)
    }

    fn overlaps(&self) -> bool {
        true
    }

    fn answer(&mut self, call: u64, answer: CallResponse, out: &mut Outbox) -> Next {
        let outgoing = match self.streams.get(&call) {
            Some(stream) => self.answering.answer(&stream.request, answer),
            None => None,
        };
        if let Some(outgoing) = outgoing {
            self.respond(call, outgoing);
        }
        let driven = self.drive();
        self.held = self.pipe.pour(out);
        if matches!(driven, Ok(true)) { Next::Continue } else { Next::Close }
    }

    fn fill_output(&mut self, out: &mut Outbox) {
        if self.held {
            // A connection that breaks says so when it is read.
            let _ = self.drive();
            self.held = self.pipe.pour(out);
        }
    }
}
