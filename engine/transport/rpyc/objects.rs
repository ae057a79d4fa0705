//! The objects that one end lends to the other, and the requests that can be made of them.
//!
//! Both roles lend objects: a server its service, methods and lists, a client the list that it uploads.
//! What real objects of these types do is done; what a service never meets raises a clean exception.

use std::cmp::Ordering;

use crate::call::Fault;
use crate::transport::outbox::Outbox;
use crate::transport::rpyc::arguments::{batch, index, name, slice_index, sliced};
use crate::transport::rpyc::brine::{self, Reader, Token};
use crate::transport::rpyc::exception::Raised;
use crate::transport::rpyc::frame::Body;
use crate::transport::rpyc::inspect;
use crate::transport::rpyc::list::List;
use crate::transport::rpyc::message::{
    Boxed, Id, Items, Link, handler, put_id, put_mine, put_tuple, put_value, put_yours,
};
use crate::transport::rpyc::repeats::Known;
use crate::transport::rpyc::service::{METHODS, Method};

/// Ids look like addresses of CPython, so that messages are as long as real ones.
const FIRST_ID: i64 = 139_656_434_000_000;
const ID_STEP: i64 = 64;
/// How many digits such an id has.
const DIGITS: usize = 15;
/// The id of our service's class; that of a real one is an address.
pub(crate) const CLASS_IDS: i64 = 139_656_463_000_000;
/// Longest text or tuple that is made of a list at once, in bytes of its chunks.
const AT_ONCE: u64 = 64 << 20;

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

#[derive(Debug)]
struct Slot {
    object: Option<Object>,
    refs: u64,
    /// Its name on the wire.
    id: Vec<u8>,
}

/// The objects that this end lends, with how often the peer holds each.
#[derive(Debug)]
pub(crate) struct Objects {
    class: &'static str,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Root and methods are here for good.
    fixed: usize,
}

/// Why a request has no result.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The peer is told.
    Raised(Raised),
    /// The peer breaks the protocol.
    Fault(Fault),
}

impl From<Raised> for Trouble {
    fn from(raised: Raised) -> Self {
        Trouble::Raised(raised)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Trouble::Fault(fault)
    }
}

/// What a request comes to.
#[derive(Debug)]
pub(crate) enum Outcome<'a> {
    /// This is the reply.
    Given(Given),
    /// The service has to be asked.
    Call { method: Method, args: Boxed<'a>, kwargs: Boxed<'a> },
    /// The peer says goodbye.
    Close,
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

enum Attribute {
    Method(usize),
    Operation(&'static str),
    Value(Option<&'static str>),
}

const NO_KWARGS: Boxed<'static> = Boxed::Value(&[brine::EMPTY_TUPLE]);

fn argument<'a>(items: &mut Items<'a>) -> Result<Boxed<'a>, Trouble> {
    items.next()?.ok_or_else(|| Raised::type_error("a request with too few arguments").into())
}

/// Positional arguments and those by name; a request may leave the latter out.
fn call_arguments<'a>(items: &mut Items<'a>) -> Result<(Boxed<'a>, Boxed<'a>), Trouble> {
    let (args, kwargs) = (argument(items)?, items.next()?.unwrap_or(NO_KWARGS));
    for boxed in [args, kwargs] {
        if !boxed.is_tuple() {
            let message = format!("arguments must come as a tuple, not as '{}'", boxed.type_name());
            return Err(Raised::type_error(message).into());
        }
    }
    Ok((args, kwargs))
}

impl Objects {
    /// A server's: the service under that class name, with all its methods.
    pub(crate) fn service(class: &'static str) -> Self {
        let objects = std::iter::once(Object::Root).chain(METHODS.map(Object::Method));
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

    fn class_of(&self, object: Option<&Object>) -> (&'static str, i64) {
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

    /// What a request comes to whenever it comes and its object is held, where that is certain.
    pub(crate) fn foresee(&self, asked: i64, args: Boxed<'_>) -> Option<Known> {
        let mut items = args.items().ok()?;
        let mut next = || items.next().ok().flatten();
        let Boxed::Mine(id) = next()? else { return None };
        let of = self.find(id).ok().filter(|slot| *slot < self.fixed)?;
        let (first, second, more) = (next()?, next(), next());
        let nothing = Boxed::Value(&[brine::EMPTY_TUPLE]);
        match (asked, second, more) {
            (handler::GETATTR, None, None) => match self.attribute(of, name(first).ok()?) {
                Ok(Attribute::Method(place)) => Some(Known::Attribute { of, given: place + 1 }),
                _ => None,
            },
            (handler::CALL, Some(second), None) if first == nothing && second == nothing => {
                matches!(self.slots[of].object, Some(Object::Method(Method::Ping))).then_some(Known::Ping { of })
            }
            (handler::DEL, None, None) => match first.token() {
                Ok(Some(Token::Int(count @ 1..))) => Some(Known::Release { of, count: count as u64 }),
                _ => None,
            },
            _ => None,
        }
    }

    /// Does what a request asks for.
    pub(crate) fn request<'a>(&mut self, asked: i64, args: Boxed<'a>) -> Result<Outcome<'a>, Trouble> {
        let mut items = args.items()?;
        let Some((handler, least, most)) = handler::arguments(asked) else {
            let mut key = Vec::new();
            brine::put_int(&mut key, asked);
            return Err(Raised::Key(key).into());
        };
        if !(least..=most).contains(&items.len()) {
            let message = format!("{handler}() takes {} arguments but {} were given", most + 1, items.len() + 1);
            return Err(Raised::type_error(message).into());
        }
        match asked {
            handler::PING => {
                let data = argument(&mut items)?;
                let mut reply = Vec::new();
                self.rebox(data, &mut reply)?;
                return Ok(Outcome::Given(Given::Boxed(reply)));
            }
            handler::CLOSE => return Ok(Outcome::Close),
            handler::GETROOT => return Ok(Outcome::Given(Given::Object(0))),
            handler::INSPECT => {
                let Boxed::Value(raw) = argument(&mut items)? else {
                    return Err(Raised::type_error("an object is inspected by its id").into());
                };
                let id = Id::read(&mut Reader::new(raw)).map_err(|_| Raised::Key(raw.to_vec()))?;
                let slot = self.find(id)?;
                let mut reply = Vec::new();
                put_value(&mut reply);
                inspect::put_methods(self.kind(slot), &mut reply);
                return Ok(Outcome::Given(Given::Boxed(reply)));
            }
            _ => {}
        }
        let Boxed::Mine(id) = argument(&mut items)? else {
            return Err(Raised::type_error("this is answered for objects of the engine only").into());
        };
        let slot = self.find(id)?;
        let given = match asked {
            handler::GETATTR => match self.attribute(slot, name(argument(&mut items)?)?)? {
                Attribute::Method(place) => Given::Object(place + 1),
                Attribute::Value(None) => Given::None,
                Attribute::Value(Some(text)) => Given::Text(text.to_owned()),
                Attribute::Operation(operation) => {
                    self.slots[slot].refs += 1;
                    Given::Object(self.add(Object::Bound { of: slot, operation }))
                }
            },
            handler::CALL => {
                let (args, kwargs) = call_arguments(&mut items)?;
                match self.slots[slot].object {
                    Some(Object::Method(method)) => return Ok(Outcome::Call { method, args, kwargs }),
                    Some(Object::Bound { of, operation }) => self.operate(of, operation, args, kwargs)?,
                    _ => return Err(self.not_callable(slot).into()),
                }
            }
            handler::CALLATTR => {
                let name = name(argument(&mut items)?)?;
                let (args, kwargs) = call_arguments(&mut items)?;
                match self.attribute(slot, name)? {
                    Attribute::Method(place) => return Ok(Outcome::Call { method: METHODS[place], args, kwargs }),
                    Attribute::Operation(operation) => self.operate(slot, operation, args, kwargs)?,
                    Attribute::Value(None) => {
                        return Err(Raised::type_error("'NoneType' object is not callable").into());
                    }
                    Attribute::Value(Some(_)) => return Err(Raised::type_error("'str' object is not callable").into()),
                }
            }
            handler::REPR | handler::STR => Given::Text(self.text(slot)?),
            handler::HASH => self.hash(slot)?,
            handler::CMP => {
                let other = argument(&mut items)?;
                let operation = items.next()?.map(name).transpose()?.unwrap_or("__cmp__");
                self.compare(slot, operation, other)?
            }
            handler::DIR => {
                let mut reply = Vec::new();
                put_value(&mut reply);
                inspect::put_names(self.kind(slot), &mut reply);
                Given::Boxed(reply)
            }
            handler::DEL => {
                let count = items.next()?.map(Boxed::token).transpose()?.flatten();
                let count = count.map_or(Some(1), index).and_then(|count| u64::try_from(count).ok());
                self.release(slot, count.ok_or_else(|| Raised::type_error("a count of references is an int"))?);
                Given::None
            }
            handler::BUFFITER => self.next_chunks(slot, argument(&mut items)?)?,
            handler::SETATTR | handler::DELATTR => {
                let name = name(argument(&mut items)?)?;
                let root = matches!(self.slots[slot].object, Some(Object::Root));
                let message = if root { "access denied".into() } else { format!("cannot access '{name}'") };
                return Err(Raised::Builtin("AttributeError", message).into());
            }
            handler::PICKLE => return Err(Raised::value_error("pickling is disabled").into()),
            handler::OLDSLICING => return Err(self.missing(slot, "__getslice__").into()),
            handler::CTXEXIT => return Err(self.missing(slot, "__exit__").into()),
            _ => {
                // INSTANCECHECK: nothing that is lent is a class.
                let message = "isinstance() arg 2 must be a type, a tuple of types, or a union";
                return Err(Raised::type_error(message).into());
            }
        };
        Ok(Outcome::Given(given))
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

    fn kind(&self, slot: usize) -> inspect::Kind {
        match self.slots[slot].object {
            Some(Object::Root) if self.fixed > 1 => inspect::Kind::Service,
            Some(Object::Root) | None => inspect::Kind::Nothing,
            Some(Object::List(_)) => inspect::Kind::List,
            Some(Object::Iterator { .. }) => inspect::Kind::Iterator,
            Some(Object::Method(_) | Object::Bound { .. }) => inspect::Kind::Function,
        }
    }

    fn type_name(&self, slot: usize) -> &'static str {
        let name = self.class_of(self.slots[slot].object.as_ref()).0;
        name.rsplit('.').next().unwrap_or(name)
    }

    fn missing(&self, slot: usize, name: &str) -> Raised {
        let message = format!("'{}' object has no attribute '{name}'", self.type_name(slot));
        Raised::Attribute { message, name: name.to_owned(), object: self.plain_text(slot) }
    }

    fn not_callable(&self, slot: usize) -> Raised {
        Raised::type_error(format!("'{}' object is not callable", self.type_name(slot)))
    }

    fn attribute(&self, slot: usize, name: &str) -> Result<Attribute, Raised> {
        let kind = self.kind(slot);
        if kind == inspect::Kind::Service
            && let Some(place) = Method::named(name)
        {
            return Ok(Attribute::Method(place));
        }
        if name == "__doc__" {
            return Ok(Attribute::Value(inspect::doc(kind)));
        }
        if name == "__hash__" && kind == inspect::Kind::List {
            return Ok(Attribute::Value(None));
        }
        if let Some(operation) =
            inspect::operations(kind).iter().chain(inspect::EVERYWHERE).find(|known| **known == name)
        {
            return Ok(Attribute::Operation(operation));
        }
        if inspect::real_only(kind).contains(&name) {
            let message = format!("the engine's {} offers no '{name}'", self.type_name(slot));
            return Err(Raised::Builtin("NotImplementedError", message));
        }
        if name.starts_with('_') {
            return Err(Raised::Builtin("AttributeError", format!("cannot access '{name}'")));
        }
        Err(self.missing(slot, name))
    }

    fn operate(
        &mut self,
        slot: usize,
        operation: &'static str,
        args: Boxed<'_>,
        kwargs: Boxed<'_>,
    ) -> Result<Given, Trouble> {
        let mut items = args.items()?;
        let takes = inspect::takes_arguments(operation);
        if kwargs.items()?.len() > 0 || !takes.contains(&items.len()) {
            let takes = takes.end();
            let message = format!("{operation}() takes {takes} positional arguments ({} given)", items.len());
            return Err(Raised::type_error(message).into());
        }
        let given = items.next()?;
        let token = given.map(Boxed::token).transpose()?.flatten();
        match (operation, token, given) {
            ("__repr__" | "__str__", ..) => return self.text(slot).map(Given::Text).map_err(Trouble::from),
            ("__format__", Some(Token::Text("")), _) => return self.text(slot).map(Given::Text).map_err(Trouble::from),
            ("__format__", ..) => {
                let message = format!("unsupported format string passed to {}.__format__", self.type_name(slot));
                return Err(Raised::type_error(message).into());
            }
            ("__hash__", ..) => return self.hash(slot).map_err(Trouble::from),
            ("__eq__" | "__ne__" | "__lt__" | "__le__" | "__gt__" | "__ge__", _, Some(other)) => {
                return self.compare(slot, operation, other);
            }
            _ => {}
        }
        let made = match &mut self.slots[slot].object {
            Some(Object::Iterator { list, next }) => match operation {
                "__next__" if *next < list.count() => {
                    *next += 1;
                    let (len, body) = list.get(*next - 1);
                    return Ok(Given::Bytes(len, body));
                }
                "__next__" => return Err(Raised::StopIteration.into()),
                "__length_hint__" => return Ok(Given::Int(list.count() - *next)),
                _ => return Ok(Given::Object(slot)),
            },
            Some(Object::List(list)) => match operation {
                "__len__" => return Ok(Given::Int(list.count())),
                "__iter__" => Object::Iterator { list: list.clone(), next: 0 },
                "copy" => Object::List(list.clone()),
                "__getitem__" => match (token, given) {
                    (Some(Token::Slice), Some(Boxed::Value(raw))) => Object::List(sliced(list, raw)?),
                    (Some(token @ (Token::Int(_) | Token::Bool(_) | Token::Big(_))), _) => {
                        let position = index(token).and_then(|index| list.position(index));
                        let position =
                            position.ok_or_else(|| Raised::Builtin("IndexError", "list index out of range".into()))?;
                        let (len, body) = list.get(position);
                        return Ok(Given::Bytes(len, body));
                    }
                    _ => {
                        let of = given.map_or("NoneType", Boxed::type_name);
                        let message = format!("list indices must be integers or slices, not {of}");
                        return Err(Raised::type_error(message).into());
                    }
                },
                _ => {
                    let holds = |place: &i64| matches!(token, Some(Token::Bytes(bytes)) if list.holds(*place, bytes));
                    let mut bound = |default: i64| match items.next()?.map(|bound| bound.token()) {
                        None => Ok(default),
                        Some(bound) => slice_index(bound?.unwrap_or(Token::None)),
                    };
                    return match operation {
                        "__contains__" => Ok(Given::Bool((0..list.count()).any(|place| holds(&place)))),
                        "count" => Ok(Given::Int((0..list.count()).filter(holds).count() as i64)),
                        _ => list
                            .span(bound(0)?, bound(i64::MAX)?)
                            .find(holds)
                            .map(Given::Int)
                            .ok_or_else(|| Raised::value_error("it is not in list").into()),
                    };
                }
            },
            _ => return Err(Raised::Builtin("ReferenceError", "the object is gone".into()).into()),
        };
        Ok(Given::Object(self.add(made)))
    }

    fn next_chunks(&mut self, slot: usize, count: Boxed<'_>) -> Result<Given, Trouble> {
        let (list, from) = match &self.slots[slot].object {
            Some(Object::List(list)) => (list, 0),
            Some(Object::Iterator { list, next }) => (list, *next),
            _ => return Err(Raised::type_error(format!("'{}' object is not iterable", self.type_name(slot))).into()),
        };
        let until = list.count().min(from.saturating_add(batch(count)?));
        let mut reply = Vec::new();
        put_value(&mut reply);
        brine::put(&mut reply, Token::Tuple((until - from) as u32));
        for place in from..until {
            let (len, _) = list.get(place);
            brine::put_bytes_head(&mut reply, len);
            list.copy(place, &mut reply);
            if reply.len() as u64 > AT_ONCE {
                return Err(too_much().into());
            }
        }
        if let Some(Object::Iterator { next, .. }) = &mut self.slots[slot].object {
            *next = until;
        }
        Ok(Given::Boxed(reply))
    }

    fn plain_text(&self, slot: usize) -> String {
        format!(
            "<{} object at {:#x}>",
            self.class_of(self.slots[slot].object.as_ref()).0,
            FIRST_ID + slot as i64 * ID_STEP
        )
    }

    fn text(&self, slot: usize) -> Result<String, Raised> {
        Ok(match &self.slots[slot].object {
            Some(Object::List(list)) if list.bytes() > AT_ONCE => return Err(too_much()),
            Some(Object::List(list)) => list.repr(),
            Some(Object::Method(method)) => {
                format!("<bound method Service.exposed_{} of {}>", method.name(), self.plain_text(0))
            }
            Some(Object::Bound { of, operation }) if operation.starts_with('_') => {
                format!("<method-wrapper '{operation}' of {} object>", self.type_name(*of))
            }
            Some(Object::Bound { of, operation }) => {
                format!("<built-in method {operation} of {} object>", self.type_name(*of))
            }
            _ => self.plain_text(slot),
        })
    }

    fn hash(&self, slot: usize) -> Result<Given, Raised> {
        match self.slots[slot].object {
            Some(Object::List(_)) => Err(Raised::type_error("unhashable type: 'list'")),
            _ => Ok(Given::Int((FIRST_ID + slot as i64 * ID_STEP) >> 4)),
        }
    }

    fn compare(&self, slot: usize, operation: &str, other: Boxed<'_>) -> Result<Given, Trouble> {
        let other = match other {
            Boxed::Mine(id) => Some(self.find(id)?),
            _ => None,
        };
        let operand = |slot: usize| self.slots[slot].object.as_ref();
        let order = match (operand(slot), other.and_then(operand)) {
            (Some(Object::List(left)), Some(Object::List(right))) => Some(left.compare(right)),
            (Some(Object::Method(left)), Some(Object::Method(right))) if left != right => match operation {
                "__eq__" => return Ok(Given::Bool(false)),
                "__ne__" => return Ok(Given::Bool(true)),
                _ => None,
            },
            _ if other == Some(slot) && matches!(operation, "__eq__" | "__ne__") => Some(Ordering::Equal),
            _ => None,
        };
        Ok(match (operation, order) {
            ("__eq__" | "__ne__" | "__lt__" | "__le__" | "__gt__" | "__ge__", None) => Given::NotImplemented,
            ("__eq__", Some(order)) => Given::Bool(order.is_eq()),
            ("__ne__", Some(order)) => Given::Bool(order.is_ne()),
            ("__lt__", Some(order)) => Given::Bool(order.is_lt()),
            ("__le__", Some(order)) => Given::Bool(order.is_le()),
            ("__gt__", Some(order)) => Given::Bool(order.is_gt()),
            ("__ge__", Some(order)) => Given::Bool(order.is_ge()),
            _ => {
                let message = format!("type object '{}' has no attribute '{operation}'", self.type_name(slot));
                return Err(Raised::Builtin("AttributeError", message).into());
            }
        })
    }
}

fn too_much() -> Raised {
    Raised::Builtin("MemoryError", "the list is too long to be made at once; iterate over it".into())
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
