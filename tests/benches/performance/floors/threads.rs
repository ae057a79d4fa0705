//! A blocking HTTP server with a thread for each connection that knows one reply only.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};

use engine::error::{Context, Result};
use memchr::memmem::Finder;

use crate::floors::{Says, argument, end_with_stdin};

/// The floor `threads`: the address of a server whose reply to a ping it gives to everyone.
pub(crate) fn serve(arguments: &[String]) -> Result<()> {
    let serving = "serving the raw loop";
    let reply = reply_of(&argument::<String>(arguments, 0)?).doing("asking for the reply to give")?;
    let listener = TcpListener::bind("127.0.0.1:0").doing(serving)?;
    Says::Ready(listener.local_addr().doing(serving)?.to_string()).say()?;
    end_with_stdin();
    loop {
        let (stream, _) = listener.accept().doing(serving)?;
        stream.set_nodelay(true).doing(serving)?;
        let reply = reply.clone();
        std::thread::spawn(move || answer(stream, &reply));
    }
}

/// Answers whatever ends as the head of a request does.
fn answer(mut stream: TcpStream, reply: &[u8]) -> std::io::Result<()> {
    let end = Finder::new("\r\n\r\n");
    let (mut buffer, mut have) = ([0; 8192], 0);
    loop {
        have += match stream.read(&mut buffer[have..])? {
            0 => return Ok(()),
            n => n,
        };
        if end.find(&buffer[..have]).is_some() {
            stream.write_all(reply)?;
            have = 0;
        }
    }
}

/// The bytes with which a server answers a ping.
pub(crate) fn reply_of(address: &str) -> std::io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    pinged(&mut stream, address)
}

/// True once a reply has come to its end, which its content-length tells.
fn whole(reply: &[u8]) -> bool {
    let text = String::from_utf8_lossy(reply).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    length.is_some_and(|length: usize| body.len() >= length)
}

/// Pings once on a connection, which stays open; the bytes of the reply.
pub(crate) fn pinged(stream: &mut TcpStream, address: &str) -> std::io::Result<Vec<u8>> {
    write!(stream, "GET /ping HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
    let (mut reply, mut buffer) = (Vec::new(), [0; 4096]);
    while !whole(&reply) {
        match stream.read(&mut buffer)? {
            0 => return Err(ErrorKind::UnexpectedEof.into()),
            n => reply.extend_from_slice(&buffer[..n]),
        }
    }
    Ok(reply)
}
