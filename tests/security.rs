//! SECURITY.md claims nothing without a test.

use std::fs;
use std::path::Path;

const TEXT: &str = include_str!("../SECURITY.md");

/// The rows of the table of claims: who or what, and what is said to show the claim.
fn claims() -> Vec<(&'static str, &'static str)> {
    let table = TEXT.split_once("\n## Against whom, and how\n").unwrap().1.split_once("\n## ").unwrap().0;
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        let [who, _, shown] = cells[..] else { panic!("not three cells: {row}") };
        (who, shown)
    })
    .collect()
}

/// The tests that a cell names: a file, a colon, and names in backticks; a semicolon before the next file.
fn tests(cell: &str) -> Vec<(&str, &str)> {
    let files = cell.split("; ").map(|part| part.split_once(": ").unwrap_or_else(|| panic!("no file: {part}")));
    files.flat_map(|(file, names)| names.split('`').skip(1).step_by(2).map(move |name| (file, name))).collect()
}

fn missing(cell: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let gone = |(file, name): &(&str, &str)| {
        let source = fs::read_to_string(root.join(file)).unwrap_or_default();
        let before = source.split_once(&format!("fn {name}()")).map(|(before, _)| before);
        // A test has an attribute; a helper of that name would show nothing.
        let attributes = |before: &str| before.rsplit("\n\n").next().is_some_and(|last| last.contains("test]\n"));
        !before.is_some_and(attributes)
    };
    tests(cell).into_iter().filter(gone).map(|(file, name)| format!("{file}: {name}")).collect()
}

#[test]
fn each_claim_names_tests_that_are_there() {
    let claims = claims();
    assert!(claims.len() > 15, "the table is not understood");
    for (who, shown) in claims {
        assert!(!tests(shown).is_empty(), "{who}: nothing shows it");
        assert_eq!(missing(shown), Vec::<String>::new(), "{who}");
    }
}

#[test]
fn a_test_that_is_not_there_is_missed() {
    assert_eq!(missing("tests/security.rs: `missing`").len(), 1);
    assert_eq!(missing("tests/security.rs: `claims`").len(), 1);
    assert_eq!(missing("tests/nowhere.rs: `each_claim_names_tests_that_are_there`").len(), 1);
    assert_eq!(missing("tests/security.rs: `each_claim_names_tests_that_are_there`").len(), 0);
}
