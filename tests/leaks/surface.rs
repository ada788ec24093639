//! Every public type, as the crate's own list names it, and who has none to show.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::channels::{CHANNELS, Said};
use crate::{canary, specimens};

/// Public names of which there is no value to look at, and why.
const NONE_TO_SHOW: &[(&str, &str)] = &[
    ("Audit", "a trait"),
    ("Catalog", "a trait"),
    ("Turns", "a trait"),
    ("Bitbucket", "a name for builders, of which there is no value"),
    ("Clock", "a trait"),
    ("CloudBees", "a name for builders, of which there is no value"),
    ("Consumer", "a trait"),
    ("GitHub", "a name for builders, of which there is no value"),
    ("GitLab", "a name for builders, of which there is no value"),
    ("Journal", "a trait"),
    ("KeySource", "a trait"),
    ("Observer", "a trait"),
    ("Provider", "a trait"),
    ("Sealer", "a trait"),
    ("PostgresJournal", "there is none without a server: tests/postgres/secrets.rs hears it"),
    #[cfg(not(feature = "postgres"))]
    ("PostgresOptions", "not without its feature"),
    #[cfg(not(feature = "keyring"))]
    ("Keychain", "not without its feature"),
];

/// The same of what only tests use.
const NONE_TO_SHOW_IN_TESTS: &[(&str, &str)] = &[
    ("FarSide", "a trait"),
    ("Elsewhere", "an address of this machine, and how often it was asked"),
    ("Forgery", "what a far side is made to say"),
    ("Spelling", "a way to write what is made up"),
    ("Ruling", "another name"),
    ("Grammar", "pieces of documents that are made up"),
    ("Reached", "how far an input came"),
    ("TARGETS", "a list of functions"),
    ("Target", "it holds a function"),
    ("Stage", "it holds a closure, and what plays on it is heard in the runs"),
    ("Law", "it holds a function"),
    ("Listening", "it holds nothing"),
    ("Ears", "what it holds is what was said"),
    ("Search", "it holds the secrets that are looked for, and shows how many: `search.rs` has the test"),
    ("TestSealer", "its key is the same for all tests, and stands in its source"),
    ("Seen", "a line that a fake saw: held to have no secret in tests/hygiene.rs"),
    ("WorkflowRun", "what a fake saw: names, and a fingerprint"),
];

/// The names that a file lists: what it defines at its left margin, what it passes on, and those of its public modules.
fn names(file: &Path, found: &mut BTreeMap<String, Vec<String>>, of: &str) {
    let text = fs::read_to_string(file).unwrap();
    let mut add = |name: &str| {
        let name = name.trim();
        if name.starts_with(char::is_uppercase) {
            found.entry(name.to_owned()).or_default().push(of.to_owned());
        }
    };
    let mut modules = Vec::new();
    for statement in text.split("\npub ").skip(1) {
        let (kind, rest) = statement.split_once(' ').unwrap();
        match kind {
            "use" => {
                let list = rest.split(';').next().unwrap();
                let path = list.split('{').next().unwrap().trim_end_matches("::").trim();
                match list.split_once('{') {
                    Some((_, list)) => list.trim_end().trim_end_matches('}').split(',').for_each(&mut add),
                    None if path.ends_with('*') => {}
                    None => add(path.rsplit("::").next().unwrap()),
                }
                // A list of lists would hide names.
                assert!(list.matches('{').count() <= 1 || list.starts_with("self::{"), "{list}");
            }
            "struct" | "enum" | "trait" | "type" => {
                add(rest.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap());
            }
            "mod" => modules.push(rest.split(';').next().unwrap().to_owned()),
            _ => {}
        }
    }
    for module in modules {
        let folder = match file.file_stem().and_then(|stem| stem.to_str()) {
            Some("lib" | "mod") => file.parent().unwrap().to_owned(),
            _ => file.with_extension(""),
        };
        let paths = [folder.join(format!("{module}.rs")), folder.join(&module).join("mod.rs")];
        let path = paths.into_iter().find(|path| path.exists()).unwrap();
        names(&path, found, &format!("{of}::{module}"));
    }
}

/// Every public type by its name, with the modules that list it.
fn public() -> BTreeMap<String, Vec<String>> {
    let mut found = BTreeMap::new();
    let lib: PathBuf = [env!("CARGO_MANIFEST_DIR"), "src", "lib.rs"].iter().collect();
    names(&lib, &mut found, "tokenturn");
    found
}

fn is_only_for_tests(modules: &[String]) -> bool {
    modules.iter().all(|module| module.starts_with("tokenturn::testing"))
}

#[test]
fn the_list_is_read_as_it_is_written() {
    let public = public();
    let of = |name: &str| public.get(name).cloned().unwrap_or_default();
    assert_eq!(of("Token"), ["tokenturn"]);
    assert_eq!(of("Provider"), ["tokenturn", "tokenturn::provider"]);
    assert_eq!(of("MemoryConsumer"), ["tokenturn::consumer::memory"]);
    assert_eq!(of("KeySealer"), ["tokenturn::journal"]);
    assert_eq!(of("MemorySource"), ["tokenturn::testing::provider"]);
    assert!(of("Redactor").is_empty() && public.len() > 150, "{}", public.len());
}

#[tokio::test]
async fn no_public_type_says_a_secret_in_any_channel_and_none_is_forgotten() {
    let said = Said::default();
    specimens::show(&said).await;
    let shown = said.types.lock().unwrap().clone();
    let public = public();
    let excused = |name: &str, modules: &[String]| {
        let in_tests = NONE_TO_SHOW_IN_TESTS.iter().any(|(one, _)| *one == name) && is_only_for_tests(modules);
        in_tests || NONE_TO_SHOW.iter().any(|(one, _)| *one == name)
    };
    let forgotten: Vec<_> =
        public.iter().filter(|(name, modules)| !shown.contains(*name) && !excused(name, modules)).collect();
    assert!(forgotten.is_empty(), "no specimen of these, and no reason: {forgotten:?}");
    // A name that two types have would hide one behind the other. A fault is one type in two modules, and the other source is
    // a trait of the tests.
    let modules = |of: &[String]| of.iter().filter_map(|module| Some(module.split("::").nth(1)?.to_owned())).collect();
    let twice = public.iter().filter(|(_, of)| {
        let of: BTreeSet<_> = modules(of);
        of.len() > 1
    });
    assert_eq!(twice.map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["Fault", "Source"]);
    let listed = NONE_TO_SHOW.iter().chain(NONE_TO_SHOW_IN_TESTS).map(|(name, _)| *name);
    let needless: Vec<_> = listed.filter(|name| !public.contains_key(*name) || shown.contains(*name)).collect();
    assert!(needless.is_empty(), "excused without need: {needless:?}");
    let hits = canary::search().among(&said.ears);
    let types = public.keys().filter(|name| shown.contains(*name)).count();
    println!(
        "public types {types}, excused with a reason {}, channels {}, texts {}, hits {}",
        public.len() - types,
        CHANNELS.len(),
        said.ears.heard().len(),
        hits.len()
    );
    assert!(hits.is_empty(), "{hits:?}");
}
