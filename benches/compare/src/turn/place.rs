//! A place of the world, as a consumer of one's own: one request a call.

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokenturn::consumer::{ConsumerCapabilities, Installation, Proof, Slot, Verification};
use tokenturn::{AdmittedToken, Answer, Consumer, Effect, Error, ErrorKind, Result, ScopeModel, ScopeSet};
use tokenturn_compare::mark;
use tokio::sync::Semaphore;

#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) client: Client,
    pub(crate) permits: Arc<Semaphore>,
}

impl Place {
    /// Sends it under the limit that all requests share. `written`: what an error leaves open.
    async fn ask(&self, request: RequestBuilder, written: Effect) -> Result<Value> {
        let closed = |_| Error::new(ErrorKind::Internal, "the limit is gone");
        let _permit = self.permits.acquire().await.map_err(closed)?;
        let lost = |error: reqwest::Error| {
            let effect = if error.is_connect() { Effect::None } else { written };
            Error::new(ErrorKind::Unavailable, "the place did not answer: try again").with_effect(effect)
        };
        let answer = request.send().await.map_err(lost)?;
        let error = |kind, text: &'static str, effect| Err(Error::new(kind, text).with_effect(effect));
        match answer.status().as_u16() {
            200 => answer.json().await.map_err(lost),
            412 => error(ErrorKind::Conflict, "somebody wrote there: read it again", Effect::None),
            429 => {
                let seconds = answer.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
                let wait = std::time::Duration::from_secs(seconds.unwrap_or(1));
                Err(Error::new(ErrorKind::RateLimited, "the place wants a pause").with_retry_after(wait))
            }
            500.. => error(ErrorKind::Unavailable, "the place failed: try again", written),
            _ => error(ErrorKind::Protocol, "the place said what nobody expected", written),
        }
    }

    fn slot(said: &Value) -> Slot {
        Slot::at(said["version"].to_string())
    }
}

#[async_trait]
impl Consumer for Place {
    fn name(&self) -> &str {
        &self.name
    }
    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities::new("place").proving(Proof::Always, Proof::Always).versioned()
    }
    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        (model == ScopeModel::GITLAB).then(|| ScopeSet::of(["read_repository"]))
    }
    async fn preflight(&self) -> Result<Slot> {
        let said = self.ask(self.client.get(&self.address), Effect::None).await?;
        Ok(Self::slot(&said))
    }
    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        let version: Option<u64> = expected.version.as_deref().and_then(|version| version.parse().ok());
        let body = json!({"token": token.token().expose(), "version": version});
        let said = self.ask(self.client.put(&self.address).json(&body), Effect::Unknown).await?;
        Ok(Installation::Done(Self::slot(&said)))
    }
    async fn verify(&self, token: &AdmittedToken, _: &Slot) -> Result<Verification> {
        let said = self.ask(self.client.post(&self.address), Effect::None).await?;
        let answer = |so: bool| if so { Answer::Proven } else { Answer::Refuted };
        let new = said["holds"].as_str() == Some(&mark(token.token().expose()));
        Ok(Verification::new(answer(said["works"].as_bool() == Some(true)), answer(new)))
    }
}
