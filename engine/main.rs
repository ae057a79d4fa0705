//! The program `engine`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(engine::cli::main(std::env::args_os()) as u8)
}
