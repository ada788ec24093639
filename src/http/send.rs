//! Sends a request: under the budget, once, or again where that is allowed.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderValue};
use zeroize::{Zeroize, Zeroizing};

use super::budget::{Admission, SHORT};
use super::call::{Call, Method};
use super::{Answer, failure};
use crate::error::{Effect, Error, ErrorKind, Result};

/// How often a request is sent again that may be.
const AGAIN: usize = 2;

/// A failed attempt.
struct Failure {
    error: Error,
    /// Whether it was sent at all.
    sent: bool,
    /// Whether another may help.
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
        sent.map_err(|Failure { error, sent, .. }| match (reached.load(Ordering::Relaxed), sent) {
            (false, _) => error,
            (true, true) => error.with_effect(Effect::Unknown),
            (true, false) => {
                let text = format!("it was sent and may have arrived, and could not be sent again, as {error}");
                let wait = error.retry_after();
                let error = Error::new(error.kind(), text).with_effect(Effect::Unknown);
                wait.into_iter().fold(error, Error::with_retry_after)
            }
        })
    }

    async fn attempt(&self) -> Result<Answer, Failure> {
        let unsent = |error| Failure { error, sent: false, again: false };
        let admission = self.endpoint.budget.admit(&self.who, self.work).await.map_err(unsent)?;
        let host = self.endpoint.host();
        let answer = match self.exchange(&admission).await {
            Ok(answer) => answer,
            Err(failure) => {
                tracing::debug!(host, method = ?self.method, error = %failure.error, "no answer");
                return Err(failure);
            }
        };
        tracing::debug!(host, method = ?self.method, status = answer.status, "answered");
        if let Some(wait) = failure::pause(&answer) {
            admission.silence(wait);
        }
        if (200..300).contains(&answer.status) || self.accepted.contains(&answer.status) {
            admission.weighed(false);
            return Ok(answer);
        }
        let error = failure::of_status(&answer, host, (self.endpoint.explain)(&answer));
        if let (ErrorKind::RateLimited, Some(wait)) = (error.kind(), error.retry_after()) {
            admission.silence(wait);
        }
        admission.weighed(error.kind() == ErrorKind::RateLimited);
        let again = matches!(error.kind(), ErrorKind::RateLimited | ErrorKind::Unavailable)
            && error.retry_after().is_none_or(|wait| wait <= SHORT);
        Err(Failure { error, sent: true, again })
    }

    /// One request and its answer, whatever that is.
    async fn exchange(&self, admission: &Admission) -> Result<Answer, Failure> {
        let inner = &self.endpoint.http.inner;
        let lost = |error: reqwest::Error| {
            // One that ran out of time would only take as long again.
            let again = !error.is_timeout() && !error.is_builder();
            let error = failure::of_transport(&error, self.endpoint.host(), self.writes, &self.secrets);
            Failure { error, sent: true, again }
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
        inner.sent.fetch_add(1, Ordering::Relaxed);
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => {
                if !error.is_builder() {
                    admission.failed();
                }
                return Err(lost(error));
            }
        };
        admission.answered();
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
                Ok(Some(_)) => break Err(Failure { error: self.too_large(), sent: true, again: false }),
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
