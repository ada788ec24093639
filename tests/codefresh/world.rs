//! A Codefresh with runtimes and contexts in it, and what the engine would hand to their consumers.

use std::time::Duration;

use serde_json::{Value, json};
use tokenturn::consumer::{Consumer, Installation, Slot};
use tokenturn::testing::{CodefreshFake, admitted};
use tokenturn::{
    AdmittedToken, Codefresh, CodefreshContext, CodefreshUserToken, Effect, Error, ErrorKind, Grant, Http, HttpBuilder,
    Outcome, Patience, Policy, Rotator, Run, Token,
};

pub(crate) const OLD: &str = "ghp_FAKEold1234567890";
pub(crate) const NEW: &str = "ghp_FAKEnew1234567890";

/// The runtime and the context that [`World::start`] makes.
pub(crate) const RUNTIME: &str = "production";
pub(crate) const CONTEXT: &str = "github";

pub(crate) struct World {
    pub(crate) fake: CodefreshFake,
    pub(crate) codefresh: Codefresh,
}

pub(crate) fn http() -> HttpBuilder {
    Http::builder().allow_plain_http_on_loopback().timeout(Duration::from_millis(700))
}

/// A git context as the documentation prints one, with fields of its own in an order of its own.
pub(crate) fn context(kind: &str, auth: &Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "context", "owner": "account",
        "metadata": {"name": CONTEXT, "default": true, "system": false},
        "spec": {"type": kind, "data": {
            "zeta": {"kept": [1, 2, {"three": null}]}, "sharingPolicy": "AllUsersInAccount", "behindFirewall": false,
            "sshClone": false, "secretStoreReferences": [], "auth": auth,
        }},
    })
}

pub(crate) fn github(password: &str) -> Value {
    let auth = json!({"apiHost": "ghe.example.com", "type": "basic", "password": password, "apiPathPrefix": "/api/v3"});
    context("git.github", &auth)
}

impl World {
    pub(crate) async fn start() -> Self {
        let fake = CodefreshFake::start().await.unwrap();
        fake.add_runtime(RUNTIME);
        for secret in [OLD, NEW] {
            fake.accept(&Token::new(secret).unwrap());
        }
        fake.put_user_token(RUNTIME, "default", "rotator", &Token::new(OLD).unwrap());
        fake.put_context(CONTEXT, github(OLD));
        fake.private_repository("acme/site");
        let codefresh = codefresh(&fake, "rotator");
        Self { fake, codefresh }
    }

    /// The consumer of the runtime that is there, which does not wait long between its looks.
    pub(crate) fn user_token(&self) -> CodefreshUserToken {
        quick(self.codefresh.runtime(RUNTIME))
    }

    pub(crate) fn context(&self) -> CodefreshContext {
        self.codefresh.git_context(CONTEXT).canary("acme", "site")
    }

    /// What is stored for the user.
    pub(crate) fn stored(&self) -> Option<String> {
        self.fake.user_token(RUNTIME, "default", "rotator")
    }

    /// What is stored in the context.
    pub(crate) fn password(&self) -> String {
        let stored = self.fake.context(CONTEXT).unwrap();
        stored.pointer("/spec/data/auth/password").and_then(Value::as_str).unwrap_or_default().to_owned()
    }

    /// How many requests had this in their line.
    pub(crate) fn count(&self, which: &str) -> usize {
        self.fake.seen().iter().filter(|seen| seen.line.contains(which)).count()
    }
}

pub(crate) fn quick(consumer: CodefreshUserToken) -> CodefreshUserToken {
    consumer.looking(5, Duration::from_millis(1))
}

/// The handle of a user.
pub(crate) fn codefresh(fake: &CodefreshFake, user: &str) -> Codefresh {
    let builder = Codefresh::at(&http().build().unwrap(), fake.base()).unwrap();
    builder.api_key(fake.api_key(user)).build().unwrap()
}

pub(crate) fn token(secret: &str) -> AdmittedToken {
    let token = Token::new(secret).unwrap();
    admitted(&token, Grant::of(&token, "build-bot")).unwrap()
}

/// Tries again at once, and not for long.
pub(crate) fn policy() -> Policy {
    let moment = Duration::from_millis(10);
    Policy::default().grace(Duration::ZERO).patience(Patience::new(moment, moment, Duration::from_secs(2)))
}

/// Asks on until the run is over or wants somebody.
pub(crate) async fn finish(bot: &Rotator, mut run: Run) -> Outcome {
    for _ in 0..400 {
        match &run.outcome {
            Outcome::BackingOff { .. } | Outcome::Draining { .. } | Outcome::Unfinished => {}
            _ => break,
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        run = bot.resume(run.id).await.unwrap();
    }
    run.outcome
}

/// Preflight and install, as the engine does it.
pub(crate) async fn turn(consumer: &dyn Consumer, secret: &str) -> Slot {
    let slot = consumer.preflight().await.unwrap();
    install(consumer, secret, &slot).await.unwrap()
}

pub(crate) async fn install(consumer: &dyn Consumer, secret: &str, slot: &Slot) -> Result<Slot, Error> {
    match consumer.install(&token(secret), slot).await? {
        Installation::Done(slot) => Ok(slot),
        Installation::Guided(_) => panic!("nobody is needed"),
    }
}

/// The error is of this kind and effect, says these words, and gives nothing away.
#[track_caller]
pub(crate) fn assert_error(error: &Error, kind: ErrorKind, effect: Effect, words: &str) {
    let text = format!("{error} {error:?}");
    assert_eq!((error.kind(), error.effect()), (kind, effect), "{text}");
    assert!(text.contains(words), "no \"{words}\" in: {text}");
    for secret in [OLD, NEW, "FAKEnew", "FAKEold", "FAKEapikey"] {
        assert!(!text.contains(secret), "{text}");
    }
}
