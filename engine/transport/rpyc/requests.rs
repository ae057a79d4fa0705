//! The requests that can be made of the objects of one end.
//!
//! What real objects of these types do is done; what a service never meets raises a clean exception.

use crate::transport::rpyc::arguments::{index, name};
use crate::transport::rpyc::boxed::{Boxed, Id, Items, put_value};
use crate::transport::rpyc::brine::{self, Reader, Token};
use crate::transport::rpyc::exception::{Raised, Trouble};
use crate::transport::rpyc::handler;
use crate::transport::rpyc::inspect;
use crate::transport::rpyc::objects::{Given, Object, Objects};
use crate::transport::rpyc::operations::Attribute;
use crate::transport::rpyc::repeats::Known;
use crate::transport::rpyc::service::{METHODS, Method};

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
            // How many there are is only what the peer claims.
            let given = u64::from(items.len()) + 1;
            let message = format!("{handler}() takes {} arguments but {given} were given", most + 1);
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
}
