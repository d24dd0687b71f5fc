//! Both systems side by side.

use std::fmt;

use serde::Serialize;

use super::measure::{Better, Figures, KINDS};
use super::{ROUNDS, medians};
use crate::bench::against::grouped;
use crate::bench::columns;
use crate::board::Board;

/// A row on both systems.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Its name.
    pub name: &'static str,
    /// What it counts.
    pub unit: &'static str,
    /// On Linux, the median.
    pub linux: f64,
    /// Here.
    pub skete: f64,
    /// How many times better it is here.
    pub ratio: f64,
    /// What each round had, on Linux and here.
    pub rounds: Vec<[f64; 2]>,
}

/// The table.
#[derive(Debug, Serialize)]
pub struct Comparison {
    /// On which board.
    pub board: String,
    /// The package of the kernel's that was compared with, and its version.
    pub linux: String,
    /// The rows.
    pub rows: Vec<Pair>,
    /// How many of this machine's threads were ready to run, the bench's own among them, at the least and at the most busy of the boots: a
    /// guest that computes more for an answer loses more where others want the cores too.
    pub load: [f64; 2],
    /// On how many cores.
    pub host_cores: usize,
    /// Answers that were not as they must be.
    #[serde(skip)]
    pub faults: Vec<String>,
}

impl Comparison {
    /// What rounds have shown.
    pub(super) fn new(board: Board, linux: String, theirs: &[Figures], ours: &[Figures]) -> Self {
        let load = theirs.iter().chain(ours).map(|figures| figures.load);
        let load = load.fold([f64::INFINITY, 0.0_f64], |[least, most], load| [least.min(load), most.max(load)]);
        let host_cores = std::thread::available_parallelism().map_or(1, Into::into);
        let medians = medians(theirs).into_iter().zip(medians(ours));
        let rows = KINDS.iter().zip(medians).enumerate().map(|(place, (kind, (linux, skete)))| {
            let ratio = match kind.better {
                Better::Less => linux / skete,
                Better::More => skete / linux,
            };
            let rounds = theirs.iter().zip(ours).filter_map(|(one, other)| Some([*one.values.get(place)?, *other.values.get(place)?]));
            Pair { name: kind.name, unit: kind.unit, linux, skete, ratio, rounds: rounds.collect() }
        });
        Self { board: board.to_string(), linux, rows: rows.collect(), load, host_cores, faults: Vec::new() }
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines =
            vec![[format!("{}, 4 cores, the host's clock", self.board), "unit".into(), "Linux".into(), "Skete".into(), "ratio".into()]];
        for Pair { name, unit, linux, skete, ratio, .. } in &self.rows {
            lines.push([(*name).into(), (*unit).into(), grouped(*linux), grouped(*skete), format!("{ratio:.1}")]);
        }
        out.write_str(&columns::table(&lines))?;
        let Self { load: [least, most], host_cores, linux, .. } = self;
        let host = format!("on a host of {host_cores} cores with a load of {least:.1} to {most:.1}");
        write!(
            out,
            "\nMedians of {ROUNDS} boots each, in turn, {host}. A ratio above 1 is in favour of Skete. Linux is {linux}, with glibc."
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison() -> Comparison {
        let rounds =
            |values: [f64; 3]| values.map(|value| Figures { values: vec![value; KINDS.len()], load: value / 100.0, broken: Vec::new() });
        Comparison::new(Board::Virt, "linux-image-6 6.1".into(), &rounds([900.0, 400.0, 380.0]), &rounds([100.0, 70.0, 1200.0]))
    }

    #[test]
    fn a_ratio_is_in_our_favour_if_it_is_above_one_whatever_is_better() {
        let comparison = comparison();
        let of = |name: &str| comparison.rows.iter().find(|pair| pair.name == name).expect("there is such a row");
        let (time, rate) = (of("net.tcp.echo.p50"), of("net.tcp.echo.rate"));
        assert_eq!((time.linux, time.skete, time.ratio, rate.ratio), (400.0, 100.0, 4.0, 0.25));
        assert_eq!(time.rounds, [[900.0, 100.0], [400.0, 70.0], [380.0, 1200.0]]);
    }

    #[test]
    fn the_table_is_one_of_markdowns() {
        let text = comparison().to_string();
        assert!(text.starts_with("| virt, 4 cores, the host's clock |          unit | Linux | Skete | ratio |\n|--"), "{text}");
        assert!(text.contains("| net.tcp.echo.p50                |            us |   400 |   100 |   4.0 |"), "{text}");
        assert!(text.contains("with a load of 0.7 to 12.0. A ratio"), "{text}");
    }
}
