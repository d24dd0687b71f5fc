//! Tables of Markdown whose columns line up, so that they read on a console too.

use std::fmt::Write as _;

/// The table: the first line is its head, the first column stands left, the others right.
pub fn table<const COLUMNS: usize>(lines: &[[String; COLUMNS]]) -> String {
    let widths: [usize; COLUMNS] =
        std::array::from_fn(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default());
    let mut table = String::new();
    for (number, line) in lines.iter().enumerate() {
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            let _ = if column == 0 { write!(table, "| {cell:<width$} |") } else { write!(table, " {cell:>width$} |") };
        }
        table.push('\n');
        if number == 0 {
            for (column, width) in widths.into_iter().enumerate() {
                let _ =
                    if column == 0 { write!(table, "|{}|", "-".repeat(width + 2)) } else { write!(table, "{}:|", "-".repeat(width + 1)) };
            }
            table.push('\n');
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_in_characters() {
        let lines = [["name".to_owned(), "µs".into()], ["a".into(), "1,000".into()]];
        assert_eq!(table(&lines), "| name |    µs |\n|------|------:|\n| a    | 1,000 |\n");
        assert_eq!(table::<2>(&[]), "");
    }
}
