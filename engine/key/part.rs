//! The part of a load that one of several client processes makes.

use serde::{Deserialize, Serialize};

use crate::call::SplitMix;
use crate::key::load::Load;

/// Which part of a load a client process makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Which of the parts, from 0.
    pub index: u32,
    /// How many there are, at least 1.
    pub of: u32,
    /// The number of its first client among those of all parts.
    pub first_client: u32,
    /// How many clients all parts have together.
    pub clients: u32,
}

impl Part {
    /// Its share of what all parts have so much of together: as even as can be, the first ones have what is left over.
    pub fn share(self, all: u64) -> u64 {
        let (index, of) = (u64::from(self.index), u64::from(self.of.max(1)));
        all / of + u64::from(index < all % of)
    }

    /// The seed of what it draws apart from the other parts, of the seed of all.
    pub fn seed(self, all: u64) -> u64 {
        SplitMix::new(all ^ (u64::from(self.index) << 32)).next()
    }
}

impl Load {
    /// The same load on so many hosts, with as many client processes on each.
    pub fn on(&self, hosts: u32) -> Load {
        Load { processes: self.processes.saturating_mul(hosts), ..self.clone() }
    }

    /// The load of each client process, with the part that it is: clients as evenly as they can be, and of the calls of a
    /// rate, which stays that of all, every so-manyth. Together they are this load; none has a part where one process
    /// makes all of it.
    pub fn parts(&self) -> Vec<(Load, Option<Part>)> {
        let of = self.processes.clamp(1, self.clients.max(1));
        if of == 1 {
            return vec![(Load { processes: 1, ..self.clone() }, None)];
        }
        let mut first_client = 0;
        let part = |index: u32| {
            let part = Part { index, of, first_client, clients: self.clients };
            let clients = part.share(self.clients.into()) as u32;
            first_client += clients;
            (Load { processes: 1, clients, ..self.clone() }, Some(part))
        };
        (0..of).map(part).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::Part;
    use crate::key::load::Load;

    #[test]
    fn every_host_has_as_many_client_processes() {
        let load = Load { clients: 12, processes: 2, ..Load::default() };
        assert_eq!((load.on(1).parts().len(), load.on(3).parts().len()), (2, 6));
        assert!(load.on(3).parts().iter().all(|(own, _)| own.clients == 2));
    }

    #[test]
    fn parts_are_the_whole_and_nobody_is_in_two() {
        for (clients, processes) in [(1, 1), (5, 2), (8, 3), (7, 7), (2, 4), (20_000, 16)] {
            let load = Load { clients, processes, rate: Some(9_000.0), ..Load::default() };
            let parts = load.parts();
            assert_eq!(parts.len() as u32, processes.min(clients));
            let mut next = 0;
            for (index, (own, part)) in parts.iter().enumerate() {
                let first = part.map_or(0, |Part { first_client, .. }| first_client);
                assert_eq!((first, own.processes, own.rate), (next, 1, Some(9_000.0)));
                assert!(own.clients.abs_diff(clients / parts.len() as u32) <= 1);
                assert!(part.is_none_or(|part| part.index as usize == index && part.of as usize == parts.len()));
                assert!(part.is_none_or(|part| part.clients == clients));
                next += own.clients;
            }
            assert_eq!(next, clients);
        }
    }

    #[test]
    fn what_all_have_together_is_shared_out() {
        let shares = |of, all| -> Vec<u64> {
            (0..of).map(|index| Part { index, of, first_client: 0, clients: of }.share(all)).collect()
        };
        assert_eq!((shares(2, 5), shares(4, 3), shares(3, 9)), (vec![3, 2], vec![1, 1, 1, 0], vec![3, 3, 3]));
        let seeds = [0, 1].map(|index| Part { index, of: 2, first_client: index, clients: 2 }.seed(1));
        assert_ne!(seeds[0], seeds[1]);
    }
}
