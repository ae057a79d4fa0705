//! Edits of a scenario from the command line: `workloads.latency.clients=10`.

use crate::document::mistake::{Mistake, Span};
use crate::document::tree::{Key, Node, Value, read};
use crate::registry::suggestion;

/// Applies one `path=value`, which is the source of that number.
///
/// A step of the path is a key, the index of an item from 0, or its name. A key that is not there yet is added;
/// whether it belongs there is for the walk to say.
pub(crate) fn apply(tree: &mut Node, text: &str, source: usize) -> Result<(), Mistake> {
    let whole = Span { source, start: 0, end: text.len() };
    let Some((path, value)) = text.split_once('=') else {
        return Err(
            Mistake::new("this is not an edit", whole).help("write it like `--set workloads.latency.clients=10`")
        );
    };
    let mut node = read(value, source, path.len() + 1)?;
    if matches!(node.value, Value::Nothing) {
        node.span = whole;
    }
    let mut here = tree;
    let mut start = 0;
    for step in path.split('.') {
        let span = Span { source, start, end: start + step.len() };
        start = span.end + 1;
        here = descend(here, step, span)?;
    }
    *here = node;
    Ok(())
}

/// An edit as results may show it: of a call of the user's own, or the environment of a command, only how long its value
/// is, which may be a secret.
pub fn shown(edit: &str) -> String {
    let secret = |path: &str| {
        let steps: Vec<&str> = path.split('.').collect();
        steps[0] == "calls" || steps[0] == "targets" && (steps.len() < 3 || steps[2] == "env")
    };
    match edit.split_once('=') {
        Some((path, value)) if secret(path) => {
            format!("{path}=({} bytes)", value.len())
        }
        _ => edit.to_owned(),
    }
}

fn descend<'t>(node: &'t mut Node, step: &str, span: Span) -> Result<&'t mut Node, Mistake> {
    let kind = node.kind();
    match &mut node.value {
        Value::Map(entries) => {
            let index = entries.iter().position(|(key, _)| key.name == step).unwrap_or_else(|| {
                let empty = Node { span, value: Value::Map(Vec::new()) };
                entries.push((Key { span, name: step.to_owned() }, empty));
                entries.len() - 1
            });
            Ok(&mut entries[index].1)
        }
        Value::List(items) => {
            let names: Vec<String> = items.iter().map(|item| name(item).unwrap_or_default()).collect();
            let index = step.parse().ok().filter(|index| *index < items.len());
            let index = index.or_else(|| names.iter().position(|name| name == step)).ok_or_else(|| {
                let known: Vec<&str> = names.iter().map(String::as_str).filter(|name| !name.is_empty()).collect();
                let help = match items.len() {
                    0 => "the list is empty".to_owned(),
                    count => {
                        format!("{}; an index from 0 to {} is understood too", suggestion(step, &known), count - 1)
                    }
                };
                Mistake::new(format!("nothing here is called `{step}`"), span).help(help)
            })?;
            Ok(&mut items[index])
        }
        _ => Err(Mistake::new(format!("`{step}` leads nowhere: what stands before it is {kind}"), span)),
    }
}

/// By what an item of a list is known: its `name`, or the words of a target that has none.
fn name(item: &Node) -> Option<String> {
    let Value::Map(entries) = &item.value else { return None };
    let text = |wanted: &str| {
        entries.iter().find(|(key, _)| key.name == wanted).and_then(|(_, node)| match &node.value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        })
    };
    let own = ["launch", "at"].into_iter().find(|key| text(key).is_some());
    text("name").or_else(|| Some(format!("{}-{}", text("transport")?, text("server").or(own.map(str::to_owned))?)))
}
