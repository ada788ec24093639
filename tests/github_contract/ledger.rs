//! What passed, by operation: how often, with which statuses, and what was wrong with it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

/// The operations that the crate calls; the trimmed description has these and no other.
const OPERATIONS: &str = include_str!("../servers/github/operations.txt");

/// A refusal that GitHub gives, and its description does not name.
pub(crate) struct Exception {
    operation: &'static str,
    status: u16,
    pub(crate) reason: &'static str,
}

/// Every one of them must be met, or it is to be deleted here.
pub(crate) const EXCEPTIONS: &[Exception] = &[
    Exception {
        operation: "POST /credentials/revoke",
        status: 403,
        reason: "its own text: 60 requests an hour, and 403 to whoever logs in (the general rules give 403 for a spent limit)",
    },
    Exception {
        operation: "POST /credentials/revoke",
        status: 404,
        reason: "an Enterprise Server that does not have it: the description is that of github.com",
    },
    Exception {
        operation: "PATCH /applications/{client_id}/token",
        status: 404,
        reason: "its own text: \"Invalid tokens will return `404 NOT FOUND`\"; only 422 is in its list of responses",
    },
    Exception {
        operation: "POST /applications/{client_id}/token",
        status: 401,
        reason: "\"Authenticating to the REST API\": wrong credentials, here those of the app",
    },
    Exception {
        operation: "PATCH /applications/{client_id}/token",
        status: 401,
        reason: "\"Authenticating to the REST API\": wrong credentials, here those of the app",
    },
    Exception {
        operation: "DELETE /applications/{client_id}/token",
        status: 401,
        reason: "\"Authenticating to the REST API\": wrong credentials, here those of the app",
    },
    Exception {
        operation: "GET /app/installations/{installation_id}",
        status: 401,
        reason: "its own text: only a JWT of an app opens it; \"Authenticating to the REST API\": wrong credentials, here that JWT",
    },
    Exception {
        operation: "GET /orgs/{org}/installation",
        status: 401,
        reason: "its own text: only a JWT of an app opens it; \"Authenticating to the REST API\": wrong credentials, here that JWT",
    },
    Exception {
        operation: "GET /repos/{owner}/{repo}/installation",
        status: 401,
        reason: "its own text: only a JWT of an app opens it; \"Authenticating to the REST API\": wrong credentials, here that JWT",
    },
    Exception {
        operation: "GET /users/{username}/installation",
        status: 401,
        reason: "its own text: only a JWT of an app opens it; \"Authenticating to the REST API\": wrong credentials, here that JWT",
    },
    Exception {
        operation: "GET /orgs/{org}/installation",
        status: 404,
        reason: "the app is not installed there: the look-ups by a repository and by a number name 404 for that",
    },
    Exception {
        operation: "GET /users/{username}/installation",
        status: 404,
        reason: "the app is not installed there: the look-ups by a repository and by a number name 404 for that",
    },
    Exception {
        operation: "DELETE /installation/token",
        status: 401,
        reason: "the token is dead: the text at its creation says 401 of an expired one",
    },
    Exception {
        operation: "DELETE /installation/token",
        status: 403,
        reason: "the installation is suspended: \"blocks the app from accessing the account's resources\" (\"Suspend an app installation\")",
    },
];

/// One thing that Prism found wrong.
#[derive(Clone, Debug)]
pub(crate) struct Violation {
    /// Where: the request or the answer, and the way into it.
    pub(crate) location: Vec<String>,
    pub(crate) message: String,
}

impl Violation {
    pub(crate) fn of(said: &Value) -> Self {
        let location = said["location"].as_array().into_iter().flatten();
        let location = location.map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned)).collect();
        Self { location, message: said["message"].as_str().map_or_else(|| said.to_string(), str::to_owned) }
    }

    /// One that says no more than this.
    pub(crate) fn saying(message: String) -> Self {
        Self { location: Vec::new(), message }
    }

    /// Whether it is about a status that the description does not name, and about nothing else.
    fn is_of_status(&self) -> bool {
        self.location == ["response"] && self.message.starts_with("Unable to match the returned status code")
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.location.join("."), self.message)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    /// Its method and path, as `GET /user`.
    pub(crate) line: String,
    pub(crate) status: u16,
    pub(crate) violations: Vec<Violation>,
    /// Whether the answer gives a reason in GitHub's form (`basic-error`). Of a status that it does not know Prism looks at
    /// nothing else.
    pub(crate) gives_reason: bool,
}

impl Exchange {
    pub(crate) fn operation(&self) -> Option<&'static str> {
        operations().find(|operation| {
            let (asked, template): (Vec<_>, Vec<_>) = (self.line.split('/').collect(), operation.split('/').collect());
            asked.len() == template.len()
                && asked.iter().zip(template).all(|(asked, part)| part.starts_with('{') || *asked == part)
        })
    }

    /// The exception that explains all that is wrong with it.
    pub(crate) fn exception(&self) -> Option<&'static Exception> {
        let [violation] = self.violations.as_slice() else { return None };
        let named = |at: &&Exception| Some(at.operation) == self.operation() && at.status == self.status;
        EXCEPTIONS.iter().find(named).filter(|_| violation.is_of_status() && self.gives_reason)
    }
}

pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
    OPERATIONS.lines()
}

/// All that passed.
#[derive(Debug)]
pub(crate) struct Ledger(Vec<Exchange>);

impl Ledger {
    pub(crate) fn of(exchanges: Vec<Exchange>) -> Self {
        Self(exchanges)
    }

    /// What is wrong and not excepted, with the line that it is wrong with.
    pub(crate) fn violations(&self) -> Vec<String> {
        let wrong = self.0.iter().filter(|exchange| exchange.exception().is_none());
        wrong.flat_map(|at| at.violations.iter().map(|wrong| format!("{} {}: {wrong}", at.line, at.status))).collect()
    }

    /// The operations that were called.
    pub(crate) fn called(&self) -> BTreeSet<&'static str> {
        self.0.iter().filter_map(Exchange::operation).collect()
    }

    /// The exceptions that nothing met.
    pub(crate) fn unmet(&self) -> Vec<String> {
        let met: Vec<_> = self.0.iter().filter_map(Exchange::exception).collect();
        let unmet = EXCEPTIONS.iter().filter(|exception| !met.iter().any(|one| std::ptr::eq(*one, *exception)));
        unmet.map(ToString::to_string).collect()
    }
}

impl fmt::Display for Exception {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.operation, self.status, self.reason)
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for operation in operations() {
            let ours: Vec<_> = self.0.iter().filter(|exchange| exchange.operation() == Some(operation)).collect();
            let mut statuses = BTreeMap::<u16, usize>::new();
            for exchange in &ours {
                *statuses.entry(exchange.status).or_default() += 1;
            }
            let statuses: Vec<_> = statuses.iter().map(|(status, times)| format!("{status} x{times}")).collect();
            let wrong = ours.iter().filter(|at| at.exception().is_none()).map(|at| at.violations.len()).sum::<usize>();
            writeln!(f, "{operation}: {} exchanges, {wrong} violations ({})", ours.len(), statuses.join(", "))?;
        }
        writeln!(f, "in all: {} exchanges, {} violations", self.0.len(), self.violations().len())?;
        for exception in EXCEPTIONS {
            let met = self.0.iter().filter_map(Exchange::exception).filter(|one| std::ptr::eq(*one, exception)).count();
            writeln!(f, "excepted x{met}: {exception}")?;
        }
        Ok(())
    }
}
