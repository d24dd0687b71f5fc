//! Boot options: what the image carries and what the firmware's command line adds.
//!
//! Words apart by ASCII's white space; `key=value` until a lone `--`, the program's arguments after it. Quotes as in a shell: `'…'` takes
//! everything as it is, `"…"` and bare text take `\` before a character. A word that ends inside a quote ends with the text. Bytes, for
//! every character that means something here is one, and what stands in others is the program's own.

use core::fmt;

/// Options of one number.
const NUMBERS: &[&str] = &["chaos", "cores", "date", "waitv"];
/// Options of several numbers with commas between them, any of which may be missing.
const ROWS: &[&str] = &["sem", "shm"];

/// One word, still quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'a>(&'a [u8]);

/// The words of a text.
#[derive(Clone, Debug)]
pub struct Words<'a>(&'a [u8]);

/// The words of `text`.
#[must_use]
pub const fn words(text: &[u8]) -> Words<'_> {
    Words(text)
}

/// Where in a word a byte stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Bare,
    Single,
    Double,
}

/// Each byte of `text` with its place: `None` for what only quotes others.
fn unquoted(text: &[u8]) -> impl Iterator<Item = (Quote, Option<u8>)> {
    let mut quote = Quote::Bare;
    let mut is_escaped = false;
    text.iter().map(move |&byte| {
        let was = quote;
        if is_escaped {
            is_escaped = false;
            return (Quote::Double, Some(byte));
        }
        let plain = match (quote, byte) {
            (Quote::Bare, b'\'') => {
                quote = Quote::Single;
                None
            }
            (Quote::Bare, b'"') => {
                quote = Quote::Double;
                None
            }
            (Quote::Single, b'\'') | (Quote::Double, b'"') => {
                quote = Quote::Bare;
                None
            }
            (Quote::Bare | Quote::Double, b'\\') => {
                is_escaped = true;
                None
            }
            _ => Some(byte),
        };
        (was, plain)
    })
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let text = self.0.trim_ascii_start();
        let is_gap = |(quote, byte): (Quote, Option<u8>)| quote == Quote::Bare && byte.is_some_and(|byte| byte.is_ascii_whitespace());
        let end = unquoted(text).position(is_gap).unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end)?;
        self.0 = rest;
        if word.is_empty() { None } else { Some(Word(word)) }
    }
}

impl<'a> Word<'a> {
    /// Its bytes without the quotes.
    pub fn bytes(self) -> impl Iterator<Item = u8> + 'a {
        unquoted(self.0).filter_map(|(_, byte)| byte)
    }

    /// Whether it is the lone `--` before the arguments.
    #[must_use]
    pub fn is_separator(self) -> bool {
        self.0 == b"--"
    }

    /// Its value if it is `key=…`.
    #[must_use]
    pub fn value_of(self, key: &str) -> Option<Word<'a>> {
        self.0.strip_prefix(key.as_bytes())?.strip_prefix(b"=").map(Word)
    }

    /// Its value as a number, if it is one.
    #[must_use]
    pub fn number(self) -> Option<u64> {
        let number = self.0.iter().try_fold(0u64, |sum, byte| {
            let digit = byte.checked_sub(b'0').filter(|digit| *digit < 10)?;
            sum.checked_mul(10)?.checked_add(digit.into())
        });
        number.filter(|_| !self.0.is_empty())
    }
}

/// The last value of `key` in `text`, before `--`.
#[must_use]
pub fn value<'a>(text: &'a [u8], key: &str) -> Option<Word<'a>> {
    words(text).take_while(|word| !word.is_separator()).filter_map(|word| word.value_of(key)).last()
}

/// All values of `key` in `text`, before `--`.
pub fn values<'a>(text: &'a [u8], key: &'a str) -> impl Iterator<Item = Word<'a>> {
    words(text).take_while(|word| !word.is_separator()).filter_map(move |word| word.value_of(key))
}

/// The options in `text`, before `--`, that want numbers and have none, such as `cores=four`: nobody heeds them.
pub fn misunderstood(text: &[u8]) -> impl Iterator<Item = Word<'_>> {
    let is_row =
        |value: Word<'_>| value.bytes().any(|byte| byte.is_ascii_digit()) && value.bytes().all(|byte| b"0123456789, ".contains(&byte));
    let is_wrong = move |word: &Word<'_>| {
        NUMBERS.iter().any(|key| word.value_of(key).is_some_and(|value| value.number().is_none()))
            || ROWS.iter().any(|key| word.value_of(key).is_some_and(|value| !is_row(value)))
    };
    words(text).take_while(|word| !word.is_separator()).filter(is_wrong)
}

impl fmt::Display for Word<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.escape_ascii(), out)
    }
}

/// The arguments: the words after `--`; none if there is no `--`.
#[must_use]
pub fn arguments(text: &[u8]) -> Option<Words<'_>> {
    let mut rest = words(text);
    rest.any(Word::is_separator).then_some(rest)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::{Word, arguments, misunderstood, value, values, words};
    use std::string::{String, ToString};
    use std::vec::Vec;

    fn text(word: Word<'_>) -> String {
        String::from_utf8(word.bytes().collect()).expect("the quotes take no half of a character")
    }

    fn plain(all: &str) -> Vec<String> {
        words(all.as_bytes()).map(text).collect()
    }

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        assert_eq!(plain(r#" a 'b c'  d\ e "f 'g' \"h\"" i''j '' "#), ["a", "b c", "d e", "f 'g' \"h\"", "ij", ""]);
    }

    #[test]
    fn a_number_is_all_digits() {
        let number = |word: &'static [u8]| Word(word).number();
        assert_eq!([number(b"0"), number(b"18446744073709551615")], [Some(0), Some(u64::MAX)]);
        assert_eq!([number(b""), number(b"-1"), number(b"1a"), number(b"18446744073709551616")], [None; 4]);
    }

    #[test]
    fn an_option_without_its_numbers_is_told() {
        let told = |text: &'static str| misunderstood(text.as_bytes()).map(|word| word.to_string()).collect::<Vec<_>>();
        assert_eq!(told("cores=2 chaos=7 sem=1,2,3,4 sem='32000 5' shm=,,7 waitv=0 env=sem=x name=cores --  cores=x"), [""; 0]);
        let wrong = ["cores=four", "waitv=-5", "chaos=", "sem=garbage", "sem=", "shm=-1,0,0", "shm=,"];
        assert_eq!(told("cores=four waitv=-5 chaos= console=tty sem=garbage sem= shm=-1,0,0 shm=,"), wrong);
        assert_eq!(told("sem=\u{fc}\u{1b}"), [r"sem=\xc3\xbc\x1b"]);
    }

    #[test]
    fn a_quote_that_does_not_end_ends_with_the_text() {
        assert_eq!(plain("a 'b c"), ["a", "b c"]);
        assert_eq!(plain("a\\"), ["a"]);
    }

    #[test]
    fn the_last_value_counts_and_arguments_are_no_options() {
        let all = b"cores=1 cores=2 env=A=1 env='B=2 3' -- cores=3 x";
        assert_eq!(value(all, "cores").and_then(Word::number), Some(2));
        let env: Vec<String> = values(all, "env").map(text).collect();
        assert_eq!(env, ["A=1", "B=2 3"]);
        let args: Vec<String> = arguments(all).into_iter().flatten().map(text).collect();
        assert_eq!(args, ["cores=3", "x"]);
        assert!(arguments(b"cores=1").is_none());
    }
}
