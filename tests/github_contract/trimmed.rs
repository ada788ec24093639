//! The trimmed description says what GitHub's does.

use std::fs;

use serde_json::{Map, Value};

use crate::ledger::operations;
use crate::prism;

fn read(path: &std::path::Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn object(value: &Value) -> &Map<String, Value> {
    value.as_object().unwrap()
}

/// All that is referred to in it.
fn references<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) if text.starts_with("#/") => found.push(text),
        Value::Array(list) => list.iter().for_each(|value| references(value, found)),
        Value::Object(members) => members.values().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn the_operations_are_githubs_own_word_for_word_and_nothing_that_they_refer_to_is_missing() {
    let Some(folder) = prism::folder() else { return };
    let whole = read(&folder.join("node_modules/@octokit/openapi/generated/api.github.com.json"));
    let trimmed = read(&folder.join("github.json"));
    let mut kept = Vec::new();
    for (path, item) in object(&trimmed["paths"]) {
        for (method, operation) in object(item) {
            assert_eq!(operation, &whole["paths"][path][method], "{method} {path}");
            kept.push(format!("{} {path}", method.to_uppercase()));
        }
    }
    let mut asked: Vec<_> = operations().map(str::to_owned).collect();
    kept.sort();
    asked.sort();
    assert_eq!(kept, asked);
    for (kind, group) in object(&trimmed["components"]) {
        for (name, component) in object(group) {
            assert_eq!(component, &whole["components"][kind][name], "{kind} {name}");
        }
    }
    let mut found = Vec::new();
    references(&trimmed, &mut found);
    assert!(found.len() > 100, "{found:?}");
    for reference in found {
        assert!(trimmed.pointer(&reference[1..]).is_some(), "{reference} leads nowhere");
    }
}
