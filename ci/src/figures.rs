//! The figures that the house keeps, and what each may be at most.

use serde::Serialize;

/// What is known of a row beforehand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// As the bench program prints it.
    pub name: &'static str,
    /// What it counts.
    pub unit: &'static str,
    /// The most that it may be.
    pub floor: f64,
    /// What Linux and Hermit take on the same emulated machine, where that was measured.
    pub others: &'static str,
    /// Whether more than the floor fails the bench: not where the host's own speed is measured.
    pub is_gate: bool,
}

const COUNTED: &str = "instructions";

const fn counted(name: &'static str, floor: f64, others: &'static str) -> Figure {
    Figure { name, unit: COUNTED, floor, others, is_gate: true }
}

/// Every figure with a floor.
pub const FIGURES: [Figure; 11] = [
    counted("boot.main", 2e6, "830 M / 52 M"),
    Figure { name: "image.hello_bytes", unit: "bytes", floor: 131_072.0, others: "- / 680 KB", is_gate: true },
    Figure { name: "boot.least_memory_mib", unit: "MiB", floor: 8.0, others: "64 / 15", is_gate: true },
    Figure { name: "boot.first_line_ms", unit: "ms", floor: 120.0, others: "1900 / 170", is_gate: false },
    counted("std.spawn_join", 3000.0, "- / 425,000"),
    counted("yield.alone", 40.0, "1,100 / 464"),
    counted("yield.pingpong.same", 320.0, "5,600 / 2,912"),
    counted("std.mutex.uncontended", 14.0, "- / 17"),
    counted("std.instant_now", 10.0, "- / 67"),
    counted("std.malloc_64", 60.0, "- / 258"),
    counted("std.condvar.pingpong.same", 900.0, "- / 5,445"),
];

/// A figure as measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// What it counts.
    pub unit: String,
    /// What it is.
    pub value: f64,
    /// The most that it may be, where that is laid down.
    pub floor: Option<f64>,
    /// On which board.
    pub board: String,
    /// `icount`, or `wall` where the host's clock measured.
    pub mode: String,
    /// Whether the bench fails when the value is above the floor.
    pub gate: bool,
}

impl Row {
    /// A row of this name, with its floor looked up. A floor of instructions is none for nanoseconds.
    pub fn new(name: &str, unit: &str, value: f64, board: &str, mode: &str) -> Self {
        let figure = FIGURES.iter().find(|figure| figure.name == name && figure.unit == unit);
        Self {
            name: name.into(),
            unit: unit.into(),
            value,
            floor: figure.map(|figure| figure.floor),
            board: board.into(),
            mode: mode.into(),
            gate: figure.is_some_and(|figure| figure.is_gate),
        }
    }

    /// Whether it is within its floor, or has none that counts.
    pub fn is_kept(&self) -> bool {
        !self.gate || self.floor.is_none_or(|floor| self.value <= floor)
    }

    /// What others take, in words.
    pub fn others(&self) -> &'static str {
        FIGURES.iter().find(|figure| figure.name == self.name).map_or("", |figure| figure.others)
    }

    /// The row that a bench program printed as `row NAME VALUE ns`; a nanosecond is an instruction where they are counted.
    pub fn parse(line: &str, board: &str, is_counted: bool) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["row", name, value, unit] = words[..] else {
            return None;
        };
        let (unit, mode) = match (unit, is_counted) {
            ("ns", true) => (COUNTED, "icount"),
            (unit, true) => (unit, "icount"),
            (unit, false) => (unit, "wall"),
        };
        Some(Self::new(name, unit, value.parse().ok()?, board, mode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_row_becomes_a_figure_with_its_floor() {
        let row = Row::parse("row std.mutex.uncontended 13.2 ns", "virt", true).expect("it is a row");
        assert_eq!((row.value, row.floor, row.unit.as_str(), row.gate), (13.2, Some(14.0), "instructions", true));
        assert!(row.is_kept());
        let slow = Row::parse("row std.mutex.uncontended 15 ns", "virt", true).expect("it is a row");
        assert!(!slow.is_kept());
    }

    #[test]
    fn nanoseconds_of_the_host_are_held_to_no_count_of_instructions() {
        let row = Row::parse("row std.mutex.uncontended 150 ns", "virt", false).expect("it is a row");
        assert_eq!((row.floor, row.gate, row.mode.as_str()), (None, false, "wall"));
        assert!(row.is_kept());
    }

    #[test]
    fn other_lines_are_no_rows() {
        assert_eq!(Row::parse("# empty loop: 2.00 ns a round", "virt", true), None);
        assert_eq!(Row::parse("row x y ns", "virt", true), None);
    }
}
