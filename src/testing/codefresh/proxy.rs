//! What the app-proxy of a runtime answers.

use serde_json::{Value, json};

use super::state::{Integration, Registration, STALE, User};
use super::world::World;

/// What a field gave: data, or an error, or both.
pub(super) struct Outcome {
    pub(super) data: Value,
    pub(super) error: Option<String>,
}

impl Outcome {
    fn data(data: Value) -> Self {
        Self { data, error: None }
    }

    fn error(message: &str) -> Self {
        Self { data: Value::Null, error: Some(message.to_owned()) }
    }
}

/// The field of the app-proxy's schema that was asked for.
pub(super) async fn field(world: &World, runtime: &str, who: &User, name: &str, variables: &Value) -> Outcome {
    match name {
        "gitIntegrations" => {
            look(world, runtime).await;
            let state = world.lock();
            let integrations = state.runtimes.get(runtime).map(|runtime| &runtime.integrations);
            Outcome::data(integrations.into_iter().flatten().map(described).collect())
        }
        "registerToGitIntegration" => register(world, runtime, who, &variables["args"]).await,
        _ => Outcome::error("not in the fake"),
    }
}

fn described(integration: &Integration) -> Value {
    let users: Vec<Value> = integration
        .registered
        .iter()
        .map(|(id, registration)| json!({"userId": id, "isValid": registration.shown}))
        .collect();
    json!({
        "name": integration.name, "provider": integration.provider, "apiUrl": integration.api_url,
        "sharingPolicy": integration.sharing_policy, "users": users,
        "registeredUsers": integration.registered.keys().collect::<Vec<_>>(),
    })
}

/// Brings what is said of tokens up to date, where it is not kept back for another while.
async fn look(world: &World, runtime: &str) {
    let mut due = Vec::new();
    let (validates, oauth) = {
        let mut state = world.lock();
        let Some(runtime) = state.runtimes.get_mut(runtime) else { return };
        for integration in &mut runtime.integrations {
            for (user, registration) in &mut integration.registered {
                if registration.stale > 0 {
                    registration.stale -= 1;
                } else {
                    due.push((integration.name.clone(), user.clone(), registration.token.clone()));
                }
            }
        }
        (runtime.validates, runtime.oauth)
    };
    for (integration, user, token) in due {
        // What validates nothing calls everything valid.
        let valid = oauth || !validates || world.is_live(&token).await;
        let mut state = world.lock();
        let runtime = state.runtimes.get_mut(runtime);
        let registration = runtime.and_then(|runtime| runtime.integration(&integration)?.registered.get_mut(&user));
        if let Some(registration) = registration.filter(|registration| registration.stale == 0) {
            registration.shown = valid;
        }
    }
}

async fn register(world: &World, runtime: &str, who: &User, args: &Value) -> Outcome {
    let token = args["token"].as_str().unwrap_or_default();
    let name = args["name"].as_str().unwrap_or("default");
    let username = args["username"].as_str().map(str::to_owned);
    let live = world.is_live(token).await;
    let mut state = world.lock();
    let Some(runtime) = state.runtimes.get_mut(runtime) else { return Outcome::error("no such runtime") };
    if runtime.oauth {
        return Outcome::error("git integration uses OAuth2");
    }
    if runtime.validates && !live {
        return Outcome::error("invalid git token");
    }
    let fails_late = std::mem::take(&mut runtime.fails_late);
    let Some(integration) = runtime.integration(name) else {
        return Outcome::error(&format!("git integration \"{name}\" does not exist"));
    };
    if integration.provider == "BITBUCKET" && username.is_none() {
        return Outcome::error("username is required");
    }
    let shown = integration.registered.get(&who.id).is_some_and(|before| before.shown);
    let registration = Registration { token: token.to_owned(), username, shown, stale: STALE };
    integration.registered.insert(who.id.clone(), registration);
    let mut outcome = Outcome::data(described(integration));
    if fails_late {
        outcome.error = Some("failed to notify the platform".to_owned());
    }
    outcome
}
