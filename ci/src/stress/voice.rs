//! What a program in the guest says, line by line, while it runs.

use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// What a server says when it listens.
const LISTENING: &str = "listening";

/// What was heard so far, and whence more comes.
#[derive(Debug)]
pub struct Voice {
    lines: Receiver<String>,
    /// All of it.
    pub said: String,
}

impl Voice {
    /// Who is to be told what the guest puts out, until its end; and what is heard of it.
    pub fn new() -> (impl FnMut(&[u8]) + Send, Self) {
        let (says, lines) = mpsc::channel();
        let mut said = Vec::new();
        let listener = move |piece: &[u8]| {
            said.extend_from_slice(piece);
            while let Some(end) = said.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = said.drain(..=end).collect();
                // Nobody may listen any more.
                let _ = says.send(String::from_utf8_lossy(&line).into_owned());
            }
        };
        (listener, Self { lines, said: String::new() })
    }

    /// Hears lines until `is_enough`, at most so long.
    ///
    /// # Errors
    /// That was not said: `what`.
    pub fn hear_until(&mut self, most: Duration, what: &str, mut is_enough: impl FnMut(&str) -> bool) -> Result<()> {
        let deadline = Instant::now() + most;
        loop {
            match self.lines.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.said += &line;
                    if is_enough(&line) {
                        return Ok(());
                    }
                }
                Err(RecvTimeoutError::Timeout) => bail!("the program does not say {what}"),
                Err(RecvTimeoutError::Disconnected) => bail!("the program ended before it said {what}"),
            }
        }
    }

    /// [`hear_until`](Self::hear_until) a server listens; `each` hears every line.
    ///
    /// # Errors
    /// It does not.
    pub fn hear_it_listen(&mut self, most: Duration, mut each: impl FnMut(&str)) -> Result<()> {
        self.hear_until(most, "that it listens", |line| {
            each(line);
            line.contains(LISTENING)
        })
    }

    /// Hears what is left, to the guest's end.
    pub fn hear_rest(&mut self, mut each: impl FnMut(&str)) {
        for line in self.lines.iter() {
            self.said += &line;
            each(&line);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_heard_however_they_come() {
        let (mut listener, mut voice) = Voice::new();
        ["boo", "ted\nit is list", "ening\nthe rest\n"].into_iter().for_each(|piece| listener(piece.as_bytes()));
        let mut heard = Vec::new();
        voice.hear_it_listen(Duration::from_secs(9), |line| heard.push(line.to_owned())).expect("it says so");
        assert_eq!(heard, ["booted\n", "it is listening\n"]);
        drop(listener);
        voice.hear_rest(|line| assert_eq!(line, "the rest\n"));
        assert_eq!(voice.said, "booted\nit is listening\nthe rest\n");
        let error = voice.hear_until(Duration::from_secs(9), "more", |_| true).expect_err("it has ended");
        assert_eq!(error.to_string(), "the program ended before it said more");
    }

    #[test]
    fn one_who_says_nothing_is_not_waited_for_for_ever() {
        let (_listener, mut voice) = Voice::new();
        let error = voice.hear_it_listen(Duration::from_millis(1), |_| ()).expect_err("it is silent");
        assert_eq!(error.to_string(), "the program does not say that it listens");
    }
}
