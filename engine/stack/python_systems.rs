//! The list of real Python servers: RPyC's own, Werkzeug's and gunicorn's, all with the reference suite's service.

use std::process::Command;

use crate::call::Word;
use crate::registry::find;
use crate::server::ballast::{self, BALLAST};
use crate::server::workers::workers;
use crate::stack::contract::Wanted;
use crate::stack::environment::Environment;
use crate::transport::TRANSPORTS;
use crate::transport::contract::Facts;
use crate::transport::option::Options;
use crate::transport::terms::{Congestion, Connection, Terms};

/// Every system; a new one is its lines here.
pub static SYSTEMS: &[&System] =
    &[&RPYC_THREADED, &RPYC_FORKING, &RPYC_POOLED, &WERKZEUG, &GUNICORN_SYNC, &GUNICORN_GTHREAD];

/// The system that serves `transport` under the model `server`, if there is one.
pub fn system(transport: &str, server: &str) -> Option<&'static System> {
    SYSTEMS.iter().copied().find(|system| system.transport == transport && system.server == server)
}

/// The transports that they serve, in words.
pub(crate) fn speaks() -> String {
    let mut transports: Vec<&str> = SYSTEMS.iter().map(|system| system.transport).collect();
    transports.dedup();
    transports.join(" and ")
}

/// One server class under one server model.
#[derive(Debug)]
pub struct System {
    name: &'static str,
    about: &'static str,
    transport: &'static str,
    server: &'static str,
    program: &'static str,
    connection: Connection,
    counts_workers: bool,
}

const RPYC: System = System {
    name: "",
    about: "",
    transport: "rpyc",
    server: "",
    program: "serve_rpyc.py",
    connection: Connection::Kept,
    counts_workers: false,
};

const HTTP: System = System { transport: "http1", program: "serve_http.py", ..RPYC };

/// RPyC's ThreadedServer.
pub static RPYC_THREADED: System = System {
    name: "rpyc ThreadedServer",
    about: "RPyC's server with a thread for each connection",
    server: "threaded",
    ..RPYC
};

/// RPyC's ForkingServer.
pub static RPYC_FORKING: System = System {
    name: "rpyc ForkingServer",
    about: "RPyC's server with a process for each connection",
    server: "forking",
    ..RPYC
};

/// RPyC's ThreadPoolServer.
pub static RPYC_POOLED: System = System {
    name: "rpyc ThreadPoolServer",
    about: "RPyC's server that lends a connection with bytes to a worker thread, and polls it again at most 100 ms later",
    server: "pooled",
    counts_workers: true,
    ..RPYC
};

/// Flask on Werkzeug's development server.
pub static WERKZEUG: System = System {
    name: "Flask on Werkzeug",
    about: "the development server of the reference suite, with a thread for each connection",
    server: "threaded",
    connection: Connection::Closed,
    ..HTTP
};

/// Flask on gunicorn's sync workers.
pub static GUNICORN_SYNC: System = System {
    name: "Flask on gunicorn sync",
    about: "gunicorn with worker processes that serve one request at a time",
    server: "preforked",
    connection: Connection::Closed,
    counts_workers: true,
    ..HTTP
};

/// Flask on gunicorn's gthread worker.
pub static GUNICORN_GTHREAD: System = System {
    name: "Flask on gunicorn gthread",
    about: "gunicorn with one process that polls and lends a connection with bytes to a thread",
    server: "pooled",
    connection: Connection::KeptFor(2_000_000_000),
    counts_workers: true,
    ..HTTP
};

impl System {
    /// What it is called.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The transport that it speaks, by its word.
    pub fn transport(&self) -> &'static str {
        self.transport
    }

    /// The server model that it is, by its word.
    pub fn server(&self) -> &'static str {
        self.server
    }

    /// On what terms it serves calls, with these options and on so many cores.
    pub fn terms(&self, options: &Options, cores: u64) -> Terms {
        // What its transport is in any hands, but for the options that say how a native end keeps connections.
        let of_transport =
            find("transport", TRANSPORTS, self.transport).map(|it| it.terms(options)).unwrap_or_default();
        Terms {
            encrypted: of_transport.encrypted,
            compressed: of_transport.compressed,
            keep_alive: of_transport.keep_alive.filter(|kept| !kept),
            connection: Some(self.connection),
            // How it has small segments is part of what it is.
            nodelay: None,
            congestion: Some(Congestion::Kernel),
            workers: self.counts_workers.then(|| workers(options, cores)),
            ballast: ballast::held(options),
        }
    }

    /// What else a reader has to know of it; the ready line adds the versions.
    pub fn facts(&self) -> Facts {
        [("system", self.name), ("serves", self.about)].map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// The process to launch.
    pub fn command(&self, environment: &Environment, wanted: &Wanted<'_>) -> Command {
        let cores = wanted.cores as u64;
        let mut facts = self.terms(wanted.options, cores).words();
        facts.extend(self.facts());
        let mut command = environment.command(self.program);
        command
            .args(["--model", self.server, "--nonce", wanted.nonce])
            .arg(format!("--host={}", wanted.host))
            .arg(format!("--workers={}", workers(wanted.options, cores)))
            .arg(format!("--timeout={}", wanted.timeout.as_secs_f64()))
            .arg(format!("--ballast={}", wanted.options.size(BALLAST.name).unwrap_or(0)))
            .arg(format!("--options={}", serde_json::json!(wanted.options)))
            .arg(format!("--facts={}", serde_json::json!(facts)));
        if let Some((kind, seed)) = wanted.fill {
            command.args(["--fill", kind.word()]).arg(format!("--seed={seed}"));
        }
        command
    }
}

#[cfg(test)]
mod tests {
    use super::{SYSTEMS, speaks};

    #[test]
    fn no_two_systems_share_a_pair_or_a_name() {
        for (i, a) in SYSTEMS.iter().enumerate() {
            for b in &SYSTEMS[..i] {
                assert_ne!((a.transport(), a.server()), (b.transport(), b.server()));
                assert_ne!(a.name(), b.name());
            }
        }
        assert_eq!(speaks(), "rpyc and http1");
    }
}
