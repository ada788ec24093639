//! To which hosts the API key may go.

use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// Where Codefresh ends the tunnels to runtimes, one name below for each.
///
/// Source: `templates/_helpers.tpl` (codefresh-io/gitops-runtime-helm).
pub(super) const TUNNELS: &str = "*.tunnels.cf-cd.com";

/// A host that the key may go to, or all that are one name below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostRule {
    host: String,
    port: u16,
    below: bool,
}

impl HostRule {
    /// Reads `proxy.example.com`, `proxy.example.com:8443` or `*.example.com`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let wrong = || {
            Error::new(
                ErrorKind::Configuration,
                "an allowed host is written as proxy.example.com, proxy.example.com:8443 or *.example.com: correct it",
            )
        };
        let (below, rest) = match text.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        // The URL library reads a host as it will read the runtime's.
        let url = Url::parse(&format!("https://{rest}/")).map_err(|_| wrong())?;
        let bare = url.path() == "/" && url.username().is_empty() && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|host| bare && !host.contains('*') && (!below || host.contains('.')));
        let host = host.ok_or_else(wrong)?.to_owned();
        Ok(Self { host, port: url.port_or_known_default().unwrap_or(443), below })
    }

    /// Whether the key may go to this address.
    pub(super) fn allows(&self, address: &Url) -> bool {
        let Some(host) = address.host_str() else { return false };
        let same = if self.below {
            host.split_once('.').is_some_and(|(first, rest)| !first.is_empty() && rest == self.host)
        } else {
            host == self.host
        };
        same && address.port_or_known_default() == Some(self.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_allowed_by_its_name_and_port_and_one_name_below_a_star() {
        let allows = |rule: &str, address: &str| HostRule::parse(rule).unwrap().allows(&address.parse().unwrap());
        assert!(allows("proxy.example.com", "https://PROXY.example.com/x"));
        assert!(allows("proxy.example.com:8443", "https://proxy.example.com:8443"));
        assert!(allows(TUNNELS, "https://0123-prod.tunnels.cf-cd.com"));
        for (rule, address) in [
            ("proxy.example.com", "https://proxy.example.com:8443"),
            ("proxy.example.com", "https://proxy.example.com.evil.example"),
            ("proxy.example.com", "https://a.proxy.example.com"),
            (TUNNELS, "https://tunnels.cf-cd.com"),
            (TUNNELS, "https://a.b.tunnels.cf-cd.com"),
            (TUNNELS, "https://xtunnels.cf-cd.com"),
        ] {
            assert!(!allows(rule, address), "{rule} {address}");
        }
        for bad in ["", "*", "*.com", "a/b", "https://a", "u@a", "a?b", "*.*.a.b", "a b"] {
            assert_eq!(HostRule::parse(bad).unwrap_err().kind(), ErrorKind::Configuration, "{bad}");
        }
    }
}
