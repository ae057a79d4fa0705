//! The axes along which cells differ, and the cells that are equal but for one of them.

use std::collections::BTreeMap;
use std::fmt::Display;

use crate::key::contract::{Key, Of};
use crate::key::settings::key;
use crate::report::effect::sample::Sample;
use crate::report::words::distinct;
use crate::scenario::options::known_options;
use crate::transport::option::OptionSpec;
use crate::transport::terms::Terms;
use crate::units::{Size, Time};

/// By what cells of different transports or servers find their like, where an option is known to one only.
const ALIKE: [fn(&Terms, &Terms) -> bool; 4] = [
    |own, other| own.encrypted == other.encrypted,
    |own, other| own.compressed == other.compressed,
    |own, other| own.keep_alive == other.keep_alive,
    |own, other| own.connection == other.connection,
];

/// The axis of networks, whose properties stand beside it.
const LINK: &str = "link";

/// One axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// Its name: a key, an option, a word of `vary`.
    pub name: String,
    /// Its values, the one that others are compared with first, then as they are written.
    pub values: Vec<String>,
}

/// In what the numbers of an axis are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Plain numbers.
    One,
    /// Bytes.
    Bytes,
    /// Nanoseconds.
    Times,
}

impl Axis {
    /// The number that each value stands for, where all do.
    pub fn numbers(&self) -> Option<(Unit, Vec<f64>)> {
        let read: Vec<(Unit, f64)> = self.values.iter().map(|value| number(value)).collect::<Option<_>>()?;
        let unit = read.first()?.0;
        read.iter().all(|(own, _)| *own == unit).then(|| (unit, read.into_iter().map(|(_, number)| number).collect()))
    }
}

/// The number that a text stands for.
pub fn number(text: &str) -> Option<(Unit, f64)> {
    let plain = || text.parse().ok().filter(|number: &f64| number.is_finite()).map(|number| (Unit::One, number));
    let size = || text.parse::<Size>().ok().map(|size| (Unit::Bytes, size.bytes() as f64));
    let time = || text.parse::<Time>().ok().map(|time| (Unit::Times, time.ns() as f64));
    plain().or_else(size).or_else(time)
}

/// Every axis of several values that some cells have, in the order of the settings. Values are compared with the one that
/// the baseline has, else with the first.
pub fn axes(samples: &[Sample], baseline: Option<&str>) -> Vec<Axis> {
    let base = samples.iter().find(|sample| baseline == Some(sample.target.as_str()));
    let all = || samples.iter().flat_map(|sample| sample.settings.axes());
    let axes = distinct(all().map(|(name, _)| name)).into_iter().map(|name| {
        let mut values = distinct(all().filter(|(other, _)| *other == name).map(|(_, value)| value.to_string()));
        let first = base.and_then(|base| base.settings.text(name));
        if let Some(at) = first.and_then(|first| values.iter().position(|value| *value == first)) {
            values[..=at].rotate_right(1);
        }
        Axis { name: name.to_owned(), values }
    });
    axes.filter(|axis| axis.values.len() > 1).collect()
}

/// The cells with either value that are otherwise equal, each in one pair at most.
///
/// Between two transports, servers, stacks or drivers an option that only one of them knows is no difference; where there
/// is a choice then, cells whose targets say the same of themselves are a pair. A server of the user's own, and a word of
/// `vary`, match within their own entry of the scenario only.
pub fn pairs<'s>(samples: &'s [Sample], axis: &str, from: &str, to: &str) -> Vec<(&'s Sample, &'s Sample)> {
    let mut groups: BTreeMap<String, [Vec<&Sample>; 2]> = BTreeMap::new();
    for sample in samples {
        let Some(side) = sample.settings.text(axis).and_then(|own| [from, to].iter().position(|it| *it == own)) else {
            continue;
        };
        groups.entry(rest(sample, axis)).or_default()[side].push(sample);
    }
    // Of a link whose properties are axes themselves each is told of by its own.
    let alike = |[a, b]: &[Vec<&Sample>; 2]| axis != LINK || a.len() == b.len();
    let groups = groups.into_values().filter(alike);
    let mut found: Vec<(&Sample, &Sample)> = groups.flat_map(|[a, b]| matched(axis, &a, &b)).collect();
    found.sort_by_key(|(before, _)| before.cell);
    found
}

/// All that two cells have to have in common to be a pair along an axis.
pub fn rest(sample: &Sample, axis: &str) -> String {
    let of_target = key(axis).is_some_and(|key| key.of() == Of::Target);
    let mut rest: Vec<String> = sample
        .settings
        .axes()
        .filter(|(name, value)| {
            let known = key(name);
            let usual = known.and_then(Key::default).is_some_and(|usual| usual == **value) || usual_option(name, value);
            // What a link is is no difference from what has none.
            let of_link = axis == LINK && known.is_some_and(|key| key.of() == Of::Link);
            *name != axis && !usual && !of_link && (known.is_some() || !of_target || varies(name))
        })
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    rest.sort();
    // A server of the user's own is none of the models, and like no other.
    let own = sample.settings.get("server").is_none();
    let entry = match sample.settings.text(axis) {
        Some(value) if own && of_target => sample.target.replacen(&value, "", 1),
        _ if own || varies(axis) => entry(sample, axis),
        _ => String::new(),
    };
    format!("{}/{entry}/{}", sample.workload, rest.join("/"))
}

/// True where an option has the value that stands where it is not given: saying so is no difference.
fn usual_option(name: &str, value: &impl Display) -> bool {
    // What the default is at other ends is said behind a semicolon.
    let usual = |spec: &OptionSpec| spec.default.split(';').next() == Some(value.to_string().as_str());
    known_options().iter().any(|(spec, _)| spec.name == name && usual(spec))
}

/// True for a word of `vary`: neither a key nor an option.
fn varies(name: &str) -> bool {
    key(name).is_none() && !known_options().iter().any(|(spec, _)| spec.name == name)
}

/// What a target is called but for one of its words: the same for all of one entry of the scenario.
fn entry(sample: &Sample, axis: &str) -> String {
    let value = sample.settings.text(axis).unwrap_or_default();
    sample.target.replacen(&format!("-{axis}={value}"), "", 1)
}

/// Pairs of two lists, those that are most alike first, nobody twice.
fn matched<'s>(axis: &str, before: &[&'s Sample], after: &[&'s Sample]) -> Vec<(&'s Sample, &'s Sample)> {
    let mut all: Vec<(usize, usize, usize)> = Vec::new();
    for (a, own) in before.iter().enumerate() {
        for (b, other) in after.iter().enumerate() {
            let mut options = own.settings.axes().filter(|(name, _)| key(name).is_none() && *name != axis);
            let agree = |alike: &&fn(&Terms, &Terms) -> bool| alike(&own.terms, &other.terms);
            if options.all(|(name, value)| other.settings.get(name).is_none_or(|other| other == value)) {
                all.push((ALIKE.len() - ALIKE.iter().filter(agree).count(), a, b));
            }
        }
    }
    all.sort_unstable();
    let (mut used, mut taken) = (vec![false; before.len()], vec![false; after.len()]);
    let mut found = Vec::new();
    for (_, a, b) in all {
        if !used[a] && !taken[b] {
            (used[a], taken[b]) = (true, true);
            found.push((before[a], after[b]));
        }
    }
    found
}
