//! Results made into a report: all arithmetic in a view, then templates that only lay out.

pub mod advice;
pub mod ahead;
pub mod answer;
pub mod aspects;
pub mod by_call;
pub mod calls;
pub mod capacity;
pub mod cell;
pub mod changes;
pub mod chart;
pub mod chips;
pub mod comparison;
pub mod course;
pub mod effect;
pub mod estimate;
pub mod expectations;
pub mod export;
pub mod headline;
pub mod lookup;
pub mod map;
pub mod markup;
pub mod method;
pub mod page;
pub mod parts;
pub mod places;
pub mod quantity;
pub mod reasons;
pub mod relative;
pub mod round_trips;
pub mod searched;
pub mod spending;
pub mod spoiled;
pub mod steadiness;
pub mod table;
pub mod template;
pub mod timeline;
pub mod times;
pub mod view;
pub mod words;
pub mod workload;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::report::chart::FOLDER;
use crate::report::chart::svg::is_ours;
use crate::report::template::render;
use crate::report::view::View;
use crate::report::workload::Workload;
use crate::results::Results;

/// The files of a report, each with the template that makes it.
const FILES: [(&str, &str); 2] = [
    ("report.md", include_str!("../../templates/report.md.jinja")),
    ("report.html", include_str!("../../templates/report.html.jinja")),
];

/// What stands in the first line of a file that is made here, so that it may be replaced.
pub const MARK: &str = "<!-- made by engine -->";

/// Every file of the report with its path from the report's folder.
fn files(results: &Results) -> Result<Vec<(String, String)>> {
    let view = Arc::new(View::of(results)?);
    let mut files = Vec::new();
    for (name, template) in FILES {
        files.push((name.to_owned(), render(&view, name, template)?));
    }
    let View { picture, workloads, .. } = Arc::unwrap_or_clone(view);
    let charts = picture.into_iter().chain(workloads.into_iter().flat_map(Workload::pictures));
    for chart in charts {
        // The first screen may show the picture of a workload.
        if files.iter().all(|(name, _)| *name != chart.file) {
            files.push((chart.file, chart.svg));
        }
    }
    Ok(files)
}

/// Writes the report into a folder, which is made where it is missing, and returns the files. Pictures of an older
/// report there that this one does not have are removed.
pub fn write(results: &Results, dir: &Path) -> Result<Vec<PathBuf>> {
    let files = files(results)?;
    for (name, content) in &files {
        spare(&dir.join(name), content)?;
    }
    let charts = dir.join(FOLDER);
    fs::create_dir_all(&charts).map_err(|error| Error::unwritable(&charts, error))?;
    for path in stale(dir, &files) {
        fs::remove_file(&path).map_err(|error| Error::unwritable(&path, error))?;
    }
    let mut written = Vec::new();
    for (name, content) in files {
        let path = dir.join(name);
        fs::write(&path, content).map_err(|error| Error::unwritable(&path, error))?;
        written.push(path);
    }
    Ok(written)
}

/// Fails where a folder has a file of somebody else's by the name of a report, which [`write`] would leave alone.
pub fn replaceable(dir: &Path) -> Result<()> {
    FILES.iter().try_for_each(|(name, _)| spare(&dir.join(name), ""))
}

/// Fails where a file is there that was not made here, and is not the very text that shall be written.
pub fn spare(path: &Path, content: &str) -> Result<()> {
    let theirs = |there: &[u8]| {
        let text = String::from_utf8_lossy(there);
        *text != *content && !text.lines().next().is_some_and(|first| first.contains(MARK)) && !is_ours(&text)
    };
    match fs::read(path) {
        Ok(there) if theirs(&there) => Err(Error::usage(format!(
            "{} was not made by engine, or by one that did not mark what it made, and is left alone",
            path.display()
        ))
        .help("move it away or remove it, or name another folder by --out")),
        _ => Ok(()),
    }
}

/// Fails where a report in a folder is not what the results give, naming the file and its first differing line.
pub fn check(results: &Results, dir: &Path) -> Result<()> {
    const AGAIN: &str = "write the report again with `engine report`";
    let files = files(results)?;
    for (name, rendered) in &files {
        let path = dir.join(name);
        let committed = fs::read_to_string(&path)
            .map_err(|error| Error::failed(format!("{} cannot be read: {error}", path.display())).help(AGAIN))?;
        if committed != *rendered {
            let same = rendered.lines().zip(committed.lines()).take_while(|(a, b)| a == b).count();
            return Err(Error::failed(format!(
                "{}:{}: is `{}`, but the results give `{}`",
                path.display(),
                same + 1,
                committed.lines().nth(same).unwrap_or("the end of the file"),
                rendered.lines().nth(same).unwrap_or("the end of the file"),
            ))
            .help(AGAIN));
        }
    }
    match stale(dir, &files).first() {
        Some(path) => {
            Err(Error::failed(format!("{} is of no report that the results give", path.display())).help(AGAIN))
        }
        None => Ok(()),
    }
}

/// Pictures of ours in the folder of a report that are not among its files.
fn stale(dir: &Path, files: &[(String, String)]) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join(FOLDER)).into_iter().flatten().flatten();
    let mut stale: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| !files.iter().any(|(name, _)| dir.join(name) == *path))
        .filter(|path| fs::read_to_string(path).is_ok_and(|text| is_ours(&text)))
        .collect();
    stale.sort();
    stale
}
