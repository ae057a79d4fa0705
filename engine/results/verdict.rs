//! Whether the figures of a record can be trusted, and why not.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::results::machine::Interference;

/// Whether the figures of a record can be trusted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Verdict {
    /// The judgement.
    pub state: State,
    /// What led to it.
    pub reasons: Vec<Reason>,
}

/// The judgement over a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Nothing speaks against it.
    Valid,
    /// It was limited by something other than the target.
    Suspect,
    /// It does not show what it claims to.
    Invalid,
}

/// What led to a verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reason {
    /// Of which kind it is: by this a program decides.
    pub kind: ReasonKind,
    /// What happened, for readers.
    pub text: String,
}

/// The kinds of reasons that lead to a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReasonKind {
    /// Processes that are not of the run used cores of an end.
    Interference,
    /// The network between both ends was not as it was asked to be.
    Link,
    /// The client process could do no more, so that calls and bytes a second are lower bounds.
    Client,
    /// Both ends could do no more.
    BothEnds,
    /// An open loop did not send when it said that it would.
    Schedule,
    /// The client process was held up.
    HeldUp,
    /// The hypervisor gave the machine's time to others.
    Stolen,
    /// No call came due, or a call is not accounted for.
    Accounts,
    /// Replies had the wrong content.
    Corrupt,
    /// The client's machine ran out of something.
    Lack,
    /// The rate that was searched is only a lower bound.
    Search,
    /// What results of an older engine say, who did not tell kinds apart.
    Other,
}

impl Verdict {
    /// Nothing speaks against it.
    pub fn valid() -> Self {
        Verdict { state: State::Valid, reasons: Vec::new() }
    }

    /// All that led to it, in one sentence; empty where nothing did.
    pub fn sentence(&self) -> String {
        self.reasons.iter().map(|reason| reason.text.as_str()).collect::<Vec<_>>().join("; ")
    }

    /// True where a reason of that kind led to it.
    pub fn is_for(&self, kind: ReasonKind) -> bool {
        self.reasons.iter().any(|reason| reason.kind == kind)
    }
}

impl Reason {
    /// A reason of that kind, in words.
    pub fn new(kind: ReasonKind, text: impl Into<String>) -> Self {
        Reason { kind, text: text.into() }
    }
}

/// How those sentences of older results begin by which something is decided.
const OLDER: [(&str, ReasonKind); 2] =
    [(Interference::SAYS, ReasonKind::Interference), ("the client's machine ran out of", ReasonKind::Lack)];

impl<'de> Deserialize<'de> for Reason {
    /// Older results have the sentence alone.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Told { kind: ReasonKind, text: String },
            Sentence(String),
        }
        Ok(match Written::deserialize(deserializer)? {
            Written::Told { kind, text } => Reason { kind, text },
            Written::Sentence(text) => {
                let known = OLDER.iter().find(|(begins, _)| text.starts_with(begins));
                Reason { kind: known.map_or(ReasonKind::Other, |(_, kind)| *kind), text }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{Reason, ReasonKind};

    #[test]
    fn a_reason_is_read_with_its_kind_or_as_the_sentence_that_older_results_have() {
        let told = Reason::new(ReasonKind::BothEnds, "both ends were busy");
        let json = serde_json::to_string(&told).expect("JSON");
        assert_eq!(json, r#"{"kind":"both-ends","text":"both ends were busy"}"#);
        assert_eq!(serde_json::from_str::<Reason>(&json).expect("a reason"), told);
        let of = |text: &str| serde_json::from_value::<Reason>(text.into()).expect("a sentence").kind;
        assert_eq!(of("other processes used 6 % of the cores of an end"), ReasonKind::Interference);
        assert_eq!(of("generator-bound"), ReasonKind::Other);
    }
}
