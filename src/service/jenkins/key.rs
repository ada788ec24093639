//! Our own key to a Jenkins: one cell that every handle logs in from.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use url::Url;

use super::login;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Authorization;
use crate::service::sparing::Sparing;
use crate::token::{Fingerprint, Token};

/// The key that programs log in to a Jenkins with: a user and an API token of theirs, in a cell that all handles share which
/// were built with it. Cheap to clone; clones are the same cell.
///
/// [`JenkinsOwnKey`](super::JenkinsOwnKey) is the cell as a place that a rotation writes: from then on every handle logs in
/// with the new token. A request under way ends with the token that it began with, and only if Jenkins refuses that one,
/// which does nothing, is it sent once more with what the cell holds by then.
///
/// The token is in memory alone, and wiped when nobody uses it any more. Where the program finds it at its next start, a
/// file or a vault, is a place of its own and needs a consumer of its own in the same `Rotator`: without it the next start
/// finds the old token, and after that is revoked, none that works.
///
/// A key belongs to one Jenkins. It binds itself to the address of the first handle that is built with it, and no handle to
/// another address gets it.
///
/// ```
/// use tokenturn::{Http, Jenkins, JenkinsKey, Token};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let http = Http::builder().user_agent("acme-rotator/1").build()?;
/// let key = JenkinsKey::new("rotator", Token::new("11fakefakefakefakefakefakefakefake")?)?;
/// let jenkins = Jenkins::at(&http, "https://ci.example.com".parse()?)?.key(&key).build()?;
/// let (tokens, own_key) = (jenkins.api_tokens().build()?, jenkins.own_key()?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct JenkinsKey {
    cell: Arc<Cell>,
}

struct Cell {
    user: String,
    held: Mutex<Arc<Held>>,
    /// The Jenkins that it belongs to.
    home: OnceLock<Url>,
    sparing: Arc<Sparing>,
}

/// What the cell holds at one moment.
pub(super) struct Held {
    pub(super) token: Token,
    pub(super) by: Authorization,
}

impl Held {
    fn new(user: &str, token: Token) -> Result<Arc<Self>> {
        Ok(Arc::new(Self { by: login::basic(user, &token)?, token }))
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.token.fingerprint()
    }
}

impl JenkinsKey {
    /// A cell that holds this API token of this user. Nothing is sent.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`] for an empty user, [`ErrorKind::InvalidInput`] for one that cannot be one.
    pub fn new(user: impl Into<String>, token: Token) -> Result<Self> {
        let user = user.into();
        if user.is_empty() {
            return Err(login::empty());
        }
        let held = Mutex::new(Held::new(&user, token)?);
        Ok(Self { cell: Arc::new(Cell { user, held, home: OnceLock::new(), sparing: Arc::default() }) })
    }

    /// Whose key it is.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.cell.user
    }

    /// What may be shown of the token that it holds now.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.lock().fingerprint()
    }

    pub(super) fn sparing(&self) -> Arc<Sparing> {
        self.cell.sparing.clone()
    }

    /// What it holds now. It stays what it is, whatever the cell holds later.
    pub(super) fn held(&self) -> Arc<Held> {
        self.lock().clone()
    }

    /// Puts `token` in the place of the one with this fingerprint; false where it holds another by now.
    pub(super) fn replace(&self, expected: Fingerprint, token: &Token) -> Result<bool> {
        let new = Held::new(&self.cell.user, token.clone())?;
        let mut held = self.lock();
        let there = held.fingerprint() == expected;
        if there {
            *held = new;
        }
        Ok(there)
    }

    /// Binds it to this Jenkins, unless it belongs to another: a secret goes to its own origin only.
    pub(super) fn bind(&self, base: &Url) -> Result<()> {
        if self.cell.home.get_or_init(|| base.clone()) == base {
            return Ok(());
        }
        let text = "this key belongs to the Jenkins at another address, and goes to no second one: make a key for each Jenkins, \
                    and give all handles of one the same address";
        Err(Error::new(ErrorKind::Configuration, text))
    }

    fn lock(&self) -> MutexGuard<'_, Arc<Held>> {
        self.cell.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for JenkinsKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JenkinsKey({} by {})", self.cell.user, self.fingerprint())
    }
}
