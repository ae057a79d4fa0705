//! The files that a scenario names, which are read before anything is measured.

use serde::Serialize;

use crate::call::own::grpc::Proto;
use crate::figures::counted;
use crate::scenario::written::Scenario;
use crate::stack::own::options::FILES;

/// A file that a scenario names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NamedFile {
    /// Whose it is: the name of a target or of a call; of rows, their columns.
    pub of: String,
    /// The key that names it.
    pub key: &'static str,
    /// Its path, from the scenario's folder.
    pub file: String,
}

impl Scenario {
    /// Every file that it names, each key of a target or call once, and those with rows.
    pub fn files(&self) -> Vec<NamedFile> {
        let of_calls =
            self.calls.files().map(|(call, key, file)| NamedFile { of: call.to_owned(), key, file: file.to_owned() });
        let of_targets = self.targets.iter().flat_map(|target| {
            let named = FILES
                .into_iter()
                .flat_map(|key| target.options.get(key).into_iter().flatten().map(move |it| (key, it.to_string())));
            let described = match &target.proto {
                Some(Proto::Files { names, .. }) => names.as_slice(),
                _ => &[],
            };
            let named = named.chain(described.iter().map(|file| ("proto", file.clone())));
            let first = target.candidates().into_iter().next().map(|candidate| candidate.name);
            let of = target.name.clone().or(first).unwrap_or_default();
            named.map(move |(key, file)| NamedFile { of: of.clone(), key, file }).collect::<Vec<_>>()
        });
        let of_rows = self.data.iter().map(|rows| {
            let names: Vec<&str> = rows.table.columns.iter().map(|column| column.name.as_str()).collect();
            let of = format!("{} ({})", names.join(", "), counted(rows.table.len(), "row", "rows"));
            NamedFile { of, key: "data", file: rows.file.clone() }
        });
        of_targets.chain(of_calls).chain(of_rows).collect()
    }
}
