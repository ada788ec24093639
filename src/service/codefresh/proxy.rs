//! The app-proxy of a runtime: where it is, and whether the API key may go there.

use url::Url;

use super::api::Connection;
use super::failure;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Authorization, Endpoint};

/// The part of Codefresh that runs beside a runtime, on the customer's own host.
pub(super) struct AppProxy {
    pub(super) endpoint: Endpoint,
    pub(super) by: Authorization,
}

/// Which address of a runtime's app-proxy is used.
#[derive(Clone, Debug, Default)]
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
    /// The app-proxy of a runtime. The key goes to no host that only an answer named.
    ///
    /// Source: `pkg/codefresh/codefresh.go` (codefresh-io/go-sdk), which takes the internal host where there is one; that is
    /// reached from inside alone, so here the caller chooses.
    pub(super) async fn app_proxy(&self, runtime: &str, way: &Way) -> Result<AppProxy> {
        let address = match way {
            Way::Given(address) => address.clone(),
            Way::Ingress | Way::Internal => self.published(runtime, matches!(way, Way::Internal)).await?,
        };
        let endpoint = self.http.endpoint(address, failure::explain)?;
        Ok(AppProxy { endpoint, by: self.by.clone() })
    }

    async fn published(&self, runtime: &str, internal: bool) -> Result<Url> {
        let (found, answer) = self.runtime(runtime).await?;
        let host = if internal { &found.internal_ingress_host } else { &found.ingress_host };
        let Some(host) = host.as_deref().filter(|host| !host.is_empty()) else {
            return Err(Error::new(
                ErrorKind::NotFound,
                match (internal, found.access_mode.as_deref()) {
                    (true, _) => "the runtime has no internal host: leave `internal_host` out, or give `app_proxy`",
                    (false, Some("TUNNEL")) => {
                        "the platform names no host for this runtime, which is reached by a tunnel: give it with \
                         `app_proxy`, as https://<account id>-<runtime>.tunnels.cf-cd.com"
                    }
                    _ => {
                        "the platform names no host for this runtime: give it with `app_proxy`, or finish its installation"
                    }
                },
            ));
        };
        let address = Url::parse(host).ok().filter(Url::has_host);
        let address = address.ok_or_else(|| answer.not_understood("the host of the runtime is no address"))?;
        if address.origin() == self.platform.base().origin() || self.allowed.iter().any(|rule| rule.allows(&address)) {
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
