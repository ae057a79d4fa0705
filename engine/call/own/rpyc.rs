//! A call of the user's own as a method of an RPyC service's root.

use serde::{Deserialize, Serialize};

use crate::call::ask::Own;
use crate::call::own::form::Form;
use crate::call::own::text::Text;

/// A method that is asked of the root, with its arguments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RpycCall {
    /// The method, without the prefix by which services expose it.
    pub method: String,
    /// Its arguments by their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<Argument>,
    /// Its arguments by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kwargs: Vec<(String, Argument)>,
}

/// A value that travels as a value, and not as a reference.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Argument {
    /// `None`.
    None,
    /// `True` or `False`.
    Flag(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A text.
    Text(Text),
    /// So many bytes.
    Bytes(u64),
    /// A tuple.
    Tuple(Vec<Argument>),
}

impl RpycCall {
    /// Shows each of its texts, with how a value is written there.
    pub(super) fn texts(&mut self, see: &mut dyn FnMut(&mut Text, Form)) {
        let values = self.args.iter_mut().chain(self.kwargs.iter_mut().map(|(_, value)| value));
        values.for_each(|value| value.texts(see));
    }

    /// How many bytes of text and of payload go up in that call.
    pub fn len(&self, own: Own) -> u64 {
        self.args.iter().chain(self.kwargs.iter().map(|(_, value)| value)).map(|value| value.len(own)).sum()
    }
}

impl Argument {
    fn texts(&mut self, see: &mut dyn FnMut(&mut Text, Form)) {
        match self {
            Argument::Text(text) => see(text, Form::Plain),
            Argument::Tuple(items) => items.iter_mut().for_each(|item| item.texts(see)),
            Argument::None | Argument::Flag(_) | Argument::Int(_) | Argument::Float(_) | Argument::Bytes(_) => {}
        }
    }

    fn len(&self, own: Own) -> u64 {
        match self {
            Argument::Text(text) => text.len(own) as u64,
            Argument::Bytes(len) => *len,
            Argument::Tuple(items) => items.iter().map(|item| item.len(own)).sum(),
            Argument::None | Argument::Flag(_) | Argument::Int(_) | Argument::Float(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::RpycCall;
    use crate::call::ask::Own;

    #[test]
    fn arguments_are_told_as_json_and_read_back() {
        let told = serde_json::json!({
            "method": "store", "args": ["none", {"flag": true}, {"int": -7}, {"float": 0.5}, {"text": "k${client}"}],
            "kwargs": [["data", {"bytes": 100}], ["pair", {"tuple": [{"text": "ab"}]}]]
        });
        let call: RpycCall = serde_json::from_value(told.clone()).expect("a call");
        assert_eq!(serde_json::json!(call), told);
        assert_eq!(call.len(Own { call: 0, client: 12, number: 0 }), 105);
    }
}
