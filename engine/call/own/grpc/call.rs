//! A call of gRPC, as a client process is told it.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::call::own::form::Form;
use crate::call::own::grpc::code::Code;
use crate::call::own::grpc::compiled::Compiled;
use crate::call::own::grpc::descriptors::Descriptors;
use crate::call::own::grpc::fault::Fault;
use crate::call::own::text::Text;

/// A method of a service of gRPC, with its message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GrpcCall {
    /// The full name of the service, such as `shop.v1.Orders`.
    pub service: String,
    /// The name of the method.
    pub method: String,
    /// The message, as JSON (the mapping of proto3); its texts may have words in `${…}`.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub message: Map<String, Value>,
    /// Fields beside it, as they are written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metadata: Vec<(String, Text)>,
    /// The codes of a reply that is right; [`Code::Ok`] where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<Code>,
    /// The same ready to be sent; none until [`GrpcCall::compile`].
    #[serde(skip)]
    pub compiled: Option<Arc<Compiled>>,
}

impl GrpcCall {
    /// Makes it ready to be sent, by what descriptors say of its method and messages.
    pub fn compile(&mut self, descriptors: &Descriptors) -> Result<(), Fault> {
        self.compiled = Some(Arc::new(Compiled::of(&self.service, &self.method, &self.message, descriptors)?));
        Ok(())
    }

    /// Shows each of its texts, with how a value is written there; those of its message as they stand there where it is not
    /// ready to be sent.
    pub fn texts(&mut self, see: &mut dyn FnMut(&mut Text, Form)) {
        self.metadata.iter_mut().for_each(|(_, value)| see(value, Form::Field));
        match self.compiled.as_mut().map(Arc::get_mut) {
            Some(Some(compiled)) => compiled.texts(&mut |text| see(text, Form::Plain)),
            _ => self.message.values().for_each(|value| of_json(value, see)),
        }
    }

    /// Why it cannot be asked by those descriptors, whatever its message is; none where it can.
    pub fn unknown(&self, descriptors: &Descriptors) -> Option<Fault> {
        descriptors.method(&self.service, &self.method).err()
    }

    /// Whether a reply with that code is right.
    pub fn takes(&self, code: Code) -> bool {
        if self.status.is_empty() { code == Code::Ok } else { self.status.contains(&code) }
    }
}

/// Shows each text of a value.
fn of_json(value: &Value, see: &mut dyn FnMut(&mut Text, Form)) {
    match value {
        Value::String(text) => {
            if let Ok(mut text) = Text::cut(text) {
                see(&mut text, Form::Plain);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| of_json(item, see)),
        Value::Object(map) => map.values().for_each(|value| of_json(value, see)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::GrpcCall;
    use crate::call::own::grpc::code::Code;

    #[test]
    fn a_call_is_told_as_json_and_read_back() {
        let told = serde_json::json!({
            "service": "shop.v1.Orders", "method": "Place", "message": {"note": "from ${client}", "lines": [{"sku": "a"}]},
            "metadata": [["x-tenant", "t-${client}"]], "status": ["OK", "NOT_FOUND"]
        });
        let call: GrpcCall = serde_json::from_value(told.clone()).expect("a call");
        assert_eq!(serde_json::json!(call), told);
        assert!(call.takes(Code::NotFound) && !call.takes(Code::Internal));
    }
}
