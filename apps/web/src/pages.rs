//! tiny_http's server with a thread for each processor, asked by ureq.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread;

use tiny_http::{Method, Response, Server};
use ureq::{Agent, Error};

use super::Check;

pub const CHECKS: &[Check] = &[
    ("tiny_http and ureq: pages are asked for and come whole", pages),
    ("tiny_http and ureq: what is posted comes back", posts),
    ("tiny_http and ureq: what is not there is 404", missing),
    ("tiny_http and ureq: four ask a hundred times each", crowds),
];

const WORKERS: usize = 4;

/// Asks a server as `ask` does, and ends it.
fn with_server(ask: impl FnOnce(&str)) {
    let server = Arc::new(Server::http((Ipv4Addr::LOCALHOST, 0)).expect("a port is free"));
    let address = server.server_addr().to_ip().expect("it is one of IP");
    let workers: Vec<_> = (0..WORKERS)
        .map(|_| {
            let server = Arc::clone(&server);
            thread::spawn(move || server.incoming_requests().for_each(answer))
        })
        .collect();
    ask(&format!("http://{address}"));
    (0..WORKERS).for_each(|_| server.unblock());
    workers.into_iter().for_each(|worker| worker.join().expect("it ends"));
}

fn answer(mut request: tiny_http::Request) {
    let url = request.url().to_owned();
    let done = match (request.method(), url.as_str()) {
        (Method::Get, "/large") => request.respond(Response::from_data(large())),
        (Method::Get, "/greeting") => request.respond(Response::from_string("good day")),
        (Method::Post, "/echo") => {
            let mut body = Vec::new();
            request.as_reader().read_to_end(&mut body).expect("it comes whole");
            request.respond(Response::from_data(body))
        }
        _ => request.respond(Response::empty(404)),
    };
    done.expect("whoever asks listens");
}

fn large() -> Vec<u8> {
    (0..300_000_u32).map(|at| (at / 7).to_le_bytes()[0]).collect()
}

fn get(agent: &Agent, url: &str) -> Result<Vec<u8>, Error> {
    agent.get(url).call()?.body_mut().read_to_vec()
}

fn pages() {
    with_server(|root| {
        let agent = Agent::new_with_defaults();
        assert_eq!(get(&agent, &format!("{root}/greeting")).expect("it is there"), b"good day");
        assert!(get(&agent, &format!("{root}/large")).expect("it is there") == large());
    });
}

fn posts() {
    with_server(|root| {
        let agent = Agent::new_with_defaults();
        for size in [0, 1, 1000, 100_000] {
            let body = &large()[..size];
            let mut answer = agent.post(&format!("{root}/echo")).send(body).expect("it is heard");
            assert!(answer.body_mut().read_to_vec().expect("it comes whole") == body);
        }
    });
}

fn missing() {
    with_server(|root| {
        let answer = get(&Agent::new_with_defaults(), &format!("{root}/nothing"));
        assert!(matches!(answer, Err(Error::StatusCode(404))));
    });
}

fn crowds() {
    with_server(|root| {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let agent = Agent::new_with_defaults();
                    for _ in 0..100 {
                        assert_eq!(get(&agent, &format!("{root}/greeting")).expect("it is there"), b"good day");
                    }
                });
            }
        });
    });
}

/// Asks `server` for a page that names itself.
pub fn asks_outside(server: SocketAddr) {
    let agent = Agent::new_with_defaults();
    for page in ["/one", "/another"] {
        let answer = get(&agent, &format!("http://{server}{page}")).expect("it answers");
        assert_eq!(String::from_utf8_lossy(&answer), page);
    }
    println!("a server outside answers");
}
