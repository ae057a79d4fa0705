//! Brine against the real one: random values, byte for byte, in both directions.

mod systems;

use std::io::{Seek, Write};
use std::process::{Command, Stdio};

use engine::call::SplitMix;
use engine::transport::rpyc::brine::{Reader, Token, put};

/// How many values pass in each direction; `BRINE_VALUES` sets another number.
fn count() -> u64 {
    std::env::var("BRINE_VALUES").ok().and_then(|count| count.parse().ok()).unwrap_or(100_000)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A value in the words in which the script describes it.
fn describe(brine: &[u8]) -> String {
    let (mut reader, mut words) = (Reader::new(brine), Vec::new());
    while !reader.is_empty() {
        words.push(match reader.token().expect("well formed") {
            Token::None => "None".into(),
            Token::NotImplemented => "NotImplemented".into(),
            Token::Ellipsis => "Ellipsis".into(),
            Token::Bool(flag) => if flag { "True" } else { "False" }.into(),
            Token::Int(int) => format!("int{int}"),
            Token::Big(digits) => format!("int{digits}"),
            Token::Float(float) => format!("float{}", hex(&float.to_be_bytes())),
            Token::Complex(real, imaginary) => {
                format!("complex{}{}", hex(&real.to_be_bytes()), hex(&imaginary.to_be_bytes()))
            }
            Token::Bytes(bytes) => format!("bytes{}", hex(bytes)),
            Token::Text(text) => format!("str{}", hex(text.as_bytes())),
            Token::Tuple(count) => format!("tuple{count}"),
            Token::Slice => "slice".into(),
            Token::Frozenset => "frozenset".into(),
            Token::Streamed(_) => panic!("nothing streams here"),
        });
    }
    words.join(" ")
}

/// The parts that the script has said: brine and description, in turns.
fn parts(mut said: &[u8]) -> Vec<(&[u8], &str)> {
    let mut next = || {
        let (len, rest) = said.split_first_chunk::<4>()?;
        let (part, rest) = rest.split_at(u32::from_be_bytes(*len) as usize);
        said = rest;
        Some(part)
    };
    std::iter::from_fn(|| Some((next()?, std::str::from_utf8(next()?).expect("descriptions are text")))).collect()
}

fn script(args: &[&str]) -> Option<Command> {
    let mut command = Command::new(systems::python()?);
    command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/systems/brine_values.py")).args(args);
    Some(command)
}

fn said(command: &mut Command) -> Vec<u8> {
    let output = command.stderr(Stdio::inherit()).output().expect("python runs");
    assert!(output.status.success());
    output.stdout
}

#[test]
fn what_python_writes_is_understood_and_written_alike() {
    let Some(mut command) = script(&["make", &count().to_string(), "7"]) else { return };
    let said = said(&mut command);
    let values = parts(&said);
    assert_eq!(values.len() as u64, count());
    for (brine, description) in values {
        assert_eq!(describe(brine), description);
        assert_eq!(Reader::new(brine).raw(), Ok(brine));
        let (mut reader, mut again) = (Reader::new(brine), Vec::new());
        while !reader.is_empty() {
            put(&mut again, reader.token().expect("well formed"));
        }
        assert_eq!(again, brine, "{description}");
    }
}

/// Appends a random value. Sets have at most one member, so that their order is the same everywhere.
fn put_random(random: &mut SplitMix, depth: u64, out: &mut Vec<u8>) {
    let length = |random: &mut SplitMix| match random.below(3) {
        0 => random.below(6),
        1 => random.below(40),
        _ => 254 + random.below(4),
    };
    let float = |random: &mut SplitMix| match random.below(3) {
        0 => f64::from_bits(random.next()),
        1 => [0.0, -0.0, f64::INFINITY, f64::NAN, f64::MIN_POSITIVE][random.below(5) as usize],
        _ => random.next() as f64 / 1e9,
    };
    match random.below(if depth < 6 { 13 } else { 9 }) {
        0 => {
            let constants =
                [Token::None, Token::NotImplemented, Token::Ellipsis, Token::Bool(true), Token::Bool(false)];
            put(out, constants[random.below(5) as usize]);
        }
        1 => put(out, Token::Int(random.below(260) as i64 - 60)),
        2 => put(out, Token::Int((random.next() >> random.below(64)) as i64)),
        3 => {
            let digits: String =
                (0..300 - random.below(270)).map(|_| char::from(b'1' + random.below(9) as u8)).collect();
            put(out, Token::Big(&if random.below(2) == 0 { format!("-{digits}") } else { digits }));
        }
        4 => put(out, Token::Float(float(random))),
        5 => put(out, Token::Complex(float(random), float(random))),
        6 => {
            let text: String =
                (0..length(random)).filter_map(|_| char::from_u32(random.below(0x11_0000) as u32)).collect();
            put(out, Token::Text(&text));
        }
        7 | 8 => {
            let bytes: Vec<u8> = (0..length(random)).map(|_| random.next() as u8).collect();
            put(out, Token::Bytes(&bytes));
        }
        9 => {
            put(out, Token::Slice);
            put(out, Token::Tuple(3));
            (0..3).for_each(|_| put_random(random, depth + 1, out));
        }
        10 => {
            put(out, Token::Frozenset);
            let members = random.below(2) as u32;
            put(out, Token::Tuple(members));
            (0..members).for_each(|_| put(out, Token::Int(random.next() as i64)));
        }
        _ => {
            let items = if depth == 0 && random.below(20) == 0 { 250 + random.below(10) } else { random.below(7) };
            put(out, Token::Tuple(items as u32));
            (0..items).for_each(|_| put_random(random, depth + 1, out));
        }
    }
}

#[test]
fn what_we_write_is_understood_by_python_and_written_alike() {
    let Some(mut command) = script(&["again"]) else { return };
    let mut random = SplitMix::new(9);
    let values: Vec<Vec<u8>> = (0..count())
        .map(|_| {
            let mut value = Vec::new();
            put_random(&mut random, 0, &mut value);
            value
        })
        .collect();
    let mut file = tempfile::tempfile().expect("a file");
    for value in &values {
        file.write_all(&(value.len() as u32).to_be_bytes()).expect("room");
        file.write_all(value).expect("room");
    }
    file.rewind().expect("it can be read");
    let said = said(command.stdin(file));
    let again = parts(&said);
    assert_eq!(again.len(), values.len());
    for (value, (brine, description)) in values.iter().zip(again) {
        assert_eq!(value, brine, "{description}");
        assert_eq!(describe(value), description);
    }
}
