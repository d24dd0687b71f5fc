//! `unsafe` lives in the rooms of `ci/rooms.txt`, and each room says why at its door.

use std::collections::BTreeSet;

use super::Finding;
use super::source::Source;

/// The rooms: one path a line, `#` begins a comment.
const ROOMS: &str = include_str!("../../rooms.txt");

/// Finds `unsafe` outside of the rooms, rooms without a reason, and rooms where nothing unsafe is left.
pub fn check(sources: &[Source]) -> Vec<Finding> {
    find(sources, ROOMS)
}

fn find(sources: &[Source], rooms: &str) -> Vec<Finding> {
    let rooms: BTreeSet<&str> = rooms.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let mut findings = Vec::new();
    let mut unsafe_files = BTreeSet::new();
    for source in sources {
        let Some(first) = source.tokens.iter().find(|token| token.text == "unsafe") else {
            continue;
        };
        unsafe_files.insert(source.path.as_str());
        let matter = if !rooms.contains(source.path.as_str()) {
            "`unsafe` in a file that is no room for it (ci/rooms.txt lists the rooms)"
        } else if !has_reason(source) {
            "the file must say why it may: #![allow(unsafe_code, reason = \"…\")]"
        } else {
            continue;
        };
        findings.push(Finding { place: format!("{}:{}", source.path, first.line), matter: matter.into() });
    }
    for empty in rooms.difference(&unsafe_files) {
        let matter = format!("{empty} is listed, but nothing in it is unsafe");
        findings.push(Finding { place: "ci/rooms.txt".into(), matter });
    }
    findings
}

/// Whether the file opens with the one permission, and its reason.
fn has_reason(source: &Source) -> bool {
    let door = ["#", "!", "[", "allow", "(", "unsafe_code", ",", "reason", "="];
    (0..source.tokens.len()).any(|at| source.texts(at).take(door.len()).eq(door))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOOR: &str = "#![allow(unsafe_code, reason = \"registers\")]\n";

    fn found(path: &str, text: &str, rooms: &str) -> usize {
        find(&[Source::parse(path, text).expect("it is Rust")], rooms).len()
    }

    #[test]
    fn a_room_with_a_reason_passes() {
        assert_eq!(found("a.rs", &format!("{DOOR}unsafe fn f() {{}}"), "# the rooms\na.rs\n"), 0);
    }

    #[test]
    fn unsafe_outside_of_the_rooms_is_found() {
        assert_eq!(found("a.rs", &format!("{DOOR}fn f() {{ unsafe {{ g() }} }}"), ""), 1);
        assert_eq!(found("a.rs", "#[unsafe(no_mangle)] fn f() {}", ""), 1);
    }

    #[test]
    fn a_room_must_give_its_reason() {
        assert_eq!(found("a.rs", "#![allow(unsafe_code)]\nunsafe fn f() {}", "a.rs"), 1);
    }

    #[test]
    fn a_room_with_nothing_unsafe_in_it_is_no_room() {
        assert_eq!(found("a.rs", "fn f() {} // unsafe", "a.rs"), 1);
    }
}
