//! Who waits, for how long, and what ends it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use super::Check;
use super::streams::{listener, pair};

pub const CHECKS: &[Check] = &[
    ("reading waits as long as it is told to", read_timeout),
    ("writing waits as long as it is told to", write_timeout),
    ("who does not wait is told so", nonblocking),
    ("a waiter is woken by what comes", woken),
    ("a waiter is woken by the end", woken_by_the_end),
    ("connecting in a given time", connect_timeout),
    ("a datagram is waited for as long as told", datagram_timeout),
];

const SHORT: Duration = Duration::from_millis(30);

fn read_timeout() {
    let (near, mut far) = pair();
    far.set_read_timeout(Some(SHORT)).expect("a time");
    let began = Instant::now();
    assert_eq!(far.read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    assert!(began.elapsed() >= SHORT);
    (&near).write_all(b"x").expect("it is heard");
    assert_eq!(far.read(&mut [0]).ok(), Some(1));
    let (listener, _) = listener();
    listener.set_nonblocking(true).expect("it is open");
    assert_eq!(listener.accept().map(drop).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
}

fn write_timeout() {
    let (mut near, _far) = pair();
    near.set_write_timeout(Some(SHORT)).expect("a time");
    let piece = [0; 8192];
    let mut sent = 0;
    let error = loop {
        match near.write(&piece) {
            Ok(count) => sent += count,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(sent >= 64 << 10, "both sides keep something: {sent}");
}

fn nonblocking() {
    let (near, far) = pair();
    far.set_nonblocking(true).expect("it is open");
    assert_eq!((&far).read(&mut [0]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    (&near).write_all(b"x").expect("it is heard");
    assert_eq!((&far).read(&mut [0]).ok(), Some(1));
    while (&far).write(&[0; 4096]).is_ok() {}
    assert_eq!((&far).write(&[0]).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    far.set_nonblocking(false).expect("it is open");
}

fn woken() {
    let (mut near, mut far) = pair();
    let (says, hears) = mpsc::channel();
    let waiter = thread::spawn(move || {
        says.send(()).expect("somebody listens");
        let mut byte = [0];
        far.read_exact(&mut byte).expect("it comes");
        byte[0]
    });
    hears.recv().expect("it is about to wait");
    thread::sleep(SHORT);
    near.write_all(b"w").expect("it is heard");
    assert_eq!(waiter.join().ok(), Some(b'w'));
}

fn woken_by_the_end() {
    let (_near, far) = pair();
    let mut reader = far.try_clone().expect("there are numbers");
    let waiter = thread::spawn(move || reader.read(&mut [0]).ok());
    thread::sleep(SHORT);
    far.shutdown(Shutdown::Both).expect("it is connected");
    assert_eq!(waiter.join().ok(), Some(Some(0)));
}

fn connect_timeout() {
    let (_listener, address) = listener();
    let near = TcpStream::connect_timeout(&address, Duration::from_secs(5)).expect("it listens");
    assert_eq!(near.peer_addr().ok(), Some(address));
}

fn datagram_timeout() {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    socket.set_read_timeout(Some(SHORT)).expect("a time");
    let began = Instant::now();
    assert_eq!(socket.recv_from(&mut [0]).map(drop).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
    assert!(began.elapsed() >= SHORT);
}
