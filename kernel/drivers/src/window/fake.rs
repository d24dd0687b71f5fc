//! A device for tests: a script of the accesses that a driver must make, in order, and of what each read answers.
//!
//! A driver borrows the script (`Driver::new(&script)`); the test ends with [`Script::assert_done`].

use core::cell::Cell;

use super::Registers;

/// One access that the driver under test must make next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A read at this offset; it is answered with this value.
    Read(usize, u32),
    /// A write at this offset, of exactly this value.
    Write(usize, u32),
}

/// A scripted register window. Any access that is not the script's next one panics, and names both.
#[derive(Debug)]
pub struct Script<'a> {
    accesses: &'a [Access],
    next: Cell<usize>,
}

impl<'a> Script<'a> {
    /// A device that expects exactly `accesses`.
    #[must_use]
    pub const fn new(accesses: &'a [Access]) -> Self {
        Self { accesses, next: Cell::new(0) }
    }

    /// How many accesses were made so far.
    #[must_use]
    pub const fn made(&self) -> usize {
        self.next.get()
    }

    /// Panics if the driver has stopped short of the script's end.
    #[track_caller]
    pub fn assert_done(&self) {
        let rest = &self.accesses[self.made()..];
        assert!(rest.is_empty(), "the driver never came to {rest:x?}");
    }

    #[track_caller]
    fn take(&self) -> Option<Access> {
        let access = self.accesses.get(self.next.get()).copied();
        self.next.set(self.next.get() + 1);
        access
    }
}

impl Registers for Script<'_> {
    #[track_caller]
    fn read(&self, offset: usize) -> u32 {
        match self.take() {
            Some(Access::Read(at, value)) if at == offset => value,
            other => panic!("access {}: a read at {offset:#x}, but the script says {other:x?}", self.made()),
        }
    }

    #[track_caller]
    fn write(&self, offset: usize, value: u32) {
        let access = self.take();
        let made = Access::Write(offset, value);
        assert!(access == Some(made), "access {}: {made:x?}, but the script says {access:x?}", self.made());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_answers_reads_and_checks_writes_in_order() {
        let script = Script::new(&[Access::Read(0x18, 7), Access::Write(0, 65)]);
        assert_eq!(script.read(0x18), 7);
        script.write(0, 65);
        script.assert_done();
    }

    #[test]
    #[should_panic(expected = "a read at 0x4")]
    fn an_access_that_is_not_in_the_script_fails_the_test() {
        Script::new(&[Access::Read(0, 7)]).read(4);
    }

    #[test]
    #[should_panic(expected = "never came to")]
    fn a_script_that_is_not_played_to_its_end_fails_the_test() {
        Script::new(&[Access::Write(0, 1)]).assert_done();
    }
}
