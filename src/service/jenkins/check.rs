//! Checks that log in elsewhere with what Jenkins has stored.
//!
//! They show that the stored token works. That it is the new one they cannot show while the old one lives: it would pass
//! them too.

use url::Url;

use super::address::item;
use super::api::Connection;
use crate::error::{Error, ErrorKind, Result};
use crate::http;
use crate::token::{AdmittedToken, Answer};

/// An id that no credential has: what passes with it passes without a login.
const NOBODY: &str = "tokenturn-no-such-credential";

/// A repository that a job fetches with the credential.
#[derive(Clone, Debug)]
pub(super) struct Repository {
    pub(super) url: Url,
    /// The job in whose place Jenkins looks for the credential, outermost folder first.
    pub(super) job: Vec<String>,
}

/// What a check showed.
pub(super) struct Checked {
    pub(super) works: Answer,
    pub(super) new: Answer,
    pub(super) note: &'static str,
}

impl Checked {
    fn works(works: Answer, note: &'static str) -> Self {
        Self { works, new: Answer::Unknown, note }
    }
}

/// What the validation of a form found.
///
/// Source: `hudson.util.FormValidation`. A bare `<div/>` means "fine", and "not looked at" too.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Ok(String),
    Error(String),
    Other,
}

/// "Test connection" of the GitHub plugin. Jenkins sends the stored token to `apiUrl`, so that is the provider's own
/// address as it was configured, and never anything that an answer says.
///
/// Source: `GitHubServerConfig.DescriptorImpl.doVerifyCredentials` (github plugin); its success text is not translated.
pub(super) async fn connection(jenkins: &Connection, id: &str, token: &AdmittedToken) -> Result<Checked> {
    let Some(api) = &token.grant().api else {
        let note = "the provider does not say where its API is, so Jenkins cannot be told where to test";
        return Ok(Checked::works(Answer::Unknown, note));
    };
    let api = api.as_str().trim_end_matches('/');
    let path = ["descriptorByName", "org.jenkinsci.plugins.github.config.GitHubServerConfig", "verifyCredentials"];
    let answer = jenkins.validate(&path, &[("apiUrl", api), ("credentialsId", id)]).await;
    let answer = answer.map_err(|error| {
        missing(error, "Jenkins has no \"Test connection\": install the GitHub plugin there, or leave the check out")
    })?;
    Ok(match found(&answer)? {
        Found::Ok(text) => match user_in(&text) {
            Some(user) if user.eq_ignore_ascii_case(&token.grant().owner) => {
                Checked::works(Answer::Proven, "the test connection of Jenkins logged in as the token's owner")
            }
            Some(_) => Checked {
                works: Answer::Proven,
                new: Answer::Refuted,
                note: "the test connection of Jenkins logged in as another user than the token's owner",
            },
            None => Checked::works(Answer::Unknown, "the test connection passed and did not say as whom"),
        },
        Found::Error(_) => Checked::works(
            Answer::Refuted,
            "the test connection failed: the stored token is refused, or the API cannot be reached from Jenkins",
        ),
        Found::Nothing | Found::Other => Checked::works(Answer::Unknown, "the test connection gave no result"),
    })
}

/// The check of a repository's address by the git plugin, which lists its branches with the stored login.
///
/// Source: `UserRemoteConfig.DescriptorImpl.doCheckUrl` (git plugin).
pub(super) async fn repository(jenkins: &Connection, id: &str, repository: &Repository) -> Result<Checked> {
    if let Found::Nothing = check_url(jenkins, NOBODY, repository).await? {
        let note = "the check of the repository passes without a login too, so it shows nothing";
        return Ok(Checked::works(Answer::Unknown, note));
    }
    Ok(match check_url(jenkins, id, repository).await? {
        Found::Nothing => Checked::works(Answer::Proven, "Jenkins listed the repository with the stored login"),
        Found::Error(text) if is_refusal(&text) => {
            Checked::works(Answer::Refuted, "the repository refused the stored login")
        }
        _ => Checked::works(Answer::Unknown, "Jenkins could not reach the repository"),
    })
}

/// Finds out whether the check of a repository can show anything at all.
pub(super) async fn control(jenkins: &Connection, repository: &Repository) -> Result<()> {
    if repository.url.as_str().contains('$')
        || !repository.url.username().is_empty()
        || repository.url.password().is_some()
    {
        let text = "the address of the repository to check must hold no $ (Jenkins skips the check then) and no login: \
                    correct it";
        return Err(Error::new(ErrorKind::Configuration, text));
    }
    match check_url(jenkins, NOBODY, repository).await? {
        Found::Nothing => {
            let text = "the check of the repository passes with a credential that does not exist: name a private \
                        repository, and grant Credentials/UseItem on the job";
            Err(Error::new(ErrorKind::Configuration, text))
        }
        _ => Ok(()),
    }
}

async fn check_url(jenkins: &Connection, id: &str, repository: &Repository) -> Result<Found> {
    let mut path = item(&repository.job);
    path.extend(["descriptorByName", "hudson.plugins.git.UserRemoteConfig", "checkUrl"]);
    let answer = jenkins.validate(&path, &[("value", repository.url.as_str()), ("credentialsId", id)]).await;
    let answer = answer.map_err(|error| {
        missing(
            error,
            "Jenkins cannot check the repository: the job is not there or hidden from this user (grant Item/Read), or the git \
             plugin is missing",
        )
    })?;
    found(&answer)
}

fn missing(error: Error, text: &'static str) -> Error {
    if error.kind() == ErrorKind::NotFound { Error::new(ErrorKind::Unsupported, text) } else { error }
}

/// Whether git's words say that the login was refused, and not that nobody was reached.
fn is_refusal(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let words =
        ["authentication failed", "invalid username or password", "not found", "error: 401", "error: 403", "denied"];
    words.iter().any(|words| text.contains(words))
}

fn user_in(text: &str) -> Option<&str> {
    let rest = text.strip_prefix("Credentials verified for user ")?;
    Some(rest.rsplit_once(", rate limit:").map_or(rest, |(user, _)| user))
}

pub(super) fn found(answer: &http::Answer) -> Result<Found> {
    let page = String::from_utf8_lossy(answer.body());
    let page = page.trim();
    let Some(rest) = page.strip_prefix("<div") else {
        return Err(answer.not_understood("it is not what the check of a form finds"));
    };
    let rest = rest.trim_start();
    if rest.starts_with("/>") || rest == "></div>" {
        return Ok(Found::Nothing);
    }
    let (attributes, inside) = rest.split_once('>').unwrap_or((rest, ""));
    let text = unescaped(inside.strip_suffix("</div>").unwrap_or(inside));
    let class = attributes.trim().strip_prefix("class=").unwrap_or_default().trim_matches(['"', '\'']);
    Ok(match class {
        "ok" => Found::Ok(text),
        "error" => Found::Error(text),
        _ => Found::Other,
    })
}

fn unescaped(text: &str) -> String {
    let pairs = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#039;", "'"), ("&#39;", "'"), ("&amp;", "&")];
    pairs.iter().fold(text.trim().to_owned(), |text, (escaped, plain)| text.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_of_a_passed_test_is_read_whole() {
        assert_eq!(user_in("Credentials verified for user build-bot, rate limit: 4999"), Some("build-bot"));
        assert_eq!(user_in("Credentials verified for user a, rate limit: b, rate limit: 1"), Some("a, rate limit: b"));
        assert_eq!(user_in("User build-bot"), None);
    }

    #[test]
    fn a_host_that_is_not_reached_is_no_refusal() {
        assert!(is_refusal("stderr: fatal: Authentication failed for 'https://git.example.com/a.git/'"));
        assert!(is_refusal("remote: Repository not found."));
        assert!(!is_refusal("fatal: unable to access 'https://x/': Could not resolve host: x"));
    }
}
