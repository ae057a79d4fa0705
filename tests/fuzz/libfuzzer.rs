//! libFuzzer's way into the targets: `FUZZ_TARGET` says which of them reads the inputs. `just fuzz` runs all.

#![no_main]

mod datagrams;
#[path = "../pairs/mod.rs"]
mod pairs;
#[expect(dead_code, reason = "the seeds are for the test that writes them")]
mod targets;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, OnceLock};
use std::thread;

use libfuzzer_sys::fuzz_target;
use targets::targets;

/// A thread with the stack of the target, for all inputs: what it is given, and that it has read it.
type Reader = Mutex<(SyncSender<Vec<u8>>, Receiver<()>)>;

fn reader() -> Reader {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    let all = targets();
    let names: Vec<String> = all.iter().map(|target| target.name.clone()).collect();
    let chosen = all.into_iter().find(|target| target.name == name);
    let target = chosen.unwrap_or_else(|| panic!("FUZZ_TARGET is one of {}", names.join(", ")));
    let (give, inputs) = sync_channel::<Vec<u8>>(1);
    let (done, read) = sync_channel(1);
    let work = move || {
        for input in inputs {
            (target.read)(&input);
            if done.send(()).is_err() {
                return;
            }
        }
    };
    thread::Builder::new().stack_size(target.stack).spawn(work).expect("a thread can be started");
    Mutex::new((give, read))
}

fuzz_target!(|input: &[u8]| {
    static READER: OnceLock<Reader> = OnceLock::new();
    let reader = READER.get_or_init(reader).lock().expect("one input at a time");
    reader.0.send(input.to_vec()).expect("the thread reads for ever");
    reader.1.recv().expect("a panic ends the process");
});
