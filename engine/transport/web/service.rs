//! The server's side of the endpoints, where each request has a stream of its own.

use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderValue, SERVER,
};
use http::{Request, Response, StatusCode};

use crate::call::CallResponse;
use crate::transport::web::answer::{Content, WebAnswer, disposition};
use crate::transport::web::body::Sending;
use crate::transport::web::calls::value;
use crate::transport::web::date::Date;
use crate::transport::web::exchange::{Outgoing, ServerExchange};
use crate::transport::web::request::{Route, WebRequest};

/// Answers requests to the endpoints.
#[derive(Default)]
pub(crate) struct WebService {
    date: Date,
}

impl ServerExchange for WebService {
    type Request = WebRequest;

    fn begin(&mut self, head: &Request<()>) -> WebRequest {
        let target = head.uri().path_and_query().map_or("", |target| target.as_str());
        WebRequest::begin(Route::find(head.method().as_str(), target), None)
    }

    fn answer(&mut self, request: &WebRequest, answer: CallResponse) -> Option<Outgoing> {
        let route = &request.route;
        let WebAnswer { status, kind, download, allow, content } = WebAnswer::of(route, answer)?;
        let len = content.len();
        let mut head = Response::new(());
        *head.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let fields = head.headers_mut();
        fields.insert(SERVER, HeaderValue::from_static("engine"));
        fields.insert(DATE, value(self.date.now()));
        fields.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        fields.insert(CONTENT_LENGTH, len.into());
        if let Some(file) = download {
            fields.insert(CONTENT_DISPOSITION, HeaderValue::from_static(disposition(file)));
            fields.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        if !allow.is_empty() {
            fields.insert(ALLOW, HeaderValue::from_static(allow));
        }
        let body = match content {
            Content::Text(text) => Sending::bytes(text.into_owned(), None),
            Content::Bytes(bytes) => Sending::bytes(bytes, route.chunk),
            Content::Fill(fill, len) => Sending::fill(fill, len, route.chunk),
            Content::Hex(writer, _) => Sending::hex(writer),
        };
        Some(Outgoing { head, body: (len > 0 && !route.bare).then_some(body) })
    }
}
