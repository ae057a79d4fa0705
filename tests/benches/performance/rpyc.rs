//! How fast RPyC's bodies move between native ends, beside tcp, zlib and real RPyC.

use std::process::Command;
use std::rc::Rc;
use std::time::{Duration, Instant};

use engine::call::{Fill, FillKind};
use engine::error::{Context, Error, Result};
use engine::server::service::fresh_nonce;
use engine::stack::contract::Wanted;
use engine::stack::driver::python::command as driver_command;
use engine::stack::environment::Environment;
use engine::stack::python_systems::system;
use engine::transport::option::Options;
use flate2::{Compress, Compression, FlushCompress, Status};
use serde_json::{Value, json};

use crate::bulk::CONTROL;
use crate::measure::Goal::{AtLeast, Shown};
use crate::measure::{BANDWIDTH, Claim, Comparison, Figures, Side};
use crate::ours::{Driven, Server, drive, drive_by};
use crate::processes::{CLIENTS, SERVERS, on};

const MIB: u64 = 1 << 20;
/// One body of the reference suite's smaller file.
const FILE: u64 = 3 * MIB / 2;
/// A body that has to take as long as its size says.
const LARGE: u64 = 128 * MIB;

/// Bodies without compression beside tcp, with it beside zlib, and large ones beside real RPyC.
pub(crate) fn comparisons() -> Vec<Comparison> {
    vec![beside_tcp(), beside_zlib(), beside_itself(), beside_real()]
}

fn beside_tcp() -> Comparison {
    Comparison {
        group: "RPyC",
        name: "rpyc, uncompressed 1.5 MiB beside our tcp".into(),
        about: "Uploads of 1.5 MiB of random bytes to threaded servers, without compression: one message up and one down, as \
                with tcp, by a method that was bound once; and by `root.upload(...)`, which asks for the method before each \
                call and lets go of it after, two turns more."
            .into(),
        claims: vec![
            Claim::ratio(BANDWIDTH, "rpyc", "tcp", AtLeast(0.9)),
            Claim::ratio(BANDWIDTH, "rpyc, looked up each time", "tcp", Shown),
        ],
        stage: Box::new(|| {
            let bound = json!({"compress": false, "method": "bound"});
            Ok(vec![
                uploads("rpyc", "rpyc", bound, FILE, 200)?,
                uploads("rpyc, looked up each time", "rpyc", plain(), FILE, 200)?,
                uploads("tcp", "tcp", json!({}), FILE, 200)?,
            ])
        }),
    }
}

/// The options of rpyc without compression.
fn plain() -> Value {
    json!({"compress": false})
}

fn beside_zlib() -> Comparison {
    Comparison {
        group: "RPyC",
        name: "rpyc, compressed 1.5 MiB beside zlib".into(),
        about: "Uploads of 1.5 MiB of random bytes with compression, and zlib alone over the same bytes: at level 1 by \
                Python's zlib, which is what real rpyc does, and by zlib-rs at level 1, a quicker method that lengthens \
                random bytes by 5 %, and at level 2, which is what ours does."
            .into(),
        claims: vec![
            Claim::ratio(BANDWIDTH, "rpyc", "Python's zlib", AtLeast(1.0)),
            Claim::ratio(BANDWIDTH, "rpyc", "zlib-rs at 1", Shown),
            Claim::ratio(BANDWIDTH, "rpyc", "zlib-rs at 2", Shown),
        ],
        stage: Box::new(|| {
            let ours = |name, level| {
                Side::new(name, move || {
                    let body = random(FILE);
                    let rate = on(CLIENTS, || deflated(&body, level, 20))??;
                    Ok(Figures::from([(BANDWIDTH.name, rate)]))
                })
            };
            let python = Side::new("Python's zlib", || {
                let rate = on(CLIENTS, || deflated_by_python(20))??;
                Ok(Figures::from([(BANDWIDTH.name, rate)]))
            });
            Ok(vec![uploads("rpyc", "rpyc", json!({"compress": true}), FILE, 20)?, python, ours("zlib-rs at 1", 1), ours("zlib-rs at 2", 2)])
        }),
    }
}

fn beside_itself() -> Comparison {
    Comparison {
        group: "RPyC",
        name: "rpyc, 128 MiB beside 8 MiB".into(),
        about: "Uploads of random bytes, uncompressed: what takes sixteen times the bytes takes sixteen times as long."
            .into(),
        claims: vec![Claim::ratio(BANDWIDTH, "128 MiB", "8 MiB", AtLeast(0.9))],
        stage: Box::new(|| {
            Ok(vec![uploads("128 MiB", "rpyc", plain(), LARGE, 4)?, uploads("8 MiB", "rpyc", plain(), 8 * MIB, 64)?])
        }),
    }
}

fn beside_real() -> Comparison {
    Comparison {
        group: "RPyC",
        name: "rpyc, 128 MiB beside real rpyc".into(),
        about: "One upload of 128 MiB of random bytes between native ends, and between real RPyC's ThreadedServer and \
                rpyc.connect, both without compression: in one round only, for that takes real RPyC minutes. In every round the same \
                with 32 MiB, where real RPyC loses less: what its write costs grows at least with the square of the size."
            .into(),
        claims: vec![
            Claim::ratio(BANDWIDTH, "ours", "real rpyc", AtLeast(100.0)),
            Claim::ratio(BANDWIDTH, "ours, 32 MiB", "real rpyc, 32 MiB", Shown),
            Claim::ratio(BANDWIDTH, "real rpyc", "real rpyc, 32 MiB", Shown),
        ],
        stage: Box::new(|| {
            let python = Rc::new(Environment::ready(false, &mut |said| eprintln!("{said}"), &|| false)?);
            let real = |name, bytes, python: Rc<Environment>| Side::new(name, move || real_upload(&python, bytes));
            let real_once = |python: Rc<Environment>| Side::once("real rpyc", move || real_upload(&python, LARGE));
            Ok(vec![
                uploads("ours", "rpyc", plain(), LARGE, 1)?,
                real_once(python.clone()),
                uploads("ours, 32 MiB", "rpyc", plain(), 32 * MIB, 1)?,
                real("real rpyc, 32 MiB", 32 * MIB, python),
            ])
        }),
    }
}

/// One upload between real ends.
fn real_upload(python: &Environment, bytes: u64) -> Result<Figures> {
    let options: Options = serde_json::from_value(json!({"compress": false})).doing("options")?;
    let system = system("rpyc", "threaded").ok_or_else(|| Error::failed("no Python system serves rpyc"))?;
    let nonce = fresh_nonce();
    let launch = Wanted {
        nonce: &nonce,
        fill: None,
        timeout: Duration::from_secs(600),
        options: &options,
        host: std::net::Ipv4Addr::LOCALHOST.into(),
        only: &[],
        cores: 1,
    };
    let server = Server::start("rpyc", system.command(python, &launch), SERVERS)?;
    let asked = server.asked(upload(bytes, 1, plain()))?;
    Ok(rate(&drive_by(driver_command(python), asked, CLIENTS)?))
}

fn upload(bytes: u64, calls: u64, options: Value) -> Value {
    json!({
        "call": "upload", "payload": bytes, "fill": "random", "iterations": calls, "options": options,
        "timeout_ns": 600_000_000_000u64, "drain_ns": 600_000_000_000u64,
    })
}

fn rate(driven: &Driven) -> Figures {
    Figures::from([(BANDWIDTH.name, driven.upload_rate())])
}

/// A side that uploads random bytes to a server of its own.
fn uploads(name: &'static str, transport: &'static str, mut options: Value, bytes: u64, calls: u64) -> Result<Side> {
    options["congestion"] = CONTROL.into();
    let written = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let told = options.as_object().into_iter().flatten().map(|(name, value)| format!("{name}={}", written(value)));
    let told: Vec<String> = told.collect();
    let told: Vec<&str> = told.iter().map(String::as_str).collect();
    let server = Server::launch(transport, "threaded", &told, SERVERS)?;
    Ok(Side::new(name, move || {
        let asked = server.asked(upload(bytes, calls, options.clone()))?;
        Ok(rate(&drive(asked, CLIENTS)?))
    }))
}

/// The bytes that clients send.
fn random(bytes: u64) -> Vec<u8> {
    let fill = Fill::new(FillKind::Random, 1);
    let mut body = Vec::new();
    while (body.len() as u64) < bytes {
        let part = fill.at(body.len() as u64);
        body.extend_from_slice(&part[..part.len().min((bytes - body.len() as u64) as usize)]);
    }
    body
}

/// Bytes a second of random bytes that CPython's zlib takes in at level 1.
fn deflated_by_python(times: u32) -> Result<f64> {
    let program = format!(
        "import os, time, zlib\n\
         body = os.urandom({FILE})\n\
         begun = time.perf_counter()\n\
         for _ in range({times}): zlib.compress(body, 1)\n\
         print({FILE} * {times} / (time.perf_counter() - begun))"
    );
    let output = Command::new("python3").args(["-c", &program]).output().doing("running python3")?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim().parse().map_err(|_| Error::failed(format!("python3 said `{}`", said.trim())))
}

/// Bytes a second that zlib-rs takes in at that level.
fn deflated(body: &[u8], level: u32, times: u32) -> Result<f64> {
    let mut out = vec![0; body.len() + body.len() / 8 + 1024];
    let mut deflate = Compress::new(Compression::new(level), true);
    let begun = Instant::now();
    for _ in 0..times {
        deflate.reset();
        match deflate.compress(body, &mut out, FlushCompress::Finish).doing("deflating")? {
            Status::StreamEnd => {}
            _ => return Err(Error::failed("zlib wants more room than there is")),
        }
    }
    Ok(body.len() as f64 * f64::from(times) / begun.elapsed().as_secs_f64())
}
