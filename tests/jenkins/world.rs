//! A Jenkins with credentials in it, and what the engine would hand to their consumer.

use std::time::Duration;

use secrecy::ExposeSecret;
use tokenturn::consumer::{Consumer, Installation, Slot};
use tokenturn::testing::{JenkinsFake, admitted};
use tokenturn::{AdmittedToken, Effect, Error, ErrorKind, Grant, Http, HttpBuilder, Jenkins, JenkinsCredential, Token};
use url::Url;

pub(crate) const OLD: &str = "ghp_FAKEold1234567890";
pub(crate) const NEW: &str = "ghp_FAKEnew1234567890";

/// Where [`World::start`] puts its two credentials.
pub(crate) const LOGIN: &str = "system/_/git-pat";
pub(crate) const TEXT: &str = "system/_/git-text";

pub(crate) struct World {
    pub(crate) fake: JenkinsFake,
    pub(crate) jenkins: Jenkins,
}

/// Waits longer than any machine is busy.
pub(crate) fn http() -> HttpBuilder {
    Http::builder().allow_plain_http_on_loopback().timeout(Duration::from_mins(1))
}

pub(crate) fn login_document(id: &str, description: &str) -> String {
    format!(
        "<com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl><scope>GLOBAL</scope><id>{id}</id>\
         <description>{description}</description><username>build-bot</username><password>{OLD}</password>\
         <usernameSecret>true</usernameSecret></com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl>"
    )
}

pub(crate) fn text_document(id: &str, description: &str) -> String {
    format!(
        "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl><scope>SYSTEM</scope><id>{id}</id>\
         <description>{description}</description><secret>{OLD}</secret>\
         </org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>"
    )
}

impl World {
    pub(crate) async fn start() -> Self {
        let fake = JenkinsFake::start().await.unwrap();
        fake.put("system/_", &login_document("git-pat", "d &amp; &lt;x&gt;")).unwrap();
        fake.put("system/_", &text_document("git-text", "text")).unwrap();
        let jenkins = jenkins(&fake, "rotator");
        Self { fake, jenkins }
    }

    /// How many requests had this in their line.
    pub(crate) fn count(&self, which: &str) -> usize {
        self.fake.seen().iter().filter(|seen| seen.line.contains(which)).count()
    }

    /// How many documents were posted.
    pub(crate) fn writes(&self) -> usize {
        self.count("POST /ci/") - self.count("descriptorByName")
    }
}

/// The handle of a user with an API token.
pub(crate) fn jenkins(fake: &JenkinsFake, user: &str) -> Jenkins {
    over(http(), fake, user)
}

/// The handle of one who gives up soon, for what never answers.
pub(crate) fn hasty(fake: &JenkinsFake) -> Jenkins {
    over(http().timeout(Duration::from_secs(2)), fake, "rotator")
}

fn over(http: HttpBuilder, fake: &JenkinsFake, user: &str) -> Jenkins {
    let http = http.build().unwrap();
    Jenkins::at(&http, fake.base()).unwrap().api_token(user, fake.api_token(user)).build().unwrap()
}

/// A handle to an address where anything may answer.
pub(crate) fn at(address: &str) -> Jenkins {
    let http = http().build().unwrap();
    let address: Url = address.parse().unwrap();
    Jenkins::at(&http, address).unwrap().api_token("rotator", "11fake0fake0fake".into()).build().unwrap()
}

pub(crate) fn token(secret: &str) -> AdmittedToken {
    let token = Token::new(secret).unwrap();
    admitted(&token, Grant::of(&token, "build-bot")).unwrap()
}

/// A token whose provider says where its API is.
pub(crate) fn token_at(secret: &str, api: &str) -> AdmittedToken {
    let token = Token::new(secret).unwrap();
    admitted(&token, Grant::of(&token, "Build-Bot").with_api(api.parse().unwrap())).unwrap()
}

/// Preflight and install, as the engine does it.
pub(crate) async fn turn(credential: &JenkinsCredential, secret: &str) -> Slot {
    let slot = credential.preflight().await.unwrap();
    install(credential, secret, &slot).await.unwrap()
}

pub(crate) async fn install(credential: &JenkinsCredential, secret: &str, slot: &Slot) -> Result<Slot, Error> {
    match credential.install(&token(secret), slot).await? {
        Installation::Done(slot) => Ok(slot),
        Installation::Guided(_) => panic!("nobody is needed"),
    }
}

/// The error is of this kind and effect, says these words, and gives nothing away.
#[track_caller]
pub(crate) fn assert_error(error: &Error, kind: ErrorKind, effect: Effect, words: &str) {
    let text = format!("{error} {error:?}");
    assert_eq!((error.kind(), error.effect()), (kind, effect), "{text}");
    assert!(text.contains(words), "no \"{words}\" in: {text}");
    for secret in [OLD, NEW, "FAKEnew", "FAKEold", "11fake0fake", "secret-redacted"] {
        assert!(!text.contains(secret), "{text}");
    }
}

/// No secret of the fake's users shows.
#[track_caller]
pub(crate) fn assert_silent(fake: &JenkinsFake, text: &str) {
    for user in ["admin", "rotator", "reader"] {
        assert!(!text.contains(fake.api_token(user).expose_secret()), "{text}");
        assert!(!text.contains(fake.password(user).expose_secret()), "{text}");
    }
}

/// A document as Jenkins prints it, for single exchanges.
pub(crate) const DOCUMENT: &str = "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>\n  \
    <scope>GLOBAL</scope>\n  <id>x</id>\n  <secret>\n    <secret-redacted/>\n  </secret>\n\
    </org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>";

/// Answers every read that the credential `x` needs; its document is what `document` makes.
pub(crate) fn mock_credential(
    server: &mut mockito::ServerGuard,
    description: Option<&str>,
    document: impl Fn(&mockito::Request) -> Vec<u8> + Send + Sync + 'static,
) {
    let path = "/credentials/store/system/domain/_/credential/x";
    let class = "com.cloudbees.plugins.credentials.SystemCredentialsProvider$UserFacingAction";
    let store = format!("{{\"_class\":\"{class}\",\"domains\":{{\"_\":{{}}}}}}");
    let described = serde_json::json!({ "id": "x", "description": description }).to_string();
    let under = |path: &str| mockito::Matcher::Regex(format!("^{path}.*"));
    let document_at = server.mock("GET", format!("{path}/config.xml").as_str());
    document_at.with_header("content-type", "application/xml").with_body_from_request(document).create();
    server.mock("GET", under(&format!("{path}/api/json"))).with_body(described).create();
    server.mock("GET", "/whoAmI/api/json").with_body("{\"anonymous\":false}").create();
    server.mock("GET", under("/credentials/store/system/api/json")).with_body(store).create();
    server.mock("GET", "/configuration-as-code/export").with_status(404).create();
}
