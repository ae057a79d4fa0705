//! At which line of its file a workload stands.

use crate::document::tree::{self, Node, Value};

/// The line, from 1, at which the workload of that name is named in the text of a scenario; none where it is not, as
/// where an edit has renamed it.
pub fn line_of_workload(text: &str, name: &str) -> Option<usize> {
    let root = tree::read(text, 0, 0).ok()?;
    let Value::List(workloads) = &entry(&root, "workloads")?.value else { return None };
    let named = workloads.iter().filter_map(|workload| entry(workload, "name"));
    let found = named.into_iter().find(|node| node.value == Value::Text(name.to_owned()))?;
    Some(text.get(..found.span.start)?.matches('\n').count() + 1)
}

fn entry<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Map(entries) => entries.iter().find(|(key, _)| key.name == name).map(|(_, value)| value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::line_of_workload;

    #[test]
    fn a_workload_is_found_where_its_name_stands() {
        let text = "title: é\nworkloads:\n  - call: ping\n    name: first\n  - {name: second}\n";
        let lines = ["first", "second", "third"].map(|name| line_of_workload(text, name));
        assert_eq!(lines, [Some(4), Some(5), None]);
        assert_eq!(line_of_workload("workloads: 3", "first"), None);
        assert_eq!(line_of_workload("workloads: [", "first"), None);
    }
}
