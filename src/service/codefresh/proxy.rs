//! The app-proxy of a runtime: where it is, and whether the API key may go there.

use std::fmt;

use url::Url;

use super::api::{Connection, Me, Runtime};
use super::failure;
use super::host::tunnel;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Authorization, Endpoint};

/// The part of Codefresh that runs beside a runtime, on the customer's own host.
pub(super) struct AppProxy {
    pub(super) endpoint: Endpoint,
    pub(super) by: Authorization,
}

/// Which address of a runtime's app-proxy is used.
#[derive(Clone, Default)]
pub(super) enum Way {
    /// The one from outside, as the platform says.
    #[default]
    Ingress,
    /// The one inside the customer's network, as the platform says.
    Internal,
    /// The one that the caller gave. It is trusted as it is.
    Given(Url),
}

impl Connection {
    /// The app-proxy of a runtime. The key goes to no host that only an answer named. The platform is asked whichever way is
    /// taken: a runtime that it does not know is the wrong name, or another account's.
    ///
    /// Source: `pkg/codefresh/codefresh.go` (codefresh-io/go-sdk), which takes the internal host where there is one; that is
    /// reached from inside alone, so here the caller chooses.
    pub(super) async fn app_proxy(&self, runtime: &str, way: &Way, me: &Me) -> Result<AppProxy> {
        let (found, answer) = self.runtime(runtime).await?;
        // Its address is made of what the platform says of us, and not of what it says of the runtime.
        let account = me.active_account.as_ref().filter(|_| self.cloud);
        let tunnel = account.and_then(|account| tunnel(&account.id, runtime));
        let address = match way {
            Way::Given(address) => address.clone(),
            Way::Ingress => self.published(&found, &answer, tunnel)?,
            Way::Internal => self.internal(&found, &answer)?,
        };
        let endpoint = self.http.endpoint(address, failure::explain)?;
        Ok(AppProxy { endpoint, by: self.by.clone() })
    }

    fn internal(&self, found: &Runtime, answer: &Answer) -> Result<Url> {
        let host = found.internal_ingress_host.as_deref().filter(|host| !host.is_empty());
        let Some(host) = host else {
            let text = "the runtime has no internal host: leave `internal_host` out, or give `app_proxy`";
            return Err(Error::new(ErrorKind::NotFound, text));
        };
        self.allowed(host, answer, None)
    }

    fn published(&self, found: &Runtime, answer: &Answer, tunnel: Option<Url>) -> Result<Url> {
        if let Some(host) = found.ingress_host.as_deref().filter(|host| !host.is_empty()) {
            return self.allowed(host, answer, tunnel);
        }
        let tunnelled = found.access_mode.as_deref() == Some("TUNNEL");
        if let Some(tunnel) = tunnel.filter(|_| tunnelled) {
            return Ok(tunnel);
        }
        let text = if tunnelled {
            "the platform names no host for this runtime, which is reached by a tunnel: give it with `app_proxy`, as \
             https://<account id>-<runtime>.tunnels.cf-cd.com, or connect with `Codefresh::cloud`, which knows it"
        } else {
            "the platform names no host for this runtime: give it with `app_proxy`, or finish its installation"
        };
        Err(Error::new(ErrorKind::NotFound, text))
    }

    /// The address that the platform named, if the key may go there.
    fn allowed(&self, host: &str, answer: &Answer, tunnel: Option<Url>) -> Result<Url> {
        let address = Url::parse(host).ok().filter(Url::has_host);
        let address = address.ok_or_else(|| answer.not_understood("the host of the runtime is no address"))?;
        if address.origin() == self.platform.base().origin()
            || tunnel.is_some_and(|tunnel| tunnel.origin() == address.origin())
            || self.allowed.iter().any(|rule| rule.allows(&address))
        {
            return Ok(address);
        }
        let host = address.host_str().unwrap_or_default();
        let port = address.port().map(|port| format!(":{port}")).unwrap_or_default();
        let named = answer.quotable(&format!("{host}{port}")).unwrap_or_else(|| "a host without a name".to_owned());
        let text = format!(
            "the platform says that the runtime's app-proxy is on {named}, which is not allowed, so the API key was not sent \
             there: if that host is yours, allow it with `allow_host(\"{named}\")`, or give its address with `app_proxy`"
        );
        Err(Error::new(ErrorKind::Refused, text))
    }
}

// The given address may hold a login, though it is refused when it is used.
impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ingress => f.write_str("Ingress"),
            Self::Internal => f.write_str("Internal"),
            Self::Given(address) => {
                write!(f, "Given({}://{})", address.scheme(), address.host_str().unwrap_or_default())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::Http;

    /// Where the key would go, where the platform says so of the runtime `Prod`. Nothing is sent there.
    async fn reached(runtime: serde_json::Value, cloud: bool, way: Way) -> std::result::Result<String, ErrorKind> {
        let mut server = mockito::Server::new_async().await;
        let body = json!({"data": {"runtime": runtime}}).to_string();
        server.mock("POST", "/2.0/api/graphql").with_body(body).create_async().await;
        let http = Http::builder().allow_plain_http_on_loopback().build().unwrap();
        let platform = http.endpoint(server.url().parse().unwrap(), failure::explain).unwrap();
        let connection = Connection::new(http, platform, &"5fFAKE.FAKEkey".into(), Vec::new(), cloud).unwrap();
        let me: Me = serde_json::from_value(json!({"id": "u", "activeAccount": {"id": "5F01"}})).unwrap();
        let found = connection.app_proxy("Prod", &way, &me).await;
        found.map(|proxy| proxy.endpoint.base().to_string()).map_err(|error| error.kind())
    }

    #[tokio::test]
    async fn the_runtimes_own_tunnel_needs_no_allowing_at_everybodys_codefresh_and_no_other_does() {
        let at = |host: &str| json!({"ingressHost": host, "accessMode": "TUNNEL"});
        let own = "https://5f01-prod.tunnels.cf-cd.com/";
        assert_eq!(reached(at(own), true, Way::Ingress).await.as_deref(), Ok(own));
        assert_eq!(reached(at("https://5F01-PROD.tunnels.cf-cd.com"), true, Way::Ingress).await.as_deref(), Ok(own));
        assert_eq!(reached(at(own), false, Way::Ingress).await, Err(ErrorKind::Refused));
        for host in [
            "https://5f02-prod.tunnels.cf-cd.com",
            "https://5f01-other.tunnels.cf-cd.com",
            "https://5f01-prod.tunnels.cf-cd.com:8443",
            "http://5f01-prod.tunnels.cf-cd.com:443",
            "https://a.5f01-prod.tunnels.cf-cd.com",
        ] {
            assert_eq!(reached(at(host), true, Way::Ingress).await, Err(ErrorKind::Refused), "{host}");
        }
        let internal = json!({"internalIngressHost": own});
        assert_eq!(reached(internal, true, Way::Internal).await, Err(ErrorKind::Refused));
    }

    #[tokio::test]
    async fn a_tunnel_that_the_platform_does_not_name_is_found_at_everybodys_codefresh_alone() {
        for host in [json!(null), json!("")] {
            let unnamed = |mode: &str| json!({"ingressHost": host, "accessMode": mode});
            let found = reached(unnamed("TUNNEL"), true, Way::Ingress).await;
            assert_eq!(found.as_deref(), Ok("https://5f01-prod.tunnels.cf-cd.com/"));
            assert_eq!(reached(unnamed("TUNNEL"), false, Way::Ingress).await, Err(ErrorKind::NotFound));
            assert_eq!(reached(unnamed("INGRESS"), true, Way::Ingress).await, Err(ErrorKind::NotFound));
        }
    }
}
