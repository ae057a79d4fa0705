//! A call of gRPC ready to be sent, and what is known of its reply.

use bytes::Bytes;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use serde_json::{Map, Value};

use crate::call::ask::Own;
use crate::call::own::grpc::descriptors::Descriptors;
use crate::call::own::grpc::fault::{Fault, Place};
use crate::call::own::grpc::parts::Parts;
use crate::call::own::text::Text;

/// A call ready to be sent. A message in which nothing differs is bytes once.
#[derive(Debug, PartialEq)]
pub struct Compiled {
    /// The path of its method.
    path: String,
    /// Whether its reply may be several messages, or none.
    streams: bool,
    sent: Sent,
    reply: MessageDescriptor,
}

#[derive(Debug, PartialEq)]
enum Sent {
    Fixed(Bytes),
    Parts(Parts),
}

/// Before each message: whether it is compressed, and its length in four bytes (gRPC over HTTP2, "Length-Prefixed-Message").
const PREFIX: usize = 5;

fn put_prefix(len: usize, out: &mut Vec<u8>) {
    out.push(0);
    out.extend_from_slice(&(len as u32).to_be_bytes());
}

impl Compiled {
    /// That method asked with that message, or why it cannot be.
    pub(super) fn of(
        service: &str,
        method: &str,
        message: &Map<String, Value>,
        descriptors: &Descriptors,
    ) -> Result<Self, Fault> {
        let known = descriptors.method(service, method)?;
        let parts = Parts::of(&known.input(), message)?;
        let own = Own { call: 0, client: 0, number: 0 };
        if u32::try_from(parts.len(own)).is_err() {
            return Err(Fault::at(Place::Value(Vec::new()), "it is longer than a message of gRPC may be"));
        }
        let sent = match parts.varies() {
            true => Sent::Parts(parts),
            false => {
                let mut bytes = Vec::new();
                put_prefix(parts.len(own), &mut bytes);
                parts.put(own, &mut bytes);
                Sent::Fixed(bytes.into())
            }
        };
        let path = format!("/{service}/{method}");
        Ok(Compiled { path, streams: known.is_server_streaming(), sent, reply: known.output() })
    }

    /// Shows each text of its message.
    pub(super) fn texts(&mut self, see: &mut dyn FnMut(&mut Text)) {
        if let Sent::Parts(parts) = &mut self.sent {
            parts.texts(see);
        }
    }

    /// The path of its method.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether its reply may be several messages, or none.
    pub fn streams(&self) -> bool {
        self.streams
    }

    /// All that is sent in each call, with what stands before the message; none where it differs from call to call.
    pub fn fixed(&self) -> Option<&Bytes> {
        match &self.sent {
            Sent::Fixed(bytes) => Some(bytes),
            Sent::Parts(_) => None,
        }
    }

    /// Appends all that is sent in that call.
    pub fn put(&self, own: Own, out: &mut Vec<u8>) {
        match &self.sent {
            Sent::Fixed(bytes) => out.extend_from_slice(bytes),
            Sent::Parts(parts) => {
                put_prefix(parts.len(own), out);
                parts.put(own, out);
            }
        }
    }

    /// How many bytes its message has in that call.
    pub fn len(&self, own: Own) -> usize {
        match &self.sent {
            Sent::Fixed(bytes) => bytes.len() - PREFIX,
            Sent::Parts(parts) => parts.len(own),
        }
    }

    /// A message of its reply as JSON (the mapping of proto3), without spaces; none where it is no such message.
    pub fn as_json(&self, message: &[u8]) -> Option<String> {
        let message = DynamicMessage::decode(self.reply.clone(), message).ok()?;
        serde_json::to_string(&message).ok()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use prost::Message;
    use prost_reflect::DynamicMessage;
    use serde_json::{Value, json};

    use super::Compiled;
    use crate::call::ask::Own;
    use crate::call::own::grpc::descriptors::Descriptors;

    fn shop() -> Descriptors {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/systems/proto");
        let set = protox::compile(["shop/v1/orders.proto"], [folder]).expect("it compiles");
        Descriptors::of(set.encode_to_vec().into()).expect("it fits together")
    }

    fn compiled(method: &str, message: &Value) -> Result<Compiled, String> {
        let message = message.as_object().expect("a map");
        Compiled::of("shop.v1.Orders", method, message, &shop()).map_err(|fault| fault.to_string())
    }

    /// The message as its own library writes it.
    fn right(method: &str, message: &Value) -> Vec<u8> {
        let method = shop().method("shop.v1.Orders", method).expect("a method");
        DynamicMessage::deserialize(method.input(), message.clone()).expect("a message").encode_to_vec()
    }

    #[test]
    fn what_differs_is_written_with_all_lengths_around_it() {
        let long = "x".repeat(120);
        let written = json!({
            "note": format!("{long} ${{unique}}"), "items": [{"sku": "a"}, {"sku": "k${number}", "quantity": 2}],
            "labels": {"who": "of ${client}"}, "state": "STATE_OPEN", "due": "2024-01-31T12:00:00Z", "card": "$${1}",
            "sizes": [1, 300], "before": {"note": "n", "before": {"note": "${client}", "quantity": -1}}
        });
        let compiled = compiled("Place", &written).expect("a call");
        assert!(compiled.fixed().is_none() && !compiled.streams() && compiled.path() == "/shop.v1.Orders/Place");
        let mut last = Vec::new();
        for (client, number) in [(0, 0), (12, 1_000_000), (7, u64::MAX)] {
            let own = Own { call: 0, client, number };
            let filled = json!({
                "note": format!("{long} {client}-{number}"),
                "items": [{"sku": "a"}, {"sku": format!("k{number}"), "quantity": 2}],
                "labels": {"who": format!("of {client}")}, "state": "STATE_OPEN", "due": "2024-01-31T12:00:00Z",
                "card": "${1}", "sizes": [1, 300],
                "before": {"note": "n", "before": {"note": client.to_string(), "quantity": -1}}
            });
            let right = right("Place", &filled);
            let mut out = Vec::new();
            compiled.put(own, &mut out);
            assert_eq!(
                (&out[..5], &out[5..]),
                (&[&[0], &(right.len() as u32).to_be_bytes()[..]].concat()[..], &right[..])
            );
            assert_eq!(compiled.len(own), right.len());
            assert_ne!(last, out);
            last = out;
        }
    }

    #[test]
    fn what_never_differs_is_bytes_once() {
        let message = json!({"note": "a", "token": "AAEC"});
        let call = compiled("Place", &message).expect("a call");
        let bytes = call.fixed().expect("bytes");
        assert_eq!((bytes[0], &bytes[5..]), (0, &right("Place", &message)[..]));
        assert!(compiled("List", &json!({})).expect("a call").streams());
        // A field of bytes is base64, but where it differs from call to call, and then it is sent as it stands.
        let mut out = Vec::new();
        compiled("Place", &json!({"token": "t${number}"}))
            .expect("a call")
            .put(Own { call: 0, client: 0, number: 4 }, &mut out);
        assert_eq!(out, b"\0\0\0\0\x04\x22\x02t4");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_without_its_value() {
        for (message, told) in [
            (json!({"notes": 1}), "message.notes: `shop.v1.Order` has no field `notes`; did you mean `note`?"),
            (json!({"note": 17}), "message.note: `note` takes text, not a whole number"),
            (json!({"quantity": "s3cret"}), "message.quantity: `quantity` takes a whole number of 32 bits, not text"),
            (json!({"quantity": 5_000_000_000_u64}), "message.quantity: `quantity` takes a whole number of 32 bits"),
            (
                json!({"quantity": 1.5}),
                "message.quantity: `quantity` takes a whole number of 32 bits, not a number with a fraction",
            ),
            (json!({"items": {"sku": "a"}}), "message.items: `items` takes a list, not a map"),
            (
                json!({"items": [{"sku": "a"}, 3]}),
                "message.items[1]: `items` takes a map with the fields of `shop.v1.Item`, not a whole number",
            ),
            (json!({"labels": {"a": 1}}), "message.labels.a: `a` takes text, not a whole number"),
            (
                json!({"state": "STATE_PAYD"}),
                "message.state: `shop.v1.State` has no such word for `state`; did you mean `STATE_PAID`?",
            ),
            (json!({"token": "?"}), "message.token: `token` takes bytes in base64, not text"),
            (json!({"due": "s3cret"}), "message.due: `due` takes a time such as `2024-01-31T12:00:00Z`, not text"),
            (
                json!({"before": {"before": {"card": 1}}}),
                "message.before.before.card: `card` takes text, not a whole number",
            ),
            (
                json!({"quantity": "${number}"}),
                "message.quantity: what differs from call to call may stand in a field of text or of bytes only",
            ),
            (
                json!({"due": "${number}"}),
                "message.due: what differs from call to call may stand in a field of text or of bytes only",
            ),
        ] {
            assert_eq!(compiled("Place", &message).err().as_deref(), Some(told), "{message}");
        }
        let both = compiled("Place", &json!({"card": "s3cret", "iban": "s3cret"})).expect_err("one of them only");
        assert!(both.contains("oneof") && both.contains("pay") && !both.contains("s3cret"), "{both}");
        for (method, told) in [
            ("Plaice", "`shop.v1.Orders` has no method `Plaice`; did you mean `Place`?"),
            (
                "Upload",
                "`shop.v1.Orders/Upload` cannot be asked: the client streams its messages; a call sends one message; its reply may be a stream",
            ),
            (
                "Chat",
                "`shop.v1.Orders/Chat` cannot be asked: both sides stream their messages; a call sends one message; its reply may be a stream",
            ),
        ] {
            assert_eq!(compiled(method, &json!({})).err().as_deref(), Some(told));
        }
    }

    #[test]
    fn a_reply_is_told_as_json() {
        let call = compiled("Place", &json!({})).expect("a call");
        assert_eq!(call.as_json(b"\x0a\x02o1\x10\x02").as_deref(), Some("{\"id\":\"o1\",\"state\":\"STATE_PAID\"}"));
        assert_eq!(call.as_json(b"\x0a\x7f"), None);
    }
}
