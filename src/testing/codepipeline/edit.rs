//! Declarations: masked, merged and judged as CodePipeline does it.

use serde_json::{Map, Value};

/// What is shown in place of a secret.
const MASK: &str = "****";

/// Whether a property of this name is a secret.
fn is_secret(key: &str) -> bool {
    matches!(key, "OAuthToken" | "RefreshToken") || key.ends_with("Secret") || key.ends_with("Password")
}

/// The action of this name.
pub(super) fn action<'a>(declaration: &'a Value, stage: &str, action: &str) -> Option<&'a Value> {
    let named = |value: &&Value, name: &str| value.get("name").and_then(Value::as_str) == Some(name);
    let stage = declaration.get("stages")?.as_array()?.iter().find(|value| named(value, stage))?;
    stage.get("actions")?.as_array()?.iter().find(|value| named(value, action))
}

/// Does this to the configuration of every action.
pub(super) fn each_configuration(declaration: &mut Value, act: &mut dyn FnMut(&mut Map<String, Value>)) {
    each_action(declaration, &mut |_, action| {
        if let Some(configuration) = action.get_mut("configuration").and_then(Value::as_object_mut) {
            act(configuration);
        }
    });
}

fn each_action(declaration: &mut Value, act: &mut dyn FnMut(&str, &mut Value)) {
    let list = |value: &mut Value, key: &str| value.get_mut(key).and_then(Value::as_array_mut).map(std::mem::take);
    let mut stages = list(declaration, "stages").unwrap_or_default();
    for stage in &mut stages {
        let name = stage.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        if let Some(actions) = stage.get_mut("actions").and_then(Value::as_array_mut) {
            for action in actions {
                act(&name, action);
            }
        }
    }
    if let Some(slot) = declaration.get_mut("stages") {
        *slot = Value::Array(stages);
    }
}

/// The declaration as `GetPipeline` shows it.
pub(super) fn masked(declaration: &Value) -> Value {
    let mut shown = declaration.clone();
    each_configuration(&mut shown, &mut |configuration| {
        for (_, value) in configuration.iter_mut().filter(|(key, _)| is_secret(key)) {
            *value = MASK.into();
        }
    });
    shown
}

/// What is stored when `sent` replaces `stored`: a mask keeps its value where nothing else of its action is otherwise, and is
/// stored as it stands where something is.
pub(super) fn merged(stored: &Value, sent: &Value) -> Value {
    let mut next = sent.clone();
    each_action(&mut next, &mut |stage, sent| {
        let name = sent.get("name").and_then(Value::as_str).unwrap_or_default();
        let Some(before) = action(stored, stage, name) else { return };
        let mut whole = sent.clone();
        if let Some(configuration) = whole.get_mut("configuration").and_then(Value::as_object_mut) {
            for (key, value) in configuration.iter_mut().filter(|(key, _)| is_secret(key)) {
                if let (Some(MASK), Some(kept)) = (value.as_str(), before.pointer(&format!("/configuration/{key}"))) {
                    *value = kept.clone();
                }
            }
        }
        if whole == *before {
            *sent = whole;
        }
    });
    next
}

/// What CodePipeline has against a declaration: the name of its error, and its words.
pub(super) fn refused(declaration: &Value) -> Option<(&'static str, String)> {
    let stages = declaration.get("stages").and_then(Value::as_array).map_or(0, Vec::len);
    if stages < 2 {
        return Some(("InvalidStructureException", "Pipeline should have at least two stages".to_owned()));
    }
    let mut found = None;
    each_action(&mut declaration.clone(), &mut |_, action| {
        let part = |pointer: &str| action.pointer(pointer).and_then(Value::as_str);
        let github =
            part("/actionTypeId/owner") == Some("ThirdParty") && part("/actionTypeId/provider") == Some("GitHub");
        if github && part("/configuration/OAuthToken").is_none() {
            let name = part("/name").unwrap_or_default();
            let text =
                format!("Action configuration for action '{name}' is missing required configuration 'OAuthToken'");
            found = Some(("InvalidActionDeclarationException", text));
        }
    });
    found
}

/// Puts a value where the pointer leads.
pub(super) fn set(declaration: &mut Value, pointer: &str, value: Value) {
    if let Some(there) = declaration.pointer_mut(pointer) {
        *there = value;
    } else if let Some((around, name)) = pointer.rsplit_once('/')
        && let Some(members) = declaration.pointer_mut(around).and_then(Value::as_object_mut)
    {
        members.insert(name.to_owned(), value);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn declaration(branch: &str, token: &str, hook: &str) -> Value {
        let configuration = json!({ "Branch": branch, "OAuthToken": token, "HookSecret": hook });
        json!({ "stages": [{ "name": "Source", "actions": [{ "name": "GitHub", "configuration": configuration }] }] })
    }

    #[test]
    fn a_mask_keeps_its_value_only_where_nothing_else_of_its_action_changed() {
        let stored = declaration("main", "old", "hook");
        assert_eq!(masked(&stored), declaration("main", MASK, MASK));
        assert_eq!(merged(&stored, &declaration("main", MASK, MASK)), stored);
        assert_eq!(merged(&stored, &declaration("dev", MASK, MASK)), declaration("dev", MASK, MASK));
        assert_eq!(merged(&stored, &declaration("main", "new", MASK)), declaration("main", "new", MASK));
    }
}
