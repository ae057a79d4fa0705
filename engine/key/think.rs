//! `think`: how long a client pauses after a call, a time or a seeded one of a range.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Value as Json, json};

use crate::document::mistake::Mistake;
use crate::document::tree::{Node, Value};
use crate::document::walk::Read;
use crate::key::contract::{Key, Unused};
use crate::key::load::{Point, Think};
use crate::key::setting::Setting;
use crate::key::word::read_some_time;
use crate::registry::Entry;
use crate::units::Time;

/// The key.
pub struct Thinks;

/// What stands between the ends of a range.
const TO: &str = "..";

impl Entry for Thinks {
    fn name(&self) -> &'static str {
        "think"
    }
    fn about(&self) -> &'static str {
        "How long a client pauses after each of its calls, or between which times: `10ms..50ms`, drawn by the seed. No response time holds it; of an open loop only steps have it."
    }
}

impl Key for Thinks {
    fn is_axis(&self) -> bool {
        false
    }
    fn tells_apart(&self) -> bool {
        true
    }
    fn schema(&self, _: &mut SchemaGenerator) -> Schema {
        let time = Time::any();
        json_schema!({"type": "string", "pattern": format!(r"^({time})(\.\.({time}))?$"), "not": {"pattern": "^[0.]+ ?[A-Za-zµ]+$"}})
    }
    fn examples(&self) -> Vec<Json> {
        vec![json!("500ms")]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        let Value::Text(text) = &node.value else { return read_some_time(self.name(), node, mistakes) };
        let Some((least, most)) = text.split_once(TO) else { return read_some_time(self.name(), node, mistakes) };
        let end = |text: &str, mistakes: &mut Vec<Mistake>| {
            let end = Node { span: node.span, value: Value::Text(text.to_owned()) };
            Time::read(self.name(), &end, mistakes)
        };
        let (least, most) = (end(least, mistakes)?, end(most, mistakes)?);
        if least >= most {
            let mistake = Mistake::new(format!("`think` goes from {least} down to {most}"), node.span);
            mistakes.push(
                mistake.help("write the shorter time first, as in `10ms..50ms`; one time alone is always the same"),
            );
            return None;
        }
        Some(Setting::word(format!("{least}{TO}{most}")))
    }
    fn unused(&self, point: &Point) -> Option<Unused> {
        (point.is_open() && point.load.steps.is_empty()).then_some(Unused::Else {
            by: "an open loop of single calls",
            help: "there the clock says when calls are due; leave it out, or give the workload `steps`",
        })
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.load.think = match value {
            Setting::Time(time) => Some(Think { least: time.0, most: time.0 }),
            Setting::Word(range) => range.split_once(TO).and_then(|(least, most)| {
                let time = |text: &str| text.parse::<Time>().ok();
                Some(Think { least: time(least)?.0, most: time(most)?.0 })
            }),
            _ => None,
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Thinks;
    use crate::document::tree::Node;
    use crate::key::contract::Key;
    use crate::key::load::{Point, Think};
    use crate::key::setting::Setting;

    #[test]
    fn a_pause_is_a_time_or_lies_between_two() {
        let read = |text: &str| Thinks.read(&Node::of_json(&text.into()), &mut Vec::new());
        for (text, written, least, most) in
            [("5ms", "5ms", 5, 5), ("10ms..0.05s", "10ms..50ms", 10, 50), ("0s..1s", "0ns..1s", 0, 1_000)]
        {
            let setting = read(text).unwrap_or_else(|| panic!("{text} is one"));
            assert_eq!(setting.to_string(), written);
            let mut point = Point::default();
            Thinks.set(&setting, &mut point);
            let ms = |ms| Duration::from_millis(ms);
            assert_eq!(point.load.think, Some(Think { least: ms(least), most: ms(most) }), "{text}");
        }
        for text in ["0s", "5", "50ms..10ms", "5ms..5ms", "5ms..", "..5ms", "1ms..2ms..3ms", "1..2"] {
            assert_eq!(read(text), None::<Setting>, "{text}");
        }
    }
}
