//! Boot options: what the image carries and what the firmware's command line adds.
//!
//! Words apart by white space; `key=value` until a lone `--`, the program's arguments after it. Quotes as in a shell: `'…'` takes everything
//! as it is, `"…"` and bare text take `\` before a character. A word that ends inside a quote ends with the text.

/// One word, still quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word<'a>(&'a str);

/// The words of a text.
#[derive(Clone, Debug)]
pub struct Words<'a>(&'a str);

/// The words of `text`.
#[must_use]
pub const fn words(text: &str) -> Words<'_> {
    Words(text)
}

/// Where in a word a character stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Quote {
    Bare,
    Single,
    Double,
}

/// Each character of `text` with its place: `None` for what only quotes others.
fn unquoted(text: &str) -> impl Iterator<Item = (usize, Quote, Option<char>)> {
    let mut quote = Quote::Bare;
    let mut is_escaped = false;
    text.char_indices().map(move |(at, c)| {
        let was = quote;
        if is_escaped {
            is_escaped = false;
            return (at, Quote::Double, Some(c));
        }
        let plain = match (quote, c) {
            (Quote::Bare, '\'') => {
                quote = Quote::Single;
                None
            }
            (Quote::Bare, '"') => {
                quote = Quote::Double;
                None
            }
            (Quote::Single, '\'') | (Quote::Double, '"') => {
                quote = Quote::Bare;
                None
            }
            (Quote::Bare | Quote::Double, '\\') => {
                is_escaped = true;
                None
            }
            _ => Some(c),
        };
        (at, was, plain)
    })
}

impl<'a> Iterator for Words<'a> {
    type Item = Word<'a>;

    fn next(&mut self) -> Option<Word<'a>> {
        let text = self.0.trim_start();
        if text.is_empty() {
            self.0 = text;
            return None;
        }
        let is_gap = |(_, quote, c): &(usize, Quote, Option<char>)| *quote == Quote::Bare && c.is_some_and(char::is_whitespace);
        let end = unquoted(text).find(is_gap).map_or(text.len(), |(at, ..)| at);
        let (word, rest) = text.split_at(end);
        self.0 = rest;
        Some(Word(word))
    }
}

impl<'a> Word<'a> {
    /// Its characters without the quotes.
    pub fn chars(self) -> impl Iterator<Item = char> + 'a {
        unquoted(self.0).filter_map(|(_, _, c)| c)
    }

    /// Whether it is the lone `--` before the arguments.
    #[must_use]
    pub fn is_separator(self) -> bool {
        self.0 == "--"
    }

    /// Its value if it is `key=…`.
    #[must_use]
    pub fn value_of(self, key: &str) -> Option<Word<'a>> {
        self.0.strip_prefix(key)?.strip_prefix('=').map(Word)
    }

    /// Its value as a number, if it is one.
    #[must_use]
    pub fn number(self) -> Option<u64> {
        self.0.parse().ok()
    }
}

/// The last value of `key` in `text`, before `--`.
#[must_use]
pub fn value<'a>(text: &'a str, key: &str) -> Option<Word<'a>> {
    words(text).take_while(|word| !word.is_separator()).filter_map(|word| word.value_of(key)).last()
}

/// All values of `key` in `text`, before `--`.
pub fn values<'a>(text: &'a str, key: &'a str) -> impl Iterator<Item = Word<'a>> {
    words(text).take_while(|word| !word.is_separator()).filter_map(move |word| word.value_of(key))
}

/// The arguments: the words after `--`; none if there is no `--`.
#[must_use]
pub fn arguments(text: &str) -> Option<Words<'_>> {
    let mut rest = words(text);
    rest.any(Word::is_separator).then_some(rest)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::{arguments, value, values, words};
    use std::string::String;
    use std::vec::Vec;

    fn plain(text: &str) -> Vec<String> {
        words(text).map(|word| word.chars().collect()).collect()
    }

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        assert_eq!(plain(r#" a 'b c'  d\ e "f 'g' \"h\"" i''j '' "#), ["a", "b c", "d e", "f 'g' \"h\"", "ij", ""]);
    }

    #[test]
    fn a_quote_that_does_not_end_ends_with_the_text() {
        assert_eq!(plain("a 'b c"), ["a", "b c"]);
        assert_eq!(plain("a\\"), ["a"]);
    }

    #[test]
    fn the_last_value_counts_and_arguments_are_no_options() {
        let text = "cores=1 cores=2 env=A=1 env='B=2 3' -- cores=3 x";
        assert_eq!(value(text, "cores").and_then(super::Word::number), Some(2));
        let env: Vec<String> = values(text, "env").map(|word| word.chars().collect()).collect();
        assert_eq!(env, ["A=1", "B=2 3"]);
        let args: Vec<String> = arguments(text).into_iter().flatten().map(|word| word.chars().collect()).collect();
        assert_eq!(args, ["cores=3", "x"]);
        assert!(arguments("cores=1").is_none());
    }
}
