//! Pictures of a workload: which there are, what each says, and its SVG.
//!
//! Each picture has a table beside it that holds the same figures.

pub mod ahead;
pub mod answer;
pub mod bars;
pub mod cost;
pub mod forest;
pub mod heat;
pub mod lines;
pub mod percentiles;
pub mod plot;
pub mod probes;
pub mod scale;
pub mod svg;
pub mod timeline;

use schemars::JsonSchema;
use serde::Serialize;

use crate::figures::{NONE, counted, grouped, listed};
use crate::report::cell::Cell;
use crate::report::chart::plot::{MOST_SERIES, Manner, Medium, Panel, along, values};
use crate::report::comparison::{Comparison, Outcome};
use crate::report::effect::told::AxisEffects;
use crate::report::quantity::{Quantile, Quantity};
use crate::report::table::Table;
use crate::report::timeline::{shown, table};
use crate::results::measure::Measure;

/// The folder of the pictures in that of the report.
pub const FOLDER: &str = "charts";

/// More fields than this are not drawn in one picture; the tables hold them all.
const MOST_PANELS: usize = 12;

/// Along an axis of fewer values than this bars say more than lines.
const LEAST_POINTS: usize = 3;

/// Values that differ by more than this factor are drawn on a logarithmic axis at first.
const FAR: f64 = 25.0;

/// One picture of a workload.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Chart {
    /// Its file, from the folder of the report: `charts/latency-response.svg`; empty where only the page has it.
    pub file: String,
    /// What it shows.
    pub title: String,
    /// Units, sample sizes, and what is left out.
    pub note: String,
    /// The picture as a file of its own; empty where it has none.
    pub svg: String,
    /// The pictures of a page that can be switched, the first as in the file.
    pub drawings: Vec<Drawing>,
}

/// A picture as part of a page, which brings the colours (`chart_style`).
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Drawing {
    /// Which quantile of the response time it shows: `p50`; none where it shows something else.
    pub quantile: Option<&'static str>,
    /// Its axis: `linear` or `log`.
    pub scale: &'static str,
    /// For which screen it is drawn: `wide`, or `narrow` as a twin of the first.
    pub width: &'static str,
    /// The picture.
    pub svg: String,
}

/// Trials of a workload over time: a picture, and the same in a table.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Timeline {
    /// The picture.
    pub chart: Chart,
    /// What is to be seen in it.
    pub table: Table,
}

/// The workload that pictures are of.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// What the names of its files begin with.
    pub stem: &'a str,
    /// Its name.
    pub workload: &'a str,
    /// The axes that vary in it.
    pub axes: &'a [String],
    /// Those of its cells that are drawn.
    pub cells: &'a [Cell],
    /// Who is ahead in each setting.
    pub comparisons: &'a [Comparison],
    /// The targets of the report; a target's place here is its colour and mark in all pictures.
    pub targets: &'a [String],
    /// The target that others are told as multiples of, where the scenario names one.
    pub baseline: Option<&'a str>,
}

/// One kind of picture: what it draws, and how often.
struct Kind<'a> {
    file: &'a str,
    title: String,
    /// What can be drawn, the first of them at first.
    quantities: Vec<Quantity>,
    /// Whether its axis is logarithmic at first, and whether it can be either.
    logarithmic: bool,
    either: bool,
}

/// The pictures of the figures of a workload.
pub fn charts(scene: &Scene<'_>) -> Vec<Chart> {
    let Scene { workload, axes, cells, .. } = *scene;
    let Some(first) = cells.first() else { return Vec::new() };
    let mut charts: Vec<Chart> = first.measures().into_iter().map(|measure| figures(scene, measure)).collect();
    charts.extend(cells.iter().any(|cell| cell.capacity.is_some()).then(|| {
        let (panels, left_out) = panels(axes, None, cells, |_| &[]);
        let kind = Kind {
            file: "probes",
            title: format!("{workload}: p99 against the rate that was offered"),
            quantities: vec![Quantity::Rate],
            logarithmic: true,
            either: true,
        };
        let note = format!(
            "Each mark is one probe of a search, the line their geometric means at like rates; {}.{left_out}",
            sample(cells)
        );
        scene.picture(kind, note, |_, manner, title| probes::draw(&panels, manner, title))
    }));
    charts.extend(cells.iter().any(|cell| !cell.curve().is_empty()).then(|| {
        let (panels, left_out) = panels(axes, None, cells, |_| &[]);
        let values: Vec<f64> = cells.iter().flat_map(Cell::curve).map(|point| point.ns as f64).collect();
        let kind = Kind {
            file: "percentiles",
            title: format!("{workload}: pooled response time by percentile"),
            quantities: vec![Quantity::Rate],
            logarithmic: far(&values),
            either: true,
        };
        let note = format!(
            "Pooled: the calls of all trials of a cell together, as far as ten calls lie beyond a percentile and none \
             was given up; {}.{left_out}",
            sample(cells)
        );
        scene.picture(kind, note, |_, manner, title| percentiles::draw(&panels, manner, title))
    }));
    charts
}

/// The picture of what the cells are ranked by.
fn figures(scene: &Scene<'_>, measure: Measure) -> Chart {
    let Scene { workload, axes, cells, .. } = *scene;
    let quantity = Quantity::of(measure);
    let quantities = match quantity {
        Quantity::Time(_) => Quantile::DRAWN.map(Quantity::Time).to_vec(),
        other => vec![other],
    };
    let known = |wanted: &Quantity| *wanted == quantity || cells.iter().any(|cell| cell.figure(*wanted).is_some());
    let quantities: Vec<Quantity> = quantities.into_iter().filter(known).collect();
    let along = along(axes, cells).filter(|axis| values(axis, cells) >= LEAST_POINTS);
    let (panels, left_out) = panels(axes, along, cells, |setting| {
        let ranked = |it: &&Comparison| matches!(it.outcome, Outcome::Ahead | Outcome::Tie);
        let mut of_measure = scene.comparisons.iter().filter(|it| it.measure == measure).filter(ranked);
        of_measure.find(|it| it.setting == setting).map_or(&[], |it| &it.leaders)
    });
    let many = along.is_some() && panels.iter().any(|panel| panel.targets() > MOST_SERIES);
    let values: Vec<f64> = cells.iter().filter_map(|cell| Some(cell.figure(quantity)?.value)).collect();
    let limited = measure != Measure::ResponseTime && cells.iter().any(Cell::limited);
    let bound = if limited { " What the client limited is a lower bound: see the table." } else { "" };
    let drawn = match along {
        _ if many => "Geometric means of the trials",
        Some(_) => "Geometric means of the trials, whiskers their intervals of 95 %, cut at the edge",
        None => {
            "Geometric means of the trials, the best first, whiskers their intervals of 95 %, cut at the edge; a star \
             is ahead of all others, rings are tied"
        }
    };
    let kind = Kind {
        file: quantity.file(),
        title: match along {
            Some(axis) => format!("{workload}: {} against {axis}", quantity.title()),
            None => format!("{workload}: {}", quantity.title()),
        },
        quantities,
        logarithmic: !many && far(&values),
        either: !many,
    };
    let note = format!("{drawn}; {}.{left_out}{bound}", sample(cells));
    scene.picture(kind, note, |drawn, manner, title| match along {
        Some(axis) if many => heat::draw(&panels, axis, drawn, manner, title),
        Some(axis) => lines::draw(&panels, axis, drawn, manner, title),
        None => bars::draw(&panels, drawn, drawn == quantity, manner, title),
    })
}

/// The picture of who is ahead in each setting; none where nobody is ranked.
pub fn ahead_chart(scene: &Scene<'_>) -> Option<Chart> {
    let mut forests = ahead::forests(scene.axes, scene.cells, scene.comparisons);
    if forests.is_empty() {
        return None;
    }
    let left_out = left_out(forests.len(), ahead::MOST);
    forests.truncate(ahead::MOST);
    let kind = Kind {
        file: "ahead",
        title: format!("{}: who is ahead", scene.workload),
        quantities: vec![Quantity::Rate],
        logarithmic: true,
        either: false,
    };
    let note = format!(
        "How many times better than each target the best is, with the interval of 95 %; hollow marks are tied with it. \
         {}.{left_out}",
        capitalised(&sample(scene.cells))
    );
    let chart = scene.picture(kind, note, |_, manner, title| ahead::draw(&forests, manner, title));
    Some(Chart { file: String::new(), svg: String::new(), ..chart })
}

/// The picture of the first screen: what the axes of the question do; none where they have no effect to show.
pub fn answer_chart(effects: &[AxisEffects], targets: &[String], baseline: Option<&str>) -> Option<Chart> {
    let picture = answer::picture(effects)?;
    let scene = Scene { stem: "report", workload: "", axes: &[], cells: &[], comparisons: &[], targets, baseline };
    let asked: Vec<&str> = effects.iter().filter(|axis| axis.asked).map(|axis| axis.axis.as_str()).collect();
    let (title, note) = match picture {
        answer::Picture::Shapes(axis, _) => (
            format!("How figures run along {}", axis.axis),
            "Geometric means of the cells with that value, everything else equal, with their intervals of 95 %."
                .to_owned(),
        ),
        answer::Picture::Ratios(_) => (
            format!("What {} {}", listed(&asked), if asked.len() == 1 { "does" } else { "do" }),
            "Each mark is the ratio of two values, everything else equal, with an interval of 95 % that holds for all \
             effects of the report at once; hollow marks show no difference."
                .to_owned(),
        ),
    };
    let quantities = vec![Quantity::Rate];
    let kind = Kind { file: "answer", title, quantities, logarithmic: true, either: false };
    Some(scene.picture(kind, note, |_, manner, title| answer::draw(&picture, manner, title)))
}

/// The picture of what a workload cost, where its counters are fine enough for one.
pub fn cost_chart(scene: &Scene<'_>) -> Option<Chart> {
    let Scene { workload, axes, cells, .. } = *scene;
    if !cells.iter().any(|cell| cost::parts(cell).iter().any(Option::is_some)) {
        return None;
    }
    let (panels, left_out) = panels(axes, None, cells, |_| &[]);
    let kind = Kind {
        file: "cost",
        title: format!("{workload}: CPU time of a call at both ends"),
        quantities: vec![Quantity::Rate],
        logarithmic: false,
        either: false,
    };
    let note = format!("Geometric means of the trials, the least first; {}.{left_out}", sample(cells));
    Some(scene.picture(kind, note, |_, manner, title| cost::draw(&panels, manner, title)))
}

/// The trials of a workload that are worth seeing over time; none where there are none.
pub fn timeline(scene: &Scene<'_>) -> Option<Timeline> {
    let Scene { workload, axes, cells, .. } = *scene;
    let (shown, all) = shown(cells);
    if shown.is_empty() {
        return None;
    }
    let values = || shown.iter().flat_map(|(_, course)| &course.slices).filter(|slice| slice.ok > 0);
    let values: Vec<f64> = values().flat_map(|slice| [slice.p50_ns as f64, slice.max_ns as f64]).collect();
    let left_out = if all > shown.len() {
        format!(" Drawn are the {} of {all} such cells whose longest reply took most times the usual.", shown.len())
    } else {
        String::new()
    };
    let kind = Kind {
        file: "timeline",
        title: format!("{workload}: response time over a trial"),
        quantities: vec![Quantity::Rate],
        logarithmic: far(&values),
        either: true,
    };
    let note = format!(
        "Each field is one trial of its cell, which the table names: its answered calls by when they were due, in at \
         most {} slices; where a line is broken no call was answered. Of {}.{left_out}",
        shown.iter().map(|(_, course)| course.slices.len()).max().unwrap_or(0),
        sample(shown.iter().map(|(cell, _)| *cell)),
    );
    let chart = scene.picture(kind, note, |_, manner, title| timeline::draw(&shown, axes, manner, title));
    Some(Timeline { chart, table: table(axes, &shown) })
}

impl Scene<'_> {
    /// One picture in all its drawings.
    fn picture(&self, kind: Kind<'_>, note: String, draw: impl Fn(Quantity, &Manner<'_>, &str) -> String) -> Chart {
        let Kind { file, title, quantities, logarithmic, either } = kind;
        let drawn = |quantity: Quantity, logarithmic: bool, medium: Medium| {
            let manner = Manner { targets: self.targets, baseline: self.baseline, logarithmic, medium };
            draw(quantity, &manner, &title)
        };
        let drawing = |quantity: Quantity, logarithmic: bool, medium: Medium| Drawing {
            quantile: quantity.quantile().map(Quantile::name),
            scale: if logarithmic { "log" } else { "linear" },
            width: medium.name(),
            svg: drawn(quantity, logarithmic, medium),
        };
        let scales = if either { vec![logarithmic, !logarithmic] } else { vec![logarithmic] };
        let wide =
            quantities.iter().flat_map(|quantity| scales.iter().map(|scale| drawing(*quantity, *scale, Medium::Page)));
        let first = quantities.first().copied().unwrap_or(Quantity::Rate);
        let narrow = drawing(first, logarithmic, Medium::Narrow);
        Chart {
            file: format!("{FOLDER}/{}-{file}.svg", self.stem),
            note,
            svg: drawn(first, logarithmic, Medium::File),
            drawings: wide.chain([narrow]).collect(),
            title,
        }
    }
}

/// A panel for each setting, the values along one axis taken together, and what is said of those left out. `leaders`
/// gives who is ahead in the setting of a panel that has one.
fn panels<'a>(
    axes: &[String],
    along: Option<&str>,
    cells: &'a [Cell],
    leaders: impl Fn(&[String]) -> &'a [String],
) -> (Vec<Panel<'a>>, String) {
    let mut panels: Vec<Panel<'a>> = Vec::new();
    for cell in cells {
        let others = axes.iter().filter(|axis| Some(axis.as_str()) != along);
        let title: Vec<String> = others.filter_map(|axis| Some(format!("{axis} {}", cell.axis(axis)?))).collect();
        let title = title.join(", ");
        if let Some(panel) = panels.iter_mut().find(|panel| panel.title == title) {
            panel.cells.push(cell);
            continue;
        }
        let setting: Vec<String> = axes.iter().map(|axis| cell.axis(axis).unwrap_or_else(|| NONE.to_owned())).collect();
        let leaders = if along.is_none() { leaders(&setting) } else { &[] };
        panels.push(Panel { title, cells: vec![cell], leaders });
    }
    let left_out = left_out(panels.len(), MOST_PANELS);
    panels.truncate(MOST_PANELS);
    (panels, left_out)
}

fn left_out(all: usize, most: usize) -> String {
    if all > most {
        format!(" Drawn are the first {most} of {all} settings; the tables hold them all.")
    } else {
        String::new()
    }
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}

/// How much a picture rests on.
fn sample<'a>(cells: impl IntoIterator<Item = &'a Cell>) -> String {
    let (trials, calls): (Vec<u64>, Vec<u64>) =
        cells.into_iter().map(|cell| (cell.trials.counted as u64, cell.response.count)).unzip();
    let range = |values: Vec<u64>, one: &str, many: &str| {
        let (least, most) = (values.iter().min().copied().unwrap_or(0), values.iter().max().copied().unwrap_or(0));
        if least == most {
            counted(most as usize, one, many)
        } else {
            format!("{} to {} {many}", grouped(least), grouped(most))
        }
    };
    let (trials, calls) = (range(trials, "trial", "trials"), range(calls, "call", "calls"));
    format!("{trials} and {calls} a cell")
}

fn far(values: &[f64]) -> bool {
    let largest = values.iter().copied().fold(0.0, f64::max);
    let least = values.iter().copied().filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
    largest > FAR * least
}
