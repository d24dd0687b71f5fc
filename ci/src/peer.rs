//! Whom a tested program speaks with on this machine: says back what it hears, over TCP and UDP, until it is dropped. Who asks for a page of
//! HTTP is told the page's name.

use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// How often the peer looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(200);

/// The peer.
#[derive(Debug)]
pub struct Peer {
    port: u16,
    is_over: Arc<AtomicBool>,
}

impl Peer {
    /// Listens on a port of this machine's own that is free for both protocols.
    ///
    /// # Errors
    /// There is none.
    pub fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let datagrams = UdpSocket::bind((Ipv4Addr::LOCALHOST, port))?;
        datagrams.set_read_timeout(Some(LOOK))?;
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = Arc::clone(&is_over);
        thread::spawn(move || answer_connections(&listener, &ends));
        let ends = Arc::clone(&is_over);
        thread::spawn(move || answer_datagrams(&datagrams, &ends));
        Ok(Self { port, is_over })
    }

    /// The peer's address as the guest sees it: QEMU's user network has this machine at 10.0.2.2.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from(([10, 0, 2, 2], self.port))
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        // Whoever waits for a connection gets one, and sees that it is over.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

fn answer_connections(listener: &TcpListener, is_over: &AtomicBool) {
    for stream in listener.incoming() {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        if let Ok(stream) = stream {
            thread::spawn(move || say_back(stream));
        }
    }
}

fn say_back(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Ok(());
        }
        if let Some(page) = page(&buffer[..count]) {
            return write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}", page.len());
        }
        stream.write_all(&buffer[..count])?;
    }
}

/// Which page a request of HTTP asks for; it comes in one piece.
fn page(request: &[u8]) -> Option<&str> {
    let words = std::str::from_utf8(request).ok()?.strip_prefix("GET ")?;
    words.split_once(" HTTP/1.").map(|(page, _)| page)
}

fn answer_datagrams(socket: &UdpSocket, is_over: &AtomicBool) {
    let mut buffer = [0; 2048];
    while !is_over.load(Ordering::Relaxed) {
        if let Ok((count, from)) = socket.recv_from(&mut buffer) {
            let _ = socket.send_to(&buffer[..count], from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_says_back_what_it_hears_both_ways() {
        let peer = Peer::start().expect("there is a port");
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, peer.address().port())).expect("it listens");
        stream.write_all(b"hello").expect("it hears");
        let mut heard = [0; 5];
        stream.read_exact(&mut heard).expect("it answers");
        assert_eq!(&heard, b"hello");
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, peer.address().port())).expect("it listens");
        stream.write_all(b"GET /a/page HTTP/1.1\r\n\r\n").expect("it hears");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("\r\n\r\n/a/page"), "{answer}");
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a port");
        socket.send_to(b"datagram", (Ipv4Addr::LOCALHOST, peer.address().port())).expect("it hears");
        let mut heard = [0; 16];
        assert_eq!(socket.recv(&mut heard).expect("it answers"), 8);
    }
}
