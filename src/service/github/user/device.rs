//! The device flow: a person enters a code, and the app asks whether that was done.
//!
//! Source: RFC 8628 3.1 to 3.5; "Authorizing OAuth apps", device flow (GitHub documentation).

use std::time::Duration;

use super::super::login::{self, Answered, DeviceCode};
use super::ticket::{Asked, Ticket};
use super::{AppUserTokens, guide};
use crate::clock::Timestamp;
use crate::error::{Error, Result};
use crate::provider::{Issuance, IssueRequest, Request};
use crate::token::{Scope, Token};

/// By how much polls slow down, in seconds: RFC 8628 3.5.
const SLOWER: u64 = 5;

/// Asks for a code, and a person to enter it.
pub(super) async fn issue(tokens: &AppUserTokens, request: &IssueRequest<'_>) -> Result<Issuance> {
    let scopes: Vec<&str> = request.scopes.iter().map(Scope::as_str).collect();
    let scopes = scopes.join(" ");
    // By what was the time before it was asked for, a code has never more time here than at GitHub.
    let now = tokens.clock.now();
    let code = tokens.login.device_code(&tokens.client_id, &scopes).await?;
    let account = request.owner.map(str::to_owned).or_else(|| tokens.account.clone());
    let until = now.plus(tokens.asking_for);
    pending(tokens, &ticket(code, now, Wish { until, scopes, account, interval: 0 }), Request::Another)
}

/// Asks whether the person has entered it. Where the code counts no more, there is another while the person is asked.
pub(super) async fn collect(tokens: &AppUserTokens, ticket: &Token) -> Result<Issuance> {
    let mut ticket = Ticket::opened(ticket)?;
    let pause = Duration::from_secs(ticket.asked.interval);
    let patient = |error: Error| {
        let unsaid = error.is_transient() && error.retry_after().is_none();
        // Sooner than after the interval would be too soon, whatever the failure; after a timeout it must be slower than that.
        if unsaid { error.with_retry_after(pause.saturating_mul(2)) } else { error }
    };
    match tokens.login.poll(&tokens.client_id, &ticket.device_code).await.map_err(patient)? {
        Answered::Made(made) => Ok(Issuance::Minted(tokens.born(made))),
        Answered::Refused { code, interval } => match code.as_str() {
            "authorization_pending" => pending(tokens, &ticket, Request::Open),
            "slow_down" => {
                let slower = ticket.asked.interval.saturating_add(SLOWER);
                ticket.asked.interval = interval.unwrap_or_default().max(slower);
                pending(tokens, &ticket, Request::Unsaid)
            }
            // GitHub's documentation has the one word in its table and the other in its text. What it says of a code that was
            // used up is not documented: one that has time left is not taken for one that nobody entered.
            "expired_token" | "token_expired" => {
                let now = tokens.clock.now();
                if now < ticket.asked.ends {
                    return Err(login::used_up());
                }
                if now < ticket.asked.until {
                    return again(tokens, ticket.asked).await.map_err(patient);
                }
                Err(login::refused(&code))
            }
            code => Err(login::refused(code)),
        },
    }
}

/// Another code for what was asked. The pace stays: it was too fast for this GitHub once.
async fn again(tokens: &AppUserTokens, asked: Asked) -> Result<Issuance> {
    let Asked { interval, until, scopes, account, .. } = asked;
    let now = tokens.clock.now();
    let code = tokens.login.device_code(&tokens.client_id, &scopes).await?;
    pending(tokens, &ticket(code, now, Wish { until, scopes, account, interval }), Request::Another)
}

/// What is asked, whichever code it is asked with.
struct Wish {
    until: Timestamp,
    scopes: String,
    account: Option<String>,
    interval: u64,
}

fn ticket(code: DeviceCode, now: Timestamp, wish: Wish) -> Ticket {
    let DeviceCode { secret: device_code, user_code, life, interval } = code;
    let Wish { until, scopes, account, interval: slowest } = wish;
    let (interval, ends) = (interval.max(slowest).max(1), now.plus(Duration::from_secs(life)));
    Ticket { device_code, asked: Asked { user_code, interval, ends, until, scopes, account } }
}

fn pending(tokens: &AppUserTokens, ticket: &Ticket, request: Request) -> Result<Issuance> {
    let asked = &ticket.asked;
    let next = tokens.clock.now().plus(Duration::from_secs(asked.interval));
    Ok(Issuance::Pending {
        guide: guide::agree(&tokens.addresses, &tokens.client_id, asked),
        ticket: ticket.sealed()?,
        // However slow: that nobody agreed in time is found when the time is over.
        poll_after: next.min(asked.until),
        until: asked.until,
        request,
    })
}
