//! The networks that a scenario defines under `links`, and the names by which its workloads ask for them.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value as Json, json};

use crate::document::mistake::{Mistake, Span};
use crate::document::tree::{Node, Value};
use crate::document::walk::{Fields, empty_list, several};
use crate::key::KEYS;
use crate::key::axes::{Axes, WrittenLink};
use crate::key::contract::{Key, Of};
use crate::key::link::{NONE, PREFIX};
use crate::key::setting::Setting;
use crate::key::word::one_or_several;
use crate::registry::suggestion;

/// A link with the place by which its name is known.
pub(crate) type Placed = (WrittenLink, Span);

/// Every link of the list, where there is one; none where one of them cannot be read.
pub(crate) fn read(fields: &mut Fields<'_>, mistakes: &mut Vec<Mistake>) -> Option<Vec<Placed>> {
    let Some((key, node)) = fields.entry("links", mistakes) else {
        return (!fields.has("links")).then(Vec::new);
    };
    match &node.value {
        Value::List(items) if items.is_empty() => mistakes.push(empty_list(&key.name, node)),
        Value::List(items) => {
            let read: Vec<Option<Placed>> = items.iter().map(|item| link(item, mistakes)).collect();
            return read.into_iter().collect();
        }
        _ => mistakes.push(
            Mistake::new(format!("`links` takes a list, not {}", node.kind()), node.span)
                .help("begin each item with a dash, or write `links: [{name: wan, delay: 10ms}]`"),
        ),
    }
    None
}

fn link(node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Placed> {
    let mut fields = Fields::of("a link", node, mistakes)?;
    let name: Option<String> = fields.required("name", "name: wan", mistakes);
    let span = fields.span_of("name").unwrap_or(fields.span());
    let mut axes = Axes::default();
    for (word, key) in properties() {
        let Some((_, node)) = fields.entry(word, mistakes) else { continue };
        let values = several(word, node, mistakes, |node, mistakes| key.read(node, mistakes));
        axes.put(key.name(), values.into_iter().flatten());
    }
    let jitter = fields.span_of("jitter");
    let without_rate = fields.span_of("queue").filter(|_| !fields.has("rate"));
    fields.finish(mistakes);
    let name = name?;
    if name == NONE || name.contains('/') {
        let what = format!("a link cannot be called `{name}`");
        let help = "`none` is no link, and slashes stand between the parts of a cell's id";
        mistakes.push(Mistake::new(what, span).help(help));
        return None;
    }
    if let Some(span) = without_rate {
        let mistake = Mistake::new("`queue` is not used by a link without `rate`: nothing waits for its wire", span);
        mistakes.push(mistake.help("leave it out, or give the link a `rate`"));
    }
    let times = |name: &str| axes.get(name).unwrap_or_default().iter().filter_map(Setting::count);
    let (most, least) = (times("link.jitter").max(), times("link.delay").min().unwrap_or(0));
    if let Some(span) = jitter.filter(|_| most.is_some_and(|most| most > least)) {
        let mistake =
            Mistake::new("`jitter` is larger than the smallest `delay`: no packet arrives before it leaves", span);
        mistakes.push(mistake.help("give it at most the smallest delay; the others may be a link of their own"));
    }
    Some((WrittenLink { name, axes }, span))
}

/// Each property by its word in `links`.
fn properties() -> impl Iterator<Item = (&'static str, &'static dyn Key)> {
    let of_links = KEYS.iter().copied().filter(|key| key.of() == Of::Link);
    of_links.map(|key| (key.name().strip_prefix(PREFIX).unwrap_or(key.name()), key))
}

/// Notes every name behind a workload's `link` that no link has.
pub(crate) fn known(fields: &Fields<'_>, links: &[WrittenLink], mistakes: &mut Vec<Mistake>) {
    let Some(node) = fields.node_of("link").filter(|_| !links.is_empty()) else { return };
    let items = if let Value::List(items) = &node.value { items.as_slice() } else { std::slice::from_ref(node) };
    for item in items {
        let Value::Text(text) = &item.value else { continue };
        if text != NONE && !links.iter().any(|link| link.name == *text) {
            let names: Vec<&str> = links.iter().map(|link| link.name.as_str()).chain([NONE]).collect();
            mistakes.push(Mistake::new(format!("unknown link `{text}`"), item.span).help(suggestion(text, &names)));
        }
    }
}

/// Notes every link that no workload asks for: what was meant to be measured over it would be measured without.
pub(crate) fn asked<'a>(
    links: &[Placed],
    named: impl Iterator<Item = &'a Setting> + Clone,
    mistakes: &mut Vec<Mistake>,
) {
    for (link, span) in links {
        if !named.clone().any(|name| name.as_word() == Some(&link.name)) {
            let mistake = Mistake::new(format!("no workload has the link `{}`", link.name), *span);
            mistakes.push(mistake.help(format!("write `link: {}` in a workload, or leave the link out", link.name)));
        }
    }
}

/// The schema of `links`.
pub(crate) fn schema(generator: &mut SchemaGenerator) -> Schema {
    let mut properties_of: Map<String, Json> = Map::new();
    let name = json!({"type": "string", "pattern": "^[^/]*[^/ \t\r\n][^/]*$", "not": {"const": NONE},
        "description": "What workloads call it.", "examples": ["wan"]});
    properties_of.insert("name".to_owned(), name);
    for (word, key) in properties() {
        let mut schema = one_or_several(&key.schema(generator));
        schema.insert("description".to_owned(), key.about().into());
        schema.insert("examples".to_owned(), key.examples().into());
        properties_of.insert(word.to_owned(), schema.into());
    }
    let link = json!({"type": "object", "required": ["name"], "additionalProperties": false, "properties": properties_of,
        "dependentRequired": {"queue": ["rate"]}});
    json_schema!({"type": "array", "minItems": 1, "items": link,
        "description": "Networks that workloads may lay between both ends, by the key `link`; lists multiply.",
        "examples": [[{"name": "wan", "delay": ["5ms", "50ms"], "loss": "0.1%"}]]})
}
