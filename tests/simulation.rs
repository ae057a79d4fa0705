//! The rules of an event loop as exact figures: its load runs on a simulated clock and simulated sockets.

mod simulated;

use engine::call::{Arrivals, CallRequest};
use engine::drive::schedule::{Limit, RateProfile, RateStep, Schedule};
use engine::results::Counts;
use engine::results::distribution::{Distribution, empty};
use serde_json::json;
use simulated::{MS, Server, simulate, spaced};

/// The distribution of exactly these times, of which the shortest given up took so long.
fn times(exact: &[u64], given_up: Option<u64>) -> Distribution {
    let mut all = empty();
    exact.iter().for_each(|ns| all.saturating_record(*ns));
    Distribution::of(&all, given_up)
}

/// When calls that are due at these times are sent by so many clients, and when their replies come: whoever is free first
/// takes the next one.
fn queue(server: &Server, due: &[u64], clients: usize, service: u64) -> Vec<(u64, u64)> {
    let mut free = vec![0; clients];
    due.iter()
        .map(|due| {
            let first = free.iter_mut().min().expect("a client");
            let sent = *first.max(&mut due.clone());
            *first = server.reply(sent, service);
            (sent, *first)
        })
        .collect()
}

#[test]
fn calls_are_timed_from_when_they_were_due_through_a_stall() {
    let server = Server { stall: (1_000 * MS + 1, 1_500 * MS), ..Server::PROMPT };
    for clients in [1, 2, 10] {
        let more = json!({"clients": clients, "rate": 100.0, "duration_ns": 5_000 * MS});
        let got = simulate(server, more);
        let due = spaced(10 * MS, 500);
        let calls = queue(&server, &due, clients, 2 * MS);
        assert_eq!(got.sends, calls.iter().map(|(sent, _)| *sent).collect::<Vec<_>>());
        let since = |from: &dyn Fn(usize) -> u64| (0..500).map(|k| calls[k].1 - from(k)).collect::<Vec<_>>();
        let (response, service) = (since(&|k| due[k]), since(&|k| calls[k].0));
        assert_eq!(got.measured.response_time, times(&response, None), "{clients} clients");
        assert_eq!(*got.measured.service(), times(&service, None), "{clients} clients");
        assert_eq!((got.measured.counts.ok, got.measured.counts.scheduled), (500, 500));
        // The longest waits for all of the stall; of those that are behind it each waits less than the one before.
        assert!(response.iter().max().is_some_and(|most| *most > 1_480 * MS));
        let lateness = got.measured.generator.lateness.expect("an open loop");
        assert_eq!((lateness.count, lateness.max_ns), (500, 0), "the generator was never late");
        assert_eq!(got.measured.elapsed_ns, 5_000 * MS);
    }
}

#[test]
fn a_slow_call_of_a_mix_shows_its_time_and_the_others_nothing_of_it() {
    let server =
        Server { more: |asked| if matches!(asked, CallRequest::Upload(_)) { 20 * MS } else { 0 }, ..Server::PROMPT };
    for clients in [2, 5] {
        let mix = json!([{"call": "ping", "weight": 3}, {"call": "upload", "weight": 1}]);
        let more =
            json!({"call": "ping", "mix": mix, "payload": 10, "clients": clients, "warmup": 7, "iterations": 200});
        let got = simulate(server, more).measured;
        let [ping, upload] = ["ping", "upload"].map(|name| &got.calls[name]);
        for (call, ns) in [(ping, 4 * MS), (upload, 24 * MS)] {
            let exact = vec![ns; call.counts.ok as usize];
            assert_eq!(call.response_time, times(&exact, None), "{clients} clients");
            assert!(call.counts.conserved() && call.counts.ok > 20);
        }
        assert_eq!((ping.bytes.payload_up, upload.bytes.payload_up), (0, 10 * upload.counts.ok));
        assert_eq!(ping.counts.scheduled + upload.counts.scheduled, got.counts.scheduled);
        assert_eq!((got.counts.scheduled, got.untimed.expect("it warmed up").warmup), (200 * clients, 7 * clients));
    }
}

#[test]
fn a_stall_shows_in_every_call_of_a_mix() {
    let server = Server { stall: (1_000 * MS + 1, 1_500 * MS), ..Server::PROMPT };
    let mix = json!([{"call": "ping", "weight": 50}, {"call": "echo", "weight": 30}, {"call": "upload", "weight": 20}]);
    let more = json!({"mix": mix, "payload": 1, "clients": 10, "rate": 200.0, "duration_ns": 5_000 * MS});
    let got = simulate(server, more).measured;
    assert_eq!(got.calls.values().map(|call| call.counts.ok).sum::<u64>(), 1_000);
    for (name, call) in &got.calls {
        // Of 1,000 calls 300 were due in the stall: in each name's thirtieth percentile from the top.
        assert!(call.response_time.p99_ns > 1_300 * MS, "{name}: {:?}", call.response_time);
        assert!(call.response_time.p50_ns < 10 * MS, "{name}: {:?}", call.response_time);
    }
}

#[test]
fn what_a_mix_never_sent_has_names_too_and_the_counts_sum() {
    let server = Server { service: |_| None, ..Server::PROMPT };
    let mix = json!([{"call": "ping", "weight": 1}, {"call": "upload", "weight": 1}]);
    let more =
        json!({"mix": mix, "payload": 1, "clients": 2, "rate": 100.0, "duration_ns": 1_000 * MS, "drain_ns": MS});
    for more in [more, json!({"mix": mix, "payload": 1, "clients": 2, "duration_ns": 1_000 * MS, "drain_ns": MS})] {
        let got = simulate(server, more).measured;
        let calls: Counts = got.calls.values().map(|call| call.counts).sum();
        assert_eq!(calls, got.counts);
        assert_eq!((got.counts.censored, got.counts.ok), (got.counts.scheduled, 0));
        assert!(got.calls.values().all(|call| call.counts.conserved()));
    }
}

#[test]
fn a_warm_up_by_time_ends_when_it_is_over_and_numbers_go_on() {
    let server = Server::PROMPT;
    // Each call takes 4 ms: in 100 ms each client makes 25.
    let got = simulate(server, json!({"clients": 2, "warmup_ns": 100 * MS, "iterations": 10})).measured;
    assert_eq!((got.untimed.expect("it warmed up").warmup, got.counts.ok), (50, 20));
    // A payload in three calls: what the warm-up cut off is not gone on with.
    let split = json!({"call": "upload", "payload": 10, "chunk": 4, "split": "calls"});
    let mut more = json!({"clients": 2, "warmup_ns": 10 * MS, "iterations": 1});
    more.as_object_mut().expect("an object").extend(split.as_object().expect("an object").clone());
    assert_eq!(simulate(server, more).measured.bytes.payload_up, 20);
}

#[test]
fn more_calls_than_clients_wait_in_one_queue_and_none_is_dropped() {
    let server = Server::PROMPT;
    let got = simulate(server, json!({"clients": 3, "rate": 1_000.0, "iterations": 100}));
    // Each client is busy for 4 ms with a call: the queue grows by a quarter of a call each millisecond.
    let due = spaced(MS, 300);
    let calls = queue(&server, &due, 3, 2 * MS);
    let response: Vec<u64> = calls.iter().zip(&due).map(|((_, reply), due)| reply - due).collect();
    assert_eq!(response[299], 402 * MS - 299 * MS, "the last client begins at 2 ms, and makes 100 calls");
    assert_eq!(got.measured.response_time, times(&response, None));
    assert_eq!(*got.measured.service(), times(&[4 * MS; 300], None));
    assert_eq!(got.measured.counts.ok, 300);
    assert_eq!(got.measured.elapsed_ns, 402 * MS);
}

#[test]
fn a_time_out_counts_from_the_send_and_its_new_connection_is_charged_to_the_next_call() {
    let server = Server { service: |number| (number != 1).then_some(2 * MS), ..Server::PROMPT };
    let more = json!({"rate": 1_000.0, "iterations": 4, "timeout_ns": 100 * MS});
    let got = simulate(server, more);
    // 0 is sent at once; 1 when that is back, and is given up 100 ms later; 2 dials for 2 ms before it is sent.
    assert_eq!(got.sends, [0, 4 * MS, 106 * MS, 110 * MS]);
    let response = [4 * MS, 104 * MS - MS, 110 * MS - 2 * MS, 114 * MS - 3 * MS];
    assert_eq!(got.measured.response_time, times(&response, Some(103 * MS)));
    assert_eq!(*got.measured.service(), times(&[4 * MS, 100 * MS, 4 * MS, 4 * MS], Some(100 * MS)));
    let counts = &got.measured.counts;
    assert_eq!((counts.ok, counts.timeout, got.measured.reconnects, got.dials), (3, 1, 1, 2));
    assert_eq!((got.measured.dials, got.measured.dial_ns), (Some(1), Some(2 * MS)));
}

#[test]
fn a_time_out_counts_from_the_first_dial_where_a_call_dials() {
    // Warming up opens no connection for a connect: its first dial is number 0 and takes long, its second never ends.
    let dial = |number| [Some(60 * MS), None, Some(2 * MS)][number as usize];
    for service in [|_| Some(50 * MS), |_| Some(30 * MS)] as [fn(u64) -> Option<u64>; 2] {
        let server = Server { dial, service, ..Server::PROMPT };
        let more = json!({"call": "connect", "iterations": 3, "timeout_ns": 100 * MS, "clients": 1});
        let got = simulate(server, more);
        let whole = 60 * MS + MS + service(0).expect("it answers") + MS;
        // 60 ms of dialling are part of the 100 that the call may take.
        let first = whole.min(100 * MS);
        let last = 2 * MS + 2 * MS + service(2).expect("it answers");
        assert_eq!(got.measured.response_time, times(&[first, 100 * MS, last], Some(100 * MS)));
        let late = u64::from(whole > 100 * MS);
        let counts = &got.measured.counts;
        assert_eq!((counts.timeout, counts.ok, got.measured.dials), (1 + late, 2 - late, Some(3)));
        let parts = got.measured.connect.expect("connecting was measured");
        let dials = if late == 1 { vec![2 * MS] } else { vec![60 * MS, 2 * MS] };
        assert_eq!(parts.dial, times(&dials, None));
    }
}

#[test]
fn a_reply_that_is_read_after_the_time_out_is_a_time_out_whenever_it_came() {
    for (transport, options, reconnects) in [("tcp", json!({}), 1), ("http1", json!({}), 1), ("http2", json!({}), 0)] {
        for (held_up, late) in [((3 * MS, 97 * MS), 0), ((3 * MS, 97 * MS + 1), 1)] {
            // The reply to the first call is there after 4 ms, or later, and is read when the client goes on.
            let server = Server { held_up, ..Server::PROMPT };
            let more = json!({"transport": transport, "options": options, "iterations": 3, "timeout_ns": 100 * MS});
            let got = simulate(server, more);
            let counts = &got.measured.counts;
            assert_eq!((counts.ok, counts.timeout), (3 - late, late), "{transport} {held_up:?}");
            assert_eq!(got.measured.reconnects, late * reconnects, "{transport}: no late reply is ever matched");
            assert_eq!(got.measured.response_time.max_ns, times(&[100 * MS + late], None).max_ns, "{transport}");
        }
    }
}

#[test]
fn a_pool_holds_for_calls_that_dial_too() {
    for (options, response) in [
        (json!({}), vec![6 * MS; 6]),
        // One connection at a time: each waits until the other client's has closed.
        (json!({"pool": 1}), vec![6 * MS, 12 * MS, 12 * MS, 12 * MS, 12 * MS, 12 * MS]),
    ] {
        let more = json!({
            "transport": "http1", "call": "connect", "clients": 2, "iterations": 3, "options": options
        });
        let got = simulate(Server::PROMPT, more);
        assert_eq!(got.measured.response_time, times(&response, None), "{options}");
        assert_eq!((got.measured.counts.ok, got.measured.dials), (6, Some(6)), "{options}");
    }
}

#[test]
fn draining_counts_from_the_end_of_the_window_and_censors_what_is_left() {
    // From the 90th call on nobody is answered any more.
    let server = Server { service: |number| (number < 90).then_some(2 * MS), ..Server::PROMPT };
    let more = json!({"clients": 2, "rate": 100.0, "duration_ns": 1_000 * MS, "drain_ns": 200 * MS});
    let got = simulate(server, more);
    let counts = &got.measured.counts;
    assert_eq!((counts.scheduled, counts.ok, counts.timeout, counts.censored), (100, 90, 0, 10));
    assert_eq!(got.measured.elapsed_ns, 1_200 * MS);
    let mut response = vec![4 * MS; 90];
    response.extend((90..100).map(|k| 1_200 * MS - k * 10 * MS));
    assert_eq!(got.measured.response_time, times(&response, Some(210 * MS)));
    // Two were sent; the others never were, and have no service time.
    let service = [vec![4 * MS; 90], vec![300 * MS, 290 * MS]].concat();
    assert_eq!(*got.measured.service(), times(&service, Some(290 * MS)));
    assert_eq!(got.measured.generator.unsent, Some(0), "no client was free to send them");
}

#[test]
fn a_closed_loop_begins_calls_until_its_time_is_over_and_settles_the_last() {
    let server = Server { service: |_| Some(5 * MS), ..Server::PROMPT };
    let got = simulate(server, json!({"clients": 3, "duration_ns": 100 * MS, "warmup": 2}));
    // A call takes 7 ms: the 15th of each client begins at 98 ms and ends at 105.
    assert_eq!((got.measured.counts.ok, got.measured.elapsed_ns), (45, 105 * MS));
    assert_eq!(got.measured.response_time, times(&[7 * MS; 45], None));
    assert_eq!(got.sends.len(), 45);
    assert_eq!(got.measured.dials, Some(0), "connections were opened before");
    // What is unanswered when draining ends is censored, at the age that it has then.
    let silent = Server { service: |number| (number < 2).then_some(5 * MS), ..Server::PROMPT };
    let got = simulate(silent, json!({"clients": 2, "duration_ns": 100 * MS, "drain_ns": 50 * MS}));
    assert_eq!((got.measured.counts.ok, got.measured.counts.censored), (2, 2));
    assert_eq!(got.measured.response_time, times(&[7 * MS, 7 * MS, 143 * MS, 143 * MS], Some(143 * MS)));
}

#[test]
fn who_shares_a_core_gives_way_once_its_first_calls_are_sent() {
    let server = Server { service: |_| Some(5 * MS), ..Server::PROMPT };
    let got = simulate(server, json!({"clients": 3, "duration_ns": 24 * MS, "gives_way_ns": 10 * MS}));
    // What was answered meanwhile is read after it; the calls of then take their 7 ms.
    let sent = [0, 10, 17].map(|at| [at * MS; 3]).concat();
    assert_eq!(got.sends, sent);
    let took = [10, 7, 7].map(|took| [took * MS; 3]).concat();
    assert_eq!(got.measured.response_time, times(&took, None));
}

#[test]
fn a_call_on_a_connection_that_was_closing_is_asked_again_on_a_new_one() {
    // A reply is 10 ms on its way. The server closes 5 ms after every third, before the next call arrives, and the client
    // hears of that 5 ms after it has sent that call. A handshake of TLS takes one more turn.
    for (tls, handshake) in [(false, 0), (true, 20 * MS)] {
        let closes = Some((3, 5 * MS));
        let server = Server { latency: 10 * MS, dial: |_| Some(20 * MS), closes, tls, ..Server::PROMPT };
        let got = simulate(server, json!({"iterations": 10}));
        let (call, again) = (22 * MS, 5 * MS + 20 * MS + handshake + 22 * MS);
        let exact: Vec<u64> = (0..10).map(|k| if k > 0 && k % 3 == 0 { again } else { call }).collect();
        assert_eq!(got.measured.response_time, times(&exact, None), "tls={tls}");
        assert_eq!((got.measured.counts.ok, got.measured.resent, got.measured.counts.error.connect), (10, 3, 0));
        assert_eq!((got.measured.dials, got.measured.elapsed_ns), (Some(3), exact.iter().sum()));
        assert_eq!(got.measured.dial_ns, Some(3 * (20 * MS + handshake)));

        // One that had arrived before the close was taken: it fails, and is not asked twice.
        let (closes, service) = (Some((3, 25 * MS)), |number| (number != 3).then_some(2 * MS));
        let got = simulate(Server { closes, service, ..server }, json!({"iterations": 4}));
        assert_eq!((got.measured.counts.ok, got.measured.counts.error.connect, got.measured.resent), (3, 1, 0));
    }
}

#[test]
fn a_connection_that_was_closed_while_nobody_called_costs_a_dial_and_no_call() {
    let server = Server { closes: Some((1, MS)), ..Server::PROMPT };
    let got = simulate(server, json!({"rate": 100.0, "iterations": 5}));
    // Each call but the first dials for 2 ms.
    let response = [4 * MS, 6 * MS, 6 * MS, 6 * MS, 6 * MS];
    assert_eq!(got.measured.response_time, times(&response, None));
    assert_eq!(*got.measured.service(), times(&[4 * MS; 5], None));
    assert_eq!((got.measured.counts.ok, got.measured.resent, got.measured.dials), (5, 0, Some(4)));
}

#[test]
fn poisson_arrivals_are_sent_when_their_seed_says() {
    for seed in [1, 7] {
        let more =
            json!({"clients": 200, "rate": 1_000.0, "arrivals": "poisson", "seed": seed, "duration_ns": 1_000 * MS});
        let got = simulate(Server::PROMPT, more);
        let profile = RateProfile {
            steps: vec![RateStep::held(1_000.0, u64::MAX)],
            arrivals: Arrivals::Poisson,
            seed,
            part: None,
        };
        let mut schedule = Schedule::new(&profile, Limit::Time(1_000 * MS));
        let due: Vec<u64> = std::iter::from_fn(|| schedule.pop()).collect();
        assert_eq!(got.sends, due);
        assert_eq!(got.measured.response_time, times(&vec![4 * MS; due.len()], None));
    }
}

#[test]
fn a_ramp_sends_each_rate_for_its_time() {
    let ramp = json!([{"rate": 10.0, "for_ns": 500 * MS}, {"rate": 100.0, "for_ns": 500 * MS}]);
    let got = simulate(Server::PROMPT, json!({"clients": 8, "ramp": ramp, "duration_ns": 1_000 * MS}));
    let steps = [spaced(100 * MS, 5), spaced(10 * MS, 50).iter().map(|due| 500 * MS + due).collect()].concat();
    assert_eq!(got.sends, steps);
    assert_eq!(got.measured.counts.ok, 55);
}

#[test]
fn calls_that_share_a_connection_overlap_on_it() {
    let more = json!({"transport": "http2", "options": {"streams": 4}, "clients": 8, "iterations": 5});
    let server = Server { service: |_| Some(0), ..Server::PROMPT };
    let got = simulate(server, more);
    assert_eq!((got.dials, got.measured.counts.ok), (2, 40));
    assert_eq!(got.measured.response_time, times(&[2 * MS; 40], None));
    assert_eq!(got.measured.elapsed_ns, 10 * MS);
}
