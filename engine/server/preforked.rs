//! Worker processes that share one listening socket; each serves one call at a time.

use crate::error::{Context, Error, Result};
use crate::registry::Entry;
use crate::server::acceptor::{Acceptor, Event};
use crate::server::ballast::BALLAST;
use crate::server::contract::{Executes, Host, Model};
use crate::server::fork::{Child, Forked, OneThread};
use crate::server::forking::{DATAGRAMS, Ended};
use crate::server::idle_set::IdleSet;
use crate::server::workers::{WORKERS, cores, workers};
use crate::transport::contract::Facts;
use crate::transport::option::{OptionSpec, Options};
use crate::transport::socket::ReadBuffer;

/// The server model `preforked`.
pub struct Preforked;

impl Entry for Preforked {
    fn name(&self) -> &'static str {
        "preforked"
    }
    fn about(&self) -> &'static str {
        "worker processes share one listening socket; each polls its own connections and serves one call at a time"
    }
}

impl Model for Preforked {
    fn options(&self) -> &'static [OptionSpec] {
        &[WORKERS, BALLAST]
    }

    fn workers(&self, options: &Options, cores: u64) -> Option<u64> {
        Some(workers(options, cores))
    }

    fn executes(&self) -> Executes {
        Err(DATAGRAMS)
    }

    fn facts(&self, _: &Options) -> Facts {
        [
            ("serves", "a worker process for the connections that it accepts"),
            ("waits", "each worker polls, and blocks for one call"),
            ("isolation", "the connections of a worker share its process"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn serve(&self, mut acceptor: Acceptor, host: Host) -> Result<()> {
        acceptor.watch_children()?;
        let lone = OneThread::seen()?;
        let (wanted, mut alive) = (workers(&host.context.options, cores()), 0);
        let (mut announced, mut ended) = (false, Ended::of(&host));
        loop {
            while alive < wanted {
                match lone.fork() {
                    Ok(Forked::Child(child)) => work_in_child(acceptor, &host, child),
                    Ok(Forked::Parent) => alive += 1,
                    Err(error) => return Err(Error::failed(format!("cannot start a worker: {error}"))),
                }
            }
            if !announced {
                acceptor.announce()?;
                announced = true;
            }
            match acceptor.wait_for_others()? {
                Event::ChildExited => alive -= ended.reap(),
                Event::Connection(_) => {}
                Event::Shutdown => return ended.told(),
            }
        }
    }
}

/// The life of a worker: connections until stdin closes, and death with the parent.
fn work_in_child(acceptor: Acceptor, host: &Host, child: Child) -> ! {
    let served = child.die_with_parent().and_then(|()| {
        let idle_set = IdleSet::open(acceptor.into_listener())?;
        let mut buffer = ReadBuffer::new().doing("cannot map a buffer")?;
        idle_set.run(host, &mut |connection| idle_set.serve(connection, host, &mut buffer))
    });
    child.end(i32::from(served.is_err()))
}
