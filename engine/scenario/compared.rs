//! The names in what is expected, which have to stand for something: another target, or a call that is made.

use crate::document::mistake::{Mistake, Span};
use crate::document::tree::{Node, Value};
use crate::key::setting::Setting;
use crate::registry::suggestion;
use crate::scenario::asked::could_be;
use crate::scenario::expect::{BASELINE, Bound, Expectation};
use crate::scenario::written::{Target, Workload};

/// What is expected of one target or workload, each with its place.
pub(crate) type Expected = Vec<(Expectation, Span)>;

/// What is expected of each item of a list of targets or workloads, as far as it can be read.
pub(crate) fn written(list: &Node) -> Vec<Expected> {
    let Value::List(items) = &list.value else { return Vec::new() };
    let of_item = |item: &Node| {
        let Value::Map(entries) = &item.value else { return Vec::new() };
        let Some((_, node)) = entries.iter().find(|(key, _)| key.name == "expect") else { return Vec::new() };
        let several = if let Value::List(items) = &node.value { items.as_slice() } else { std::slice::from_ref(node) };
        let read = |node: &Node| match &node.value {
            Value::Text(text) => Some((text.parse().ok()?, node.span)),
            _ => None,
        };
        several.iter().filter_map(read).collect()
    };
    items.iter().map(of_item).collect()
}

/// Notes every name that stands for nothing, and every figure that would be told against itself.
pub(crate) fn judge(
    targets: &[(&Target, Expected)],
    workloads: &[(&Workload, Expected)],
    baseline: Option<&str>,
    mistakes: &mut Vec<Mistake>,
) {
    let names = |target: &Target| -> Vec<String> { target.candidates().into_iter().map(|it| it.name).collect() };
    let all: Vec<String> = targets.iter().flat_map(|(target, _)| names(target)).collect();
    let mut asked: Vec<&str> = workloads.iter().flat_map(|(workload, _)| calls(workload)).collect();
    asked.sort_unstable();
    asked.dedup();
    for (target, expected) in targets {
        for (expectation, span) in expected {
            against(expectation, *span, (&names(target), &all), baseline, mistakes);
            of_call(expectation, *span, &asked, mistakes);
        }
    }
    for (workload, expected) in workloads {
        for (expectation, span) in expected {
            against(expectation, *span, (&all, &all), baseline, mistakes);
            of_call(expectation, *span, &calls(workload), mistakes);
        }
    }
}

/// The target that a figure is told against is one, and another one than those whose figure it is.
fn against(
    expectation: &Expectation,
    span: Span,
    (own, all): (&[String], &[String]),
    baseline: Option<&str>,
    mistakes: &mut Vec<Mistake>,
) {
    let Bound::Share { target, .. } = &expectation.bound else { return };
    let Some(name) = expectation.than(baseline) else { return };
    if target == BASELINE && baseline.is_none() && !all.iter().any(|it| it == name) {
        let mistake = Mistake::new(format!("`{expectation}` is told against `{BASELINE}`, and there is none"), span);
        mistakes.push(mistake.help(format!("say at the top which target that is, such as `{BASELINE}: main`")));
    } else if !all.iter().any(|it| it == name) {
        // A wrong name behind `baseline` is told there.
        if target != BASELINE {
            let names: Vec<&str> = all.iter().map(String::as_str).collect();
            let what = format!("`{expectation}` is told against `{name}`, which is no target of this scenario");
            mistakes.push(Mistake::new(what, span).help(could_be(name, &names)));
        }
    } else if own.iter().all(|it| it == name) {
        let mistake = Mistake::new(format!("`{expectation}` tells `{name}` against itself"), span);
        mistakes.push(mistake.help("expect it of another target, or of a workload that several are asked"));
    }
}

/// The call whose figure it is, is made.
fn of_call(expectation: &Expectation, span: Span, asked: &[&str], mistakes: &mut Vec<Mistake>) {
    let Some(call) = expectation.call.as_deref().filter(|call| !asked.contains(call)) else { return };
    let mistake = Mistake::new(format!("`{expectation}` is of the call `{call}`, which is not asked here"), span);
    mistakes.push(mistake.help(suggestion(call, asked)));
}

/// The names of the calls that a workload makes.
fn calls(workload: &Workload) -> Vec<&str> {
    let named = workload.axes.get("call").into_iter().flatten().filter_map(Setting::as_word);
    let several = ["mix", "steps"].into_iter().filter_map(|key| workload.axes.get(key));
    let drawn = several.flatten().flat_map(|several| match several {
        Setting::Shares(shares) => shares.iter().map(|share| share.call.name()).collect(),
        Setting::Calls(steps) => steps.iter().map(|step| step.name()).collect(),
        _ => Vec::new(),
    });
    named.chain(drawn).collect()
}
