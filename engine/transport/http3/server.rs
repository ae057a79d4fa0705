//! The server's end of an HTTP/3 connection.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::Buf;
use h3::server::{RequestResolver, RequestStream, builder};
use h3_quinn::BidiStream;
use quinn::Connection;
use tokio::task::spawn_local;

use crate::call::CallResponse;
use crate::transport::contract::Executor;
use crate::transport::held::{Hold, Share};
use crate::transport::http3::stream::send;
use crate::transport::quic::guard::Guarded;
use crate::transport::web::body::Piece;
use crate::transport::web::exchange::{IncomingRequest, ServerExchange};
use crate::transport::web::request::WebRequest;
use crate::transport::web::service::WebService;

/// The longest head that is taken in, in bytes, as on `http1`.
const HEAD_LIMIT: u64 = 32 * 1024;

/// What all requests of a connection share.
struct Host {
    connection: Connection,
    service: RefCell<WebService>,
    executor: Rc<dyn Executor>,
    limit: u64,
    hold: Hold,
}

/// Serves a connection until either side closes it, with a task for each request; no body may be longer than `limit`,
/// and all that are kept no more than `hold` has room for.
pub(crate) async fn serve(connection: Connection, limit: u64, hold: Hold, executor: Rc<dyn Executor>) {
    let quic = h3_quinn::Connection::new(connection.clone());
    let Ok(mut requests) =
        builder().send_grease(false).max_field_section_size(HEAD_LIMIT).build::<_, Piece>(quic).await
    else {
        return;
    };
    let host = Rc::new(Host { connection, service: RefCell::default(), executor, limit, hold });
    while let Ok(Some(request)) = requests.accept().await {
        spawn_local(answer(request, host.clone()));
    }
}

/// One request. A client that breaks the rules, or goes away, loses its stream.
async fn answer(request: RequestResolver<h3_quinn::Connection, Piece>, host: Rc<Host>) {
    let Ok((head, stream)) = request.resolve_request().await else { return };
    let mut exchange = Guarded::new(stream);
    let mut request = host.service.borrow_mut().begin(&head);
    // Given back once the reply is sent, or the stream is given up.
    let mut share = host.hold.share();
    let answer = match received(&mut exchange, &mut request, host.limit, &mut share).await {
        None => return,
        Some(Ok(())) => match request.asked() {
            Ok(asked) => host.executor.execute(asked).await,
            Err(refused) => refused,
        },
        Some(Err(refused)) => refused,
    };
    let outgoing = host.service.borrow_mut().answer(&request, answer);
    let Some(outgoing) = outgoing else {
        // The library does not tell when the client gives up waiting, only when it goes.
        host.connection.closed().await;
        return;
    };
    if exchange.stream.send_response(outgoing.head).await.is_ok()
        && send(&mut exchange.stream, outgoing.body).await.is_ok()
    {
        exchange.end();
    }
}

/// Takes in the body of a request, or says why not; none where its stream broke.
async fn received(
    exchange: &mut Guarded<RequestStream<BidiStream<Piece>, Piece>>,
    request: &mut WebRequest,
    limit: u64,
    share: &mut Share,
) -> Option<Result<(), CallResponse>> {
    let refused = |status, message: &str| Some(Err(CallResponse::Error { status, message: message.to_owned() }));
    let mut taken = 0;
    while let Some(mut data) = exchange.stream.recv_data().await.ok()? {
        taken += data.remaining() as u64;
        if taken > limit {
            return refused(413, "The body is longer than this server takes in.");
        }
        while data.has_remaining() {
            let piece = data.chunk();
            request.data(piece);
            let n = piece.len();
            data.advance(n);
        }
        if !share.hold(request.kept()) {
            return refused(503, "This server holds as many bodies as it may.");
        }
    }
    Some(Ok(()))
}
