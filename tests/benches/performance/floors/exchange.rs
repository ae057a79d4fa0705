//! One client and one server that exchange so many bytes, blocking, in turns.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::time::{Duration, Instant};

use engine::error::{Context, Error, Result};
use engine::page_offset::{PAGE, PageOffsetBuf};
use engine::results::distribution;
use engine::transport::address::Address;
use engine::transport::option::{OptionValue, Options};
use engine::transport::options::CONGESTION;
use engine::transport::socket::{READ, ReadBuffer, Socket, SocketOptions};
use nix::sys::socket::{setsockopt, sockopt::TcpCongestion};

use crate::floors::{Says, argument, end_with_stdin};

/// How long a dial may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes up and bytes down of each turn of one call.
type Turns = Vec<(usize, usize)>;

/// Turns as an argument: `up:down,up:down`.
pub(crate) fn written(turns: &[(usize, usize)]) -> String {
    let turns: Vec<String> = turns.iter().map(|(up, down)| format!("{up}:{down}")).collect();
    turns.join(",")
}

fn read(text: &str) -> Result<Turns> {
    let turn = |turn: &str| {
        let (up, down) = turn.split_once(':')?;
        Some((up.parse().ok()?, down.parse().ok()?))
    };
    let turns: Option<Turns> = text.split(',').map(turn).collect();
    turns.ok_or_else(|| Error::usage(format!("`{text}` are no turns")))
}

/// The floor `exchange-server`: family, turns, congestion control or `-`.
pub(crate) fn serve(arguments: &[String]) -> Result<()> {
    let turns = read(&argument::<String>(arguments, 1)?)?;
    let serving = "serving the raw exchange";
    match argument::<String>(arguments, 0)?.as_str() {
        "unix" => {
            let name = format!("engine-exchange-{}", std::process::id());
            let address = SocketAddr::from_abstract_name(&name).doing(serving)?;
            let listener = UnixListener::bind_addr(&address).doing(serving)?;
            Says::Ready(format!("unix:@{name}")).say()?;
            end_with_stdin();
            loop {
                let _ = answer(listener.accept().doing(serving)?.0, &turns);
            }
        }
        _ => {
            let listener = TcpListener::bind("127.0.0.1:0").doing(serving)?;
            if let Some(control) = control(arguments) {
                setsockopt(&listener, TcpCongestion, &control.into()).doing(format_args!("setting {control}"))?;
            }
            Says::Ready(listener.local_addr().doing(serving)?.to_string()).say()?;
            end_with_stdin();
            loop {
                let (stream, _) = listener.accept().doing(serving)?;
                stream.set_nodelay(true).doing(serving)?;
                let _ = answer(stream, &turns);
            }
        }
    }
}

/// The congestion control that was asked for.
fn control(arguments: &[String]) -> Option<&String> {
    arguments.get(2).filter(|control| *control != "-")
}

/// Answers one client until it hangs up.
fn answer(mut stream: impl Read + Write, turns: &Turns) -> std::io::Result<()> {
    let most = turns.iter().map(|(_, down)| *down).max().unwrap_or_default();
    let (mut buffer, mut heard, answer) = (ReadBuffer::default(), 0, PageOffsetBuf::new(most, 0, PAGE / 2));
    loop {
        for (up, down) in turns {
            take(&mut stream, &mut buffer, &mut heard, *up)?;
            stream.write_all(&answer[..*down])?;
        }
    }
}

fn take(stream: &mut impl Read, buffer: &mut ReadBuffer, heard: &mut u64, bytes: usize) -> std::io::Result<()> {
    let mut left = bytes;
    while left > 0 {
        match stream.read(&mut buffer.after(*heard)[..left.min(READ)]) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                left -= n;
                *heard += n as u64;
            }
            // Only where the client spins.
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The floor `exchange`: address, turns, congestion control or `-`, calls, warm-up, `block` or `spin`.
pub(crate) fn call(arguments: &[String]) -> Result<()> {
    let address: String = argument(arguments, 0)?;
    let turns = read(&argument::<String>(arguments, 1)?)?;
    let (calls, warmup): (u64, u64) = (argument(arguments, 3)?, argument(arguments, 4)?);
    let spin = argument::<String>(arguments, 5)? == "spin";
    let dialling = format!("dialling {address}");
    let figures = match address.strip_prefix("unix:@") {
        Some(name) => {
            let address = SocketAddr::from_abstract_name(name).doing(&dialling)?;
            let stream = UnixStream::connect_addr(&address).doing(&dialling)?;
            stream.set_nonblocking(spin).doing(&dialling)?;
            exchange(stream, &turns, calls, warmup)
        }
        None => {
            let control = control(arguments).map(|word| (CONGESTION.name.to_owned(), OptionValue::Word(word.clone())));
            let options = SocketOptions::of(&Options(control.into_iter().collect()))?;
            let to = Address::Tcp(address.parse().doing(&dialling)?);
            // Ours, for a congestion control has to be chosen before the dial.
            let Socket::Tcp(stream) = Socket::dial_within(&to, TIMEOUT, &options).doing(&dialling)? else {
                return Err(Error::failed(format!("{address} is not one of TCP")));
            };
            stream.set_nonblocking(spin).doing(&dialling)?;
            exchange(stream, &turns, calls, warmup)
        }
    };
    Says::Measured(figures.doing("the raw exchange")?).say()
}

/// Exchanges, each round trip timed.
fn exchange(
    mut stream: impl Read + Write,
    turns: &Turns,
    calls: u64,
    warmup: u64,
) -> std::io::Result<BTreeMap<String, f64>> {
    let most = turns.iter().map(|(up, _)| *up).max().unwrap_or_default();
    let (mut buffer, mut heard, question) = (ReadBuffer::default(), 0, PageOffsetBuf::new(most, 1, PAGE / 2));
    let mut times = distribution::empty();
    times.reset();
    let mut begun = Instant::now();
    for call in 0..warmup + calls {
        if call == warmup {
            begun = Instant::now();
        }
        let sent = Instant::now();
        for (up, down) in turns {
            stream.write_all(&question[..*up])?;
            take(&mut stream, &mut buffer, &mut heard, *down)?;
        }
        if call >= warmup {
            times.saturating_record(sent.elapsed().as_nanos() as u64);
        }
    }
    let elapsed_s = begun.elapsed().as_secs_f64();
    Ok(BTreeMap::from([
        ("p50_ns".to_owned(), times.value_at_quantile(0.5) as f64),
        ("calls".to_owned(), calls as f64),
        ("elapsed_s".to_owned(), elapsed_s),
    ]))
}
