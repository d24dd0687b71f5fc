//! What the README has of the tool's: tables, each between two marks that say which command writes it.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::house;

/// A table's marks.
fn marks(name: &str, command: &str) -> [String; 2] {
    [format!("<!-- {name}: written by cargo xtask {command} -->"), format!("<!-- {name}: end -->")]
}

/// Puts tables in their places: each with its name, the command that writes it, and its text.
///
/// # Errors
/// The README cannot be read or written, or has no place for one.
pub fn write(command: &str, tables: &[(String, String)]) -> Result<()> {
    let path = house::root().join("README.md");
    let mut text = fs::read_to_string(&path).context("the README cannot be read")?;
    for (name, table) in tables {
        text = with_table(&text, &marks(name, command), table)?;
    }
    fs::write(path, text).context("the README cannot be written")
}

fn with_table(text: &str, marks: &[String; 2], table: &str) -> Result<String> {
    let place = |mark: &String| text.find(mark.as_str()).with_context(|| format!("the README has no line `{mark}`"));
    let (begin, end) = (place(&marks[0])? + marks[0].len(), place(&marks[1])?);
    ensure!(begin < end, "the README's place ends before it begins");
    Ok(format!("{}\n\n{}\n\n{}", &text[..begin], table.trim_end(), &text[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_stands_between_its_marks() {
        let marks = marks("threads", "conformance --readme");
        let text = format!("a\n{}\n\nold\n\n{}\nb\n", marks[0], marks[1]);
        assert_eq!(with_table(&text, &marks, "new\n").expect("both are there"), format!("a\n{}\n\nnew\n\n{}\nb\n", marks[0], marks[1]));
        assert!(with_table("no marks", &marks, "new").is_err());
    }
}
