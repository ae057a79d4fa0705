//! A task for each connection.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::call::{CallRequest, CallResponse};
use crate::error::{Context, Result};
use crate::registry::Entry;
use crate::server::acceptor::{Acceptor, FULL_MS, Refused, refused, stopped, watch};
use crate::server::connection::serve_as_task;
use crate::server::contract::{Executes, Host, Model};
use crate::server::injected_fault::Executed;
use crate::server::service::Service;
use crate::transport::contract::{Executor, Facts, LocalBoxFuture};
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
    fn executes(&self) -> Executes {
        Ok(|service, _| Box::new(move || Some(Rc::new(InPlace(service.clone())))))
    }

    fn facts(&self) -> Facts {
        [
            ("serves", "a task for each connection"),
            ("waits", "event loop on one thread"),
            ("isolation", "none: one process, one thread"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn serve(&self, acceptor: Acceptor, host: Host) -> Result<()> {
        acceptor.announce()?;
        let listener = acceptor.into_listener();
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().doing("cannot start a runtime")?;
        let served = runtime.block_on(accept_until_stopped(listener, host));
        runtime.shutdown_background();
        served
    }
}

/// Executes a call on the runtime's thread; waiting does not take it.
struct InPlace(Arc<Service>);

impl Executor for InPlace {
    fn execute(&self, asked: CallRequest) -> LocalBoxFuture<'static, CallResponse> {
        let Executed { answer, pause } = self.0.execute(asked);
        Box::pin(async move {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            answer
        })
    }
}

async fn accept_until_stopped(listener: Listener, host: Host) -> Result<()> {
    listener.set_nonblocking(true).doing("cannot make the listener nonblocking")?;
    let listener = watch(listener).doing("cannot wait for clients")?;
    let stopped = stopped();
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => return Ok(()),
            ready = listener.readable() => {
                let mut ready = ready.doing("cannot wait for clients")?;
                match listener.get_ref().accept() {
                    Ok(socket) => {
                        tokio::spawn(serve_as_task(socket, host.clone()));
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => ready.clear_ready(),
                    Err(error) => match refused(&error)? {
                        Refused::Gone => tokio::task::yield_now().await,
                        // Connections have to be served meanwhile, lest none ever ends.
                        Refused::Full => tokio::select! {
                            () = &mut stopped => return Ok(()),
                            () = tokio::time::sleep(Duration::from_millis(FULL_MS.into())) => {}
                        },
                    },
                }
            }
        }
    }
}
