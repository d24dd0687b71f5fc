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
    for board in ["virt", "raspi3b"] {
        let words = ["stress", "echo", "--board", board, "--offline", "--connections", "20", "--seconds", "2", "--seed", "7", "--json"];
        let outcome = Outcome::of(tool(root()).args(words).arg(&figures));
        outcome.assert(0, &["connections                20", "broken                      0"]);
        let figures = std::fs::read_to_string(&figures).unwrap();
        assert!(figures.contains("\"broken\": 0") && figures.contains("\"connections\": 20"), "{figures}");
    }
}
