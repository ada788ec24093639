//! Tokens by which a site administrator acts as a user of an Enterprise Server.

use std::borrow::Cow;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::api::{Api, User, own_key};
use super::personal::unsupported;
use super::{Addresses, grant};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::http::{Answer, Authorization, Http, Method};
use crate::name::{Label, TokenId};
use crate::provider::{
    Candidate, EndedBy, Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, Revocation,
};
use crate::service::gate;
use crate::service::sparing::Sparing;
use crate::token::{Grant, RetiredToken, Scope, ScopeModel, ScopeSet, Token};

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
        let host = self.server.host_str().unwrap_or_default();
        if host == "ghe.com" || host.ends_with(".ghe.com") {
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
/// - Nothing is deleted before the server has shown that the token in hand is the one that it would hand out. A token that
///   somebody else has made since, or keeps elsewhere, is left alone.
/// - Then it is deleted (`DELETE` of the same path), and the next is asked for. What the server hands out then must be new to
///   it (201): a token that it had already counts as none of ours.
/// - When the answer is lost after the deletion, what was asked for in vain is handed out to whoever asks again: nothing is
///   lost. That holds for the run that saw the old token alive; without a predecessor a token that lives already is refused,
///   as it may be in use.
///
/// Let nobody else ask for this user's token, or there will be two who each end the other's.
///
/// The path knows no single token: what is deleted there is all of that user's impersonation. So a token is ended only where
/// it is the one that the server would hand out. To see that, it is asked for; should there have been none, what was made so
/// is deleted at once.
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
}

#[derive(Serialize)]
struct Wish<'a> {
    scopes: Vec<&'a str>,
}

/// What the server handed out.
enum Handout {
    /// It was made for this request.
    New(Candidate),
    /// It lived before.
    Standing { token: Option<Candidate>, last_eight: Option<String> },
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
            200 => Ok(Handout::Standing { token: candidate(&answer), last_eight: last_eight(&answer) }),
            _ => Err(answer.not_understood("it does not say whether the token is a new one")),
        }
    }

    /// Ends the user's token, whichever it is; none at all is fine. Never sent twice: one that arrives late would end the
    /// next token.
    async fn deleted(&self) -> Result<()> {
        let call = self.api.call(Method::Delete, &self.path()).authorized(&self.key).accepting(&[404]);
        call.send().await.map_err(refused_key).map(drop)
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
    async fn replace(&self, current: &Token, scopes: &ScopeSet) -> Result<Candidate> {
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

    /// There was no token of the user, though one was in hand: either that has just died, or it is something else.
    async fn unexpected(&self, current: &Token, made: Candidate) -> Result<Candidate> {
        match self.inspect(current).await {
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(made),
            seen => {
                // Only what was just made can be there to be deleted.
                self.deleted().await.map_err(|error| error.with_effect(Effect::Unknown))?;
                let text = "the current token lives, and is no impersonation token of the user, who had none: hand in the right \
                            one, or begin without an old one";
                Err(seen.err().unwrap_or_else(|| Error::new(ErrorKind::InvalidInput, text)))
            }
        }
    }

    /// The first token, or the one that was made after the old one was deleted and whose answer was lost.
    async fn first(&self, request: &IssueRequest<'_>) -> Result<Candidate> {
        // The owner is known of a token that was seen alive; that it is not handed in any more means that it has died since.
        let seen_alive = request.owner.is_some_and(|owner| owner.eq_ignore_ascii_case(&self.username));
        match self.handed_out(request.scopes).await? {
            Handout::New(candidate) => Ok(candidate),
            Handout::Standing { token: Some(candidate), .. } if seen_alive => Ok(candidate),
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
            .with_caution(
                "the server keeps one impersonation token for a user: the old one is deleted before the new one is made, and \
                 every place is down until it was updated",
            )
            .with_caution(
                "the deletion ends all impersonation of that user: let nobody else ask for this user's token",
            )
    }

    fn scopes(&self) -> ScopeModel {
        ScopeModel::GITHUB_CLASSIC
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        let look = self.api.user(token);
        let answer = self.sparing.look(self.api.endpoint(), &self.username, token.fingerprint(), look).await?;
        let user: User = answer.json()?;
        let grant = grant::of_headers(&answer, token, &user.login, self.addresses.public);
        Ok(grant.with_kind("impersonation token").with_api(self.addresses.api.clone()))
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
            Some(current) => self.replace(current, request.scopes).await?,
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
        match self.inspect(value).await {
            Err(error) if error.kind() == ErrorKind::Unauthenticated => return Ok(Revocation::Done),
            Err(error) => return Err(error),
            Ok(_) => {}
        }
        let gate = gate::before(format!("{}impersonation/{}", self.api.endpoint().base(), self.username));
        let _one_at_a_time = gate.lock().await;
        let handout = self.handed_out(&ScopeSet::new()).await?;
        if matches!(handout, Handout::Standing { .. }) && !handout.is(value) {
            let text = "the token lives, and is not the one that the server keeps for this user, which is left alone: end it \
                        where it was made";
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        self.deleted().await?;
        if handout.is(value) {
            return Ok(Revocation::Done);
        }
        let text =
            "the token lives, and is no impersonation token of this user, who had none: end it where it was made";
        Err(Error::new(ErrorKind::Unsupported, text))
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

fn last_eight(answer: &Answer) -> Option<String> {
    let rest: Rest = serde_json::from_slice(answer.body()).ok()?;
    rest.token_last_eight.as_str().map(str::to_owned)
}

fn refused_key(error: Error) -> Error {
    own_key(
        error,
        "GitHub does not take the site administrator's token: give one that lives, with the scope `site_admin`",
    )
}
