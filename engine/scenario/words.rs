//! What the words of calls stand for: each has to have a value by the time its call is made.

use std::collections::BTreeMap;

use crate::call::own::bound::weigh;
use crate::call::own::{Each, Form, OwnCall, Table, Varying};
use crate::document::mistake::{Mistake, Span};
use crate::document::tree::{Node, Value};
use crate::registry::{nearest, suggestion};
use crate::scenario::calls::{OwnCalls, Use, span_of};
use crate::scenario::data::Data;
use crate::scenario::own::from_env;
use crate::scenario::request::within;
use crate::scenario::written::{Scenario, Workload};
use crate::template::Template;
use crate::units::Size;

/// How many bytes may be written ahead of time for all rows.
const MOST_AHEAD: u64 = 256 << 20;

/// The keys of a call in whose texts no word stands for anything.
const PLAIN: [&str; 14] = [
    "name",
    "contains",
    "status",
    "size",
    "take",
    "body-file",
    "body-size",
    "send-hex",
    "until",
    "bytes",
    "length",
    "rpyc",
    "grpc",
    "proto",
];

/// A call as far as its words go.
#[derive(Default)]
struct Named {
    /// The words that its texts have, with their places.
    words: Vec<Use>,
    /// What is taken from its replies, with their places.
    takes: Vec<Use>,
}

/// The calls that a workload makes, with their places in it.
#[derive(Default)]
struct Asked {
    before: Vec<Use>,
    steps: Vec<Use>,
    /// Those that follow each other in no known order.
    others: Vec<Use>,
}

/// Notes every word that nobody gives a value, and every one that has none yet when its call is made.
pub(crate) fn check(
    calls: Option<&Node>,
    workloads: Option<&Node>,
    ready: &[Use],
    data: &Data,
    mistakes: &mut Vec<Mistake>,
) {
    let calls = calls.map(named).unwrap_or_default();
    let columns = data.columns();
    let taken: Vec<&str> = calls.values().flat_map(|call| &call.takes).map(|take| take.name.as_str()).collect();
    for take in calls.values().flat_map(|call| &call.takes) {
        if let Some((name, file, _)) = columns.iter().find(|(name, ..)| *name == take.name) {
            let mistake = Mistake::new(format!("`{name}` is taken here, and is a column of {file}"), take.span);
            mistakes.push(mistake.help(format!("nobody knows which `${{{name}}}` means; take it under another name")));
        }
    }
    let of_calls: Vec<&str> = Varying::ALL.iter().map(|(name, _)| *name).collect();
    let known: Vec<&str> =
        of_calls.iter().copied().chain(columns.iter().map(|(name, ..)| *name)).chain(taken.iter().copied()).collect();
    for word in calls
        .values()
        .flat_map(|call| &call.words)
        .filter(|word| !known.contains(&word.name.as_str()) && from_env(&word.name).is_none())
    {
        let mistake = Mistake::new(format!("nobody gives `${{{}}}` a value", word.name), word.span);
        let near = nearest(&word.name, &known);
        let column = columns.iter().find(|(name, ..)| Some(*name) == near);
        let guess = match column {
            Some((name, file, at)) => format!("did you mean `${{{name}}}` (column {at} of {file})?"),
            None => suggestion(&word.name, &known),
        };
        mistakes.push(mistake.help(guess).help("write `$${` for a literal `${`"));
    }
    let order = Order { calls: &calls, taken: &taken };
    for asked in workloads.map(asked).unwrap_or_default() {
        let mut had: Vec<&str> = Vec::new();
        for step in &asked.before {
            order.make(step, &mut had, mistakes);
        }
        for call in &asked.others {
            order.make(call, &mut had.clone(), mistakes);
        }
        for step in &asked.steps {
            order.make(step, &mut had, mistakes);
        }
    }
    for call in ready {
        order.make(call, &mut Vec::new(), mistakes);
    }
}

/// Who takes what.
struct Order<'a> {
    calls: &'a BTreeMap<String, Named>,
    taken: &'a [&'a str],
}

impl<'a> Order<'a> {
    /// A call is made where so much was taken before; what is taken from it is had then.
    fn make(&self, asked: &Use, had: &mut Vec<&'a str>, mistakes: &mut Vec<Mistake>) {
        let Some(call) = self.calls.get(&asked.name) else { return };
        for word in &call.words {
            let name = word.name.as_str();
            if !self.taken.contains(&name) || had.contains(&name) {
                continue;
            }
            let takes = |call: &&(&String, &Named)| call.1.takes.iter().any(|take| take.name == name);
            let taker = self.calls.iter().find(|call| takes(&call)).map_or("", |(taker, _)| taker);
            let mistake = Mistake::new(format!("`${{{name}}}` is used before it is taken"), word.span);
            mistakes.push(mistake.elsewhere(asked.span, "made here").help(format!(
                "`{taker}` takes it: put that into `before` of the workload, or into its `steps` before `{}`",
                asked.name
            )));
        }
        had.extend(call.takes.iter().map(|take| take.name.as_str()));
    }
}

/// The calls that stand behind `calls`, by their names.
fn named(calls: &Node) -> BTreeMap<String, Named> {
    let mut found = BTreeMap::new();
    let Value::List(items) = &calls.value else { return found };
    for item in items {
        let Value::Map(entries) = &item.value else { continue };
        let name = entries.iter().find(|(key, _)| key.name == "name").map(|(_, node)| &node.value);
        let Some(Value::Text(name)) = name else { continue };
        let mut call = Named::default();
        for (key, node) in entries {
            match (key.name.as_str(), &node.value) {
                ("take", Value::Map(takes)) => {
                    call.takes.extend(takes.iter().map(|(key, _)| Use { name: key.name.clone(), span: key.span }));
                }
                (key, _) if PLAIN.contains(&key) => {}
                _ => words(node, &mut call.words),
            }
        }
        found.insert(name.clone(), call);
    }
    found
}

/// Every word of the texts below a node.
fn words(node: &Node, found: &mut Vec<Use>) {
    match &node.value {
        Value::Text(text) => in_text(text, |range| within(node.span, text, range), found),
        Value::List(items) => items.iter().for_each(|item| words(item, found)),
        Value::Map(entries) => {
            for (key, node) in entries {
                in_text(&key.name, |_| key.span, found);
                words(node, found);
            }
        }
        _ => {}
    }
}

fn in_text(text: &str, place: impl Fn(std::ops::Range<usize>) -> Span, found: &mut Vec<Use>) {
    // What is not closed is told where the text is compiled.
    let Ok(template) = Template::parse(text) else { return };
    found.extend(template.words().map(|(name, range)| Use { name: name.to_owned(), span: place(range) }));
}

/// The calls of each workload.
fn asked(workloads: &Node) -> Vec<Asked> {
    let Value::List(items) = &workloads.value else { return Vec::new() };
    let of = |item: &Node| {
        let mut asked = Asked::default();
        let Value::Map(entries) = &item.value else { return asked };
        let text = |node: &Node| match &node.value {
            Value::Text(name) => Some(Use { name: name.clone(), span: node.span }),
            _ => None,
        };
        for (key, node) in entries {
            let list: &[Node] = if let Value::List(items) = &node.value { items } else { std::slice::from_ref(node) };
            match (key.name.as_str(), &node.value) {
                ("before", _) => asked.before.extend(list.iter().filter_map(text)),
                ("steps", _) => asked.steps.extend(list.iter().filter_map(text)),
                ("call", _) => asked.others.extend(list.iter().filter_map(text)),
                ("mix", Value::Map(shares)) => {
                    asked.others.extend(shares.iter().map(|(key, _)| Use { name: key.name.clone(), span: key.span }));
                }
                _ => {}
            }
        }
        asked
    };
    items.iter().map(of).collect()
}

/// Notes rows that are too few, too many, or that cannot stand where a call has them.
pub(crate) fn check_rows(scenario: &Scenario, named: impl Fn(&str) -> Option<Span>, mistakes: &mut Vec<Mistake>) {
    for workload in &scenario.workloads {
        too_few(scenario, workload, named(&workload.name), mistakes);
    }
    let tables: Vec<Table> = scenario.data.iter().map(|rows| rows.table.clone()).collect();
    too_many(&scenario.calls, &tables, mistakes);
    for call in scenario.calls.iter() {
        no_lines(call, scenario, mistakes);
    }
}

/// Where each client has a row of its own, there is one for each.
fn too_few(scenario: &Scenario, workload: &Workload, named: Option<Span>, mistakes: &mut Vec<Mistake>) {
    let points = scenario.points(workload);
    let calls = points.iter().flat_map(|(point, _)| point.load.calls().chain(&point.load.before));
    let mut names: Vec<&str> = calls.map(|call| call.name()).collect();
    names.sort_unstable();
    names.dedup();
    let words: Vec<String> =
        names.iter().filter_map(|name| scenario.calls.named(name)).flat_map(OwnCall::words).collect();
    let clients = points.iter().map(|(point, _)| u64::from(point.load.clients)).max().unwrap_or(1);
    for rows in scenario.data.iter().filter(|rows| rows.table.each == Each::Client) {
        let used = rows.table.columns.iter().any(|column| words.contains(&column.name));
        if !used || rows.table.len() as u64 >= clients {
            continue;
        }
        let what = format!(
            "{} has {} rows, and `{}` has {clients} clients, each of which needs its own",
            rows.file,
            rows.table.len(),
            workload.name
        );
        let mistake = Mistake::new(what, rows.span);
        let mistake = match named {
            Some(span) => mistake.elsewhere(span, "the workload"),
            None => mistake,
        };
        mistakes.push(
            mistake.help("add rows, ask for fewer clients, or let rows go round with `each: call` or `each: pass`"),
        );
    }
}

/// What is written ahead of time for all rows has to fit into memory.
fn too_many(calls: &OwnCalls, tables: &[Table], mistakes: &mut Vec<Mistake>) {
    let weights: Vec<(&OwnCall, u64, usize)> = calls
        .iter()
        .filter_map(|call| {
            let weights = weigh(call, tables);
            let (heaviest, _) = weights.iter().enumerate().max_by_key(|(_, weight)| **weight)?;
            Some((call, weights.iter().sum(), tables[heaviest].len()))
        })
        .collect();
    let all: u64 = weights.iter().map(|(_, weight, _)| weight).sum();
    let Some((call, weight, rows)) = weights.into_iter().max_by_key(|(_, weight, _)| *weight) else { return };
    if all > MOST_AHEAD {
        let each = weight.div_ceil(rows.max(1) as u64);
        let what = format!(
            "`{}` is written ahead for {rows} rows of {each} bytes, and all calls take {} bytes together",
            call.name, all
        );
        let mistake = Mistake::new(what, span_of(calls, &call.name).unwrap_or_default());
        mistakes
            .push(mistake.help(format!("the most is {}; shorten the file or what is sent of it", Size(MOST_AHEAD))));
    }
}

/// A header is one line.
fn no_lines(call: &OwnCall, scenario: &Scenario, mistakes: &mut Vec<Mistake>) {
    let mut words: Vec<String> = Vec::new();
    call.clone().texts(&mut |text, form| {
        if form == Form::Field {
            words.extend(text.unbound().map(str::to_owned));
        }
    });
    for rows in scenario.data.iter() {
        for column in rows.table.columns.iter().filter(|column| words.contains(&column.name)) {
            let bad = column.values.iter().position(|value| !Form::Field.admits(value.as_bytes()));
            let Some(row) = bad else { continue };
            let what = format!(
                "row {} of `{}` in {} has bytes that no header may have, and stands in one of `{}`",
                row + 1,
                column.name,
                rows.file,
                call.name
            );
            mistakes.push(Mistake::new(what, rows.span).help("a header is one line of printable text"));
        }
    }
}
