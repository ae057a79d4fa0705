//! Sizes and times as users write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::ParseError;

/// A number of bytes, written with its unit: `1.5MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

/// The most clients or trials: beyond that a machine runs out of ports, and a reader out of patience.
pub const MOST_CLIENTS: u64 = 100_000;

/// The most calls that each client can be asked for.
pub const MOST_CALLS: u64 = 1_000_000_000_000;

/// The largest whole number of any kind: up to it every reader of YAML and JSON keeps each of them.
pub const MOST: u64 = (1 << 53) - 1;

/// A length of time, written with its unit: `250ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub Duration);

/// A share of all, written in hundredths: `0.1%`; billionths of the whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Share(pub u64);

/// How many bits a network carries in a second, written with its unit in powers of ten: `100Mbit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BitRate(pub u64);

/// A unit: its name, how many of the smallest unit it is, and how many decimals a number of it may have, so that each
/// number that can be written is a number of its own.
type Unit = (&'static str, u64, usize);

const SIZES: [Unit; 7] = [
    ("GiB", 1 << 30, 9),
    ("MiB", 1 << 20, 6),
    ("KiB", 1 << 10, 3),
    ("GB", 1_000_000_000, 9),
    ("MB", 1_000_000, 6),
    ("KB", 1_000, 3),
    ("B", 1, 0),
];

const TIMES: [Unit; 7] = [
    ("ns", 1, 0),
    ("us", 1_000, 3),
    ("µs", 1_000, 3),
    ("ms", 1_000_000, 6),
    ("s", 1_000_000_000, 9),
    ("m", 60_000_000_000, 9),
    ("h", 3_600_000_000_000, 9),
];

const SHARES: [Unit; 1] = [("%", Share::WHOLE / 100, 7)];

const BIT_RATES: [Unit; 4] = [("Gbit", 1_000_000_000, 9), ("Mbit", 1_000_000, 6), ("kbit", 1_000, 3), ("bit", 1, 0)];

/// The largest quantity that can be written at all, in its smallest unit.
const LARGEST: u64 = 9_000_000_000_000_000_000;

fn quantity(text: &str, units: &[Unit], example: &str) -> Result<u64, ParseError> {
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].strip_prefix(' ').unwrap_or(&text[end..]));
    let known = || units.iter().map(|(name, ..)| *name).collect::<Vec<_>>().join(", ");
    if number.is_empty() {
        let what = format!("`{text}` does not start with a number");
        return Err(ParseError::new(what).help(format!("write it like `{example}`")));
    }
    if unit.is_empty() {
        let help = format!("write it like `{example}` (units: {})", known());
        return Err(ParseError::new(format!("`{text}` has no unit")).help(help));
    }
    let Some((name, factor, most)) = units.iter().find(|(name, ..)| *name == unit) else {
        let what = format!("unknown unit `{unit}` in `{text}`");
        return Err(ParseError::new(what).help(format!("known: {}", known())));
    };
    let (whole, decimals) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(decimals) {
        let what = format!("`{number}` is not a number");
        return Err(ParseError::new(what).help(format!("write it like `{example}`")));
    }
    let decimals = decimals.trim_end_matches('0');
    if decimals.len() > *most {
        let allowed = match most {
            0 => format!("{name} is counted in whole numbers"),
            most => format!("a number of {name} has at most {most}"),
        };
        return Err(ParseError::new(format!("`{text}` has too many decimals")).help(allowed));
    }
    let large = || ParseError::new(format!("`{text}` is too large")).help("nothing here takes that much");
    let scale = 10u128.pow(decimals.len() as u32);
    let tenths: u128 = format!("{whole}{decimals}").parse().map_err(|_| large())?;
    // A thousandth of a KiB is not a whole number of bytes: the nearest one is meant.
    let exact = tenths.checked_mul(u128::from(*factor)).ok_or_else(large)?;
    let rounded = (exact + scale / 2) / scale;
    if exact > u128::from(LARGEST) * scale { Err(large()) } else { Ok(rounded as u64) }
}

/// A pattern that the text of every quantity up to `most` matches, and no other.
fn pattern(units: &[Unit], most: u64) -> String {
    let of_unit = |(name, factor, decimals): &Unit| {
        let whole = (most / factor).to_string();
        // As many digits of the rest as a number of this unit may have.
        let rest = u128::from(most % factor) * 10u128.pow(*decimals as u32) / u128::from(*factor);
        let rest = format!("{rest:0decimals$}");
        let any = if *decimals == 0 { r"(\.0+)?".to_owned() } else { format!(r"(\.[0-9]{{1,{decimals}}}0*)?") };
        let none = rest.bytes().all(|digit| digit == b'0');
        let least = if none { r"(\.0+)?".to_owned() } else { format!(r"(\.({})0*)?", up_to(&rest)) };
        format!("0*({}{any}|{whole}{least}) ?{name}", less(&whole))
    };
    units.iter().map(of_unit).collect::<Vec<_>>().join("|")
}

/// A pattern of the whole numbers below `limit`, none with a zero in front but zero itself.
fn less(limit: &str) -> String {
    let mut cases = Vec::new();
    if limit.len() > 1 {
        cases.push(format!("[0-9]{{1,{}}}", limit.len() - 1));
    }
    for (at, digit) in limit.bytes().enumerate().filter(|(_, digit)| *digit > b'0') {
        cases.push(format!("{}[0-{}][0-9]{{{}}}", &limit[..at], char::from(digit - 1), limit.len() - at - 1));
    }
    format!("({})", cases.join("|"))
}

/// A pattern of the decimals that are at most `limit`; fewer digits mean zeros behind them.
fn up_to(limit: &str) -> String {
    let mut cases = Vec::new();
    for (at, digit) in limit.bytes().enumerate() {
        if digit > b'0' {
            cases.push(format!("{}[0-{}][0-9]{{0,{}}}", &limit[..at], char::from(digit - 1), limit.len() - at - 1));
        }
        cases.push(limit[..=at].to_owned());
    }
    cases.join("|")
}

/// The largest unit in which the value needs at most two decimals.
fn written(value: u64, units: &[Unit]) -> String {
    for (name, factor, _) in units {
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
    format!("{value}{}", units.iter().find(|unit| unit.1 == 1).map_or("", |unit| unit.0))
}

impl FromStr for Size {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        quantity(text, &SIZES, "64KiB").map(Size)
    }
}

impl FromStr for Time {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        quantity(text, &TIMES, "30s").map(|ns| Time(Duration::from_nanos(ns)))
    }
}

impl FromStr for Share {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        quantity(text, &SHARES, "0.1%").map(Share)
    }
}

impl FromStr for BitRate {
    type Err = ParseError;
    fn from_str(text: &str) -> Result<Self, ParseError> {
        quantity(text, &BIT_RATES, "100Mbit").map(BitRate)
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}%", self.fraction() * 100.0))
    }
}

impl fmt::Display for BitRate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&written(self.0, &BIT_RATES))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&written(self.0, &SIZES))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DOWN: [Unit; 4] = [("s", 1_000_000_000, 9), ("ms", 1_000_000, 6), ("us", 1_000, 3), ("ns", 1, 0)];
        f.pad(&written(self.0.as_nanos() as u64, &DOWN))
    }
}

impl Size {
    /// The largest body that a scenario can ask for: what a server takes in at most.
    pub const MOST: Size = Size(1 << 32);

    /// A pattern of the text of every size, however large.
    pub(crate) fn any() -> String {
        pattern(&SIZES, LARGEST)
    }

    /// A pattern of the text of every size up to that one.
    pub(crate) fn up_to(most: Size) -> String {
        pattern(&SIZES, most.0)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }
}

impl Time {
    /// The longest time that a scenario can ask for: a run that waits longer than a day for anything will not be
    /// waited for.
    pub const MOST: Time = Time(Duration::from_secs(24 * 3600));

    /// A pattern of the text of every time, however long.
    pub(crate) fn any() -> String {
        pattern(&TIMES, LARGEST)
    }

    /// A pattern of the text of every time up to that one.
    pub(crate) fn up_to(most: Time) -> String {
        pattern(&TIMES, most.ns())
    }

    /// The number of nanoseconds.
    pub const fn ns(self) -> u64 {
        self.0.as_nanos() as u64
    }
}

impl Share {
    /// All of it, in the unit that it is counted in.
    pub const WHOLE: u64 = 1_000_000_000;

    /// The most of its packets that a link can lose: beyond that nothing is a network any more.
    pub const MOST: Share = Share(Share::WHOLE / 2);

    /// As a number from 0 to 1.
    pub fn fraction(self) -> f64 {
        self.0 as f64 / Share::WHOLE as f64
    }
}

impl BitRate {
    /// The highest rate of a link that can be asked for: what one process can move in packets as they are on a wire.
    pub const MOST: BitRate = BitRate(1_000_000_000);

    /// Bits for each second.
    pub const fn bits(self) -> u64 {
        self.0
    }
}

/// A value that is written as text with a unit, in YAML and JSON alike.
macro_rules! as_text {
    ($type:ident, $units:expr, $most:expr, $about:literal, $example:literal) => {
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
                let pattern = format!("^({})$", pattern(&$units, $most));
                json_schema!({"type": "string", "pattern": pattern, "description": $about, "examples": [$example]})
            }
        }
    };
}

as_text!(
    Size,
    SIZES,
    Size::MOST.bytes(),
    "A number of bytes with its unit: B, KB, KiB, MB, MiB, GB, GiB; at most 4GiB.",
    "64KiB"
);
as_text!(Share, SHARES, Share::MOST.0, "A share in hundredths, with at most seven decimals; at most 50%.", "0.1%");
as_text!(
    BitRate,
    BIT_RATES,
    BitRate::MOST.bits(),
    "Bits for each second, with the unit of a link: bit, kbit, Mbit, Gbit, in powers of ten; at most 1Gbit.",
    "100Mbit"
);
as_text!(Time, TIMES, Time::MOST.ns(), "A length of time with its unit: ns, us, ms, s, m, h; at most 24h.", "30s");

/// A length of time as whole nanoseconds, for the lines between processes.
pub(crate) mod ns {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(time.as_nanos() as u64)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_nanos)
    }

    /// The same of a time that may be absent.
    pub(crate) mod optional {
        use std::time::Duration;

        use serde::{Deserialize, Deserializer, Serialize, Serializer};

        pub(crate) fn serialize<S: Serializer>(time: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
            time.map(|time| time.as_nanos() as u64).serialize(serializer)
        }

        pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
            Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_nanos))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BitRate, Share, Size, Time};

    #[test]
    fn shares_and_rates_are_read_and_written_back() {
        for (text, billionths) in [("0%", 0), ("0.1%", 1_000_000), ("1%", 10_000_000), ("12.5%", 125_000_000)] {
            let share: Share = text.parse().expect(text);
            assert_eq!((share.0, share.to_string().as_str()), (billionths, text));
        }
        for (text, bits) in [("10Mbit", 10_000_000), ("1Gbit", 1_000_000_000), ("56kbit", 56_000), ("7bit", 7)] {
            let rate: BitRate = text.parse().expect(text);
            assert_eq!((rate.bits(), rate.to_string().as_str()), (bits, text));
        }
        assert!("0.1".parse::<Share>().expect_err("bare").to_string().contains("no unit"));
        assert!("10MB".parse::<BitRate>().expect_err("bytes").to_string().contains("known: Gbit, Mbit, kbit, bit"));
    }

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
        assert!("64".parse::<Size>().expect_err("bare").to_string().contains("no unit"));
        assert!("64KB/s".parse::<Size>().expect_err("strange").to_string().contains("unknown unit"));
        assert!(
            "1.0001KiB".parse::<Size>().expect_err("fraction").to_string().contains("a number of KiB has at most 3")
        );
        assert!("0.3ns".parse::<Time>().expect_err("fraction").to_string().contains("ns is counted in whole numbers"));
        for wrong in ["1.s", ".5s", "1.5.2s", " 5s", "5  s", "5s ", "+5s", "٣s", "1e3s"] {
            assert!(wrong.parse::<Time>().is_err(), "{wrong}");
        }
        assert!("fast".parse::<Time>().expect_err("word").to_string().contains("start with a number"));
    }
}
