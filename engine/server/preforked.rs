//! Worker processes that share one listening socket; each serves one call at a time.

use crate::error::{Context, Error, Result};
use crate::registry::Entry;
use crate::server::ballast::BALLAST;
use crate::server::contract::{Executes, Host, Model};
use crate::server::door::{Door, Knock};
use crate::server::fork::{Child, Forked, OneThread};
use crate::server::forking::{DATAGRAMS, Ended};
use crate::server::parking::Parking;
use crate::server::workers::{WORKERS, cores, workers};
use crate::transport::contract::{Facts, OptionSpec};
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

    fn executes(&self) -> Executes {
        Err(DATAGRAMS)
    }

    fn facts(&self) -> Facts {
        [
            ("serves", "a worker process for the connections that it accepts"),
            ("waits", "each worker polls, and blocks for one call"),
            ("isolation", "the connections of a worker share its process"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    fn serve(&self, mut door: Door, host: Host) -> Result<()> {
        door.watch_children()?;
        let lone = OneThread::seen()?;
        let (wanted, mut alive) = (workers(&host.context.options, cores()), 0);
        let (mut announced, mut ended) = (false, Ended::of(&host));
        loop {
            while alive < wanted {
                match lone.fork() {
                    Ok(Forked::Child(child)) => work_in_child(door, &host, child),
                    Ok(Forked::Parent) => alive += 1,
                    Err(error) => return Err(Error::failed(format!("cannot start a worker: {error}"))),
                }
            }
            if !announced {
                door.announce()?;
                announced = true;
            }
            match door.wait_aside()? {
                Knock::Child => alive -= ended.reap(),
                Knock::Client(_) => {}
                Knock::Stop => return ended.told(),
            }
        }
    }
}

/// The life of a worker: connections until stdin closes, and death with the parent.
fn work_in_child(door: Door, host: &Host, child: Child) -> ! {
    let served = child.die_with_parent().and_then(|()| {
        let parking = Parking::open(door.into_listener())?;
        let mut buffer = ReadBuffer::new().doing("cannot map a buffer")?;
        parking.attend(host, &mut |conversation| parking.serve(conversation, host, &mut buffer))
    });
    child.end(i32::from(served.is_err()))
}
