//! A task for each connection, on one thread or on several.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::oneshot;

use crate::call::{CallRequest, CallResponse};
use crate::error::{Context, Result};
use crate::registry::Entry;
use crate::server::acceptor::{Acceptor, FULL_MS, Refused, refused, stopped, watch};
use crate::server::ballast::BALLAST;
use crate::server::connection::serve_as_task;
use crate::server::contract::{Executes, Host, Model};
use crate::server::injected_fault::Executed;
use crate::server::service::Service;
use crate::server::workers::WORKERS;
use crate::transport::contract::{Executor, Facts, IoModel, LocalBoxFuture, Transport};
use crate::transport::option::{OptionSpec, Options};
use crate::transport::socket::Listener;

/// The server model `async`.
pub struct Async;

impl Entry for Async {
    fn name(&self) -> &'static str {
        "async"
    }
    fn about(&self) -> &'static str {
        "a task for each connection, on one runtime thread, or on `workers` of them"
    }
}

impl Model for Async {
    fn options(&self) -> &'static [OptionSpec] {
        &[WORKERS, BALLAST]
    }

    fn declines(&self, transport: &dyn Transport, options: &Options) -> Option<String> {
        let several = threads(options) > 1 && matches!(transport.io_model(), IoModel::Async(_));
        several.then(|| {
            format!(
                "`async` serves {} on one thread: its library has one socket at each end, for all connections, which one \
                 runtime thread owns; `pooled` executes calls on several",
                transport.name()
            )
        })
    }

    fn workers(&self, options: &Options, _: u64) -> Option<u64> {
        options.count(WORKERS.name)
    }

    fn executes(&self) -> Executes {
        Ok(|service, _| Box::new(move || Some(Rc::new(InPlace(service.clone())))))
    }

    fn facts(&self, options: &Options) -> Facts {
        let (waits, isolation) = match threads(options) {
            1 => ("event loop on one thread".to_owned(), "none: one process, one thread"),
            count => (
                format!(
                    "an event loop on each of {count} threads; the first accepts, and deals connections out in turn"
                ),
                "none: one process",
            ),
        };
        let facts = [("serves", "a task for each connection"), ("waits", &waits), ("isolation", isolation)];
        facts.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    fn serve(&self, acceptor: Acceptor, host: Host) -> Result<()> {
        acceptor.announce()?;
        let listener = acceptor.into_listener();
        let others = (1..threads(&host.context.options)).map(|_| Other::start()).collect::<Result<Vec<_>>>()?;
        let runtime = runtime()?;
        let served = runtime.block_on(accept_until_stopped(listener, host, &others));
        runtime.shutdown_background();
        others.into_iter().for_each(Other::end);
        served
    }
}

/// How many threads have a runtime.
fn threads(options: &Options) -> u64 {
    options.count(WORKERS.name).unwrap_or(1)
}

/// A runtime for the calling thread.
fn runtime() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build().doing("cannot start a runtime")
}

/// A thread with a runtime of its own, to which the first deals out connections.
struct Other {
    tasks: Handle,
    over: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

impl Other {
    fn start() -> Result<Self> {
        let runtime = runtime()?;
        let tasks = runtime.handle().clone();
        let (over, until) = oneshot::channel::<()>();
        let run = move || {
            // Its sender says that it is over, or is gone.
            let _ = runtime.block_on(until);
            runtime.shutdown_background();
        };
        let thread = thread::Builder::new().spawn(run).doing("cannot start a thread")?;
        Ok(Other { tasks, over, thread })
    }

    fn end(self) {
        drop(self.over);
        // It has caught the panic of each task, and has none of its own.
        let _ = self.thread.join();
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

async fn accept_until_stopped(listener: Listener, host: Host, others: &[Other]) -> Result<()> {
    listener.set_nonblocking(true).doing("cannot make the listener nonblocking")?;
    let listener = watch(listener).doing("cannot wait for clients")?;
    let stopped = stopped();
    tokio::pin!(stopped);
    // This thread's own runtime, then each of the others.
    let mut runtimes = vec![Handle::current()];
    runtimes.extend(others.iter().map(|other| other.tasks.clone()));
    let mut turn = 0;
    loop {
        tokio::select! {
            () = &mut stopped => return Ok(()),
            ready = listener.readable() => {
                let mut ready = ready.doing("cannot wait for clients")?;
                match listener.get_ref().accept() {
                    Ok(socket) => {
                        runtimes[turn].spawn(serve_as_task(socket, host.clone()));
                        turn = (turn + 1) % runtimes.len();
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
