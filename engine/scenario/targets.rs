//! Reads a target: whom it is asked of, by which words and options.

use std::collections::BTreeMap;
use std::path::Path;

use crate::document::mistake::{Mistake, Span};
use crate::document::tree::{Node, Value};
use crate::document::walk::{Fields, several, whole};
use crate::error::ParseError;
use crate::key::contract::Of;
use crate::key::setting::Setting;
use crate::registry::suggestion;
use crate::scenario::fields::{expectations, keys, name};
use crate::scenario::options::known_options;
use crate::scenario::own;
use crate::scenario::places::{self, WrittenPlace};
use crate::scenario::proto;
use crate::scenario::written::Target;
use crate::stack::pairing::Pairing;
use crate::transport::option::{OptionKind, OptionSpec, OptionValue};
use crate::transport::options::COOKIES;

/// The most combinations that one target may multiply to.
const MOST_TARGETS: u64 = 10_000;

/// A target, with the place by which its name is known; its files are looked for in `folder`.
pub(crate) fn target(
    node: &Node,
    folder: &Path,
    places: Option<&[WrittenPlace]>,
    mistakes: &mut Vec<Mistake>,
) -> Option<(Target, Span)> {
    let mut fields = Fields::of("a target", node, mistakes)?;
    let axes = keys(&mut fields, |key| key.of() == Of::Target, mistakes);
    if !fields.has("transport") {
        fields.lacks("transport", "transport: tcp");
    }
    // Of places that cannot be read nothing is known.
    if let Some(places) = places {
        places::known("place", &fields, places, mistakes);
    }
    let own = own::read(&mut fields, &axes, mistakes);
    let proto = proto::read(&mut fields, &axes, folder, mistakes);
    let given = fields.optional("name", mistakes);
    let given = name("name", given, &fields, mistakes);
    let options = fields.entry("options", mistakes).map(|(_, node)| node);
    let span = fields.span_of("name").unwrap_or(fields.span());
    let expect = expectations(&mut fields, mistakes);
    fields.finish(mistakes);

    let served = axes.get("server").is_some() || own.is_some();
    (axes.get("transport").is_some() && served).then_some(())?;
    let bare = Target { axes, name: given, options: BTreeMap::new(), expect, proto, ..own.unwrap_or_default() };
    let pairings = pairings(&bare, node.span, mistakes);
    let options = match options {
        Some(node) => read_options(node, folder, &bare, &pairings, mistakes)?,
        None => BTreeMap::new(),
    };
    let target = Target { options, ..bare };
    if target.count() > MOST_TARGETS {
        let mistake = Mistake::new(format!("the lists multiply to {} targets", target.count()), span);
        mistakes.push(mistake.help(format!("the most is {MOST_TARGETS}; shorten a list")));
        return None;
    }
    Some((target, span))
}

/// The pairings of a target; a target of refused ones only is a mistake.
fn pairings(target: &Target, span: Span, mistakes: &mut Vec<Mistake>) -> Vec<Pairing> {
    let (mut pairings, mut reasons) = (Vec::new(), Vec::new());
    for candidate in target.candidates() {
        match candidate.pairing() {
            Ok(pairing) => pairings.push(pairing),
            Err(refusal) => reasons.push(format!("{}: {}", candidate.name, refusal.reason)),
        }
    }
    if pairings.is_empty() {
        let mistake = Mistake::new("every combination of this target is refused", span);
        let mistake = reasons.into_iter().fold(mistake, Mistake::help);
        mistakes.push(mistake.help("`engine list` shows who fits whom"));
    }
    pairings
}

fn read_options(
    node: &Node,
    folder: &Path,
    target: &Target,
    pairings: &[Pairing],
    mistakes: &mut Vec<Mistake>,
) -> Option<BTreeMap<String, Vec<OptionValue>>> {
    let Value::Map(entries) = &node.value else {
        mistakes.push(Mistake::new(format!("`options` is a map of keys, not {}", node.kind()), node.span));
        return None;
    };
    // The keys are known to the registry and not to the walk, which still looks for those that stand twice.
    Fields::of("the options", node, mistakes)?;
    let mut options = BTreeMap::new();
    for (key, value) in entries {
        let specs: Vec<Option<&'static OptionSpec>> =
            pairings.iter().map(|pairing| pairing.options().into_iter().find(|spec| spec.name == key.name)).collect();
        let Some(spec) = specs.iter().copied().flatten().next() else {
            mistakes.push(unknown_option(&key.name, key.span, target, pairings));
            continue;
        };
        if let Some(stranger) = specs.iter().position(Option::is_none) {
            let mistake = Mistake::new(
                format!("option `{}` is unknown to a part of this target: {}", key.name, pairings[stranger]),
                key.span,
            );
            mistakes.push(mistake.help(format!("{}; give the others a target of their own", owners(&key.name))));
            continue;
        }
        if let Some(values) = several(&key.name, value, mistakes, |node, mistakes| option(spec, node, mistakes)) {
            options.insert(key.name.clone(), values);
        }
    }
    if target.is_own() {
        own::options(node, folder, &options, target, mistakes);
    } else if let Some((key, _)) = entries.iter().find(|(key, _)| key.name == COOKIES.name) {
        let mistake = Mistake::new("a server of ours gives nobody `cookies`", key.span);
        mistakes.push(mistake.help("leave the option out; it is of use with `launch` and `at`"));
    }
    Some(options)
}

fn unknown_option(name: &str, span: Span, target: &Target, pairings: &[Pairing]) -> Mistake {
    let words = ["transport", "server"].iter().filter_map(|key| target.axes.get(key)).flatten();
    let words: Vec<&str> = words.filter_map(Setting::as_word).chain(target.own_key()).collect();
    let known: Vec<&str> = pairings.iter().flat_map(|pairing| pairing.options()).map(|spec| spec.name).collect();
    let mistake = Mistake::new(format!("unknown option `{name}` of {}", words.join(", ")), span);
    if known_options().iter().any(|(spec, _)| spec.name == name) {
        return mistake.help(owners(name));
    }
    mistake.help(if known.is_empty() { "none of them has options".to_owned() } else { suggestion(name, &known) })
}

/// Who knows an option, in words.
fn owners(name: &str) -> String {
    let owners: Vec<String> = known_options()
        .iter()
        .filter(|(spec, _)| spec.name == name)
        .flat_map(|(_, owners)| owners.iter().map(|owner| format!("`{owner}`")))
        .collect();
    format!("`{name}` is an option of {}", owners.join(", "))
}

fn option(spec: &OptionSpec, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<OptionValue> {
    let other = || ParseError::new(format!("option `{}` takes {}, not {}", spec.name, spec.kind, node.kind()));
    let value = match (&node.value, spec.kind) {
        (Value::Flag(flag), OptionKind::Flag) => spec.parse(&flag.to_string()),
        (Value::Count(_) | Value::Number(_), OptionKind::Count(..)) => match whole(&node.value) {
            Some(count) => spec.parse(&count.to_string()),
            None => Err(other()),
        },
        (Value::Text(text), OptionKind::Word(_) | OptionKind::Name(_) | OptionKind::Size(_) | OptionKind::Text(_)) => {
            spec.parse(text)
        }
        _ => Err(other()),
    };
    match value {
        Ok(value) => Some(value),
        Err(error) => {
            mistakes.push(Mistake::new(error.what(), node.span).label(format!("expected {}", spec.kind)));
            None
        }
    }
}
