//! Tables of every law and everything that is held to it, pinned: what is kept, and why a law does not apply.

use std::fmt::Write as _;
use std::io::Write as _;

use tokenturn::testing::law::{Exception, Law, Ruling, Stage};

use crate::{far_sides, providers};

/// What each law says of this one.
fn judged<S: ?Sized>(laws: &[Law<S>], stage: &Stage<S>) -> Vec<Ruling> {
    // A runtime of one thread, for what is logged is heard there alone.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut rulings = Vec::new();
        for law in laws {
            rulings.push(law.judge(stage.clone()).await);
        }
        rulings
    })
}

#[test]
fn every_consumer_keeps_every_law_that_applies_to_it() {
    kept("table.md", include_str!("table.md"), tokenturn::testing::consumer::LAWS, &far_sides());
}

#[test]
fn every_provider_keeps_every_law_that_applies_to_it() {
    let laws = tokenturn::testing::provider::LAWS;
    kept("table_providers.md", include_str!("table_providers.md"), laws, &providers::sources());
}

/// Judges all of them, prints the table, and compares it with what is in this file.
fn kept<S: ?Sized>(file: &str, pinned: &str, laws: &[Law<S>], judged_on: &[(&str, Stage<S>)]) {
    let rulings: Vec<Vec<Ruling>> = std::thread::scope(|scope| {
        let threads: Vec<_> = judged_on.iter().map(|(_, stage)| scope.spawn(|| judged(laws, stage))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let (mut reasons, mut violations): (Vec<String>, Vec<String>) = Default::default();
    let names: Vec<_> = judged_on.iter().map(|(name, _)| *name).collect();
    let mut table = format!("| law | {} |\n|{}\n", names.join(" | "), " --- |".repeat(names.len() + 1));
    for (at, law) in laws.iter().enumerate() {
        let _ = write!(table, "| {} |", law.name.replace('_', " "));
        for (name, rulings) in names.iter().zip(&rulings) {
            let cell = match &rulings[at] {
                Ok(()) => "kept".to_owned(),
                Err(Exception::NotApplicable(reason)) => format!("n/a {}", number(&mut reasons, reason.reason())),
                Err(Exception::Violated(text)) => {
                    violations.push(format!("{name}: {}: {text}", law.name));
                    "VIOLATED".to_owned()
                }
            };
            let _ = write!(table, " {cell} |");
        }
        table.push('\n');
    }
    table.push('\n');
    for (at, reason) in reasons.iter().enumerate() {
        let _ = writeln!(table, "{}. {reason}", at + 1);
    }
    // Said whether the test passes or not, to whoever runs it.
    std::io::stdout().write_all(format!("\n{table}\n").as_bytes()).unwrap();
    assert!(violations.is_empty(), "{}", violations.join("\n"));
    assert!(table == pinned, "{}", difference(file, pinned, &table));
}

/// The number of a reason, in the order in which they come up.
fn number(reasons: &mut Vec<String>, reason: &str) -> usize {
    let known = reasons.iter().position(|known| known == reason);
    1 + known.unwrap_or_else(|| {
        reasons.push(reason.to_owned());
        reasons.len() - 1
    })
}

/// The lines that are not the same, and what to do about it.
fn difference(file: &str, pinned: &str, found: &str) -> String {
    let mut text =
        format!("the table is not as tests/conformance/{file} says: find out why, or put what is printed above there");
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
