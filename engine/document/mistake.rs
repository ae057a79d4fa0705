//! What is wrong with a scenario, shown where it is wrong.

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str};

/// A range of bytes in one of the texts that a scenario was made from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span {
    /// The text: 0 is the file, the others are edits.
    pub source: usize,
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl Span {
    /// Puts a place that was counted from `offset` of that source where it belongs.
    pub(crate) fn settle(&mut self, source: usize, offset: usize) {
        *self = Span { source, start: self.start + offset, end: self.end + offset };
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq)]
pub struct Mistake {
    what: String,
    span: Span,
    label: Option<String>,
    elsewhere: Option<Box<(Span, String)>>,
    help: Vec<String>,
}

impl Mistake {
    /// What is wrong, and where.
    pub(crate) fn new(what: impl Into<String>, span: Span) -> Self {
        Mistake { what: what.into(), span, label: None, elsewhere: None, help: Vec::new() }
    }
    /// A few words at the place itself.
    pub(crate) fn label(mut self, label: impl Into<String>) -> Self {
        self.label = Some(label.into());
        self
    }
    /// Another place that has to do with it.
    pub(crate) fn elsewhere(mut self, span: Span, label: impl Into<String>) -> Self {
        self.elsewhere = Some(Box::new((span, label.into())));
        self
    }
    /// What would be right; several sentences stand in lines of their own.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

/// A text that a scenario was made from.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    /// The name of the file, or `--set`.
    pub(crate) name: String,
    /// The text.
    pub(crate) text: String,
}

/// Everything that is wrong with a scenario, in the order of its lines.
#[derive(Debug, Clone)]
pub struct Mistakes {
    sources: Vec<Source>,
    list: Vec<Mistake>,
}

impl Mistakes {
    /// The mistakes in those sources. One that stands twice, as an anchor makes it, is told once.
    pub(crate) fn new(sources: Vec<Source>, mut list: Vec<Mistake>) -> Self {
        list.sort_by_key(|mistake| (mistake.span.source, mistake.span.start));
        list.dedup();
        Mistakes { sources, list }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.list.len()
    }

    /// How many there are and in what, in words: the file, the edits, or both.
    pub fn summary(&self) -> String {
        let mut names: Vec<&str> = Vec::new();
        for mistake in &self.list {
            let name = self.sources[mistake.span.source].name.as_str();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let what = if self.count() == 1 { "mistake" } else { "mistakes" };
        format!("{} {what} in {}", self.count(), names.join(" and "))
    }

    /// All of them as compilers show them: what, file:line:column, the line with a caret, what would be right.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut text = String::new();
        for mistake in &self.list {
            text.push_str(&renderer.render(&[self.group(mistake)]));
            text.push_str("\n\n");
        }
        text
    }

    fn group(&self, mistake: &Mistake) -> Group<'_> {
        let primary = AnnotationKind::Primary
            .span(self.span(mistake.span))
            .label(mistake.label.as_deref().map(normalize_untrusted_str));
        let mut snippet = self.snippet(mistake.span).annotation(primary);
        let mut other = None;
        if let Some((span, label)) = mistake.elsewhere.as_deref() {
            let context = AnnotationKind::Context.span(self.span(*span)).label(normalize_untrusted_str(label));
            if span.source == mistake.span.source {
                snippet = snippet.annotation(context);
            } else {
                other = Some(self.snippet(*span).annotation(context));
            }
        }
        let mut group = Level::ERROR.primary_title(normalize_untrusted_str(&mistake.what)).element(snippet);
        if let Some(other) = other {
            group = group.element(other);
        }
        group.elements(mistake.help.iter().map(|help| Level::HELP.message(normalize_untrusted_str(help))))
    }

    fn snippet(&self, span: Span) -> Snippet<'_, annotate_snippets::Annotation<'_>> {
        let source = &self.sources[span.source];
        Snippet::source(&source.text).path(source.name.as_str())
    }

    /// The bytes of a place, kept inside its text and off the middle of a character.
    fn span(&self, span: Span) -> std::ops::Range<usize> {
        let text = &self.sources[span.source].text;
        let start = text.floor_char_boundary(span.start.min(text.len()));
        start..text.ceil_char_boundary(span.end.clamp(start, text.len()))
    }
}
