//! Providers that are broken on purpose: each law finds the one that breaks it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::provider::{
    Candidate, Fate, Issuance, IssueRequest, Issuer, Liveness, Provider, ProviderCapabilities, Revocation,
};
use tokenturn::testing::law::{Exception, NotApplicable};
use tokenturn::testing::provider::{LAWS, Law, MemorySource, Stage};
use tokenturn::{
    Access, Effect, Error, ErrorKind, Fingerprint, Grant, Guide, Label, Result, RetiredToken, ScopeModel, ScopeSet,
    Timestamp, Token, TokenId,
};

use super::flaws::Flaw::*;
use super::flaws::{CAUGHT, Flaw};
use crate::stages::providers::memory;

/// What the handles of one provider share.
#[derive(Default)]
struct Shared {
    handles: AtomicUsize,
    looks: AtomicI64,
    issued: AtomicUsize,
    revoked: Mutex<Vec<Fingerprint>>,
    labels: Mutex<BTreeMap<Label, TokenId>>,
    lost: AtomicBool,
    malformed: Arc<AtomicBool>,
    said: Mutex<String>,
}

struct Broken {
    flaw: Flaw,
    memory: MemoryProvider,
    name: String,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let said = if self.is(SaysItInItsDebug) { self.shared.said.lock().unwrap().clone() } else { String::new() };
        write!(f, "Broken({}{said})", self.name)
    }
}

fn repo() -> ScopeSet {
    ScopeSet::of(["repo"])
}

fn hex(token: &Token) -> String {
    token.expose().bytes().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02X}");
        hex
    })
}

fn failed(kind: ErrorKind) -> Error {
    Error::new(kind, "it went wrong: try again")
}

impl Broken {
    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    /// What its errors are like.
    fn worded(&self, error: Error, token: Option<&Token>) -> Error {
        let (kind, lost) = (error.kind(), error.effect() == Effect::Unknown);
        let other = |kind| failed(kind).with_effect(error.effect());
        match (self.flaw, token) {
            (TakesABanForDeath | TakesARefusedKeyForADeadToken, _) if kind == ErrorKind::PermissionDenied => {
                other(ErrorKind::Unauthenticated)
            }
            (CallsAnOutageDeath, _) if kind == ErrorKind::Unavailable => other(ErrorKind::Unauthenticated),
            (WaitsOutARefusedKey, _) if kind == ErrorKind::PermissionDenied => other(ErrorKind::Unavailable),
            (TakesAPauseForARefusal, _) if kind == ErrorKind::RateLimited => other(ErrorKind::PermissionDenied),
            (ForgetsTheWait, _) if kind == ErrorKind::RateLimited => other(kind),
            (TakesALostAnswerForARefusal | TakesALostRevocationForARefusal, _) if lost => {
                error.with_effect(Effect::None)
            }
            (GivesUpWhatWasLost | GivesUpWithoutAnAnswer, _) if kind == ErrorKind::Unavailable => {
                other(ErrorKind::Protocol)
            }
            (FearsTheWorstOfARefusal, _) => error.with_effect(Effect::Unknown),
            (SaysItInAnError, Some(token)) => {
                Error::new(kind, format!("refused: {}", hex(token))).with_effect(error.effect())
            }
            (QuotesWhatIsSaidBack, Some(token)) if kind == ErrorKind::InvalidInput => {
                Error::new(kind, format!("refused: {}", token.expose())).with_effect(error.effect())
            }
            _ => error,
        }
    }

    /// What it makes of an answer that never came.
    async fn waits<T>(&self, answer: &Result<T>) {
        if self.is(Hangs) && answer.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable) {
            std::future::pending::<()>().await;
        }
    }

    fn minted(&self, mut candidate: Candidate, request: &IssueRequest<'_>) -> Result<Candidate> {
        self.shared.issued.fetch_add(1, Ordering::Relaxed);
        if let Some(id) = &candidate.id {
            self.shared.labels.lock().unwrap().insert(request.label.clone(), id.clone());
        }
        match self.flaw {
            MintsADeadToken => self.memory.kill(&candidate.token),
            GivesTheOldOneBack => return Ok(Candidate::new(request.current.unwrap().clone())),
            GivesItToAnother => self.memory.amend(&candidate.token, |grant| "mallory".clone_into(&mut grant.owner)),
            EndsTheOneBefore => self.memory.kill(request.current.unwrap()),
            GivesNoId => candidate.id = None,
            ForgetsTheCompanion => candidate.companion = None,
            _ if self.shared.malformed.swap(false, Ordering::Relaxed) && self.is(LosesATokenInAMalformedAnswer) => {
                return Err(failed(ErrorKind::Protocol).with_effect(Effect::Unknown));
            }
            _ => {}
        }
        Ok(candidate)
    }
}

#[async_trait]
impl Provider for Broken {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> ProviderCapabilities {
        let mut can = self.memory.capabilities();
        match self.flaw {
            ClaimsToReplace => can.fate = Fate::Dies,
            ClaimsACap => can.fate = Fate::DiesBeyond(2),
            CountsALookAsUse => can.tells_last_use = true,
            ChangesItsClaims if self.shared.issued.load(Ordering::Relaxed) > 0 => can.reissues = !can.reissues,
            _ => {}
        }
        can
    }

    fn scopes(&self) -> ScopeModel {
        self.memory.scopes()
    }

    async fn inspect(&self, token: &Token) -> Result<Grant> {
        token.expose().clone_into(&mut self.shared.said.lock().unwrap());
        let look = self.shared.looks.fetch_add(1, Ordering::Relaxed);
        if self.is(CannotLook) {
            return Err(failed(ErrorKind::PermissionDenied));
        }
        let mut seen = self.memory.inspect(token).await;
        while self.is(LooksUntilItIsTaken)
            && seen.as_ref().is_err_and(|error| error.kind() != ErrorKind::Unauthenticated)
        {
            seen = self.memory.inspect(token).await;
        }
        self.waits(&seen).await;
        let mut grant = seen.map_err(|error| self.worded(error, Some(token)))?;
        match self.flaw {
            GivesAnothersGrant => {
                return Ok(Grant::of(&Token::new("memory-token-other")?, grant.owner).with_access(grant.access));
            }
            SpendsByLooking if look > 0 => self.memory.kill(token),
            MintsWhenItLooks => drop(self.memory.mint("build-bot", repo())),
            CountsALookAsUse => grant.last_used = Some(Timestamp::from_unix_seconds(look)),
            SaysItInAGrant => grant.kind = Some(token.expose().chars().rev().collect()),
            CallsAWrongTokenAnOutage if grant.owner != "build-bot" || grant.access != Access::Scopes(repo()) => {
                return Err(failed(ErrorKind::Unavailable));
            }
            PraisesEveryToken => {
                "build-bot".clone_into(&mut grant.owner);
                grant.access = Access::Scopes(repo());
            }
            _ => {}
        }
        Ok(grant)
    }

    async fn issue(&self, request: &IssueRequest<'_>) -> Result<Issuance> {
        if let (SaysItInALog, Some(token)) = (self.flaw, request.current) {
            let escaped = token.expose().bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
            tracing::trace!(body = %escaped, "sending");
        }
        let (nothing, mut asked) = (ScopeSet::new(), request.clone());
        match self.flaw {
            ForgetsTheScopes => asked.scopes = &nothing,
            ForgetsTheLife => asked.lifetime = None,
            IgnoresTheCompanion => asked.companion = None,
            NeedsTheCurrentOne if request.current.is_none() => return Err(failed(ErrorKind::InvalidInput)),
            GivesUpAfterALoss if self.shared.lost.load(Ordering::Relaxed) => return Err(failed(ErrorKind::Refused)),
            NamesNoToken => return Ok(Issuance::Guided(Guide::new("Make a token").with_step("name", "Choose one."))),
            _ => {}
        }
        let issued = self.memory.issue(&asked).await;
        self.waits(&issued).await;
        match issued {
            Ok(Issuance::Minted(candidate)) => self.minted(candidate, request).map(Issuance::Minted),
            Ok(Issuance::Guided(guide)) if self.is(SaysItInAGuide) => {
                let text = format!("The one before begins with {}.", request.current.unwrap().expose());
                Ok(Issuance::Guided(guide.with_step("hint", text)))
            }
            Err(error) if self.is(MintsAndRefuses) && error.effect() == Effect::None => {
                drop(self.memory.mint("build-bot", repo()));
                Err(error)
            }
            Err(error) if self.is(GivesUpAfterALoss) => {
                self.shared.lost.store(true, Ordering::Relaxed);
                Err(error)
            }
            Err(error) if self.is(KeepsQuietOfWhatItEnded) => {
                request.current.iter().for_each(|current| self.memory.kill(current));
                Err(error.with_effect(Effect::None))
            }
            other => other.map_err(|error| self.worded(error, request.current)),
        }
    }

    async fn collect(&self, ticket: &Token) -> Result<Issuance> {
        self.memory.collect(ticket).await
    }

    async fn revoke(&self, token: &RetiredToken) -> Result<Revocation> {
        let gone = token.value().is_some_and(|value| !self.memory.is_alive(value));
        let again = token.fingerprint().is_some_and(|print| self.shared.revoked.lock().unwrap().contains(&print));
        let newest = || self.memory.kill(&self.memory.newest().unwrap());
        match self.flaw {
            RevokesNothing => return Ok(Revocation::Done),
            CannotRevoke => return Err(failed(ErrorKind::PermissionDenied)),
            FailsTheSecondTime if again => return Err(failed(ErrorKind::NotFound)),
            MindsWhatIsGone if gone => return Err(failed(ErrorKind::NotFound)),
            RotatesWithTheDead if gone => newest(),
            IgnoresIds | EndsByIdsUnclaimed if token.value().is_none() => return Ok(Revocation::Done),
            EndsTheNewest if token.value().is_none() => newest(),
            StumblesForEver if self.shared.lost.load(Ordering::Relaxed) => return Err(failed(ErrorKind::Unavailable)),
            NamesNoRow => return Ok(Revocation::Guided(Guide::new("Delete the token"))),
            NamesNoSuccessor => {
                let row = format!("Delete the row {}.", token.label().unwrap());
                return Ok(Revocation::Guided(Guide::new("Delete a token").with_step("row", row)));
            }
            EndsTheOldOneToo => self.memory.kill(&Token::new("memory-token-00000001")?),
            _ => {}
        }
        self.shared.revoked.lock().unwrap().extend(token.fingerprint());
        let ended = self.memory.revoke(token).await;
        self.waits(&ended).await;
        self.shared.lost.fetch_or(ended.is_err(), Ordering::Relaxed);
        ended.map_err(|error| self.worded(error, token.value()))
    }

    async fn status(&self, id: &TokenId) -> Result<Liveness> {
        match self.flaw {
            CallsEveryIdAlive => Ok(Liveness::Alive),
            CallsEveryIdDead | AnswersWhatItDoesNotClaim => Ok(Liveness::Dead),
            _ => self.memory.status(id).await,
        }
    }

    async fn find(&self, label: &Label) -> Result<Vec<TokenId>> {
        let labels = self.shared.labels.lock().unwrap().clone();
        match self.flaw {
            FindsNothing | AnswersWhatItDoesNotClaim => Ok(Vec::new()),
            FindsTheDead => Ok(labels.get(label).cloned().into_iter().collect()),
            FindsWhatBeginsSo => {
                let begins = |(name, _): &(&Label, &TokenId)| name.as_str().starts_with(label.as_str());
                Ok(labels.iter().filter(begins).map(|(_, id)| id.clone()).collect())
            }
            _ => self.memory.find(label).await,
        }
    }
}

fn stage(flaw: Flaw) -> Stage {
    Stage::new(move || async move {
        let shared = Arc::new(Shared::default());
        let malformed = shared.malformed.clone();
        let broken = move |memory: MemoryProvider| -> Arc<dyn Provider> {
            let handle = shared.handles.fetch_add(1, Ordering::Relaxed);
            let name = if flaw == HasANameForEachHandle { format!("broken-{handle}") } else { "broken".to_owned() };
            Arc::new(Broken { flaw, memory, name, shared: shared.clone() })
        };
        Ok(flaw.source()?.with_answers(malformed).seen_as(broken))
    })
}

fn law(name: &str) -> Law {
    *LAWS.iter().find(|law| law.name == name).expect("a law of this name")
}

/// By a clock that is moved: one of them never answers.
#[tokio::test(start_paused = true)]
async fn each_flaw_is_caught_by_the_law_that_is_meant_for_it() {
    for (flaw, name) in CAUGHT {
        let ruling = law(name).judge(stage(*flaw)).await;
        // A line of the source that lost its continuation leaves a gap in the words.
        let told = matches!(&ruling, Err(Exception::Violated(text)) if text.len() > 20 && !text.contains("    "));
        assert!(told, "{flaw:?}: {name}: {ruling:?}");
    }
}

#[tokio::test]
async fn without_a_flaw_every_law_is_kept_by_one_provider_at_least() {
    let bases: [fn() -> Result<tokenturn::testing::provider::MemorySource>; 5] =
        [memory::replaced, memory::renewed, memory::capped, memory::guided, memory::polled];
    for law in LAWS {
        let mut rulings = vec![law.judge(stage(Nothing)).await];
        for base in bases {
            rulings.push(law.judge(Stage::new(move || async move { base() })).await);
        }
        assert!(!rulings.iter().any(|ruling| matches!(ruling, Err(Exception::Violated(_)))), "{law:?}: {rulings:?}");
        assert!(rulings.contains(&Ok(())), "nobody keeps {law:?}: {rulings:?}");
    }
}

#[tokio::test]
async fn a_law_of_which_a_part_cannot_be_played_is_not_called_kept() {
    // A person makes these, so that no answer with one in it can be lost.
    let stage = Stage::new(|| async {
        MemorySource::of(|memory| memory.with_capabilities(ProviderCapabilities::new(Issuer::Person, Fate::Dies)))
    });
    let ruling = law("nothing_done_with_a_replaced_token_harms_its_successor").judge(stage).await;
    assert_eq!(ruling, Err(NotApplicable::because("a person makes its tokens").into()));
}

#[test]
fn every_law_can_be_broken() {
    for law in LAWS {
        assert!(CAUGHT.iter().any(|(_, name)| *name == law.name), "nothing here breaks {law:?}");
    }
}
