//! Tables of every law and everything that is held to it, pinned: what is kept, and why a law does not apply.

use std::fmt::Write as _;

use tokenturn::testing::law::{Law, Stage, rulings};

use crate::stages::table::{Findings, at_once};
use crate::stages::{far_sides, providers};

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
    let rulings = at_once(judged_on.len(), judged_on, |(_, stage)| rulings(laws, stage).unwrap());
    let mut findings = Findings::default();
    let names: Vec<_> = judged_on.iter().map(|(name, _)| *name).collect();
    let mut table = format!("| law | {} |\n|{}\n", names.join(" | "), " --- |".repeat(names.len() + 1));
    for (at, law) in laws.iter().enumerate() {
        let _ = write!(table, "| {} |", law.name.replace('_', " "));
        for (name, rulings) in names.iter().zip(&rulings) {
            let _ = write!(table, " {} |", findings.cell(name, law.name, &rulings[at], "kept"));
        }
        table.push('\n');
    }
    let _ = write!(table, "\n{}", findings.list());
    findings.hold(&format!("tests/conformance/{file}"), pinned, &table);
}
