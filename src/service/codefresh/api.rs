//! The calls to the platform, and to a runtime's app-proxy.

use std::fmt::{self, Write as _};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::document::Document;
use super::failure;
use super::graphql::{Graph, Operation};
use super::host::HostRule;
use super::proxy::AppProxy;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Authorization, Call, Endpoint, Http, Method};
use crate::token::{Fingerprint, Token};

/// Source: `pkg/graphql/user.go` (codefresh-io/go-sdk), a part of its selection.
const ME: Operation =
    Operation { name: "Me", text: "query Me { me { id name activeAccount { id name } } }", field: "me" };

/// Source: `pkg/graphql/runtime.go` (codefresh-io/go-sdk), a part of its selection.
const RUNTIME: Operation = Operation {
    name: "GetRuntime",
    text: "query GetRuntime($name: String!) { runtime(name: $name) { metadata { name } ingressHost internalIngressHost \
           accessMode } }",
    field: "runtime",
};

/// Source: `pkg/graphql/runtime.go`, `RuntimeSlice` in `models_gen.go` (codefresh-io/go-sdk).
const RUNTIMES: Operation = Operation {
    name: "Runtimes",
    text: "query Runtimes { runtimes { edges { node { metadata { name } } } pageInfo { hasNextPage } } }",
    field: "runtimes",
};

/// Source: `pkg/appproxy/git_integration.go`, `UserGitIntegration` in `models_gen.go` (codefresh-io/go-sdk).
const INTEGRATIONS: Operation = Operation {
    name: "GitIntegrations",
    text: "query GitIntegrations { gitIntegrations { name provider apiUrl sharingPolicy users { userId isValid } } }",
    field: "gitIntegrations",
};

/// The same of app-proxies that do not know whether a token is valid.
const INTEGRATIONS_ALONE: Operation = Operation {
    name: "GitIntegrations",
    text: "query GitIntegrations { gitIntegrations { name provider apiUrl sharingPolicy } }",
    field: "gitIntegrations",
};

/// Source: `pkg/appproxy/git_integration.go` (codefresh-io/go-sdk), with the least of its selection.
const REGISTER: Operation = Operation {
    name: "RegisterToGitIntegration",
    text: "mutation RegisterToGitIntegration($args: RegisterToGitIntegrationArgs!) { registerToGitIntegration(args: $args) \
           { name } }",
    field: "registerToGitIntegration",
};

const PROXY_GRAPH: &[&str] = &["app-proxy", "api", "graphql"];

/// One account of one Codefresh, as one user.
pub(super) struct Connection {
    pub(super) http: Http,
    pub(super) platform: Endpoint,
    pub(super) by: Authorization,
    pub(super) allowed: Vec<HostRule>,
    /// It is everybody's Codefresh, which ends the tunnels to runtimes.
    pub(super) cloud: bool,
}

/// Whose API key it is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Me {
    pub(super) id: String,
    pub(super) active_account: Option<Account>,
}

#[derive(Deserialize)]
pub(super) struct Account {
    pub(super) id: String,
}

/// Where the platform says that a runtime is.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Runtime {
    pub(super) ingress_host: Option<String>,
    pub(super) internal_ingress_host: Option<String>,
    pub(super) access_mode: Option<String>,
}

/// A connection of a runtime to a Git provider, which users register with.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Integration {
    pub(super) name: String,
    pub(super) provider: String,
    pub(super) api_url: String,
    pub(super) sharing_policy: String,
    /// `None` where the app-proxy cannot say.
    pub(super) users: Option<Vec<Registration>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Registration {
    pub(super) user_id: String,
    pub(super) is_valid: bool,
}

#[derive(Serialize)]
struct Args<'a> {
    name: &'a str,
    token: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
}

#[derive(Serialize)]
struct Variables<'a> {
    args: Args<'a>,
}

impl Connection {
    pub(super) fn new(
        http: Http,
        platform: Endpoint,
        key: &SecretString,
        allowed: Vec<HostRule>,
        cloud: bool,
    ) -> Result<Self> {
        let text = key.expose_secret();
        if text.is_empty() {
            let text = "the API key is empty: hand in its value";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        if text.chars().any(char::is_whitespace) {
            let text = "the API key has white space in it: hand in its value alone, without a word before it";
            return Err(Error::new(ErrorKind::InvalidInput, text));
        }
        // Limits are counted by key.
        let by = Authorization::raw(key, format!("key {}", Fingerprint::of(text.as_bytes())))?;
        Ok(Self { http, platform, by, allowed, cloud })
    }

    /// The platform, as consumers are named by it.
    pub(super) fn place(&self) -> String {
        let base = self.platform.base();
        let port = base.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("codefresh:{}{port}", base.host_str().unwrap_or_default())
    }

    fn graph(&self) -> Graph<'_> {
        Graph { endpoint: &self.platform, path: &["2.0", "api", "graphql"], by: &self.by }
    }

    /// A call to what is not GraphQL.
    fn rest(&self, method: Method, path: &[&str]) -> Call<'_> {
        self.platform.call(method, path).authorized(&self.by)
    }

    pub(super) async fn me(&self) -> Result<Me> {
        let given = self.graph().ask(ME, &json!({})).await?;
        if given.value.is_null() {
            let text = "Codefresh knows nobody by this API key: make another and hand it in";
            return Err(Error::new(ErrorKind::Unauthenticated, text));
        }
        read(given.value, &given.answer)
    }

    /// What the platform says of a runtime, and its answer for quoting.
    pub(super) async fn runtime(&self, name: &str) -> Result<(Runtime, Answer)> {
        let given = self.graph().ask(RUNTIME, &json!({ "name": name })).await?;
        if given.value.is_null() {
            let text = "the account has no runtime of this name, or hides it from this user: check the name";
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        Ok((read(given.value, &given.answer)?, given.answer))
    }

    pub(super) async fn list_runtimes(&self) -> Result<Vec<String>> {
        let given = self.graph().ask(RUNTIMES, &json!({})).await?;
        let more = given.value.pointer("/pageInfo/hasNextPage").and_then(Value::as_bool);
        if more == Some(true) {
            let text = "Codefresh lists only a part of the runtimes, and how to ask for the rest is not published: name them \
                        with `runtimes`";
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        let edges = given.value.get("edges").and_then(Value::as_array);
        let names = edges.map(|edges| {
            let name = |edge: &Value| edge.pointer("/node/metadata/name").and_then(Value::as_str).map(str::to_owned);
            edges.iter().map(name).collect::<Option<Vec<_>>>()
        });
        names.flatten().ok_or_else(|| given.answer.not_understood("it is no list of runtimes"))
    }

    /// A git context, its secrets as Codefresh shows them without being asked to decrypt.
    pub(super) async fn context(&self, name: &str) -> Result<Document> {
        let answer = self.rest(Method::Get, &["api", "contexts", name]).send().await?;
        Document::read(&answer, name)
    }

    /// Gives a git context back as a whole.
    ///
    /// Source: "Switch a Git integration from OAuth to PAT" (Codefresh documentation): `codefresh patch context`.
    pub(super) async fn patch(&self, name: &str, body: Zeroizing<Vec<u8>>, token: &Token) -> Result<()> {
        let call = self.rest(Method::Patch, &["api", "contexts", name]);
        let answer = call.body("application/json", body).carrying(token).send().await?;
        // What is stored cannot be read back, so whatever else says 200 here would be believed. What is said is not documented.
        if !answer.body().trim_ascii().is_empty() {
            answer.json::<Map<String, Value>>()?;
        }
        Ok(())
    }

    /// A repository, which Codefresh asks its provider for with the context's token. Refusals are answers, unless they ask for
    /// a pause: those say nothing of the token.
    ///
    /// Source: `repo/add.cmd.js` (npm package `codefresh`).
    pub(super) async fn repository(&self, owner: &str, name: &str, context: &str) -> Result<Answer> {
        let call = self.rest(Method::Get, &["api", "repos", owner, name]);
        let answer = call.query("context", context).accepting(&[400, 401, 403, 404, 422]).send().await?;
        if answer.status() == 403 && failure::asks_for_a_pause(&answer) {
            return Err(self.platform.refusal(&answer));
        }
        Ok(answer)
    }
}

impl AppProxy {
    fn graph(&self) -> Graph<'_> {
        Graph { endpoint: &self.endpoint, path: PROXY_GRAPH, by: &self.by }
    }

    /// Whether it answers at all. It is asked without the key.
    pub(super) async fn ready(&self) -> Result<()> {
        let answer = self.endpoint.call(Method::Get, &["app-proxy", "api", "readyz"]).send().await?;
        if answer.body().trim_ascii() == b"OK" {
            return Ok(());
        }
        let text = "the runtime's app-proxy does not say that it is ready: try again when it is, and see what really answers \
                    there if it stays so";
        Err(Error::new(ErrorKind::Busy, text))
    }

    pub(super) async fn integrations(&self) -> Result<Vec<Integration>> {
        let given = match self.graph().ask(INTEGRATIONS, &json!({})).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => {
                self.graph().ask(INTEGRATIONS_ALONE, &json!({})).await?
            }
            given => given?,
        };
        read(given.value, &given.answer)
    }

    /// Registers the key's user with this token, in place of any that is there.
    ///
    /// Twice would be the same as once, but a runtime shows each token to its Git provider, and providers lock accounts over
    /// refused ones: it is sent once, and whoever rotates looks before the next time.
    pub(super) async fn register(&self, integration: &str, username: Option<&str>, token: &Token) -> Result<()> {
        let args = Args { name: integration, token: token.expose(), username };
        let given = self.graph().change(REGISTER, &Variables { args }, token).await?;
        match given.value.get("name").and_then(Value::as_str) {
            Some(name) if name == integration => Ok(()),
            _ => {
                Err(given.answer.not_understood("it does not name the integration that the token was registered with"))
            }
        }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} by {:?}", self.platform.base(), self.by)
    }
}

/// A field of an answer in GraphQL, as it should be.
fn read<T: serde::de::DeserializeOwned>(value: Value, answer: &Answer) -> Result<T> {
    // What the parser says of it may quote it.
    serde_json::from_value(value).map_err(|_| answer.not_understood("it is not what was asked for"))
}

/// What tells a state from others: a hash of its parts.
pub(super) fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let hash = parts
        .into_iter()
        .fold(Sha256::new(), |hash, part| hash.chain_update(part.len().to_be_bytes()).chain_update(part));
    hash.finalize()[..16].iter().fold(String::with_capacity(32), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
