//! What every protocol on streams of HTTP/2 has in common: windows, limits, options, facts.

use crate::transport::contract::Facts;
use crate::transport::option::{OptionSpec, Options};
use crate::transport::options::{self, CONGESTION, NODELAY, RESUMPTION, TLS, shared, terms};
use crate::transport::terms::{Compressed, Terms};

/// How much of one body may be on its way unread, in bytes: more than a network between hosts holds, so that bulk is
/// never stopped by a window.
pub(crate) const STREAM_WINDOW: u32 = 4 << 20;
/// The same for all bodies of a connection together.
pub(crate) const CONNECTION_WINDOW: u32 = 16 << 20;
/// How many calls a server takes at a time on a connection.
pub(crate) const STREAMS: u32 = 4096;
/// The longest head that a server takes in, in bytes, as on `http1`.
pub(crate) const HEAD_LIMIT: u32 = 32 * 1024;
/// What small DATA frames may cost before their bytes are looked at, which happens at once here.
pub(crate) const FRAMING: usize = 1 << 30;

/// The options of every protocol on streams of HTTP/2.
pub(crate) const OPTIONS: &[OptionSpec] = &[options::STREAMS, TLS, RESUMPTION, NODELAY, CONGESTION];
/// Its name in a TLS handshake (RFC 9113, 3.2).
pub(crate) const ALPN: &str = "h2";

/// The number of lines that a connection needs.
pub(crate) fn slots(options: &Options) -> usize {
    options.count(options::STREAMS.name).unwrap_or(1) as usize
}

/// On what terms every protocol on streams of HTTP/2 serves calls.
pub(crate) fn stream_terms(options: &Options) -> Terms {
    Terms { compressed: Some(Compressed::Headers), connection: Some(shared(options)), ..terms(options) }
}

/// What else is true of every protocol on streams of HTTP/2, with how calls are written.
pub(crate) fn stream_facts(serialisation: &str) -> Facts {
    [
        ("serialisation", serialisation),
        ("framing", "by the h2 library, over memory"),
        ("windows", "4 MiB a stream, 16 MiB a connection"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .into()
}
