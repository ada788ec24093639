//! Sends a request: under the budget, once, or again where that is allowed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue};
use zeroize::{Zeroize, Zeroizing};

use super::budget::SHORT;
use super::call::{Call, Method};
use super::{Answer, failure};
use crate::error::{Effect, Error, ErrorKind, Result};

/// How often a request is sent again that may be.
const AGAIN: usize = 2;

/// A failed attempt, and whether another may help.
struct Failure {
    error: Error,
    again: bool,
}

impl Call<'_> {
    /// Sends it, and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// Every status outside 2xx that was not accepted. The effect is `None` where nothing was sent or it was refused, and
    /// `Unknown` where a request that changes something may have arrived.
    pub(crate) async fn send(mut self) -> Result<Answer> {
        if let Some(error) = self.wrong.take() {
            return Err(error);
        }
        let policy = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(200))
            .with_max_times(if self.repeatable { AGAIN } else { 0 })
            .with_jitter();
        // Whether an attempt may have done its work: a later one that was refused does not undo that.
        let reached = AtomicBool::new(false);
        let attempt = async || {
            let tried = self.attempt().await;
            if tried.as_ref().is_err_and(|failure| failure.error.effect() == Effect::Unknown) {
                reached.store(true, Ordering::Relaxed);
            }
            tried
        };
        let sent = attempt
            .retry(policy)
            .when(|failure: &Failure| failure.again)
            .adjust(|failure: &Failure, delay| Some(delay?.max(failure.error.retry_after().unwrap_or_default())))
            .await;
        sent.map_err(
            |Failure { error, .. }| {
                if reached.load(Ordering::Relaxed) { error.with_effect(Effect::Unknown) } else { error }
            },
        )
    }

    async fn attempt(&self) -> Result<Answer, Failure> {
        let final_error = |error| Failure { error, again: false };
        let permit = self.endpoint.budget.admit(&self.who).await.map_err(final_error)?;
        let host = self.endpoint.host();
        let answer = match self.exchange().await {
            Ok(answer) => answer,
            Err(failure) => {
                tracing::debug!(host, method = ?self.method, error = %failure.error, "no answer");
                return Err(failure);
            }
        };
        drop(permit);
        tracing::debug!(host, method = ?self.method, status = answer.status, "answered");
        if let Some(wait) = failure::pause(&answer) {
            self.endpoint.budget.block(&self.who, wait);
        }
        if (200..300).contains(&answer.status) || self.accepted.contains(&answer.status) {
            return Ok(answer);
        }
        let error = failure::of_status(&answer, host, (self.endpoint.explain)(&answer));
        if let (ErrorKind::RateLimited, Some(wait)) = (error.kind(), error.retry_after()) {
            self.endpoint.budget.block(&self.who, wait);
        }
        let again = matches!(error.kind(), ErrorKind::RateLimited | ErrorKind::Unavailable)
            && error.retry_after().is_none_or(|wait| wait <= SHORT);
        Err(Failure { error, again })
    }

    /// One request and its answer, whatever that is.
    async fn exchange(&self) -> Result<Answer, Failure> {
        let inner = &self.endpoint.http.inner;
        let lost = |error: reqwest::Error| {
            // One that ran out of time would only take as long again.
            let again = !error.is_timeout() && !error.is_builder();
            Failure { error: failure::of_transport(&error, self.endpoint.host(), self.writes, &self.secrets), again }
        };
        let method = match self.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let mut request = inner.client.request(method, self.url.clone()).headers(self.headers.clone());
        if let Some(body) = &self.body {
            request = request.body(body.clone());
        }
        let mut response = request.send().await.map_err(lost)?;
        let (status, headers) = (response.status().as_u16(), copied(response.headers()));
        let mut answer =
            Answer { status, headers, body: Zeroizing::default(), secrets: self.secrets.clone(), writes: self.writes };
        let mut read = None;
        let ended = loop {
            match response.chunk().await {
                Ok(Some(chunk)) if answer.body.len() + chunk.len() <= inner.body_limit => {
                    append(&mut answer.body, &chunk);
                    read.replace(chunk).into_iter().for_each(wipe);
                }
                Ok(Some(_)) => break Err(Failure { error: self.too_large(), again: false }),
                Ok(None) => break Ok(answer),
                // A refusal counts, even if its reasons were cut off.
                Err(_) if (300..500).contains(&status) => break Ok(answer),
                Err(error) => break Err(lost(error)),
            }
        };
        // Nobody else looks at what was read from here on, so that it can be wiped.
        drop(response);
        read.into_iter().for_each(wipe);
        ended
    }

    fn too_large(&self) -> Error {
        let effect = if self.writes { Effect::Unknown } else { Effect::None };
        let text = format!(
            "the answer of {} is larger than {} bytes: see what really answers there, or raise `body_limit`",
            self.endpoint.host(),
            self.endpoint.http.inner.body_limit
        );
        Error::new(ErrorKind::Protocol, text).with_effect(effect)
    }
}

/// Headers that share nothing with what was read: a body in the same buffer could not be wiped while they live.
fn copied(headers: &HeaderMap) -> HeaderMap {
    let copy = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).ok();
    headers.iter().filter_map(|(name, value)| Some((name.clone(), copy(value)?))).collect()
}

/// Wipes a part of a body as it was read, where the transport has let go of it.
fn wipe(chunk: Bytes) {
    if let Ok(mut chunk) = chunk.try_into_mut() {
        chunk.zeroize();
    }
}

/// Appends without leaving an unwiped copy behind when the buffer grows.
fn append(body: &mut Zeroizing<Vec<u8>>, chunk: &[u8]) {
    if body.capacity() - body.len() < chunk.len() {
        let mut larger = Vec::with_capacity((body.len() + chunk.len()).next_power_of_two().max(4096));
        larger.extend_from_slice(body);
        let mut old = std::mem::replace(&mut **body, larger);
        old.zeroize();
    }
    body.extend_from_slice(chunk);
}
