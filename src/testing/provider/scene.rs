//! A source, its provider, and calls that cannot hang.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::super::law::{Exception, NotApplicable, Ruling, demand, in_time, violated};
use super::Stage;
use super::source::{Person, Source, Terms};
use crate::error::{self, Error, ErrorKind};
use crate::guide::Guide;
use crate::name::{CredentialName, Label, TokenId};
use crate::provider::{Candidate, Issuance, IssueRequest, Issuer, Provider, ProviderCapabilities, Revocation};
use crate::token::{Grant, Reason, RetiredToken, Token};

type Result<T> = std::result::Result<T, Exception>;

/// How often a provider is asked again that does not say yet what it must come to say.
const PATIENCE: usize = 10;

pub(super) struct Scene {
    pub(super) source: Box<dyn Source>,
    pub(super) provider: Arc<dyn Provider>,
    pub(super) current: Candidate,
    pub(super) terms: Terms,
    made: AtomicU32,
}

/// A token that was just made, and under which label.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) candidate: Candidate,
    pub(super) label: Label,
}

impl Made {
    pub(super) fn token(&self) -> &Token {
        &self.candidate.token
    }

    /// As the engine hands it back to be ended.
    pub(super) fn retired(&self) -> RetiredToken {
        RetiredToken::new(
            Some(self.token().clone()),
            Some(self.token().fingerprint()),
            self.candidate.id.clone(),
            Some(self.label.clone()),
            Reason::Superseded,
        )
        .with_companion(self.candidate.companion.clone())
    }
}

/// From which tokens another is made, and after what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Basis<'a> {
    pub(super) current: Option<&'a Token>,
    pub(super) companion: Option<&'a Token>,
    pub(super) after_a_lost_answer: bool,
}

impl<'a> Basis<'a> {
    pub(super) fn token(candidate: &'a Candidate) -> Self {
        Self { current: Some(&candidate.token), companion: candidate.companion.as_ref(), after_a_lost_answer: false }
    }
}

impl Scene {
    pub(super) async fn open(stage: &Stage) -> Result<Self> {
        let source = stage.raise().await?;
        let (provider, current, terms) = (source.provider(), source.current(), source.terms());
        if let Ok(lives) = source.lives(&current.token).await {
            demand(lives, || "the source's current token must live at first".to_owned())?;
        }
        Ok(Self { source, provider, current, terms, made: AtomicU32::new(0) })
    }

    /// What the next provider is handed out for: a connection that was made after something changed.
    pub(super) fn reconnect(&mut self) {
        self.provider = self.source.provider();
    }

    pub(super) fn can(&self) -> ProviderCapabilities {
        self.provider.capabilities()
    }

    pub(super) fn label(&self) -> Result<Label> {
        let number = self.made.fetch_add(1, Ordering::Relaxed) + 1;
        named(&format!("tokenturn-0a1b2c3d4e5f6a7b-{number}"))
    }

    /// Asks for a token under this label, whatever comes of it.
    pub(super) async fn try_ask(&self, label: &Label, from: Basis<'_>) -> Result<error::Result<Issuance>> {
        let name = CredentialName::new("conformance").or_else(|error| violated(error.to_string()))?;
        let Terms { scopes, lifetime, owner } = &self.terms;
        let request = IssueRequest::new(&name, label, scopes)
            .with_lifetime(*lifetime)
            .with_owner(owner.as_deref())
            .with_current(from.current, from.companion)
            .after_a_lost_answer(from.after_a_lost_answer);
        in_time("issue", self.provider.issue(&request)).await
    }

    /// Has a token made under this label, with what a person does for it, whatever comes of it.
    pub(super) async fn try_make(&self, label: Label, from: Basis<'_>) -> Result<error::Result<Made>> {
        let candidate = match self.try_ask(&label, from).await? {
            Ok(Issuance::Minted(candidate)) => Ok(candidate),
            Ok(Issuance::Guided(guide)) => match self.source.follow(&guide, Person::Careful).await? {
                Some(token) => Ok(Candidate::new(token)),
                None => return violated("the person agreed to a guide that asks for a paste: answer `Pending`"),
            },
            Ok(Issuance::Pending { guide, ticket, .. }) => {
                self.source.follow(&guide, Person::Careful).await?;
                match in_time("collect", self.provider.collect(&ticket)).await? {
                    Ok(Issuance::Minted(candidate)) => Ok(candidate),
                    Ok(_) => return violated("the person agreed, and `collect` gives no token: answer `Minted`"),
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        };
        Ok(candidate.map(|candidate| Made { candidate, label }))
    }

    /// Has a token made from the current one, whatever comes of it.
    pub(super) async fn try_issue(&self) -> Result<error::Result<Made>> {
        self.try_make(self.label()?, Basis::token(&self.current)).await
    }

    /// Has a token made, with nothing in the way.
    pub(super) async fn issue(&self) -> Result<Made> {
        let made = self.try_issue().await?;
        made.or_else(|error| violated(format!("`issue` fails with nothing in its way: {error}")))
    }

    /// The error of asking for a token where something is in the way, or nothing where one was made all the same.
    pub(super) async fn stumble(&self) -> Result<Option<Error>> {
        match self.try_issue().await? {
            Err(error) => Ok(Some(error)),
            Ok(made) => self.is_alive(made.token(), "`issue` answered with a token").await.map(|()| None),
        }
    }

    pub(super) async fn try_inspect(&self, token: &Token) -> Result<error::Result<Grant>> {
        in_time("inspect", self.provider.inspect(token)).await
    }

    /// Looks at a live token, with nothing in the way.
    pub(super) async fn inspect(&self, token: &Token) -> Result<Grant> {
        let grant = self.try_inspect(token).await?;
        grant.or_else(|error| violated(format!("`inspect` fails for a live token with nothing in its way: {error}")))
    }

    /// Ends a token, with what a person does for it, whatever comes of it.
    pub(super) async fn try_revoke(&self, token: &RetiredToken) -> Result<error::Result<()>> {
        Ok(match in_time("revoke", self.provider.revoke(token)).await? {
            Ok(Revocation::Done) => Ok(()),
            Ok(Revocation::Accepted { .. }) => {
                self.source.settle().await;
                Ok(())
            }
            Ok(Revocation::Guided(guide)) => {
                self.source.delete(&guide).await?;
                Ok(())
            }
            Err(error) => Err(error),
        })
    }

    /// Ends a token, with nothing in the way.
    pub(super) async fn revoke(&self, token: &RetiredToken, when: &str) -> Ruling {
        let ended = self.try_revoke(token).await?;
        ended.or_else(|error| violated(format!("{when}, `revoke` fails with nothing in its way: {error}")))
    }

    /// Somebody else ends it.
    pub(super) async fn kill(&self, token: &Candidate) -> Ruling {
        Ok(self.source.kill(token).await?)
    }

    pub(super) async fn living(&self) -> Result<usize> {
        Ok(self.source.living().await?)
    }

    /// Demands that it lives, where anybody can see that.
    pub(super) async fn is_alive(&self, token: &Token, when: &str) -> Ruling {
        match self.source.lives(token).await {
            Ok(lives) => demand(lives, || format!("{when}, and the token does not live")),
            Err(_) => Ok(()),
        }
    }

    /// Demands that the provider comes to say that it does not know this token, and that this is so.
    pub(super) async fn is_dead(&self, token: &Token, when: &str) -> Ruling {
        let mut asked = 0;
        loop {
            asked += 1;
            match self.try_inspect(token).await? {
                Err(error) if error.kind() == ErrorKind::Unauthenticated => break,
                Ok(_) if asked == PATIENCE => {
                    return violated(format!("{when}, and `inspect` still takes the token: end it"));
                }
                Err(error) if !error.is_transient() || asked == PATIENCE => {
                    return violated(format!(
                        "{when}, and `inspect` says {:?} of the token, which must be Unauthenticated: {error}",
                        error.kind()
                    ));
                }
                _ => self.source.settle().await,
            }
        }
        match self.source.lives(token).await {
            Ok(lives) => demand(!lives, || format!("{when}, and `inspect` calls it unknown, and the token lives")),
            Err(_) => Ok(()),
        }
    }
}

/// A token of which nothing but its id is known, as the engine hands an orphan in to be ended.
pub(super) fn by_id(id: &TokenId) -> RetiredToken {
    RetiredToken::new(None, None, Some(id.clone()), None, Reason::Orphan)
}

pub(super) fn named(label: &str) -> Result<Label> {
    Label::new(label).or_else(|error| violated(error.to_string()))
}

/// Whether a person makes the tokens by a guide.
pub(super) fn by_person(can: &ProviderCapabilities) -> Ruling {
    if can.issuer == Issuer::Person { Ok(()) } else { Err(NotApplicable::because("no person makes its tokens").into()) }
}

/// All that a guide says.
pub(super) fn text(guide: &Guide) -> String {
    guide.to_string()
}
