//! A raw exchange of bytes and a piece of arithmetic: how quick the machine itself is, whatever is measured on it.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::place::messages::Pace;

/// How many bytes go each way.
const BYTES: usize = 64;
/// How often they do, after a few times that do not count.
const ROUNDS: usize = 200;
const WARMUP: usize = 20;
/// How often the arithmetic is done on each core, and how long a chain it is: about a millisecond.
const PIECES: usize = 7;
const STEPS: u64 = 300_000;
/// An exchange that takes longer than this is none.
const PATIENCE: Duration = Duration::from_secs(2);

/// Measures between two cores, which may be the same. It takes a few tens of milliseconds; none where the machine cannot
/// do it.
pub fn measure(server: usize, client: usize) -> Option<Pace> {
    let exchange_ns = middle(exchange(server, client).ok()?)?;
    let pieces: Vec<u64> = [server, client].into_iter().flat_map(|core| on(core, arithmetic)).flatten().collect();
    Some(Pace { exchange_ns, arithmetic_ns: middle(pieces)? })
}

/// How long each round took, in nanoseconds: two threads that sleep until bytes come, over TCP and loopback.
fn exchange(server: usize, client: usize) -> io::Result<Vec<u64>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let asking = TcpStream::connect(listener.local_addr()?)?;
    let (answering, _) = listener.accept()?;
    for stream in [&asking, &answering] {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
    }
    thread::scope(|scope| {
        let answers = scope.spawn(move || on(server, || answer(answering)));
        // The stream goes with its thread, so that the other end is never waited for in vain.
        let times = scope.spawn(move || on(client, || ask(asking)));
        let gone = || io::Error::other("a thread of the yardstick ended");
        let times = times.join().ok().flatten().ok_or_else(gone)?;
        answers.join().ok().flatten().ok_or_else(gone)??;
        times
    })
}

fn ask(mut stream: TcpStream) -> io::Result<Vec<u64>> {
    let mut bytes = [0; BYTES];
    let mut times = Vec::with_capacity(ROUNDS);
    for round in 0..WARMUP + ROUNDS {
        let begun = Instant::now();
        stream.write_all(&bytes)?;
        stream.read_exact(&mut bytes)?;
        if round >= WARMUP {
            times.push(begun.elapsed().as_nanos() as u64);
        }
    }
    Ok(times)
}

fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut bytes = [0; BYTES];
    for _ in 0..WARMUP + ROUNDS {
        stream.read_exact(&mut bytes)?;
        stream.write_all(&bytes)?;
    }
    Ok(())
}

/// How long each piece took, in nanoseconds: a chain in which each step needs the one before.
fn arithmetic() -> Vec<u64> {
    let piece = |seed: u64| {
        let begun = Instant::now();
        let mut x = std::hint::black_box(seed);
        for _ in 0..STEPS {
            x = x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        }
        std::hint::black_box(x);
        begun.elapsed().as_nanos() as u64
    };
    (0..PIECES as u64).map(piece).collect()
}

/// What `work` gives in a thread that stays on one core; none where it may not run there.
fn on<T: Send>(core: usize, work: impl FnOnce() -> T + Send) -> Option<T> {
    let mut set = CpuSet::new();
    set.set(core).ok()?;
    let held = move || sched_setaffinity(Pid::from_raw(0), &set).ok().map(|()| work());
    thread::scope(|scope| scope.spawn(held).join().ok().flatten())
}

fn middle(mut times: Vec<u64>) -> Option<u64> {
    times.sort_unstable();
    times.get(times.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::{measure, middle, on};
    use crate::place::pinning::cores;

    #[test]
    fn both_of_its_parts_take_time() {
        let cores = cores().expect("there are cores");
        let measured = measure(cores[0], cores[cores.len() - 1]).expect("the ends' cores can be used");
        assert!(measured.exchange_ns > 0 && measured.arithmetic_ns > 0, "{measured:?}");
    }

    #[test]
    fn it_leaves_the_thread_that_asks_for_it_where_it_was() {
        let cores = || nix::sched::sched_getaffinity(nix::unistd::Pid::from_raw(0)).expect("it can be asked");
        let before = cores();
        assert_eq!(on(0, || 7), Some(7));
        assert_eq!(on(100_000, || 7), None);
        assert_eq!(cores(), before);
    }

    #[test]
    fn a_hold_up_does_not_move_the_middle() {
        assert_eq!(middle(vec![900_000, 10, 11, 12, 13]), Some(12));
        assert_eq!(middle(Vec::new()), None);
    }
}
