//! Bytes with slips in places of chance, as the tests of broken input make them.
#![allow(dead_code, reason = "not every test file needs everything")]

use engine::call::SplitMix;

/// Words that readers of ours act upon, so that a slip may be one.
const WORDS: [&[u8]; 18] = [
    b"[", b"{", b"- ", b"\"", b"0", b"not ", b"&a ", b"*a ", b"{%", b"\t", b"-1", b"e9", b"\r\n", b"\xff", b"\0",
    b"\x08", b"\x80", b"\n\n",
];

/// The bytes with one to five slips: changed, left out, said twice, moved, cut off, exchanged or repeated many times.
pub(crate) fn broken(bytes: &[u8], random: &mut SplitMix) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    for _ in 0..=random.below(5) {
        slip(&mut bytes, random);
    }
    bytes
}

fn slip(bytes: &mut Vec<u8>, random: &mut SplitMix) {
    let len = bytes.len() as u64;
    let at = random.below(len + 1) as usize;
    let to = (at + 1 + random.below(40) as usize).min(bytes.len());
    match random.below(10) {
        0 | 1 if at < bytes.len() => bytes[at] = random.next() as u8,
        2 | 3 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
        4 => drop(bytes.drain(at..to)),
        5 => {
            let piece = bytes[at..to].to_vec();
            let place = random.below(len + 1) as usize;
            bytes.splice(place..place, piece);
        }
        6 => bytes[at..to].reverse(),
        7 => {
            let word = match random.below(2) {
                0 => WORDS[random.below(WORDS.len() as u64) as usize],
                _ => &bytes[at..(at + 1).min(bytes.len())],
            };
            let words = word.repeat(1 << random.below(13));
            bytes.splice(at..at, words);
        }
        8 => bytes[at..].iter_mut().take(1 << random.below(4)).for_each(|byte| *byte = 0xff),
        9 if random.below(3) == 0 => bytes.truncate(at),
        _ => {}
    }
}
