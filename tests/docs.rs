//! What is committed under docs/ is what the results beside it give, and its links lead somewhere.

#[path = "reports/agreement.rs"]
mod agreement;
#[path = "benches/performance/page.rs"]
mod page;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use engine::plan::Plan;
use engine::report::cell::Cell;
use engine::report::comparison::{Comparison, Outcome};
use engine::report::view::View;
use engine::results::Results;

/// Each page that a template makes, with the scenario whose results it is made from.
const PAGES: [(&str, &str); 4] = [
    ("claims.md", "reference-suite"),
    ("claims-cpu-or-io.md", "cpu-or-io"),
    ("claims-compression.md", "compression"),
    ("claims-lan.md", "reference-suite-lan"),
];

fn home() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// What the engine writes to stdout.
fn engine(arguments: &[&Path]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_engine")).args(arguments).output().expect("the engine starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("a page is UTF-8")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{} cannot be read: {error}", path.display()))
}

/// The folders under docs/; each is that of a scenario, but for the one of example services.
fn folders() -> Vec<PathBuf> {
    inside(&home().join("docs")).into_iter().filter(|path| !path.ends_with("own")).collect()
}

/// The same with those of the example services.
fn all_folders() -> Vec<PathBuf> {
    let own = home().join("docs/own");
    folders().into_iter().chain(if own.exists() { inside(&own) } else { Vec::new() }).collect()
}

fn inside(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("the folder is part of the project");
    entries.map(|entry| entry.expect("it can be listed").path()).filter(|path| path.is_dir()).collect()
}

/// The scenario of a folder.
fn scenario(folder: &Path) -> PathBuf {
    let inside = folder.strip_prefix(home().join("docs")).expect("it is a document");
    home().join("scenarios").join(inside).with_extension("yaml")
}

fn measured(scenario: &str) -> bool {
    home().join("docs").join(scenario).join("results.json").exists()
}

#[test]
fn each_report_is_what_its_results_give() {
    for folder in all_folders() {
        assert!(scenario(&folder).exists(), "{} is of no scenario", folder.display());
        engine(&[Path::new("report"), &folder, Path::new("--check"), &folder]);
    }
}

#[test]
fn each_committed_record_is_of_a_cell_that_its_scenario_plans() {
    for folder in all_folders().into_iter().filter(|folder| folder.join("results.json").exists()) {
        let results = Results::read(&folder).expect("committed results are readable");
        // Results hold the lengths of what may be secret in calls of one's own, and no scenario any more.
        let file = scenario(&folder);
        let scenario = match results.scenario.get("calls") {
            None => engine::scenario::read("results", &results.scenario.to_string(), &[]),
            Some(_) => engine::scenario::read(&file.display().to_string(), &read(&file), &[]),
        };
        let scenario = scenario.unwrap_or_else(|mistakes| panic!("{}: {}", folder.display(), mistakes.render(false)));
        let planned: BTreeSet<String> = Plan::of(&scenario).cells.into_iter().map(|cell| cell.planned.id).collect();
        let measured: BTreeSet<String> = results.records.iter().map(|record| results.id(record).to_owned()).collect();
        assert_eq!(measured, planned, "{}", folder.display());
    }
}

#[test]
fn a_figure_is_the_same_in_chart_label_tooltip_table_and_answer_and_divides_to_the_ratio() {
    for folder in all_folders().into_iter().filter(|folder| folder.join("results.json").exists()) {
        let view = View::of(&Results::read(&folder).expect("committed results are readable")).expect("a view");
        let page = read(&folder.join("report.html"));
        let (mut drawn, mut divided) = (0, 0);
        let compared = |it: &Comparison| matches!(it.outcome, Outcome::Ahead | Outcome::Tie);
        let ranked = view.workloads.iter().flat_map(|workload| &workload.comparisons).any(compared);
        for workload in &view.workloads {
            let shown = agreement::Shown::of(workload);
            for chart in &workload.charts {
                drawn += shown.told(&read(&folder.join(&chart.file)));
                for drawing in &chart.drawings {
                    assert!(page.contains(drawing.svg.trim_end()), "{}: {}", folder.display(), chart.title);
                    drawn += shown.labelled(drawing);
                }
            }
            divided += shown.divides(workload);
        }
        assert!(drawn > 0 && (divided > 0 || !ranked), "{}: nothing was compared", folder.display());
    }
}

#[test]
fn what_a_forge_shows_is_short_and_narrow() {
    for folder in all_folders().into_iter().filter(|folder| folder.join("results.json").exists()) {
        let markdown = read(&folder.join("report.md"));
        let cells = Results::read(&folder).expect("committed results are readable").cells.len();
        // What is asked of a hundred cells; a longer report is longer by its rows.
        let most = 25_000 + 120 * cells.saturating_sub(100);
        assert!(markdown.len() < most, "{}: {} bytes for {cells} cells", folder.display(), markdown.len());
        for line in markdown.lines().filter(|line| line.starts_with('|')) {
            let columns = line.replace("\\|", "").matches('|').count() - 1;
            assert!(columns <= 7, "{}: {columns} columns: {line}", folder.display());
        }
    }
}

#[test]
fn the_table_of_the_readme_is_that_of_the_report() {
    let readme = read(&home().join("README.md"));
    let (_, table) =
        readme.split_once("| target | connect, p50 | ping, p50 | calls/s of 10 clients |").expect("a table");
    let view = View::of(&Results::read(&home().join("docs/reference-suite")).expect("results")).expect("a view");
    let shown = |workload: &str, target: &str, column: &str| -> String {
        let workload = view.workloads.iter().find(|it| it.name == workload).expect(workload);
        let few = |cell: &&Cell| cell.target == target && cell.axis("clients").is_some_and(|count| count != "128");
        let cell = workload.cells.iter().find(few).expect(target).number;
        let table = workload.tables.iter().find(|table| table.main).expect("the table of cells");
        let row = table.rows.iter().find(|row| row.cell == Some(cell)).expect("a row for each cell");
        row.texts[table.columns.iter().position(|it| it.label == column).expect(column)].clone()
    };
    let rows: Vec<&str> = table.lines().skip(2).take_while(|line| line.starts_with('|')).collect();
    for row in &rows {
        let texts: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let target = texts[0].trim_matches('`');
        let figures =
            [shown("connect", target, "p50"), shown("latency", target, "p50"), shown("concurrent", target, "calls/s")];
        assert_eq!(texts[1..], figures.each_ref().map(String::as_str), "{target}");
    }
    assert_eq!(rows.len(), view.headline.rows.len());
}

#[test]
fn each_scenario_is_measured_by_the_recipe_and_stands_in_the_index() {
    let recipes = read(&home().join("justfile"));
    let (_, recipe) = recipes.split_once("\nremeasure:").expect("there is a recipe that measures anew");
    let measured: BTreeSet<&str> = recipe.split([' ', ';', '\n', '\\']).collect();
    let index = read(&home().join("docs/README.md"));
    let entries = fs::read_dir(home().join("scenarios")).expect("scenarios/ is part of the project");
    for path in entries.map(|entry| entry.expect("it can be listed").path()).filter(|path| path.is_file()) {
        let name = path.file_stem().and_then(|name| name.to_str()).expect("a scenario has a name");
        assert!(measured.contains(name), "`just remeasure` leaves {name} out");
        assert!(index.contains(&format!("({name}/report.md)")), "docs/README.md leaves {name} out");
    }
}

#[test]
fn the_gallery_shows_every_report_with_its_answer_and_a_picture() {
    let mut gallery = read(&home().join("templates/index.md"));
    let mut folders: Vec<PathBuf> =
        folders().into_iter().filter(|folder| folder.join("results.json").exists()).collect();
    // As a shell lists what is in them, in the order of bytes.
    folders.sort_by_key(|folder| format!("{}/", folder.display()));
    let template = home().join("templates/gallery.md.jinja");
    for folder in &folders {
        let entry = engine(&[Path::new("report"), folder, Path::new("--template"), &template]);
        let name = folder.file_name().and_then(|name| name.to_str()).expect("a folder has a name");
        gallery.push_str(&entry.replace("FOLDER", name));
    }
    let index = read(&home().join("docs/README.md"));
    assert!(index == gallery, "docs/README.md is not what `just docs` makes");
    assert_eq!(index.matches("\n![").count(), folders.len());
}

#[test]
fn each_page_of_claims_is_what_its_template_makes() {
    for (page, scenario) in PAGES {
        let committed = home().join("docs").join(page);
        if !measured(scenario) {
            assert!(!committed.exists(), "{page} is made from no results");
            continue;
        }
        let results = home().join("docs").join(scenario);
        let template = home().join("templates").join(format!("{page}.jinja"));
        let made = engine(&[Path::new("report"), &results, Path::new("--template"), &template]);
        assert!(made.contains("# "), "{page} has no heading");
        assert!(made.trim_end() == read(&committed).trim_end(), "{page} is not what `just docs` makes");
    }
}

#[test]
fn the_page_of_performance_is_what_its_figures_give() {
    let suite = serde_json::from_str(&read(&home().join("docs/performance.json"))).expect("the output of the bench");
    let made = page::page(&suite).expect("its template lays it out");
    assert!(made.contains("\n## The peers\n"), "it does not name the peers");
    assert!(made == read(&home().join("docs/performance.md")), "docs/performance.md is not what `just docs` makes");
}

/// Every page that people wrote: in docs/, and at the top.
fn written() -> Vec<PathBuf> {
    let top = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md"].map(|page| home().join(page));
    let docs = fs::read_dir(home().join("docs")).expect("docs/ is part of the project");
    let docs = docs.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|it| it == "md"));
    docs.chain(top).collect()
}

#[test]
fn links_lead_somewhere() {
    for page in written() {
        let folder = page.parent().expect("a page lies in a folder");
        let text = read(&page);
        for (_, rest) in text.match_indices("](").map(|(at, found)| text.split_at(at + found.len())) {
            let link = rest.split(')').next().unwrap_or_default();
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            if path.contains("://") {
                continue;
            }
            let target = if path.is_empty() { page.clone() } else { folder.join(path) };
            assert!(target.exists() || unmeasured(path), "{}: `{link}` leads nowhere", page.display());
            if !anchor.is_empty() && target.exists() {
                assert!(anchors(&read(&target)).contains(anchor), "{}: `{link}` has no such heading", page.display());
            }
        }
    }
}

#[test]
fn every_guide_stands_in_the_index() {
    let index = read(&home().join("docs/README.md"));
    for page in written().iter().filter(|page| page.parent() == Some(&home().join("docs"))) {
        let name = page.file_name().and_then(|name| name.to_str()).expect("a page has a name");
        assert!(name == "README.md" || index.contains(&format!("]({name})")), "docs/README.md leaves {name} out");
    }
}

/// True for a document that is made from results that are not there yet.
fn unmeasured(path: &str) -> bool {
    let made = PAGES.iter().find(|(page, _)| *page == path).map(|(_, scenario)| *scenario);
    let scenario = made.or(path.strip_suffix("/report.md"));
    scenario.is_some_and(|name| home().join("scenarios").join(name).with_extension("yaml").exists() && !measured(name))
}

/// The names by which GitHub links to the headings of a page.
fn anchors(markdown: &str) -> BTreeSet<String> {
    let headings = markdown.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let kept = |c: &char| c.is_alphanumeric() || " -_".contains(*c);
            line.trim_start_matches('#')
                .trim()
                .to_lowercase()
                .chars()
                .filter(kept)
                .collect::<String>()
                .replace(' ', "-")
        })
        .collect()
}
