//! The table of every case and every service, pinned.

use std::fmt::Write as _;

use crate::cases::CASES;
use crate::player::{Played, Player, Service, alone};
use crate::stages::table::{Findings, at_once};
use crate::stages::{far_sides, providers};

/// So many services at once: more would take the time from each other that their requests have.
const AT_ONCE: usize = 10;

/// Every service, by its name in the table.
fn services() -> Vec<(String, Service)> {
    let places = far_sides().into_iter().map(|(name, stage)| (format!("in {name}"), Service::Place(stage)));
    let sources =
        providers::sources().into_iter().map(|(name, stage)| (format!("from {name}"), Service::Source(stage)));
    places.chain(sources).collect()
}

#[test]
fn every_case_is_played_on_every_service_and_none_fails() {
    let _turn = alone();
    let services = services();
    let came = at_once(AT_ONCE, &services, |(_, service)| {
        let player = Player::new(service.clone());
        CASES.iter().map(|case| (case.play)(&player)).collect::<Vec<_>>()
    });
    let names: Vec<_> = services.iter().map(|(name, _)| name.as_str()).collect();
    let (table, findings) = told(&names, &came);
    findings.hold("tests/hostile/table.md", include_str!("table.md"), &table);
    let said = include_str!("../../SECURITY.md");
    let unsaid: Vec<_> = findings.reasons.iter().filter(|reason| !said.contains(reason.as_str())).collect();
    assert!(unsaid.is_empty(), "SECURITY.md does not give these reasons: {unsaid:#?}");
}

/// The table: how many attacks were played in a cell, or why none was.
fn told(services: &[&str], came: &[Vec<Played>]) -> (String, Findings) {
    let mut findings = Findings::default();
    let numbers: Vec<_> = (1..=CASES.len()).map(|number| number.to_string()).collect();
    let mut table = format!("| service | {} |\n|{}\n", numbers.join(" | "), " --- |".repeat(CASES.len() + 1));
    let (mut run, mut attacks) = (0, 0);
    for (service, came) in services.iter().zip(came) {
        let _ = write!(table, "| {service} |");
        for (case, played) in CASES.iter().zip(came) {
            let kept = played.as_ref().map_or(String::new(), ToString::to_string);
            run += usize::from(played.is_ok());
            attacks += played.as_ref().map_or(0, |played| *played);
            let ruling = played.as_ref().map(|_| ()).map_err(Clone::clone);
            let _ = write!(table, " {} |", findings.cell(service, case.name, &ruling, &kept));
        }
        table.push('\n');
    }
    let failed = findings.violations.len();
    let cells = services.len() * CASES.len();
    let _ = write!(
        table,
        "\n{cells} cells: run {run}, with {attacks} attacks; n/a {}; failed {failed}\n\nCases:\n\n",
        cells - run - failed
    );
    for (number, case) in CASES.iter().enumerate() {
        let _ = writeln!(table, "{}. {}", number + 1, case.name);
    }
    let _ = write!(table, "\nWhy a case is n/a:\n\n{}", findings.list());
    (table, findings)
}
