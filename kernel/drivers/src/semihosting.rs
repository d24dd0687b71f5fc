//! Semihosting: how a program asks the machine that emulates it for a favour. Source: "Semihosting for AArch32 and AArch64", ARM
//! (IHI 0109, `abi-aa/semihosting`).
//!
//! Only to be used where a host listens (QEMU's `-semihosting`, told to the kernel by a boot option): on the board the instruction is
//! undefined. The instruction is the kernel's: its `arch` implements [`Trap`] as `HLT #0xF000`, operation in w0, address of the
//! parameters in x1, result in x0. The host reads guest memory by virtual address without faulting pages in: everything handed
//! over must be mapped already. (Crate `semihosting` issues the instruction itself, so no test could stand in for the host.)

use core::ffi::CStr;

/// The operations used here, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// SYS_OPEN: {address of the name, mode, bytes of the name without its zero} → handle or -1.
    Open = 0x01,
    /// SYS_CLOSE: {handle} → 0 or -1.
    Close = 0x02,
    /// SYS_WRITE: {handle, address, bytes} → how many bytes were *not* written.
    Write = 0x05,
    /// SYS_ERRNO: {} → the host's errno for the last operation that failed.
    Errno = 0x13,
    /// SYS_EXIT_EXTENDED: {reason, exit status} → does not come back.
    ExitExtended = 0x20,
}

/// SYS_OPEN's mode for `fopen(…, "wb")`.
const WRITE_BINARY: u64 = 5;
/// ADP_Stopped_ApplicationExit: the program ended by itself.
const APPLICATION_EXIT: u64 = 0x2_0026;

/// The way to the host.
pub trait Trap {
    /// Asks for `operation`; what the host left in x0. The compiler must assume that it reads memory.
    fn trap(&self, operation: Operation, parameters: &[u64]) -> i64;
}

/// What the host said when it refused: its `errno`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostError(pub i64);

/// The host behind a trap.
#[derive(Clone, Copy, Debug)]
pub struct Host<T> {
    trap: T,
}

impl<T: Trap> Host<T> {
    /// The host behind this trap.
    pub const fn new(trap: T) -> Self {
        Self { trap }
    }

    /// Ends the emulation with `status`, of which a Unix host keeps the lowest eight bits. Comes back only if nobody listened.
    pub fn exit(&self, status: u32) {
        self.trap.trap(Operation::ExitExtended, &[APPLICATION_EXIT, u64::from(status)]);
    }

    /// Makes an empty file on the host, or empties the one that is there. `name` is relative to the folder that the host was started
    /// in; folders in it must exist: semihosting cannot make any.
    ///
    /// # Errors
    /// What the host says.
    pub fn create(&self, name: &CStr) -> Result<HostFile<'_, T>, HostError> {
        let bytes = name.to_bytes().len() as u64;
        let handle = self.trap.trap(Operation::Open, &[name.as_ptr().expose_provenance() as u64, WRITE_BINARY, bytes]);
        match u64::try_from(handle) {
            Ok(handle) => Ok(HostFile { host: self, handle }),
            Err(_) => Err(self.last_error()),
        }
    }

    fn last_error(&self) -> HostError {
        HostError(self.trap.trap(Operation::Errno, &[]))
    }
}

/// A file of the host, open for writing. [`HostFile::close`] it: a dropped one stays open until the emulation ends.
#[must_use = "a file that is not closed may lack its last bytes"]
#[derive(Debug)]
pub struct HostFile<'a, T> {
    host: &'a Host<T>,
    handle: u64,
}

impl<T: Trap> HostFile<'_, T> {
    /// Appends all of `bytes`.
    ///
    /// # Errors
    /// What the host says; part of `bytes` may have been written.
    pub fn write_all(&mut self, mut bytes: &[u8]) -> Result<(), HostError> {
        while !bytes.is_empty() {
            let address = bytes.as_ptr().expose_provenance() as u64;
            let length = bytes.len() as u64;
            let left = self.host.trap.trap(Operation::Write, &[self.handle, address, length]);
            let Some(rest) = usize::try_from(left).ok().filter(|&left| left < bytes.len()).and_then(|left| bytes.get(bytes.len() - left..))
            else {
                return Err(self.host.last_error());
            };
            bytes = rest;
        }
        Ok(())
    }

    /// Closes it.
    ///
    /// # Errors
    /// What the host says.
    pub fn close(self) -> Result<(), HostError> {
        match self.host.trap.trap(Operation::Close, &[self.handle]) {
            0 => Ok(()),
            _ => Err(self.host.last_error()),
        }
    }
}

#[cfg(test)]
mod tests {
    use core::cell::RefCell;
    use std::vec::Vec;

    use super::*;

    /// A host that expects these operations and gives these answers.
    struct Script(RefCell<Vec<(Operation, Vec<u64>, i64)>>);

    impl Script {
        fn new(calls: &[(Operation, &[u64], i64)]) -> Self {
            let calls = calls.iter().rev();
            Self(RefCell::new(calls.map(|&(o, p, answer)| (o, p.to_vec(), answer)).collect()))
        }

        fn assert_done(&self) {
            assert!(self.0.borrow().is_empty(), "the host was not asked for all");
        }
    }

    impl Trap for &Script {
        fn trap(&self, operation: Operation, parameters: &[u64]) -> i64 {
            let next = self.0.borrow_mut().pop();
            let (expected, with, answer) = next.expect("the host expects no more");
            assert_eq!((operation, parameters), (expected, with.as_slice()));
            answer
        }
    }

    const NAME: &CStr = c"out/picture.png";

    fn open(answer: i64) -> (Operation, [u64; 3], i64) {
        let name = NAME.as_ptr().expose_provenance() as u64;
        (Operation::Open, [name, 5, 15], answer)
    }

    #[test]
    fn the_exit_status_stands_behind_the_reason() {
        let script = Script::new(&[(Operation::ExitExtended, &[0x2_0026, 101], 0)]);
        Host::new(&script).exit(101);
        script.assert_done();
    }

    #[test]
    fn a_file_is_written_until_nothing_is_left_and_then_closed() {
        let (operation, parameters, answer) = open(7);
        let bytes = b"0123456789";
        let address = bytes.as_ptr().expose_provenance() as u64;
        let script = Script::new(&[
            (operation, &parameters, answer),
            (Operation::Write, &[7, address, 10], 4),
            (Operation::Write, &[7, address + 6, 4], 0),
            (Operation::Close, &[7], 0),
        ]);
        let host = Host::new(&script);
        let mut file = host.create(NAME).expect("the script opens it");
        assert_eq!(file.write_all(bytes), Ok(()));
        assert_eq!(file.close(), Ok(()));
        script.assert_done();
    }

    #[test]
    fn a_file_that_cannot_be_made_is_the_hosts_errno() {
        let (operation, parameters, answer) = open(-1);
        let script = Script::new(&[(operation, &parameters, answer), (Operation::Errno, &[], 2)]);
        assert_eq!(Host::new(&script).create(NAME).map(|_| ()), Err(HostError(2)));
        script.assert_done();
    }

    #[test]
    fn a_host_that_takes_nothing_more_is_an_error_and_not_a_loop() {
        for answer in [3, -1, 4] {
            let bytes = b"abc";
            let address = bytes.as_ptr().expose_provenance() as u64;
            let (operation, parameters, opened) = open(0);
            let script =
                Script::new(&[(operation, &parameters, opened), (Operation::Write, &[0, address, 3], answer), (Operation::Errno, &[], 28)]);
            let host = Host::new(&script);
            let mut file = host.create(NAME).expect("the script opens it");
            assert_eq!(file.write_all(bytes), Err(HostError(28)));
            script.assert_done();
        }
    }
}
