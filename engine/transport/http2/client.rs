//! The client's end of a connection with a stream for each call, whatever the streams say.

use std::collections::VecDeque;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use h2::client::{Connection, ResponseFuture, SendRequest};
use h2::{Reason, RecvStream, SendStream};

use crate::call::own::Material;
use crate::call::{CallError, CallSpec, Cause};
use crate::transport::contract::{ClientCodec, Reply};
use crate::transport::http2::pipe::Pipe;
use crate::transport::http2::pump::pump;
use crate::transport::http2::settings::{CONNECTION_WINDOW, FRAMING, STREAM_WINDOW};
use crate::transport::outbox::Outbox;
use crate::transport::web::body::{PIECE, Piece, Sending};
use crate::transport::web::exchange::{ClientExchange, IncomingReply};
use crate::transport::web::kept::KeptHead;

/// A client with a number of slots, each a stream at a time.
pub(crate) struct StreamClient<A: ClientExchange> {
    asking: A,
    pipe: Pipe,
    /// None where the connection has ended.
    link: Option<(SendRequest<Piece>, Connection<Pipe, Piece>)>,
    slots: Vec<Slot<A::Incoming>>,
    known: KeptHead,
    replies: VecDeque<Reply>,
    messages: u64,
    /// There are calls to begin, or bodies that are not all with the library.
    feeding: bool,
    /// The library may have more to write.
    held: bool,
}

struct Slot<I> {
    incoming: I,
    stage: Stage,
    sending: Option<(SendStream<Piece>, Sending)>,
    /// Whether the library has something new for this slot: with many slots, asking each of them costs more than a call.
    news: Arc<News>,
    waker: Waker,
}

/// Set by the library when something has come for a slot.
struct News(AtomicBool);

impl News {
    /// Whether there was something new; asked by the one thread that also lets the library set it.
    fn take(&self) -> bool {
        let new = self.0.load(Ordering::Relaxed);
        if new {
            self.0.store(false, Ordering::Relaxed);
        }
        new
    }
}

impl Wake for News {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How far the call on a slot is.
enum Stage {
    Idle,
    /// The server does not take another stream yet.
    Queued(CallSpec),
    CallRequest(ResponseFuture),
    Answered(RecvStream),
    /// The body has ended, the trailers have not.
    Ending(RecvStream),
}

fn context() -> Context<'static> {
    Context::from_waker(Waker::noop())
}

/// A failure of a stream or its connection, as a call sees it.
///
/// The server never took a stream that it refuses, nor one beyond the last stream that its GOAWAY names; the library
/// fails only those of a GOAWAY (RFC 9113, 6.8 and 8.7).
fn fault(error: &h2::Error) -> CallError {
    if error.is_remote() && (error.is_go_away() || error.reason() == Some(Reason::REFUSED_STREAM)) {
        CallError::connect(error.to_string()).untaken()
    } else if error.is_io() || error.is_remote() {
        CallError::connect(error.to_string())
    } else {
        CallError::protocol(error.to_string())
    }
}

fn gone() -> CallError {
    CallError::connect("the server ended the connection")
}

impl<A: ClientExchange> StreamClient<A> {
    /// The client's end of a fresh connection.
    pub(crate) fn new(asking: A, slots: usize) -> Self {
        let pipe = Pipe::default();
        let mut builder = h2::client::Builder::new();
        builder
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_frame_size(PIECE as u32)
            .data_frame_budget(FRAMING)
            .enable_push(false);
        let greeting = pin!(builder.handshake(pipe.clone()));
        let link = match greeting.poll(&mut context()) {
            Poll::Ready(Ok(link)) => Some(link),
            // Writing into memory neither fails nor waits.
            Poll::Ready(Err(_)) | Poll::Pending => None,
        };
        let slot = |_| Slot::new(asking.incoming());
        let slots = (0..slots.max(1)).map(slot).collect();
        StreamClient {
            pipe,
            link,
            slots,
            known: KeptHead::default(),
            replies: VecDeque::new(),
            messages: 0,
            feeding: false,
            held: false,
            asking,
        }
    }

    /// Gives the library what it takes of calls that are to begin and of bodies; whether that was anything.
    fn feed(&mut self) -> Result<bool, CallError> {
        let Some((requests, _)) = &mut self.link else {
            return Err(CallError::connect("the connection has ended"));
        };
        let mut moved = false;
        self.feeding = false;
        for (index, slot) in self.slots.iter_mut().enumerate() {
            if let Stage::Queued(ask) = slot.stage {
                match requests.poll_ready(&mut context()) {
                    Poll::Ready(Ok(())) => {
                        slot.begin(&self.asking, requests, &mut self.known, ask)?;
                        moved = true;
                    }
                    // No stream can be opened any more.
                    Poll::Ready(Err(error)) => {
                        slot.end();
                        let verdict = Err(fault(&error).untaken());
                        self.replies.push_back(Reply { slot: index, verdict, reusable: false, ..Reply::ok() });
                    }
                    Poll::Pending => self.feeding = true,
                }
            }
            if let Some((stream, sending)) = &mut slot.sending {
                let pumped = pump(sending, stream);
                moved |= matches!(pumped, Ok(true));
                // A server that resets or answers early does not want the rest; its reply says why.
                if pumped.is_err() || sending.ended() {
                    slot.sending = None;
                } else {
                    self.feeding = true;
                }
            }
        }
        Ok(moved)
    }

    /// Lets the library write and read, and moves every slot on.
    fn drive(&mut self) -> Result<(), CallError> {
        if self.feeding {
            self.feed()?;
        }
        loop {
            let Some((_, connection)) = &mut self.link else {
                return Err(CallError::connect("the connection has ended"));
            };
            let state = Pin::new(connection).poll(&mut context());
            for (index, slot) in self.slots.iter_mut().enumerate() {
                if slot.news.take()
                    && !matches!(slot.stage, Stage::Idle)
                    && let Some(outcome) = slot.advance().transpose()
                {
                    slot.end();
                    let (verdict, nonce) = match outcome {
                        Ok(nonce) => (Ok(()), nonce),
                        Err(fault) => (Err(fault), None),
                    };
                    let carried = slot.incoming.carried();
                    self.replies.push_back(Reply { slot: index, verdict, nonce, carried, ..Reply::ok() });
                }
            }
            if let Poll::Ready(ended) = state {
                self.link = None;
                let ended = CallError { cause: Cause::Target, ..ended.map_or_else(|error| fault(&error), |()| gone()) };
                for (index, slot) in self.slots.iter_mut().enumerate() {
                    if matches!(slot.stage, Stage::Queued(_)) {
                        slot.end();
                        let verdict = Err(ended.clone().untaken());
                        self.replies.push_back(Reply { slot: index, verdict, reusable: false, ..Reply::ok() });
                    }
                }
                return Err(ended);
            }
            if !self.feeding || !self.feed()? {
                return Ok(());
            }
        }
    }
}

impl<I: IncomingReply> Slot<I> {
    /// A slot without a call.
    fn new(incoming: I) -> Self {
        let news = Arc::new(News(AtomicBool::new(false)));
        Slot { incoming, stage: Stage::Idle, sending: None, waker: news.clone().into(), news }
    }

    /// Opens a stream for the call.
    fn begin<A: ClientExchange>(
        &mut self,
        asking: &A,
        requests: &mut SendRequest<Piece>,
        known: &mut KeptHead,
        ask: CallSpec,
    ) -> Result<(), CallError> {
        let body = asking.body(ask);
        let (reply, stream) =
            requests.send_request(known.of(asking, ask), body.is_none()).map_err(|error| fault(&error))?;
        self.stage = Stage::CallRequest(reply);
        // Asked once, the library tells when there is more.
        self.news.0.store(true, Ordering::Relaxed);
        self.sending = body.map(|body| (stream, body));
        Ok(())
    }

    /// Takes what has come of the reply; its verdict once it is complete.
    fn advance(&mut self) -> Result<Option<Option<String>>, CallError> {
        let context = &mut Context::from_waker(&self.waker);
        loop {
            match &mut self.stage {
                Stage::Idle | Stage::Queued(_) => return Ok(None),
                Stage::CallRequest(reply) => match Pin::new(reply).poll(context) {
                    Poll::Pending => return Ok(None),
                    Poll::Ready(reply) => {
                        let (head, body) = reply.map_err(|error| fault(&error))?.into_parts();
                        self.incoming.head(head.status, &head.headers)?;
                        self.stage = Stage::Answered(body);
                    }
                },
                Stage::Answered(body) => match body.poll_data(context) {
                    Poll::Pending => return Ok(None),
                    Poll::Ready(Some(bytes)) => {
                        let bytes = bytes.map_err(|error| fault(&error))?;
                        self.incoming.data(&bytes)?;
                        // What has been looked at makes room for more. The library says so with what it writes next, and
                        // that is soon enough: one read brings a small part of a window.
                        let _ = body.flow_control().release_capacity(bytes.len());
                        if body.is_end_stream() {
                            return self.incoming.verdict(None).map(Some);
                        }
                    }
                    Poll::Ready(None) => {
                        if let Stage::Answered(body) = std::mem::replace(&mut self.stage, Stage::Idle) {
                            self.stage = Stage::Ending(body);
                        }
                    }
                },
                Stage::Ending(body) => match body.poll_trailers(context) {
                    Poll::Pending => return Ok(None),
                    Poll::Ready(trailers) => {
                        let trailers = trailers.map_err(|error| fault(&error))?;
                        return self.incoming.verdict(trailers.as_ref()).map(Some);
                    }
                },
            }
        }
    }

    /// Has no call any more. A stream that is dropped before its end is cancelled by the library.
    fn end(&mut self) {
        self.stage = Stage::Idle;
        if let Some((mut stream, _)) = self.sending.take() {
            stream.send_reset(Reason::CANCEL);
        }
    }
}

impl<A: ClientExchange> ClientCodec for StreamClient<A> {
    fn max_in_flight(&self) -> usize {
        self.slots.len()
    }

    fn accepts(&mut self) -> bool {
        let Some((requests, _)) = &mut self.link else { return false };
        !matches!(requests.poll_ready(&mut context()), Poll::Ready(Err(_)))
    }

    fn call(&mut self, slot: usize, ask: &CallSpec, content: bool, _: &mut Outbox) {
        self.messages += self.asking.messages(*ask);
        self.slots[slot].incoming.restart(*ask, content);
        self.slots[slot].stage = Stage::Queued(*ask);
        // It begins with all that are asked before the next write: one turn of the library serves them together.
        (self.feeding, self.held) = (true, true);
    }

    fn cancel(&mut self, slot: usize, out: &mut Outbox) -> bool {
        self.slots[slot].end();
        self.replies.retain(|reply| reply.slot != slot);
        let good = self.drive().is_ok();
        self.held = self.pipe.pour(out);
        good
    }

    fn receive(&mut self, input: &mut &[u8], out: &mut Outbox) -> Result<Option<Reply>, CallError> {
        if !input.is_empty() {
            self.pipe.bring(input);
            loop {
                let driven = self.drive();
                self.held = self.pipe.pour(out);
                match driven {
                    // Replies that came before the end are given first; the end is met again after them.
                    Err(_) if !self.replies.is_empty() => break,
                    Err(fault) => return Err(fault),
                    Ok(()) if self.pipe.is_read() => break,
                    Ok(()) => {}
                }
            }
        } else if self.link.is_none() && self.replies.is_empty() {
            return Err(CallError::connect("the connection has ended"));
        }
        let reusable = self.accepts();
        Ok(self.replies.pop_front().map(|reply| Reply { reusable, ..reply }))
    }

    fn inspect(&mut self, slot: usize) -> Result<(), CallError> {
        self.slots.get_mut(slot).map_or(Ok(()), |slot| slot.incoming.inspect())
    }

    fn material(&mut self, slot: usize) -> Option<Box<Material>> {
        self.slots.get_mut(slot)?.incoming.material()
    }

    fn fill_output(&mut self, out: &mut Outbox) {
        if self.held {
            // A connection that has failed says so when it is read.
            let _ = self.drive();
            self.held = self.pipe.pour(out);
        }
    }

    fn close(&mut self, out: &mut Outbox) {
        self.slots.iter_mut().for_each(Slot::end);
        if let Some((requests, mut connection)) = self.link.take() {
            // Without anyone to ask for streams the library says that it goes away.
            drop(requests);
            let _ = Pin::new(&mut connection).poll(&mut context());
        }
        self.held = self.pipe.pour(out);
    }

    fn messages(&self) -> u64 {
        self.messages
    }
}
