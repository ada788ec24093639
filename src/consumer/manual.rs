//! A place that only a person can update.

use async_trait::async_trait;
use url::Url;

use super::{Consumer, ConsumerCapabilities, ConsumerTrips, Installation, Slot, Verification};
use crate::error::Result;
use crate::guide::Guide;
use crate::name::ConsumerName;
use crate::token::{AdmittedToken, Answer, ScopeModel, ScopeSet};

/// A place that only a person can update: a form without an interface, a template in somebody's hands.
///
/// The run waits for it durably, and it blocks the revocation of the old token like any other place. The person gets
/// the token by `Rotator::reveal` and says `Decision::Confirm` when it is in place; nobody keeps it in a text file.
///
/// ```
/// use tokenturn::consumer::Manual;
///
/// # fn main() -> tokenturn::Result<()> {
/// let console = Manual::new("icr-console", "OpenRefactory iCR")?
///     .step("Open the settings of the project.")
///     .step("Paste the token into the field \"Token\" and press \"Save\".")
///     .requiring(["repo", "workflow", "notifications"]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Manual {
    name: ConsumerName,
    application: String,
    link: Option<Url>,
    steps: Vec<String>,
    required: Option<ScopeSet>,
    confirmation: Option<String>,
}

impl Manual {
    /// A place of this name in this application.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a name that cannot be one.
    pub fn new(name: &str, application: impl Into<String>) -> Result<Self> {
        Ok(Self {
            name: ConsumerName::new(name)?,
            application: application.into(),
            link: None,
            steps: Vec::new(),
            required: None,
            confirmation: None,
        })
    }

    /// Where the person does it.
    #[must_use]
    pub fn link(mut self, link: Url) -> Self {
        self.link = Some(link);
        self
    }

    /// What the person does next.
    #[must_use]
    pub fn step(mut self, text: impl Into<String>) -> Self {
        self.steps.push(text.into());
        self
    }

    /// The scopes that a token needs there, in the words of whichever provider it comes from.
    #[must_use]
    pub fn requiring<S: Into<crate::token::Scope>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.required = Some(ScopeSet::of(scopes));
        self
    }

    /// What must be done and confirmed before the old token may go: a restart, a saved form.
    #[must_use]
    pub fn confirmed_by(mut self, what: impl Into<String>) -> Self {
        self.confirmation = Some(what.into());
        self
    }
}

#[async_trait]
impl Consumer for Manual {
    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        let mut capabilities = ConsumerCapabilities::new(&self.application).by_person();
        capabilities.confirmation.clone_from(&self.confirmation);
        capabilities
    }

    fn trips(&self) -> ConsumerTrips {
        // A person goes there.
        ConsumerTrips::new(0, 0, 0)
    }

    fn required_scopes(&self, _: ScopeModel) -> Option<ScopeSet> {
        self.required.clone()
    }

    async fn preflight(&self) -> Result<Slot> {
        Ok(Slot::opaque())
    }

    async fn install(&self, token: &AdmittedToken, _: &Slot) -> Result<Installation> {
        let mut guide = Guide::new(format!("Put the token {} into {} by hand", token.fingerprint(), self.name));
        guide.link.clone_from(&self.link);
        guide = guide.with_step("reveal", "Have the token shown by the tool that runs this rotation; copy it.");
        guide = self.steps.iter().fold(guide, |guide, step| guide.with_step("place", step));
        Ok(Installation::Guided(guide.with_step("confirm", "Confirm it there. Keep no other copy of the token.")))
    }

    async fn verify(&self, _: &AdmittedToken, _: &Slot) -> Result<Verification> {
        Ok(Verification::new(Answer::Unknown, Answer::Unknown).with_note("nobody but a person can look there"))
    }
}
