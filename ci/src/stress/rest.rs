//! What a program tells of its machine when nobody is served: the same after many connections as after few, or something is left behind.

use serde::Serialize;

/// What stands in front of it in the program's output.
const WORDS: &str = "at rest: ";
/// Which part of the memory taken may come on top: the heap takes rows of an eighth of itself, and how they are cut depends on who asks when.
const SLACK: u64 = 8;

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Rest {
    /// Threads, the kernel's among them.
    pub threads: u64,
    /// Connections that have not ended.
    pub connections: u64,
    /// Bytes that the kernel's collections have.
    pub kernel_bytes: u64,
    /// Memory that somebody has: the heap, stacks, tables, in KiB.
    pub taken_kib: u64,
}

impl Rest {
    /// Reads a line such as `echo: at rest: 2 threads, 0 connections, 12345 bytes the kernel's, 67 KiB taken`.
    pub fn parse(line: &str) -> Option<Self> {
        let mut numbers = line.split_once(WORDS)?.1.split(", ").map(|part| part.split(' ').next()?.parse().ok());
        let mut next = || numbers.next().flatten();
        Some(Self { threads: next()?, connections: next()?, kernel_bytes: next()?, taken_kib: next()? })
    }
}

/// Before the load, when as many connections had come and gone once, and after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Watched {
    /// Before.
    pub before: Rest,
    /// After.
    pub after: Rest,
}

impl Watched {
    /// What is left behind.
    pub fn left_behind(&self) -> Vec<String> {
        let Self { before, after } = self;
        let grown =
            |what, before: u64, after: u64, slack| (after > before + slack).then(|| format!("{what}: {before} before, {after} after"));
        let faults = [
            grown("threads", before.threads, after.threads, 0),
            grown("connections", 0, after.connections, 0),
            grown("bytes of the kernel's", before.kernel_bytes, after.kernel_bytes, 0),
            grown("KiB taken", before.taken_kib, after.taken_kib, before.taken_kib / SLACK),
        ];
        faults.into_iter().flatten().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = "echo: at rest: 2 threads, 0 connections, 12345 bytes the kernel's, 800 KiB taken\r";

    #[test]
    fn what_is_told_is_read() {
        assert_eq!(Rest::parse(LINE), Some(Rest { threads: 2, connections: 0, kernel_bytes: 12345, taken_kib: 800 }));
        assert_eq!(Rest::parse("echo: listening on port 7"), None);
        assert_eq!(Rest::parse("at rest: 2 threads"), None);
    }

    #[test]
    fn each_thing_that_is_left_behind_is_told() {
        let before = Rest::parse(LINE).expect("it is one");
        let left = |after| Watched { before, after }.left_behind().len();
        assert_eq!(left(before), 0);
        assert_eq!(left(Rest { threads: 1, kernel_bytes: 0, taken_kib: 900, ..before }), 0);
        assert_eq!(left(Rest { threads: 3, ..before }), 1);
        assert_eq!(left(Rest { connections: 1, kernel_bytes: 12346, ..before }), 2);
        assert_eq!(left(Rest { taken_kib: 901, ..before }), 1);
    }
}
