//! A thread for each connection.

use std::thread;

use crate::error::Result;
use crate::registry::Entry;
use crate::server::contract::{Host, Model};
use crate::server::conversation::converse;
use crate::server::door::{Door, Knock};
use crate::transport::contract::{Facts, Options};

/// How much stack a thread has that serves calls.
pub(crate) const STACK: usize = 256 * 1024;

/// The server model `threaded`.
pub struct Threaded;

impl Entry for Threaded {
    fn name(&self) -> &'static str {
        "threaded"
    }
    fn about(&self) -> &'static str {
        "a thread for each connection"
    }
}

impl Model for Threaded {
    fn facts(&self, _: &Options) -> Facts {
        [("serves", "a thread for each connection"), ("waits", "blocking"), ("isolation", "none: one process")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    fn serve(&self, mut door: Door, host: Host) -> Result<()> {
        door.announce()?;
        loop {
            match door.wait()? {
                Knock::Client(socket) => {
                    let host = host.clone();
                    // A thread that cannot be made refuses its client: the connection closes.
                    let _ = thread::Builder::new().stack_size(STACK).spawn(move || converse(socket, &host));
                }
                Knock::Child => {}
                Knock::Stop => return Ok(()),
            }
        }
    }
}
