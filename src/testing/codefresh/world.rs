//! Who asks, what for, and whom the fake asks in turn.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use serde_json::{Value, json};

use super::schema::{APP_PROXY, PLATFORM};
use super::state::{State, User};
use super::{graph, outbound, platform, proxy};
use crate::testing::server::{Reply, Request, Service};

/// What the handle and the served side share.
#[derive(Clone, Debug, Default)]
pub(super) struct World(Arc<Mutex<State>>);

impl World {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the Git provider takes a token.
    pub(super) async fn is_live(&self, token: &str) -> bool {
        let provider = {
            let state = self.lock();
            if state.live.contains(token) {
                return true;
            }
            state.provider.clone()
        };
        match provider {
            Some(api) => outbound::reads(&api, "user", token).await,
            None => false,
        }
    }

    /// Whether the Git provider shows a private repository to a token.
    pub(super) async fn reads(&self, repository: &str, token: &str) -> bool {
        let provider = {
            let state = self.lock();
            if state.live.contains(token) && state.repositories.contains(repository) {
                return true;
            }
            state.provider.clone()
        };
        match provider {
            Some(api) => outbound::reads(&api, &format!("repos/{repository}"), token).await,
            None => false,
        }
    }

    /// Whose key a request carries, or the refusal.
    fn who(&self, request: &Request) -> std::result::Result<User, Reply> {
        let state = self.lock();
        let key = request.header("authorization").unwrap_or_default();
        let user = state.users.values().find(|user| user.key == key && !state.mode.refusing);
        let refused = |status: u16, text: &str| Reply::json(status, &json!({"status": status, "message": text}));
        match user {
            None => Err(refused(401, "Unauthorized")),
            Some(_) if state.mode.restricted => Err(refused(403, "Access to this API key has been restricted")),
            Some(user) => Ok(user.clone()),
        }
    }

    /// An operation of GraphQL, by the platform or by a runtime's app-proxy.
    async fn graph(&self, request: &Request, runtime: Option<&str>) -> Reply {
        let who = match self.who(request) {
            Ok(who) => who,
            Err(refusal) => return refusal,
        };
        let mut schema = if runtime.is_some() { APP_PROXY } else { PLATFORM };
        if let Some(name) = runtime {
            match self.lock().runtimes.get(name) {
                Some(runtime) => schema.without_users = runtime.old,
                None => return Reply::status(404),
            }
        }
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let read = graph::read(body["query"].as_str().unwrap_or_default());
        let variables = &body["variables"];
        let operation = match read {
            Ok(operation) => operation,
            Err(fault) => return fault.reply(),
        };
        let field = match operation.check(&schema, variables) {
            Ok(field) => field,
            Err(fault) => return fault.reply(),
        };
        let (data, error) = match runtime {
            None => (platform::field(&self.lock(), &who, &field.name, variables), None),
            Some(runtime) => {
                let outcome = proxy::field(self, runtime, &who, &field.name, variables).await;
                (outcome.data, outcome.error)
            }
        };
        let mut envelope = json!({"data": {field.name.clone(): field.select(&data)}});
        if let Some(message) = error {
            envelope["errors"] = json!([{"message": message, "path": [field.name]}]);
        }
        Reply::json(200, &envelope)
    }
}

#[async_trait]
impl Service for World {
    async fn answer(&self, request: &Request) -> Reply {
        let segments = request.segments();
        let path: Vec<&str> = segments.iter().map(String::as_str).collect();
        match (request.method.as_str(), path.as_slice()) {
            ("POST", ["2.0", "api", "graphql"]) => self.graph(request, None).await,
            ("POST", ["runtimes", name, "app-proxy", "api", "graphql"]) => self.graph(request, Some(name)).await,
            ("GET", ["runtimes", name, "app-proxy", "api", "readyz"]) => match self.lock().runtimes.get(*name) {
                Some(runtime) if runtime.ready => Reply::status(200).body("text/plain", "OK"),
                Some(_) => Reply::status(503),
                None => Reply::status(404),
            },
            (_, ["api", rest @ ..]) => match self.who(request) {
                Ok(_) => platform::rest(self, request, rest).await,
                Err(refusal) => refusal,
            },
            _ => Reply::status(404),
        }
    }

    fn about(&self, request: &Request) -> Option<String> {
        let body: Value = serde_json::from_slice(&request.body).ok()?;
        body.get("operationName")?.as_str().map(str::to_owned)
    }
}
