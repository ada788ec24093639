//! The calls, and what they answer.
//!
//! Source: `CredentialsStoreAction` of the credentials plugin, and its REST documentation (`docs/user.adoc`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use zeroize::Zeroizing;

use super::address::Address;
use super::document::Document;
use super::failure::is_jenkins;
use super::joint::{Joint, Joints};
use super::login::Login;
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::http::{Answer, Call, Endpoint, Method};
use crate::token::Token;

/// A Jenkins, and who asks there.
pub(super) struct Connection {
    pub(super) endpoint: Endpoint,
    pub(super) login: Login,
    /// What many credentials ask at once, and which is the same for all of them.
    who: Joint<WhoAmI>,
    stores: Joints<Store>,
    as_code: Joint<bool>,
}

/// Who Jenkins takes us for.
#[derive(Deserialize)]
pub(super) struct WhoAmI {
    pub(super) anonymous: bool,
    #[serde(default)]
    pub(super) name: Option<String>,
}

/// A store of credentials.
#[derive(Deserialize)]
pub(super) struct Store {
    /// The Java class that implements it.
    #[serde(rename = "_class", default)]
    pub(super) class: String,
    #[serde(default)]
    pub(super) domains: BTreeMap<String, Domain>,
}

#[derive(Deserialize)]
pub(super) struct Domain {
    #[serde(default)]
    pub(super) credentials: Vec<Listed>,
}

#[derive(Deserialize)]
pub(super) struct Listed {
    pub(super) id: String,
}

/// What Jenkins tells of a credential beside its document.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Described {
    pub(super) description: Option<String>,
    pub(super) display_name: Option<String>,
    fingerprint: Option<Fingerprint>,
}

#[derive(Deserialize)]
struct Fingerprint {
    hash: Option<String>,
}

impl Described {
    /// The hash over the credential with its encrypted secret; `None` until the credential is used again after a write.
    ///
    /// Source: `CredentialsProvider.getFingerprintOf`. Encrypting anew changes it, so a write of the same secret does too.
    pub(super) fn hash(&self) -> Option<&str> {
        self.fingerprint.as_ref()?.hash.as_deref()
    }
}

impl Connection {
    pub(super) fn new(endpoint: Endpoint, login: Login) -> Self {
        let (who, stores, as_code) = (Joint::default(), Joints::default(), Joint::default());
        Self { endpoint, login, who, stores, as_code }
    }

    pub(super) async fn who_am_i(&self) -> Result<Arc<WhoAmI>> {
        self.who.ask(self.json(|| self.endpoint.call(Method::Get, &["whoAmI", "api", "json"]))).await
    }

    pub(super) async fn store(&self, at: &Address) -> Result<Arc<Store>> {
        let joint = self.stores.of(&at.store(&[]).join("/"));
        let make = || {
            let call = self.endpoint.call(Method::Get, &at.store(&["api", "json"]));
            call.query("tree", "domains[urlName,credentials[id]]")
        };
        joint.ask(self.json(make)).await
    }

    pub(super) async fn description(&self, at: &Address) -> Result<Described> {
        let make = || {
            let call = self.endpoint.call(Method::Get, &at.credential(&["api", "json"]));
            call.query("tree", "id,description,displayName,fingerprint[hash]")
        };
        self.json(make).await
    }

    /// The document, its secret hidden: in every way in which its bytes can be read, the likely one first.
    pub(super) async fn document(&self, at: &Address) -> Result<Vec<Document>> {
        let answer = self.get(|| self.endpoint.call(Method::Get, &at.credential(&["config.xml"]))).await?;
        let kind = answer.header("content-type").unwrap_or_default().to_ascii_lowercase();
        if !kind.contains("xml") {
            return Err(answer.not_understood("it is no XML, though Jenkins prints a credential so"));
        }
        let utf8 = || std::str::from_utf8(answer.body()).ok().map(|text| Document::read(text.to_owned(), false));
        // Jenkins prints in the charset of the container's answer: ISO-8859-1, unless that is set otherwise.
        let latin1 = || Document::read(answer.body().iter().copied().map(char::from).collect(), true);
        match kind.split_once("charset=").map(|(_, charset)| charset.trim_matches([' ', '"', ';'])) {
            None if answer.body().is_ascii() => Ok(vec![latin1()?]),
            None => [Some(latin1()), utf8()].into_iter().flatten().collect(),
            Some("iso-8859-1" | "us-ascii") => Ok(vec![latin1()?]),
            Some("utf-8") => utf8().into_iter().collect(),
            Some(_) => Err(answer.not_understood("it is in a charset that Jenkins does not print in")),
        }
    }

    /// Replaces the document. An empty 200 is all that Jenkins says, whether it did so or not.
    pub(super) async fn replace(&self, at: &Address, document: &Zeroizing<Vec<u8>>, token: &Token) -> Result<()> {
        let make = || {
            let call = self.endpoint.call(Method::Post, &at.credential(&["config.xml"]));
            call.body("application/xml; charset=utf-8", document.clone()).carrying(token)
        };
        let answer = self.login.post(&self.endpoint, make).await?;
        if answer.body().trim_ascii().is_empty() {
            return Ok(());
        }
        Err(answer.not_understood("Jenkins answers a written credential with nothing at all"))
    }

    /// Whether this user may update credentials there, asked by a write that cannot be one: without a body.
    ///
    /// Source: `CredentialsWrapper.updateByXml` checks the permission first, then fails to parse nothing, with 500.
    pub(super) async fn may_update(&self, at: &Address) -> Result<()> {
        let make = || {
            let call = self.endpoint.call(Method::Post, &at.credential(&["config.xml"]));
            call.body("application/xml; charset=utf-8", Zeroizing::default()).accepting(&[500])
        };
        let answer = self.login.post(&self.endpoint, make).await?;
        if answer.status() != 500 {
            let why = "Jenkins takes a credential without a body: look at the credential before going on";
            return Err(answer.not_understood(why));
        }
        // A gateway's own 500 shows nothing.
        if is_jenkins(&answer) { Ok(()) } else { Err(self.endpoint.refusal(&answer)) }
    }

    /// Whether the plugin that sets Jenkins up from files is there: its export takes a POST alone, so a GET is refused.
    ///
    /// Source: `ConfigurationAsCode.doExport` is `@RequirePOST`. No permission is needed to be refused.
    pub(super) async fn has_configuration_as_code(&self) -> Result<bool> {
        self.as_code.ask(self.exports_configuration()).await.map(|found| *found)
    }

    async fn exports_configuration(&self) -> Result<bool> {
        let make = || self.endpoint.call(Method::Get, &["configuration-as-code", "export"]).accepting(&[405]);
        match self.get(make).await {
            Ok(answer) => Ok(answer.status() == 405),
            // It is a matter of a warning: what else may answer there holds nothing up.
            Err(error) if error.is_transient() => Err(error),
            Err(_) => Ok(false),
        }
    }

    /// The validation of a form: always 200, with what it found as a piece of a page.
    pub(super) async fn validate(&self, path: &[&str], form: &[(&str, &str)]) -> Result<Answer> {
        let make = || self.endpoint.call(Method::Post, path).form(form).header("accept-language", "en").reading();
        self.login.post(&self.endpoint, make).await
    }

    async fn get<'a>(&'a self, make: impl Fn() -> Call<'a> + Send) -> Result<Answer> {
        self.login.get(&self.endpoint, make).await
    }

    async fn json<'a, T: serde::de::DeserializeOwned>(&'a self, make: impl Fn() -> Call<'a> + Send) -> Result<T> {
        let answer = self.get(make).await?;
        answer.json().map_err(|_| {
            let text = "the answer is not the JSON that Jenkins gives: is this the address of a Jenkins, with its context \
                        path, and nothing in front that answers in its place?";
            Error::new(ErrorKind::Protocol, text)
        })
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} as {:?}", self.endpoint.base(), self.login)
    }
}

/// After a write that was taken, whatever fails leaves open what became of it.
pub(super) fn after_write(error: Error) -> Error {
    error.with_effect(Effect::Unknown)
}
