//! The source of the house, as tokens: what the checks read.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow};
use proc_macro2::{TokenStream, TokenTree};

/// A file of Rust.
#[derive(Clone, Debug)]
pub struct Source {
    /// From the clone's root, with `/`.
    pub path: String,
    /// Its tokens, groups opened: each with the line it stands on.
    pub tokens: Vec<Token>,
}

/// A word or a sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its text; groups are their brackets.
    pub text: String,
    /// Where it stands, counted from 1.
    pub line: usize,
}

impl Source {
    /// Reads a file's tokens; comments are none.
    ///
    /// # Errors
    /// The text is no Rust.
    pub fn parse(path: &str, text: &str) -> Result<Self> {
        // A BOM or a `#!` line is no token.
        let stream: TokenStream = text.parse().map_err(|error| anyhow!("{path}: {error}"))?;
        let mut tokens = Vec::new();
        flatten(stream, &mut tokens);
        Ok(Self { path: path.into(), tokens })
    }

    /// The texts of the tokens from `at` on.
    pub fn texts(&self, at: usize) -> impl Iterator<Item = &str> {
        self.tokens.iter().skip(at).map(|token| token.text.as_str())
    }
}

/// Every `.rs` file below `root` that is ours, sorted: nothing that was built.
///
/// # Errors
/// A file cannot be read.
pub fn all(root: &Path) -> Result<Vec<Source>> {
    let mut paths = Vec::new();
    for folder in ["kernel", "libc-shim", "loader", "apps", "ci"] {
        collect(&root.join(folder), &mut paths).with_context(|| format!("{folder} cannot be read"))?;
    }
    paths.sort();
    let read = |path: &PathBuf| {
        let name = path.strip_prefix(root).unwrap_or(path).display().to_string();
        let text = fs::read_to_string(path).with_context(|| format!("{name} cannot be read"))?;
        Source::parse(&name, &text)
    };
    paths.iter().map(read).collect()
}

fn collect(folder: &Path, into: &mut Vec<PathBuf>) -> Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() && !path.ends_with("target") {
            collect(&path, into)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
    Ok(())
}

fn flatten(stream: TokenStream, into: &mut Vec<Token>) {
    for tree in stream {
        let line = tree.span().start().line;
        let TokenTree::Group(group) = tree else {
            into.push(Token { text: tree.to_string(), line });
            continue;
        };
        let (open, close) = match group.delimiter() {
            proc_macro2::Delimiter::Parenthesis => ("(", ")"),
            proc_macro2::Delimiter::Brace => ("{", "}"),
            proc_macro2::Delimiter::Bracket => ("[", "]"),
            proc_macro2::Delimiter::None => ("", ""),
        };
        into.push(Token { text: open.into(), line });
        flatten(group.stream(), into);
        into.push(Token { text: close.into(), line: group.span_close().start().line });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_strings_hold_no_tokens_of_ours() {
        let source = Source::parse("x.rs", "// unsafe\nfn f() { g(\"unsafe\") } /* unsafe */").expect("it is Rust");
        assert!(source.texts(0).all(|text| text != "unsafe"));
    }

    #[test]
    fn every_token_knows_its_line() {
        let source = Source::parse("x.rs", "\nmod a {\n    use b;\n}").expect("it is Rust");
        let lines: Vec<(&str, usize)> = source.tokens.iter().map(|token| (token.text.as_str(), token.line)).collect();
        assert_eq!(lines, [("mod", 2), ("a", 2), ("{", 2), ("use", 3), ("b", 3), (";", 3), ("}", 4)]);
    }
}
