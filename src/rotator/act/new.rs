//! The new token: what it is, and whether it may be installed.

use super::{Session, failed, inspect};
use crate::error::{Error, ErrorKind, Result};
use crate::rotation::{Act, Fact, Origin, State, TokenRef};
use crate::token::{AdmittedToken, Lack, Refusal};

/// The token whose admission is on record.
pub(super) async fn admitted_new(session: &Session) -> Result<AdmittedToken> {
    let state = session.state()?;
    let missing = || Error::new(ErrorKind::Internal, "a token that was not admitted was about to be used");
    let reference = state.candidate().ok_or_else(missing)?;
    let grant = match state.candidate_grant() {
        Some(grant) => grant.clone(),
        // After a restart, past the point where it is judged again: ask what it is.
        None => inspect(session, &reference).await?,
    };
    AdmittedToken::new(session.token(&reference).await?, grant)
}

pub(super) async fn admit(session: &Session) -> Result<Vec<Fact>> {
    let state = session.state()?;
    let Some(reference) = state.candidate() else {
        return Err(Error::new(ErrorKind::Internal, "there is no token to judge"));
    };
    let grant = match inspect(session, &reference).await {
        Ok(grant) => grant,
        Err(error) if error.kind() == ErrorKind::Unauthenticated => return dead_candidate(session, &reference).await,
        Err(error) if error.kind() == ErrorKind::Journal => return Err(error),
        // The pasted token may be of another account: to try it again would say the same, and another can be handed in.
        Err(error) if error.kind() == ErrorKind::NotFound && is_fresh_paste(state) => {
            let refusal = Refusal::of(vec![Lack::Hidden { said: error.problem().text }]);
            return Ok(vec![Fact::Refused { refusal, grant: None }]);
        }
        Err(error) => return failed(session, &Act::Admit, &error).map(|fact| vec![fact]),
    };
    let verdict =
        session.inner.scope_policy(state.old_owner()).judge(&grant, session.inner.provider.scopes(), session.now());
    let mut lacks = verdict.lacks;
    if state.is_waived() {
        lacks.retain(Lack::is_final);
    }
    if let Some(credential) = session.inner.other_holder(grant.fingerprint).await? {
        lacks.push(Lack::HeldElsewhere { credential: credential.to_string() });
    }
    Ok(vec![if lacks.is_empty() {
        Fact::Admitted { grant, warnings: verdict.warnings }
    } else {
        Fact::Refused { refusal: Refusal::of(lacks), grant: Some(grant) }
    }])
}

fn is_fresh_paste(state: &State) -> bool {
    state.candidate_origin() == Some(Origin::Pasted) && !state.is_touched()
}

/// Its own provider does not know it.
async fn dead_candidate(session: &Session, reference: &TokenRef) -> Result<Vec<Fact>> {
    let state = session.state()?;
    if state.is_touched() {
        return Ok(vec![Fact::CandidateDied]);
    }
    let minted = state.candidate_origin() == Some(Origin::Minted);
    let now = session.now();
    let since = state.failing_since(&Act::Admit).unwrap_or(now);
    if minted && !state.was_seen_alive(reference) && since.until(now) < session.inner.policy.unknown_for() {
        // What was issued a moment ago need not be known everywhere yet.
        let unknown = Error::new(ErrorKind::Unavailable, "the new token is not known to its provider yet: waiting");
        return failed(session, &Act::Admit, &unknown).map(|fact| vec![fact]);
    }
    let hint = session.token(reference).await?.hints().first().copied();
    Ok(vec![Fact::Refused { refusal: Refusal::of(vec![Lack::Dead { hint }]), grant: None }])
}
