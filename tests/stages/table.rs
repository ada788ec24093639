//! What tables of services have in common: everything judged at once, reasons by their numbers, and what is pinned.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokenturn::testing::law::{Exception, Ruling};

/// Plays all of them, so many at once: one thread each.
pub(crate) fn at_once<T: Sync, R: Send>(most: usize, all: &[T], play: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let played = || {
        let numbers = std::iter::from_fn(|| Some(next.fetch_add(1, Ordering::SeqCst)).filter(|at| *at < all.len()));
        numbers.map(|at| (at, play(&all[at]))).collect::<Vec<_>>()
    };
    let mut played = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..most.min(all.len())).map(|_| scope.spawn(played)).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    played.sort_by_key(|(at, _)| *at);
    played.into_iter().map(|(_, played)| played).collect()
}

/// What a table gathers on its way: why something does not apply, and what went wrong.
#[derive(Default)]
pub(crate) struct Findings {
    pub(crate) reasons: Vec<String>,
    pub(crate) violations: Vec<String>,
}

impl Findings {
    /// What a cell says; `kept` is the word where all is well.
    pub(crate) fn cell(&mut self, name: &str, law: &str, ruling: &Ruling, kept: &str) -> String {
        match ruling {
            Ok(()) => kept.to_owned(),
            Err(Exception::NotApplicable(reason)) => format!("n/a {}", self.number(reason.reason())),
            Err(Exception::Violated(text)) => {
                self.violations.push(format!("{name}: {law}: {text}"));
                "VIOLATED".to_owned()
            }
        }
    }

    /// The number of a reason, in the order in which they come up.
    fn number(&mut self, reason: &str) -> usize {
        let known = self.reasons.iter().position(|known| known == reason);
        1 + known.unwrap_or_else(|| {
            self.reasons.push(reason.to_owned());
            self.reasons.len() - 1
        })
    }

    /// The reasons with their numbers, a line each.
    pub(crate) fn list(&self) -> String {
        let numbered = self.reasons.iter().enumerate();
        numbered.fold(String::new(), |list, (at, reason)| format!("{list}{}. {reason}\n", at + 1))
    }

    /// Prints the table, and demands that nothing went wrong and that it is as this file says.
    pub(crate) fn hold(&self, file: &str, pinned: &str, table: &str) {
        // Said whether the test passes or not, to whoever runs it.
        std::io::stdout().write_all(format!("\n{table}\n").as_bytes()).unwrap();
        assert!(self.violations.is_empty(), "{}", self.violations.join("\n"));
        assert!(table == pinned, "{}", difference(file, pinned, table));
    }
}

/// The lines that are not the same, and what to do about it.
fn difference(file: &str, pinned: &str, found: &str) -> String {
    let mut text = format!("the table is not as {file} says: find out why, or put what is printed above there");
    let (pinned, found): (Vec<_>, Vec<_>) = (pinned.lines().collect(), found.lines().collect());
    for line in pinned.iter().filter(|line| !found.contains(line)) {
        let _ = write!(text, "\n- {line}");
    }
    for line in found.iter().filter(|line| !pinned.contains(line)) {
        let _ = write!(text, "\n+ {line}");
    }
    text
}

#[test]
fn a_changed_table_is_told_line_by_line() {
    let text = difference("table.md", "| a | kept |\n| b | kept |\n", "| a | kept |\n| b | n/a 1 |\n");
    assert!(text.ends_with("\n- | b | kept |\n+ | b | n/a 1 |"), "{text}");
}
