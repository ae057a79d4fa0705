//! The seeded sequence behind fills, orders and schedules.

/// Sebastiano Vigna's splitmix64: the seeded sequence behind fills, orders and schedules.
#[derive(Debug, Clone)]
pub struct SplitMix {
    state: u64,
}

impl SplitMix {
    /// The sequence of that seed.
    pub fn new(seed: u64) -> Self {
        SplitMix { state: seed }
    }

    /// The next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "an endless sequence is not an iterator of options")]
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in 0..bound, without bias (Lemire 2019).
    pub fn below(&mut self, bound: u64) -> u64 {
        loop {
            let wide = u128::from(self.next()) * u128::from(bound);
            if (wide as u64) >= bound.wrapping_neg() % bound.max(1) {
                return (wide >> 64) as u64;
            }
        }
    }

    /// Puts `items` into a random order (Fisher and Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::call::random::SplitMix;

    #[test]
    fn the_seeded_order_is_a_permutation_and_repeats() {
        let (mut a, mut b): (Vec<u32>, Vec<u32>) = ((0..100).collect(), (0..100).collect());
        SplitMix::new(3).shuffle(&mut a);
        SplitMix::new(3).shuffle(&mut b);
        assert_eq!(a, b);
        assert_ne!(a, (0..100).collect::<Vec<_>>());
        b.sort_unstable();
        assert_eq!(b, (0..100).collect::<Vec<_>>());
        // The first output for seed 0, from the published reference implementation.
        assert_eq!(SplitMix::new(0).next(), 0xe220_a839_7b1d_cdaf);
    }
}
