//! Text made harmless for the kind of file that a template makes.

use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Error, ErrorKind, Output, State, escape_formatter};

const MARKDOWN: &str = "markdown";

/// A name as links and files have it, in the way GitHub names headings: `large-file-in-5s`.
pub fn slug(name: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
    name.trim().to_lowercase().chars().filter(kept).collect::<String>().replace(' ', "-")
}

/// How texts are escaped in a template of that name: by its ending, `.jinja` set aside.
pub fn escaping(template: &str) -> AutoEscape {
    match template.trim_end_matches(".jinja").rsplit('.').next() {
        Some("html" | "htm" | "xml" | "svg") => AutoEscape::Html,
        Some("md") => AutoEscape::Custom(MARKDOWN.into()),
        Some("json") => AutoEscape::Json,
        _ => AutoEscape::None,
    }
}

/// Writes a value into a file; texts that are not marked as safe are cleaned and escaped.
pub fn formatter(out: &mut Output, state: &mut State, value: &Value) -> Result<(), Error> {
    let text = value.as_str().filter(|_| !value.is_safe() && value.kind() == ValueKind::String);
    match (state.auto_escape(), text) {
        (AutoEscape::Custom(_), Some(text)) => out.write_str(&markdown(text)).map_err(Error::from),
        (AutoEscape::Custom(_), None) if !value.is_undefined() => {
            write!(out, "{value}").map_err(|error| Error::new(ErrorKind::WriteFailure, "writing").with_source(error))
        }
        (AutoEscape::Html, Some(text)) => escape_formatter(out, state, &Value::from(clean(text))),
        _ => escape_formatter(out, state, value),
    }
}

/// A block of code in Markdown, with a fence longer than any in it.
pub fn fenced(text: &str, language: &str) -> Value {
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    Value::from_safe_string(format!("{fence}{language}\n{}\n{fence}", clean(text).trim_end()))
}

/// One line of GitHub Flavored Markdown that shows `text` and does nothing else, in a table too.
pub fn markdown(text: &str) -> String {
    let text = clean(text);
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let numbers_a_list = digits > 0 && ends_a_number(&line[digits..]);
    let mut escaped = String::new();
    for (at, c) in line.char_indices() {
        let begins_a_list = at == 0 && "-+=".contains(c) || at == digits && numbers_a_list;
        if begins_a_list || "\\`*_[]<>|~#&$".contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// True for what follows the number of a list's item.
fn ends_a_number(text: &str) -> bool {
    text.strip_prefix(['.', ')']).is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
}

/// The text without control characters and without those that turn the direction of writing.
pub fn clean(text: &str) -> String {
    let harmful = |c: char| {
        c.is_control() && !"\n\r\t".contains(c) || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if harmful(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::{clean, fenced, markdown};

    #[test]
    fn markdown_is_shown_and_not_obeyed() {
        assert_eq!(markdown("a|b `c` <script>\r\n# d_e"), r"a\|b \`c\` \<script\> \# d\_e");
        assert_eq!(markdown("- x"), r"\- x");
        assert_eq!(markdown("12. x 3. y"), r"12\. x 3. y");
        assert_eq!(markdown("7)"), r"7\)");
        assert_eq!(markdown("1.00 ms"), "1.00 ms");
        assert_eq!(markdown("rpyc-threaded 1.42 ×"), "rpyc-threaded 1.42 ×");
        assert_eq!(markdown("&lt;b&gt;"), r"\&lt;b\&gt;");
    }

    #[test]
    fn a_fence_is_longer_than_those_inside() {
        assert_eq!(fenced("a", "yaml").to_string(), "```yaml\na\n```");
        assert_eq!(fenced("````\n", "").to_string(), "`````\n````\n`````");
    }

    #[test]
    fn controls_are_replaced() {
        assert_eq!(clean("a\u{1b}[31m\u{202e}b\n"), "a\u{fffd}[31m\u{fffd}b\n");
    }
}
