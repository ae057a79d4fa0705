//! Whose server a target is, and whose client calls it.

use crate::call::words::words;

words! {
    /// Whose server a target is.
    Stack {
        /// Ours, in Rust.
        Native = "native",
        /// The real Python system, pinned.
        Python = "python",
    }
}

words! {
    /// Whose client makes the calls.
    Driver {
        /// Ours, in Rust.
        Native = "native",
        /// A real Python client.
        Python = "python",
    }
}
