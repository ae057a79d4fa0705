//! How a call of gRPC ended (gRPC's "Status codes and their use").

use crate::words::{Word, words};

words! {
    /// How a call of gRPC ended; each word's place in the list is its number on the wire.
    Code {
        /// It succeeded.
        Ok = "OK",
        /// Its caller cancelled it.
        Cancelled = "CANCELLED",
        /// Nobody knows why it failed.
        Unknown = "UNKNOWN",
        /// What it was asked with is wrong.
        InvalidArgument = "INVALID_ARGUMENT",
        /// Its time ran out.
        DeadlineExceeded = "DEADLINE_EXCEEDED",
        /// What it asks for is not there.
        NotFound = "NOT_FOUND",
        /// What it should make is there already.
        AlreadyExists = "ALREADY_EXISTS",
        /// Its caller may not do it.
        PermissionDenied = "PERMISSION_DENIED",
        /// Something is used up.
        ResourceExhausted = "RESOURCE_EXHAUSTED",
        /// The system is not in the state that it needs.
        FailedPrecondition = "FAILED_PRECONDITION",
        /// It was given up, for another call's sake.
        Aborted = "ABORTED",
        /// It went past what is valid.
        OutOfRange = "OUT_OF_RANGE",
        /// It is not implemented.
        Unimplemented = "UNIMPLEMENTED",
        /// Something in the server is broken.
        Internal = "INTERNAL",
        /// The service cannot be had at the moment.
        Unavailable = "UNAVAILABLE",
        /// Data are lost or broken for good.
        DataLoss = "DATA_LOSS",
        /// Nobody knows who its caller is.
        Unauthenticated = "UNAUTHENTICATED",
    }
}

impl Code {
    /// The code that a field `grpc-status` says; one that nobody knows is [`Code::Unknown`].
    pub fn said(field: &[u8]) -> Self {
        let number = std::str::from_utf8(field).ok().and_then(|text| text.parse::<usize>().ok());
        number.and_then(|number| Code::ALL.get(number)).copied().unwrap_or(Code::Unknown)
    }

    /// The code that stands for a status of HTTP other than 200 (gRPC's "HTTP to gRPC status code mapping").
    pub fn of_http(status: u16) -> Self {
        match status {
            400 => Code::Internal,
            401 => Code::Unauthenticated,
            403 => Code::PermissionDenied,
            404 => Code::Unimplemented,
            429 | 502 | 503 | 504 => Code::Unavailable,
            _ => Code::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn a_number_on_the_wire_is_its_place_in_the_list() {
        for (field, code) in [("0", Code::Ok), ("5", Code::NotFound), ("16", Code::Unauthenticated)] {
            assert_eq!(Code::said(field.as_bytes()), code);
        }
        for field in ["17", "-1", "", "OK"] {
            assert_eq!(Code::said(field.as_bytes()), Code::Unknown, "{field}");
        }
        assert_eq!([Code::of_http(404), Code::of_http(503)], [Code::Unimplemented, Code::Unavailable]);
    }
}
