//! What is written of the keys of a target or a workload, and all that its lists multiply to.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::key::KEYS;
use crate::key::contract::{Key, Of};
use crate::key::link::PREFIX;
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::key::settings::Settings;

/// Keys with the values that are written of each: at least one, none twice.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Axes(Vec<(&'static str, Vec<Setting>)>);

impl Axes {
    /// What is written of a key.
    pub fn get(&self, name: &str) -> Option<&[Setting]> {
        self.0.iter().find(|(key, _)| *key == name).map(|(_, values)| values.as_slice())
    }

    /// The first value of a key: of a scalar, the only one.
    pub fn first(&self, name: &str) -> Option<&Setting> {
        self.get(name)?.first()
    }

    /// True where there is something to compare along a key.
    pub fn varies(&self, name: &str) -> bool {
        self.get(name).is_some_and(|values| values.len() > 1)
    }

    /// Writes a key, in the order of the list; what stands twice is kept once, and a key without values is left out.
    pub fn put(&mut self, key: &'static str, values: impl IntoIterator<Item = Setting>) {
        let mut kept: Vec<Setting> = Vec::new();
        for value in values {
            if !kept.contains(&value) {
                kept.push(value);
            }
        }
        self.0.retain(|(known, _)| *known != key);
        if kept.is_empty() {
            return;
        }
        let rank = |name: &str| KEYS.iter().position(|key| key.name() == name);
        let at = self.0.partition_point(|(known, _)| rank(known) < rank(key));
        self.0.insert(at, (key, kept));
    }

    /// Changes the values of a key where it is written.
    pub fn change(&mut self, key: &'static str, change: impl Fn(&Setting) -> Setting) {
        if let Some(values) = self.get(key) {
            let values: Vec<Setting> = values.iter().map(change).collect();
            self.put(key, values);
        }
    }

    /// These, and of keys that are not written here what `others` says of them.
    pub fn or(&self, others: &Axes) -> Axes {
        let mut both = others.clone();
        self.0.iter().for_each(|(key, values)| both.put(key, values.iter().cloned()));
        both
    }

    /// The most points there can be, without making them.
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().fold(1, |product, (_, values)| product.saturating_mul(values.len() as u64))
    }

    /// The same with one value of each kind: what may be used at all depends on words, and not on how large numbers are.
    pub(crate) fn representative(&self) -> Axes {
        let kind = |value: &Setting| value.as_word().map(str::to_owned);
        let few = |values: &[Setting]| {
            let mut few: Vec<Setting> = Vec::new();
            for value in values {
                if !few.iter().any(|known| kind(known) == kind(value)) {
                    few.push(value.clone());
                }
            }
            few
        };
        Axes(self.0.iter().map(|(key, values)| (*key, few(values))).collect())
    }

    /// Every combination of the keys of a target or a workload, each beginning at `start`, with what was set on the way.
    /// A key that changes nothing at a point is not set there. What is written of a link stands elsewhere, in `links`.
    pub fn points(&self, of: Of, start: &Point, links: &[WrittenLink]) -> Vec<(Point, Settings)> {
        let mut points = vec![(start.clone(), Settings::default())];
        for key in KEYS.iter().filter(|key| key.of().side() == of) {
            let with = |(point, settings): (Point, Settings)| {
                let link = links.iter().find(|link| point.link.as_ref().is_some_and(|named| named.name == link.name));
                let written = if key.of() == Of::Link { link.map(|link| &link.axes) } else { Some(self) };
                along(*key, written.and_then(|axes| axes.get(key.name())), &point, &settings)
            };
            points = points.into_iter().flat_map(with).collect();
        }
        points
    }
}

/// One point with each value of a key, of which that is written, if anything is.
fn along(key: &dyn Key, written: Option<&[Setting]>, point: &Point, settings: &Settings) -> Vec<(Point, Settings)> {
    let default;
    let values = match (key.unused(point), written) {
        (Some(_), _) => &[],
        (None, Some(written)) => written,
        (None, None) => {
            default = key.default();
            default.as_slice()
        }
    };
    if values.is_empty() {
        return vec![(point.clone(), settings.clone())];
    }
    let with = |value: &Setting| {
        let (mut point, mut settings) = (point.clone(), settings.clone());
        key.set(value, &mut point);
        settings.put(key.name(), value.clone());
        (point, settings)
    };
    values.iter().map(with).collect()
}

/// A link as a scenario writes it: its name, and what is written of each of its properties.
#[derive(Debug, Clone, PartialEq)]
pub struct WrittenLink {
    /// Its name.
    pub name: String,
    /// Its properties, by their keys.
    pub axes: Axes,
}

/// With the words of its properties as they stand in it, without what tells them from other keys elsewhere.
impl Serialize for WrittenLink {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &self.name)?;
        for (key, values) in &self.axes.0 {
            map.serialize_entry(key.strip_prefix(PREFIX).unwrap_or(key), &OneOrSeveral(values))?;
        }
        map.end()
    }
}

/// As a scenario has it: one value, or a list.
impl Serialize for Axes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, values)| (name, OneOrSeveral(values))))
    }
}

/// One value by itself, several as a list.
pub(crate) struct OneOrSeveral<'a, T>(pub(crate) &'a [T]);

impl<T: Serialize> Serialize for OneOrSeveral<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            [one] => one.serialize(serializer),
            many => many.serialize(serializer),
        }
    }
}
