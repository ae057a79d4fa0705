//! The objects that one end lends to the other, and how often the peer holds each.
//!
//! Both roles lend objects: a server its service, methods and lists, a client the list that it uploads.

use crate::transport::outbox::Outbox;
use crate::transport::rpyc::boxed::{Boxed, Id, put_id, put_mine, put_tuple, put_value, put_yours};
use crate::transport::rpyc::brine::Token;
use crate::transport::rpyc::exception::{Raised, Trouble};
use crate::transport::rpyc::frame::Body;
use crate::transport::rpyc::inspect;
use crate::transport::rpyc::link::Link;
use crate::transport::rpyc::list::List;
use crate::transport::rpyc::service::{METHODS, Method};

/// Ids look like addresses of CPython, so that messages are as long as real ones.
pub(crate) const FIRST_ID: i64 = 139_656_434_000_000;
pub(crate) const ID_STEP: i64 = 64;
/// How many digits such an id has.
const DIGITS: usize = 15;
/// The id of our service's class; that of a real one is an address.
pub(crate) const CLASS_IDS: i64 = 139_656_463_000_000;

/// Something that the peer can refer to.
#[derive(Debug)]
pub(crate) enum Object {
    /// The service, or what stands for one at a client.
    Root,
    /// A bound method of the service.
    Method(Method),
    List(List),
    Iterator {
        list: List,
        next: i64,
    },
    /// An operation of the object in that slot, looked up but not yet called.
    Bound {
        of: usize,
        operation: &'static str,
    },
}

/// Where an object is kept.
#[derive(Debug)]
pub(crate) struct Slot {
    /// The object, while somebody refers to it.
    pub(crate) object: Option<Object>,
    /// How often the peer holds it.
    pub(crate) refs: u64,
    /// Its name on the wire.
    id: Vec<u8>,
}

/// The objects that this end lends, with how often the peer holds each.
#[derive(Debug)]
pub(crate) struct Objects {
    class: &'static str,
    /// Each object at its number.
    pub(crate) slots: Vec<Slot>,
    free: Vec<usize>,
    /// Root and methods are here for good.
    pub(crate) fixed: usize,
}

/// The value of a reply.
#[derive(Debug)]
pub(crate) enum Given {
    None,
    NotImplemented,
    Bool(bool),
    Int(i64),
    Text(String),
    Bytes(u32, Body),
    /// The object in that slot.
    Object(usize),
    /// A box that is already written.
    Boxed(Vec<u8>),
}

impl Objects {
    /// A server's: the service under that class name, with all its methods.
    pub(crate) fn service(class: &'static str) -> Self {
        let objects = std::iter::once(Object::Root).chain(METHODS.iter().copied().map(Object::Method));
        let mut lent = Objects { class, slots: Vec::new(), free: Vec::new(), fixed: 0 };
        lent.fixed = objects.map(|object| lent.add(object)).count();
        lent
    }

    /// A client's: a root without methods.
    pub(crate) fn client(class: &'static str) -> Self {
        let mut lent = Objects { class, slots: Vec::new(), free: Vec::new(), fixed: 1 };
        lent.add(Object::Root);
        lent
    }

    /// How many objects are lent besides the service and its methods.
    #[cfg(test)]
    pub(crate) fn lent(&self) -> usize {
        self.slots.len() - self.fixed - self.free.len()
    }

    /// Takes an object in; it stays until the peer gives up its last reference.
    pub(crate) fn add(&mut self, object: Object) -> usize {
        let place = self.free.pop().unwrap_or(self.slots.len());
        let (name, class) = self.class_of(Some(&object));
        let mut id = Vec::with_capacity(64);
        put_id(&mut id, name, class, FIRST_ID + place as i64 * ID_STEP);
        let slot = Slot { object: Some(object), refs: 0, id };
        match self.slots.get_mut(place) {
            Some(free) => *free = slot,
            None => self.slots.push(slot),
        }
        place
    }

    /// Appends a box with a reference to the object in a slot, which the peer then holds once more.
    pub(crate) fn put(&mut self, slot: usize, out: &mut Vec<u8>) {
        self.slots[slot].refs += 1;
        put_mine(out, &self.slots[slot].id);
    }

    /// The class of an object and that class's id.
    pub(crate) fn class_of(&self, object: Option<&Object>) -> (&'static str, i64) {
        let (name, number) = match object {
            Some(Object::Root) | None => (self.class, 0),
            Some(Object::Method(_)) => ("builtins.method", 1),
            Some(Object::List(_)) => ("builtins.list", 2),
            Some(Object::Iterator { .. }) => ("builtins.list_iterator", 3),
            Some(Object::Bound { operation, .. }) if operation.starts_with('_') => ("builtins.method-wrapper", 4),
            Some(Object::Bound { .. }) => ("builtins.builtin_function_or_method", 5),
        };
        (name, CLASS_IDS + number * ID_STEP)
    }

    /// The object that the peer means, which it has to hold.
    pub(crate) fn find(&self, id: Id<'_>) -> Result<usize, Trouble> {
        let place = |object: i64| {
            let distance = object.wrapping_sub(FIRST_ID);
            usize::try_from(distance / ID_STEP).ok().filter(|_| distance % ID_STEP == 0)
        };
        let held = |slot: &usize| self.slots.get(*slot).filter(|slot| slot.object.is_some() && slot.refs > 0);
        // Peers give an id back as it was given to them, so that mostly its last digits tell which one it is.
        let digits = id.raw.last_chunk::<DIGITS>();
        let last = digits.map(|digits| digits.iter().fold(0, |last, digit| last * 10 + i64::from(digit & 15)));
        if let Some(slot) = last.and_then(place)
            && held(&slot).is_some_and(|slot| slot.id == id.raw)
        {
            return Ok(slot);
        }
        let (name, class, object) = id.parts()?;
        let slot = place(object)
            .filter(|slot| held(slot).map(|slot| self.class_of(slot.object.as_ref())) == Some((name, class)));
        slot.ok_or_else(|| Raised::Key(id.raw.to_vec()).into())
    }

    /// The method of the service that the peer means, if it is one.
    pub(crate) fn method(&self, id: Id<'_>) -> Option<Method> {
        match self.slots[self.find(id).ok()?].object {
            Some(Object::Method(method)) => Some(method),
            _ => None,
        }
    }

    /// The list in a slot, if it is one.
    pub(crate) fn list(&self, slot: usize) -> Option<&List> {
        match &self.slots[slot].object {
            Some(Object::List(list)) => Some(list),
            _ => None,
        }
    }

    /// How many bytes the chunks have together that iterating over the object in a slot gives, which uses up an
    /// iterator; none where it cannot be iterated over.
    pub(crate) fn bytes_of_all(&mut self, slot: usize) -> Option<u64> {
        match &self.slots[slot].object {
            Some(Object::List(list)) => Some(list.bytes()),
            _ => self.bytes_of_rest(slot),
        }
    }

    /// The same of an iterator, which is used up; none where it is something else.
    pub(crate) fn bytes_of_rest(&mut self, slot: usize) -> Option<u64> {
        match &mut self.slots[slot].object {
            Some(Object::Iterator { list, next }) => {
                let rest = list.slice(Some(*next), None, None)?.bytes();
                *next = list.count();
                Some(rest)
            }
            _ => None,
        }
    }

    /// Sends what a request came to.
    pub(crate) fn give(&mut self, given: Given, seq: i64, link: &mut Link, out: &mut Outbox) {
        match given {
            Given::None => link.reply_token(out, seq, Token::None),
            Given::NotImplemented => link.reply_token(out, seq, Token::NotImplemented),
            Given::Bool(flag) => link.reply_token(out, seq, Token::Bool(flag)),
            Given::Int(int) => link.reply_token(out, seq, Token::Int(int)),
            Given::Text(text) => link.reply_token(out, seq, Token::Text(&text)),
            Given::Bytes(len, body) => link.reply_bytes(out, seq, len, body),
            Given::Object(slot) => link.reply(out, seq, |reply| self.put(slot, reply)),
            Given::Boxed(boxed) => link.reply(out, seq, |reply| reply.extend_from_slice(&boxed)),
        }
    }

    /// The peer gives up so many references to the object in a slot.
    pub(crate) fn release(&mut self, slot: usize, count: u64) {
        // An operation holds the object that it was looked up of, which may be an operation: the peer decides how often.
        let mut next = Some((slot, count));
        while let Some((slot, count)) = next.take() {
            let Some(held) = self.slots.get_mut(slot) else { return };
            held.refs = held.refs.saturating_sub(count);
            if held.refs > 0 || slot < self.fixed {
                return;
            }
            let Some(object) = held.object.take() else { return };
            self.free.push(slot);
            if let Object::Bound { of, .. } = object {
                next = Some((of, 1));
            }
        }
    }

    /// True where there is an object in that slot, and the peer holds it.
    pub(crate) fn holds(&self, slot: usize) -> bool {
        self.slots.get(slot).is_some_and(|slot| slot.object.is_some() && slot.refs > 0)
    }

    /// Appends `boxed`, as it came from the peer, as it goes back: each object still belongs to whom it belongs.
    pub(crate) fn rebox(&mut self, boxed: Boxed<'_>, out: &mut Vec<u8>) -> Result<(), Trouble> {
        match boxed {
            Boxed::Value(raw) => {
                put_value(out);
                out.extend_from_slice(raw);
            }
            Boxed::Tuple(_) => {
                let mut items = boxed.items()?;
                put_tuple(out, items.len());
                while let Some(item) = items.next()? {
                    self.rebox(item, out)?;
                }
            }
            Boxed::Mine(id) => {
                let slot = self.find(id)?;
                self.put(slot, out);
            }
            Boxed::Yours(id) => put_yours(out, id.raw),
        }
        Ok(())
    }

    /// What an object is to whoever inspects it.
    pub(crate) fn kind(&self, slot: usize) -> inspect::Kind {
        match self.slots[slot].object {
            Some(Object::Root) if self.fixed > 1 => inspect::Kind::Service,
            Some(Object::Root) | None => inspect::Kind::Nothing,
            Some(Object::List(_)) => inspect::Kind::List,
            Some(Object::Iterator { .. }) => inspect::Kind::Iterator,
            Some(Object::Method(_) | Object::Bound { .. }) => inspect::Kind::Function,
        }
    }

    /// The name of its type.
    pub(crate) fn type_name(&self, slot: usize) -> &'static str {
        let name = self.class_of(self.slots[slot].object.as_ref()).0;
        name.rsplit('.').next().unwrap_or(name)
    }

    /// How Python prints an object that has no text of its own.
    pub(crate) fn plain_text(&self, slot: usize) -> String {
        format!(
            "<{} object at {:#x}>",
            self.class_of(self.slots[slot].object.as_ref()).0,
            FIRST_ID + slot as i64 * ID_STEP
        )
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::{Object, Objects};

    #[test]
    fn operations_of_operations_are_let_go_without_recursion() {
        let let_go = || {
            let mut lent = Objects::service("engine.Service");
            let (mut of, mut scrap) = (0, Vec::new());
            for _ in 0..300_000 {
                // As the peer looks each one up of the one before, and gives that one up.
                lent.slots[of].refs += 1;
                let bound = lent.add(Object::Bound { of, operation: "__eq__" });
                scrap.clear();
                lent.put(bound, &mut scrap);
                if of > 0 {
                    lent.release(of, 1);
                }
                of = bound;
            }
            assert_eq!(lent.lent(), 300_000);
            lent.release(of, 1);
            lent.lent()
        };
        // The smallest stack that serves calls is a quarter of a MiB.
        let thread = thread::Builder::new().stack_size(256 * 1024).spawn(let_go).expect("a thread");
        assert_eq!(thread.join().expect("it does not panic"), 0);
    }
}
