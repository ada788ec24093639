//! The old token: how it stands.

use super::{Inner, Looks, Session, by_provider, inspect};
use crate::error::{ErrorKind, Result};
use crate::provider::{Fate, Liveness};
use crate::rotation::{Fact, Standing, TokenRef};
use crate::token::{Access, AdmittedToken, Grant, Lack};

pub(super) async fn look_at_predecessor(session: &Session, looks: &Looks) -> Result<Vec<Fact>> {
    let state = session.state()?;
    let old = &state.charter().predecessor;
    let looked = |standing, owner| vec![Fact::PredecessorLooked { standing, owner }];
    if old.has_value() {
        return match looks.old_token(session).await {
            Ok(old) => Ok(looked(standing(&session.inner, old.grant()), Some(old.grant().owner.clone()))),
            Err(error) if error.kind() == ErrorKind::Unauthenticated => Ok(looked(Standing::Dead, None)),
            Err(error) => Err(error),
        };
    }
    match &old.id {
        Some(id) if state.charter().can.status_by_id => {
            Ok(match session.inner.provider.status(id).await.map_err(|error| by_provider(session, error))? {
                Liveness::Alive => looked(Standing::Live, None),
                Liveness::Dead => looked(Standing::Dead, None),
            })
        }
        _ => Ok(looked(Standing::Unknown, None)),
    }
}

/// Whether a copy of the old token would do.
pub(in crate::rotator) fn standing(inner: &Inner, grant: &Grant) -> Standing {
    match &grant.access {
        Access::Scopes(granted) => {
            let missing = inner.provider.scopes().missing(&inner.whole, granted);
            if missing.is_empty() { Standing::Live } else { Standing::Lacking }
        }
        // What is not accepted of the new one must be found while the old one lives.
        Access::Unknown | Access::Permissions(_) if inner.provider.capabilities().fate == Fate::Dies => {
            let judged = inner.scope_policy(None).judge(grant, inner.provider.scopes(), inner.clock.now());
            let unfit = |lack: &Lack| matches!(lack, Lack::UnknownAccess | Lack::Right { .. });
            if judged.lacks.iter().any(unfit) { Standing::Lacking } else { Standing::Live }
        }
        _ => Standing::Live,
    }
}

/// The old token, just seen alive: that is all it needs to go back where it was.
pub(super) async fn admitted_old(session: &Session) -> Result<AdmittedToken> {
    let grant = inspect(session, &TokenRef::Old).await?;
    AdmittedToken::new(session.token(&TokenRef::Old).await?, grant)
}
