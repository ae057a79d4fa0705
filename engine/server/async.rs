//! A task for each connection.

use std::io;
use std::os::fd::AsFd;

use crate::error::{Context, Error, Result};
use crate::registry::Entry;
use crate::server::contract::{Host, Model};
use crate::server::conversation::{converse_as_task, watch};
use crate::server::door::{Door, is_passing, stdin_ended};
use crate::transport::contract::{Facts, Options};
use crate::transport::socket::Listener;

/// The server model `async`.
pub struct Async;

impl Entry for Async {
    fn name(&self) -> &'static str {
        "async"
    }
    fn about(&self) -> &'static str {
        "a task for each connection, on one runtime thread"
    }
}

impl Model for Async {
    fn facts(&self, _: &Options) -> Facts {
        [
            ("serves", "a task for each connection"),
            ("waits", "event loop on one thread"),
            ("isolation", "none: one process, one thread"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn serve(&self, door: Door, host: Host) -> Result<()> {
        door.announce()?;
        let listener = door.into_listener();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().doing("cannot start a runtime")?;
        let served = runtime.block_on(accept_until_stopped(listener, host));
        runtime.shutdown_background();
        served
    }
}

async fn accept_until_stopped(listener: Listener, host: Host) -> Result<()> {
    listener.set_nonblocking(true).doing("cannot make the listener nonblocking")?;
    let listener = watch(listener).doing("cannot wait for clients")?;
    // A stdin that cannot be polled (a file, /dev/null) never ends before the process does.
    let stdin = watch(io::stdin()).ok();
    let stopped = async {
        match &stdin {
            None => std::future::pending().await,
            Some(stdin) => {
                while let Ok(mut ready) = stdin.readable().await {
                    if stdin_ended(stdin.get_ref().as_fd()) {
                        break;
                    }
                    ready.clear_ready();
                }
            }
        }
    };
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => return Ok(()),
            ready = listener.readable() => {
                let mut ready = ready.doing("cannot wait for clients")?;
                match listener.get_ref().accept() {
                    Ok(socket) => {
                        tokio::spawn(converse_as_task(socket, host.clone()));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                    Err(error) if is_passing(&error) => {}
                    Err(error) => return Err(Error::failed(format!("cannot accept a client: {error}"))),
                }
            }
        }
    }
}
