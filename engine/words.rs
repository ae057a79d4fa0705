//! Closed sets of words, declared once for YAML, JSON, schema and display.

/// A word of a closed set, with the list of all of them and a sentence for each.
pub trait Word: Copy + 'static {
    /// Every word of the set.
    const ALL: &'static [Self];
    /// The word as users write it.
    fn word(self) -> &'static str;
    /// What it stands for, in a sentence.
    fn about(self) -> &'static str;
}

/// Declares a closed set of words once, for YAML, JSON, schema and display.
macro_rules! words {
    ($(#[$meta:meta])* $name:ident { $($(#[doc = $about:literal])+ $variant:ident = $word:literal),+ $(,)? }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[derive(::serde::Serialize, ::serde::Deserialize, ::schemars::JsonSchema)]
        pub enum $name { $($(#[doc = $about])+ #[serde(rename = $word)] $variant),+ }
        impl $crate::words::Word for $name {
            const ALL: &'static [Self] = &[$($name::$variant),+];
            fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
            fn about(self) -> &'static str {
                match self { $($name::$variant => concat!($($about),+).trim_ascii()),+ }
            }
        }
        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                f.pad($crate::words::Word::word(*self))
            }
        }
    };
}

pub(crate) use words;
