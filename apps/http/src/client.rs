//! Clients of the program's own: many at a time, each with a connection of its own.

use std::io;
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// Makes `count` requests of the server at `port`, all at the same time.
///
/// # Errors
/// An answer is not what it should be.
pub async fn ask(port: u16, count: u64) -> io::Result<()> {
    let mut clients = JoinSet::new();
    for number in 0..count {
        clients.spawn(async move {
            let (request, status, body) = match number % 3 {
                0 => ("GET / HTTP/1.1\r\n".to_owned(), "200", "hello from a machine of its own".to_owned()),
                1 => {
                    let text = format!("request {number} of {count}");
                    let about = format!("4 words, {} bytes", text.len());
                    (format!("POST /words HTTP/1.1\r\nContent-Length: {}\r\n", text.len()) + "\x00" + &text, "200", about)
                }
                _ => ("GET /nowhere HTTP/1.1\r\n".to_owned(), "404", "nothing is here".to_owned()),
            };
            let (head, text) = request.split_once('\0').unwrap_or((&request, ""));
            let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
            stream.write_all(format!("{head}Host: skete\r\nConnection: close\r\n\r\n{text}").as_bytes()).await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            if answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(&body) {
                Ok(())
            } else {
                Err(io::Error::other(answer))
            }
        });
    }
    clients.join_all().await.into_iter().collect()
}
