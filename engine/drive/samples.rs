//! Times as a driver in another language sends them: each one, in place of a histogram.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::error::{Context, Error, Result};
use crate::results::distribution::{Distribution, LONGEST_NS, empty};

/// Replaces every `{"samples_ns": …, "given_up_ns": …}` in `line` by the distribution of its times.
///
/// Both are base64 of unsigned 64-bit numbers, lowest byte first: how long answered calls took, and how long
/// calls had lasted when they were given up. `given_up_ns` may be absent.
pub fn condense(line: &mut Value) -> Result<()> {
    let Value::Object(fields) = line else { return Ok(()) };
    let Some(answered) = fields.get("samples_ns") else {
        return fields.values_mut().try_for_each(condense);
    };
    let given_up = times(fields.get("given_up_ns").unwrap_or(&Value::Null))?;
    let mut all = empty();
    for ns in times(answered)?.iter().chain(&given_up) {
        all.saturating_record((*ns).clamp(1, LONGEST_NS));
    }
    *line = json!(Distribution::of(&all, given_up.iter().min().copied()));
    Ok(())
}

fn times(field: &Value) -> Result<Vec<u64>> {
    let doing = "reading the times of a client process";
    let bytes = STANDARD.decode(field.as_str().unwrap_or_default()).doing(doing)?;
    let (whole, rest) = bytes.as_chunks::<8>();
    if !rest.is_empty() {
        return Err(Error::failed(format!("{doing}: {} bytes are not whole numbers of 8", bytes.len())));
    }
    Ok(whole.iter().map(|bytes| u64::from_le_bytes(*bytes)).collect())
}

#[cfg(test)]
mod tests {
    use super::condense;
    use crate::results::distribution::Distribution;
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    fn text(times: &[u64]) -> String {
        STANDARD.encode(times.iter().flat_map(|ns| ns.to_le_bytes()).collect::<Vec<u8>>())
    }

    #[test]
    fn times_become_the_distribution_that_has_them() {
        let mut line = json!({"measured": {"counts": {"ok": 3}, "response_time": {
            "samples_ns": text(&[1000, 2000, 3000]), "given_up_ns": text(&[9000])
        }}});
        condense(&mut line).expect("it has whole numbers");
        assert_eq!(line["measured"]["counts"]["ok"], 3);
        let got: Distribution =
            serde_json::from_value(line["measured"]["response_time"].take()).expect("a distribution");
        assert_eq!((got.count, got.min_ns, got.at_least_from), (4, 1000, Some(0.75)));
        assert_eq!(got.histogram().expect("it can be read").len(), 4);
    }

    #[test]
    fn half_a_number_and_no_base64_are_refused() {
        for wrong in [STANDARD.encode([1, 2, 3]), "?".to_owned()] {
            assert!(condense(&mut json!({"samples_ns": wrong})).is_err());
        }
    }
}
