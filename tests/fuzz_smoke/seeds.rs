//! Valid documents to begin with: one folder a target, and what real systems were recorded to answer.

use std::fs;
use std::path::Path;

use serde_json::Value;
use tokenturn::testing::fuzz::Target;

/// The seeds of a target, in order of their names.
pub(crate) fn of(target: &Target) -> Vec<Vec<u8>> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let folder = data.join("fuzz").join(target.name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{} has no seeds: {error}", target.name));
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut seeds: Vec<_> = files.iter().map(|file| fs::read(file).unwrap()).collect();
    if target.name == "config_xml" {
        seeds.extend(recorded(&data.join("jenkins-2.460.json")));
    }
    seeds
}

/// The documents of credentials that a real Jenkins has printed.
fn recorded(exchanges: &Path) -> Vec<Vec<u8>> {
    let exchanges: Vec<Value> = serde_json::from_slice(&fs::read(exchanges).unwrap()).unwrap();
    let bodies = exchanges.iter().filter_map(|exchange| exchange.pointer("/response/body")?.as_str());
    bodies.filter(|body| body.contains("<secret-redacted/>")).map(|body| body.as_bytes().to_vec()).collect()
}
