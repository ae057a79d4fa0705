//! `engine list`: one screen, all of a word, everything as JSON.

use std::process::{Command, Output};

use serde_json::Value;

fn list(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_engine")).arg("list").args(arguments).output().expect("the engine starts")
}

fn listed(arguments: &[&str]) -> String {
    let output = list(arguments);
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("it is text")
}

fn all() -> Value {
    serde_json::from_str(&listed(&["--json"])).expect("it is JSON")
}

#[test]
fn the_first_screen_is_one() {
    let text = listed(&[]);
    assert!(text.lines().count() <= 24, "{} lines:\n{text}", text.lines().count());
    let wide = text.lines().find(|line| line.chars().count() > 80);
    assert_eq!(wide, None);
    let all = all();
    for title in ["transports", "servers", "stacks", "drivers", "calls", "options"] {
        for word in all[title].as_array().expect(title) {
            let name = word["name"].as_str().expect("a name");
            let stands = |line: &str| line.split([' ', '.', ',']).any(|word| word == name);
            assert!(text.lines().any(stands), "{name} of {title} is not there:\n{text}");
        }
    }
    assert!(!text.contains("no real Python server"), "reasons stand there unasked:\n{text}");
}

#[test]
fn the_grid_says_what_the_pairings_say() {
    let (text, all) = (listed(&[]), all());
    let servers: Vec<&str> =
        all["servers"].as_array().expect("a list").iter().filter_map(|it| it["name"].as_str()).collect();
    let mut squares = 0;
    for line in text.lines().filter_map(|line| line.strip_prefix("  ")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let Some((transport, row)) = words.split_first().filter(|(_, row)| row.len() == servers.len()) else {
            continue;
        };
        for (server, square) in servers.iter().zip(row) {
            let fits = |stack: &str| {
                let is = |it: &&Value| it["transport"] == *transport && it["server"] == *server && it["stack"] == stack;
                all["pairings"].as_array().expect("a list").iter().filter(is).any(|it| it["fits"] == true)
            };
            assert_eq!(square.contains('n'), fits("native"), "{transport} {server}:\n{text}");
            assert_eq!(square.contains('p'), fits("python"), "{transport} {server}:\n{text}");
            squares += 1;
        }
    }
    assert_eq!(squares, servers.len() * all["transports"].as_array().expect("a list").len(), "{text}");
}

#[test]
fn of_a_word_all_is_told() {
    let text = listed(&["http1"]);
    for told in ["http1: a transport", "keep-alive", "default: true", "threaded", "python server"] {
        assert!(text.contains(told), "`{told}` is not in\n{text}");
    }
    assert!(!text.contains("streams"), "http1 has no such option:\n{text}");
    let text = listed(&["quic"]);
    assert!(text.contains("not         ") && text.contains("forking"), "{text}");
    for (word, told) in [
        ("upload", "needs       payload"),
        ("payload", "of          workload"),
        ("workers", "of          pooled, preforked"),
        ("forking", "forking: a server"),
        ("python", "speaks      rpyc, http1"),
        ("options", "ballast"),
        ("cpu", "cpu: an observer"),
        ("here", "here: a place"),
    ] {
        let text = listed(&[word]);
        assert!(text.contains(told), "`engine list {word}` does not say `{told}`:\n{text}");
        assert_eq!(text.lines().find(|line| line.chars().count() > 80), None, "{word}");
    }
}

#[test]
fn every_word_of_every_list_is_known() {
    for (title, words) in all().as_object().expect("lists by name").iter().filter(|(title, _)| *title != "pairings") {
        assert!(words.as_array().is_some_and(|words| !words.is_empty()), "{title} is empty");
        for word in words.as_array().expect("a list") {
            let name = word["name"].as_str().expect("a name");
            assert!(word["about"].as_str().is_some_and(|about| !about.is_empty()), "{name}");
            assert!(listed(&[name]).contains(&format!("{name}: ")), "{name}");
        }
    }
}

#[test]
fn an_unknown_word_is_a_mistake_that_guesses() {
    let output = list(&["htpp1"]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("`htpp1` is in no list") && said.contains("did you mean `http1`?"), "{said}");
}
