//! What targets and workloads have in common: keys, a name, expectations.

use crate::document::mistake::Mistake;
use crate::document::walk::{Fields, Read, several};
use crate::key::KEYS;
use crate::key::axes::Axes;
use crate::key::contract::Key;
use crate::scenario::expect::Expectation;

/// What is written of those keys.
pub(crate) fn keys(fields: &mut Fields<'_>, wanted: impl Fn(&dyn Key) -> bool, mistakes: &mut Vec<Mistake>) -> Axes {
    let mut axes = Axes::default();
    for key in KEYS.iter().copied().filter(|key| wanted(*key)) {
        let Some((_, node)) = fields.entry(key.name(), mistakes) else { continue };
        let values = match key.is_axis() {
            true => several(key.name(), node, mistakes, |node, mistakes| key.read(node, mistakes)),
            false => key.read(node, mistakes).map(|value| vec![value]),
        };
        axes.put(key.name(), values.into_iter().flatten());
    }
    axes
}

/// What is expected: one figure against a bound, or a list of them.
pub(crate) fn expectations(fields: &mut Fields<'_>, mistakes: &mut Vec<Mistake>) -> Vec<Expectation> {
    let Some((key, node)) = fields.entry("expect", mistakes) else { return Vec::new() };
    several(&key.name, node, mistakes, |node, mistakes| Expectation::read("expect", node, mistakes)).unwrap_or_default()
}

/// A name that can be a part of a cell's id.
pub(crate) fn name(
    key: &'static str,
    name: Option<String>,
    fields: &Fields<'_>,
    mistakes: &mut Vec<Mistake>,
) -> Option<String> {
    let span = fields.span_of(key)?;
    let name = name?;
    if name.contains('/') {
        let mistake = Mistake::new(format!("the name `{name}` has a slash in it"), span);
        mistakes.push(mistake.help("slashes stand between the parts of a cell's id; use a dash"));
        return None;
    }
    Some(name)
}
