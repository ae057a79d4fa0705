//! A call of the user's own as a request of HTTP.

use serde::{Deserialize, Serialize};

use crate::call::ask::Own;
use crate::call::own::encoded;
use crate::call::own::form::Form;
use crate::call::own::text::Text;

/// A request of HTTP, in whichever version.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpCall {
    /// Its method, such as `GET`.
    pub method: String,
    /// Its target: a path from the root, with a query perhaps.
    pub path: Text,
    /// Its fields, as they are written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(String, Text)>,
    /// Its body.
    #[serde(default)]
    pub body: HttpBody,
    /// The statuses of a reply that is right; any that begins with 2 where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub status: Vec<u16>,
}

/// The body of a request.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HttpBody {
    /// There is none.
    #[default]
    None,
    /// This text.
    Text(Text),
    /// This text, which is JSON.
    Json(Text),
    /// The bytes of a file, in base64.
    File(#[serde(with = "encoded")] bytes::Bytes),
    /// So many bytes of the workload's fill.
    Fill(u64),
}

impl HttpCall {
    /// The value of the field of that name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&Text> {
        self.headers.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// True where the request differs from call to call.
    pub fn varies(&self) -> bool {
        let body = if let HttpBody::Text(text) | HttpBody::Json(text) = &self.body { text.varies() } else { false };
        body || self.path.varies() || self.headers.iter().any(|(_, value)| value.varies())
    }

    /// Shows each of its texts, with how a value is written there.
    pub(super) fn texts(&mut self, see: &mut dyn FnMut(&mut Text, Form)) {
        see(&mut self.path, Form::Target);
        self.headers.iter_mut().for_each(|(_, value)| see(value, Form::Field));
        match &mut self.body {
            HttpBody::Text(text) => see(text, Form::Plain),
            HttpBody::Json(text) => see(text, Form::Json),
            HttpBody::None | HttpBody::File(_) | HttpBody::Fill(_) => {}
        }
    }

    /// How many bytes its body has in that call; none where it has no body.
    pub fn body_len(&self, own: Own) -> Option<u64> {
        match &self.body {
            HttpBody::None => None,
            HttpBody::Text(text) | HttpBody::Json(text) => Some(text.len(own) as u64),
            HttpBody::File(bytes) => Some(bytes.len() as u64),
            HttpBody::Fill(len) => Some(*len),
        }
    }

    /// Whether a reply with that status is right.
    pub fn takes(&self, status: u16) -> bool {
        if self.status.is_empty() { (200..300).contains(&status) } else { self.status.contains(&status) }
    }
}

#[cfg(test)]
mod tests {
    use super::{HttpBody, HttpCall};
    use crate::call::ask::Own;

    #[test]
    fn a_request_is_told_as_json_and_read_back() {
        let told = serde_json::json!({
            "method": "POST", "path": "/a/${number}", "headers": [["Accept", "text/plain"]],
            "body": {"file": "AAEC"}, "status": [200, 201]
        });
        let call: HttpCall = serde_json::from_value(told.clone()).expect("a request");
        assert_eq!(serde_json::json!(call), told);
        assert_eq!(call.body, HttpBody::File(bytes::Bytes::from_static(&[0, 1, 2])));
        assert_eq!(call.body_len(Own { call: 0, client: 0, number: 0 }), Some(3));
        assert!(call.varies() && call.header("accept").is_some());
        assert!(call.takes(201) && !call.takes(204) && !call.takes(302));
    }
}
