//! What objects tell of themselves: the methods that a proxy is made with, names, and the operations they offer.

use std::ops::RangeInclusive;

use crate::transport::rpyc::brine::{self, Token};
use crate::transport::rpyc::service::METHODS;

/// What an object is, as far as its attributes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Service,
    /// The root of a client, which offers nothing.
    Nothing,
    List,
    Iterator,
    Function,
}

/// The operations of every object.
pub(crate) const EVERYWHERE: &[&str] =
    &["__eq__", "__ne__", "__lt__", "__le__", "__gt__", "__ge__", "__hash__", "__repr__", "__str__", "__format__"];

/// The operations of one kind of object.
pub(crate) fn operations(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::List => &["__len__", "__getitem__", "__iter__", "__contains__", "copy", "count", "index"],
        Kind::Iterator => &["__iter__", "__next__", "__length_hint__"],
        Kind::Service | Kind::Nothing | Kind::Function => &[],
    }
}

/// What real objects of that kind offer and ours do not: a service's list is never changed by its clients.
pub(crate) fn real_only(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::List => &[
            "__add__",
            "__delitem__",
            "__iadd__",
            "__imul__",
            "__mul__",
            "__rmul__",
            "__setitem__",
            "append",
            "clear",
            "extend",
            "insert",
            "pop",
            "remove",
            "reverse",
            "sort",
        ],
        Kind::Service => &["on_connect", "on_disconnect"],
        Kind::Iterator | Kind::Nothing | Kind::Function => &[],
    }
}

/// How many arguments the operation takes.
pub(crate) fn takes_arguments(operation: &str) -> RangeInclusive<u32> {
    match operation {
        "__eq__" | "__ne__" | "__lt__" | "__le__" | "__gt__" | "__ge__" | "__format__" => 1..=1,
        "__getitem__" | "__contains__" | "count" => 1..=1,
        "index" => 1..=3,
        _ => 0..=0,
    }
}

/// The text of `__doc__`.
pub(crate) fn doc(kind: Kind) -> Option<&'static str> {
    (kind == Kind::List).then_some("A list of chunks, made when they are looked at.")
}

/// What every real object has in the list from which proxies are made, besides what proxies have themselves.
const OBJECT_METHODS: [(&str, &str); 5] = [
    ("__getstate__", "Not offered."),
    ("__subclasshook__", "Not offered."),
    ("__init_subclass__", "Not offered."),
    ("__format__", "The text of the object; takes no format."),
    ("__sizeof__", "Not offered."),
];

/// Appends the methods of which a proxy is made, as a tuple of names and texts.
pub(crate) fn put_methods(kind: Kind, out: &mut Vec<u8>) {
    let service = if kind == Kind::Service { METHODS } else { &[] };
    let (operations, real_only) = (operations(kind), real_only(kind));
    brine::put(out, Token::Tuple((OBJECT_METHODS.len() + operations.len() + real_only.len() + service.len()) as u32));
    for (name, about) in OBJECT_METHODS {
        brine::put(out, Token::Tuple(2));
        brine::put_text(out, name);
        brine::put_text(out, about);
    }
    for name in operations.iter().chain(real_only) {
        brine::put(out, Token::Tuple(2));
        brine::put_text(out, name);
        brine::put(out, Token::None);
    }
    for method in service {
        brine::put(out, Token::Tuple(2));
        brine::put_text(out, &format!("exposed_{}", method.name()));
        brine::put(out, Token::None);
    }
}

/// Appends what `dir` lists, as a sorted tuple of names.
pub(crate) fn put_names(kind: Kind, out: &mut Vec<u8>) {
    let service = if kind == Kind::Service { METHODS } else { &[] };
    let mut names: Vec<String> = service.iter().map(|method| format!("exposed_{}", method.name())).collect();
    names.extend(EVERYWHERE.iter().chain(operations(kind)).map(|name| (*name).to_owned()));
    names.push("__doc__".into());
    names.sort();
    brine::put(out, Token::Tuple(names.len() as u32));
    names.iter().for_each(|name| brine::put_text(out, name));
}
