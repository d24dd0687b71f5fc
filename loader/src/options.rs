//! The one word of the boot options that the loader itself obeys. The kernel reads the rest.

/// Whether QEMU's semihosting was asked for (`semihosting=1`), so that a refusal becomes QEMU's exit status. The word counts only
/// before `--`, which begins the program's own arguments.
#[must_use]
pub fn is_semihosting(text: &[u8]) -> bool {
    text.split(u8::is_ascii_whitespace).take_while(|word| *word != b"--").any(|word| word == b"semihosting=1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn semihosting_is_asked_for_by_one_word() {
        assert!(is_semihosting(b"cores=2 semihosting=1"));
        assert!(is_semihosting(b"semihosting=1\n-- x"));
        assert!(!is_semihosting(b"semihosting=0"));
        assert!(!is_semihosting(b""));
    }

    #[test]
    fn a_programs_own_arguments_are_not_options() {
        assert!(!is_semihosting(b"cores=1 -- semihosting=1"));
    }
}
