//! The fields around the messages of a call.

use http::header::{CONTENT_TYPE, HeaderValue, TE};
use http::{HeaderMap, Method, Request};

use crate::call::own::grpc::Code;
use crate::transport::contract::ClientContext;
use crate::transport::web::calls::{request, scheme};

/// The head of a call of the method at that path (gRPC over HTTP2, "Requests").
pub(crate) fn of(context: &ClientContext, path: &str) -> Request<()> {
    let mut head = request(Method::POST, scheme(&context.options), context, path);
    head.headers_mut().insert(TE, HeaderValue::from_static("trailers"));
    head.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    head
}

/// How a call ended, where these fields say it.
pub(crate) fn code(fields: &HeaderMap) -> Option<Code> {
    fields.get("grpc-status").map(|field| Code::said(field.as_bytes()))
}
