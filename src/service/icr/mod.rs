//! OpenRefactory iCR: what its token needs, and the places that hand it over.

use std::sync::Arc;

use async_trait::async_trait;

use crate::consumer::{Consumer, ConsumerCapabilities, ConsumerTrips, Installation, Manual, Slot, Verification};
use crate::error::Result;
use crate::service::jenkins::JenkinsCredential;
use crate::token::{AdmittedToken, ScopeModel, ScopeSet};

/// What it is called in plans, and counted as where a token is shared.
const APPLICATION: &str = "OpenRefactory iCR";

/// The token of OpenRefactory iCR (Intelligent Code Repair), where its Jenkins plugin gets it from: the second field of the
/// plugin's form.
///
/// iCR has no public interface for its token, so this is a profile and no client. It knows what the token needs, and the
/// token is written where the plugin reads it: in a credential of Jenkins, or by a person in the form.
///
/// | provider | what the token needs |
/// | --- | --- |
/// | GitHub, classic tokens | the scopes `repo`, `workflow` and `notifications` |
/// | GitHub, fine-grained tokens | refused: there is no permission for notifications among theirs |
/// | GitLab | the scope `api` |
/// | others | not documented: name it with [`requires`](crate::RotatorBuilder::requires) |
///
/// Sources: "Creating personal access token" and the pages on GitLab (documentation of iCR 2.1.0); "Permissions required for
/// fine-grained personal access tokens" (GitHub documentation).
///
/// The page on the fields of the form could not be confirmed: that the token stands in the second field is known, **how** it
/// stands there is not. Look into your own form. A list of credentials to choose from is
/// [`jenkins_credential`](Self::jenkins_credential); a text to type is [`form_field`](Self::form_field), which promises
/// less: no field is written by a program that may be another one.
///
/// Verified is what the place can show. An analysis is never started to find out: it takes hours, keeps the engine busy and
/// mails a summary.
///
/// Not covered yet: iCR in GitLab CI, which reads the token from the variable `OR_SECRET_TOKEN`. Use a
/// [`Manual`](crate::consumer::Manual) place that names the variable, with the scope `api`.
///
/// ```
/// use tokenturn::{Http, Icr, Jenkins};
///
/// # fn main() -> tokenturn::Result<()> {
/// # let http = Http::builder().build()?;
/// # let key = "11fakefakefakefakefakefakefakefake".into();
/// let jenkins = Jenkins::at(&http, "https://ci.example.com".parse().unwrap())?.api_token("rotator", key).build()?;
/// let listed = Icr::jenkins_credential(jenkins.credential("icr-git-token").test_connection());
/// let typed = Icr::form_field("icr-nightly", "team/icr-nightly")?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Icr {
    place: Arc<dyn Consumer>,
}

impl Icr {
    /// The form names a credential of Jenkins, and the plugin gets the token from there. The place is that credential, with
    /// its name, rights, checks and confirmations; scopes and application are those of iCR.
    pub fn jenkins_credential(credential: JenkinsCredential) -> Self {
        Self { place: Arc::new(credential) }
    }

    /// The token stands in the form itself, in the configuration of this job of Jenkins, named in full: `team/icr`. A
    /// person puts it there, who needs Item/Configure on the job; nothing shows that it works. `name` is the place's name in
    /// plans, events and the journal.
    ///
    /// Whether the field hides what is in it could not be confirmed; the person is told what to do where it does not.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`](crate::ErrorKind::InvalidInput) for a name that cannot be one.
    pub fn form_field(name: &str, job: &str) -> Result<Self> {
        let place = Manual::new(name, APPLICATION)?
            .step(format!("In Jenkins, open the job {job} and press \"Configure\"."))
            .step(
                "Find the build step of iCR. Replace the value of its second field, which holds the token, by the new one: the \
                 token alone, without spaces. Leave every other field as it is.",
            )
            .step("Press \"Save\", open the page once more, and see that nothing else of the step has changed.")
            .step(
                "Do not start an analysis for this. Does the field show the token in clear? Then whoever may see the job's \
                 configuration sees it: ask for a credential in its place.",
            );
        Ok(Self { place: Arc::new(place) })
    }
}

#[async_trait]
impl Consumer for Icr {
    fn name(&self) -> &str {
        self.place.name()
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        let mut capabilities = self.place.capabilities();
        APPLICATION.clone_into(&mut capabilities.application);
        capabilities
    }

    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        if model == ScopeModel::GITHUB_CLASSIC {
            Some(ScopeSet::of(["repo", "workflow", "notifications"]))
        } else if model == ScopeModel::GITLAB {
            Some(ScopeSet::of(["api"]))
        } else {
            None
        }
    }

    fn refuses(&self, model: ScopeModel) -> Option<String> {
        let fine_grained = model == ScopeModel::GITHUB_FINE_GRAINED;
        let why = "iCR needs `notifications`, and GitHub's fine-grained tokens have no such permission: use a classic token, by \
                   `GitHub::classic`";
        fine_grained.then(|| why.to_owned()).or_else(|| self.place.refuses(model))
    }

    fn trips(&self) -> ConsumerTrips {
        self.place.trips()
    }

    async fn preflight(&self) -> Result<Slot> {
        self.place.preflight().await
    }

    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        self.place.install(token, expected).await
    }

    async fn verify(&self, token: &AdmittedToken, slot: &Slot) -> Result<Verification> {
        self.place.verify(token, slot).await
    }
}
