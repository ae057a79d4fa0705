//! What the question is about: the axes of `answer`, and the target of `baseline`.

use std::collections::BTreeMap;

use crate::document::mistake::{Mistake, Span};
use crate::document::tree::{Node, Value};
use crate::document::walk::{Fields, Read, empty_list};
use crate::key::KEYS;
use crate::key::axes::WrittenLink;
use crate::key::contract::Of;
use crate::key::setting::Setting;
use crate::registry::nearest;
use crate::scenario::written::{Target, Workload};

/// The word that stands in `answer` for targets as wholes.
pub const TARGETS: &str = "target";

/// So many names are listed in a message.
const LISTED: usize = 12;

/// What is written of `answer`, each name with its place.
pub(crate) fn answer(fields: &mut Fields<'_>, mistakes: &mut Vec<Mistake>) -> Vec<(String, Span)> {
    let Some((key, node)) = fields.entry("answer", mistakes) else { return Vec::new() };
    let items: Vec<&Node> = match &node.value {
        Value::List(items) if items.is_empty() => {
            mistakes.push(empty_list(&key.name, node));
            Vec::new()
        }
        Value::List(items) => items.iter().collect(),
        _ => vec![node],
    };
    let mut names: Vec<(String, Span)> = Vec::new();
    for item in items {
        let Some(name) = String::read(&key.name, item, mistakes) else { continue };
        match names.iter().find(|(known, _)| *known == name) {
            Some((_, first)) => mistakes.push(
                Mistake::new(format!("`answer` names `{name}` twice"), item.span)
                    .elsewhere(*first, "first here")
                    .help("name each axis once, the one that the question is about first"),
            ),
            None => names.push((name, item.span)),
        }
    }
    names
}

/// What is written of `baseline`, with its place.
pub(crate) fn baseline(fields: &mut Fields<'_>, mistakes: &mut Vec<Mistake>) -> Option<(String, Span)> {
    let (key, node) = fields.entry("baseline", mistakes)?;
    Some((String::read(&key.name, node, mistakes)?, node.span))
}

/// Notes each name in `answer` along which nothing differs, and a `baseline` that is no target.
pub(crate) fn judge(
    answer: &[(String, Span)],
    baseline: Option<&(String, Span)>,
    (targets, workloads, links): (&[&Target], &[&Workload], &[WrittenLink]),
    mistakes: &mut Vec<Mistake>,
) {
    let axes = axes(targets, workloads, links);
    let several: Vec<&str> = axes.iter().filter(|(_, count)| *count > 1).map(|(name, _)| *name).collect();
    for (name, span) in answer.iter().filter(|(name, _)| name != TARGETS && !several.contains(&name.as_str())) {
        let what = match axes.iter().any(|(known, _)| known == name) {
            true => format!("`answer` names `{name}`, which has one value in all cells of this scenario"),
            false => format!("`answer` names `{name}`, which is no axis of this scenario"),
        };
        let known: Vec<&str> = several.iter().copied().chain([TARGETS]).collect();
        mistakes.push(Mistake::new(what, *span).help(could_be(name, &known)));
    }
    if let Some((name, span)) = baseline {
        let names: Vec<String> =
            targets.iter().flat_map(|target| target.candidates()).map(|candidate| candidate.name).collect();
        if !names.contains(name) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let what = format!("`baseline` names `{name}`, which is no target of this scenario");
            mistakes.push(Mistake::new(what, *span).help(could_be(name, &names)));
        }
    }
}

/// Every name of the keys, options and words of `vary` that are written, with how many values it has: in all targets, in
/// all links, or in the workload, or of words in the target, where it has most.
fn axes<'s>(targets: &[&'s Target], workloads: &[&'s Workload], links: &'s [WrittenLink]) -> Vec<(&'s str, usize)> {
    let mut values: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut most: BTreeMap<&str, usize> = BTreeMap::new();
    for target in targets {
        let keys = KEYS.iter().filter(|key| key.of() == Of::Target);
        let keys = keys.filter_map(|key| Some((key.name(), target.axes.get(key.name())?)));
        let keys = keys.map(|(name, own)| (name, own.iter().map(Setting::to_string).collect::<Vec<_>>()));
        let options = target.options.iter();
        let options = options.map(|(name, own)| (name.as_str(), own.iter().map(ToString::to_string).collect()));
        for (name, own) in keys.chain(options) {
            let known = values.entry(name).or_default();
            for value in own {
                if !known.contains(&value) {
                    known.push(value);
                }
            }
        }
        // Where it is not written it has its usual value.
        let usual = KEYS.iter().filter(|key| key.of() == Of::Target);
        for (name, usual) in usual.filter_map(|key| Some((key.name(), key.default()?))) {
            let known = values.entry(name).or_default();
            if target.axes.get(name).is_none() && !known.contains(&usual.to_string()) {
                known.push(usual.to_string());
            }
        }
    }
    for name in KEYS.iter().filter(|key| key.of() == Of::Link).map(|key| key.name()) {
        for value in links.iter().filter_map(|link| link.axes.get(name)).flatten().map(Setting::to_string) {
            let known = values.entry(name).or_default();
            if !known.contains(&value) {
                known.push(value);
            }
        }
    }
    for (word, own) in targets.iter().flat_map(|target| &target.vary) {
        let count = most.entry(word).or_default();
        *count = own.len().max(*count);
    }
    for workload in workloads {
        for key in KEYS.iter().filter(|key| key.of() == Of::Workload && key.is_axis()) {
            if let Some(own) = workload.axes.get(key.name()) {
                let count = most.entry(key.name()).or_default();
                *count = own.len().max(*count);
            }
        }
    }
    values.into_iter().map(|(name, values)| (name, values.len())).chain(most).collect()
}

/// What a name that is not known could have been.
pub(crate) fn could_be(wrong: &str, known: &[&str]) -> String {
    let quoted = |names: &[&str]| names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let guess = nearest(wrong, known).map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    match known.len() {
        count if count > LISTED => {
            format!("{guess}it could be {} and {} more", quoted(&known[..LISTED]), count - LISTED)
        }
        _ => format!("{guess}it could be {}", quoted(known)),
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::read;

    #[test]
    fn words_of_vary_are_axes_of_the_question_too() {
        let told = |answer: &str| {
            let text = format!(
                "title: t\nquestion: q\nanswer: {answer}\nbaseline: shop-workers=1\n\
                 targets: [{{transport: http1, name: shop, launch: \"./shop ${{port}} ${{workers}}\", \
                 vary: {{workers: [1, 4]}}}}]\n\
                 calls: [{{name: buy, http: GET /}}]\nworkloads: [{{name: w, call: buy, iterations: 1}}]\n"
            );
            read("test.yaml", &text, &[]).map_err(|mistakes| mistakes.render(false))
        };
        assert_eq!(told("[workers, target]").expect("a scenario").answer, ["workers", "target"]);
        let wrong = told("[wokers]").expect_err("no such axis");
        assert!(
            wrong.contains("which is no axis of this scenario") && wrong.contains("did you mean `workers`?"),
            "{wrong}"
        );
    }

    #[test]
    fn properties_of_links_are_axes_of_the_question_too() {
        let told = |answer: &str| {
            let text = format!(
                "title: t\nquestion: q\nanswer: {answer}\nlinks: [{{name: far, delay: [1ms, 9ms], rate: 10Mbit}}]\n\
                 targets: [{{transport: tcp, server: async}}]\n\
                 workloads: [{{name: w, call: ping, iterations: 1, link: far}}]\n"
            );
            read("test.yaml", &text, &[]).map_err(|mistakes| mistakes.render(false))
        };
        assert_eq!(told("link.delay").expect("a scenario").answer, ["link.delay"]);
        let wrong = told("[link.rate]").expect_err("one rate");
        assert!(wrong.contains("which has one value in all cells") && wrong.contains("`link.delay`"), "{wrong}");
    }
}
