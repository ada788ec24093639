//! A plain client of a Jenkins credential, as one would write it in an afternoon.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::Response;
use reqwest::redirect::Policy;
use secrecy::{ExposeSecret, SecretString};
use tokenturn::consumer::{Consumer, ConsumerCapabilities, Installation, Slot, Verification};
use tokenturn::testing::consumer::{FarSide, NotApplicable};
use tokenturn::testing::{JenkinsFake, Trouble, admitted};
use tokenturn::{
    AdmittedToken, Answer, Effect, Error, ErrorKind, Fingerprint, Grant, Result, ScopeModel, ScopeSet, Token,
};
use url::Url;

use crate::stages::elsewhere;

/// What is wrong with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    Nothing,
    FollowsRedirects,
    FollowsLinks,
    AsksForEveryPage,
    QuotesAnswers,
    ShowsItInItsDebug,
    HasNoTimeout,
    TakesSilenceForDone,
    WaitsAsLongAsItIsTold,
    ReadsAgainAndAgain,
    WritesAsItIs,
    ReplacesTheMaskThatItKnows,
}

/// So much of an answer is read.
const LIMIT: usize = 100_000;

const MASK: &str = "<secret-redacted/>";

struct Client {
    flaw: Flaw,
    http: reqwest::Client,
    document: Url,
    key: SecretString,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = if self.flaw == Flaw::ShowsItInItsDebug { self.key.expose_secret() } else { "" };
        write!(f, "Client({key})")
    }
}

impl Client {
    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn lost(effect: Effect) -> Error {
        Error::new(ErrorKind::Unavailable, "no whole answer came: try again later").with_effect(effect)
    }

    /// Sends it, and reads what comes.
    async fn sent(&self, request: reqwest::RequestBuilder, lost: Effect) -> Result<String> {
        let request = request.basic_auth("admin", Some(self.key.expose_secret()));
        let mut response = request.send().await.map_err(|_| Self::lost(lost))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        self.go_on(header("link"), header("x-next-page")).await;
        let mut rest = header("x-oauth-scopes").to_owned();
        while let Some((_, after)) = rest.split_once(',').filter(|_| self.is(Flaw::ReadsAgainAndAgain)) {
            rest = after.to_owned();
        }
        let body = read(&mut response).await.ok_or_else(|| Self::lost(lost))?;
        if status.is_success() {
            return Ok(body);
        }
        let effect = if status.is_server_error() || status.is_redirection() { lost } else { Effect::None };
        let said = if self.is(Flaw::QuotesAnswers) { body } else { String::new() };
        let error =
            Error::new(ErrorKind::Protocol, format!("it answered {status} {said}: look there")).with_effect(effect);
        let wait = header("retry-after");
        Err(match wait.parse() {
            Ok(seconds) if self.is(Flaw::WaitsAsLongAsItIsTold) => error.with_retry_after(Duration::from_secs(seconds)),
            _ => error,
        })
    }

    /// Asks for what an answer says comes next.
    async fn go_on(&self, link: &str, next: &str) {
        let link = link.split_once('<').and_then(|(_, link)| link.split_once('>')).map(|(link, _)| link);
        let link = link.and_then(|link| self.document.join(link).ok()).filter(|_| self.is(Flaw::FollowsLinks));
        if let Some(link) = link {
            let _ = self.http.get(link).send().await;
        }
        let mut more = self.is(Flaw::AsksForEveryPage) && !next.is_empty();
        // It would go on for ever; its test does not.
        for _ in 0..200 {
            if !more {
                break;
            }
            let page = self.http.get(self.document.clone()).send().await;
            more = page.is_ok_and(|page| page.headers().contains_key("x-next-page"));
        }
    }

    /// The document with this secret.
    fn with(&self, document: &str, token: &Token) -> Result<String> {
        let escaped = token.expose().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
        let secret = if self.is(Flaw::WritesAsItIs) { token.expose() } else { &escaped };
        let masked = document.contains(MASK);
        if !masked && !self.is(Flaw::ReplacesTheMaskThatItKnows) {
            return Err(Error::new(ErrorKind::Protocol, "the secret is not where it is expected: look there"));
        }
        Ok(document.replace(MASK, secret))
    }
}

/// The body, where it is whole and not too long.
async fn read(response: &mut Response) -> Option<String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.ok()? {
        body.extend_from_slice(&chunk);
        if body.len() > LIMIT {
            return None;
        }
    }
    String::from_utf8(body).ok()
}

#[async_trait]
impl Consumer for Client {
    #[expect(clippy::unnecessary_literal_bound, reason = "the trait's signature")]
    fn name(&self) -> &str {
        "client"
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities::new("Jenkins")
    }

    fn required_scopes(&self, _: ScopeModel) -> Option<ScopeSet> {
        None
    }

    async fn preflight(&self) -> Result<Slot> {
        self.sent(self.http.get(self.document.clone()), Effect::None).await.map(|_| Slot::opaque())
    }

    async fn install(&self, token: &AdmittedToken, _: &Slot) -> Result<Installation> {
        let before = self.sent(self.http.get(self.document.clone()), Effect::None).await?;
        let after = self.with(&before, token.token())?;
        let request = self.http.post(self.document.clone()).header("content-type", "application/xml").body(after);
        let said = self.sent(request, Effect::Unknown).await;
        let silent = said.as_ref().is_err_and(|error| error.kind() == ErrorKind::Unavailable);
        if silent && self.is(Flaw::TakesSilenceForDone) {
            return Ok(Installation::Done(Slot::opaque()));
        }
        // What really answers is not known without a look, and there is none: the secret is not shown.
        if said?.trim().is_empty() { Ok(Installation::Done(Slot::opaque())) } else { Err(Self::lost(Effect::Unknown)) }
    }

    async fn verify(&self, _: &AdmittedToken, _: &Slot) -> Result<Verification> {
        Ok(Verification::new(Answer::Unknown, Answer::Unknown))
    }
}

/// A Jenkins with one credential, and the client.
pub(super) struct Place {
    jenkins: JenkinsFake,
    flaw: Flaw,
}

impl Place {
    pub(super) async fn with(flaw: Flaw) -> Result<Self> {
        let jenkins = JenkinsFake::start().await?;
        let class = "org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl";
        jenkins.put(
            "system/_",
            &format!(
                "<{class}><scope>GLOBAL</scope><id>git-pat</id><description>ours</description>\
                 <secret>{}</secret></{class}>",
                token(OLD).token().expose()
            ),
        )?;
        Ok(Self { jenkins, flaw })
    }
}

const OLD: &str = "ghp_FAKEoldOfTheClient0123456789";
const NEW: &str = "ghp_FAKEnewOfTheClient9876543210";

fn token(secret: &str) -> AdmittedToken {
    let token = Token::new(secret).unwrap();
    admitted(&token, Grant::of(&token, "build-bot")).unwrap()
}

fn nothing<T>() -> Result<T, NotApplicable> {
    Err(NotApplicable::because("no case here asks for that"))
}

#[async_trait]
impl FarSide for Place {
    fn consumer(&self) -> Arc<dyn Consumer> {
        let proxy = reqwest::Proxy::all(format!("http://127.0.0.1:{}", elsewhere().port())).unwrap();
        let loopback = reqwest::NoProxy::from_string("localhost,127.0.0.0/8");
        let follows = if self.flaw == Flaw::FollowsRedirects { Policy::limited(3) } else { Policy::none() };
        let mut http = reqwest::Client::builder().redirect(follows).proxy(proxy.no_proxy(loopback));
        if self.flaw != Flaw::HasNoTimeout {
            http = http.timeout(Duration::from_secs(2));
        }
        let base = self.jenkins.base();
        let document = format!("{base}/credentials/store/system/domain/_/credential/git-pat/config.xml");
        Arc::new(Client {
            flaw: self.flaw,
            http: http.build().unwrap(),
            document: document.parse().unwrap(),
            key: self.jenkins.api_token("admin"),
        })
    }

    fn old_token(&self) -> AdmittedToken {
        token(OLD)
    }

    fn new_token(&self) -> AdmittedToken {
        token(NEW)
    }

    async fn stored(&self) -> Result<Option<Fingerprint>, NotApplicable> {
        let secret = self.jenkins.secret_of("system/_/git-pat");
        Ok(secret.and_then(|secret| Token::new(secret.trim()).ok()).map(|token| token.fingerprint()))
    }

    async fn rest(&self) -> Result<String, NotApplicable> {
        nothing()
    }

    async fn change(&self) -> Result<(), NotApplicable> {
        nothing()
    }

    async fn trouble(&self, _: Trouble) -> Result<(), NotApplicable> {
        nothing()
    }

    async fn trap(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.jenkins.trouble("", trouble);
        Ok(())
    }

    async fn refuse_login(&self) -> Result<(), NotApplicable> {
        nothing()
    }

    async fn throttle(&self, _: Duration) -> Result<Duration, NotApplicable> {
        nothing()
    }

    async fn unplug(&self) -> Result<(), NotApplicable> {
        nothing()
    }

    async fn kill(&self, _: &AdmittedToken) -> Result<(), NotApplicable> {
        nothing()
    }

    async fn writes(&self) -> Result<usize, NotApplicable> {
        nothing()
    }

    fn secrets(&self) -> Vec<String> {
        vec![self.jenkins.api_token("admin").expose_secret().to_owned()]
    }
}
