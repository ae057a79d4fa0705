//! The messages of `engine.proto`, and how they are framed on a stream.
//!
//! gRPC over HTTP/2 puts before each message a byte that tells whether it is compressed and its length in four bytes.
//! Payloads are written and read here by hand, so that their bytes are neither copied nor held.

use bytes::Bytes;
use prost::Message;

use crate::call::CallError;
use crate::transport::web::body::Head;

/// `Empty` of the service.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Empty {}

/// `Pong` of the service.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Pong {
    /// `pong`.
    #[prost(string, tag = "1")]
    pub(crate) response: String,
}

/// `Token` of the service.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Token {
    /// The server's token.
    #[prost(string, tag = "1")]
    pub(crate) nonce: String,
}

/// `Size` of the service.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Size {
    /// In bytes.
    #[prost(uint64, tag = "1")]
    pub(crate) len: u64,
}

/// `Wanted` of the service.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Wanted {
    /// Bytes of the payload.
    #[prost(uint64, tag = "1")]
    pub(crate) len: u64,
    /// Bytes of a chunk, or 0 for one whole message.
    #[prost(uint64, tag = "2")]
    pub(crate) chunk: u64,
}

/// `Range` of the service.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Range {
    /// How far to sum.
    #[prost(uint64, tag = "1")]
    pub(crate) n: u64,
}

/// `Sum` of the service.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Sum {
    /// The low 64 bits.
    #[prost(uint64, tag = "1")]
    pub(crate) low: u64,
    /// The high 64 bits.
    #[prost(uint64, tag = "2")]
    pub(crate) high: u64,
}

/// `Wait` of the service.
#[derive(Clone, Copy, PartialEq, Message)]
pub(crate) struct Wait {
    /// In nanoseconds.
    #[prost(uint64, tag = "1")]
    pub(crate) ns: u64,
}

/// The longest payload that fits one message, in bytes; what is longer goes in several.
pub(crate) const LONGEST: u64 = 1 << 31;
/// The tag of the field `content` of `Payload`: field 1, of the wire type with a length.
const CONTENT: u64 = 1 << 3 | 2;
/// Messages other than payloads are never longer, in bytes.
const SHORT: usize = 4096;

/// Whether `procedure` is the name in `engine.proto` of the call of that name: the same with a capital.
pub(crate) fn is_procedure(procedure: &str, name: &str) -> bool {
    match (procedure.split_at_checked(1), name.split_at_checked(1)) {
        (Some((capital, rest)), Some((first, others))) => {
            rest == others && capital.bytes().eq(first.bytes().map(|byte| byte.to_ascii_uppercase()))
        }
        _ => false,
    }
}

/// The name in `engine.proto` of the call of that name.
pub(crate) fn procedure(name: &str) -> String {
    let (first, rest) = name.split_at_checked(1).unwrap_or_default();
    first.to_ascii_uppercase() + rest
}

/// A short message with its prefix.
pub(crate) fn framed(message: &impl Message) -> Bytes {
    let len = message.encoded_len();
    let mut bytes = Vec::with_capacity(5 + len);
    bytes.push(0);
    bytes.extend_from_slice(&(len as u32).to_be_bytes());
    // Writing into memory that grows does not fail.
    let _ = message.encode(&mut bytes);
    bytes.into()
}

/// What stands before the content of a payload of `len` bytes: prefix, tag and length.
pub(crate) fn payload_head(len: u64) -> Head {
    let mut field = Head::default();
    if len > 0 {
        field.push(CONTENT as u8);
        let mut rest = len;
        while rest >= 0x80 {
            field.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        field.push(rest as u8);
    }
    let mut head = Head::default();
    head.push(0);
    (field.len() as u32 + len as u32).to_be_bytes().into_iter().for_each(|byte| head.push(byte));
    field.bytes().iter().for_each(|byte| head.push(*byte));
    head
}

/// What is wrong with messages that came, in words; its kind decides the status that a server answers with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// A message says that it is compressed.
    Compressed,
    /// More or fewer messages came than the procedure takes.
    Count(&'static str),
    /// They cannot be read.
    Broken(&'static str),
    /// They can be read, and ask for what cannot be.
    Argument(&'static str),
}

impl Wrong {
    /// The sentence that says so.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Wrong::Compressed => "a message is compressed, which was not agreed on",
            Wrong::Count(words) | Wrong::Broken(words) | Wrong::Argument(words) => words,
        }
    }

    /// The fault that it is of a reply.
    pub(crate) fn fault(self) -> CallError {
        CallError::protocol(self.words())
    }
}

/// Reads messages however their bytes are cut: short ones are collected, the content of payloads passes through.
pub(crate) struct Reader {
    payloads: bool,
    at: At,
    prefix: [u8; 5],
    have: usize,
    /// Bytes of the message that are still to come.
    left: u64,
    /// The number that is being read, and by how much its next digits are shifted.
    number: u64,
    shift: u32,
    /// Bytes of the field that are still to come.
    field: u64,
    short: Vec<u8>,
    /// How many messages have come.
    count: u64,
    /// How much content has come of the message that is being read, in bytes.
    content: u64,
}

/// What a reader has read.
pub(crate) enum Read<'a> {
    /// Content of a payload.
    Content(&'a [u8]),
    /// A message has ended, whose content had so many bytes.
    End(u64),
}

#[derive(Clone, Copy, PartialEq)]
enum At {
    Prefix,
    Short,
    Tag,
    /// The length of the content, or of a field that is not known.
    Length(bool),
    Varint,
    Content,
    Skipped,
}

impl Reader {
    /// Reads payloads, or else short messages.
    pub(crate) fn new(payloads: bool) -> Self {
        Reader {
            payloads,
            at: At::Prefix,
            prefix: [0; 5],
            have: 0,
            left: 0,
            number: 0,
            shift: 0,
            field: 0,
            short: Vec::new(),
            count: 0,
            content: 0,
        }
    }

    /// Takes the next bytes and gives content to `take`, and at the end of each message how much it had; an error where
    /// they are no messages of this service.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut take: impl FnMut(Read<'_>)) -> Result<(), Wrong> {
        while let Some((byte, rest)) = bytes.split_first() {
            match self.at {
                At::Prefix => {
                    self.prefix[self.have] = *byte;
                    self.have += 1;
                    bytes = rest;
                    if self.have == 5 {
                        self.begin(&mut take)?;
                    }
                }
                At::Short => {
                    let part = self.part(&mut bytes, self.left);
                    self.short.extend_from_slice(part);
                    self.end_of_message(&mut take);
                }
                At::Content | At::Skipped => {
                    let part = self.part(&mut bytes, self.field);
                    self.field -= part.len() as u64;
                    if self.at == At::Content {
                        self.content += part.len() as u64;
                        take(Read::Content(part));
                    }
                    if self.field == 0 {
                        self.at = At::Tag;
                    }
                    self.end_of_message(&mut take);
                }
                At::Tag | At::Length(_) | At::Varint => {
                    bytes = rest;
                    self.left = self.left.checked_sub(1).ok_or(Wrong::Broken("a field is longer than its message"))?;
                    let bits = u64::from(byte & 0x7f);
                    if self.shift > 63 || bits << self.shift >> self.shift != bits {
                        return Err(Wrong::Broken("a number in a message is too long"));
                    }
                    self.number |= bits << self.shift;
                    self.shift += 7;
                    if byte & 0x80 == 0 {
                        let number = std::mem::take(&mut self.number);
                        self.shift = 0;
                        self.after(number)?;
                    }
                    self.end_of_message(&mut take);
                }
            }
        }
        Ok(())
    }

    /// The prefix has come.
    fn begin(&mut self, take: &mut impl FnMut(Read<'_>)) -> Result<(), Wrong> {
        let [compressed, a, b, c, d] = self.prefix;
        if compressed != 0 {
            return Err(Wrong::Compressed);
        }
        self.left = u32::from_be_bytes([a, b, c, d]).into();
        if !self.payloads && self.count > 0 {
            return Err(Wrong::Count("one message was due"));
        }
        if !self.payloads && self.left > SHORT as u64 {
            return Err(Wrong::Broken("one short message was due"));
        }
        self.have = 0;
        self.at = if self.payloads { At::Tag } else { At::Short };
        self.end_of_message(take);
        Ok(())
    }

    /// A number has come: a tag, a length, or the value of a field that is not known.
    fn after(&mut self, number: u64) -> Result<(), Wrong> {
        self.at = match (self.at, number & 7) {
            (At::Tag, 2) => At::Length(number == CONTENT),
            (At::Tag, 0) => At::Varint,
            (At::Tag, 1) => self.run(At::Skipped, 8)?,
            (At::Tag, 5) => self.run(At::Skipped, 4)?,
            (At::Tag, _) => return Err(Wrong::Broken("a field has no known wire type")),
            (At::Length(true), _) => self.run(At::Content, number)?,
            (At::Length(false), _) => self.run(At::Skipped, number)?,
            _ => At::Tag,
        };
        Ok(())
    }

    /// A run of bytes begins, which must fit into the message.
    fn run(&mut self, at: At, len: u64) -> Result<At, Wrong> {
        if len > self.left {
            return Err(Wrong::Broken("a field is longer than its message"));
        }
        self.field = len;
        Ok(if len == 0 { At::Tag } else { at })
    }

    fn part<'a>(&mut self, bytes: &mut &'a [u8], most: u64) -> &'a [u8] {
        let (part, rest) = bytes.split_at(most.min(bytes.len() as u64) as usize);
        *bytes = rest;
        self.left -= part.len() as u64;
        part
    }

    /// Where nothing of the message is left, the next one's prefix is due.
    fn end_of_message(&mut self, take: &mut impl FnMut(Read<'_>)) {
        if self.left == 0 && matches!(self.at, At::Tag | At::Short) && self.shift == 0 {
            self.count += 1;
            self.at = At::Prefix;
            take(Read::End(std::mem::take(&mut self.content)));
        }
    }

    /// How many messages have come; an error where the last one was cut short.
    pub(crate) fn finish(&self) -> Result<u64, Wrong> {
        if self.at == At::Prefix && self.have == 0 {
            Ok(self.count)
        } else {
            Err(Wrong::Broken("a message is cut short"))
        }
    }

    /// The one short message, once the stream has ended.
    pub(crate) fn message<M: Message + Default>(&self) -> Result<M, Wrong> {
        match self.finish()? {
            1 => M::decode(self.short.as_slice()).map_err(|_| Wrong::Broken("a message is not what its type says")),
            _ => Err(Wrong::Count("one message was due")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Read, Reader, Wanted, Wrong, framed, payload_head};

    fn read(bytes: &[u8], step: usize) -> Result<(Vec<u8>, u64), Wrong> {
        let (mut reader, mut got, mut ended) = (Reader::new(true), Vec::new(), 0);
        for piece in bytes.chunks(step) {
            reader.feed(piece, |read| match read {
                Read::Content(part) => got.extend_from_slice(part),
                Read::End(len) => ended += len,
            })?;
        }
        assert!(reader.finish().is_err() || ended == got.len() as u64);
        Ok((got, reader.finish()?))
    }

    #[test]
    fn payloads_are_read_however_they_are_cut() {
        let mut bytes = Vec::new();
        for len in [0usize, 1, 127, 128, 70_000] {
            bytes.extend_from_slice(payload_head(len as u64).bytes());
            bytes.extend(std::iter::repeat_n(len as u8, len));
        }
        // A message with fields that are not known: a varint, four bytes, eight bytes, text, and then the content.
        bytes.extend_from_slice(&[0, 0, 0, 0, 23, 0x10, 0x96, 1, 0x1d, 1, 2, 3, 4, 0x21, 1, 2, 3, 4, 5, 6, 7, 8]);
        bytes.extend_from_slice(&[0x2a, 1, b'a', 0x0a, 1, b'b']);
        for step in [1, 3, 7, 1000, usize::MAX] {
            let (got, count) = read(&bytes, step).expect("it is well formed");
            assert_eq!((got.len(), got.last(), count), (70_257, Some(&b'b'), 6), "in steps of {step}");
        }
    }

    #[test]
    fn broken_messages_are_errors() {
        for bad in [
            &[1, 0, 0, 0, 0][..],
            &[0, 0, 0, 0],
            &[0, 0, 0, 0, 2, 0x0a],
            &[0, 0, 0, 0, 2, 0x0a, 9],
            &[0, 0, 0, 0, 1, 0x0b],
            &[0, 0, 0, 0, 1, 0x80],
            &[0, 0, 0, 0, 12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(read(bad, 1).is_err() && read(bad, 99).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_short_message_comes_back() {
        let wanted = Wanted { len: 1 << 40, chunk: 300 };
        let mut reader = Reader::new(false);
        reader.feed(&framed(&wanted), |_| {}).expect("it is well formed");
        assert_eq!(reader.message::<Wanted>(), Ok(wanted));
        assert!(reader.feed(&framed(&wanted), |_| {}).is_err(), "there is only one");
    }
}
