//! A Codefresh with a runtime and a git context, and which tokens its Git provider takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokenturn::consumer::Consumer;
use tokenturn::testing::consumer::{FarSide, NotApplicable};
use tokenturn::testing::{CodefreshFake, Trouble, admitted};
use tokenturn::{AdmittedToken, Codefresh, Fingerprint, Grant, Result, Token};

use super::http;

const RUNTIME: &str = "production";
const CONTEXT: &str = "github";
/// The fake counts questions, not seconds.
const MOMENT: Duration = Duration::from_millis(1);

/// One place of a Codefresh, and others beside it.
pub(crate) struct CodefreshPlace {
    fake: CodefreshFake,
    old: AdmittedToken,
    new: AdmittedToken,
    kind: Kind,
    edits: AtomicUsize,
}

#[derive(Clone, Copy)]
enum Kind {
    UserToken,
    Context,
    OAuth,
}

/// The Git user token of a runtime.
pub(crate) async fn user_token() -> Result<CodefreshPlace> {
    CodefreshPlace::start(Kind::UserToken).await
}

/// A classic git context, with a repository to try it on.
pub(crate) async fn context() -> Result<CodefreshPlace> {
    CodefreshPlace::start(Kind::Context).await
}

/// A runtime whose users log in by OAuth2.
pub(crate) async fn oauth() -> Result<CodefreshPlace> {
    let place = CodefreshPlace::start(Kind::OAuth).await?;
    place.fake.use_oauth(RUNTIME);
    place.fake.authorize(RUNTIME, "default", "rotator");
    Ok(place)
}

fn context_of(edit: usize, token: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "context",
        "metadata": { "name": CONTEXT, "default": true, "system": false, "labels": { "edit": edit } },
        "spec": { "type": "git.github", "data": {
            "sharingPolicy": "AllUsersInAccount", "behindFirewall": false, "sshClone": false,
            "secretStoreReferences": [], "auth": { "type": "basic", "password": token } } },
    })
}

impl CodefreshPlace {
    async fn start(kind: Kind) -> Result<Self> {
        let fake = CodefreshFake::start().await?;
        let [old, new] = ["ghp_FAKEcodefreshOld12345", "ghp_FAKEcodefreshNew12345"].map(Token::new);
        let (old, new) = (old?, new?);
        for token in [&old, &new] {
            fake.accept(token);
        }
        fake.private_repository("acme/site");
        for name in [RUNTIME, "staging"] {
            fake.add_runtime(name);
            fake.put_user_token(name, "default", "rotator", &old);
            fake.put_user_token(name, "default", "other", &Token::new("ghp_FAKEofSomebodyElse")?);
        }
        fake.put_context(CONTEXT, context_of(0, old.expose()));
        let of = |token: &Token| admitted(token, Grant::of(token, "build-bot"));
        Ok(Self { old: of(&old)?, new: of(&new)?, fake, kind, edits: AtomicUsize::new(0) })
    }

    /// What the line of a request has that writes there.
    fn writing(&self) -> &'static str {
        match self.kind {
            Kind::UserToken | Kind::OAuth => "RegisterToGitIntegration",
            Kind::Context => "PATCH /api/contexts/",
        }
    }

    fn secret(&self) -> Option<String> {
        match self.kind {
            Kind::UserToken | Kind::OAuth => self.fake.user_token(RUNTIME, "default", "rotator"),
            Kind::Context => {
                self.fake.context(CONTEXT)?.pointer("/spec/data/auth/password")?.as_str().map(str::to_owned)
            }
        }
    }
}

#[async_trait]
impl FarSide for CodefreshPlace {
    fn consumer(&self) -> Arc<dyn Consumer> {
        let codefresh = Codefresh::at(&http(), self.fake.base()).unwrap();
        let codefresh = codefresh.api_key(self.fake.api_key("rotator")).build().unwrap();
        match self.kind {
            Kind::UserToken => Arc::new(codefresh.runtime(RUNTIME).looking(5, MOMENT)),
            Kind::OAuth => Arc::new(codefresh.oauth_runtime(RUNTIME).looking(5, MOMENT)),
            Kind::Context => Arc::new(codefresh.git_context(CONTEXT).canary("acme", "site")),
        }
    }

    fn old_token(&self) -> AdmittedToken {
        self.old.clone()
    }

    fn new_token(&self) -> AdmittedToken {
        self.new.clone()
    }

    async fn stored(&self) -> Result<Option<Fingerprint>, NotApplicable> {
        if matches!(self.kind, Kind::OAuth) {
            return Err(NotApplicable::because("no token of ours is there"));
        }
        Ok(self.secret().and_then(|secret| Token::new(&secret).ok()).map(|token| token.fingerprint()))
    }

    async fn rest(&self) -> Result<String, NotApplicable> {
        let others = [(RUNTIME, "other"), ("staging", "rotator"), ("staging", "other")]
            .map(|(runtime, user)| self.fake.user_token(runtime, "default", user));
        let runtimes = [RUNTIME, "staging"].map(|runtime| self.fake.runtime_without_tokens(runtime));
        let mut context = self.fake.context(CONTEXT).unwrap_or_default();
        if let (Kind::Context, Some(auth)) = (self.kind, context.pointer_mut("/spec/data/auth")) {
            auth.as_object_mut().map(|auth| auth.shift_remove("password"));
        }
        Ok(format!("{others:?} {runtimes:?} {context}"))
    }

    async fn change(&self) -> Result<(), NotApplicable> {
        let edit = 1 + self.edits.fetch_add(1, Ordering::Relaxed);
        match self.kind {
            Kind::UserToken | Kind::OAuth => self.fake.edit_integration(RUNTIME, "default"),
            Kind::Context => self.fake.put_context(CONTEXT, context_of(edit, &self.secret().unwrap_or_default())),
        }
        Ok(())
    }

    async fn trouble(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.fake.trouble(self.writing(), trouble);
        Ok(())
    }

    async fn trap(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.fake.trouble("", trouble);
        Ok(())
    }

    async fn refuse_login(&self) -> Result<(), NotApplicable> {
        self.fake.refuse_logins(true);
        Ok(())
    }

    async fn throttle(&self, wait: Duration) -> Result<Duration, NotApplicable> {
        self.fake.trouble(self.writing(), Trouble::Wait(wait.as_secs()));
        Ok(wait)
    }

    async fn unplug(&self) -> Result<(), NotApplicable> {
        self.fake.stop();
        Ok(())
    }

    async fn kill(&self, token: &AdmittedToken) -> Result<(), NotApplicable> {
        if matches!(self.kind, Kind::OAuth) {
            return Err(NotApplicable::because("no token of ours is there"));
        }
        self.fake.kill(token.token());
        Ok(())
    }

    async fn writes(&self) -> Result<usize, NotApplicable> {
        Ok(self.fake.seen().iter().filter(|seen| seen.line.contains(self.writing())).count())
    }

    fn requests(&self) -> Option<u64> {
        Some(super::sent())
    }

    fn secrets(&self) -> Vec<String> {
        self.fake.secrets()
    }
}
