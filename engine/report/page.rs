//! What an HTML report brings along instead of fetching it: its style and its script.
//!
//! The hashes of these two stand in its content security policy, which allows nothing else.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minijinja::Environment;
use minijinja::value::Value;
use ring::digest::{SHA256, digest};

use crate::report::chart::svg::STYLE;

const OWN_STYLE: &str = include_str!("../../templates/report.css");
const SCRIPT: &str = include_str!("../../templates/report.js");

/// Gives templates `page.style` and `page.script`, and `page.style_hash` and `page.script_hash` for a content
/// security policy.
pub fn offer(environment: &mut Environment<'_>) {
    let style = format!("\n{OWN_STYLE}{STYLE}");
    let script = format!("\n{SCRIPT}");
    let page = [("style_hash", hash(&style)), ("script_hash", hash(&script)), ("style", style), ("script", script)];
    let page: BTreeMap<&str, Value> =
        page.into_iter().map(|(name, text)| (name, Value::from_safe_string(text))).collect();
    environment.add_global("page", Value::from_object(page));
}

fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(digest(&SHA256, text.as_bytes())))
}
