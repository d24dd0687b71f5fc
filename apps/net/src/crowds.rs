//! Many threads and many connections at a time.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::Check;
use super::streams::{listener, pair};

pub const CHECKS: &[Check] = &[
    ("many threads accept at one listener", many_accept),
    ("many threads read one connection", many_read),
    ("two hundred connections at a time, every byte", many_connections),
    ("five hundred connections one after the other", one_after_the_other),
];

fn many_accept() {
    const EACH: usize = 10;
    let (listener, address) = listener();
    thread::scope(|scope| {
        for _ in 0..8 {
            let listener: &TcpListener = &listener;
            scope.spawn(move || {
                for _ in 0..EACH {
                    let (mut far, _) = listener.accept().expect("one has come");
                    far.write_all(b"!").expect("it is connected");
                }
            });
        }
        for _ in 0..8 {
            scope.spawn(move || {
                for _ in 0..EACH {
                    let mut near = TcpStream::connect(address).expect("it listens");
                    near.read_exact(&mut [0]).expect("somebody has accepted");
                }
            });
        }
    });
}

fn many_read() {
    const BYTES: usize = 4000;
    let (mut near, far) = pair();
    let read = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..8 {
            let (mut far, read) = (&far, &read);
            scope.spawn(move || {
                let mut piece = [0; 7];
                loop {
                    match far.read(&mut piece).expect("it is connected") {
                        0 => break,
                        count => _ = read.fetch_add(count, Ordering::Relaxed),
                    }
                }
            });
        }
        for _ in 0..BYTES / 40 {
            near.write_all(&[1; 40]).expect("it is heard");
            thread::yield_now();
        }
        drop(near);
    });
    assert_eq!(read.into_inner(), BYTES);
}

/// Says back what it hears, to the end.
fn say_back(mut stream: TcpStream) {
    let mut buffer = [0; 1024];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        stream.write_all(&buffer[..count]).expect("it is heard");
    }
}

/// Sends and checks a few hundred bytes that depend on `number`.
fn converse(stream: &mut TcpStream, number: usize) {
    for round in 0..4 {
        let said: Vec<u8> = (0..64 + number % 200).map(|at| (at * number + round).to_le_bytes()[0]).collect();
        stream.write_all(&said).expect("it is heard");
        let mut heard = vec![0; said.len()];
        stream.read_exact(&mut heard).expect("it is answered");
        assert_eq!(said, heard);
    }
}

fn many_connections() {
    const CLIENTS: usize = 4;
    const EACH: usize = 50;
    let (listener, address) = listener();
    let serving = thread::spawn(move || {
        let serving: Vec<_> =
            listener.incoming().take(CLIENTS * EACH).map(|stream| thread::spawn(|| say_back(stream.expect("one has come")))).collect();
        serving.into_iter().for_each(|one| one.join().expect("it ends"));
    });
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            scope.spawn(move || {
                let mut streams: Vec<_> = (0..EACH).map(|_| TcpStream::connect(address).expect("it listens")).collect();
                for (number, stream) in streams.iter_mut().enumerate() {
                    converse(stream, client * EACH + number);
                }
            });
        }
    });
    serving.join().expect("everybody was served");
}

fn one_after_the_other() {
    let (listener, address) = listener();
    let serving = thread::spawn(move || listener.incoming().take(500).for_each(|stream| say_back(stream.expect("one has come"))));
    for number in 0..500 {
        let mut stream = TcpStream::connect(address).expect("it listens");
        converse(&mut stream, number);
    }
    serving.join().expect("everybody was served");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("there is room for others");
    drop(socket);
}
