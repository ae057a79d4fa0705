//! Writes SVG: shapes in the order they are asked for, numbers with one decimal, every text escaped.
//!
//! The same calls give the same bytes. Colours come from classes, so that a picture follows the reader's light or
//! dark theme, alone as in a page.

use std::fmt::Write;

use crate::report::markup::clean;

/// The colours and strokes of all pictures, for light and for dark.
pub const STYLE: &str = include_str!("../../../templates/chart.css");

/// How wide a character of a label is taken to be, in pixels.
const CHARACTER: f64 = 6.3;

/// A picture in the making; distances are in pixels from its upper left corner.
#[derive(Debug, Default)]
pub struct Svg {
    body: String,
}

/// On which side of its point a label stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anchor {
    /// To the right of it.
    Start,
    /// Around it.
    Middle,
    /// To the left of it.
    End,
}

impl Svg {
    /// An empty picture.
    pub fn new() -> Self {
        Self::default()
    }

    /// A label at its baseline.
    pub fn text(&mut self, x: f64, y: f64, anchor: Anchor, class: &str, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "",
            Anchor::Middle => " text-anchor=\"middle\"",
            Anchor::End => " text-anchor=\"end\"",
        };
        let (x, y, text) = (px(x), px(y), escaped(text));
        self.add(format_args!("<text x=\"{x}\" y=\"{y}\"{anchor}{}>{text}</text>", classed(class)));
    }

    /// A straight line.
    pub fn line(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64), class: &str) {
        self.add(format_args!("<path d=\"M{} {}L{} {}\"{}/>", px(x1), px(y1), px(x2), px(y2), classed(class)));
    }

    /// A line through points.
    pub fn polyline(&mut self, points: &[(f64, f64)], class: &str) {
        self.add(format_args!("<path d=\"{}\"{}/>", through(points), classed(class)));
    }

    /// What lies within a line through points.
    pub fn area(&mut self, points: &[(f64, f64)], class: &str) {
        self.add(format_args!("<path d=\"{}Z\"{}/>", through(points), classed(class)));
    }

    /// A box.
    pub fn rect(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), class: &str) {
        let (x, y, width, height) = (px(x), px(y), px(width), px(height));
        self.add(format_args!("<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\"{}/>", classed(class)));
    }

    /// The mark of the series of that number, so that it is told apart without colour.
    pub fn mark(&mut self, x: f64, y: f64, series: usize) {
        const R: f64 = 3.6;
        let outline: &[(f64, f64)] = match series % 7 {
            0 => &[(-R, -R), (R, -R), (R, R), (-R, R)],
            1 => &[(0.0, -1.3 * R), (1.2 * R, R), (-1.2 * R, R)],
            2 => &[(0.0, -1.4 * R), (1.4 * R, 0.0), (0.0, 1.4 * R), (-1.4 * R, 0.0)],
            3 => &[(0.0, 1.3 * R), (1.2 * R, -R), (-1.2 * R, -R)],
            4 => &[(-R, -0.5 * R), (R, -0.5 * R), (R, 0.5 * R), (-R, 0.5 * R)],
            5 => &[(-0.5 * R, -R), (0.5 * R, -R), (0.5 * R, R), (-0.5 * R, R)],
            _ => &[(-1.3 * R, 0.0), (R, 1.2 * R), (R, -1.2 * R)],
        };
        let mut path = String::new();
        for (at, (dx, dy)) in outline.iter().enumerate() {
            // Writing to a string cannot fail.
            let _ = write!(path, "{}{} {}", if at == 0 { 'M' } else { 'L' }, px(x + dx), px(y + dy));
        }
        self.add(format_args!("<path d=\"{path}Z\" class=\"{} mark\"/>", colour(series)));
    }

    /// A small mark of one of many, of a class beside its colour.
    pub fn spot(&mut self, x: f64, y: f64, series: usize, class: &str) {
        const R: f64 = 2.6;
        self.rect((x - R, y - R), (2.0 * R, 2.0 * R), &format!("{} {class}", colour(series)));
    }

    /// The mark of who is ahead: a star, or a ring where several are tied.
    pub fn leads(&mut self, x: f64, y: f64, alone: bool) {
        const POINTS: usize = 10;
        let mut path = String::new();
        for at in 0..POINTS {
            let angle = std::f64::consts::PI * (at as f64 / 5.0 - 0.5);
            let radius = if !alone {
                3.4
            } else if at % 2 == 0 {
                5.2
            } else {
                2.2
            };
            let (dx, dy) = (radius * angle.cos(), radius * angle.sin());
            // Writing to a string cannot fail.
            let _ = write!(path, "{}{} {}", if at == 0 { 'M' } else { 'L' }, px(x + dx), px(y + dy));
        }
        self.add(format_args!("<path d=\"{path}Z\" class=\"{}\"/>", if alone { "best" } else { "tied" }));
    }

    /// Begins a group that a page can hide by its target. With the number of a cell the page tells `told` and the
    /// figures of that cell; without one the group tells `told` by itself.
    pub fn begin(&mut self, target: &str, cell: Option<usize>, told: &str) {
        let (target, told) = (escaped(target), escaped(told));
        match cell {
            Some(number) if told.is_empty() => {
                self.add(format_args!("<g data-target=\"{target}\" data-cell=\"{number}\">"))
            }
            Some(number) => {
                self.add(format_args!("<g data-target=\"{target}\" data-cell=\"{number}\" data-told=\"{told}\">"));
            }
            None if told.is_empty() => self.add(format_args!("<g data-target=\"{target}\">")),
            None => self.add(format_args!("<g data-target=\"{target}\"><title>{told}</title>")),
        }
    }

    /// Begins the row of a cell, of that height in pixels.
    pub fn begin_row(&mut self, target: &str, cell: usize, height: f64) {
        let (target, height) = (escaped(target), px(height));
        self.add(format_args!("<g data-target=\"{target}\" data-cell=\"{cell}\" data-row=\"{height}\">"));
    }

    /// Begins what stands in the key for a target, by which a page shows and hides it.
    pub fn begin_key(&mut self, target: &str) {
        self.add(format_args!("<g class=\"key\" data-target=\"{}\">", escaped(target)));
    }

    /// Ends what was begun last.
    pub fn end(&mut self) {
        self.add(format_args!("</g>"));
    }

    /// The whole picture. Alone it brings its colours and its ground along; in a page it takes those of the page.
    pub fn finish(&self, (width, height): (f64, f64), title: &str, alone: bool) -> String {
        let (width, height, title) = (px(width), px(height), escaped(title));
        let (space, role, ground) = if alone {
            let ground =
                format!("<style>\n{STYLE}</style>\n<rect width=\"{width}\" height=\"{height}\" class=\"paper\"/>\n");
            (" xmlns=\"http://www.w3.org/2000/svg\"", "img", ground)
        } else {
            // Its marks can be reached by keyboard in a page, which those of an image cannot.
            ("", "group", String::new())
        };
        format!(
            "<svg{space} class=\"chart\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"{role}\" aria-label=\"{title}\">\n{ground}{}</svg>\n",
            self.body
        )
    }

    fn add(&mut self, element: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.body, "{element}");
    }
}

/// The path through points.
fn through(points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (at, (x, y)) in points.iter().enumerate() {
        // Writing to a string cannot fail.
        let _ = write!(path, "{}{} {}", if at == 0 { 'M' } else { 'L' }, px(*x), px(*y));
    }
    path
}

/// True for the text of a picture that was made here.
pub fn is_ours(text: &str) -> bool {
    text.starts_with("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\"")
}

/// The class that colours the series of that number.
pub fn colour(series: usize) -> String {
    format!("s{}", series % 8)
}

/// The classes of the line of a series: its colour, and dashes from the second time round.
pub fn stroke(series: usize) -> String {
    format!("{} line d{}", colour(series), series % 5)
}

/// How wide a label is, about.
pub fn width_of(text: &str) -> f64 {
    text.chars().count() as f64 * CHARACTER
}

/// A label that is at most so many pixels wide: what is too much is cut from its middle, since names differ at
/// their ends.
pub fn shortened(text: &str, width: f64) -> String {
    // What fits exactly is not cut for a last bit of the division.
    let room = (width / CHARACTER + 0.01).max(3.0) as usize;
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= room {
        return text.to_owned();
    }
    let (head, tail) = ((room - 1) / 2, room / 2);
    characters[..head].iter().chain(&['…']).chain(&characters[characters.len() - tail..]).collect()
}

/// A distance as it is written: one decimal, none where it is whole.
fn px(value: f64) -> String {
    let tenths = (value * 10.0).round() as i64;
    let sign = if tenths < 0 { "-" } else { "" };
    let (whole, rest) = (tenths.abs() / 10, tenths.abs() % 10);
    if rest == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{rest}") }
}

fn classed(class: &str) -> String {
    if class.is_empty() { String::new() } else { format!(" class=\"{class}\"") }
}

/// A text in XML, on one line.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for c in clean(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\r' | '\t' | '\u{fffe}' | '\u{ffff}' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{Anchor, CHARACTER, Svg, px, shortened};

    #[test]
    fn numbers_have_one_decimal_and_no_negative_zero() {
        assert_eq!([px(1.0), px(-0.04), px(12.345), px(-3.21)], ["1", "0", "12.3", "-3.2"]);
    }

    #[test]
    fn texts_are_shown_and_not_obeyed() {
        let mut svg = Svg::new();
        svg.text(1.0, 2.0, Anchor::Start, "", "a<script>&\"'\n\u{0}b");
        svg.begin("x\" onload=\"y", None, "</title>");
        svg.end();
        let made = svg.finish((10.0, 10.0), "\"><script>", true);
        assert!(!made.contains("<script") && !made.contains("\" onload=\"") && !made.contains('\u{0}'), "{made}");
        assert_eq!(made.matches("</title>").count(), 1);
    }

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(shortened("rpyc-threaded-compress=true", 16.0 * CHARACTER), "rpyc-th…ess=true");
        assert_eq!(shortened("short", 16.0 * CHARACTER), "short");
    }
}
