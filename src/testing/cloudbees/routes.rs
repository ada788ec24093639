//! What a Unify answers.

use async_trait::async_trait;
use serde_json::{Value, json};

use super::state::{Entry, State};
use super::{WorkflowRun, World};
use crate::testing::server::{Reply, Request, Service};

#[async_trait]
impl Service for World {
    async fn answer(&self, request: &Request) -> Reply {
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        let state = &mut *self.lock();
        let Some(entry) = request.token().and_then(|value| state.login(value)) else {
            return if state.by_contract {
                status(401, 16, "unauthenticated")
            } else {
                Reply::json(401, &json!({"error": "you are not authorized to perform this action"}))
            };
        };
        match (request.method.as_str(), path.as_slice()) {
            ("GET", ["v1", "organizations", "name"]) => organization(state, &entry, request.parameter("name")),
            ("GET", ["v1", "organizations"]) if request.parameter("userId") != Some(&*user_id(&entry.user)) => {
                status(403, 7, "permission denied")
            }
            ("GET", ["v1", "organizations"]) => {
                let named = organization(state, &entry, request.parameter("name"));
                let found: Value = serde_json::from_slice(&named.body).unwrap_or_default();
                let list: Vec<&Value> = found.get("organization").into_iter().collect();
                Reply::json(200, &json!({"organizations": list, "pagination": {}}))
            }
            ("GET", ["v4", "users"]) => Reply::json(200, &json!({"users": [{"id": "FAKE"}]})),
            ("POST", ["v2", "components", component, "trigger"]) => trigger(state, &entry, component, &request.body),
            _ => status(404, 5, "not found"),
        }
    }
}

/// A refusal as the contract has it.
fn status(status: u16, code: i32, message: &str) -> Reply {
    Reply::json(status, &json!({"code": code, "message": message, "details": []}))
}

fn user_id(login: &str) -> String {
    format!("id-of-{login}")
}

fn organization(state: &State, entry: &Entry, name: Option<&str>) -> Reply {
    let name = name.unwrap_or_default();
    let of = |domains: &Vec<String>| domains.iter().any(|domain| domain == name);
    if state.users.get(&entry.user).is_some_and(of) {
        return Reply::json(200, &json!({"organization": {"id": "FAKE", "displayName": name, "domainName": name}}));
    }
    if !state.hides && state.users.values().any(of) {
        status(403, 7, "permission denied")
    } else {
        status(404, 5, "not found")
    }
}

/// What the real one answers here is not documented: a good answer without anything in it.
fn trigger(state: &mut State, entry: &Entry, component: &str, body: &[u8]) -> Reply {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
    let (Some(branch), Some(file)) = (text("branchName"), text("workflowFileName")) else {
        return status(400, 3, "invalid argument");
    };
    state.runs.push(WorkflowRun {
        component: component.to_owned(),
        branch,
        file,
        user: entry.user.clone(),
        token: entry.token.fingerprint(),
    });
    Reply::json(200, &json!({}))
}
