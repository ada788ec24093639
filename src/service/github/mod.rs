//! GitHub and GitHub Enterprise Server as a source of tokens.

mod api;
mod client;
mod ending;
mod grant;
mod guide;
mod login;
mod look;
mod oauth_app;
mod personal;
mod user;

use secrecy::SecretString;
use url::Url;

pub use oauth_app::{OAuthAppBuilder, OAuthAppTokens};
pub use personal::{PersonalTokens, PersonalTokensBuilder};
pub use user::{AppUserTokens, AppUserTokensBuilder};

use crate::error::{Error, ErrorKind, Result};
use crate::http::Http;

/// GitHub's tokens: where to begin.
///
/// | tokens | who issues | old and new | ended by |
/// | --- | --- | --- | --- |
/// | [`classic`](Self::classic) personal access tokens | a person, guided | overlap | the API or a person, as chosen |
/// | [`fine_grained`](Self::fine_grained) personal access tokens | a person, guided | overlap | the API or a person, as chosen |
/// | tokens of an [`oauth_app`](Self::oauth_app) | the API | the new one replaces the old | the API |
/// | tokens of an app by the [`device_flow`](Self::device_flow) | a person, who enters a code | overlap, 10 at most | the app, the API or a person, as chosen |
/// | tokens of an app that expire, [`refreshed`](Self::refreshed) | the API | the new one replaces the old | the same |
#[derive(Debug)]
#[non_exhaustive]
pub struct GitHub;

impl GitHub {
    /// Classic personal access tokens (`ghp_`). GitHub has no interface that makes one since November 2020; a person is
    /// guided.
    ///
    /// Source: "Managing your personal access tokens" (GitHub documentation).
    pub fn classic(http: &Http) -> PersonalTokensBuilder {
        PersonalTokensBuilder::new(http, personal::Kind::Classic)
    }

    /// Fine-grained personal access tokens (`github_pat_`). A person makes them; GitHub tells nobody what they may do, so
    /// name a private repository with `must_read` and set the policy to accept what was probed.
    ///
    /// Permissions stand in the place of scopes, as `contents=write`.
    pub fn fine_grained(http: &Http) -> PersonalTokensBuilder {
        PersonalTokensBuilder::new(http, personal::Kind::FineGrained)
    }

    /// Tokens that users gave to an OAuth app (`gho_`), reset with the app's own id and secret. The old token dies in the
    /// same instant: [`Fate::Dies`](crate::provider::Fate).
    ///
    /// Source: "REST API endpoints for OAuth authorizations" (GitHub documentation).
    pub fn oauth_app(http: &Http, client_id: impl Into<String>, client_secret: SecretString) -> OAuthAppBuilder {
        OAuthAppBuilder::new(http, client_id.into(), client_secret)
    }

    /// Tokens that a user gives an app (`gho_` of an OAuth app, `ghu_` of a GitHub App) by entering a code that the person
    /// is shown: nothing is pasted. The client id is enough. The app needs "Enable Device Flow" on its settings page.
    ///
    /// Sources: "Authorizing OAuth apps", device flow, and "Generating a user access token for a GitHub App" (GitHub
    /// documentation); RFC 8628.
    pub fn device_flow(http: &Http, client_id: impl Into<String>) -> AppUserTokensBuilder {
        AppUserTokensBuilder::new(http, client_id.into(), user::Flow::Device)
    }

    /// User tokens that expire, renewed by the refresh token (`ghr_`) that came with them. The refresh token counts once,
    /// and the old token dies in the same instant: [`Fate::Dies`](crate::provider::Fate). Needs the client secret, unless
    /// the first token came from the device flow.
    ///
    /// Sources: "Refreshing user access tokens" (GitHub documentation); RFC 6749 6.
    pub fn refreshed(http: &Http, client_id: impl Into<String>) -> AppUserTokensBuilder {
        AppUserTokensBuilder::new(http, client_id.into(), user::Flow::Refresh)
    }
}

/// Where a GitHub is: its interface for programs, and its pages for people.
#[derive(Clone, Debug)]
struct Addresses {
    api: Url,
    web: Url,
    /// Whether this is github.com, of which the documentation speaks, and not a server of another version.
    public: bool,
}

impl Addresses {
    fn public() -> Result<Self> {
        Ok(Self { api: parse("https://api.github.com/")?, web: parse("https://github.com/")?, public: true })
    }

    /// An Enterprise Server: its interface is below `/api/v3` of the same host.
    fn server(web: &Url) -> Result<Self> {
        let host = web.host_str().unwrap_or_default();
        if matches!(host, "github.com" | "www.github.com" | "api.github.com") {
            return Err(Error::new(ErrorKind::Configuration, "this is github.com itself: leave `server` out"));
        }
        if host == "ghe.com" || host.ends_with(".ghe.com") {
            let text = "a GitHub with data residency (ghe.com) is another product than Enterprise Server: it is not supported yet";
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        let api = web.join("/api/v3/").map_err(|_| unusable())?;
        let web = web.join("/").map_err(|_| unusable())?;
        Ok(Self { api, web, public: false })
    }

    fn of(server: Option<&Url>) -> Result<Self> {
        server.map_or_else(Self::public, Self::server)
    }

    /// A page for people.
    fn page(&self, path: &str, query: &[(String, String)]) -> Option<Url> {
        let mut url = self.web.join(path).ok()?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Some(url)
    }

    /// What tells this GitHub from all others: its host, and its port where that is unusual.
    fn name(&self) -> String {
        let port = self.web.port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", self.host())
    }

    /// The host that people know.
    fn host(&self) -> &str {
        self.web.host_str().unwrap_or("GitHub")
    }
}

fn parse(address: &str) -> Result<Url> {
    Url::parse(address).map_err(|_| unusable())
}

fn unusable() -> Error {
    Error::new(
        ErrorKind::Configuration,
        "the server's address cannot be used: write it like https://github.example.com",
    )
}
