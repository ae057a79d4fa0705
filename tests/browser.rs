//! The HTML report in a real browser: nothing goes wrong, nothing is fetched, and tables, filters, switches and tips do
//! what they say.
//!
//! Where there is no Chromium the tests say so and pass; where `CI` is set they need it.

mod reports;
mod systems;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use engine::report::write;
use engine::results::Results;
use serde_json::{Value, json};

use reports::{Effect, open_loop, results};

/// What the page does to itself: it listens for what goes wrong, uses every control, and writes down what it sees.
/// It stands before the page's own script, and its second half runs once that has.
const PROBE: &str = include_str!("systems/page_probe.js");

fn browser() -> Option<PathBuf> {
    let found =
        std::env::var_os("PATH").into_iter().flat_map(|paths| std::env::split_paths(&paths).collect::<Vec<_>>());
    let found = found.map(|folder| folder.join("chromium")).find(|path| path.exists());
    assert!(found.is_some() || std::env::var_os("CI").is_none(), "CI needs chromium");
    if found.is_none() {
        eprintln!("skipped: there is no chromium");
    }
    found
}

/// What the probe wrote down about a page that was opened from its file.
fn opened(browser: &Path, html: &str) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("report.html");
    // The page's policy allows its own script only; that of the copy allows the probe too, and still no request.
    let (head, rest) = html.split_once("script-src 'sha256-").expect("a policy");
    let (_, rest) = rest.split_once('\'').expect("a hash");
    let html = format!("{head}script-src 'unsafe-inline'{rest}");
    fs::write(&page, html.replacen("<main>", &format!("<script>{PROBE}</script><main>"), 1)).expect("a copy");
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--virtual-time-budget=20000"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .args(["--window-size=1000,800", "--dump-dom"])
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("chromium starts");
    let dom = String::from_utf8_lossy(&output.stdout);
    let found = dom.split_once("<script id=\"probe\" type=\"application/json\">").expect("the probe ran").1;
    serde_json::from_str(found.split("</script>").next().expect("its end")).expect("JSON")
}

fn sound(seen: &Value) {
    assert_eq!(seen["errors"], json!([]), "{seen:#}");
    assert_eq!(seen["requests"], json!([]), "{seen:#}");
    let count = |key: &str| seen[key].as_u64().unwrap_or_else(|| panic!("{key}: {seen:#}"));
    assert!(count("tables") >= 5 && count("pictures") >= 3, "{seen:#}");
    assert_eq!(seen["sorted"], true, "{seen:#}");
    assert_eq!(seen["sorted_back"], true, "{seen:#}");
    assert!(count("rows_filtered") < count("rows"), "{seen:#}");
    assert_eq!(seen["only_the_chosen"], true, "{seen:#}");
    assert_eq!(count("rows_again"), count("rows"), "{seen:#}");
    assert_eq!(seen["switched"], true, "{seen:#}");
    assert_eq!(seen["one_drawing_each"], true, "{seen:#}");
    assert_eq!(seen["all_wide"], true, "{seen:#}");
    assert_eq!(seen["left_out"], true, "{seen:#}");
    assert!(count("narrowed") > 0 && seen["narrowed_wrong"] == json!([]) && seen["widened"] == true, "{seen:#}");
    assert!(seen["address"].as_str().is_some_and(|address| address.contains("?target=")), "{seen:#}");
    let tip = seen["tip"].as_str().expect("a tip");
    for figure in seen["figures"].as_array().expect("the figures of the cell") {
        assert!(tip.contains(figure.as_str().expect("a text")), "{seen:#}");
    }
    assert!(seen["figures"].as_array().is_some_and(|figures| figures.len() > 5), "{seen:#}");
}

#[test]
fn a_committed_report_works_in_a_browser() {
    let Some(browser) = browser() else { return };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rpyc-vs-http/report.html");
    sound(&opened(&browser, &fs::read_to_string(page).expect("a committed report")));
}

/// Five hundred cells: ten targets, five payloads, five numbers of clients, two calls.
fn many() -> Results {
    let mut effects = Vec::new();
    for target in 0..10 {
        for call in ["upload", "download"] {
            for payload in ["1KiB", "4KiB", "16KiB", "64KiB", "256KiB"] {
                for clients in [1, 2, 4, 8, 16] {
                    let axes = json!({"call": call, "payload": payload, "fill": "random", "clients": clients});
                    effects.push(Effect::new(&format!("tcp-{target}"), "grid", axes, 50_000 + 9_000 * target, 12));
                }
            }
        }
        effects.push(Effect::new(
            &format!("tcp-{target}"),
            "latency",
            json!({"call": "ping", "clients": 1}),
            60_000 + 5_000 * target,
            300,
        ));
    }
    let mut results = results(&effects);
    // All of them would have something to show over time.
    for record in &mut results.records {
        let stall = (record.trial == 2).then_some((5_200_000_000, 1_500_000_000));
        open_loop(record, 60_000, stall);
    }
    results
}

#[test]
fn five_hundred_cells_work_in_a_browser_and_are_small() {
    let folder = tempfile::tempdir().expect("a folder");
    write(&many(), folder.path()).expect("a report");
    let html = fs::read_to_string(folder.path().join("report.html")).expect("a page");
    assert!(html.len() < 2_000_000, "{} bytes", html.len());
    let Some(browser) = browser() else { return };
    let seen = opened(&browser, &html);
    sound(&seen);
    assert_eq!(seen["told"], true, "a trial over time tells what is to be seen in it: {seen:#}");
}

#[test]
fn the_policy_lets_the_pages_own_script_run_and_no_other() {
    let Some(browser) = browser() else { return };
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/quickstart/report.html");
    let html = fs::read_to_string(page).expect("a committed report");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("report.html");
    fs::write(&path, html.replacen("<main>", "<main><script>document.title = 'broken into';</script>", 1))
        .expect("a copy");
    let output = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--dump-dom"])
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}", path.display()))
        .output()
        .expect("chromium starts");
    let dom = String::from_utf8_lossy(&output.stdout);
    assert!(dom.contains("class=\"controls\""), "the page's own script makes its controls");
    assert!(dom.contains("<title>A first look</title>"), "another script does not run");
}

/// What a reader without a mouse sees of a page, in a browser that is told by its own protocol; none where there is none.
fn walked(page: &Path) -> Option<Value> {
    let (browser, modules) = (browser()?, systems::node_modules()?);
    let output = Command::new("node")
        .args([&systems::system("page.js"), &modules, &browser, &fs::canonicalize(page).expect("a page")])
        .output()
        .expect("node starts, for its packages are there");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

fn committed(scenario: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(scenario).join("report.html")
}

/// What holds of every page, however it is used.
fn usable(seen: &Value) {
    assert_eq!(seen["errors"], json!([]), "{seen:#}");
    assert_eq!(seen["faults"], json!([]), "serious faults that axe finds: {seen:#}");
    assert_eq!(seen["missed"], json!([]), "what the tabulator does not come to: {seen:#}");
    assert!(seen["reach"]["all"].as_u64() > Some(20) && seen["reach"]["all"] == seen["reach"]["reached"], "{seen:#}");
    assert_eq!(seen["unfolded"], true, "{seen:#}");
    assert!(seen["told"].as_str().is_some_and(|told| told.contains("target ")) && seen["quiet"] == true, "{seen:#}");
    if seen["key"] == true {
        let count = |name: &str| seen[name].as_u64().expect("a count");
        assert!(count("before") > 0 && count("after") == 0 && count("again") == count("before"), "{seen:#}");
    }
    assert!(seen["chosen"].as_str().is_some_and(|target| !target.is_empty()), "{seen:#}");
    assert!(seen["address"].as_str().is_some_and(|address| address.contains("?target=")), "{seen:#}");
    assert!(seen["same"] == true && seen["filtered"] == true, "the link does not give the same view: {seen:#}");
    assert_eq!(seen["hidden"], json!([]), "places that the bar hides, or that the link does not come to: {seen:#}");
    assert_eq!(seen["printed"], true, "{seen:#}");
    assert!(seen["narrow"]["wide"].as_f64() <= Some(400.0), "the page is wider than the screen: {seen:#}");
    assert!(seen["narrow"]["chart"]["text"].as_f64() >= Some(9.0), "nobody reads such letters: {seen:#}");
}

#[test]
fn the_first_screen_has_a_figure_and_a_picture_and_needs_no_mouse() {
    let Some(seen) = walked(&committed("quickstart")) else { return };
    usable(&seen);
    let px = |of: &str, what: &str| seen[of][what].as_f64().expect("a place");
    assert!(px("wide", "chart") < 900.0 && px("wide", "figure") < 900.0, "{seen:#}");
    assert!(px("narrow", "figure") < 700.0, "{seen:#}");
    let text = seen["wide"]["text"].as_str().expect("the first sentence");
    assert!([" µs", " ms", " ns", " MB/s", "/s"].iter().any(|unit| text.contains(unit)), "no figure: {text}");
}

#[test]
fn the_longest_report_is_below_twelve_screens() {
    let Some(seen) = walked(&committed("reference-suite")) else { return };
    usable(&seen);
    let height = seen["height"].as_f64().expect("a height");
    assert!(height < 12.0 * 900.0, "{height}");
}

#[test]
fn a_search_shows_p99_against_the_rate_and_needs_no_mouse() {
    let Some(seen) = walked(&committed("capacity")) else { return };
    usable(&seen);
}
