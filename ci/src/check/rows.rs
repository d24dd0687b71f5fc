//! Every row that is counted has a floor: the instructions that its operation cannot do without, listed in the comment of the case.
//!
//! ```text
//! Floor of `futex.wake_nobody`, 12: the entry counted (3), the address hashed (4), …, entries written (16 × 8).
//! ```
//!
//! A paragraph of a comment, in either language. What stands in brackets adds up to the floor, and is what [`figures::FIGURES`] has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use super::Finding;
use crate::figures::{self, COUNTED};

/// Where rows are measured.
const PLACES: [&str; 3] = ["apps/bench/src", "apps/c/bench", "apps/boot/src"];
/// Rows that go by a clock, and so have none.
const TIMED: [&str; 3] = ["scale.", "timer.", "wake."];
const OPENING: &str = "Floor of `";

/// A floor as a comment has it.
#[derive(Clone, Debug, PartialEq)]
struct Floor {
    name: String,
    /// What is said; `None`: no number.
    said: Option<u64>,
    /// What the list adds up to.
    sum: u64,
    place: String,
}

/// Finds rows without a floor, floors that do not add up or are not what the tool has, and those of no row.
///
/// # Errors
/// A file cannot be read.
pub fn check(root: &Path) -> Result<Vec<Finding>> {
    let (mut floors, mut printed) = (Vec::new(), BTreeMap::new());
    for path in files(root)? {
        let text = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
        let place = path.strip_prefix(root).unwrap_or(&path).display().to_string();
        floors.extend(floors_in(&text, &place));
        for (name, line) in names_in(&text) {
            printed.entry(name).or_insert_with(|| format!("{place}:{line}"));
        }
    }
    let known: BTreeMap<&str, f64> =
        figures::FIGURES.iter().filter(|figure| figure.unit == COUNTED).filter_map(|figure| Some((figure.name, figure.floor?))).collect();
    Ok(find(&floors, &printed, &known))
}

fn find(floors: &[Floor], printed: &BTreeMap<String, String>, known: &BTreeMap<&str, f64>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut find = |place: &str, matter: String| findings.push(Finding { place: place.into(), matter });
    let mut listed = BTreeSet::new();
    for Floor { name, said, sum, place } in floors {
        if !listed.insert(name.as_str()) {
            find(place, format!("the floor of `{name}` is listed twice"));
        }
        if *said != Some(*sum) {
            let said = said.map_or_else(|| "no number".into(), |said| said.to_string());
            find(place, format!("the floor of `{name}` is said to be {said}, and its list adds up to {sum}"));
        }
        if !printed.contains_key(name) {
            find(place, format!("no row is called `{name}`"));
        }
        #[allow(clippy::cast_precision_loss, reason = "a floor has far fewer than 2^52 instructions")]
        let is_known = known.get(name.as_str()) == Some(&(*sum as f64));
        if !is_known {
            find(place, format!("ci/src/figures.rs does not have {sum} as the floor of `{name}`"));
        }
    }
    for (name, place) in printed {
        if !listed.contains(name.as_str()) {
            find(place, format!("row `{name}` has no floor: a comment lists what it cannot do without, as ci/src/check/rows.rs says"));
        }
    }
    findings
}

/// Every file with rows, sorted.
fn files(root: &Path) -> Result<Vec<PathBuf>> {
    let mut open: Vec<PathBuf> = PLACES.iter().map(|place| root.join(place)).collect();
    let mut found = Vec::new();
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).with_context(|| format!("{} cannot be read", folder.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "c") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// The names of rows that are counted, with their lines: words in quotes that are dotted lower case, or stand behind `row` in such words.
fn names_in(text: &str) -> Vec<(String, usize)> {
    let code = text.lines().enumerate().filter(|(_, line)| !is_comment(line));
    let quoted = code.flat_map(|(at, line)| line.split('"').skip(1).step_by(2).map(move |word| (word, at + 1)));
    let named = quoted.map(|(word, at)| (word.strip_prefix("row ").and_then(|row| row.split(' ').next()).unwrap_or(word), at));
    let rows = named.filter(|(word, _)| is_name(word) && !TIMED.iter().any(|prefix| word.starts_with(prefix)));
    rows.map(|(word, at)| (word.to_owned(), at)).collect()
}

fn is_name(word: &str) -> bool {
    let is_part = |part: &str| !part.is_empty() && part.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    // Not the name of a header.
    word.contains('.')
        && !word.ends_with(".h")
        && word.starts_with(|first: char| first.is_ascii_lowercase())
        && word.split('.').all(is_part)
}

fn is_comment(line: &str) -> bool {
    ["//", "/*"].iter().any(|sign| line.trim_start().starts_with(sign))
}

/// The floors that comments of `text` list: a paragraph each.
fn floors_in(text: &str, place: &str) -> Vec<Floor> {
    paragraphs(text).iter().filter_map(|(paragraph, line)| floor(paragraph, &format!("{place}:{line}"))).collect()
}

/// The paragraphs of comments, each on one line, with the number of its first: of Rust's kind and of C's.
fn paragraphs(text: &str) -> Vec<(String, usize)> {
    let mut found: Vec<(String, usize)> = Vec::new();
    let (mut is_inside, mut is_open) = (false, false);
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        let opens = line.starts_with("/*");
        let is_comment = is_inside || is_comment(line);
        let words = line.trim_start_matches(['/', '!', '*']).trim_end_matches(['/', '*']).trim();
        is_inside = (is_inside || opens) && !line.ends_with("*/");
        match found.last_mut() {
            _ if !is_comment || words.is_empty() => is_open = false,
            Some((paragraph, _)) if is_open => *paragraph += &format!(" {words}"),
            _ => {
                found.push((words.into(), at + 1));
                is_open = true;
            }
        }
    }
    found
}

fn floor(paragraph: &str, place: &str) -> Option<Floor> {
    let (name, rest) = paragraph.strip_prefix(OPENING)?.split_once('`')?;
    let (said, list) = rest.split_once(':').unwrap_or((rest, ""));
    let sum = list.split('(').skip(1).filter_map(|part| product(part.split_once(')')?.0)).sum();
    // Behind the number may stand what it means, as far as the colon.
    let said = said.trim_start_matches([',', ' ']);
    let said = number(said.split([' ', ';']).next()?.trim_end_matches(','));
    Some(Floor { name: name.into(), said, sum, place: place.into() })
}

/// `8` or `16 × 8`; other brackets are words.
fn product(words: &str) -> Option<u64> {
    words.split('×').map(number).try_fold(1, |product: u64, factor| product.checked_mul(factor?))
}

fn number(word: &str) -> Option<u64> {
    word.trim().replace(',', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: &str =
        "/// About it.\n///\n/// Floor of `a.b`, 1,012: one (4), (words) others\n/// (2 × 4), many (1,000).\nfn f() { row(\"a.b\", 1); }";
    const C: &str =
        "/* About it.\n\n   Floor of `a.c`, 5, of which it pays: one (4), an\n   other (1). */\nvoid f(void) { row(\"a.c\", g); }";

    fn found(texts: &[&str], known: &[(&'static str, f64)]) -> Vec<String> {
        let floors: Vec<Floor> = texts.iter().flat_map(|text| floors_in(text, "x")).collect();
        let printed = texts.iter().flat_map(|text| names_in(text)).map(|(name, line)| (name, format!("x:{line}"))).collect();
        find(&floors, &printed, &known.iter().copied().collect()).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_list_that_adds_up_in_either_language_passes() {
        assert_eq!(found(&[RUST, C], &[("a.b", 1012.0), ("a.c", 5.0)]), [""; 0]);
    }

    #[test]
    fn a_row_without_a_list_is_found_and_one_that_goes_by_a_clock_is_not() {
        assert_eq!(found(&["fn f() { row(\"d.e\", 1); row(\"scale.x\", 2); println!(\"row d.g {} ns\"); }"], &[]).len(), 2);
    }

    #[test]
    fn a_list_that_does_not_add_up_is_found() {
        let found = found(&[&RUST.replace("(4)", "(5)")], &[("a.b", 1013.0)]);
        assert_eq!(found, ["x:3: the floor of `a.b` is said to be 1012, and its list adds up to 1013"]);
    }

    #[test]
    fn a_floor_that_the_tool_has_not_or_that_is_no_rows_is_found() {
        assert_eq!(found(&[RUST], &[("a.b", 1.0)]), ["x:3: ci/src/figures.rs does not have 1012 as the floor of `a.b`"]);
        assert_eq!(found(&["// Floor of `a.b`, 1: one (1)."], &[("a.b", 1.0)]), ["x:1: no row is called `a.b`"]);
        assert_eq!(found(&[RUST, RUST], &[("a.b", 1012.0)]), ["x:3: the floor of `a.b` is listed twice"]);
    }

    #[test]
    fn headers_and_sentences_are_no_names() {
        assert_eq!(names_in("#include \"rows.h\"\nputs(\"It ends. Well\"); // \"a.b\"\n// \"c.d\"").len(), 1);
    }
}
