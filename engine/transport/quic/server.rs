//! The server's end of a QUIC connection: each call is an exchange of frames on a stream of its own.

use std::rc::Rc;

use quinn::Connection;
use tokio::task::spawn_local;

use crate::call::{CallRequest, CallResponse};
use crate::transport::contract::{Executor, ServerCodec, ServerContext, Step, StreamProtocol};
use crate::transport::outbox::Outbox;
use crate::transport::quic::exchange::Exchange;
use crate::transport::tcp::Frames;

/// Serves a connection until either side closes it, with a task for each call.
pub(crate) async fn serve(connection: Connection, context: ServerContext, executor: Rc<dyn Executor>) {
    while let Ok(stream) = connection.accept_bi().await {
        let (codec, executor) = (Frames.server(&context), executor.clone());
        spawn_local(answer(Exchange::from(stream), codec, executor));
    }
}

/// One call. A client that breaks the rules, or goes away, loses its stream.
async fn answer(mut exchange: Exchange, mut codec: Box<dyn ServerCodec>, executor: Rc<dyn Executor>) {
    let mut out = Outbox::new();
    let Some((call, asked)) = asked(&mut exchange, &mut *codec, &mut out).await else { return };
    let answer = executor.execute(asked).await;
    if matches!(answer, CallResponse::Silence) {
        return exchange.stream.abandoned().await;
    }
    codec.answer(call, answer, &mut out);
    if exchange.stream.say(&mut out, &mut *codec).await.is_ok_and(|all| all) {
        exchange.end();
    }
}

/// What the client asks, once its side of the stream has ended with that.
async fn asked(exchange: &mut Exchange, codec: &mut dyn ServerCodec, out: &mut Outbox) -> Option<(u64, CallRequest)> {
    let mut whole = None;
    while let Some(chunk) = exchange.stream.hear().await.ok()? {
        let mut input = &chunk.bytes[..];
        while !input.is_empty() {
            if whole.is_some() {
                return None;
            }
            match codec.receive(&mut input, out).ok()? {
                Step::Read | Step::Write => {}
                Step::Execute { call, asked } => whole = Some((call, asked)),
                Step::Close => return None,
            }
        }
    }
    whole
}
