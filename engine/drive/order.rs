//! Slots in the order in which their calls began.

/// Slots with a call in flight, the one that began first in front; every change takes constant time.
pub struct Order {
    links: Vec<Link>,
    first: Option<usize>,
    last: Option<usize>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Link {
    before: Option<usize>,
    after: Option<usize>,
    inside: bool,
}

impl Order {
    /// Room for so many slots, none of which has a call.
    pub fn new(slots: usize) -> Self {
        Order { links: vec![Link::default(); slots], first: None, last: None }
    }

    /// The slot whose call began first.
    pub fn front(&self) -> Option<usize> {
        self.first
    }

    /// A slot that is not inside begins a call.
    pub fn push_back(&mut self, index: usize) {
        self.links[index] = Link { before: self.last, after: None, inside: true };
        match self.last {
            Some(last) => self.links[last].after = Some(index),
            None => self.first = Some(index),
        }
        self.last = Some(index);
    }

    /// A slot has no call any more.
    pub fn remove(&mut self, index: usize) {
        let link = std::mem::take(&mut self.links[index]);
        if !link.inside {
            return;
        }
        match link.before {
            Some(before) => self.links[before].after = link.after,
            None => self.first = link.after,
        }
        match link.after {
            Some(after) => self.links[after].before = link.before,
            None => self.last = link.before,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Order;

    #[test]
    fn the_slot_that_began_first_stands_in_front() {
        let mut order = Order::new(4);
        for index in [2, 0, 3] {
            order.push_back(index);
        }
        order.remove(2);
        order.push_back(2);
        assert_eq!(order.front(), Some(0));
        order.remove(0);
        order.remove(0);
        assert_eq!(order.front(), Some(3));
        order.remove(2);
        order.remove(3);
        assert_eq!(order.front(), None);
        order.push_back(1);
        assert_eq!(order.front(), Some(1));
    }
}
