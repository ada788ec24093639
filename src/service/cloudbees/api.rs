//! The looks at a token that change nothing, and what Unify's refusals mean.
//!
//! Sources: "API references" and "Organizations" (`CloudBees` Unify documentation), and the `OpenAPI` description at
//! apidocs.cloudbees.io. Its contract for every answer but 200 is the `Status` of Google's RPC, `{"code", "message", "details"}`;
//! an answer 401 was seen as `{"error": ".."}`. Both are read, and nothing else counts: what stands in front of a service likes
//! to refuse in JSON too.

use serde::Deserialize;
use serde_json::Value;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Authorization, Call, Endpoint, Http, Method};
use crate::token::Token;

/// A call that changes nothing.
#[derive(Clone, Debug)]
pub(super) enum Look {
    /// `GET /v1/organizations/name`, which needs a domain alone.
    OrganizationByName { domain: String },
    /// `GET /v1/organizations`, which wants the user's id with a personal access token.
    Organizations { name: String, user: String },
    /// `GET /v4/users`, which needs nothing, and is a beta.
    Users,
}

/// What became of it for a token that Unify knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Allowed,
    Refused,
}

impl Look {
    /// What was tried, in words.
    pub(super) fn what(&self) -> String {
        match self {
            Self::OrganizationByName { domain } => format!("read the organization {domain}"),
            Self::Organizations { name, .. } => format!("list the organizations of {name}"),
            Self::Users => "list users".to_owned(),
        }
    }

    /// What a good answer has: one thing, or a list of them.
    fn member(&self) -> &'static str {
        match self {
            Self::OrganizationByName { .. } => "organization",
            Self::Organizations { .. } => "organizations",
            Self::Users => "users",
        }
    }

    fn lists(&self) -> bool {
        !matches!(self, Self::OrganizationByName { .. })
    }
}

/// The `UNAUTHENTICATED` and the `PERMISSION_DENIED` of Google's RPC.
const UNAUTHENTICATED: i64 = 16;
const PERMISSION_DENIED: i64 = 7;

/// The words in which an unknown token was seen to be refused.
const NOT_AUTHORIZED: &str = "you are not authorized to perform this action";

/// The part of a refusal that Unify's own have, in either form.
#[derive(Deserialize)]
#[serde(untagged)]
enum Refusal {
    Contract {
        code: i64,
        #[serde(rename = "message")]
        _message: String,
        #[serde(rename = "details")]
        _details: Vec<Value>,
    },
    Seen {
        error: String,
    },
}

#[derive(Clone, Debug)]
pub(super) struct Api {
    endpoint: Endpoint,
}

impl Api {
    pub(super) fn new(http: &Http, base: Url) -> Result<Self> {
        Ok(Self { endpoint: http.endpoint(base, words)? })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Whether Unify takes this token, and whether it may look at this.
    pub(super) async fn look(&self, token: &Token, look: &Look) -> Result<Seen> {
        let call = self.call(look).authorized(&Authorization::bearer(token)?).header("accept", "application/json");
        let answer = call.accepting(&[403]).send().await?;
        if answer.status() == 403 {
            // The words of a proxy are no word on the token.
            let refusal = self.endpoint.refusal(&answer);
            let own = refusal.kind() == ErrorKind::PermissionDenied && is_unifys(&answer, PERMISSION_DENIED);
            return if own { Ok(Seen::Refused) } else { Err(refusal) };
        }
        // A login page answers 200 to anybody.
        let body: Value = answer.json()?;
        match body.get(look.member()) {
            Some(Value::Object(_)) if !look.lists() => Ok(Seen::Allowed),
            // Whoever sees none of them is somebody else.
            Some(Value::Array(found)) if look.lists() => {
                Ok(if found.is_empty() { Seen::Refused } else { Seen::Allowed })
            }
            _ => Err(answer.not_understood("there is nothing in it of what was asked for")),
        }
    }

    fn call(&self, look: &Look) -> Call<'_> {
        match look {
            Look::OrganizationByName { domain } => {
                self.endpoint.call(Method::Get, &["v1", "organizations", "name"]).query("name", domain)
            }
            Look::Organizations { name, user } => {
                self.endpoint.call(Method::Get, &["v1", "organizations"]).query("name", name).query("userId", user)
            }
            Look::Users => self.endpoint.call(Method::Get, &["v4", "users"]).query("pageSize", "1"),
        }
    }
}

/// Whether a refusal is Unify's own, and for this reason.
fn is_unifys(answer: &Answer, reason: i64) -> bool {
    answer.json::<Refusal>().is_ok_and(|refusal| match refusal {
        Refusal::Contract { code, .. } => code == reason,
        Refusal::Seen { error } => error == NOT_AUTHORIZED,
    })
}

/// Unify's refusals in our words.
pub(super) fn words(answer: &Answer) -> Option<Error> {
    match answer.status() {
        401 if is_unifys(answer, UNAUTHENTICATED) => Some(Error::new(
            ErrorKind::Unauthenticated,
            "CloudBees Unify does not know this token: it is mistyped, expired or deleted; present a live one",
        )),
        401 => Some(Error::new(
            ErrorKind::Protocol,
            "there was an answer 401 that is not CloudBees Unify's own, and says nothing of the token: see what stands \
             between",
        )),
        404 => Some(Error::new(
            ErrorKind::NotFound,
            "CloudBees Unify does not know what the token was tried on, or hides it from this token, and nothing follows \
             for the token itself: correct the name given to the builder, or sign in as an account that sees it",
        )),
        _ => None,
    }
}
