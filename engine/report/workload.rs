//! One workload of a report, ready to be laid out.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::cell::Cell;
use crate::report::chart::{Chart, Timeline};
use crate::report::comparison::Comparison;
use crate::report::map::Map;
use crate::report::table::Table;
use crate::report::words::Named;

/// One workload.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Workload {
    /// Its name.
    pub name: String,
    /// A name for links to it, as GitHub makes it from its name.
    pub slug: String,
    /// What the names of its files begin with.
    pub stem: String,
    /// What is the same in all its cells.
    pub setting: Vec<Named>,
    /// The axes that vary in it.
    pub axes: Vec<String>,
    /// Who is ahead in it, in a sentence.
    pub summary: String,
    /// Who is ahead in each setting.
    pub comparisons: Vec<Comparison>,
    /// The same as a table.
    pub ranking: Table,
    /// Its cells with every figure as a number.
    pub cells: Vec<Cell>,
    /// Who is ahead where, side by side along an axis.
    pub map: Map,
    /// Its figures as pictures; each stands in a table too.
    pub charts: Vec<Chart>,
    /// Who is ahead in each setting as a picture, which no file has; none where nobody is ranked.
    pub ahead_chart: Option<Chart>,
    /// Its figures as tables.
    pub tables: Vec<Table>,
    /// The figures that matter most as one narrow table.
    pub brief: Table,
    /// Single trials over time, where there is something to see: calls due by the clock, a stall, a change of pace.
    pub timeline: Option<Timeline>,
    /// What it cost, as a picture; none where the counters were too coarse.
    pub cost_chart: Option<Chart>,
    /// What it cost.
    pub cost: Table,
}

impl Workload {
    /// All of its pictures that have a file.
    pub fn pictures(self) -> impl Iterator<Item = Chart> {
        self.charts.into_iter().chain(self.timeline.map(|timeline| timeline.chart)).chain(self.cost_chart)
    }
}
