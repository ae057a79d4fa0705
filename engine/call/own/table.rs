//! Rows of a file of the user's own: which of them a call has, and its words in them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::call::ask::Own;
use crate::call::random::SplitMix;
use crate::words::words;

words! {
    /// To whom a row belongs.
    Each {
        /// Each client has its row, for all of its calls.
        Client = "client",
        /// Each call has the next row.
        Call = "call",
        /// Each pass through the steps has the next row; where there are no steps each call is one.
        Pass = "pass",
    }
}

words! {
    /// In which order rows are had.
    RowOrder {
        /// As they stand in the file.
        File = "file",
        /// In a seeded random order, each as often as the others.
        Random = "random",
    }
}

/// Columns of a file, as a client process is told them: those that its calls name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Table {
    /// To whom a row belongs.
    pub each: Each,
    /// In which order rows are had.
    pub rows: RowOrder,
    /// Its columns, all of the same length, at least 1.
    pub columns: Vec<Column>,
}

/// A column of a file.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name, which calls write as `${name}`.
    pub name: String,
    /// What it has in each row.
    #[serde(with = "shared")]
    pub values: Arc<[String]>,
}

/// Values that many hold, in JSON as a list.
mod shared {
    use std::sync::Arc;

    use serde::de::{Deserialize, Deserializer};
    use serde::ser::{Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(values: &Arc<[String]>, serializer: S) -> Result<S::Ok, S::Error> {
        values.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Arc<[String]>, D::Error> {
        Vec::deserialize(deserializer).map(Arc::from)
    }
}

/// Without its values, any of which may be a secret.
impl std::fmt::Debug for Column {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} rows)", self.name, self.values.len())
    }
}

impl Table {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.columns.first().map_or(0, |column| column.values.len())
    }

    /// True where it has no row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The same with its rows in the order in which they are had.
    pub fn ordered(mut self, seed: u64) -> Self {
        if self.rows == RowOrder::Random {
            let mut order: Vec<usize> = (0..self.len()).collect();
            SplitMix::new(seed).shuffle(&mut order);
            for column in &mut self.columns {
                column.values = order.iter().filter_map(|row| column.values.get(*row).cloned()).collect();
            }
        }
        self
    }

    /// Which row a call has, where so many clients make it, of so many steps in a pass.
    pub fn pick(&self, clients: u32, steps: u64) -> Pick {
        Pick { each: self.each, clients: clients.into(), steps: steps.max(1), rows: self.len().max(1) as u64 }
    }
}

/// Which row a call has: rows go round once all have been had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pick {
    each: Each,
    clients: u64,
    steps: u64,
    rows: u64,
}

impl Pick {
    /// The row of that call.
    ///
    /// What all clients have in turn is dealt out: of their n-th calls the first client's has the row before the second's.
    pub fn row(&self, own: Own) -> usize {
        let turn = match self.each {
            Each::Client => 0,
            Each::Call => own.number,
            Each::Pass => own.number / self.steps,
        };
        (turn.wrapping_mul(self.clients).wrapping_add(own.client.into()) % self.rows) as usize
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Column, Each, RowOrder, Table};
    use crate::call::ask::Own;

    fn table(each: Each, rows: RowOrder, len: usize) -> Table {
        let values = (0..len).map(|row| row.to_string()).collect();
        Table { each, rows, columns: vec![Column { name: "row".to_owned(), values }] }
    }

    #[test]
    fn rows_are_dealt_out_in_turn_and_go_round() {
        let rows = |each: Each, client: u32| -> Vec<usize> {
            let pick = table(each, RowOrder::File, 5).pick(2, 2);
            (0..6).map(|number| pick.row(Own { call: 0, client, number })).collect()
        };
        assert_eq!(rows(Each::Client, 1), [1; 6]);
        assert_eq!((rows(Each::Call, 0), rows(Each::Call, 1)), (vec![0, 2, 4, 1, 3, 0], vec![1, 3, 0, 2, 4, 1]));
        assert_eq!((rows(Each::Pass, 0), rows(Each::Pass, 1)), (vec![0, 0, 2, 2, 4, 4], vec![1, 1, 3, 3, 0, 0]));
    }

    #[test]
    fn a_random_order_is_seeded_and_has_each_row_once() {
        let ordered = |seed| table(Each::Call, RowOrder::Random, 100).ordered(seed).columns[0].values.to_vec();
        assert_eq!(ordered(7), ordered(7));
        assert_ne!(ordered(7), ordered(8));
        assert_ne!(ordered(7), table(Each::Call, RowOrder::File, 100).ordered(7).columns[0].values.to_vec());
        assert_eq!(ordered(7).into_iter().collect::<BTreeSet<_>>().len(), 100);
    }
}
