//! Revocations that are sent together: many tokens with one call.

use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

use super::api::Api;
use super::ending::is_offered;
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::token::Token;

/// So many values one call takes.
///
/// Source: "REST API endpoints for revocation" (GitHub documentation).
const MOST: usize = 1000;

/// Waits a while for others before it sends what it was asked to. It sends nothing that it was not asked for, and nothing
/// for whoever does not wait for the answer any more.
#[derive(Debug)]
pub(super) struct Batch {
    api: Api,
    wait: Duration,
    next: Arc<Mutex<Next>>,
}

/// The next call.
#[derive(Debug, Default)]
struct Next {
    asked: Vec<Asked>,
    /// Somebody lives who will send it.
    has_sender: bool,
}

/// To send the next call. Where its task ends without that, as with its runtime, whoever waits for it is told, and whoever
/// comes later sends.
#[derive(Debug)]
struct Sender {
    unsent: Option<Arc<Mutex<Next>>>,
}

/// What one caller wants ended, and where the answer goes: whether this GitHub has such an interface.
#[derive(Debug)]
struct Asked {
    tokens: Vec<Token>,
    answer: oneshot::Sender<Result<bool>>,
}

impl Batch {
    pub(super) fn new(api: &Api, wait: Duration) -> Self {
        Self { api: api.clone(), wait, next: Arc::default() }
    }

    /// Ends these with the next call, and waits for what came of it.
    pub(super) async fn report(&self, tokens: &[&Token]) -> Result<bool> {
        let (answer, answered) = oneshot::channel();
        let tokens = tokens.iter().copied().cloned().collect();
        if let Some(sender) = self.ask(Asked { tokens, answer }) {
            // In a task of its own: whoever came first may be the first to give up.
            let (api, wait) = (self.api.clone(), self.wait);
            tokio::spawn(async move {
                tokio::time::sleep(wait).await;
                for group in groups(sender.take()) {
                    send(&api, group).await;
                }
            });
        }
        answered.await.unwrap_or_else(|_| {
            let text = "the program ended while tokens were being revoked: look whether they live";
            Err(Error::new(ErrorKind::Unavailable, text).with_effect(Effect::Unknown))
        })
    }

    /// Adds it to the next call. Where nobody is to send that yet, the caller is.
    fn ask(&self, one: Asked) -> Option<Sender> {
        let mut next = lock(&self.next);
        next.asked.retain(|asked| !asked.answer.is_closed());
        next.asked.push(one);
        (!mem::replace(&mut next.has_sender, true)).then(|| Sender { unsent: Some(self.next.clone()) })
    }
}

impl Sender {
    /// All that was asked; what is asked from now on is for another call.
    fn take(mut self) -> Vec<Asked> {
        self.unsent.take().map(|next| mem::take(&mut *lock(&next)).asked).unwrap_or_default()
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        drop(self.unsent.take().map(|next| mem::take(&mut *lock(&next))));
    }
}

/// As much as one call takes each.
fn groups(asked: Vec<Asked>) -> Vec<Vec<Asked>> {
    let mut groups: Vec<Vec<Asked>> = Vec::new();
    let mut room = 0;
    for asked in asked {
        match groups.last_mut() {
            Some(group) if asked.tokens.len() <= room => {
                room -= asked.tokens.len();
                group.push(asked);
            }
            _ => {
                room = MOST.saturating_sub(asked.tokens.len());
                groups.push(vec![asked]);
            }
        }
    }
    groups
}

/// Sends a group, in halves where GitHub refuses it as a whole: one bad value must not keep the others alive.
async fn send(api: &Api, group: Vec<Asked>) {
    let mut groups = vec![(group, Effect::None)];
    while let Some((mut group, before)) = groups.pop() {
        group.retain(|asked| !asked.answer.is_closed());
        let tokens: Vec<&Token> = group.iter().flat_map(|asked| &asked.tokens).collect();
        if tokens.is_empty() {
            continue;
        }
        let sent = api.revoke(&tokens).await.map(|answer| is_offered(&answer));
        // What an earlier call of the same values may have done, a later refusal does not undo.
        let sent = sent.map_err(|error| if before == Effect::Unknown { error.with_effect(before) } else { error });
        match &sent {
            Err(error) if error.kind() == ErrorKind::InvalidInput && group.len() > 1 => {
                let second = group.split_off(group.len() / 2);
                groups.extend([(second, error.effect()), (group, error.effect())]);
            }
            _ => {
                for Asked { answer, .. } in group {
                    // Whoever gave up meanwhile looks by itself.
                    let _ = answer.send(sent.as_ref().copied().map_err(Error::shared));
                }
            }
        }
    }
}

fn lock(next: &Mutex<Next>) -> MutexGuard<'_, Next> {
    next.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_holds_no_more_than_it_takes_and_splits_no_callers_tokens() {
        let asked = |tokens: usize| Asked {
            tokens: (0..tokens).map(|_| Token::new("ghp_FAKE").unwrap()).collect(),
            answer: oneshot::channel().0,
        };
        let groups = groups((0..1201).map(|number| asked(1 + number % 2)).collect());
        let sizes: Vec<usize> = groups.iter().map(|group| group.iter().map(|asked| asked.tokens.len()).sum()).collect();
        assert_eq!(sizes, [1000, 801]);
        assert!(super::groups(Vec::new()).is_empty());
    }
}
