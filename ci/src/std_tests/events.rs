//! What libtest tells of its tests, as lines of JSON between whatever else is said.

use serde::Deserialize;

/// libtest's status when a test has failed in an orderly way.
pub const FAILED: u8 = 101;

/// How an event's line begins, wherever on the line that is: a test may have printed without ending its line.
const BEGIN: &str = "{ \"type\": ";

/// How a test ended that ended in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Well.
    Passed,
    /// Not well.
    Failed,
}

/// A test that `--list` tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// Its path in the file.
    pub name: String,
    /// Whether it says of itself that it cannot run here.
    pub is_ignored: bool,
}

/// The events of one boot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Events {
    /// What there is.
    pub discovered: Vec<Discovered>,
    /// What ended, in this order.
    pub outcomes: Vec<(String, Outcome)>,
    /// What began and did not end.
    pub running: Option<String>,
    /// Whether libtest came to its end.
    pub is_finished: bool,
    /// Where in the output the last test began.
    start: usize,
}

#[derive(Debug, Deserialize)]
struct Event {
    #[serde(rename = "type")]
    kind: String,
    event: String,
    name: Option<String>,
    #[serde(default)]
    ignore: bool,
}

impl Events {
    /// Reads them out of a boot's output.
    pub fn parse(output: &str) -> Self {
        let mut events = Self::default();
        let mut offset = 0;
        for line in output.split_inclusive('\n') {
            let event = line.find(BEGIN).and_then(|at| serde_json::from_str::<Event>(&line[at..]).ok());
            if let Some(event) = event {
                events.take(event, offset);
            }
            offset += line.len();
        }
        events
    }

    fn take(&mut self, event: Event, offset: usize) {
        let Event { kind, event, name, ignore } = event;
        match (kind.as_str(), event.as_str(), name) {
            ("test", "discovered", Some(name)) => self.discovered.push(Discovered { name, is_ignored: ignore }),
            ("test", "started", Some(name)) => (self.running, self.start) = (Some(name), offset),
            ("test", "ok", Some(name)) => self.end(name, Outcome::Passed),
            ("test", "failed", Some(name)) => self.end(name, Outcome::Failed),
            ("suite", "ok" | "failed", _) => self.is_finished = true,
            _ => {}
        }
    }

    fn end(&mut self, name: String, outcome: Outcome) {
        self.running = None;
        self.outcomes.push((name, outcome));
    }

    /// What was said from the last test's beginning on.
    pub fn since_start<'o>(&self, output: &'o str) -> &'o str {
        &output[self.start..]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTED: &str = "{ \"type\": \"test\", \"event\": \"started\", \"name\": \"mpsc::smoke\" }\n";

    #[test]
    fn what_ended_and_what_did_not_is_told_apart() {
        let output = format!(
            "skete: virt\n{{ \"type\": \"suite\", \"event\": \"started\", \"test_count\": 2 }}\n\
             {STARTED}printed{{ \"type\": \"test\", \"name\": \"mpsc::smoke\", \"event\": \"ok\" }}\n\
             {{ \"type\": \"test\", \"event\": \"started\", \"name\": \"mpsc::stress\" }}\nskete: panicked\n"
        );
        let events = Events::parse(&output);
        assert_eq!(events.outcomes, [("mpsc::smoke".into(), Outcome::Passed)]);
        assert_eq!(events.running.as_deref(), Some("mpsc::stress"));
        assert!(!events.is_finished);
        assert!(events.since_start(&output).starts_with("{ \"type\"") && events.since_start(&output).ends_with("panicked\n"));
    }

    #[test]
    fn the_suites_end_is_seen() {
        let output = format!(
            "{STARTED}{{ \"type\": \"test\", \"name\": \"mpsc::smoke\", \"event\": \"failed\", \"stdout\": \"x\" }}\n\
             {{ \"type\": \"suite\", \"event\": \"failed\", \"passed\": 0, \"failed\": 1 }}\n"
        );
        let events = Events::parse(&output);
        assert_eq!((events.outcomes, events.running, events.is_finished), (vec![("mpsc::smoke".into(), Outcome::Failed)], None, true));
    }

    #[test]
    fn a_list_says_what_is_ignored() {
        let output = "{ \"type\": \"suite\", \"event\": \"discovery\" }\n\
                      { \"type\": \"test\", \"event\": \"discovered\", \"name\": \"a\", \"ignore\": false, \"ignore_message\": \"\" }\n\
                      { \"type\": \"test\", \"event\": \"discovered\", \"name\": \"b\", \"ignore\": true, \"ignore_message\": \"no\" }\n";
        let found: Vec<(String, bool)> = Events::parse(output).discovered.into_iter().map(|test| (test.name, test.is_ignored)).collect();
        assert_eq!(found, [("a".into(), false), ("b".into(), true)]);
    }

    #[test]
    fn what_is_no_event_is_no_event() {
        assert_eq!(Events::parse("{ \"type\": \"test\"\n{ \"type\": 1 }\nplain\n"), Events::default());
    }
}
