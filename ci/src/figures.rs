//! The figures that the house keeps, and what each may be at most.

use std::fmt;

use serde::Serialize;

/// What a figure may be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Bound {
    /// No more than this.
    Most(f64),
    /// No less.
    Least(f64),
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Most(most) => write!(f, "at most {most}"),
            Self::Least(least) => write!(f, "at least {least}"),
        }
    }
}

/// What is known of a row beforehand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// As the bench program prints it.
    pub name: &'static str,
    /// What it counts.
    pub unit: &'static str,
    /// What it cannot do without: the sum of the list in the case's own comment, which `cargo xtask check` adds up.
    pub floor: Option<f64>,
    /// What it may be, where that is laid down.
    pub bound: Option<Bound>,
    /// What Linux and Hermit take on the same emulated machine, where that was measured.
    pub others: &'static str,
    /// Whether more fails the bench: not where the host's own speed is measured.
    pub is_gate: bool,
}

/// What rows that are counted count.
pub const COUNTED: &str = "instructions";

/// A counted figure. `others` is that of Linux (glibc, or a bare system call) on one core, and behind a stroke Hermit's.
const fn counted(name: &'static str, floor: f64, most: f64, others: &'static str) -> Figure {
    Figure { name, unit: COUNTED, floor: Some(floor), bound: Some(Bound::Most(most)), others, is_gate: true }
}

/// A counted figure that nothing is laid down for but its floor.
const fn told(name: &'static str, floor: f64) -> Figure {
    Figure { name, unit: COUNTED, floor: Some(floor), bound: None, others: "", is_gate: false }
}

/// A figure of another kind that a change must keep.
const fn most(name: &'static str, unit: &'static str, most: f64, others: &'static str) -> Figure {
    Figure { name, unit, floor: None, bound: Some(Bound::Most(most)), others, is_gate: true }
}

/// A figure that moves with the layout of code and data: told, and no gate.
const fn unsteady(figure: Figure) -> Figure {
    Figure { is_gate: false, ..figure }
}

/// How many times as much several threads do as one, on a host of two cores that does nothing else.
const fn scale(name: &'static str, least: f64) -> Figure {
    Figure { name, unit: "times", floor: None, bound: Some(Bound::Least(least)), others: "", is_gate: false }
}

/// Every figure of which something is known beforehand.
pub const FIGURES: &[Figure] = &[
    counted("boot.main", 80_504.0, 2e6, "830 M / 52 M"),
    most("image.hello_bytes", "bytes", 131_072.0, "- / 680 KB"),
    most("boot.least_memory_mib", "MiB", 8.0, "64 / 15"),
    unsteady(most("boot.first_line_ms", "ms", 120.0, "1900 / 170")),
    counted("std.spawn_join", 722.0, 3000.0, "- / 425,000"),
    counted("yield.alone", 4.0, 40.0, "1,100 / 464"),
    counted("yield.pingpong.same", 190.0, 320.0, "5,600 / 2,912"),
    counted("std.mutex.uncontended", 12.0, 14.0, "- / 17"),
    counted("std.instant_now", 9.0, 10.0, "- / 67"),
    counted("std.malloc_64", 20.0, 60.0, "- / 258"),
    counted("std.condvar.pingpong.same", 394.0, 900.0, "- / 5,445"),
    counted("futex.wake_nobody", 12.0, 25.0, "673"),
    counted("futex.wait_mismatch", 12.0, 40.0, "900"),
    counted("futex.pingpong.same", 350.0, 500.0, "12,300"),
    unsteady(counted("futex.wake1_of_16", 70.0, 120.0, "2,600")),
    counted("futex.wake_all_16", 808.0, 1600.0, "30,000"),
    unsteady(counted("futex.requeue_64", 843.0, 2500.0, "14,300 to 48,000")),
    counted("futex.timeout_1ms.over_mean", 224.0, 2000.0, "56 to 62 us"),
    counted("sysv.semop", 60.0, 100.0, "2,600 to 2,790"),
    told("sysv.semop.c", 72.0),
    told("sysv.semop_two", 43.0),
    told("sysv.semget_rmid", 98.0),
    counted("sysv.pingpong.same", 450.0, 900.0, "14,300 to 14,700"),
    counted("shm.at_dt", 600.0, 2000.0, "22,200"),
    told("shm.get_at_dt_rmid", 2084.0),
    counted("futaphore.uncontended", 12.0, 16.0, "30"),
    told("futaphore.uncontended.call", 22.0),
    counted("futaphore.pingpong.same", 380.0, 600.0, "13,300"),
    counted("thread.create_join", 580.0, 1500.0, "41,400"),
    counted("malloc.64B.1", 20.0, 60.0, "176"),
    counted("clock.gettime", 13.0, 15.0, "57"),
    told("key.get", 5.0),
    counted("mutex.uncontended", 12.0, 25.0, "100"),
    counted("rwlock.read", 14.0, 30.0, "96"),
    counted("sem.uncontended", 12.0, 24.0, "83"),
    unsteady(counted("cond.pingpong.same", 402.0, 900.0, "14,900")),
    unsteady(counted("sem.pingpong.same", 370.0, 700.0, "12,700")),
    unsteady(counted("barrier.4", 556.0, 1500.0, "17,500")),
    unsteady(counted("queue.4to4", 74.0, 300.0, "2,000")),
    told("malloc.16B.1", 20.0),
    told("malloc.256B.1", 20.0),
    told("malloc.4K.1", 20.0),
    told("malloc.64K.1", 60.0),
    told("malloc.1M.1", 60.0),
    told("malloc.64B.4", 20.0),
    told("malloc.64B.remote", 26.0),
    told("mem.memcpy_64", 8.0),
    told("mem.memcpy_1k", 86.0),
    counted("mem.memcpy_4k", 326.0, 600.0, ""),
    told("mem.memcpy_64k", 5126.0),
    told("mem.memcpy_1m", 81_926.0),
    told("mem.memset_64", 7.0),
    told("mem.memset_1k", 55.0),
    told("mem.memset_4k", 199.0),
    told("mem.memset_64k", 3079.0),
    told("mem.memset_1m", 49_159.0),
    told("page.map_unmap", 184.0),
    told("page.map_touch_unmap", 4568.0),
    most("image.c_bytes", "bytes", 196_608.0, ""),
    scale("scale.futex.calls.2", 1.6),
    scale("scale.futex.calls.4", 1.0),
    scale("scale.futex.pairs.2", 1.6),
    scale("scale.futex.pairs.4", 1.0),
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
    /// What it cannot do without, if it is counted.
    pub floor: Option<f64>,
    /// What it may be, where that is laid down.
    #[serde(flatten)]
    pub bound: Option<Bound>,
    /// Switches of threads for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switches: Option<f64>,
    /// Entries into the kernel for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<f64>,
    /// Cycles of the core for each, on a board.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cycles: Option<f64>,
    /// On which board.
    pub board: String,
    /// `icount`, `wall` where the host's clock measured, or `board` where one of its own did.
    pub mode: String,
    /// Whether the bench fails when the value is beyond that.
    pub gate: bool,
}

impl Row {
    /// A row of this name, with what it may be looked up. What is laid down in instructions is nothing to nanoseconds.
    pub fn new(name: &str, unit: &str, value: f64, board: &str, mode: &str) -> Self {
        let figure = FIGURES.iter().find(|figure| figure.name == name && figure.unit == unit);
        Self {
            name: name.into(),
            unit: unit.into(),
            value,
            floor: figure.and_then(|figure| figure.floor),
            bound: figure.and_then(|figure| figure.bound),
            switches: None,
            entries: None,
            cycles: None,
            board: board.into(),
            mode: mode.into(),
            gate: figure.is_some_and(|figure| figure.is_gate),
        }
    }

    /// Whether it is within its bound, if it has one.
    pub fn is_within(&self) -> bool {
        match self.bound {
            Some(Bound::Most(most)) => self.value <= most,
            Some(Bound::Least(least)) => self.value >= least,
            None => true,
        }
    }

    /// Whether the bench may pass with it.
    pub fn is_kept(&self) -> bool {
        !self.gate || self.is_within()
    }

    /// What others take, in words.
    pub fn others(&self) -> &'static str {
        FIGURES.iter().find(|figure| figure.name == self.name).map_or("", |figure| figure.others)
    }

    /// The row that a bench program printed as `row NAME VALUE UNIT`, with or without `SWITCHES switches ENTRIES entries` behind, and `CYCLES
    /// cycles` behind that; in mode `icount` a nanosecond is an instruction.
    pub fn parse(line: &str, board: &str, mode: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["row", name, value, unit, ref beside @ ..] = words[..] else {
            return None;
        };
        let (beside, cycles) = match *beside {
            [ref beside @ .., cycles, "cycles"] => (beside, Some(cycles.parse().ok()?)),
            ref beside => (beside, None),
        };
        let (switches, entries) = match *beside {
            [] => (None, None),
            [switches, "switches", entries, "entries"] => (Some(switches.parse().ok()?), Some(entries.parse().ok()?)),
            _ => return None,
        };
        let unit = if (unit, mode) == ("ns", "icount") { COUNTED } else { unit };
        Some(Self { switches, entries, cycles, ..Self::new(name, unit, value.parse().ok()?, board, mode) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_printed_row_becomes_a_figure_with_the_most_that_it_may_be() {
        let row = Row::parse("row std.mutex.uncontended 13.2 ns 0.00 switches 1.50 entries", "virt", "icount").expect("it is a row");
        assert_eq!((row.switches, row.entries), (Some(0.0), Some(1.5)));
        assert_eq!((row.value, row.bound, row.unit.as_str(), row.gate), (13.2, Some(Bound::Most(14.0)), "instructions", true));
        assert!(row.is_kept());
        let slow = Row::parse("row std.mutex.uncontended 15 ns", "virt", "icount").expect("it is a row");
        assert!(!slow.is_kept());
    }

    #[test]
    fn nanoseconds_of_the_host_are_held_to_no_count_of_instructions() {
        let row = Row::parse("row std.mutex.uncontended 150 ns", "virt", "wall").expect("it is a row");
        assert_eq!((row.bound, row.gate, row.mode.as_str()), (None, false, "wall"));
        assert!(row.is_kept());
    }

    #[test]
    fn what_should_be_much_is_held_to_its_least() {
        let row = Row::parse("row scale.futex.pairs.2 1.5 times", "virt", "wall").expect("it is a row");
        assert!(!row.is_within() && row.is_kept());
        let text = serde_json::to_string(&row).expect("it is plain data");
        assert!(text.contains("\"least\":1.6"), "{text}");
    }

    #[test]
    fn other_lines_are_no_rows() {
        assert_eq!(Row::parse("# empty loop: 2.00 ns a round", "virt", "icount"), None);
        assert_eq!(Row::parse("row x y ns", "virt", "icount"), None);
        assert_eq!(Row::parse("row x 1 ns 2 entries", "virt", "icount"), None);
    }
}
