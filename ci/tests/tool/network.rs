//! A program that serves the network, and this machine as its client.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use super::{Outcome, Watched, root, tool};

/// How long anything may take that the guest has to answer.
const PATIENCE: Duration = Duration::from_secs(60);
const CONNECTIONS: usize = 100;
/// Bytes that each connection carries there and back.
const BYTES: usize = 20_000;

/// A port of this machine's that nobody has.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// A connection that the guest has answered: QEMU takes one before it knows whether the guest does.
fn connect(port: u16, number: usize) -> TcpStream {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    converse(&mut stream, &[number.to_le_bytes()[0]]);
    stream
}

#[track_caller]
fn converse(stream: &mut TcpStream, said: &[u8]) {
    stream.write_all(said).unwrap();
    let mut heard = vec![0; said.len()];
    stream.read_exact(&mut heard).unwrap();
    assert!(said == heard, "every byte comes back");
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_hundred_connections_at_a_time_hear_every_byte_that_they_said() {
    a_hundred_connections_by("virt", "virtio", "network: virtio-net");
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn and_so_they_do_over_the_pis_usb() {
    a_hundred_connections_by("raspi3b", "ecm", "network: usb-ecm");
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn and_so_they_do_over_the_ethernet_that_a_pi_has_on_board() {
    a_hundred_connections_by("raspi3b", "lan9514", "network: smsc95xx");
}

fn a_hundred_connections_by(board: &str, card: &str, name: &str) {
    let began = Instant::now();
    let port = free_port();
    let forward = format!("{port}:7");
    let count = CONNECTIONS.to_string();
    let words =
        ["run", "echo", "--board", board, "--card", card, "--offline", "--forward", &forward, "--timeout", "240", "--", "7", &count];
    let mut guest = Watched::start(tool(root()).args(words));
    assert!(guest.read_until("echo: listening"), "{}", guest.text);
    // One by one: QEMU's user network admits about two that come at the same time.
    let streams: Vec<TcpStream> = (0..CONNECTIONS).map(|number| connect(port, number)).collect();
    thread::scope(|scope| {
        for (number, mut stream) in streams.into_iter().enumerate() {
            scope.spawn(move || {
                for round in 0..BYTES / 1000 {
                    let said: Vec<u8> = (0..1000).map(|at| (number * 31 + round * 7 + at).to_le_bytes()[0]).collect();
                    converse(&mut stream, &said);
                }
                stream.shutdown(std::net::Shutdown::Write).unwrap();
                assert_eq!(stream.read(&mut [0]).unwrap(), 0, "and then the end");
            });
        }
    });
    let last = format!("echo: {CONNECTIONS} connections, {} bytes", CONNECTIONS * (BYTES + 1));
    assert!(guest.read_until(&last), "{}", guest.text);
    assert!(guest.child.wait().unwrap().success());
    assert!(guest.text.contains(name), "{}", guest.text);
    assert!(began.elapsed() < Duration::from_secs(240));
}

/// Asks the guest; its answer as it came. The connection ends with that.
fn ask(mut stream: &TcpStream, text: &str) -> String {
    let mut answer = String::new();
    stream.write_all(text.as_bytes()).unwrap();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The same by a connection of its own.
fn ask_alone(port: u16, text: &str) -> String {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    ask(&stream, text)
}

/// A connection over which the guest has greeted, and goes on listening.
fn greeted(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: skete\r\n\r\n").unwrap();
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while !(answer.ends_with(b"\n") && String::from_utf8_lossy(&answer).contains("own, request")) {
        stream.read_exact(&mut byte).unwrap();
        answer.extend(byte);
    }
    stream
}

/// A request that sends `body`, the last of its connection.
fn post(body: &str) -> String {
    let length = body.len();
    format!("POST /words HTTP/1.1\r\nHost: skete\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn tokio_and_axum_answer_requests_of_http() {
    const AT_A_TIME: usize = 8;
    let port = free_port();
    let forward = format!("{port}:80");
    let count = (2 * AT_A_TIME + 3).to_string();
    let words = ["run", "http", "--board", "virt", "--offline", "--forward", &forward, "--timeout", "240", "--", "80", &count];
    let mut guest = Watched::start(tool(root()).args(words));
    assert!(guest.read_until("http: listening"), "{}", guest.text);
    let answer = ask_alone(port, "GET /nowhere HTTP/1.1\r\nHost: skete\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 404 Not Found"), "{answer}");
    let answer = ask_alone(port, &post("how many words are these"));
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.ends_with("5 words, 24 bytes\n"), "{answer}");
    // One by one: QEMU's user network admits about two that come at the same time.
    let streams: Vec<TcpStream> = (0..AT_A_TIME).map(|_| greeted(port)).collect();
    thread::scope(|scope| {
        for (number, stream) in (1..).zip(&streams) {
            scope.spawn(move || {
                let answer = ask(stream, &post(&"word ".repeat(1000 * number)));
                assert!(answer.ends_with(&format!("{} words, {} bytes\n", 1000 * number, 5000 * number)), "{answer}");
            });
        }
    });
    // The machine ends with its program: what it has answered last may still be on its way.
    let mut last = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    last.write_all(post("the last").as_bytes()).unwrap();
    assert!(guest.read_until(&format!("http: {count} requests")), "{}", guest.text);
    assert!(guest.child.wait().unwrap().success());
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_port_that_leads_nowhere_is_refused_before_anything_boots() {
    let refused = |words: &[&str], part: &str| Outcome::of(tool(root()).args(words)).assert(1, &[part]);
    refused(&["run", "hello", "--board", "virt", "--offline", "--forward", "7777:7"], "uses no network");
    refused(&["run", "echo", "--board", "raspi3b", "--offline", "--forward", "7777:7", "--no-card"], "nobody would answer");
    refused(&["run", "echo", "--board", "virt", "--offline", "--card", "lan9514"], "raspi3b has ecm and lan9514");
    Outcome::of(tool(root()).args(["run", "echo", "--forward", "7777"])).assert(2, &["two ports are needed"]);
    Outcome::of(tool(root()).args(["run", "echo", "--board", "virt", "--ip", "10.0.2.15"])).assert(2, &["bits of its network"]);
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_load_ends_with_a_table_and_the_programs_own_end() {
    let folder = tempfile::tempdir().unwrap();
    let figures = folder.path().join("figures.json");
    for (program, board) in [("echo", "virt"), ("echo", "raspi3b"), ("c/echo", "virt")] {
        let words = ["stress", program, "--board", board, "--offline", "--connections", "20", "--seconds", "2", "--seed", "7", "--json"];
        let outcome = Outcome::of(tool(root()).args(words).arg(&figures));
        outcome.assert(0, &["connections                20", "broken                      0"]);
        let figures = std::fs::read_to_string(&figures).unwrap();
        assert!(figures.contains("\"broken\": 0") && figures.contains("\"connections\": 20"), "{figures}");
    }
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_link_that_loses_frames_breaks_no_answer_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let figures = folder.path().join("figures.json");
    for (program, board, card) in [("echo", "virt", "virtio"), ("echo", "raspi3b", "lan9514"), ("kv", "virt", "virtio")] {
        let words = ["stress", program, "--board", board, "--card", card, "--offline", "--connections", "10", "--seconds", "3"];
        let faults = ["--loss", "3%", "--reorder", "--duplicate=2%", "--json"];
        let outcome = Outcome::of(tool(root()).args(words).args(faults).arg(&figures));
        outcome.assert(0, &["broken                      0", "link: frames to the guest", "threads, before and after"]);
        let figures = std::fs::read_to_string(&figures).unwrap();
        assert!(figures.contains("\"lost\": ") && figures.contains("\"faults\": []"), "{figures}");
    }
}

#[test]
#[ignore = "needs the tool and QEMU"]
fn a_link_that_cannot_be_is_refused_before_anything_boots() {
    let refused = |words: &[&str], status: i32, part: &str| Outcome::of(tool(root()).arg("stress").args(words)).assert(status, &[part]);
    refused(&["--loss", "120%"], 2, "`120%` is not within 0% and 90%");
    refused(&["--loss", "x"], 2, "`x` is no percentage such as 5%");
    refused(&["--reorder=-1"], 2, "`-1` is not within");
    refused(&["--target", "127.0.0.1:9", "--loss", "5%"], 2, "cannot be used with '--loss");
    refused(&["--board", "virt", "--icount", "--loss", "5%"], 1, "lives in its own time");
    refused(&["--card", "none", "--loss", "5%"], 1, "nobody would answer");
}
