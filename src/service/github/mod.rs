//! GitHub and GitHub Enterprise Server as a source of tokens.

mod api;
#[cfg(feature = "github-app")]
mod app;
mod batch;
mod client;
mod ending;
#[cfg(feature = "testing")]
pub(crate) mod fuzz;
mod grant;
mod guide;
mod impersonation;
mod limits;
mod login;
mod look;
mod oauth_app;
mod personal;
mod user;

use secrecy::SecretString;
use url::Url;

#[cfg(feature = "github-app")]
pub use app::{InstallationTokens, InstallationTokensBuilder};
pub use impersonation::{ImpersonationTokens, ImpersonationTokensBuilder};
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
#[cfg_attr(
    feature = "github-app",
    doc = "| tokens of an [`app`](Self::app)'s installation | the API | overlap; each lives for an hour | the API |"
)]
/// | [`impersonation`](Self::impersonation) tokens, Enterprise Server alone | the API | the old one dies first | the API |
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

    /// Tokens of a GitHub App's installation (`ghs_`), made with the app's number and one of its private keys: PEM, PKCS#1 as
    /// GitHub gives it, or PKCS#8. Old and new overlap, and each lives for an hour. That a client id would do in place of the
    /// number is not built upon.
    ///
    /// Source: "Generating an installation access token for a GitHub App" (GitHub documentation).
    #[cfg(feature = "github-app")]
    pub fn app(http: &Http, app_id: u64, private_key: SecretString) -> InstallationTokensBuilder {
        InstallationTokensBuilder::new(http, app_id, private_key)
    }

    /// The token by which a site administrator acts as a user of a GitHub Enterprise Server. The key is a site administrator's
    /// token with the scope `site_admin`. There is one token for a user, so the old one dies before the new one is made:
    /// [`Fate::Dies`](crate::provider::Fate).
    ///
    /// Source: "REST API endpoints for enterprise administration", users (GitHub Enterprise Server documentation).
    pub fn impersonation(
        http: &Http,
        server: Url,
        username: impl Into<String>,
        site_admin_token: SecretString,
    ) -> ImpersonationTokensBuilder {
        ImpersonationTokensBuilder::new(http, server, username.into(), site_admin_token)
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
        if is_resident(host) {
            return Self::resident(web, host);
        }
        let api = web.join("/api/v3/").map_err(|_| unusable())?;
        let web = web.join("/").map_err(|_| unusable())?;
        Ok(Self { api, web, public: false })
    }

    /// A GitHub with data residency: its interface is at the host `api` below the one that people open.
    ///
    /// Sources: "Managing enterprise accounts", its addresses for data residency (GitHub Enterprise Cloud documentation). What
    /// is said of github.com alone is not concluded for it.
    fn resident(web: &Url, host: &str) -> Result<Self> {
        let tenant = host.strip_suffix(".ghe.com").filter(|tenant| !tenant.contains('.') && *tenant != "api");
        if tenant.is_none() || web.scheme() != "https" || web.port().is_some() {
            let text = "a GitHub with data residency is named by the address that people open: write it like https://acme.ghe.com";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        let (api, web) = (parse(&format!("https://api.{host}/"))?, parse(&format!("https://{host}/"))?);
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

/// Whether a host is one of a GitHub with data residency.
fn is_resident(host: &str) -> bool {
    host == "ghe.com" || host.ends_with(".ghe.com")
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

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(server: &str) -> Result<Addresses> {
        Addresses::server(&server.parse().unwrap())
    }

    #[test]
    fn a_github_with_data_residency_has_its_interface_at_a_host_of_its_own() {
        let acme = addresses("https://acme.ghe.com").unwrap();
        assert_eq!((acme.api.as_str(), acme.web.as_str()), ("https://api.acme.ghe.com/", "https://acme.ghe.com/"));
        assert!(acme.name() == "acme.ghe.com" && !acme.public);
        let other = addresses("https://ghe.com.example.com/x").unwrap();
        assert_eq!(other.api.as_str(), "https://ghe.com.example.com/api/v3/");
    }

    #[test]
    fn no_other_host_of_ghe_com_is_taken_for_a_tenant() {
        let bad = [
            "https://ghe.com",
            "https://api.ghe.com",
            "https://api.acme.ghe.com",
            "https://a.b.ghe.com",
            "http://acme.ghe.com",
            "https://acme.ghe.com:8443",
        ];
        for server in bad {
            let error = addresses(server).unwrap_err();
            assert!(error.kind() == ErrorKind::Configuration && error.to_string().contains("acme.ghe.com"), "{error}");
        }
    }
}
