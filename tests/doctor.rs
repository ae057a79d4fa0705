//! The doctor says what it found, and that is never a failure.

use std::process::Command;

#[test]
fn it_tells_what_the_machine_is_and_what_it_can_measure() {
    let output = Command::new(env!("CARGO_BIN_EXE_engine")).arg("doctor").output().expect("the engine starts");
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8(output.stdout).expect("it is text");
    for part in [
        "  kernel: Linux ",
        "  mitigations: ",
        " cores\n",
        "reading the clock takes ",
        "frequency governor",
        "a busy thread lost ",
        " open files\n",
        "  system calls can",
        "let perf look at the kernel",
        "io_uring is ",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}
