//! What Jenkins means by its refusals.

use super::login::refuses_crumb;
use crate::error::{Error, ErrorKind};
use crate::http::Answer;

/// Jenkins' own words for a refusal, where it has any.
///
/// Sources: `AccessDeniedException3.reportAsHeaders`, `HudsonAuthenticationEntryPoint`, `CrumbFilter`,
/// `ViewCredentialsAction.getStore` (Jenkins core and credentials plugin).
pub(super) fn explain(answer: &Answer) -> Option<Error> {
    match answer.status() {
        300..=399 => Some(redirected(answer)),
        401 => Some(if is_own_refusal(answer) {
            Error::new(
                ErrorKind::Unauthenticated,
                "Jenkins knows no such user, or not with this API token or password: make a new API token for the user, or \
                 correct the login",
            )
        } else {
            // It is no word on the token, which it never saw.
            Error::new(
                ErrorKind::PermissionDenied,
                "something in front of Jenkins asks for a login of its own: let it pass these requests, or correct the \
                 address",
            )
        }),
        403 => forbidden(answer),
        404 => Some(Error::new(
            ErrorKind::NotFound,
            if is_jenkins(answer) {
                "Jenkins answered 404: it is not there, or hidden from this user: check folder, domain and id, and grant \
                 Credentials/View on the store and Item/Read on its folders"
            } else {
                "the answer was 404 and not from Jenkins: check the address; it ends with the context path, as in \
                 https://ci.example.com/jenkins"
            },
        )),
        500 => logged(answer).map(|id| {
            let text = format!(
                "Jenkins failed with an error of its own: whoever runs it finds it in the log under the ID {id}; look \
                 there before the next try"
            );
            Error::new(ErrorKind::Unavailable, text)
        }),
        503 if says(answer, "content-type", "html") && says(answer, "cache-control", "no-store") => {
            Some(Error::new(ErrorKind::Unavailable, "Jenkins is starting: try again when it is up"))
        }
        _ => None,
    }
}

fn forbidden(answer: &Answer) -> Option<Error> {
    let denied = |text: String| Some(Error::new(ErrorKind::PermissionDenied, text));
    if let Some(id) = answer.header("x-required-permission").and_then(|id| answer.quotable(id)) {
        let who = answer.header("x-you-are-authenticated-as").and_then(|who| answer.quotable(who));
        let who = who.unwrap_or_else(|| "this user".to_owned());
        return denied(format!("{who} lacks the permission {}: grant it in Jenkins ({id})", permission(&id)));
    }
    if refuses_crumb(answer) {
        return denied(
            "Jenkins wants a crumb, as it does of those without an API token: either a proxy in front of it strips the \
             Authorization header, or what was given as an API token is none"
                .to_owned(),
        );
    }
    if is_jenkins(answer) && contains(answer.body(), "Authentication required") {
        return denied(
            "no login reached Jenkins: let the proxy in front of it pass the Authorization header on".to_owned(),
        );
    }
    None
}

/// A permission as the pages of Jenkins name it.
pub(super) fn permission(id: &str) -> String {
    let mut parts = id.rsplit('.');
    let (name, class) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let group = match class {
        "CredentialsProvider" => "Credentials",
        "Hudson" | "Jenkins" => "Overall",
        other => other,
    };
    format!("{group}/{name}")
}

fn redirected(answer: &Answer) -> Error {
    let to = answer.header("location").unwrap_or_default();
    let host = url::Url::parse(to).ok().and_then(|url| url.host_str().and_then(|host| answer.quotable(host)));
    let place = host.map(|host| format!(" on {host}")).unwrap_or_default();
    let text = if to.contains("/login") || to.contains("securityRealm") {
        format!(
            "the answer points to a login page{place}: something asks for a login in the browser; let it pass requests with \
             an API token"
        )
    } else {
        format!(
            "the answer points elsewhere{place}, and redirects are not followed: correct the address (https, host, context \
             path), or mend the login in front of Jenkins"
        )
    };
    Error::new(ErrorKind::Redirected, text)
}

/// The number under which Jenkins logged its error, where the page tells it.
fn logged(answer: &Answer) -> Option<String> {
    let page = String::from_utf8_lossy(answer.body()).into_owned();
    let (_, rest) = page.split_once("Logging ID=")?;
    let id: String = rest.chars().take_while(|c| c.is_ascii_hexdigit() || *c == '-').take(64).collect();
    answer.quotable(&id).filter(|quoted| *quoted == id)
}

/// Whether an answer shows that Jenkins gave it.
pub(super) fn is_jenkins(answer: &Answer) -> bool {
    answer.header("x-jenkins").or_else(|| answer.header("x-hudson")).is_some()
}

/// Whether it was Jenkins that refused a login. Its page for that has no header of its own, but names the realm.
fn is_own_refusal(answer: &Answer) -> bool {
    is_jenkins(answer) || says(answer, "www-authenticate", "\"Jenkins\"")
}

fn says(answer: &Answer, header: &str, word: &str) -> bool {
    answer.header(header).is_some_and(|value| value.contains(word))
}

fn contains(body: &[u8], words: &str) -> bool {
    body.windows(words.len()).any(|window| window == words.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::permission;

    #[test]
    fn permissions_are_named_as_people_see_them() {
        assert_eq!(permission("com.cloudbees.plugins.credentials.CredentialsProvider.Update"), "Credentials/Update");
        assert_eq!(permission("hudson.model.Hudson.Administer"), "Overall/Administer");
        assert_eq!(permission("hudson.model.Item.Read"), "Item/Read");
    }
}
