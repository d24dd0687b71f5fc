//! Says back what it hears on port 7, to as many as come: a thread per connection (RFC 862).
//!
//! `echo PORT` listens elsewhere; `echo PORT N` ends after `N` connections, each of which ended in order.

use std::io::{self, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;

use skete as _;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).map_while(|word| word.parse::<u32>().ok());
    let port = arguments.next().and_then(|port| u16::try_from(port).ok()).unwrap_or(7);
    let most = arguments.next();
    let listener = TcpListener::bind(("::", port))?;
    println!("echo: listening on {}", listener.local_addr()?);
    let mut served = Vec::new();
    for stream in listener.incoming() {
        let stream = stream?;
        let serving = thread::spawn(move || serve(stream));
        if let Some(most) = most {
            served.push(serving);
            if served.len() == most as usize {
                break;
            }
        }
    }
    let count = served.len();
    let bytes = served.into_iter().map(|serving| serving.join().unwrap_or(Ok(0))).sum::<io::Result<u64>>()?;
    println!("echo: {count} connections, {bytes} bytes");
    Ok(())
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
