//! Steps, passes and pauses as exact figures: loads on a simulated clock and simulated sockets.

mod simulated;

use engine::results::Counts;
use engine::results::distribution::{Distribution, empty};
use serde_json::{Value, json};
use simulated::{MS, Server, simulate, spaced};

/// The distribution of exactly these times, of which the shortest given up took so long.
fn times(exact: &[u64], given_up: Option<u64>) -> Distribution {
    let mut all = empty();
    exact.iter().for_each(|ns| all.saturating_record(*ns));
    Distribution::of(&all, given_up)
}

/// Three steps, of two names.
fn steps(more: Value) -> Value {
    let mut load = json!({"call": "ping", "steps": ["ping", "upload", "ping"], "payload": 10});
    load.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    load
}

fn think(least: u64, most: u64) -> Value {
    json!({"least_ns": least * MS, "most_ns": most * MS})
}

#[test]
fn steps_follow_each_other_with_pauses_that_no_response_time_holds() {
    for clients in [1, 3] {
        let got = simulate(Server::PROMPT, steps(json!({"clients": clients, "iterations": 4, "think": think(10, 10)})));
        // Each call takes 4 ms, and each pause 10.
        let one: Vec<u64> = spaced(14 * MS, 12);
        let sends: Vec<u64> = one.iter().flat_map(|at| vec![*at; clients]).collect();
        assert_eq!(got.sends, sends, "{clients} clients");
        let measured = got.measured;
        assert_eq!(measured.response_time, times(&vec![4 * MS; 12 * clients], None));
        assert_eq!((measured.counts.ok, measured.elapsed_ns), (12 * clients as u64, (11 * 14 + 4) * MS));
        let passes = measured.passes.expect("there are passes");
        assert_eq!((passes.count, passes.skipped_steps), (4 * clients as u64, 0));
        assert_eq!(passes.response_time, times(&vec![12 * MS; 4 * clients], None), "no pause is in it");
        let [ping, upload] = ["ping", "upload"].map(|name| &measured.calls[name]);
        assert_eq!((ping.counts.ok, upload.counts.ok), (8 * clients as u64, 4 * clients as u64));
        assert_eq!(upload.bytes.payload_up, 40 * clients as u64);
        assert!(measured.untimed.is_none());
    }
}

#[test]
fn a_warm_up_counts_passes_too_and_leaves_none_half_done() {
    let got = simulate(Server::PROMPT, steps(json!({"clients": 2, "warmup": 2, "iterations": 1}))).measured;
    assert_eq!(got.untimed.expect("it warmed up").warmup, 2 * 2 * 3);
    // Of a time the last pass is cut off, and the first that is timed begins at its first step.
    let got = simulate(Server::PROMPT, steps(json!({"warmup_ns": 10 * MS, "iterations": 1}))).measured;
    assert_eq!(got.untimed.expect("it warmed up").warmup, 3);
    let got = simulate(Server::PROMPT, steps(json!({"warmup_ns": 6 * MS, "iterations": 1}))).measured;
    assert_eq!(got.untimed.expect("it warmed up").warmup, 2);
    assert_eq!((got.passes.expect("passes").count, got.calls["upload"].counts.ok), (1, 1));
}

#[test]
fn a_rate_counts_passes_and_their_later_steps_are_due_when_their_pause_has_ended() {
    let more = json!({"clients": 2, "rate": 10.0, "duration_ns": 1_000 * MS, "think": think(10, 10)});
    let got = simulate(Server::PROMPT, steps(more));
    let due: Vec<u64> = (0..10).flat_map(|pass| [0, 14, 28].map(|after| (pass * 100 + after) * MS)).collect();
    assert_eq!(got.sends, due);
    let measured = got.measured;
    assert_eq!(measured.response_time, times(&[4 * MS; 30], None));
    assert_eq!(measured.passes.expect("passes").response_time, times(&[12 * MS; 10], None));
    assert_eq!((measured.counts.ok, measured.elapsed_ns), (30, 1_000 * MS));
    let lateness = measured.generator.lateness.expect("an open loop");
    assert_eq!((lateness.count, lateness.max_ns), (30, 0));
    let counted = json!({"clients": 2, "rate": 10.0, "iterations": 3});
    let got = simulate(Server::PROMPT, steps(counted)).measured;
    assert_eq!((got.counts.ok, got.passes.expect("passes").count), (2 * 3 * 3, 2 * 3));
}

#[test]
fn a_stall_shows_in_the_step_that_met_it_and_in_the_passes_behind_it() {
    let server = Server { stall: (215 * MS + 1, 400 * MS), ..Server::PROMPT };
    let more = json!({"rate": 10.0, "duration_ns": 1_000 * MS, "think": think(10, 10)});
    let got = simulate(server, steps(more));
    let (mut free, mut sends, mut response, mut passes) = (0, Vec::new(), Vec::new(), Vec::new());
    for due in spaced(100 * MS, 10) {
        let (mut sent, mut intended, mut whole) = (due.max(free), due, 0);
        for _ in 0..3 {
            let reply = server.reply(sent, 2 * MS);
            sends.push(sent);
            response.push(reply - intended);
            whole += reply - intended;
            (intended, sent, free) = (reply + 10 * MS, reply + 10 * MS, reply);
        }
        passes.push(whole);
    }
    assert_eq!(got.sends, sends);
    assert_eq!(got.measured.response_time, times(&response, None));
    assert_eq!(got.measured.passes.expect("passes").response_time, times(&passes, None));
    assert!(response.iter().filter(|ns| **ns > 100 * MS).count() > 3, "the passes behind it waited: {response:?}");
}

#[test]
fn the_rest_of_a_pass_is_skipped_and_is_no_call_that_was_due() {
    // The fifth call is the second step of the second pass.
    let server = Server { service: |number| (number != 4).then_some(2 * MS), ..Server::PROMPT };
    for more in [json!({"iterations": 3}), json!({"rate": 1.0, "iterations": 3})] {
        let mut load = steps(more);
        load["timeout_ns"] = (100 * MS).into();
        let got = simulate(server, load).measured;
        let counts = got.counts;
        assert_eq!((counts.scheduled, counts.ok, counts.timeout), (8, 7, 1), "{counts:?}");
        assert_eq!((got.calls["upload"].counts.timeout, got.calls["ping"].counts.ok), (1, 5));
        let passes = got.passes.expect("passes");
        assert_eq!((passes.count, passes.skipped_steps), (2, 1));
        // The third dials anew, for 2 ms.
        assert_eq!(passes.response_time, times(&[12 * MS, 14 * MS, 104 * MS], Some(104 * MS)));
    }
}

#[test]
fn a_time_ends_passes_between_two_steps_and_nobody_pauses_beyond_it() {
    // Calls are sent at 0, 14, 28 … ms.
    let got = simulate(Server::PROMPT, steps(json!({"duration_ns": 60 * MS, "think": think(10, 10)})));
    assert_eq!(got.sends, spaced(14 * MS, 5));
    let passes = got.measured.passes.expect("passes");
    assert_eq!((passes.count, passes.skipped_steps, got.measured.counts.scheduled), (1, 0, 5));
    assert_eq!(got.measured.elapsed_ns, 60 * MS);
}

#[test]
fn pauses_are_drawn_by_the_seed() {
    let sends = |seed: u64| {
        let more = json!({"iterations": 20, "think": think(10, 50), "seed": seed});
        let got = simulate(Server::PROMPT, steps(more));
        assert_eq!(got.measured.response_time, times(&[4 * MS; 60], None));
        got.sends
    };
    let pauses: Vec<u64> = sends(1).windows(2).map(|pair| pair[1] - pair[0] - 4 * MS).collect();
    assert!(pauses.iter().all(|pause| (10 * MS..=50 * MS).contains(pause)), "{pauses:?}");
    let mean = pauses.iter().sum::<u64>() as f64 / pauses.len() as f64 / MS as f64;
    assert!((22.0..38.0).contains(&mean), "{mean} ms");
    assert_eq!(sends(1), sends(1));
    assert_ne!(sends(1), sends(2));
    // A single call has pauses too.
    let more = json!({"iterations": 5, "clients": 2, "think": think(6, 6)});
    assert_eq!(simulate(Server::PROMPT, more).sends, [0, 0, 10, 10, 20, 20, 30, 30, 40, 40].map(|ms| ms * MS));
}

#[test]
fn passes_that_were_never_begun_are_told_by_their_first_steps() {
    let server = Server { service: |_| None, ..Server::PROMPT };
    let open = json!({"clients": 2, "rate": 100.0, "duration_ns": 1_000 * MS, "drain_ns": MS});
    for more in [open, json!({"clients": 2, "duration_ns": 1_000 * MS, "drain_ns": MS})] {
        let got = simulate(server, steps(more)).measured;
        let calls: Counts = got.calls.values().map(|call| call.counts).sum();
        assert_eq!(calls, got.counts);
        assert_eq!((got.counts.censored, got.calls["upload"].counts.scheduled), (got.counts.scheduled, 0));
        let passes = got.passes.expect("passes");
        assert_eq!((passes.count, passes.skipped_steps), (0, 4), "those of the two that were begun");
    }
}

#[test]
fn what_each_client_does_once_is_not_timed() {
    let more = json!({"clients": 3, "before": ["ping", "upload"], "warmup": 1, "iterations": 2});
    let got = simulate(Server::PROMPT, steps(more));
    let untimed = got.measured.untimed.expect("there are untimed calls");
    assert_eq!((untimed.before, untimed.warmup, untimed.ready), (3 * 2, 3 * 3, 0));
    assert_eq!((got.measured.counts.ok, got.sends.len()), (3 * 2 * 3, 18));
    assert_eq!(got.dials, 3, "nobody dials for that");
    let alone = json!({"before": ["ping"], "iterations": 2});
    assert_eq!(simulate(Server::PROMPT, alone).measured.untimed.map(|untimed| untimed.before), Some(1));
}
