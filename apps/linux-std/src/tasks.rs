//! tokio with everything that it has: `net`, `signal`, and `process`, which is refused.
#![allow(unsafe_code, reason = "a signal of the program's own")]

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::Check;

pub const CHECKS: &[Check] = &[
    ("tokio: a server that says back what it hears, and its clients", echo),
    ("tokio: both halves at once, more than there is room for", halves),
    ("tokio: datagrams", datagrams),
    ("tokio: pairs of sockets", pairs),
    ("tokio: nobody listens, and nobody speaks", nobody),
    ("tokio: a signal is awaited", signals),
    ("tokio: another process is refused", processes),
];

/// As many connections at a time.
const CLIENTS: u8 = 16;
/// What each of them says, so often.
const ROUNDS: usize = 20;
const BYTES: usize = 3000;

fn on_several(task: impl Future<Output = ()>) {
    Builder::new_multi_thread().worker_threads(4).enable_all().build().expect("there is room").block_on(task);
}

async fn say_back(mut stream: TcpStream) {
    let mut heard = vec![0; 4096];
    loop {
        let count = stream.read(&mut heard).await.expect("it does not break");
        if count == 0 {
            return;
        }
        stream.write_all(&heard[..count]).await.expect("it is heard");
    }
}

fn echo() {
    on_several(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it has one");
        let server = tokio::spawn(async move {
            let mut served = JoinSet::new();
            for _ in 0..CLIENTS {
                let (stream, _) = listener.accept().await.expect("they come");
                served.spawn(say_back(stream));
            }
            served.join_all().await
        });
        let mut clients = JoinSet::new();
        for client in 0..CLIENTS {
            clients.spawn(async move {
                let mut stream = TcpStream::connect(address).await.expect("it listens");
                for round in 0..ROUNDS {
                    let said = vec![client ^ round.to_le_bytes()[0]; BYTES];
                    stream.write_all(&said).await.expect("it is heard");
                    let mut heard = vec![0; BYTES];
                    stream.read_exact(&mut heard).await.expect("it comes back");
                    assert!(said == heard);
                }
            });
        }
        clients.join_all().await;
        server.await.expect("it does not panic");
    });
}

fn halves() {
    on_several(async {
        const MUCH: usize = 1 << 20;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let near = TcpStream::connect(listener.local_addr().expect("it has one")).await.expect("it listens");
        let (far, _) = listener.accept().await.expect("one is there");
        let carry = |stream: TcpStream, number: u8| async move {
            let (mut read, mut write) = stream.into_split();
            let writer = tokio::spawn(async move {
                write.write_all(&vec![number; MUCH]).await.expect("it is heard");
                write.shutdown().await.expect("it is connected");
            });
            let mut heard = Vec::new();
            read.read_to_end(&mut heard).await.expect("it ends");
            writer.await.expect("it does not panic");
            assert!(heard.len() == MUCH && heard.iter().all(|byte| *byte == 3 - number));
        };
        tokio::join!(carry(near, 1), carry(far, 2));
    });
}

fn datagrams() {
    on_several(async {
        let socket = || async { UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free") };
        let (one, other) = (socket().await, socket().await);
        one.connect(other.local_addr().expect("it has one")).await.expect("it is an address");
        let mut bytes = [0; 16];
        for number in 0..100_u8 {
            one.send(&[number; 5]).await.expect("there is room");
            let (count, from) = other.recv_from(&mut bytes).await.expect("it comes");
            assert_eq!((count, bytes[0]), (5, number));
            other.send_to(&bytes[..count], from).await.expect("there is room");
            assert_eq!(one.recv(&mut bytes).await.expect("it comes back"), 5);
        }
    });
}

fn pairs() {
    on_several(async {
        const MUCH: usize = 500_000;
        let (mut one, mut other) = UnixStream::pair().expect("numbers are free");
        let writer = tokio::spawn(async move { one.write_all(&vec![7; MUCH]).await });
        let mut heard = Vec::new();
        other.read_to_end(&mut heard).await.expect("it ends");
        writer.await.expect("it does not panic").expect("it is heard");
        assert!(heard.len() == MUCH && heard.iter().all(|byte| *byte == 7));
    });
}

fn nobody() {
    on_several(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port is free");
        let address = listener.local_addr().expect("it has one");
        assert!(timeout(Duration::from_millis(20), listener.accept()).await.is_err());
        drop(listener);
        let refused = TcpStream::connect(address).await.expect_err("nobody listens");
        assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    });
}

/// A runtime without threads of its own.
fn alone() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("there is room")
}

fn signals() {
    alone().block_on(async {
        let mut user = signal(SignalKind::user_defined1()).expect("it can be taken");
        let interrupted = tokio::spawn(tokio::signal::ctrl_c());
        tokio::task::yield_now().await;
        for number in [libc::SIGUSR1, libc::SIGINT] {
            // SAFETY: a signal that is handled.
            assert_eq!(unsafe { libc::raise(number) }, 0);
        }
        user.recv().await.expect("it came");
        interrupted.await.expect("it does not panic").expect("it came");
    });
}

fn processes() {
    alone().block_on(async {
        let refused = tokio::process::Command::new("/bin/true").status().await.expect_err("there is one program");
        assert_eq!(refused.raw_os_error(), Some(libc::ENOSYS));
    });
}
