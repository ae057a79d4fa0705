//! A key as CONTRIBUTING adds one: `warm-calls`, an axis of calls before anything is timed.
//!
//! It is part of the unit tests alone, where it stands in the list of keys beside the others.

use schemars::{Schema, SchemaGenerator};
use serde_json::{Value, json};

use crate::document::mistake::Mistake;
use crate::document::tree::Node;
use crate::document::walk::Read;
use crate::key::contract::{Key, Runs, Unused};
use crate::key::load::Point;
use crate::key::setting::Setting;
use crate::registry::Entry;

/// The key `warm-calls`.
pub(crate) struct WarmCalls;

impl Entry for WarmCalls {
    fn name(&self) -> &'static str {
        "warm-calls"
    }
    fn about(&self) -> &'static str {
        "Calls by each client before anything is timed, as an axis."
    }
}

impl Key for WarmCalls {
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<u64>()
    }
    fn examples(&self) -> Vec<Value> {
        vec![json!([0, 1000])]
    }
    fn read(&self, node: &Node, mistakes: &mut Vec<Mistake>) -> Option<Setting> {
        u64::read(self.name(), node, mistakes).map(Setting::Count)
    }
    fn unused(&self, point: &Point) -> Option<Unused> {
        let by = "an open loop, which is warm before the calls that count";
        point.is_open().then_some(Unused::Else { by, help: "leave it out" })
    }
    fn set(&self, value: &Setting, point: &mut Point) {
        point.load.warmup = value.count().unwrap_or(0);
    }
    fn runs(&self) -> Option<Runs> {
        Some(Runs::Numbers)
    }
}

#[cfg(test)]
mod tests {
    use crate::plan::Plan;
    use crate::results::measure::Measure;
    use crate::scenario::{read, schema};

    fn scenario(keys: &str) -> String {
        let target = "{transport: tcp, server: threaded}";
        format!("title: t\nquestion: q\ntargets: [{target}]\nworkloads: [{{name: w, call: ping, {keys}}}]\n")
    }

    #[test]
    fn its_file_and_its_line_are_all_that_it_takes() {
        let read_back = read("test.yaml", &scenario("iterations: 5, warm-calls: [0, 100]"), &[]);
        let scenario_read = read_back.unwrap_or_else(|mistakes| panic!("{}", mistakes.render(false)));
        let plan = Plan::of(&scenario_read);
        let ids: Vec<&str> = plan.cells.iter().map(|cell| cell.planned.id.as_str()).collect();
        assert_eq!(ids, ["tcp-threaded/w/warm-calls=0", "tcp-threaded/w/warm-calls=100"]);
        assert_eq!(plan.cells[1].load.warmup, 100, "the client's assignment");
        let planned = &plan.cells[1].planned;
        assert_eq!(
            (planned.varies.as_slice(), planned.text("warm-calls").as_deref()),
            (&["warm-calls".to_owned()][..], Some("100"))
        );
        assert_eq!(planned.measures, [Measure::ResponseTime]);
        let as_read = serde_json::to_value(&scenario_read).expect("JSON");
        assert_eq!(as_read["workloads"][0]["warm-calls"], serde_json::json!([0, 100]));
        let told = schema::scenario().to_value()["$defs"]["Workload"]["properties"]["warm-calls"].clone();
        assert_eq!(told["examples"], serde_json::json!([[0, 1000]]));
        let unused = read("test.yaml", &scenario("duration: 1s, rate: 10, warm-calls: 3"), &[]).expect_err("a mistake");
        assert!(unused.render(false).contains("`warm-calls` is not used by an open loop"), "{}", unused.render(false));
        let wrong = read("test.yaml", &scenario("iterations: 5, warm-calls: many"), &[]).expect_err("a mistake");
        assert!(wrong.render(false).contains("`warm-calls` takes a whole number"), "{}", wrong.render(false));
    }
}
