//! Lists of named things, and what to say when a name is not in them.

use crate::error::Error;

/// Something that a scenario refers to by name.
pub trait Entry {
    /// The word in YAML, in reports and on the command line.
    fn name(&self) -> &'static str;
    /// One sentence for help and schema.
    fn about(&self) -> &'static str;
}

/// The entry of that name, or an error that lists what is known and guesses what was meant.
pub fn find<T: Entry + ?Sized>(what: &str, list: &'static [&'static T], name: &str) -> Result<&'static T, Error> {
    list.iter().copied().find(|entry| entry.name() == name).ok_or_else(|| {
        let known: Vec<&str> = list.iter().map(|entry| entry.name()).collect();
        Error::usage(format!("unknown {what} `{name}`")).help(suggestion(name, &known))
    })
}

/// "did you mean …" where a known word is near, else the list of what is known.
pub fn suggestion(wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let words: Vec<String> = known.iter().map(|word| format!("`{word}`")).collect();
            format!("known: {}", words.join(", "))
        }
    }
}

/// The known word that a typing slip away gives `wrong`, if there is one.
pub fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower = wrong.to_lowercase();
    known
        .iter()
        .map(|word| (strsim::jaro_winkler(&lower, &word.to_lowercase()), *word))
        .filter(|(score, _)| *score > 0.78)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::{nearest, suggestion};

    #[test]
    fn a_slip_is_guessed_and_a_stranger_is_not() {
        let known = ["tcp", "rpyc", "http1"];
        assert_eq!(nearest("htpp1", &known), Some("http1"));
        assert_eq!(nearest("RPYC", &known), Some("rpyc"));
        assert_eq!(nearest("carrier-pigeon", &known), None);
        assert_eq!(suggestion("zzz", &known), "known: `tcp`, `rpyc`, `http1`");
    }
}
