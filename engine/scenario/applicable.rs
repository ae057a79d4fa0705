//! What the calls of a workload need has to be there; what none of them uses may not.

use crate::call::{Call, Called, Word};
use crate::document::mistake::Mistake;
use crate::document::walk::Fields;
use crate::key::KEYS;
use crate::key::axes::Axes;
use crate::key::contract::{Key, Of, Unused};
use crate::key::load::{Load, Point};
use crate::key::setting::Setting;

/// Notes every key that changes nothing at any point of a workload, and every one that some point cannot be without.
pub(crate) fn applicable(axes: &Axes, has_links: bool, fields: &mut Fields<'_>, mistakes: &mut Vec<Mistake>) {
    let Some(calls) = asked(axes) else {
        if !["call", "mix", "steps"].iter().any(|key| fields.has(key)) {
            fields.lacks("call", "call: ping");
        }
        return;
    };
    let start = Point { has_links, ..Point::default() };
    let points: Vec<Point> =
        axes.representative().points(Of::Workload, &start, &[]).into_iter().map(|(point, _)| point).collect();
    for key in KEYS.iter().copied().filter(|key| key.of() == Of::Workload) {
        let Some(span) = fields.span_of(key.name()) else {
            if let Some(example) = points.iter().find_map(|point| key.needed(point)) {
                fields.lacks(key.name(), example);
            }
            continue;
        };
        let unused: Option<Vec<Unused>> = points.iter().map(|point| key.unused(point)).collect();
        let Some(unused) = unused else { continue };
        let other =
            unused.iter().find_map(|why| if let Unused::Else { by, help } = why { Some((by, help)) } else { None });
        let (by, help) = match other {
            Some((by, help)) => ((*by).to_owned(), (*help).to_owned()),
            None => {
                let words: Vec<String> = calls.iter().map(|call| format!("`{call}`")).collect();
                let help = match calls.iter().all(Called::is_own) {
                    true => "leave it out: a call of your own says itself what it sends".to_owned(),
                    false => format!("leave it out, or call {}", users(key).join(", ")),
                };
                (words.join(", "), help)
            }
        };
        mistakes.push(Mistake::new(format!("`{}` is not used by {by}", key.name()), span).help(help));
    }
}

/// Every call that is made, where that can be read.
fn asked(axes: &Axes) -> Option<Vec<Called>> {
    match (axes.get("call"), axes.first("mix"), axes.first("steps")) {
        (Some(calls), None, None) => Some(calls.iter().filter_map(Setting::as_word).map(Called::named).collect()),
        (None, Some(Setting::Shares(shares)), None) => Some(shares.iter().map(|share| share.call.clone()).collect()),
        (None, None, Some(Setting::Calls(steps))) => Some(steps.clone()),
        _ => None,
    }
}

/// The calls that use a key.
fn users(key: &dyn Key) -> Vec<String> {
    let uses = |call: &&Call| {
        let load = Load { call: Called::Service(**call), ..Load::default() };
        key.unused(&Point { load, has_links: true, ..Point::default() }) != Some(Unused::Call)
    };
    Call::ALL.iter().filter(uses).map(|call| format!("`{call}`")).collect()
}
