//! mio: one thread serves all connections, and hears of those alone that can go on.

use std::collections::HashMap;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream, UdpSocket as Blocking};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, TcpStream as Stream, UdpSocket};
use mio::{Events, Interest, Poll, Token, Waker};

use super::Check;

pub const CHECKS: &[Check] = &[
    ("mio: one thread says back what eight connections say", echoes),
    ("mio: datagrams are said back", datagrams),
    ("mio: a poll ends in time, and when another thread wakes it", wakes),
    ("mio: a connection that is refused is told by an event", refused),
];

const LISTENER: Token = Token(0);
const WAKER: Token = Token(1);
const FREE: (Ipv4Addr, u16) = (Ipv4Addr::LOCALHOST, 0);

/// A connection, and what is to be said back over it still.
struct Connection {
    stream: Stream,
    unsaid: Vec<u8>,
    has_ended: bool,
}

impl Connection {
    /// Reads and writes as much as goes without waiting; whether all is said.
    fn go_on(&mut self) -> std::io::Result<bool> {
        let mut buffer = [0; 1000];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => self.has_ended = true,
                Ok(count) => {
                    self.unsaid.extend_from_slice(&buffer[..count]);
                    continue;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
            break;
        }
        while !self.unsaid.is_empty() {
            match self.stream.write(&self.unsaid) {
                Ok(count) => drop(self.unsaid.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(self.has_ended)
    }
}

/// Serves until `is_over`, of which a wake tells.
fn serve(mut poll: Poll, listener: TcpListener, is_over: &AtomicBool) {
    let mut events = Events::with_capacity(16);
    let mut connections: HashMap<Token, Connection> = HashMap::new();
    let mut next = 2;
    while !is_over.load(Ordering::Relaxed) {
        poll.poll(&mut events, None).expect("it waits");
        for event in &events {
            match event.token() {
                WAKER => {}
                LISTENER => {
                    while let Ok((mut stream, _)) = listener.accept() {
                        let token = Token(next);
                        next += 1;
                        let both = Interest::READABLE | Interest::WRITABLE;
                        poll.registry().register(&mut stream, token, both).expect("there is room");
                        connections.insert(token, Connection { stream, unsaid: Vec::new(), has_ended: false });
                    }
                }
                token => {
                    let Some(connection) = connections.get_mut(&token) else { continue };
                    if connection.go_on().expect("the connection holds") {
                        let mut ended = connections.remove(&token).expect("it was there");
                        poll.registry().deregister(&mut ended.stream).expect("it was registered");
                    }
                }
            }
        }
    }
    assert!(connections.is_empty(), "all have ended");
}

fn converse(address: SocketAddr, number: u8) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    let said: Vec<u8> = (0..20_000_u32).map(|at| at.to_le_bytes()[0] ^ number).collect();
    let mut sender = stream.try_clone().expect("there is room");
    let text = said.clone();
    let saying = thread::spawn(move || {
        sender.write_all(&text).expect("it is heard");
        sender.shutdown(Shutdown::Write).expect("it is open");
    });
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).expect("it is said back");
    saying.join().expect("it was said");
    assert!(heard == said);
}

fn echoes() {
    let poll = Poll::new().expect("there is room");
    let mut listener = TcpListener::bind(FREE.into()).expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    poll.registry().register(&mut listener, LISTENER, Interest::READABLE).expect("there is room");
    let waker = Waker::new(poll.registry(), WAKER).expect("there is room");
    let is_over = Arc::new(AtomicBool::new(false));
    let ends = Arc::clone(&is_over);
    let serving = thread::spawn(move || serve(poll, listener, &ends));
    let clients: Vec<_> = (0..8).map(|number| thread::spawn(move || converse(address, number))).collect();
    clients.into_iter().for_each(|client| client.join().expect("every byte comes back"));
    is_over.store(true, Ordering::Relaxed);
    waker.wake().expect("it can be woken");
    serving.join().expect("it ends");
}

fn datagrams() {
    let mut poll = Poll::new().expect("there is room");
    let mut socket = UdpSocket::bind(FREE.into()).expect("a port is free");
    let address = socket.local_addr().expect("it has one");
    poll.registry().register(&mut socket, LISTENER, Interest::READABLE).expect("there is room");
    let client = Blocking::bind(FREE).expect("a port is free");
    let mut events = Events::with_capacity(4);
    for number in 0..50_u8 {
        client.send_to(&[number; 100], address).expect("it is sent");
        poll.poll(&mut events, None).expect("it waits");
        assert!(events.iter().any(|event| event.token() == LISTENER && event.is_readable()));
        let mut buffer = [0; 200];
        let (count, from) = socket.recv_from(&mut buffer).expect("it has come");
        assert_eq!(socket.recv_from(&mut [0; 1]).expect_err("there was one").kind(), ErrorKind::WouldBlock);
        socket.send_to(&buffer[..count], from).expect("it is sent");
        assert_eq!(client.recv(&mut buffer).expect("it is said back"), 100);
        assert!(buffer[..100].iter().all(|byte| *byte == number));
    }
}

fn wakes() {
    let mut poll = Poll::new().expect("there is room");
    let waker = Arc::new(Waker::new(poll.registry(), WAKER).expect("there is room"));
    let mut events = Events::with_capacity(4);
    let span = Duration::from_millis(20);
    let start = Instant::now();
    poll.poll(&mut events, Some(span)).expect("it waits");
    assert!(events.is_empty() && start.elapsed() >= span);
    for _ in 0..20 {
        let other = Arc::clone(&waker);
        let waking = thread::spawn(move || other.wake().expect("it can be woken"));
        poll.poll(&mut events, None).expect("it waits");
        assert!(events.iter().any(|event| event.token() == WAKER));
        waking.join().expect("it ends");
    }
}

fn refused() {
    let vacant = std::net::TcpListener::bind(FREE).expect("a port is free").local_addr().expect("it has one");
    let mut poll = Poll::new().expect("there is room");
    let Ok(mut stream) = Stream::connect(vacant) else { return };
    poll.registry().register(&mut stream, LISTENER, Interest::WRITABLE).expect("there is room");
    let mut events = Events::with_capacity(4);
    poll.poll(&mut events, None).expect("it waits");
    let why = stream.take_error().expect("it can be asked");
    assert_eq!(why.map(|error| error.kind()), Some(ErrorKind::ConnectionRefused));
}
