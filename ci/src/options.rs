//! The boot options' text: `key=value` words, then `--` and the program's arguments. The kernel reads it.

use std::fmt;

/// Words for the kernel, quoted already, and arguments for the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    words: Vec<String>,
    arguments: Vec<String>,
}

impl Options {
    /// Adds `key=value`.
    pub fn set(&mut self, key: &str, value: impl fmt::Display) {
        self.words.push(format!("{key}={}", quoted(&value.to_string())));
    }

    /// Adds the program's arguments, those after its name.
    pub fn pass(&mut self, arguments: &[String]) {
        self.arguments.extend_from_slice(arguments);
    }
}

impl fmt::Display for Options {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = (!self.arguments.is_empty()).then_some("--");
        let words = self.words.iter().cloned();
        let arguments = self.arguments.iter().map(|word| quoted(word));
        let text: Vec<String> = words.chain(separator.map(String::from)).chain(arguments).collect();
        out.write_str(&text.join(" "))
    }
}

/// One word, in single quotes where a shell would need them; a quote inside is written `'\''`.
pub fn quoted(word: &str) -> String {
    let is_plain = !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c == '\'' || c == '"' || c == '\\');
    if is_plain && word != "--" { word.into() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &[(&str, &str)], arguments: &[&str]) -> String {
        let mut options = Options::default();
        for (key, value) in words {
            options.set(key, value);
        }
        options.pass(&arguments.iter().map(|&word| word.into()).collect::<Vec<String>>());
        options.to_string()
    }

    #[test]
    fn words_come_before_the_dashes_and_arguments_behind_them() {
        assert_eq!(text(&[("cores", "2"), ("icount", "1")], &["a", "-v"]), "cores=2 icount=1 -- a -v");
    }

    #[test]
    fn without_arguments_there_are_no_dashes() {
        assert_eq!(text(&[("cores", "2")], &[]), "cores=2");
    }

    #[test]
    fn spaces_quotes_and_empty_words_survive_quoting() {
        assert_eq!(text(&[("env", "A=b c")], &["", "it's", "two words"]), r"env='A=b c' -- '' 'it'\''s' 'two words'");
    }

    #[test]
    fn an_argument_of_two_dashes_is_no_separator() {
        assert_eq!(text(&[], &["--", "x"]), "-- '--' x");
    }
}
