//! One credential of a Jenkins, as a consumer.

use std::fmt::Write as _;
use std::sync::Arc;

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use url::Url;

use super::address::{Address, names};
use super::api::{Connection, Described, after_write};
use super::check::{self, Checked, Repository};
use super::document::{Document, Kind, Known};
use super::place;
use crate::consumer::{Consumer, ConsumerCapabilities, ConsumerTrips, Installation, Proof, Slot, Verification};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::service::gate;
use crate::token::{AdmittedToken, Answer, ScopeModel, ScopeSet};

/// The hash that Jenkins gave of the credential.
const HASH: &str = "fingerprint";
/// The hash that it gave just before we wrote.
const REPLACED: &str = "replaced_fingerprint";
/// The token that we wrote.
const INSTALLED: &str = "installed";

/// One "Username with password" or "Secret text" credential of a [`Jenkins`](super::Jenkins).
///
/// Writing it needs the permissions Overall/Read, Credentials/View and Credentials/Update, and Item/Read on the folders
/// around it. Jenkins replaces a credential as a whole and never gives a secret back, so the document is fetched, its
/// secret is put where Jenkins printed `<secret-redacted/>`, and nothing else of it changes. What cannot be written so
/// without loss is refused by `preflight`: other classes, two secrets or none, a store that is kept elsewhere.
///
/// What its verification shows:
///
/// | means | works | is the new one |
/// | --- | --- | --- |
/// | the fingerprint that Jenkins keeps of a used credential | - | no, if it is the one from before the write; yes, if it is the very one that followed the write; else unknown |
/// | [`test_connection`](Self::test_connection) | yes or no; no as well where Jenkins cannot reach the API, which it words the same | no, if it logs in as another user |
/// | [`test_repository`](Self::test_repository) | yes or no | - |
///
/// With neither test nothing shows that the token works there; [`Capabilities::works`](ConsumerCapabilities::works)
/// says so.
#[derive(Clone, Debug)]
#[must_use]
pub struct JenkinsCredential {
    jenkins: Arc<Connection>,
    at: Address,
    name: Option<String>,
    default_name: String,
    username: Option<String>,
    connection: bool,
    repository: Option<Repository>,
    asks: bool,
    confirmation: Option<String>,
    code_managed: CodeManaged,
}

/// What to do where the plugin "Configuration as Code" is installed: should it manage this credential, its next reload puts
/// the old token back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum CodeManaged {
    /// Say so in the plan, and go on.
    #[default]
    Warn,
    /// Refuse before anything is issued.
    Refuse,
}

/// The credential as read at one moment.
struct Reading {
    document: Document,
    described: Described,
}

impl JenkinsCredential {
    pub(super) fn new(jenkins: Arc<Connection>, id: String) -> Self {
        let at = Address::of(id);
        Self {
            default_name: default_name(&jenkins, &at),
            jenkins,
            at,
            name: None,
            username: None,
            connection: false,
            repository: None,
            asks: false,
            confirmation: None,
            code_managed: CodeManaged::default(),
        }
    }

    /// It is in the store of this folder, named in full: `team/app`. Needs the plugin "Folders" there.
    pub fn in_folder(mut self, full_name: &str) -> Self {
        self.at.folder = names(full_name);
        self.default_name = default_name(&self.jenkins, &self.at);
        self
    }

    /// It is in this domain of its store, and not in the global one.
    pub fn in_domain(mut self, domain: impl Into<String>) -> Self {
        self.at.domain = Some(domain.into());
        self.default_name = default_name(&self.jenkins, &self.at);
        self
    }

    /// Its name in plans, events and the journal, in place of one like `jenkins:ci.example.com/ci:system/_/git-pat`.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// It has this username; any other is refused. Where Jenkins cannot print the name, it is written as given here.
    pub fn expecting_username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// Verifies with "Test connection" of the GitHub plugin: Jenkins logs in to the provider's API with the stored token.
    ///
    /// It takes "Secret text" in the store of the whole Jenkins. It needs the permission Overall/Manage, or
    /// Overall/Administer before version 1.39.0 of the plugin. Source: `GitHubServerConfig.doVerifyCredentials`.
    pub fn test_connection(mut self) -> Self {
        self.connection = true;
        self
    }

    /// Verifies by having Jenkins list this private repository in the place of this job, named in full: `team/build`.
    ///
    /// It takes "Username with password", and needs the permission Credentials/UseItem on the job. A repository that can
    /// be read without a login is refused, as it would pass with any token. Source: `UserRemoteConfig.doCheckUrl`.
    pub fn test_repository(mut self, repository: Url, job: &str) -> Self {
        self.repository = Some(Repository { url: repository, job: names(job) });
        self
    }

    /// Asks for the permission Credentials/Update before a token is issued, and not only when it is written. Nothing that
    /// only reads tells it, so this is a write that cannot be one: without a body, which Jenkins refuses for want of the
    /// permission (403) or as unreadable (500). It leaves an error in the log of Jenkins each time it is looked at.
    ///
    /// Source: `CredentialsWrapper.updateByXml` (credentials plugin) checks the permission before it reads the body.
    pub fn ask_for_update_permission(mut self) -> Self {
        self.asks = true;
        self
    }

    /// The GitHub plugin uses it, and keeps clients with the old token until its configuration is saved or Jenkins
    /// restarts: a person confirms that before the old token goes. "Test connection" does not show it, for it makes a
    /// client of its own. Source: `GitHubServerConfig.ClientCacheFunction` (github plugin).
    pub fn cached_by_github_plugin(self) -> Self {
        self.confirmed_by(
            "In Jenkins, open Manage Jenkins > System and press Save, or restart Jenkins: until then the GitHub plugin goes on \
             with the old token.",
        )
    }

    /// What a person must do and confirm before the old token goes, where what uses it keeps the token in memory.
    pub fn confirmed_by(mut self, what: impl Into<String>) -> Self {
        self.confirmation = Some(what.into());
        self
    }

    /// What to do where the plugin "Configuration as Code" is installed; [`CodeManaged::Warn`] unless set.
    pub fn code_managed(mut self, choice: CodeManaged) -> Self {
        self.code_managed = choice;
        self
    }

    async fn read(&self) -> Result<Reading> {
        let documents = self.jenkins.document(&self.at).await?;
        let described = self.jenkins.description(&self.at).await?;
        let (mut right, mut wrong) = (Vec::new(), None);
        for document in documents {
            match document.check(&self.known(&document, &described)) {
                Ok(()) => right.push(document),
                Err(error) => wrong = wrong.or(Some(error)),
            }
        }
        match (right.pop(), right.is_empty(), wrong) {
            (Some(document), true, _) => Ok(Reading { document, described }),
            (None, _, Some(error)) => Err(error),
            (None, _, None) => Err(Error::new(
                ErrorKind::Protocol,
                "its document is not in the charset that it names: see what really answers at this address",
            )),
            (Some(_), false, _) => Err(Error::new(
                ErrorKind::Unsupported,
                "its document can be read in two charsets: give the username with `expecting_username`, or update it by hand",
            )),
        }
    }

    /// What is known of the credential beside its document.
    fn known<'a>(&'a self, document: &'a Document, described: &'a Described) -> Known<'a> {
        let shown = || {
            // The name is shown so unless it is kept secret, which an absent element means too.
            let open = document.says("usernameSecret") == Some("false");
            let name = described.display_name.as_deref().filter(|_| open)?;
            name.split_once("/******").map(|(username, _)| username)
        };
        Known {
            id: &self.at.id,
            description: described.description.as_deref(),
            username: self.username.as_deref().or_else(shown),
        }
    }

    /// Refuses checks that could not show anything of this credential.
    async fn check_checks(&self, kind: Kind, domains_with_it: usize) -> Result<()> {
        let wrong = |text: &'static str| Err(Error::new(ErrorKind::Configuration, text));
        if self.connection && (kind != Kind::SecretText || !self.at.folder.is_empty()) {
            return wrong(
                "\"Test connection\" finds only \"Secret text\" in the store of the whole Jenkins: leave `test_connection` \
                 out here",
            );
        }
        if self.repository.is_some() && kind != Kind::UsernamePassword {
            return wrong("git logs in with \"Username with password\" only: leave `test_repository` out here");
        }
        if (self.connection || self.repository.is_some()) && domains_with_it > 1 {
            return wrong(
                "two domains of the store have a credential of this id, and Jenkins would test whichever it finds first: \
                 leave the test out, or rename one",
            );
        }
        match &self.repository {
            Some(repository) => check::control(&self.jenkins, repository).await,
            None => Ok(()),
        }
    }

    /// Whether the stored secret is this token, as far as fingerprints show.
    fn is_new(reading: &Reading, token: &AdmittedToken, slot: &Slot) -> Answer {
        let ours = slot.detail(INSTALLED) == Some(token.fingerprint().to_string().as_str());
        let Some(now) = reading.described.hash().filter(|_| ours) else {
            return Answer::Unknown;
        };
        let (before, after) = (slot.detail(REPLACED), slot.detail(HASH));
        if before == Some(now) {
            // Encrypting even the same secret makes another hash, so this is what stood there before.
            Answer::Refuted
        } else if after == Some(now) && before.is_some() {
            Answer::Proven
        } else {
            // Somebody used it, or wrote it: the hash does not say which.
            Answer::Unknown
        }
    }
}

impl Reading {
    fn version(&self) -> String {
        let digest = Sha256::new()
            .chain_update(self.document.text())
            .chain_update([0])
            .chain_update(self.described.description.as_deref().unwrap_or_default())
            .finalize();
        digest[..16].iter().fold(String::with_capacity(32), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }

    fn slot(&self) -> Slot {
        let slot = Slot::at(self.version());
        match self.described.hash() {
            Some(hash) => slot.with_detail(HASH, hash),
            None => slot,
        }
    }
}

#[async_trait]
impl Consumer for JenkinsCredential {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.default_name)
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        let tested = self.connection || self.repository.is_some();
        let works = if tested { Proof::Always } else { Proof::Never };
        let mut capabilities = ConsumerCapabilities::new("Jenkins").proving(works, Proof::Sometimes);
        capabilities.confirmation.clone_from(&self.confirmation);
        capabilities
    }

    fn trips(&self) -> ConsumerTrips {
        let (connection, repository) = (u32::from(self.connection), u32::from(self.repository.is_some()));
        // A credential is read by two requests, its document and what Jenkins says of it; a repository is checked by two.
        ConsumerTrips::new(5 + repository + u32::from(self.asks), 5, 2 + connection + 2 * repository)
    }

    /// For GitHub `repo` and `admin:repo_hook`, as the GitHub plugin documents; other vocabularies are asked of the caller.
    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        (model == ScopeModel::GITHUB_CLASSIC).then(|| ScopeSet::of(["repo", "admin:repo_hook"]))
    }

    async fn preflight(&self) -> Result<Slot> {
        if self.jenkins.who_am_i().await?.anonymous {
            let text =
                "Jenkins takes this user for nobody: let the proxy in front of it pass the Authorization header on";
            return Err(Error::new(ErrorKind::PermissionDenied, text));
        }
        let store = self.jenkins.store(&self.at).await?;
        if !is_writable(&store.class) {
            let text = "this store of Jenkins only shows what is kept elsewhere: update the token there, by a consumer of its \
                        own";
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        if !store.domains.contains_key(self.at.domain_key()) {
            let text = "the store has no such domain, or hides it: check the domain, as Jenkins writes it";
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        let reading = self.read().await?;
        let same_id = |domain: &super::api::Domain| domain.credentials.iter().any(|listed| listed.id == self.at.id);
        self.check_checks(reading.document.kind(), store.domains.values().filter(|domain| same_id(domain)).count())
            .await?;
        if self.asks {
            self.jenkins.may_update(&self.at).await?;
        }
        let mut slot = reading.slot();
        if self.jenkins.has_configuration_as_code().await? {
            if self.code_managed == CodeManaged::Refuse {
                let text = "Configuration as Code is installed, and if it manages this credential, its next reload puts the \
                            old token back: rotate the token in the secret source that it reads";
                return Err(Error::new(ErrorKind::Unsupported, text));
            }
            slot = slot.with_warning(
                "Configuration as Code is installed: if it manages this credential, its next reload puts the old token back; \
                 change the token in the secret source that it reads as well",
            );
        }
        Ok(slot)
    }

    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        // Jenkins saves a store as a whole.
        let gate = gate::before(format!("{} {}", self.jenkins.endpoint.base(), self.at.store(&[]).join("/")));
        let _held = gate.lock().await;
        let before = self.read().await?;
        if expected.version.as_deref() != Some(before.version().as_str()) {
            return Err(Error::new(
                ErrorKind::Conflict,
                "it changed since it was read, so nothing was written: read it again",
            ));
        }
        let (expected_hash, hash) = (expected.detail(HASH), before.described.hash());
        if expected_hash.is_some() && expected_hash != hash {
            let text = "somebody replaced its secret since it was read, so nothing was written: read it again";
            return Err(Error::new(ErrorKind::Conflict, text));
        }
        let document = before.document.with_secret(token.token(), &self.known(&before.document, &before.described))?;
        self.jenkins.replace(&self.at, &document, token.token()).await?;
        let after = self.read().await.map_err(after_write)?;
        if before.version() != after.version() {
            let mut changed = before.document.differences(&after.document);
            if changed.is_empty() {
                changed.push("description".to_owned());
            }
            let text = format!(
                "Jenkins took the token, and {} is otherwise than before: look at the credential, and mend it, before going on",
                changed.join(", ")
            );
            return Err(Error::new(ErrorKind::Protocol, text).with_effect(Effect::Unknown));
        }
        if before.described.hash().is_some() && before.described.hash() == after.described.hash() {
            let text = "Jenkins answered 200 and wrote nothing: somebody moved or removed it meanwhile; try again";
            return Err(Error::new(ErrorKind::Unverified, text));
        }
        let mut slot = after.slot().with_detail(INSTALLED, token.fingerprint().to_string());
        if let Some(hash) = before.described.hash() {
            slot = slot.with_detail(REPLACED, hash);
        }
        Ok(Installation::Done(slot))
    }

    async fn verify(&self, token: &AdmittedToken, slot: &Slot) -> Result<Verification> {
        let reading = self.read().await?;
        let mut notes = Vec::new();
        let mut verification = Verification::new(Answer::Unknown, Self::is_new(&reading, token, slot));
        match verification.new {
            Answer::Proven => notes.push("the fingerprint in Jenkins is the one that followed the write"),
            Answer::Refuted => notes.push("the fingerprint in Jenkins is the one from before the write"),
            Answer::Unknown => {}
        }
        if slot.version.as_ref().is_some_and(|version| *version != reading.version()) {
            notes.push("the credential was edited since it was read or written");
            // Whoever edited it may have put another secret there.
            verification.new = if verification.new == Answer::Refuted { Answer::Refuted } else { Answer::Unknown };
        }
        let mut checks = Vec::new();
        if self.connection {
            checks.push(check::connection(&self.jenkins, &self.at.id, token).await?);
        }
        if let Some(repository) = &self.repository {
            checks.push(check::repository(&self.jenkins, &self.at.id, repository).await?);
        }
        notes.extend(checks.iter().map(|checked| checked.note));
        if checks.iter().any(|checked| checked.new == Answer::Refuted) {
            verification.new = Answer::Refuted;
        }
        verification.works = all(&checks);
        Ok(if notes.is_empty() { verification } else { verification.with_note(notes.join("; ")) })
    }
}

/// Whether every check says that it works.
fn all(checks: &[Checked]) -> Answer {
    let any = |answer: Answer| checks.iter().any(|checked| checked.works == answer);
    if any(Answer::Refuted) {
        Answer::Refuted
    } else if checks.is_empty() || any(Answer::Unknown) {
        Answer::Unknown
    } else {
        Answer::Proven
    }
}

/// Whether Jenkins itself keeps what is in a store of this class.
///
/// Source: `SystemCredentialsProvider.UserFacingAction` (credentials plugin) and
/// `FolderCredentialsProvider.FolderCredentialsProperty.CredentialsStoreActionImpl` (folders plugin). Every other provider
/// throws `UnsupportedOperationException` or is not known to do better.
fn is_writable(class: &str) -> bool {
    let outermost = class.split('$').next().unwrap_or_default();
    matches!(
        outermost,
        "com.cloudbees.plugins.credentials.SystemCredentialsProvider"
            | "com.cloudbees.hudson.plugins.folder.properties.FolderCredentialsProvider"
    )
}

fn default_name(jenkins: &Connection, at: &Address) -> String {
    format!("jenkins:{}:{}", place(jenkins.endpoint.base()), at.full_name())
}
