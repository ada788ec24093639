//! What the platform answers.

use serde_json::{Value, json};

use super::state::{State, User};
use super::world::World;
use crate::testing::server::{Reply, Request};

pub(super) const ACCOUNT: &str = "5f0000000000000000000acc";

/// The field of the platform's schema that was asked for.
pub(super) fn field(state: &State, who: &User, name: &str, variables: &Value) -> Value {
    match name {
        "me" => json!({
            "id": who.id, "name": who.name, "email": format!("{}@example.com", who.name), "isAdmin": false,
            "activeAccount": {"id": ACCOUNT, "name": "acme", "admins": [who.id]},
        }),
        "runtime" => variables["name"].as_str().map_or(Value::Null, |name| runtime(state, name)),
        "runtimes" => {
            let names = state.runtimes.keys();
            let edges: Vec<Value> = names.map(|name| json!({"node": runtime(state, name), "cursor": name})).collect();
            json!({"edges": edges, "pageInfo": {"hasNextPage": state.mode.paged, "hasPrevPage": false}})
        }
        _ => Value::Null,
    }
}

fn runtime(state: &State, name: &str) -> Value {
    let Some(runtime) = state.runtimes.get(name) else { return Value::Null };
    json!({
        "metadata": {"name": name, "namespace": name},
        "ingressHost": runtime.host,
        "internalIngressHost": runtime.internal_host,
        "accessMode": if runtime.tunnel { "TUNNEL" } else { "INGRESS" },
        "installationStatus": "COMPLETED",
    })
}

/// The REST interface, below `/api`.
pub(super) async fn rest(world: &World, request: &Request, path: &[&str]) -> Reply {
    match (request.method.as_str(), path) {
        ("GET", ["contexts", name]) => get_context(&world.lock(), request, name),
        ("PATCH", ["contexts", name]) => patch_context(&mut world.lock(), request, name),
        ("GET", ["repos", owner, name]) => repository(world, request, owner, name).await,
        _ => Reply::json(404, &json!({"message": "Not Found"})),
    }
}

fn get_context(state: &State, request: &Request, name: &str) -> Reply {
    let Some(context) = state.contexts.get(name) else {
        let text = format!("Context with name {name} does not exist");
        return Reply::json(404, &json!({"status": 404, "message": text}));
    };
    if request.parameter("decrypt") == Some("true") {
        if state.mode.forbid_decrypt {
            let text = "Decrypting contexts is not allowed because 'forbidDecrypt' feature is enabled";
            return Reply::json(403, &json!({"status": 403, "message": text}));
        }
        return Reply::json(200, context);
    }
    let mut shown = context.clone();
    if let Some(data) = shown.pointer_mut("/spec/data") {
        hide(data, state.mode.mask.as_deref());
    }
    Reply::json(200, &shown)
}

/// Puts the mask where secrets stand, or leaves them out. What is no secret to it, such as an expression, is shown.
fn hide(value: &mut Value, mask: Option<&str>) {
    let Value::Object(fields) = value else { return };
    let secrets = ["password", "sshKey", "refreshToken"];
    if mask.is_none() {
        fields.retain(|name, value| !secrets.contains(&name.as_str()) || is_expression(value));
    }
    for (name, value) in fields {
        match mask {
            Some(mask) if secrets.contains(&name.as_str()) && !is_expression(value) => *value = Value::from(mask),
            _ => hide(value, mask),
        }
    }
}

fn is_expression(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.starts_with("${{"))
}

/// What is sent replaces what is there, section by section: a section that is sent in part loses the rest.
fn patch_context(state: &mut State, request: &Request, name: &str) -> Reply {
    let bad = |text: &str| Reply::json(400, &json!({"status": 400, "message": text}));
    let Some(stored) = state.contexts.get_mut(name) else {
        return Reply::json(404, &json!({"status": 404, "message": "Context does not exist"}));
    };
    let Ok(Value::Object(sent)) = serde_json::from_slice::<Value>(&request.body) else {
        return bad("Body is not an object");
    };
    if !request.header("content-type").is_some_and(|kind| kind.starts_with("application/json")) {
        return bad("Content type is not JSON");
    }
    for (section, value) in sent {
        match (section.as_str(), value) {
            ("spec", Value::Object(parts)) => {
                for (part, value) in parts {
                    stored["spec"][part] = value;
                }
            }
            (_, value) => stored[section] = value,
        }
    }
    Reply::json(200, &json!({"metadata": {"name": name}}))
}

/// The provider is asked with the context's token.
async fn repository(world: &World, request: &Request, owner: &str, name: &str) -> Reply {
    let context = request.parameter("context").unwrap_or_default();
    let token = {
        let state = world.lock();
        let password = state.contexts.get(context).and_then(|context| context.pointer("/spec/data/auth/password"));
        password.and_then(Value::as_str).map(str::to_owned)
    };
    let full = format!("{owner}/{name}");
    let seen = match token {
        Some(token) => world.reads(&full, &token).await,
        None => false,
    };
    if !seen {
        return Reply::json(404, &json!({"status": 404, "message": "Failed to retrieve repo: Not Found"}));
    }
    let body = json!({
        "provider": "github", "full_name": full, "name": name, "private": true, "owner": {"login": owner},
        "default_branch": "main",
    });
    Reply::json(200, &body)
}
