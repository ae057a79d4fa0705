//! One step through a value.

/// One step through a value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Token<'a> {
    /// `None`.
    None,
    /// `NotImplemented`.
    NotImplemented,
    /// `...`.
    Ellipsis,
    /// `True` or `False`.
    Bool(bool),
    /// An integer of at most 64 bits.
    Int(i64),
    /// The decimal digits of an integer beyond 64 bits.
    Big(&'a str),
    /// A float, bit by bit.
    Float(f64),
    /// A complex number: real and imaginary part.
    Complex(f64, f64),
    /// `bytes`.
    Bytes(&'a [u8]),
    /// Bytes that went elsewhere while they streamed in; how many. Never on the wire.
    Streamed(u32),
    /// `str`.
    Text(&'a str),
    /// So many values follow.
    Tuple(u32),
    /// A tuple of start, stop and step follows.
    Slice,
    /// A tuple of the members follows.
    Frozenset,
}

impl Token<'_> {
    /// What Python calls the type.
    pub fn type_name(self) -> &'static str {
        match self {
            Token::None => "NoneType",
            Token::NotImplemented => "NotImplementedType",
            Token::Ellipsis => "ellipsis",
            Token::Bool(_) => "bool",
            Token::Int(_) | Token::Big(_) => "int",
            Token::Float(_) => "float",
            Token::Complex(..) => "complex",
            Token::Bytes(_) | Token::Streamed(_) => "bytes",
            Token::Text(_) => "str",
            Token::Tuple(_) => "tuple",
            Token::Slice => "slice",
            Token::Frozenset => "frozenset",
        }
    }
}
