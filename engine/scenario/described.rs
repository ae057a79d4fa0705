//! What the files of `proto` say against the calls of gRPC, at the place of each fault.

use crate::call::own::grpc::{Descriptors, Fault, Place, Proto, Step};
use crate::document::mistake::{Mistake, Span};
use crate::document::tree::{Node, Value};
use crate::scenario::calls::OwnCalls;
use crate::scenario::written::Target;

/// Notes what the files of `targets` say against the calls, which are defined behind `defined`; the names of those that
/// something is said against. A method has to be in the files of one of them.
pub(crate) fn judge<'c>(
    calls: &'c OwnCalls,
    targets: &[Target],
    defined: Option<&Node>,
    mistakes: &mut Vec<Mistake>,
) -> Vec<&'c str> {
    let Some(Value::List(items)) = defined.map(|node| &node.value) else { return Vec::new() };
    let of_files = |target: &Target| match &target.proto {
        Some(Proto::Files { descriptors, .. }) => Some(descriptors.clone()),
        _ => None,
    };
    let described: Vec<Descriptors> = targets.iter().filter_map(of_files).collect();
    let reflects = targets.iter().any(|target| target.proto == Some(Proto::Reflection));
    let mut told = Vec::new();
    for call in calls.iter() {
        let defines = |item: &&Node| {
            let Value::Map(entries) = &item.value else { return false };
            entries.iter().any(|(key, node)| key.name == "name" && node.value == Value::Text(call.name.clone()))
        };
        let (Some(grpc), Some(of)) = (&call.grpc, items.iter().find(defines)) else { continue };
        let faults: Vec<Fault> =
            described.iter().filter_map(|descriptors| grpc.clone().compile(descriptors).err()).collect();
        let unknown = |fault: &&Fault| fault.place == Place::Method;
        let mut found: Vec<&Fault> = faults.iter().filter(|fault| !unknown(fault)).collect();
        if !reflects && faults.iter().filter(unknown).count() == described.len() {
            found = faults.first().into_iter().collect();
        }
        found.dedup();
        if !found.is_empty() {
            told.push(call.name.as_str());
        }
        mistakes.extend(found.into_iter().map(|fault| mistake(fault, of)));
    }
    told
}

/// A fault at its place in the file; `of` is the map that defines the call.
fn mistake(fault: &Fault, of: &Node) -> Mistake {
    let span = match &fault.place {
        Place::Method => at(of, &[Step::Key("grpc".to_owned())], false),
        Place::Key(steps) => within(of, steps, true),
        Place::Value(steps) => within(of, steps, false),
    };
    let mistake = Mistake::new(fault.what.clone(), span.unwrap_or(of.span));
    fault.help.iter().fold(mistake, |mistake, help| mistake.help(help))
}

/// The place that steps into the message lead to.
fn within(of: &Node, steps: &[Step], key: bool) -> Option<Span> {
    let steps: Vec<Step> = std::iter::once(Step::Key("message".to_owned())).chain(steps.iter().cloned()).collect();
    // A message that is not written has no place of its own.
    at(of, &steps, key).or_else(|| at(of, &[Step::Key("grpc".to_owned())], false))
}

/// The place of what steps lead to: its value, or its key.
fn at(node: &Node, steps: &[Step], key: bool) -> Option<Span> {
    let Some((step, rest)) = steps.split_first() else { return Some(node.span) };
    match (&node.value, step) {
        (Value::Map(entries), Step::Key(name)) => {
            let (found, value) = entries.iter().find(|(found, _)| found.name == *name)?;
            if rest.is_empty() && (key || matches!(value.value, Value::Map(_))) {
                return Some(found.span);
            }
            at(value, rest, key)
        }
        (Value::List(items), Step::Item(number)) => at(items.get(*number)?, rest, key),
        _ => None,
    }
}
