//! Values written into any buffer, as real rpyc writes them.

use crate::transport::rpyc::brine::tags::{
    BYTES_1, BYTES_LONG, BYTES_SHORT, COMPLEX, ELLIPSIS, EMPTY_BYTES, EMPTY_TUPLE, FALSE, FLOAT, FROZENSET, INT_LONG,
    INT_SHORT, INT_ZERO, NONE, NOT_IMPLEMENTED, SLICE, STREAMED, TEXT, TRUE, TUPLE_1, TUPLE_LONG, TUPLE_SHORT,
};
use crate::transport::rpyc::brine::token::Token;

/// Appends a token as real rpyc writes it; the values of a container have to follow.
pub fn put(out: &mut Vec<u8>, token: Token<'_>) {
    match token {
        Token::None => out.push(NONE),
        Token::NotImplemented => out.push(NOT_IMPLEMENTED),
        Token::Ellipsis => out.push(ELLIPSIS),
        Token::Bool(true) => out.push(TRUE),
        Token::Bool(false) => out.push(FALSE),
        Token::Int(int) => put_int(out, int),
        Token::Big(digits) => put_digits(out, digits.as_bytes()),
        Token::Float(float) => {
            out.push(FLOAT);
            out.extend_from_slice(&float.to_be_bytes());
        }
        Token::Complex(real, imaginary) => {
            out.push(COMPLEX);
            out.extend_from_slice(&real.to_be_bytes());
            out.extend_from_slice(&imaginary.to_be_bytes());
        }
        Token::Bytes(bytes) => {
            put_bytes_head(out, bytes.len() as u32);
            out.extend_from_slice(bytes);
        }
        Token::Streamed(len) => {
            out.push(STREAMED);
            out.extend_from_slice(&len.to_be_bytes());
        }
        Token::Text(text) => put_text(out, text),
        Token::Tuple(count) => put_count(out, count),
        Token::Slice => out.push(SLICE),
        Token::Frozenset => out.push(FROZENSET),
    }
}

/// Appends the head of a tuple; its `count` values have to follow.
#[inline]
pub(crate) fn put_count(out: &mut Vec<u8>, count: u32) {
    match count {
        0 => out.push(EMPTY_TUPLE),
        1..=4 => out.push(TUPLE_1 + count as u8 - 1),
        5..=255 => out.extend_from_slice(&[TUPLE_SHORT, count as u8]),
        _ => {
            out.push(TUPLE_LONG);
            out.extend_from_slice(&count.to_be_bytes());
        }
    }
}

/// Appends an integer.
#[inline]
pub(crate) fn put_int(out: &mut Vec<u8>, int: i64) {
    match int {
        -48..160 => out.push((int + INT_ZERO) as u8),
        _ => put_decimal(out, int),
    }
}

/// Appends an integer of any size.
pub(crate) fn put_number(out: &mut Vec<u8>, number: u128) {
    match i64::try_from(number) {
        Ok(int) => put_int(out, int),
        Err(_) => put_decimal(out, number),
    }
}

fn put_decimal(out: &mut Vec<u8>, number: impl itoa::Integer) {
    put_digits(out, itoa::Buffer::new().format(number).as_bytes());
}

fn put_digits(out: &mut Vec<u8>, digits: &[u8]) {
    match digits.len() {
        len @ ..256 => out.extend_from_slice(&[INT_SHORT, len as u8]),
        len => {
            out.push(INT_LONG);
            out.extend_from_slice(&(len as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(digits);
}

/// Appends the head of `len` bytes, which have to follow.
pub(crate) fn put_bytes_head(out: &mut Vec<u8>, len: u32) {
    match len {
        0 => out.push(EMPTY_BYTES),
        1..=4 => out.push(BYTES_1 + len as u8 - 1),
        5..=255 => out.extend_from_slice(&[BYTES_SHORT, len as u8]),
        _ => {
            out.push(BYTES_LONG);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
}

/// Appends text.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    out.push(TEXT);
    put_bytes_head(out, text.len() as u32);
    out.extend_from_slice(text.as_bytes());
}
