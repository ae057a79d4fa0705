//! What the objects of one end can do: the operations of lists and iterators, and what every object has.

use std::cmp::Ordering;

use crate::transport::rpyc::arguments::{batch, index, slice_index, sliced};
use crate::transport::rpyc::boxed::{Boxed, put_value};
use crate::transport::rpyc::brine::{self, Token};
use crate::transport::rpyc::exception::{Raised, Trouble};
use crate::transport::rpyc::inspect;
use crate::transport::rpyc::objects::{FIRST_ID, Given, ID_STEP, Object, Objects};
use crate::transport::rpyc::service::Method;

/// Longest text or tuple that is made of a list at once, in bytes of its chunks.
const AT_ONCE: u64 = 64 << 20;

/// What an attribute of an object is.
pub(crate) enum Attribute {
    Method(usize),
    Operation(&'static str),
    Value(Option<&'static str>),
}

impl Objects {
    /// The object has no such attribute.
    pub(crate) fn missing(&self, slot: usize, name: &str) -> Raised {
        let message = format!("'{}' object has no attribute '{name}'", self.type_name(slot));
        Raised::Attribute { message, name: name.to_owned(), object: self.plain_text(slot) }
    }

    /// The object cannot be called.
    pub(crate) fn not_callable(&self, slot: usize) -> Raised {
        Raised::type_error(format!("'{}' object is not callable", self.type_name(slot)))
    }

    /// What the attribute of that name is.
    pub(crate) fn attribute(&self, slot: usize, name: &str) -> Result<Attribute, Raised> {
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

    /// Does an operation of an object.
    pub(crate) fn operate(
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

    /// The next chunks of a list or an iterator, at most so many.
    pub(crate) fn next_chunks(&mut self, slot: usize, count: Boxed<'_>) -> Result<Given, Trouble> {
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

    /// How Python prints an object.
    pub(crate) fn text(&self, slot: usize) -> Result<String, Raised> {
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

    /// The hash of an object.
    pub(crate) fn hash(&self, slot: usize) -> Result<Given, Raised> {
        match self.slots[slot].object {
            Some(Object::List(_)) => Err(Raised::type_error("unhashable type: 'list'")),
            _ => Ok(Given::Int((FIRST_ID + slot as i64 * ID_STEP) >> 4)),
        }
    }

    /// Compares two objects.
    pub(crate) fn compare(&self, slot: usize, operation: &str, other: Boxed<'_>) -> Result<Given, Trouble> {
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
