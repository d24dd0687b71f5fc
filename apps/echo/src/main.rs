//! Says back what it hears on port 7, to as many as come: a thread per connection (RFC 862).
//!
//! `echo PORT` listens elsewhere; `echo PORT N` ends after `N` connections, each of which ended in order; `echo PORT N EACH` tells what there
//! is in the machine at the beginning, and whenever `EACH` of them have come and gone.

mod rest;

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use skete as _;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).map_while(|word| word.parse::<u32>().ok());
    let port = arguments.next().and_then(|port| u16::try_from(port).ok()).unwrap_or(7);
    let most = arguments.next().map_or(u64::MAX, u64::from);
    let each = arguments.next().map(u64::from).filter(|each| *each > 0);
    let listener = TcpListener::bind(("::", port))?;
    if each.is_some() {
        rest::tell("echo");
    }
    println!("echo: listening on {}", listener.local_addr()?);
    let (mut count, mut bytes) = (0, 0);
    while count < most {
        // Without an end nobody waits for those who serve.
        let round = each.unwrap_or(most).min(most - count);
        bytes += serve_many(&listener, round, most < u64::MAX)?;
        count += round;
        if each == Some(round) {
            rest::tell("echo");
        }
    }
    println!("echo: {count} connections, {bytes} bytes");
    Ok(())
}

/// Serves so many connections; how much was said on them all, if they are waited for.
fn serve_many(listener: &TcpListener, count: u64, waits: bool) -> io::Result<u64> {
    let mut served = Vec::new();
    for _ in 0..count {
        let (stream, _) = listener.accept()?;
        let serving = thread::spawn(move || serve(stream));
        if waits {
            served.push(serving);
        }
    }
    served.into_iter().map(|serving| serving.join().unwrap_or(Ok(0))).sum()
}

/// Says everything back until the other side has no more to say; how much that was.
fn serve(mut stream: TcpStream) -> io::Result<u64> {
    stream.set_nodelay(true)?;
    let mut buffer = [0; 4096];
    let mut bytes = 0;
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(bytes);
        }
        stream.write_all(&buffer[..count])?;
        bytes += count as u64;
    }
}
