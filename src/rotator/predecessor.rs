//! The token that is to be replaced, as a caller names it.

use super::nothing_kept;
use crate::error::Result;
use crate::journal::Current;
use crate::name::TokenId;
use crate::rotation::{OldToken, Possession};
use crate::token::Token;

/// The token that is to be replaced.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Predecessor {
    /// Here is its value. It is sealed into the journal for as long as the run may have to put it back. The one that is kept
    /// counts as [`Kept`](Self::Kept).
    Held(Token),
    /// Here is its value, and the second secret that came with it, from which the provider issues the next.
    Renewable {
        /// The token in use, alive or not.
        token: Token,
        /// What came with it, such as a refresh token.
        /// Where the token is the one that is kept, this takes the place of what is kept with it.
        companion: Token,
    },
    /// The journal keeps it, sealed, since the last run.
    Kept,
    /// Its id at the provider alone is known: it can be revoked there, and not be put back.
    Known(TokenId),
    /// There is none: a first installation.
    None,
}

impl Predecessor {
    /// What a run knows of it, given which token is kept.
    pub(super) fn known_of(&self, kept: Option<&Current>, kept_companion: bool) -> Result<OldToken> {
        Ok(match self {
            Self::Held(token) => OldToken::held(Possession::Held, token.fingerprint(), None),
            Self::Renewable { token, .. } => {
                OldToken::held(Possession::Held, token.fingerprint(), None).with_companion(true)
            }
            Self::Kept => {
                let kept = kept.ok_or_else(nothing_kept)?;
                OldToken::held(Possession::Kept, kept.fingerprint, kept.id.clone())
                    .with_label(kept.label.clone())
                    .with_companion(kept_companion)
            }
            Self::Known(id) => OldToken::known(id.clone()),
            Self::None => OldToken::absent(),
        })
    }

    /// The token that is kept stays what it is when it is handed in again: its id, its name and what came with it are known.
    /// A second secret that is handed in with it takes the place of the one that is kept, so that there are never two.
    pub(super) fn or_kept(self, kept: Option<&Current>) -> (Self, Option<Token>) {
        let is_kept = |token: &Token| kept.is_some_and(|kept| kept.fingerprint == token.fingerprint());
        match self {
            Self::Held(token) if is_kept(&token) => (Self::Kept, None),
            Self::Renewable { token, companion } if is_kept(&token) => (Self::Kept, Some(companion)),
            other => (other, None),
        }
    }

    /// Its value, where it was handed in.
    pub(super) fn value(&self) -> Option<&Token> {
        match self {
            Self::Held(token) | Self::Renewable { token, .. } => Some(token),
            Self::Kept | Self::Known(_) | Self::None => None,
        }
    }
}
