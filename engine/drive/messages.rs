//! The lines between a run and its client process.

use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use crate::call::own::grpc::Proto;
use crate::call::own::{OwnCall, Table};
use crate::drive::samples::condense;
use crate::drive::setup_error::SetupErrorClass;
use crate::error::{self, Context, Error};
use crate::key::load::Load;
use crate::key::part::Part;
use crate::lack::Lack;
use crate::results::Measured;
use crate::transport::http1::POOL;
use crate::transport::option::{OptionValue, Options};
use crate::transport::tls::Verification;
use crate::units::ns;

/// The version of these lines.
pub const VERSION: u32 = 1;

/// What a client process is to do, in full: whom it dials, and the load, whose keys stand beside in the same object.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Assignment {
    /// Whom the calls are made to, and how.
    #[serde(flatten)]
    pub end: End,
    /// What is asked.
    #[serde(flatten)]
    pub load: Load,
}

/// Whom a client process dials.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct End {
    /// The version of these lines.
    pub version: u32,
    /// Where the server listens.
    pub address: String,
    /// The name of the transport.
    pub transport: String,
    /// The options of the target.
    #[serde(default)]
    pub options: Options,
    /// The token that the server must answer with; none where a server was launched by hand.
    #[serde(default)]
    pub nonce: Option<String>,
    /// The certificate by which the server is verified (PEM), where the target speaks TLS.
    #[serde(default)]
    pub ca: Option<String>,
    /// The calls of the user's own that the load names, and no others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<OwnCall>,
    /// From where the messages of calls of gRPC are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proto: Option<Proto>,
    /// Rows of files that those calls name columns of.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub data: Vec<Table>,
    /// By what call a server of the user's own is known to be ready, before clients connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ready: Option<Ready>,
    /// True for a server of the user's own, which answers no call of ours.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own: bool,
    /// How a server of the user's own is known in TLS, in place of `ca`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// The cores that it may run on; all where none are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pin: Vec<usize>,
    /// Which part of a load it makes, where other client processes make the others: `clients` are those of its part
    /// alone, and of a rate, which is that of all, it makes every so-manyth call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub part: Option<Part>,
    /// How long it sleeps once its first calls are sent, so that the others which share its cores begin as well.
    #[serde(rename = "gives_way_ns", with = "ns", default, skip_serializing_if = "Duration::is_zero")]
    pub gives_way: Duration,
}

/// A call that is asked until it is answered as expected.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ready {
    /// Its name, among the calls of the user's own.
    pub call: String,
    /// How long that may take.
    #[serde(rename = "within_ns", with = "ns")]
    pub within: Duration,
}

impl Assignment {
    /// The assignment that asks for `load`.
    ///
    /// `ca` is the certificate by which the server is verified, where it speaks TLS; `calls` are those of the user's own
    /// that the load names.
    pub fn of(
        load: &Load,
        transport: &str,
        options: &Options,
        address: &str,
        nonce: Option<&str>,
        ca: Option<&str>,
        calls: &[OwnCall],
    ) -> Self {
        let end = End {
            version: VERSION,
            address: address.to_owned(),
            transport: transport.to_owned(),
            options: options.clone(),
            nonce: nonce.map(str::to_owned),
            ca: ca.map(str::to_owned),
            calls: calls.to_vec(),
            proto: None,
            data: Vec::new(),
            ready: None,
            own: false,
            verification: None,
            pin: Vec::new(),
            part: None,
            gives_way: Duration::ZERO,
        };
        Assignment { end, load: load.clone() }
    }

    /// The same of a part of a load, whose own clients it names already: of the connections that all share it has its share.
    pub fn as_part(mut self, part: Option<Part>) -> Self {
        if let (Some(part), Some(OptionValue::Count(pool))) = (part, self.end.options.0.get_mut(POOL.name)) {
            *pool = part.share(*pool);
        }
        self.end.part = part;
        self
    }
}

impl<'de> Deserialize<'de> for Assignment {
    /// Each key is one of the end or one of the load; any other is refused, which a flattened type could not do.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const OF_END: [&str; 15] = [
            "version",
            "address",
            "transport",
            "options",
            "nonce",
            "ca",
            "calls",
            "proto",
            "data",
            "ready",
            "own",
            "verification",
            "pin",
            "part",
            "gives_way_ns",
        ];
        let keys = Map::<String, Value>::deserialize(deserializer)?;
        let (end, load): (Map<String, Value>, Map<String, Value>) =
            keys.into_iter().partition(|(name, _)| OF_END.contains(&name.as_str()));
        let of = |keys| Value::Object(keys);
        Ok(Assignment {
            end: serde_json::from_value(of(end)).map_err(serde::de::Error::custom)?,
            load: serde_json::from_value(of(load)).map_err(serde::de::Error::custom)?,
        })
    }
}

/// A line to the client process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ToDrive {
    /// What to do. Connect and warm up, then say `armed`.
    Assignment(Box<Assignment>),
    /// Begin to measure.
    Go {
        /// When: at this moment of the machine's monotonic clock, in nanoseconds; at once where none is named, or it has
        /// passed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at_ns: Option<u64>,
    },
    /// Say what was measured.
    Report {},
}

/// How far a trial has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    /// Calls that have ended.
    pub ended: u64,
    /// The median of their response times so far in nanoseconds, exact to one sixteenth; none where too few have ended,
    /// or the client does not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ns: Option<u64>,
    /// The 99th percentile likewise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ns: Option<u64>,
}

/// A line from the client process; parsed from text, it may hold times in place of each distribution.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FromDrive {
    /// Every client is connected and warmed up.
    Armed {
        /// How many.
        clients: u32,
    },
    /// How far it has come, at most once a second.
    Progress(Progress),
    /// The last call is settled.
    Done {
        /// When the first could begin, in nanoseconds of this machine's monotonic clock; none where it is not told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        began_ns: Option<u64>,
    },
    /// What was measured.
    Measured(Box<Measured>),
    /// It cannot be measured.
    Failed {
        /// In which way.
        class: SetupErrorClass,
        /// What happened, in words.
        reason: String,
        /// What the client's own machine lacked, where that is why: then it is not the server's failure.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        lacks: Option<Lack>,
    },
}

impl FromStr for FromDrive {
    type Err = Error;

    fn from_str(line: &str) -> error::Result<Self> {
        let doing = "the client process said something that is not one of its lines";
        let mut line: Value = serde_json::from_str(line).doing(doing)?;
        condense(&mut line)?;
        serde_json::from_value(line).doing(doing)
    }
}
