//! Takes values out of the tree and notes everything that is wrong on the way.

use std::fmt::Display;
use std::num::{NonZeroU32, NonZeroU64};
use std::str::FromStr;

use crate::call::Word;
use crate::document::mistake::{Mistake, Span};
use crate::document::tree::{Key, Node, Value};
use crate::error::ParseError;
use crate::registry::{nearest, suggestion};
use crate::units::{BitRate, MOST, MOST_CALLS, MOST_CLIENTS, Share, Size, Time};

/// A value that can stand behind a key. What is wrong with it is noted, and then there is none.
pub(crate) trait Read: Sized {
    /// The value of `key`, as `node` holds it.
    fn read(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self>;
}

pub(crate) fn wrong_kind(key: &str, wanted: &str, node: &Node) -> Mistake {
    Mistake::new(format!("`{key}` takes {wanted}, not {}", node.kind()), node.span).label(format!("expected {wanted}"))
}

impl Read for String {
    fn read(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        match &node.value {
            Value::Text(text) if !text.trim_matches([' ', '\t', '\r', '\n']).is_empty() => return Some(text.clone()),
            Value::Text(_) => mistakes.push(Mistake::new(format!("`{key}` is empty"), node.span)),
            Value::Flag(_) | Value::Count(_) | Value::Number(_) => {
                mistakes.push(wrong_kind(key, "text", node).help("put it in quotes"));
            }
            _ => mistakes.push(wrong_kind(key, "text", node)),
        }
        None
    }
}

/// The whole number that a value is, however it is written: `1.0` is one as `1` is.
pub(crate) fn whole(value: &Value) -> Option<u64> {
    match *value {
        Value::Count(count) => Some(count),
        Value::Number(number) => (number.fract() == 0.0 && (0.0..1e19).contains(&number)).then_some(number as u64),
        _ => None,
    }
}

impl Read for u64 {
    fn read(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let Some(count) = whole(&node.value) else {
            mistakes.push(wrong_kind(key, "a whole number", node));
            return None;
        };
        at_most(MOST, count, key, node, mistakes)
    }
}

impl Read for NonZeroU64 {
    fn read(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let count = at_most(MOST_CALLS, u64::read(key, node, mistakes)?, key, node, mistakes)?;
        let count = NonZeroU64::new(count);
        if count.is_none() {
            let what = format!("`{key}` is zero");
            mistakes.push(Mistake::new(what, node.span).label("expected at least 1").help("the least is 1"));
        }
        count
    }
}

impl Read for NonZeroU32 {
    fn read(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let count = NonZeroU64::read(key, node, mistakes)?;
        at_most(MOST_CLIENTS, count.get(), key, node, mistakes).and_then(|count| NonZeroU32::new(count as u32))
    }
}

/// A quantity with its unit, or the word that stands for one.
pub(crate) fn parsed<T: FromStr<Err = ParseError>>(
    key: &str,
    node: &Node,
    wanted: &str,
    mistakes: &mut Vec<Mistake>,
) -> Option<T> {
    let text = match &node.value {
        Value::Text(text) => text.clone(),
        Value::Count(count) => count.to_string(),
        Value::Number(number) => number.to_string(),
        _ => {
            mistakes.push(wrong_kind(key, wanted, node));
            return None;
        }
    };
    match text.parse() {
        Ok(value) => return Some(value),
        Err(error) => {
            let what = format!("`{key}`: {}", error.what());
            let mistake = Mistake::new(what, node.span).label(format!("expected {wanted}"));
            mistakes.push(match error.remedy() {
                Some(help) => mistake.help(help),
                None => mistake,
            });
        }
    }
    None
}

impl Read for Size {
    fn read(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let size = parsed(key, node, "a size with its unit", mistakes)?;
        at_most(Size::MOST, size, key, node, mistakes)
    }
}

impl Read for Time {
    fn read(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let time = parsed(key, node, "a time with its unit", mistakes)?;
        at_most(Time::MOST, time, key, node, mistakes)
    }
}

impl Read for Share {
    fn read(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let share = parsed(key, node, "a share in hundredths", mistakes)?;
        at_most(Share::MOST, share, key, node, mistakes)
    }
}

impl Read for BitRate {
    fn read(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let rate = parsed(key, node, "bits for each second with their unit", mistakes)?;
        at_most(BitRate::MOST, rate, key, node, mistakes)
    }
}

/// The value, unless it is beyond what can be run.
pub(crate) fn at_most<T: PartialOrd + Display>(
    most: T,
    value: T,
    key: &str,
    node: &Node,
    mistakes: &mut Vec<Mistake>,
) -> Option<T> {
    if value > most {
        mistakes.push(Mistake::new(format!("`{key}` is too large"), node.span).help(format!("the most is {most}")));
        return None;
    }
    Some(value)
}

/// A word out of those that are known, each with what it stands for.
pub(crate) fn word<T: Copy>(
    key: &str,
    what: &str,
    node: &Node,
    known: &[(&'static str, T)],
    mistakes: &mut Vec<Mistake>,
) -> Option<T> {
    let Value::Text(text) = &node.value else {
        mistakes.push(wrong_kind(key, &format!("the name of a {what}"), node));
        return None;
    };
    let found = known.iter().find(|(name, _)| name == text).map(|(_, value)| *value);
    if found.is_none() {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        mistakes.push(Mistake::new(format!("unknown {what} `{text}`"), node.span).help(suggestion(text, &names)));
    }
    found
}

impl<W: Word> Read for W {
    fn read(key: &str, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let known: Vec<(&'static str, W)> = W::ALL.iter().map(|it| (it.word(), *it)).collect();
        word(key, key, node, &known, mistakes)
    }
}

/// One value, or a list of different ones, each taken by `read`; none where there is no good one.
pub(crate) fn several<T: PartialEq>(
    key: &str,
    node: &Node,
    mistakes: &mut Vec<Mistake>,
    read: impl Fn(&Node, &mut Vec<Mistake>) -> Option<T>,
) -> Option<Vec<T>> {
    let Value::List(items) = &node.value else { return read(node, mistakes).map(|value| vec![value]) };
    if items.is_empty() {
        mistakes.push(empty_list(key, node));
    }
    let mut values: Vec<(T, Span)> = Vec::new();
    for item in items {
        let Some(value) = read(item, mistakes) else { continue };
        match values.iter().find(|(other, _)| *other == value) {
            Some((_, first)) => mistakes.push(
                Mistake::new(format!("`{key}` has the same value twice"), item.span)
                    .elsewhere(*first, "first here")
                    .help("each value of a list makes cells of its own, so it stands there once"),
            ),
            None => values.push((value, item.span)),
        }
    }
    (!values.is_empty()).then(|| values.into_iter().map(|(value, _)| value).collect())
}

/// A list that must hold something.
pub(crate) fn empty_list(key: &str, node: &Node) -> Mistake {
    Mistake::new(format!("`{key}` is an empty list"), node.span).help(give(key, "at least one value"))
}

/// To give a key what it lacks, or to leave it out where it may be absent.
fn give(key: &str, what: &str) -> String {
    const NEEDED: [&str; 8] = ["title", "question", "targets", "workloads", "transport", "server", "client", "call"];
    if NEEDED.contains(&key) { format!("give it {what}") } else { format!("give it {what}, or leave the key out") }
}

/// The keys of a map, taken one after the other; what was never asked for is unknown.
pub(crate) struct Fields<'t> {
    what: &'static str,
    span: Span,
    entries: &'t [(Key, Node)],
    asked: Vec<&'static str>,
    left: Option<&'static str>,
    missing: Vec<(&'static str, &'static str)>,
}

impl<'t> Fields<'t> {
    /// The keys of `node`, which is `what`.
    pub(crate) fn of(what: &'static str, node: &'t Node, mistakes: &mut Vec<Mistake>) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            mistakes.push(Mistake::new(format!("{what} is a map of keys, not {}", node.kind()), node.span));
            return None;
        };
        for (index, (key, _)) in entries.iter().enumerate() {
            if let Some((first, _)) = entries[..index].iter().find(|(other, _)| other.name == key.name) {
                mistakes.push(
                    Mistake::new(format!("the key `{}` stands twice in {what}", key.name), key.span)
                        .label("again here")
                        .elsewhere(first.span, "first here")
                        .help("keep one of them"),
                );
            }
        }
        Some(Fields { what, span: node.span, entries, asked: Vec::new(), left: None, missing: Vec::new() })
    }

    /// The value of a key and the key itself, if it is there with a value.
    pub(crate) fn entry(&mut self, name: &'static str, mistakes: &mut Vec<Mistake>) -> Option<(&'t Key, &'t Node)> {
        if !self.asked.contains(&name) {
            self.asked.push(name);
        }
        let (key, node) = self.entries.iter().find(|(key, _)| key.name == name)?;
        if node.value == Value::Nothing {
            // An edit that gives none stands elsewhere than the key that it edits.
            let span = if node.span.source == key.span.source { key.span } else { node.span };
            let mistake = Mistake::new(format!("`{name}` has no value"), span);
            mistakes.push(mistake.help(give(name, "a value")));
            return None;
        }
        Some((key, node))
    }

    /// The value of a key that may be absent.
    pub(crate) fn optional<T: Read>(&mut self, name: &'static str, mistakes: &mut Vec<Mistake>) -> Option<T> {
        let (_, node) = self.entry(name, mistakes)?;
        T::read(name, node, mistakes)
    }

    /// The value of a key that has to be there, written like `example`.
    pub(crate) fn required<T: Read>(
        &mut self,
        name: &'static str,
        example: &'static str,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<T> {
        if !self.has(name) {
            self.missing.push((name, example));
        }
        self.optional(name, mistakes)
    }

    /// The node of a key that has to be there, written like `example`.
    pub(crate) fn needed(
        &mut self,
        name: &'static str,
        example: &'static str,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<&'t Node> {
        if !self.has(name) {
            self.missing.push((name, example));
        }
        self.entry(name, mistakes).map(|(_, node)| node)
    }

    /// Notes that a key is needed, as `example` shows it, and not there.
    pub(crate) fn lacks(&mut self, name: &'static str, example: &'static str) {
        self.missing.push((name, example));
    }

    /// True where the key is there, whatever its value.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.span_of(name).is_some()
    }

    /// Where a key stands.
    pub(crate) fn span_of(&self, name: &str) -> Option<Span> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(key, _)| key.span)
    }

    /// The value of a key, whatever it is.
    pub(crate) fn node_of(&self, name: &str) -> Option<&'t Node> {
        self.entries.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// Where the map itself stands.
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    /// Leaves the keys alone that begin so: they are none of ours.
    pub(crate) fn leave(&mut self, prefix: &'static str) {
        self.left = Some(prefix);
    }

    /// Notes what is missing and what is unknown; a key that looks like a slip of a missing one is told once.
    pub(crate) fn finish(mut self, mistakes: &mut Vec<Mistake>) {
        let left = |name: &str| self.left.is_some_and(|prefix| name.starts_with(prefix));
        let unknown = |key: &&Key| !self.asked.contains(&key.name.as_str()) && !left(&key.name);
        for key in self.entries.iter().map(|(key, _)| key).filter(unknown) {
            let mistake = Mistake::new(format!("unknown key `{}` in {}", key.name, self.what), key.span);
            let near = nearest(&key.name, &self.asked);
            self.missing.retain(|(name, _)| Some(*name) != near);
            mistakes.push(mistake.help(suggestion(&key.name, &self.asked)));
        }
        for (name, example) in self.missing {
            mistakes.push(
                Mistake::new(format!("`{name}` is missing from {}", self.what), self.span)
                    .help(format!("add it, such as `{example}`")),
            );
        }
    }
}
