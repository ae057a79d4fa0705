//! An argument that is a word out of a list: help and shells show the list.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Command};

use crate::call::Word;
use crate::registry::Entry;

/// Takes any text and shows the words of a list, since whoever looks a word up there says better what was meant.
#[derive(Debug, Clone)]
pub(crate) struct OneOf(Vec<PossibleValue>);

impl OneOf {
    /// A name of a list.
    pub(crate) fn names<T: Entry + ?Sized>(list: &'static [&'static T]) -> Self {
        OneOf(list.iter().map(|entry| PossibleValue::new(entry.name()).help(entry.about())).collect())
    }

    /// A word of a closed set.
    pub(crate) fn words<T: Word>() -> Self {
        OneOf(T::ALL.iter().map(|word| PossibleValue::new(word.word()).help(word.about())).collect())
    }
}

impl TypedValueParser for OneOf {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().cloned()))
    }
}
