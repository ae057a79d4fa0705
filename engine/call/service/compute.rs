//! Work on the server.

use std::hint::black_box;

use crate::call::ask::CallSpec;
use crate::call::computation::Computation;
use crate::call::service::contract::{KeyUse, Missing, ServiceCall, Settings};

/// The sum of i*i for i in 0..n.
pub static SQUARES: Computation = Computation { name: "compute", work: sum, result: sum_of_squares };

/// The call `compute`.
pub(crate) struct Compute;

impl ServiceCall for Compute {
    fn keys(&self) -> &'static [KeyUse] {
        const { &[KeyUse::required("work", "work: 10000")] }
    }

    fn ask(&self, settings: &Settings) -> Result<CallSpec, Missing> {
        let n = settings.work.ok_or(Missing { call: "compute", setting: "work" })?;
        Ok(CallSpec::Compute { what: &SQUARES, n })
    }

    fn computes(&self) -> Option<&'static Computation> {
        Some(&SQUARES)
    }
}

/// Step by step.
fn sum(n: u64) -> u128 {
    let mut sum = 0u128;
    for i in 0..n {
        sum += black_box(u128::from(i) * u128::from(i));
    }
    sum
}

/// In closed form.
fn sum_of_squares(n: u64) -> u128 {
    let n = u128::from(n);
    if n == 0 { 0 } else { (n - 1) * n * (2 * n - 1) / 6 }
}

#[cfg(test)]
mod tests {
    use crate::call::service::compute::{sum, sum_of_squares};

    #[test]
    fn squares_are_summed_in_closed_form() {
        for n in [0u64, 1, 2, 10, 1000, 10_000] {
            assert_eq!(sum_of_squares(n), (0..u128::from(n)).map(|i| i * i).sum::<u128>());
            assert_eq!(sum(n), sum_of_squares(n));
        }
    }
}
