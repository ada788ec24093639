//! To which hosts the API key may go.

use url::Url;

use crate::error::{Error, ErrorKind, Result};

/// Where Codefresh ends the tunnel to this runtime of this account; nothing for names that cannot be in one.
///
/// The names below it are of all accounts, so the key may go to the one that is meant, and not to its neighbours.
///
/// Source: `templates/_helpers.tpl` (codefresh-io/gitops-runtime-helm).
pub(super) fn tunnel(account: &str, runtime: &str) -> Option<Url> {
    let name = format!("{account}-{runtime}").to_ascii_lowercase();
    let fits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if !fits(account) || !fits(runtime) || name.len() > 63 {
        return None;
    }
    Url::parse(&format!("https://{name}.tunnels.cf-cd.com/")).ok()
}

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
        assert!(allows("*.example.com", "https://proxy.example.com"));
        for (rule, address) in [
            ("proxy.example.com", "https://proxy.example.com:8443"),
            ("proxy.example.com", "https://proxy.example.com.evil.example"),
            ("proxy.example.com", "https://a.proxy.example.com"),
            ("*.example.com", "https://example.com"),
            ("*.example.com", "https://a.b.example.com"),
            ("*.example.com", "https://xexample.com"),
        ] {
            assert!(!allows(rule, address), "{rule} {address}");
        }
        for bad in ["", "*", "*.com", "a/b", "https://a", "u@a", "a?b", "*.*.a.b", "a b"] {
            assert_eq!(HostRule::parse(bad).unwrap_err().kind(), ErrorKind::Configuration, "{bad}");
        }
    }

    #[test]
    fn a_tunnel_is_named_by_account_and_runtime_and_by_nothing_that_leads_elsewhere() {
        let named = |account: &str, runtime: &str| tunnel(account, runtime).map(String::from);
        assert_eq!(named("5F01", "Prod").as_deref(), Some("https://5f01-prod.tunnels.cf-cd.com/"));
        for (account, runtime) in [
            ("", "prod"),
            ("5f01", ""),
            ("5f01", "evil.example/"),
            ("5f01", "a.b"),
            ("u@x", "prod"),
            ("5f01", "pröd"),
            ("5f01", "123456789012345678901234567890123456789012345678901234567890"),
        ] {
            assert_eq!(named(account, runtime), None, "{account} {runtime}");
        }
    }
}
