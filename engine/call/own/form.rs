//! How a value is written where it stands: as it is, in a text of JSON, in the target of a request, in a field of one.

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Anywhere: as it is.
    Plain,
    /// Inside a text of JSON: escaped (RFC 8259, 7).
    Json,
    /// In the path or the query of a request: what cannot stand there is percent-encoded (RFC 3986, 2.1), and what divides
    /// a path or a query is left as it is.
    Target,
    /// In a field of a request, which is one line.
    Field,
}

impl Form {
    /// Whether such a value can stand there.
    pub fn admits(self, value: &[u8]) -> bool {
        let line = |byte: &u8| (*byte >= b' ' || *byte == b'\t') && *byte != 0x7f;
        self != Form::Field || value.iter().all(line)
    }

    /// How many bytes it takes there.
    pub fn len(self, value: &[u8]) -> usize {
        value.iter().map(|byte| self.width(*byte)).sum()
    }

    fn width(self, byte: u8) -> usize {
        match (self, byte) {
            (Form::Json, b'"' | b'\\') => 2,
            (Form::Json, 0..b' ') => 6,
            (Form::Target, byte) if !stands_in_a_target(byte) => 3,
            _ => 1,
        }
    }

    /// Writes it there.
    pub fn put(self, value: &[u8], out: &mut Vec<u8>) {
        const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
        if matches!(self, Form::Plain | Form::Field) {
            out.extend_from_slice(value);
            return;
        }
        for byte in value.iter().copied() {
            let (high, low) = (DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]);
            match (self, self.width(byte)) {
                (_, 1) => out.push(byte),
                (Form::Target, _) => out.extend_from_slice(&[b'%', high, low]),
                (_, 2) => out.extend_from_slice(&[b'\\', byte]),
                _ => out.extend_from_slice(&[b'\\', b'u', b'0', b'0', high, low]),
            }
        }
    }
}

/// Whether a byte stands in a path or a query as it is.
fn stands_in_a_target(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&byte)
}

#[cfg(test)]
mod tests {
    use super::Form;

    #[test]
    fn a_value_is_written_as_its_place_wants_it() {
        let value = "a \"b\"\\\n/é?x=1#%41";
        for (form, written) in [
            (Form::Plain, value),
            (Form::Field, value),
            (Form::Json, "a \\\"b\\\"\\\\\\u000A/é?x=1#%41"),
            (Form::Target, "a%20%22b%22%5C%0A/%C3%A9?x=1%23%41"),
        ] {
            let mut out = Vec::new();
            form.put(value.as_bytes(), &mut out);
            assert_eq!(String::from_utf8(out).expect("text"), written);
            assert_eq!(form.len(value.as_bytes()), written.len(), "{form:?}");
        }
        let again: String = serde_json::from_str("\"a \\\"b\\\"\\\\\\u000A/é?x=1#%41\"").expect("JSON");
        assert_eq!(again, value);
        assert!(Form::Json.admits(b"\n") && !Form::Field.admits(b"a\r\nb") && Form::Field.admits(b"a\tb"));
    }
}
