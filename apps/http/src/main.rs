//! A server of HTTP, by crates tokio and axum as they are: `cargo xtask run http --forward 8080:80`, and then
//!
//! ```text
//! curl http://127.0.0.1:8080/
//! curl http://127.0.0.1:8080/words -d 'how many words are these'
//! ```
//! `http PORT` listens elsewhere; `http PORT N` ends after `N` requests; `http 0 N` makes them itself; `http PORT end` ends when it is asked
//! to by `POST /end`.

mod client;

use std::io;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::sync::Notify;

/// What all requests share.
struct Counted {
    requests: AtomicU64,
    most: Option<u64>,
    /// As many as there are to be were answered, or it was asked to end.
    is_enough: Notify,
}

impl Counted {
    /// One more request; how many that makes.
    fn one_more(&self) -> u64 {
        let count = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        if self.most == Some(count) {
            self.is_enough.notify_one();
        }
        count
    }
}

type Shared = State<Arc<Counted>>;

async fn greet(State(counted): Shared) -> String {
    format!("hello from a machine of its own, request {}\n", counted.one_more())
}

/// Counts the words of what it is sent.
async fn count_words(State(counted): Shared, body: String) -> String {
    counted.one_more();
    format!("{} words, {} bytes\n", body.split_whitespace().count(), body.len())
}

async fn end(State(counted): Shared) -> &'static str {
    counted.one_more();
    counted.is_enough.notify_one();
    "this is the end\n"
}

async fn not_found(State(counted): Shared) -> (StatusCode, &'static str) {
    counted.one_more();
    (StatusCode::NOT_FOUND, "nothing is here\n")
}

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1).map_while(|word| word.parse::<u64>().ok());
    let port = arguments.next().and_then(|port| u16::try_from(port).ok()).unwrap_or(80);
    let most = arguments.next();
    let is_ended = std::env::args().nth(2).is_some_and(|word| word == "end");
    let counted = Arc::new(Counted { requests: AtomicU64::new(0), most, is_enough: Notify::new() });
    let mut routes = Router::new().route("/", get(greet)).route("/words", post(count_words)).fallback(not_found);
    if is_ended {
        routes = routes.route("/end", post(end));
    }
    let listener = TcpListener::bind((Ipv6Addr::UNSPECIFIED, port)).await?;
    let address = listener.local_addr()?;
    println!("http: listening on {address}");
    let clients = (port == 0).then(|| tokio::spawn(client::ask(address.port(), most.unwrap_or(1))));
    let waits = Arc::clone(&counted);
    let served = axum::serve(listener, routes.with_state(Arc::clone(&counted)));
    served.with_graceful_shutdown(async move { waits.is_enough.notified().await }).await?;
    if let Some(clients) = clients {
        clients.await??;
    }
    println!("http: {} requests", counted.requests.load(Ordering::Relaxed));
    Ok(())
}
