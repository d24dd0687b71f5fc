//! A server of keys and values on port 7: a thread per connection, the keys shared among locks.
//!
//! `kv PORT` listens elsewhere; `kv PORT N` ends after `N` connections; `kv PORT N EACH` tells what there is in the machine at the beginning,
//! and whenever `EACH` of them have come and gone; `kv 0 N` connects `N` times to itself.
//!
//! # What is said
//! A request is a line of words with one space between, and as many may be sent at once as one likes; answers come in their order. A key is 1
//! to 250 bytes, none of them a space or a control character; a value is any bytes, as many as its length says (65,536 at most), without an
//! end of their own.
//!
//! | request | answer |
//! |---|---|
//! | `SET key length` and the value | `OK` |
//! | `GET key` | `VALUE length` and the value, or `NONE` |
//! | `ADD key number` | `NUMBER sum`: the number that the value is, or 0 if there is none, and this one; from now on the value |
//! | `DEL key` | `OK`, or `NONE` |
//! | `COUNT` | `NUMBER keys` |
//!
//! `ERROR why` answers all else; where it is unclear what follows (a line without an end, a length that is none or too much), it is the last
//! answer of that connection.
//!
//! - [`connection`]: one connection's requests · [`store`]: keys and values · [`client`]: who asks it on its own

mod client;
mod connection;
#[path = "../../echo/src/rest.rs"]
mod rest;
mod store;

use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use store::Store;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).map_while(|word| word.parse::<u32>().ok());
    let port = arguments.next().and_then(|port| u16::try_from(port).ok()).unwrap_or(7);
    let most = arguments.next().map_or(u64::MAX, u64::from);
    let each = arguments.next().map(u64::from).filter(|each| *each > 0);
    if port == 0 && most < client::APART {
        return Err(io::Error::other(format!("{most} connections are too few to try everything: at least {}", client::APART)));
    }
    let listener = TcpListener::bind(("::", port))?;
    let address = listener.local_addr()?;
    let store = Arc::new(Store::default());
    if each.is_some() {
        rest::tell("kv");
    }
    println!("kv: listening on {address}");
    let clients = (port == 0 && most < u64::MAX).then(|| thread::spawn(move || client::ask(address.port(), most)));
    let (mut count, mut requests) = (0, 0);
    while count < most {
        // Without an end nobody waits for those who serve.
        let round = each.unwrap_or(most).min(most - count);
        requests += serve_many(&listener, &store, round, most < u64::MAX)?;
        count += round;
        if each == Some(round) {
            rest::tell("kv");
        }
    }
    if let Some(clients) = clients {
        clients.join().map_err(|_| io::Error::other("a client panicked"))??;
    }
    println!("kv: {count} connections, {requests} requests, {} keys are left", store.count());
    Ok(())
}

/// Serves so many connections; how many requests they made, if they are waited for.
fn serve_many(listener: &TcpListener, store: &Arc<Store>, count: u64, waits: bool) -> io::Result<u64> {
    let mut served = Vec::new();
    for _ in 0..count {
        let (stream, _) = listener.accept()?;
        let store = Arc::clone(store);
        let serving = thread::spawn(move || connection::serve(&stream, &store));
        if waits {
            served.push(serving);
        }
    }
    // One that breaks off is its peer's affair.
    Ok(served.into_iter().filter_map(|serving| serving.join().ok()?.ok()).sum())
}
