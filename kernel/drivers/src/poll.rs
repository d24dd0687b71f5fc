//! A bounded wait on a device: drivers know no clock, so their callers say how often a register may be read in vain.

use crate::window::Registers;

/// Reads the register at `offset` until `is_ready` likes what it holds, at most `polls` times; none if it never did.
pub(crate) fn until<R: Registers>(registers: &R, offset: usize, polls: u32, is_ready: impl Fn(u32) -> bool) -> Option<u32> {
    (0..polls).map(|_| registers.read(offset)).find(|&value| is_ready(value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::window::fake::{Access::Read, Script};

    #[test]
    fn a_wait_ends_at_the_first_good_answer() {
        let script = Script::new(&[Read(4, 0), Read(4, 1)]);
        assert_eq!(until(&script, 4, 9, |value| value == 1), Some(1));
        script.assert_done();
    }

    #[test]
    fn a_wait_gives_up_after_as_many_reads_as_it_was_allowed() {
        let script = Script::new(&[Read(4, 0), Read(4, 0)]);
        assert_eq!(until(&script, 4, 2, |value| value == 1), None);
        script.assert_done();
    }
}
