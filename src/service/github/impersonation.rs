//! Tokens by which a site administrator acts as a user of an Enterprise Server.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::api::{Api, User, own_key};
use super::personal::unsupported;
use super::{Addresses, grant, is_resident};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::http::{Answer, Authorization, Http, Method};
use crate::name::{Label, TokenId};
use crate::provider::{
    Candidate, EndedBy, Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, ProviderTrips,
    Revocation,
};
use crate::service::gate;
use crate::service::sparing::Sparing;
use crate::token::{Format, Grant, RetiredToken, Scope, ScopeModel, ScopeSet, Token};

/// No request is under way for longer: what is looked at after that is not changed by a late one any more.
const LATE: Duration = Duration::from_mins(2);

/// Puts [`ImpersonationTokens`] together.
#[derive(Debug)]
#[must_use]
pub struct ImpersonationTokensBuilder {
    http: Http,
    server: Url,
    username: String,
    key: SecretString,
}

impl ImpersonationTokensBuilder {
    pub(super) fn new(http: &Http, server: Url, username: String, key: SecretString) -> Self {
        Self { http: http.clone(), server, username, key }
    }

    /// The provider.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for an address without TLS, or of a GitHub that is no Enterprise Server;
    /// [`ErrorKind::InvalidInput`] for a user name or a key that cannot be one.
    pub fn build(self) -> Result<ImpersonationTokens> {
        if self.username.is_empty() {
            return Err(Error::new(ErrorKind::InvalidInput, "the user name is empty: name the user to act as"));
        }
        if is_resident(self.server.host_str().unwrap_or_default()) {
            let text = "a GitHub with data residency makes no impersonation tokens: only Enterprise Server does";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        let addresses = Addresses::server(&self.server)?;
        Ok(ImpersonationTokens {
            name: format!("impersonation tokens of {} of {}", self.username, addresses.name()),
            api: Api::new(&self.http, addresses.api.clone())?,
            key: Authorization::bearer(&Token::new(self.key.expose_secret())?)?,
            username: self.username,
            addresses,
            sparing: Sparing::default(),
            asked_in_vain: AtomicBool::new(false),
        })
    }
}

/// The token by which a site administrator acts as a user of an Enterprise Server, as a [`Provider`]. Made by
/// [`GitHub::impersonation`](super::GitHub::impersonation).
///
/// There is one such token for a user. Asking for one (`POST /admin/users/{username}/authorizations`, scope `site_admin`)
/// makes it (201), or hands out the one that lives (200), so a new one is to be had only once the old one was deleted: it dies
/// before its successor is born, and every place is down until it was updated. This is how that is done:
///
/// - The token in hand is looked at before anything is sent: one of another kind or user makes nothing happen.
/// - Nothing is deleted before the server has shown that the token in hand is the one that it would hand out. A token that
///   somebody else has made since, or keeps elsewhere, is left alone.
/// - Then it is deleted (`DELETE` of the same path), and the next is asked for. What the server hands out then must be new to
///   it (201): a token that it had already counts as none of ours.
/// - When the answer is lost after the deletion, what was asked for in vain is handed out to whoever asks again: nothing is
///   lost. That holds for the run that saw the old token alive and lost an answer; any other token that lives already is
///   refused, as it may be in use.
///
/// Let nobody else ask for this user's token, or there will be two who each end the other's.
///
/// The path knows no single token: what is deleted there is all of that user's impersonation. So a token is ended only where
/// it is the one that the server would hand out. To see that, it is asked for, as nothing that only reads tells it. That is
/// done for a token alone that lives, is this user's and an OAuth app's; should the user have had none, what was made so has no
/// scopes and is deleted at once. Where that answer is lost, it may live on until the next revocation by the same process
/// finds it, or a person deletes it.
///
/// A look at a token is `GET /user`, which needs no scope. Dead ones are looked at sparingly: GitHub locks an account after
/// several refused logins.
///
/// Sources: "REST API endpoints for enterprise administration", users (GitHub Enterprise Server documentation, 3.19). It does
/// not say whether the value is in an answer that hands out a token that lives: where it is not, the last eight characters
/// that the answer has are compared, and a lost token cannot be had again: a person deletes it then.
#[derive(Debug)]
pub struct ImpersonationTokens {
    name: String,
    api: Api,
    key: Authorization,
    username: String,
    addresses: Addresses,
    sparing: Sparing,
    /// Whether a revocation may have made a token, to see which one lives, and nobody saw it deleted.
    asked_in_vain: AtomicBool,
}

/// What matters of the answer, and nothing that could be malformed. The value is not copied out of it.
#[derive(Deserialize)]
struct Handed<'a> {
    #[serde(borrow)]
    token: Cow<'a, str>,
}

/// All the rest of the answer.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Rest {
    id: Value,
    token_last_eight: Value,
    scopes: Value,
}

#[derive(Serialize)]
struct Wish<'a> {
    scopes: Vec<&'a str>,
}

/// What the server handed out.
enum Handout {
    /// It was made for this request.
    New(Candidate),
    /// It lived before. A bare one has no scopes at all.
    Standing { token: Option<Candidate>, last_eight: Option<String>, bare: bool },
}

/// What a token shows of itself.
enum Seen {
    Dead,
    /// It lives, and is of another kind, or of another user.
    Foreign,
    /// It lives, and may be the user's impersonation token.
    Fitting,
}

impl Handout {
    /// Whether this token was handed out.
    fn is(&self, value: &Token) -> bool {
        match self {
            Self::New(candidate) | Self::Standing { token: Some(candidate), .. } => candidate.token == *value,
            Self::Standing { last_eight: Some(last), .. } => last.len() == 8 && value.expose().ends_with(last.as_str()),
            Self::Standing { .. } => false,
        }
    }
}

impl ImpersonationTokens {
    fn path(&self) -> [&str; 4] {
        ["admin", "users", &self.username, "authorizations"]
    }

    /// The user's token: the one that lives, or one that is made. Never sent twice, or nobody could say which.
    async fn handed_out(&self, scopes: &ScopeSet) -> Result<Handout> {
        let wish = Wish { scopes: scopes.iter().map(Scope::as_str).collect() };
        let call = self.api.call(Method::Post, &self.path()).authorized(&self.key).json(&wish).accepting(&[404]);
        let answer = call.send().await.map_err(refused_key)?;
        match answer.status() {
            404 => Err(self.no_user(&answer)),
            201 => {
                Ok(Handout::New(candidate(&answer).ok_or_else(|| answer.not_understood("there is no token in it"))?))
            }
            200 => {
                let rest: Rest = serde_json::from_slice(answer.body()).unwrap_or_default();
                let last_eight = rest.token_last_eight.as_str().map(str::to_owned);
                let bare = rest.scopes.as_array().is_some_and(Vec::is_empty);
                Ok(Handout::Standing { token: candidate(&answer), last_eight, bare })
            }
            _ => Err(answer.not_understood("it does not say whether the token is a new one")),
        }
    }

    /// Ends the user's token, whichever it is, and says whether there was one. Not that there is none left, where it says no: a
    /// server that hides the path gives the same answer. Never sent twice: one that arrives late would end the next token.
    async fn deleted(&self) -> Result<bool> {
        let call = self.api.call(Method::Delete, &self.path()).authorized(&self.key).accepting(&[404]);
        let answer = call.send().await.map_err(refused_key)?;
        Ok(answer.status() != 404)
    }

    async fn look(&self, token: &Token) -> Result<(Grant, bool)> {
        let look = self.api.user(token, &self.username);
        let answer = self.sparing.look(self.api.endpoint(), &self.username, token.fingerprint(), look).await?;
        let user: User = answer.json()?;
        let of_an_app = match token.format() {
            Some(Format::GitHubOAuth) => true,
            Some(Format::GitHubFineGrained | Format::GitHubAppUser | Format::GitHubInstallation) => false,
            // Servers have made them without a beginning of their own: the app that they are of tells them.
            _ => answer.header("x-oauth-client-id").is_some(),
        };
        let grant = grant::of_headers(&answer, token, &user.login, self.addresses.public);
        let fits = of_an_app && user.login.eq_ignore_ascii_case(&self.username);
        Ok((grant.with_kind("impersonation token").with_api(self.addresses.api.clone()), fits))
    }

    async fn seen(&self, token: &Token) -> Result<Seen> {
        match self.look(token).await {
            Ok((_, fits)) => Ok(if fits { Seen::Fitting } else { Seen::Foreign }),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(Seen::Dead),
            Err(error) => Err(error),
        }
    }

    fn no_user(&self, answer: &Answer) -> Error {
        let said = answer.words().map(|words| format!(" ({words})")).unwrap_or_default();
        let text = format!(
            "the server has no user {}, or hides the path from our own key{said}: correct the name, and see that the key is a \
             site administrator's with the scope `site_admin`",
            self.username
        );
        Error::new(ErrorKind::NotFound, text)
    }

    /// Replaces the token in hand.
    async fn replace(&self, current: &Token, request: &IssueRequest<'_>) -> Result<Candidate> {
        let scopes = request.scopes;
        // Asking may make one, so nothing is asked for a token that shows by itself that it is another.
        match self.seen(current).await? {
            Seen::Foreign => {
                let text = "the current token lives, and is no impersonation token of the user: hand in the right one, or begin \
                            without an old one";
                return Err(Error::new(ErrorKind::InvalidInput, text));
            }
            Seen::Dead => return self.first(request).await,
            Seen::Fitting => {}
        }
        match self.handed_out(scopes).await? {
            handout @ Handout::Standing { .. } if handout.is(current) => {}
            Handout::Standing { .. } => {
                let text = "the user has another impersonation token than the current one, which somebody else made or keeps: \
                            nothing was deleted; find who that is, or hand in the token that lives as the old one";
                return Err(Error::new(ErrorKind::Refused, text));
            }
            Handout::New(candidate) => return self.unexpected(current, candidate).await,
        }
        self.deleted().await?;
        // The old one is dead by now, whatever comes.
        match self.handed_out(scopes).await.map_err(|error| error.with_effect(Effect::Unknown))? {
            Handout::New(candidate) => Ok(candidate),
            handout @ Handout::Standing { .. } => {
                let text = if handout.is(current) {
                    "the old token was deleted, and the server hands it out all the same: see whether it is alive, and delete it \
                     there"
                } else {
                    "the old token was deleted, and somebody else has made another since, which is left alone: let nobody else \
                     ask for this user's token, and try again once that one is deleted"
                };
                Err(Error::new(ErrorKind::Refused, text).with_effect(Effect::Unknown))
            }
        }
    }

    /// Ends the token that the server has just handed out.
    async fn ended(&self, value: &Token) -> Result<Revocation> {
        match self.deleted().await {
            Ok(true) => Ok(Revocation::Done),
            Ok(false) => match self.seen(value).await? {
                Seen::Dead => Ok(Revocation::Done),
                Seen::Foreign | Seen::Fitting => {
                    let text = "the server says that the user has no token to delete, and has just handed this one out: see \
                                that our own key has the scope `site_admin`, or delete it at the server";
                    Err(Error::new(ErrorKind::NotFound, text))
                }
            },
            // Sent again, or followed by another run, it could end the next token when it arrives late.
            Err(error) if error.effect() == Effect::Unknown => Ok(Revocation::Accepted { look_after: LATE }),
            Err(error) => Err(error),
        }
    }

    /// There was no token of the user, though one was in hand: either that has just died, or it is something else.
    async fn unexpected(&self, current: &Token, made: Candidate) -> Result<Candidate> {
        match self.inspect(current).await {
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(made),
            seen => {
                // Only what was just made can be there to be deleted.
                let deleted = self.deleted().await.map_err(|error| error.with_effect(Effect::Unknown))?;
                let text = "the current token lives, and is no impersonation token of the user, who had none: hand in the right \
                            one, or begin without an old one";
                let error = seen.err().unwrap_or_else(|| Error::new(ErrorKind::InvalidInput, text));
                // It was made a moment ago: that there was nothing to delete does not show that it is gone.
                Err(if deleted { error } else { error.with_effect(Effect::Unknown) })
            }
        }
    }

    /// The first token, or the one that was made after the old one was deleted and whose answer was lost.
    async fn first(&self, request: &IssueRequest<'_>) -> Result<Candidate> {
        // The owner is known of a token that was seen alive; that it is dead, or not handed in any more, means that it has died
        // since.
        let seen_alive = request.owner.is_some_and(|owner| owner.eq_ignore_ascii_case(&self.username));
        let ours = seen_alive && request.after_a_lost_answer;
        match self.handed_out(request.scopes).await? {
            Handout::New(candidate) => Ok(candidate),
            Handout::Standing { token: Some(candidate), .. } if ours => Ok(candidate),
            Handout::Standing { .. } => {
                let text = "the user has a live impersonation token already, and it cannot be told who uses it: hand it in as \
                            the old one, or delete it at the server and try again";
                Err(Error::new(ErrorKind::Refused, text))
            }
        }
    }
}

#[async_trait]
impl Provider for ImpersonationTokens {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> ProviderCapabilities {
        ProviderCapabilities::new(Issuer::Api, Fate::Dies)
            .reissuing()
            .ended_by(EndedBy::Api)
            .keeping_names()
            .with_caution(
                "the server keeps one impersonation token for a user: the old one is deleted before the new one is made, and \
                 every place is down until it was updated",
            )
            .with_caution(
                "the deletion ends all impersonation of that user: let nobody else ask for this user's token",
            )
            .with_caution(
                "where the server hides the value of a token that lives, a new one whose answer was lost cannot be had again: a \
                 person deletes it then",
            )
            .with_caution(
                "to see which token the server keeps, a revocation asks for it: where that answer is lost, a token without \
                 scopes may be left",
            )
    }

    fn scopes(&self) -> ScopeModel {
        ScopeModel::GITHUB_CLASSIC
    }

    fn trips(&self) -> ProviderTrips {
        // The server keeps one for a user: the one before is looked for, ended and seen dead.
        ProviderTrips::new(1, 4, 1)
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        self.look(token).await.map(|(grant, _)| grant)
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        if request.scopes.is_empty() {
            let text = "no scope is asked for: say what the consumers need with `requires`";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        // Two at once would each end the other's.
        let gate = gate::before(format!("{}impersonation/{}", self.api.endpoint().base(), self.username));
        let _one_at_a_time = gate.lock().await;
        let candidate = match request.current {
            Some(current) => self.replace(current, request).await?,
            None => self.first(request).await?,
        };
        Ok(Issuance::Minted(candidate))
    }

    async fn collect(&self, _: &Token) -> Result<Issuance> {
        Err(unsupported("an impersonation token is made at once, never collected"))
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let Some(value) = token.value() else {
            return Err(unsupported(
                "an impersonation token is told from others by its value, which is not known: delete it at the server",
            ));
        };
        let elsewhere = |text: &'static str| Err(Error::new(ErrorKind::Unsupported, text));
        match self.seen(value).await? {
            Seen::Dead => return Ok(Revocation::Done),
            Seen::Foreign => {
                return elsewhere(
                    "the token lives, and is no impersonation token of this user: end it where it was made",
                );
            }
            Seen::Fitting => {}
        }
        let gate = gate::before(format!("{}impersonation/{}", self.api.endpoint().base(), self.username));
        let _one_at_a_time = gate.lock().await;
        let asked_before = self.asked_in_vain.load(Ordering::Relaxed);
        let handout = self.handed_out(&ScopeSet::new()).await.inspect_err(|error| {
            self.asked_in_vain.store(asked_before || error.effect() == Effect::Unknown, Ordering::Relaxed);
        })?;
        if handout.is(value) {
            return self.ended(value).await;
        }
        if let Handout::Standing { bare, .. } = handout
            && !(bare && asked_before)
        {
            return elsewhere(
                "the token lives, and is not the one that the server keeps for this user, which is left alone: end it where it \
                 was made",
            );
        }
        // What was made to see this, now or by a request whose answer was lost.
        self.asked_in_vain.store(true, Ordering::Relaxed);
        let deleted = self.deleted().await.map_err(|error| error.with_effect(Effect::Unknown))?;
        self.asked_in_vain.store(!deleted, Ordering::Relaxed);
        elsewhere("the token lives, and is no impersonation token of this user, who had none: end it where it was made")
    }

    async fn status(&self, _: &TokenId) -> Result<Liveness> {
        Err(unsupported("the server tells nothing of an impersonation token by its number"))
    }

    async fn find(&self, _: &Label) -> Result<Vec<TokenId>> {
        Err(unsupported("an impersonation token carries no label"))
    }
}

/// The token that was handed out, where its value is in the answer.
fn candidate(answer: &Answer) -> Option<Candidate> {
    let handed: Handed<'_> = serde_json::from_slice(answer.body()).ok()?;
    let rest: Rest = serde_json::from_slice(answer.body()).unwrap_or_default();
    let id = rest.id.as_u64().and_then(|id| TokenId::new(id.to_string()).ok());
    Some(Candidate::new(Token::new(&handed.token).ok()?).with_id(id))
}

fn refused_key(error: Error) -> Error {
    own_key(
        error,
        "GitHub does not take the site administrator's token: give one that lives, with the scope `site_admin`",
    )
}
