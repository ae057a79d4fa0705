//! What clients are given by the server and use later: values taken from replies, and cookies.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::call::error::CallError;
use crate::call::own::cookie::{Cookie, Jar};
use crate::call::own::form::Form;
use crate::call::own::take::{Material, Take};

/// What each client was given. One thread uses it, so that nobody waits for anybody; that it can be shared is what ends of
/// connections ask for.
pub struct Sessions {
    /// The names of values that are taken, and whether one stands in a field of a request.
    names: Vec<Name>,
    /// Whether cookies are kept.
    cookies: bool,
    clients: Vec<Mutex<Session>>,
}

/// The name of a value that is taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Name {
    /// The name.
    pub name: String,
    /// Whether a field of a request holds it, so that it has to be one line.
    pub in_field: bool,
}

#[derive(Default)]
struct Session {
    values: Vec<Vec<u8>>,
    jar: Jar,
}

/// Without what they hold.
impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sessions of {} clients", self.clients.len())
    }
}

impl Sessions {
    /// Those of so many clients, which have nothing yet.
    pub fn new(clients: usize, names: Vec<Name>, cookies: bool) -> Self {
        let session = || Session { values: vec![Vec::new(); names.len()], jar: Jar::default() };
        let clients = if cookies || !names.is_empty() { clients } else { 0 };
        Sessions { clients: (0..clients).map(|_| Mutex::new(session())).collect(), names, cookies }
    }

    /// Whether cookies are kept.
    pub fn cookies(&self) -> bool {
        self.cookies
    }

    /// The place of a name; none where nothing of that name is taken.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|known| known.name == name)
    }

    fn of(&self, client: u32) -> Option<MutexGuard<'_, Session>> {
        Some(self.clients.get(client as usize)?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many bytes a client's value takes in that form.
    pub fn len(&self, client: u32, place: usize, form: Form) -> usize {
        self.of(client).map_or(0, |own| own.values.get(place).map_or(0, |value| form.len(value)))
    }

    /// Writes a client's value.
    pub fn put(&self, client: u32, place: usize, form: Form, out: &mut Vec<u8>) {
        if let Some(value) = self.of(client).as_ref().and_then(|own| own.values.get(place)) {
            form.put(value, out);
        }
    }

    /// Writes the cookies that a client's request for that path sends, behind what `begins` where there is any; whether
    /// there was.
    pub fn put_cookies(&self, client: u32, path: &[u8], begins: &[u8], out: &mut Vec<u8>) -> bool {
        self.cookies && self.of(client).is_some_and(|own| own.jar.put(path, begins, out))
    }

    /// Keeps what a reply gives a client: cookies in any case, values where it is the `right` one. A fault where it lacks
    /// a value, or has one that cannot be used.
    pub fn keep(&self, client: u32, take: &[Take], material: &Material, right: bool) -> Result<(), CallError> {
        let Some(mut own) = self.of(client) else { return Ok(()) };
        if self.cookies {
            let given = material.fields.iter().filter(|(name, _)| name == "set-cookie");
            given.filter_map(|(_, value)| Cookie::read(value)).for_each(|cookie| own.jar.keep(cookie));
        }
        if !right {
            return Ok(());
        }
        let values = material.values(take)?;
        let placed = || take.iter().map(|take| self.place(&take.name));
        for (take, (place, value)) in take.iter().zip(placed().zip(&values)) {
            let in_field = place.and_then(|place| self.names.get(place)).is_some_and(|name| name.in_field);
            if in_field && !Form::Field.admits(value) {
                let what = format!("what `{}` is taken from has bytes that no header may have", take.name);
                return Err(CallError::corrupt(what));
            }
        }
        for (place, value) in placed().zip(values) {
            if let Some(known) = place.and_then(|place| own.values.get_mut(place)) {
                *known = value;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Name, Sessions};
    use crate::call::own::form::Form;
    use crate::call::own::take::{Material, Origin, Take};

    fn given(body: &str, cookie: &str) -> Material {
        let fields = vec![("set-cookie".to_owned(), cookie.as_bytes().to_vec())];
        Material { body: body.as_bytes().to_vec(), fields }
    }

    #[test]
    fn each_client_has_what_it_was_given() {
        let names = vec![Name { name: "token".to_owned(), in_field: true }];
        let sessions = Sessions::new(2, names, true);
        let take = [Take { name: "token".to_owned(), from: Origin::Json("/t".to_owned()) }];
        assert_eq!(sessions.keep(1, &take, &given("{\"t\": \"a\\\"b\"}", "sid=1"), true), Ok(()));
        let written = |client: u32| {
            let mut out = Vec::new();
            sessions.put(client, 0, Form::Json, &mut out);
            assert_eq!(out.len(), sessions.len(client, 0, Form::Json));
            let any = sessions.put_cookies(client, b"/", b" and ", &mut out);
            (String::from_utf8(out).expect("text"), any)
        };
        assert_eq!((written(0), written(1)), ((String::new(), false), ("a\\\"b and sid=1".to_owned(), true)));
        assert_eq!(written(7), (String::new(), false));
        // A wrong reply gives cookies and no values; one whose value cannot stand in a field gives none.
        assert_eq!(sessions.keep(0, &take, &given("{\"t\": \"x\"}", "sid=2"), false), Ok(()));
        assert_eq!(written(0).0, " and sid=2");
        let wrong = sessions.keep(0, &take, &given("{\"t\": \"x\\ny\"}", "sid=2"), true).expect_err("two lines");
        assert!(wrong.to_string().starts_with("corrupt: what `token` is taken from"), "{wrong}");
        assert_eq!(format!("{sessions:?}"), "Sessions of 2 clients");
    }
}
