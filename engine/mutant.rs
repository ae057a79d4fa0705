//! Deliberate faults of the measurement, which its proofs must find.

/// True where the fault of that name is to be made.
///
/// Never, but in a build with the feature `mutants`; there the environment variable `ENGINE_MUTANT` chooses one.
pub fn is(name: &str) -> bool {
    cfg!(feature = "mutants") && std::env::var_os("ENGINE_MUTANT").is_some_and(|chosen| chosen == name)
}
