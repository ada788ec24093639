//! A Jenkins with a credential, and the GitHub where Jenkins logs in with it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use tokenturn::consumer::Consumer;
use tokenturn::testing::consumer::{FarSide, NotApplicable};
use tokenturn::testing::{GitHubFake, JenkinsFake, Trouble, admitted};
use tokenturn::{AdmittedToken, Fingerprint, GitHub, Jenkins, JenkinsCredential, Provider, Result, Token};

use super::http;

type Seen = fn(JenkinsCredential) -> Arc<dyn Consumer>;

/// One credential, and another beside it.
pub(crate) struct JenkinsPlace {
    github: GitHubFake,
    jenkins: JenkinsFake,
    old: AdmittedToken,
    new: AdmittedToken,
    kind: Kind,
    seen_as: Seen,
    locked_out: AtomicBool,
    edits: AtomicUsize,
}

#[derive(Clone, Copy)]
enum Kind {
    SecretText,
    Login,
}

impl Kind {
    /// Where its domain is, as the fake names it.
    fn domain(self) -> &'static str {
        match self {
            Self::SecretText => "system/_",
            Self::Login => "team/folder/_",
        }
    }

    /// How the requests begin that write there.
    fn writes(self) -> &'static str {
        match self {
            Self::SecretText => "POST /ci/credentials/store",
            Self::Login => "POST /ci/job/team/credentials/store",
        }
    }

    fn document(self, id: &str, description: &str, secret: &str) -> String {
        let (class, field, user) = match self {
            Self::SecretText => ("org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl", "secret", ""),
            Self::Login => (
                "com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl",
                "password",
                "<username>build-bot</username><usernameSecret>true</usernameSecret>",
            ),
        };
        format!(
            "<{class}><scope>GLOBAL</scope><id>{id}</id><description>{description}</description>{user}\
             <{field}>{secret}</{field}></{class}>"
        )
    }
}

/// "Secret text" in the store of the whole Jenkins, with "Test connection".
pub(crate) async fn secret_text() -> Result<JenkinsPlace> {
    JenkinsPlace::start(Kind::SecretText).await
}

/// "Username with password" in a folder, with the check of a repository.
pub(crate) async fn login() -> Result<JenkinsPlace> {
    JenkinsPlace::start(Kind::Login).await
}

impl JenkinsPlace {
    async fn start(kind: Kind) -> Result<Self> {
        let github = GitHubFake::start().await?;
        github.private_repository("acme/site", &["build-bot"]);
        let provider = GitHub::classic(&http()).server(github.base()).revoke_by_person().build()?;
        let [old, new] = ["old", "new"].map(|name| github.classic("build-bot", name, &["repo", "admin:repo_hook"]));
        let old = admitted(&old, provider.inspect(&old).await?)?;
        let new = admitted(&new, provider.inspect(&new).await?)?;
        let jenkins = JenkinsFake::start().await?;
        jenkins.add_folder("team");
        jenkins.add_job("team/site");
        jenkins.put(kind.domain(), &kind.document("beside", "beside", "another secret"))?;
        let (locked_out, edits) = (AtomicBool::new(false), AtomicUsize::new(0));
        let place =
            Self { github, jenkins, old, new, kind, seen_as: |credential| Arc::new(credential), locked_out, edits };
        place.edit(place.old.token().expose())?;
        Ok(place)
    }

    /// The same with another consumer over the credential.
    pub(crate) fn seen_as(mut self, seen_as: Seen) -> Self {
        self.seen_as = seen_as;
        self
    }

    fn name(&self) -> String {
        format!("{}/git-pat", self.kind.domain())
    }

    /// Somebody edits the credential in the browser.
    fn edit(&self, secret: &str) -> Result<()> {
        let edit = self.edits.fetch_add(1, Ordering::Relaxed);
        self.jenkins
            .put(self.kind.domain(), &self.kind.document("git-pat", &format!("edit {edit} &amp; caf\u{e9}"), secret))
    }
}

#[async_trait]
impl FarSide for JenkinsPlace {
    fn consumer(&self) -> Arc<dyn Consumer> {
        let key = if self.locked_out.load(Ordering::Relaxed) {
            "11deadfake0dead0fake0dead0fake0dead".into()
        } else {
            self.jenkins.api_token("admin")
        };
        let jenkins = Jenkins::at(&http(), self.jenkins.base()).unwrap().api_token("admin", key).build().unwrap();
        let credential = jenkins.credential("git-pat");
        (self.seen_as)(match self.kind {
            Kind::SecretText => credential.test_connection(),
            Kind::Login => {
                credential.in_folder("team").test_repository(self.github.git_url("acme/site").unwrap(), "team/site")
            }
        })
    }

    fn old_token(&self) -> AdmittedToken {
        self.old.clone()
    }

    fn new_token(&self) -> AdmittedToken {
        self.new.clone()
    }

    async fn stored(&self) -> Result<Option<Fingerprint>, NotApplicable> {
        let secret = self.jenkins.secret_of(&self.name());
        Ok(secret.and_then(|secret| Token::new(&secret).ok()).map(|token| token.fingerprint()))
    }

    async fn rest(&self) -> Result<String, NotApplicable> {
        let told = |name: &str| {
            let fields = ["scope", "description", "username", "usernameSecret"];
            (self.jenkins.type_of(name), fields.map(|field| self.jenkins.field_of(name, field)))
        };
        let beside = format!("{}/beside", self.kind.domain());
        Ok(format!("{:?} {:?} {:?}", told(&self.name()), told(&beside), self.jenkins.secret_of(&beside)))
    }

    async fn change(&self) -> Result<(), NotApplicable> {
        let secret = self.jenkins.secret_of(&self.name()).unwrap();
        self.edit(&secret).map_err(|error| NotApplicable::because(error.to_string()))
    }

    async fn trouble(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.jenkins.trouble(self.kind.writes(), trouble);
        Ok(())
    }

    async fn trap(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.jenkins.trouble("", trouble);
        Ok(())
    }

    async fn refuse_login(&self) -> Result<(), NotApplicable> {
        self.locked_out.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn throttle(&self, wait: Duration) -> Result<Duration, NotApplicable> {
        self.jenkins.trouble(self.kind.writes(), Trouble::Wait(wait.as_secs()));
        Ok(wait)
    }

    async fn unplug(&self) -> Result<(), NotApplicable> {
        self.jenkins.stop();
        Ok(())
    }

    async fn kill(&self, token: &AdmittedToken) -> Result<(), NotApplicable> {
        let row = if token.fingerprint() == self.old.fingerprint() { "old" } else { "new" };
        self.github.delete(row).unwrap();
        Ok(())
    }

    async fn writes(&self) -> Result<usize, NotApplicable> {
        Ok(self.jenkins.seen().iter().filter(|seen| seen.line.starts_with(self.kind.writes())).count())
    }

    fn requests(&self) -> Option<u64> {
        Some(super::sent())
    }

    fn secrets(&self) -> Vec<String> {
        [self.jenkins.api_token("admin"), self.jenkins.password("admin")]
            .map(|key| key.expose_secret().to_owned())
            .to_vec()
    }
}
