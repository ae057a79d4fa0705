//! The connections of clients that are tasks: dialled by whoever needs one first, closed by whoever has it last.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::call::CallError;
use crate::drive::dials::Dials;
use crate::transport::contract::{AsyncClient, AsyncConnection};

/// What dials, and the connections of a job.
pub(super) struct Pool {
    pub(super) dialler: Box<dyn AsyncClient>,
    /// From when this load counts its time.
    pub(super) epoch: Instant,
    pub(super) slots: Vec<Slot>,
    carried: Cell<Carried>,
}

/// Room for one connection of the job.
#[derive(Default)]
pub(super) struct Slot {
    pub(super) current: RefCell<Option<Rc<Connection>>>,
    /// Held by the client that dials; the others wait for it.
    dialling: Mutex<()>,
}

/// A connection, and what it had carried when that was counted last.
pub(super) struct Connection {
    pub(super) end: Rc<dyn AsyncConnection>,
    wire: Cell<(u64, u64)>,
    messages: Cell<u64>,
}

/// What was carried, and all dials.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Carried {
    pub(super) messages: u64,
    pub(super) wire: (u64, u64),
    pub(super) dials: Dials,
}

/// A dial in progress; counted when it is dropped, whatever became of it.
struct Dialling<'a> {
    pool: &'a Pool,
    begun: u64,
}

impl Drop for Dialling<'_> {
    fn drop(&mut self) {
        let mut carried = self.pool.carried.get();
        carried.dials.over(self.pool.now() - self.begun);
        self.pool.carried.set(carried);
    }
}

impl Pool {
    /// Room for so many connections.
    pub(super) fn new(dialler: Box<dyn AsyncClient>, connections: usize) -> Self {
        let slots = (0..connections).map(|_| Slot::default()).collect();
        Pool { dialler, epoch: Instant::now(), slots, carried: Cell::default() }
    }

    /// Nanoseconds since the epoch.
    pub(super) fn now(&self) -> u64 {
        self.epoch.elapsed().as_nanos() as u64
    }

    /// The connection of a slot; of those who want it at once, one dials.
    pub(super) async fn open(&self, slot: &Slot) -> Result<Rc<Connection>, CallError> {
        let _turn = slot.dialling.lock().await;
        if let Some(connection) = &*slot.current.borrow() {
            return Ok(connection.clone());
        }
        let dialling = Dialling { pool: self, begun: self.now() };
        let end = self.dialler.dial().await?;
        drop(dialling);
        let connection = Rc::new(Connection { end, wire: Cell::default(), messages: Cell::default() });
        *slot.current.borrow_mut() = Some(connection.clone());
        Ok(connection)
    }

    /// Closes a connection unless it was closed before; what it carried is kept.
    pub(super) fn close(&self, slot: &Slot, connection: Option<Rc<Connection>>) {
        let taken = |given: &Rc<Connection>| slot.current.borrow_mut().take_if(|current| Rc::ptr_eq(current, given));
        if let Some(connection) = connection.as_ref().and_then(taken) {
            self.count(&connection);
            connection.end.close();
        }
    }

    /// Gives a connection no more calls; it is closed once those that it has are over.
    pub(super) fn retire(&self, slot: &Slot, connection: Option<Rc<Connection>>) {
        if let Some(connection) = &connection {
            slot.current.borrow_mut().take_if(|current| Rc::ptr_eq(current, connection));
        }
        self.release(connection);
    }

    /// A call is over on that connection, which is closed where nobody has it any more.
    pub(super) fn release(&self, connection: Option<Rc<Connection>>) {
        if let Some(connection) = connection.filter(|connection| Rc::strong_count(connection) == 1) {
            self.count(&connection);
            connection.end.close();
        }
    }

    /// What was carried since this was asked last.
    pub(super) fn take_carried(&self) -> Carried {
        for slot in &self.slots {
            if let Some(connection) = &*slot.current.borrow() {
                self.count(connection);
            }
        }
        self.carried.take()
    }

    /// Counts what a connection has carried since it was counted last.
    fn count(&self, connection: &Connection) {
        let (wire, messages) = (connection.end.wire(), connection.end.messages());
        let (before, said) = (connection.wire.replace(wire), connection.messages.replace(messages));
        let mut carried = self.carried.get();
        carried.messages += messages - said;
        carried.wire = (carried.wire.0 + wire.0 - before.0, carried.wire.1 + wire.1 - before.1);
        self.carried.set(carried);
    }

    /// Says goodbye on every connection, and lets that leave.
    pub(super) async fn close_all(&self) {
        for connection in self.slots.iter().filter_map(|slot| slot.current.take()) {
            connection.end.close();
        }
        self.dialler.rest().await;
    }
}
