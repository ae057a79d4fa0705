//! Sizes and times as users write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number of bytes, written with its unit: `1.5MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

/// A length of time, written with its unit: `250ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub Duration);

const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("GB", 1_000_000_000),
    ("MB", 1_000_000),
    ("KB", 1_000),
    ("B", 1),
];

const TIMES: [(&str, u64); 7] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

fn quantity(text: &str, units: &[(&str, u64)], example: &str) -> Result<u64, String> {
    let text = text.trim();
    let digits = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = (&text[..digits], text[digits..].trim());
    let known = || units.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    if number.is_empty() {
        return Err(format!("`{text}` does not start with a number; write it like `{example}`"));
    }
    if unit.is_empty() {
        return Err(format!("`{text}` has no unit; write it like `{example}` (units: {})", known()));
    }
    let Some((_, factor)) = units.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("unknown unit `{unit}` in `{text}`; known: {}", known()));
    };
    let number: f64 = number.parse().map_err(|_| format!("`{number}` is not a number"))?;
    let exact = number * *factor as f64;
    if !(exact.is_finite() && exact < 9e18) {
        return Err(format!("`{text}` is too large"));
    }
    if (exact - exact.round()).abs() > 1e-6 {
        return Err(format!(
            "`{text}` is not a whole number of {}",
            units.iter().find(|u| u.1 == 1).map_or("units", |u| u.0)
        ));
    }
    Ok(exact.round() as u64)
}

/// The largest unit in which the value needs at most two decimals.
fn written(value: u64, units: &[(&str, u64)]) -> String {
    for (name, factor) in units {
        if value >= *factor && value.saturating_mul(100).is_multiple_of(*factor) {
            let hundredths = value as u128 * 100 / *factor as u128;
            let (whole, rest) = (hundredths / 100, hundredths % 100);
            return match rest {
                0 => format!("{whole}{name}"),
                rest if rest % 10 == 0 => format!("{whole}.{}{name}", rest / 10),
                rest => format!("{whole}.{rest:02}{name}"),
            };
        }
    }
    format!("{value}{}", units.iter().find(|u| u.1 == 1).map_or("", |u| u.0))
}

impl FromStr for Size {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        quantity(text, &SIZES, "64KiB").map(Size)
    }
}

impl FromStr for Time {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        quantity(text, &TIMES, "30s").map(|ns| Time(Duration::from_nanos(ns)))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&written(self.0, &SIZES))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DOWN: [(&str, u64); 4] = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000), ("ns", 1)];
        f.pad(&written(self.0.as_nanos() as u64, &DOWN))
    }
}

impl Size {
    /// The number of bytes.
    pub fn bytes(self) -> u64 {
        self.0
    }
}

impl Time {
    /// The number of nanoseconds.
    pub fn ns(self) -> u64 {
        self.0.as_nanos() as u64
    }
}

/// A value that is written as text with a unit, in YAML and JSON alike.
macro_rules! as_text {
    ($type:ident, $pattern:literal, $about:literal, $example:literal) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
        impl JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }
            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({"type": "string", "pattern": $pattern, "description": $about, "examples": [$example]})
            }
        }
    };
}

as_text!(
    Size,
    r"^[0-9]+(\.[0-9]+)? ?(B|KB|KiB|MB|MiB|GB|GiB)$",
    "A number of bytes with its unit: B, KB, KiB, MB, MiB, GB, GiB.",
    "64KiB"
);
as_text!(
    Time,
    r"^[0-9]+(\.[0-9]+)? ?(ns|us|µs|ms|s|m|h)$",
    "A length of time with its unit: ns, us, ms, s, m, h.",
    "30s"
);

#[cfg(test)]
mod tests {
    use super::{Size, Time};

    #[test]
    fn sizes_and_times_are_read_and_written_back() {
        for (text, bytes) in
            [("0B", 0), ("1.5MiB", 1_572_864), ("64KiB", 65_536), ("3KB", 3_000), ("500MiB", 524_288_000)]
        {
            let size: Size = text.parse().expect(text);
            assert_eq!(size.bytes(), bytes);
            assert_eq!(size.to_string().parse::<Size>().expect("round trip"), size);
        }
        assert_eq!(Size(65_535).to_string(), "65535B");
        assert_eq!(Size(1_572_864).to_string(), "1.5MiB");
        assert_eq!("2h".parse::<Time>().expect("hours").ns(), 7_200_000_000_000);
        assert_eq!("1.5s".parse::<Time>().expect("seconds").to_string(), "1.5s");
        assert_eq!("250us".parse::<Time>().expect("micro").to_string(), "250us");
    }

    #[test]
    fn a_bare_number_and_a_strange_unit_are_mistakes() {
        assert!("64".parse::<Size>().expect_err("bare").contains("no unit"));
        assert!("64KB/s".parse::<Size>().expect_err("strange").contains("unknown unit"));
        assert!("1.0001KiB".parse::<Size>().expect_err("fraction").contains("whole number of B"));
        assert!("fast".parse::<Time>().expect_err("word").contains("start with a number"));
    }
}
