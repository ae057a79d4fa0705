//! The sum that `compute` asks for.

/// The sum of i*i for i in 0..n, in closed form, for whoever has to check it.
pub fn sum_of_squares(n: u64) -> u128 {
    let n = u128::from(n);
    if n == 0 { 0 } else { (n - 1) * n * (2 * n - 1) / 6 }
}

#[cfg(test)]
mod tests {
    use crate::call::squares::sum_of_squares;

    #[test]
    fn squares_are_summed_in_closed_form() {
        for n in [0u64, 1, 2, 10, 1000] {
            assert_eq!(sum_of_squares(n), (0..u128::from(n)).map(|i| i * i).sum::<u128>());
        }
    }
}
