//! Each cell as a test case of JUnit: an error where a trial broke or is invalid, a failure where an expectation is not met.
//!
//! It is what the schemas of Jenkins (`junit-10.xsd` of its xUnit plugin) and of Ant (`JUnit.xsd`) have in common. It is
//! written by hand because quick-junit 0.8 writes attributes of `testsuites` that Ant's schema refuses.

use std::fmt::Write;

use crate::error::Result;
use crate::report::chart::svg::escaped;
use crate::report::relative::Judgement;
use crate::report::view::View;
use crate::report::words::About;
use crate::report::workload::Workload;
use crate::results::{Results, State};

/// A suite for each workload.
pub fn text(results: &Results) -> Result<String> {
    let view = View::of(results)?;
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    for (number, workload) in view.workloads.iter().enumerate() {
        suite(&mut text, number, workload, &view, results);
    }
    text.push_str("</testsuites>\n");
    Ok(text)
}

/// Trials whose figures count nowhere.
const INVALID: About = About::Trials(State::Invalid);

/// What is wrong with a cell.
struct Wrong {
    /// The element that says so.
    element: &'static str,
    /// Of which kind it is, in a word.
    kind: &'static str,
    /// What it is, in a sentence each.
    reasons: Vec<String>,
}

fn suite(text: &mut String, number: usize, workload: &Workload, view: &View, results: &Results) {
    let cases: Vec<(&str, f64, Option<Wrong>)> = workload
        .cells
        .iter()
        .map(|cell| (cell.id.as_str(), seconds(&cell.id, results), wrong(&cell.id, view)))
        .collect();
    let all =
        |element: &str| cases.iter().filter(|case| case.2.as_ref().is_some_and(|it| it.element == element)).count();
    let (failures, errors) = (all("failure"), all("error"));
    let time: f64 = cases.iter().map(|case| case.1).sum();
    let (name, title) = (escaped(&workload.name), escaped(&view.title));
    // Of RFC 3339 in UTC, what stands before the fraction and the zone.
    let started: String = results.manifest.started.chars().take(19).collect();
    // Writing to a string cannot fail.
    let _ = writeln!(
        text,
        "<testsuite id=\"{number}\" package=\"{title}\" name=\"{name}\" timestamp=\"{started}\" hostname=\"localhost\" \
         tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" time=\"{time:.3}\">\n<properties>",
        cases.len()
    );
    // What is worth a word and no error: cases have no room for it.
    let in_doubt = view.doubts.iter().filter(|doubt| doubt.about != INVALID);
    for doubt in in_doubt.filter(|doubt| cases.iter().any(|case| case.0 == doubt.of)) {
        let [of, which, reason] = [&doubt.of, &doubt.which, &doubt.reason].map(|text| escaped(text));
        let _ = writeln!(text, "<property name=\"{of}: {which}\" value=\"{reason}\"/>");
    }
    text.push_str("</properties>\n");
    for (id, time, wrong) in cases {
        let _ = write!(text, "<testcase classname=\"{name}\" name=\"{}\" time=\"{time:.3}\"", escaped(id));
        let Some(Wrong { element, kind, reasons }) = wrong else {
            text.push_str("/>\n");
            continue;
        };
        let message = escaped(&reasons.join("; "));
        let reasons: Vec<String> = reasons.iter().map(|reason| escaped(reason)).collect();
        let _ = writeln!(
            text,
            "><{element} type=\"{kind}\" message=\"{message}\">{}</{element}></testcase>",
            reasons.join("\n")
        );
    }
    text.push_str("<system-out></system-out>\n<system-err></system-err>\n</testsuite>\n");
}

/// How long the trials of a cell that count made calls, together.
fn seconds(id: &str, results: &Results) -> f64 {
    let measured =
        results.counting().filter(|record| results.id(record) == id).filter_map(|record| record.measured.as_ref());
    measured.map(|measured| measured.elapsed_ns as f64 / 1e9).sum()
}

/// What broke, is invalid or was expected otherwise in a cell; a suspect figure is no failure.
fn wrong(id: &str, view: &View) -> Option<Wrong> {
    let failed = view.failures.iter().filter(|remark| remark.about != About::Calls);
    let invalid = view.doubts.iter().filter(|remark| remark.about == INVALID);
    let broken: Vec<String> = failed
        .chain(invalid)
        .filter(|remark| remark.of == id)
        .map(|remark| format!("{}: {}", remark.which, remark.reason))
        .collect();
    let unmet = view.expectations.iter().filter(|one| one.cell == id && one.judgement == Judgement::Missed);
    let unmet: Vec<String> = unmet.map(|one| format!("expected {}, found {}", one.expected, one.found)).collect();
    // A case has room for one of the two: what was not measured says nothing of what was expected.
    match (broken.is_empty(), unmet.is_empty()) {
        (true, true) => None,
        (true, false) => Some(Wrong { element: "failure", kind: "expectation", reasons: unmet }),
        (false, _) => Some(Wrong { element: "error", kind: "measurement", reasons: [broken, unmet].concat() }),
    }
}
