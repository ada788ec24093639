//! One far side: the address that secrets are bound to.

use std::fmt;
use std::sync::Arc;

use url::{Host, Url};

use super::budget::Budget;
use super::call::{Call, Method};
use super::rate::Limits;
use super::{Answer, Http, Refusals, failure};
use crate::error::{Error, ErrorKind, Result};

/// One far side. Every call goes to a path below its address: nothing that an answer says leads anywhere else.
#[derive(Clone)]
pub(crate) struct Endpoint {
    pub(super) http: Http,
    base: Url,
    pub(super) budget: Arc<Budget>,
    pub(super) explain: fn(&Answer) -> Option<Error>,
}

impl Http {
    /// The far side at this address. `explain` puts the service's own refusals into words.
    pub(crate) fn endpoint(&self, mut base: Url, explain: fn(&Answer) -> Option<Error>) -> Result<Endpoint> {
        let wrong = |text: &'static str| Err(Error::new(ErrorKind::Configuration, text));
        let Some(host) = base.host() else {
            return wrong("an address needs a host: write it like https://ci.example.com/jenkins");
        };
        match base.scheme() {
            "https" => {}
            "http" if self.inner.plain_on_loopback && is_loopback(&host) => {}
            "http" if is_loopback(&host) => {
                return wrong(
                    "this address has no TLS: use https, or, as it is this very machine, `allow_plain_http_on_loopback`",
                );
            }
            _ => return wrong("this address has no TLS, and a secret would go over the wire as it is: use https"),
        }
        if !base.username().is_empty() || base.password().is_some() {
            return wrong("an address must not hold a login: hand the login in by itself");
        }
        if base.query().is_some() || base.fragment().is_some() {
            return wrong("an address must end with its path: leave out what follows ? or #");
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        let budget = self.inner.budgets.of(&base.origin().ascii_serialization());
        Ok(Endpoint { http: self.clone(), base, budget, explain })
    }
}

impl Endpoint {
    /// Keeps to what the vendor publishes, with all who share this `Http`.
    pub(crate) fn limited(self, limits: &'static Limits) -> Self {
        self.budget.publish(limits);
        self
    }

    /// Its address, with a slash at the end.
    pub(crate) fn base(&self) -> &Url {
        &self.base
    }

    /// Its host, for errors.
    pub(crate) fn host(&self) -> &str {
        self.base.host_str().unwrap_or_default()
    }

    /// A call to the path of these segments. Each is one segment whatever is in it.
    pub(crate) fn call(&self, method: Method, segments: &[&str]) -> Call<'_> {
        Call::new(self, method, self.below(segments))
    }

    /// Logins that it refused of late, of everybody who shares this `Http`.
    pub(crate) fn refusals(&self) -> &Refusals {
        &self.budget.refusals
    }

    /// The error that an accepted answer would have been.
    pub(crate) fn refusal(&self, answer: &Answer) -> Error {
        failure::of_status(answer, self.host(), (self.explain)(answer))
    }

    fn below(&self, segments: &[&str]) -> Result<Url> {
        let mut url = self.base.clone();
        for segment in segments {
            // The URL library takes these for steps in the path, whatever they were meant to name.
            if segment.is_empty() || matches!(segment.to_ascii_lowercase().as_str(), "." | ".." | "%2e" | "%2e%2e") {
                let text = "a name in a path is empty, or is . or ..: correct the name";
                return Err(Error::new(ErrorKind::InvalidInput, text));
            }
        }
        let no_base = |()| Error::new(ErrorKind::Configuration, "an address has no path: use https");
        url.path_segments_mut().map_err(no_base)?.pop_if_empty().extend(segments);
        // What follows a semicolon is no part of the name to many servers.
        let path = url.path().replace(';', "%3B");
        url.set_path(&path);
        Ok(url)
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.base)
    }
}

fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        // Names below it are asked of the network by some resolvers.
        Host::Domain(name) => *name == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(address: &str) -> Result<Endpoint> {
        Http::builder().build().unwrap().endpoint(address.parse().unwrap(), |_| None)
    }

    #[test]
    fn a_name_is_one_segment_whatever_is_in_it() {
        let endpoint = endpoint("https://ci.example.com/jenkins").unwrap();
        let path = |segments: &[&str]| endpoint.below(segments).map(|url| url.path().to_owned());
        assert_eq!(path(&["a b", "a/b", "a%2Fb", "a?b#c;d"]).unwrap(), "/jenkins/a%20b/a%2Fb/a%252Fb/a%3Fb%23c%3Bd");
        for bad in ["", ".", "..", "%2E%2e"] {
            assert_eq!(path(&["x", bad]).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
    }

    #[test]
    fn no_address_takes_a_secret_over_the_wire_as_it_is() {
        let bad = [
            "http://ci.example.com",
            "http://127.0.0.1:8080",
            "ftp://ci.example.com",
            "https://user:secret@ci.example.com",
            "https://ci.example.com/?x=1",
            "data:text/plain,x",
        ];
        for address in bad {
            assert_eq!(endpoint(address).unwrap_err().kind(), ErrorKind::Configuration, "{address}");
        }
        let loopback = Http::builder().allow_plain_http_on_loopback().build().unwrap();
        let allowed = |address: &str| loopback.endpoint(address.parse().unwrap(), |_| None).is_ok();
        assert!(allowed("http://127.0.0.1:1/ci") && allowed("http://[::1]:1") && allowed("http://localhost"));
        assert!(
            !allowed("http://127.0.0.1.example.com") && !allowed("http://a.localhost") && !allowed("http://10.0.0.1")
        );
    }
}
