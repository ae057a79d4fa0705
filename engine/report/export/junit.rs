//! Each cell as a test case of JUnit: it fails where a trial broke or is invalid, or an expectation is not met.

use std::fmt::Write;

use crate::error::Result;
use crate::report::chart::svg::escaped;
use crate::report::view::{View, Workload};
use crate::results::Results;

/// A suite for each workload.
pub fn text(results: &Results) -> Result<String> {
    let view = View::of(results)?;
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a string cannot fail.
    let _ = writeln!(text, "<testsuites name=\"{}\">", escaped(&view.title));
    for workload in &view.workloads {
        suite(&mut text, workload, &view);
    }
    text.push_str("</testsuites>\n");
    Ok(text)
}

fn suite(text: &mut String, workload: &Workload, view: &View) {
    let cases: Vec<(&str, Option<String>)> =
        workload.cells.iter().map(|cell| (cell.id.as_str(), wrong(&cell.id, view))).collect();
    let failures = cases.iter().filter(|(_, wrong)| wrong.is_some()).count();
    let _ = writeln!(
        text,
        "<testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\">",
        escaped(&workload.name),
        cases.len()
    );
    for (id, wrong) in cases {
        let (id, class) = (escaped(id), escaped(&workload.name));
        let _ = match wrong {
            None => writeln!(text, "<testcase classname=\"{class}\" name=\"{id}\"/>"),
            Some(wrong) => writeln!(
                text,
                "<testcase classname=\"{class}\" name=\"{id}\"><failure message=\"{}\"/></testcase>",
                escaped(&wrong)
            ),
        };
    }
    text.push_str("</testsuite>\n");
}

/// What broke, is invalid or was expected otherwise in a cell; a suspect figure is no failure.
fn wrong(id: &str, view: &View) -> Option<String> {
    let failed = view.failures.iter().filter(|remark| remark.which != "calls");
    let invalid = view.doubts.iter().filter(|remark| remark.which.starts_with("invalid"));
    let unmet = view.expectations.iter().filter(|one| one.cell == id && !one.met);
    let unmet = unmet.map(|one| format!("expected {}, found {}", one.expected, one.found));
    let told: Vec<String> = failed
        .chain(invalid)
        .filter(|remark| remark.of == id)
        .map(|remark| format!("{}: {}", remark.which, remark.reason))
        .chain(unmet)
        .collect();
    (!told.is_empty()).then(|| told.join("; "))
}
