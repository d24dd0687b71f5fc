//! Connections over loopback.

use std::io::{ErrorKind, IoSlice, IoSliceMut, Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use super::Check;

pub const CHECKS: &[Check] = &[
    ("both ends know each other's name", names),
    ("a stream carries a megabyte in order", a_megabyte),
    ("one half ends before the other", halves),
    ("a look takes nothing", looks),
    ("several buffers are one stream", vectors),
    ("a copy of a socket is the same connection", copies),
    ("IPv6, and IPv4 over it", version_six),
    ("where nobody listens one is refused", refused),
    ("a connection that breaks is told once", broken),
    ("one address, one listener", in_use),
    ("options are kept", options),
    ("what was closed is not to be used", closed),
];

/// A listener on this machine, and its address.
pub fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
    let address = listener.local_addr().expect("it has one");
    (listener, address)
}

/// Both ends of a connection.
pub fn pair() -> (TcpStream, TcpStream) {
    let (listener, address) = listener();
    let near = TcpStream::connect(address).expect("it listens");
    (near, listener.accept().expect("one has come").0)
}

fn names() {
    let (listener, address) = listener();
    let near = TcpStream::connect(address).expect("it listens");
    let (far, peer) = listener.accept().expect("one has come");
    assert_eq!(near.peer_addr().ok(), Some(address));
    assert_eq!(near.local_addr().ok(), Some(peer));
    assert_eq!((far.local_addr().ok(), far.peer_addr().ok()), (Some(address), Some(peer)));
}

fn a_megabyte() {
    let (mut near, mut far) = pair();
    let byte = |at: usize| (at * 7 + at / 251).to_le_bytes()[0];
    let sender = thread::spawn(move || {
        let all: Vec<u8> = (0..1 << 20).map(byte).collect();
        near.write_all(&all).expect("it is heard");
    });
    let mut all = Vec::new();
    far.read_to_end(&mut all).expect("it arrives");
    sender.join().expect("it was sent");
    assert_eq!(all.len(), 1 << 20);
    assert!(all.iter().enumerate().all(|(at, &found)| found == byte(at)));
}

fn halves() {
    let (mut near, mut far) = pair();
    near.write_all(b"question").expect("it is heard");
    near.shutdown(Shutdown::Write).expect("it is connected");
    assert_eq!(near.write(b"more").map_err(|error| error.kind()), Err(ErrorKind::BrokenPipe));
    let mut text = String::new();
    far.read_to_string(&mut text).expect("it ends");
    assert_eq!(text, "question");
    far.write_all(b"answer").expect("that half is open");
    drop(far);
    text.clear();
    near.read_to_string(&mut text).expect("it ends");
    assert_eq!(text, "answer");
}

fn looks() {
    let (mut near, mut far) = pair();
    near.write_all(b"abc").expect("it is heard");
    let mut buffer = [0; 8];
    for _ in 0..3 {
        assert_eq!(far.peek(&mut buffer).ok(), Some(3));
    }
    assert_eq!(far.read(&mut buffer).ok(), Some(3));
    assert_eq!(&buffer[..3], b"abc");
}

fn vectors() {
    let (mut near, mut far) = pair();
    let sent = near.write_vectored(&[IoSlice::new(b"one "), IoSlice::new(b""), IoSlice::new(b"two")]);
    assert_eq!(sent.ok(), Some(7));
    let (mut one, mut other) = ([0; 3], [0; 4]);
    let got = far.read_vectored(&mut [IoSliceMut::new(&mut one), IoSliceMut::new(&mut other)]);
    assert_eq!(got.ok(), Some(7));
    assert_eq!((&one, &other), (b"one", b" two"));
}

fn copies() {
    let (mut near, far) = pair();
    let mut copy = far.try_clone().expect("there are numbers");
    drop(far);
    near.write_all(b"x").expect("it is heard");
    let mut byte = [0];
    copy.read_exact(&mut byte).expect("the copy hears it");
    drop(copy);
    assert_eq!(near.read(&mut byte).ok(), Some(0), "the last copy ends it");
}

fn version_six() {
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)).expect("a port is free");
    let port = listener.local_addr().expect("it has one").port();
    let mut six = TcpStream::connect((Ipv6Addr::LOCALHOST, port)).expect("it listens");
    let (mut far, peer) = listener.accept().expect("one has come");
    assert!(peer.is_ipv6());
    six.write_all(b"6").expect("it is heard");
    let mut byte = [0];
    far.read_exact(&mut byte).expect("it arrives");
    let four = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("it listens for both");
    let (_, peer) = listener.accept().expect("one has come");
    assert_eq!(peer.ip().to_canonical(), four.local_addr().expect("it has one").ip());
}

fn refused() {
    let (listener, address) = listener();
    drop(listener);
    assert_eq!(TcpStream::connect(address).map_err(|error| error.kind()).err(), Some(ErrorKind::ConnectionRefused));
    let soon = std::time::Duration::from_secs(5);
    assert_eq!(TcpStream::connect_timeout(&address, soon).map_err(|error| error.kind()).err(), Some(ErrorKind::ConnectionRefused));
}

fn broken() {
    let (mut near, far) = pair();
    near.write_all(b"unread").expect("it is connected");
    drop(far);
    let mut byte = [0];
    assert_eq!(near.read(&mut byte).map_err(|error| error.kind()), Err(ErrorKind::ConnectionReset));
    assert_eq!(near.read(&mut byte).ok(), Some(0));
    assert_eq!(near.write(&byte).map_err(|error| error.kind()), Err(ErrorKind::BrokenPipe));
}

fn in_use() {
    let (_listener, address) = listener();
    assert_eq!(TcpListener::bind(address).map_err(|error| error.kind()).err(), Some(ErrorKind::AddrInUse));
    let elsewhere = TcpListener::bind("10.99.99.99:0").map_err(|error| error.kind());
    assert_eq!(elsewhere.err(), Some(ErrorKind::AddrNotAvailable));
}

fn options() {
    let (near, _far) = pair();
    assert_eq!(near.nodelay().ok(), Some(false));
    near.set_nodelay(true).expect("it is a stream");
    near.set_ttl(9).expect("so far");
    assert_eq!((near.nodelay().ok(), near.ttl().ok()), (Some(true), Some(9)));
    let time = std::time::Duration::from_micros(1_234_567);
    near.set_read_timeout(Some(time)).expect("a time");
    assert_eq!((near.read_timeout().ok(), near.write_timeout().ok()), (Some(Some(time)), Some(None)));
    assert_eq!(near.take_error().ok().map(|error| error.is_none()), Some(true));
    assert!(near.set_ttl(0).is_err());
}

fn closed() {
    let (near, _far) = pair();
    let copy = near.try_clone().expect("there are numbers");
    near.shutdown(Shutdown::Both).expect("it is connected");
    assert_eq!((&copy).read(&mut [0]).ok(), Some(0));
    assert_eq!((&copy).write(&[0]).map_err(|error| error.kind()), Err(ErrorKind::BrokenPipe));
}
