//! The statistics give the figures that scipy gives: see `tests/statistics/fixture.py` for how those were made.

use engine::statistics::fit::{exponential, uniform};
use engine::statistics::interval::{Trials, figure, ratio};
use engine::statistics::rank::mann_whitney;
use serde_json::Value;

/// Every case of one kind.
fn cases(kind: &str) -> Vec<Value> {
    let fixture: Value = serde_json::from_str(include_str!("statistics/fixture.json")).expect("the fixture is JSON");
    let cases = fixture[kind].as_array().expect(kind).clone();
    assert!(cases.len() >= 2, "{kind}");
    cases
}

fn values(case: &Value, name: &str) -> Vec<f64> {
    case[name].as_array().expect(name).iter().map(|value| value.as_f64().expect("a number")).collect()
}

fn close(is: f64, case: &Value, name: &str, within: f64) {
    let due = case[name].as_f64().expect(name);
    assert!((is - due).abs() <= within, "{name}: {is} is not {due} in {case}");
}

#[test]
fn intervals_are_those_of_scipy() {
    for case in cases("interval") {
        let own = figure(Trials::new(&values(&case, "own"), &[])).expect("an interval");
        close(own.value, &case, "value", 1e-9);
        close(own.low, &case, "low", 1e-6);
        close(own.high, &case, "high", 1e-6);
    }
    for case in cases("ratio") {
        let (own, other) = (values(&case, "own"), values(&case, "other"));
        let between = ratio(Trials::new(&own, &[]), Trials::new(&other, &[])).expect("an interval");
        close(between.value, &case, "value", 1e-12);
        close(between.low, &case, "low", 1e-8);
        close(between.high, &case, "high", 1e-8);
    }
}

#[test]
fn rank_tests_are_those_of_scipy() {
    for (kind, within) in [("exact", 1e-12), ("ties", 1e-12), ("normal", 1e-9)] {
        for case in cases(kind) {
            let (own, other) = (values(&case, "own"), values(&case, "other"));
            close(mann_whitney(&own, &other), &case, "chance", within);
            close(mann_whitney(&other, &own), &case, "chance", within);
        }
    }
}

#[test]
fn distances_from_a_distribution_are_those_of_scipy() {
    for case in cases("exponential") {
        let fit = exponential(&values(&case, "own"), 2.0);
        close(fit.distance, &case, "distance", 1e-12);
        close(fit.chance, &case, "chance", 0.01);
    }
    for case in cases("uniform") {
        let fit = uniform(&values(&case, "own"), 3.0, 7.0);
        close(fit.distance, &case, "distance", 1e-12);
        close(fit.chance, &case, "chance", 0.01);
    }
}
