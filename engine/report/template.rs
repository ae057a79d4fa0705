//! A view laid out by a template: ours or a user's, which can neither crash the engine nor run for ever.

use std::error::Error as _;
use std::sync::Arc;
use std::thread;

use minijinja::{Environment, ErrorKind, UndefinedBehavior};

use crate::error::{Context, Error, Result};
use crate::report::view::View;
use crate::report::{lookup, markup, page, parts};

/// The longest template, in bytes.
const LONGEST: usize = 256 * 1024;

/// How many steps a template may take: a hundred times what the longest report of ours takes.
const STEPS: u64 = 100_000_000;

/// The stack that a template needs however short it is, in bytes.
const STACK: usize = 16 << 20;

/// What each byte of a template may need of the stack besides, in bytes: its reader goes a level deeper for each
/// operator before a value, the shortest of which is one byte.
const STACK_EACH: usize = 4 << 10;

/// Lays a view out by the text of a template; texts are escaped as the ending of `name`, its path, asks.
///
/// An error names the line. A template that is nested however deep, or that does not end, is an error too.
pub fn render(view: &Arc<View>, name: &str, template: &str) -> Result<String> {
    if template.len() > LONGEST {
        return Err(Error::usage(format!("{name} has {} bytes, and a template has at most {LONGEST}", template.len())));
    }
    let laying = || lay_out(view, name, template);
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(STACK + template.len() * STACK_EACH).spawn_scoped(scope, laying);
        let laid = thread.doing("cannot start a thread for the template")?.join();
        laid.unwrap_or_else(|_| Err(Error::usage(format!("{name} asks for more than can be made"))))
    })
}

fn lay_out(view: &Arc<View>, name: &str, template: &str) -> Result<String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(STEPS));
    let mut syntax = environment.syntax().to_builder();
    let syntax = syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build();
    environment.set_syntax(syntax.doing("preparing templates")?);
    environment.set_auto_escape_callback(markup::escaping);
    environment.set_formatter(markup::formatter);
    environment.add_filter("fenced", markup::fenced);
    lookup::offer(&mut environment, view);
    page::offer(&mut environment);
    let laid = environment.render_named_str(name, template, parts::context(view));
    laid.map_err(|error| told(&error, name, template))
}

/// What is wrong with a template: its file and line, the reason, and the line itself.
fn told(error: &minijinja::Error, name: &str, template: &str) -> Error {
    let mut what = match error.kind() {
        ErrorKind::OutOfFuel => format!("this does not end: it was stopped after {STEPS} steps"),
        kind => error.detail().map_or_else(|| kind.to_string(), |detail| format!("{kind}: {detail}")),
    };
    let mut deeper = error.source();
    while let Some(source) = deeper {
        what = format!("{what}: {source}");
        deeper = source.source();
    }
    let Some(line) = error.line() else { return Error::usage(format!("{name}: {what}")) };
    let there = template.lines().nth(line - 1).unwrap_or_default().trim();
    let there: String = there.chars().take(80).chain(there.chars().nth(80).map(|_| '…')).collect();
    let fields = match error.kind() {
        ErrorKind::UndefinedError => {
            "; a template gets the view of the report, whose fields `engine schema view` tells"
        }
        _ => "",
    };
    Error::usage(format!("{name}:{line}: {what}")).help(format!("the line is `{there}`{fields}"))
}
