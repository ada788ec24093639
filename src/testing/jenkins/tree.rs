//! The parameter `tree` of the remote API: which parts of an answer are wanted.

use serde_json::{Map, Value};

/// The parts of `whole` that `tree` names, as `id,domains[urlName]`; the class is always told. A map keyed by names, as
/// the domains of a store are, is passed through.
pub(super) fn pick(whole: &Value, tree: Option<&str>) -> Value {
    match tree {
        Some(tree) => filtered(whole, &parse(tree)),
        None => whole.clone(),
    }
}

struct Wanted<'a> {
    name: &'a str,
    inside: Vec<Wanted<'a>>,
}

fn parse(tree: &str) -> Vec<Wanted<'_>> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0_usize, 0);
    for (at, c) in tree.char_indices().chain([(tree.len(), ',')]) {
        match c {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                let part = &tree[start..at];
                let (name, inside) = part.split_once('[').unwrap_or((part, ""));
                parts.push(Wanted { name, inside: parse_inside(inside) });
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

fn parse_inside(inside: &str) -> Vec<Wanted<'_>> {
    if inside.is_empty() { Vec::new() } else { parse(inside.strip_suffix(']').unwrap_or(inside)) }
}

fn filtered(whole: &Value, wanted: &[Wanted<'_>]) -> Value {
    match whole {
        Value::Array(items) => items.iter().map(|item| filtered(item, wanted)).collect(),
        Value::Object(fields) if fields.contains_key("_class") => {
            let mut kept = Map::new();
            for (name, value) in fields {
                let part = wanted.iter().find(|part| part.name == name);
                match part {
                    _ if name == "_class" => kept.insert(name.clone(), value.clone()),
                    Some(part) if part.inside.is_empty() => kept.insert(name.clone(), value.clone()),
                    Some(part) => kept.insert(name.clone(), filtered(value, &part.inside)),
                    None => None,
                };
            }
            Value::Object(kept)
        }
        Value::Object(named) => named.iter().map(|(name, value)| (name.clone(), filtered(value, wanted))).collect(),
        other => other.clone(),
    }
}
