//! What a load is made of beside its calls, in words.

use crate::words::words;

words! {
    /// How the due times of an open-loop load are spaced.
    Arrivals {
        /// All alike.
        Constant = "constant",
        /// As independent callers make them: gaps are exponential.
        Poisson = "poisson",
    }
}

words! {
    /// How a client process waits for replies.
    Wait {
        /// It sleeps until the kernel wakes it.
        Block = "block",
        /// It asks the kernel again and again, which spends a whole core and saves the wake-up.
        Spin = "spin",
    }
}
