//! Our own key to a Jenkins: the cell that a program logs in from.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::ExposeSecret;
use tokenturn::consumer::Consumer;
use tokenturn::testing::consumer::{FarSide, NotApplicable};
use tokenturn::testing::{JenkinsFake, Trouble, admitted};
use tokenturn::{AdmittedToken, Fingerprint, Jenkins, JenkinsKey, Provider, Result, Token};

use super::http;

/// A key, and the Jenkins that it opens.
pub(crate) struct KeyPlace {
    jenkins: JenkinsFake,
    key: JenkinsKey,
    old: AdmittedToken,
    new: AdmittedToken,
}

pub(crate) async fn own_key() -> Result<KeyPlace> {
    let jenkins = JenkinsFake::start().await?;
    jenkins.add_api_token("rotator", "second", "11fakenewfakenewfakenewfakenewfake");
    let old = Token::new(jenkins.api_token("rotator").expose_secret())?;
    let new = Token::new("11fakenewfakenewfakenewfakenewfake")?;
    let key = JenkinsKey::new("rotator", old.clone())?;
    let provider = handle(&jenkins, &key).api_tokens().build()?;
    let old = admitted(&old, provider.inspect(&old).await?)?;
    let new = admitted(&new, provider.inspect(&new).await?)?;
    Ok(KeyPlace { jenkins, key, old, new })
}

fn handle(jenkins: &JenkinsFake, key: &JenkinsKey) -> Jenkins {
    Jenkins::at(&http(), jenkins.base()).unwrap().key(key).build().unwrap()
}

fn in_memory() -> NotApplicable {
    NotApplicable::because("a write there is one of this process's memory, and no request")
}

#[async_trait]
impl FarSide for KeyPlace {
    fn consumer(&self) -> Arc<dyn Consumer> {
        Arc::new(handle(&self.jenkins, &self.key).own_key().unwrap())
    }

    fn old_token(&self) -> AdmittedToken {
        self.old.clone()
    }

    fn new_token(&self) -> AdmittedToken {
        self.new.clone()
    }

    async fn stored(&self) -> Result<Option<Fingerprint>, NotApplicable> {
        Ok(Some(self.key.fingerprint()))
    }

    async fn rest(&self) -> Result<String, NotApplicable> {
        Ok(format!("{} {:?}", self.key.user(), self.jenkins.api_tokens("rotator")))
    }

    async fn change(&self) -> Result<(), NotApplicable> {
        Err(NotApplicable::because("it holds a token and nothing else"))
    }

    /// The request is the one that tries the token, before it is written: what happens after it, happens in memory.
    async fn trouble(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        match trouble {
            Trouble::Refuse(_)
            | Trouble::Echo(_)
            | Trouble::Wait(_)
            | Trouble::DropBefore
            | Trouble::Silence
            | Trouble::Redirect(_) => {
                self.jenkins.trouble("whoAmI", trouble);
                Ok(())
            }
            _ => Err(in_memory()),
        }
    }

    async fn trap(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.jenkins.trouble("", trouble);
        Ok(())
    }

    async fn refuse_login(&self) -> Result<(), NotApplicable> {
        Err(NotApplicable::because("the login is what is written there: a dead one is to be replaced"))
    }

    async fn throttle(&self, wait: Duration) -> Result<Duration, NotApplicable> {
        self.jenkins.trouble("whoAmI", Trouble::Wait(wait.as_secs()));
        Ok(wait)
    }

    async fn unplug(&self) -> Result<(), NotApplicable> {
        self.jenkins.stop();
        Ok(())
    }

    async fn kill(&self, token: &AdmittedToken) -> Result<(), NotApplicable> {
        let name = if token.fingerprint() == self.old.fingerprint() { "first" } else { "second" };
        self.jenkins.revoke_api_token("rotator", name);
        Ok(())
    }

    async fn writes(&self) -> Result<usize, NotApplicable> {
        Err(in_memory())
    }

    fn requests(&self) -> Option<u64> {
        Some(super::sent())
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.jenkins.password("rotator").expose_secret().to_owned()]
    }
}
