//! The view as templates get it: each part is made into a value of theirs when it is asked for, and none is kept.
//!
//! A value of templates takes many times the memory of what it stands for, and no template needs all of a view at once.

use std::sync::Arc;

use minijinja::value::{Enumerator, Object, ObjectRepr, Serde, Value};

use crate::report::view::View;
use crate::report::workload::Workload;

/// The whole view as the context of a template.
pub fn context(view: &Arc<View>) -> Value {
    Value::from_object(Whole(Arc::clone(view)))
}

/// Gives a type the names of its fields and each field as a value; a field that is not named here does not compile.
macro_rules! parts {
    ($names:ident, $part:ident, $of:ident { $($field:ident),* }) => {
        const $names: &[&str] = &[$(stringify!($field)),*];

        fn $part(of: &$of, name: &str) -> Option<Value> {
            let $of { $($field),* } = of;
            match name {
                $(stringify!($field) => Some(Value::from(Serde($field))),)*
                _ => None,
            }
        }
    };
}

parts!(
    OF_VIEW,
    of_view,
    View {
        title,
        question,
        marks,
        answer,
        chips,
        headline,
        picture,
        effects,
        advice,
        summary,
        workloads,
        differences,
        expectations,
        refusals,
        failures,
        doubts,
        reasons,
        method,
        common,
        aspects,
        ways,
        hosts,
        machine,
        run,
        scenario
    }
);

parts!(
    OF_WORKLOAD,
    of_workload,
    Workload {
        name,
        slug,
        stem,
        setting,
        axes,
        summary,
        comparisons,
        ranking,
        cells,
        map,
        charts,
        ahead_chart,
        tables,
        brief,
        timeline,
        cost_chart,
        cost
    }
);

#[derive(Debug)]
struct Whole(Arc<View>);

impl Object for Whole {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        match key.as_str()? {
            "workloads" => Some(Value::from_object(Workloads(Arc::clone(&self.0)))),
            name => of_view(&self.0, name),
        }
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(OF_VIEW)
    }
}

#[derive(Debug)]
struct Workloads(Arc<View>);

impl Object for Workloads {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Seq
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let at = key.as_usize().filter(|at| *at < self.0.workloads.len())?;
        Some(Value::from_object(One { view: Arc::clone(&self.0), at }))
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Seq(self.0.workloads.len())
    }
}

#[derive(Debug)]
struct One {
    view: Arc<View>,
    at: usize,
}

impl Object for One {
    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        of_workload(self.view.workloads.get(self.at)?, key.as_str()?)
    }

    fn enumerate(self: &Arc<Self>) -> Enumerator {
        Enumerator::Str(OF_WORKLOAD)
    }
}
