//! The first sentence of each committed report answers the question of its scenario: about the right axis, on the right
//! figure, with the right sign, and with a figure in units.

use std::path::Path;

use engine::report::view::View;
use engine::results::Results;

/// What the first sentence has to say.
enum Says {
    /// After these words comes a factor above 1.
    More(&'static str),
    /// After these words comes a factor below 1.
    Less(&'static str),
    /// These words.
    Words(&'static str),
    /// Who is best by that: one of these.
    Best(&'static str, &'static [&'static str]),
}

use Says::{Best, Less, More, Words};

/// Each scenario, and what the answer to its question begins with.
const FIRST: [(&str, &[Says]); 17] = [
    ("quickstart", &[Best("Connects soonest (connect): ", &["http1-async", "http1-threaded"]), Words(" µs")]),
    ("rpyc-vs-http", &[Best("Connects soonest (connect): ", &["http1-threaded"]), More("rpyc-forking ")]),
    (
        "reference-suite",
        &[
            Best("Connects soonest (connect): ", &["http1-threaded-keep"]),
            More("rpyc-threaded-python "),
            More("http1-threaded-python "),
        ],
    ),
    ("where-the-time-goes", &[Words("With stack python instead of native, "), More("a ping takes ")]),
    (
        "compression",
        &[More("With compress, bandwidth (upload) is "), Words(" with fill zeros"), Words(" with fill random")],
    ),
    ("chunk-size", &[More("Against chunk whole, an upload takes "), Words(" with 4KiB (")]),
    (
        "cpu-or-io",
        &[
            Words("With server forking instead of threaded, a computation takes "),
            Less(" with stack native, "),
            Words(" with stack python"),
        ],
    ),
    ("connection-churn", &[More("Without keep-alive, a ping takes "), Words(" with server forking")]),
    ("what-tls-costs", &[More("With tls, connecting takes ")]),
    (
        "what-a-fork-costs",
        &[Words("Along ballast, with server forking, connecting takes "), Words(" more for each MiB of ballast (")],
    ),
    ("transports", &[Words("Against transport tcp, connecting takes "), Words(" with quic (")]),
    (
        "server-models",
        &[
            Best("Answers a ping soonest (one): ", &["http1-async", "http1-forking", "http1-threaded"]),
            More("http1-per-request "),
        ],
    ),
    (
        "near-and-far",
        &[Words("A ping waits for 1 round trip with "), Words("; connecting waits for 2 round trips with ")],
    ),
    ("loss", &[Less("Against link.loss 0%, bandwidth (download) is "), Words(" with 1% (")]),
    ("reference-suite-lan", &[More("With link lan instead of none, connecting takes "), Words("; a ping takes ")]),
    ("capacity", &[Best("Holds the highest rate (capacity): ", &["tcp-", "http1-"]), Words(" calls/s")]),
    ("two-hosts", &[Words("Against transport tcp, "), More("a ping takes ")]),
];

/// The number that comes first after some words.
fn factor(said: &str, words: &str) -> f64 {
    let (_, rest) = said.split_once(words).unwrap_or_else(|| panic!("`{words}` is not in: {said}"));
    let number: String = rest.chars().take_while(|c| c.is_ascii_digit() || ".,".contains(*c)).collect();
    let number = number.trim_end_matches(['.', ',']).replace(',', "");
    assert!(rest.contains(" ×"), "{said}");
    number.parse().unwrap_or_else(|_| panic!("no factor after `{words}`: {said}"))
}

#[test]
fn each_first_sentence_answers_its_question() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for (scenario, all) in FIRST {
        let results = Results::read(&docs.join(scenario)).expect(scenario);
        let view = View::of(&results).expect(scenario);
        let said = &view.answer[0];
        for says in all {
            match says {
                More(words) => assert!(factor(said, words) >= 1.0, "{scenario}: {said}"),
                Less(words) => assert!(factor(said, words) < 1.0, "{scenario}: {said}"),
                Words(words) => assert!(said.contains(words), "{scenario}: no `{words}` in: {said}"),
                Best(words, names) => {
                    let (_, rest) = said.split_once(words).unwrap_or_else(|| panic!("{scenario}: {said}"));
                    assert!(names.iter().any(|name| rest.starts_with(name)), "{scenario}: {said}");
                }
            }
        }
        let units = [" µs", " ms", " ns", " MB/s", " calls/s", " round trip"];
        assert!(units.iter().any(|unit| said.contains(unit)), "{scenario}: no figure in units: {said}");
        assert!((1..=5).contains(&view.answer.len()), "{scenario}: {:#?}", view.answer);
    }
    let entries = std::fs::read_dir(docs.with_file_name("scenarios")).expect("scenarios/").flatten();
    let scenarios = entries.filter(|entry| entry.path().is_file()).count();
    assert_eq!(scenarios, FIRST.len(), "each scenario is here");
}

#[test]
fn the_readme_opens_with_an_answer_that_is_in_its_report() {
    let home = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(home.join("README.md")).expect("the README is part of the project");
    let quoted = readme.lines().find_map(|line| line.strip_prefix("> ")).expect("an answer");
    let view = View::of(&Results::read(&home.join("docs/what-tls-costs")).expect("results")).expect("a view");
    assert_eq!(quoted, view.answer[0]);
    assert!(readme.contains(&view.question[..view.question.find(',').expect("a comma")]), "{}", view.question);
}
