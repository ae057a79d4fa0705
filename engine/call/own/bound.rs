//! Calls whose words have what they stand for: rows of files, and what clients are given.

use std::sync::Arc;

use crate::call::own::session::{Name, Sessions};
use crate::call::own::table::{Pick, Table};
use crate::call::own::text::{Scope, TextError};
use crate::call::own::{Form, OwnCall};

/// Calls that can be made.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The calls, in their order.
    pub calls: Arc<[OwnCall]>,
    /// What clients are given.
    pub sessions: Arc<Sessions>,
}

/// Who makes calls.
#[derive(Debug, Clone, Copy)]
pub struct Callers {
    /// How many clients.
    pub clients: u32,
    /// How many calls one pass has.
    pub steps: u64,
    /// The seed of random orders.
    pub seed: u64,
    /// Whether clients keep cookies.
    pub cookies: bool,
}

/// Gives every word of these calls what it stands for; an error names one that nobody gives a value.
pub fn bind(mut calls: Vec<OwnCall>, tables: Vec<Table>, callers: Callers) -> Result<Bound, TextError> {
    let Callers { clients, steps, seed, cookies } = callers;
    let ordered = (0u64..).zip(tables).map(|(at, table)| table.ordered(seed.wrapping_add(at)));
    let tables: Vec<(Table, Pick)> = ordered.map(|table| (table.clone(), table.pick(clients, steps))).collect();
    let mut names: Vec<Name> = Vec::new();
    for take in calls.iter().flat_map(|call| &call.take) {
        if !names.iter().any(|known| known.name == take.name) {
            names.push(Name { name: take.name.clone(), in_field: false });
        }
    }
    for call in &mut calls {
        call.texts(&mut |text, form| {
            for name in names.iter_mut().filter(|name| form == Form::Field && text.unbound().any(|it| it == name.name))
            {
                name.in_field = true;
            }
        });
    }
    let sessions = Arc::new(Sessions::new(clients as usize, names, cookies));
    let scope = Scope { tables: &tables, sessions: &sessions };
    let mut wrong = Ok(());
    for call in &mut calls {
        call.texts(&mut |text, form| {
            if wrong.is_ok() {
                wrong = text.bind(form, &scope);
            }
        });
    }
    wrong.map(|()| Bound { calls: calls.into(), sessions })
}

/// How many bytes are written ahead of time for a call, for all rows of each table.
pub fn weigh(call: &OwnCall, tables: &[Table]) -> Vec<u64> {
    let mut weights = vec![0; tables.len()];
    call.clone().texts(&mut |text, form| text.weigh(form, tables, &mut weights));
    weights
}

#[cfg(test)]
mod tests {
    use super::{Callers, bind, weigh};
    use crate::call::ask::Own;
    use crate::call::own::{Column, Each, OwnCall, RowOrder, Table};

    #[test]
    fn calls_are_bound_to_rows_and_to_what_clients_are_given() {
        let calls: Vec<OwnCall> = serde_json::from_value(serde_json::json!([
            {"name": "login", "http": {"method": "POST", "path": "/login", "body": {"json": "{\"u\":\"${user}\"}"}},
             "take": [{"name": "token", "from": "all"}]},
            {"name": "read", "http": {"method": "GET", "path": "/", "headers": [["A", "b ${token}"]]}},
        ]))
        .expect("calls");
        let values = vec!["ann".to_owned(), "bob".to_owned()];
        let users = Table {
            each: Each::Client,
            rows: RowOrder::File,
            columns: vec![Column { name: "user".to_owned(), values: values.into() }],
        };
        assert_eq!(calls[1].words(), ["token"]);
        // Each row has the three bytes of its user, and what stands around it.
        let tables = std::slice::from_ref(&users);
        assert_eq!((weigh(&calls[0], tables), weigh(&calls[1], tables)), (vec![2 * 11], vec![0]));
        let callers = Callers { clients: 2, steps: 1, seed: 1, cookies: false };
        let bound = bind(calls.clone(), vec![users], callers).expect("each word has a value");
        let own = Own { call: 0, client: 1, number: 5 };
        assert_eq!(bound.calls[0].http.as_ref().and_then(|http| http.body_len(own)), Some(11));
        assert!(bound.calls[1].words().is_empty());
        assert!(bind(calls, Vec::new(), callers).is_err(), "nobody gives `user` a value");
    }
}
