//! What CONTRIBUTING says of a new stack, driver, observer and place, done: a file each, and the line that registers it.

mod driver;
mod observer;
mod place;
mod stack;

use std::process::Command;
use std::time::Duration;

use engine::call::FillKind;
use engine::place::child::{Child, Heard};
use engine::place::contract::Place;
use engine::place::messages::Launch;
use engine::place::observer::contract::Observer;
use engine::place::observer::names;
use engine::place::observer::watched::Watched;
use engine::place::site::{End, Site};
use engine::registry::find;
use engine::server::MODELS;
use engine::stack::contract::{Driver, Stack, Wanted};
use engine::stack::driver::native;
use engine::stack::pairing::Pairing;
use engine::transport::TRANSPORTS;
use engine::transport::option::Options;
use serde_json::{Value, json};

static STACKS: &[&dyn Stack] = &[&stack::OneArena];
static DRIVERS: &[&dyn Driver] = &[&driver::OneArena];
static OBSERVERS: &[&dyn Observer] = &[&observer::Written];
static PLACES: &[&dyn Place] = &[&place::Built];

/// The next line of an end.
fn hear(end: &End) -> Value {
    loop {
        match end.hear().expect("it is there") {
            Heard::Line(line) => return serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}")),
            Heard::Nothing => {}
            Heard::End => panic!("{}", end.ended()),
        }
    }
}

#[test]
fn a_stack_is_paired_told_launched_and_measured_at_a_place() {
    let stack = find("stack", STACKS, "one-arena").expect("it is listed");
    let driver = find("driver", DRIVERS, "one-arena").expect("it is listed");
    let transport = find("transport", TRANSPORTS, "tcp").expect("it is listed");
    let model = find("model", MODELS, "threaded").expect("it is listed");
    let pairing = Pairing::of(transport, model, stack, driver).expect("they fit");
    assert_eq!(pairing.to_string(), "tcp-threaded-one-arena");
    assert_eq!(pairing.facts(&Options::default(), 1)["memory"], "one arena");
    let forking = find("model", MODELS, "forking").expect("it is listed");
    let quic = find("transport", TRANSPORTS, "quic").expect("it is listed");
    assert!(
        driver.keeps_schedules().is_ok() && driver.spins().is_err_and(|refusal| refusal.reason.contains("one arena"))
    );
    let refusal = Pairing::of(quic, forking, stack, &native::Native).expect_err("they do not");
    assert!(refusal.reason.contains("datagrams"), "{}", refusal.reason);

    let site = Site::reach(*PLACES.first().expect("it is listed")).expect("it is reached");
    let (options, fill, timeout) = (Options::default(), Some((FillKind::Zeros, 1)), Duration::from_secs(30));
    let wanted = Wanted {
        nonce: "the-token",
        fill,
        timeout,
        options: &options,
        host: std::net::Ipv4Addr::LOCALHOST.into(),
        only: &[],
        cores: 1,
    };
    let launch = |what: &str, command: &Command| {
        site.launch(Launch { what: what.to_owned(), observe: names(false), ..Launch::of(command) }).expect("it starts")
    };
    let server = launch("the server", &stack.command(None, transport, model, &wanted).expect("it needs no kit"));
    let ready = hear(&server);
    assert_eq!(ready["ready"]["nonce"], "the-token");
    let pid = server.sockets().expect("it runs").into_keys().next().expect("one process");
    let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).expect("it can be read");
    assert!(environment.split('\0').any(|variable| variable == "MALLOC_ARENA_MAX=1"));

    let client = launch("the client", &driver.command(None).expect("it needs no kit"));
    let say = |line: Value| client.tell(line.to_string()).expect("it listens");
    say(json!({"assignment": {"version": engine::drive::messages::VERSION, "address": ready["ready"]["address"],
        "transport": "tcp", "nonce": "the-token", "call": "ping", "clients": 2, "iterations": 50,
        "timeout_ns": 30_000_000_000u64, "drain_ns": 30_000_000_000u64}}));
    assert_eq!(hear(&client)["armed"]["clients"], 2);
    let counting = site.begin().expect("the window begins");
    say(json!({"go": {}}));
    while hear(&client).get("done").is_none() {}
    let window = counting.end().expect("it ends");
    say(json!({"report": {}}));
    assert_eq!(hear(&client)["measured"]["counts"]["ok"], 100);
    let spent = &window.ends[&server.id()].spent;
    assert!(spent.cpu_ns.is_some_and(|cpu| cpu > 0) && spent.threads >= Some(1), "{spent:?}");
    client.stop().expect("it ends as it should");
    server.stop().expect("it ends as it should");
}

#[test]
fn an_observer_fills_a_counter_of_its_own_or_says_why_not() {
    let mut command = Command::new("sh");
    command.args(["-c", "read line; printf %05000d 7 >/dev/null; echo done; read line"]);
    let mut shell = Child::start("a shell", command).expect("it starts");
    let observer = OBSERVERS.first().expect("it is listed");
    let mut watched = Watched::attach(shell.pid(), OBSERVERS, &[observer.name().to_owned()]);
    watched.begin();
    shell.tell("go").expect("it listens");
    while shell.hear().expect("it talks") != Heard::Line("done".to_owned()) {}
    let spent = watched.end().spent;
    match observer.able() {
        Ok(()) => assert!((5_005..6_000).contains(&spent.more["written_bytes"]), "{spent:?}"),
        Err(why) => assert_eq!(spent.missing["written_bytes"], why.message()),
    }
    let mut unasked = Watched::attach(shell.pid(), OBSERVERS, &[]);
    unasked.begin();
    let spent = unasked.end().spent;
    assert_eq!(spent.missing["written_bytes"], "not counted, since `--written` was not given");
    assert!(spent.more.is_empty());
}
