//! How dear the user's own calls are to the generator, beside the calls that are built in.

use std::rc::Rc;

use engine::error::Result;
use serde_json::{Value, json};

use crate::generator::{WINDOW_S, figures};
use crate::measure::Goal::AtLeast;
use crate::measure::{CALLS_PER_CPU_SECOND, Claim, Comparison, Side};
use crate::ours::{Server, asked, drive};
use crate::processes::{CLIENTS, SERVERS};

/// How many clients there are, on one thread.
const AT_ONCE: usize = 10;

/// A static request, and a mix of four of which one differs from call to call.
pub(crate) fn comparisons() -> Vec<Comparison> {
    vec![Comparison {
        group: "The generator",
        name: format!("own calls, http1, {AT_ONCE} clients"),
        about: format!(
            "{AT_ONCE} clients of one epoll loop ask our own async server for pings, for {WINDOW_S} s: by the call that is \
             built in, by a call of their own with the same request, and by a mix of four, one of which has the number of the \
             call in its path."
        ),
        claims: vec![
            Claim::ratio(CALLS_PER_CPU_SECOND, "own call", "built in", AtLeast(0.97)),
            Claim::ratio(CALLS_PER_CPU_SECOND, "mix of four", "built in", AtLeast(0.9)),
        ],
        stage: Box::new(|| {
            let server = Rc::new(Server::launch("http1", "async", &[], SERVERS)?);
            let get = |name: &str, path: &str| json!({"name": name, "http": {"method": "GET", "path": path}});
            let calls = [
                get("plain", "/ping"),
                get("one", "/ping?of=1"),
                get("two", "/ping?of=2"),
                get("numbered", "/ping?of=${number}"),
            ];
            let mix: Vec<Value> = calls.iter().map(|call| json!({"call": call["name"], "weight": 1})).collect();
            Ok(vec![
                side("built in", server.clone(), json!({"nonce": server.ready.nonce})),
                side("own call", server.clone(), json!({"calls": [calls[0].clone()], "call": "plain"})),
                side("mix of four", server, json!({"calls": calls, "call": "plain", "mix": mix})),
            ])
        }),
    }]
}

fn side(name: &'static str, server: Rc<Server>, more: Value) -> Side {
    Side::new(name, move || -> Result<_> {
        let mut more = more.clone();
        more["clients"] = AT_ONCE.into();
        more["duration_ns"] = (WINDOW_S * 1_000_000_000).into();
        // As a load does that says nothing of it: the first reply of each client is looked at.
        more["verify"] = "length".into();
        Ok(figures(&drive(asked("http1", &server.ready.address, more)?, CLIENTS)?))
    })
}
