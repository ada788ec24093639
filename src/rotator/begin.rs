//! How a run begins, and when it may not.

use super::session::{self, Session};
use super::values;
use super::{Predecessor, Rotator, Run, another_open, engine, look};
use crate::error::{Error, ErrorKind, Result};
use crate::journal::Current;
use crate::name::RunId;
use crate::provider::{Candidate, Fate};
use crate::rotation::{Charter, Fact, OldPolicy, Place, Source, TokenRef};
use crate::token::Token;

impl Rotator {
    pub(super) async fn begin(
        &self,
        given: Option<Candidate>,
        predecessor: Predecessor,
        places: &[Place],
    ) -> Result<Run> {
        let session = Session::open(self.inner.clone()).await?;
        if let Some(state) = session.open_run() {
            let same = match (predecessor.value(), &given) {
                (Some(old), None) => state.charter().predecessor.fingerprint == Some(old.fingerprint()),
                (_, Some(given)) => state.charter().source == Source::Given(given.token.fingerprint()),
                // A run that brings a token somewhere replaces none.
                _ => state.charter().source == Source::Issue,
            };
            if same {
                return engine::resume(session).await;
            }
            session.close().await?;
            return Err(another_open());
        }
        // What a run needs is not held beside what it took to begin it.
        Box::pin(self.begin_with(session, given, predecessor, places)).await
    }

    /// The same, where no run is open.
    pub(super) async fn begin_with(
        &self,
        mut session: Session,
        given: Option<Candidate>,
        predecessor: Predecessor,
        places: &[Place],
    ) -> Result<Run> {
        let refused = match self.held_by_another(&predecessor, session.current()).await? {
            None => self.forgets(&session, &predecessor, given.as_ref().map(|given| &given.token)).await?,
            refused => refused,
        };
        let begun = match refused {
            Some(refused) => Err(refused),
            None => self.begin_in(&mut session, given, predecessor, places),
        };
        if let Err(error) = begun {
            session.close().await?;
            return Err(error);
        }
        engine::drive(session).await
    }

    /// Why the token of this predecessor may not be ended: another credential's consumers use it.
    pub(super) async fn held_by_another(
        &self,
        predecessor: &Predecessor,
        current: Option<&Current>,
    ) -> Result<Option<Error>> {
        let spared = !matches!(self.inner.policy.old, OldPolicy::Revoke { .. });
        let fingerprint = match predecessor {
            Predecessor::Held(token) | Predecessor::Renewable { token, .. } => Some(token.fingerprint()),
            Predecessor::Kept => current.map(|current| current.fingerprint),
            Predecessor::Known(_) | Predecessor::None => None,
        };
        let Some(fingerprint) = fingerprint else { return Ok(None) };
        if spared && self.inner.provider.capabilities().fate != Fate::Dies {
            return Ok(None);
        }
        Ok(self.inner.other_holder(fingerprint).await?.map(|other| {
            let text = format!(
                "the credential {other} uses this token too, and would be left without: keep the old token by the policy, or \
                 rotate that credential"
            );
            Error::new(ErrorKind::Refused, text).with_subject(self.inner.name.as_str())
        }))
    }

    pub(super) async fn forgets(
        &self,
        session: &Session,
        predecessor: &Predecessor,
        given: Option<&Token>,
    ) -> Result<Option<Error>> {
        let kept = session.value(&values::current()).await?;
        let refused = look::forgets(&self.inner, kept.as_ref(), predecessor, given).await;
        Ok(refused.map(|error| error.with_subject(self.inner.name.as_str())))
    }

    pub(super) fn begin_in(
        &self,
        session: &mut Session,
        given: Option<Candidate>,
        predecessor: Predecessor,
        places: &[Place],
    ) -> Result<()> {
        let (predecessor, newer) = predecessor.or_kept(session.current());
        let kept_companion = newer.is_some() || session.has(&values::current_companion());
        let old = predecessor.known_of(session.current(), kept_companion)?;
        if given.as_ref().is_some_and(|given| old.fingerprint == Some(given.token.fingerprint())) {
            return Err(Error::new(ErrorKind::InvalidInput, "the new token is the old one: hand in the new one"));
        }
        let source = given.as_ref().map_or(Source::Issue, |given| Source::Given(given.token.fingerprint()));
        let mut charter = self.charter(places)?.with_predecessor(old).with_source(source);
        if let Some(given) = &given {
            charter = charter.with_source_known_as(given.id.clone(), given.companion.is_some());
        }
        session.note(Fact::Begun(Box::new(charter)))?;
        match predecessor {
            Predecessor::Held(token) => session.keep_pair(&TokenRef::Old, token, None)?,
            Predecessor::Renewable { token, companion } => {
                session.keep_pair(&TokenRef::Old, token, Some(companion))?;
            }
            Predecessor::Kept | Predecessor::Known(_) | Predecessor::None => {}
        }
        if let Some(newer) = newer {
            session.keep(values::current_companion(), newer);
        }
        match given {
            Some(given) => session.keep_pair(&TokenRef::New(0), given.token, given.companion),
            None => Ok(()),
        }
    }

    pub(super) fn charter(&self, places: &[Place]) -> Result<Charter> {
        let can = self.inner.provider.capabilities();
        let charter = Charter::new(RunId::random()?, self.inner.name.clone(), self.inner.provider.name(), can)
            .with_on_failure(self.inner.on_failure())
            .with_old(self.inner.policy.old);
        Ok(places.iter().cloned().fold(charter, Charter::with_place))
    }

    pub(super) async fn open_at(&self, run: &RunId) -> Result<Session> {
        Self::at(Session::open(self.inner.clone()).await?, run).await
    }

    /// The session, if this run is its open one.
    pub(super) async fn at(session: Session, run: &RunId) -> Result<Session> {
        let found = match session.open_run() {
            Some(state) => session::same_run(state, run),
            None => {
                Err(Error::new(ErrorKind::NotFound, "no run of this credential is open: it is over, or never began"))
            }
        };
        match found {
            Ok(()) => Ok(session),
            Err(error) => {
                session.close().await?;
                Err(error)
            }
        }
    }
}
