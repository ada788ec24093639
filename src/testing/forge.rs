//! Makes the answer of a forgery.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::forgery::{Edit, Forgery, Spelling, Words};
use super::server::{Reply, Request};

/// The answer, from the true one where there is one.
pub(super) fn forged(forgery: &Forgery, request: &Request, truth: Option<Reply>) -> Reply {
    let mut reply = truth.unwrap_or_else(|| Reply::status(forgery.status.unwrap_or(200)));
    let before = (reply.headers.clone(), reply.body.clone());
    match &forgery.words {
        Words::True => {}
        Words::These(kind, body) => reply = worded(reply, kind, body.clone()),
        Words::Echo(kind, spelling) => {
            let said = document(kind, &spelled(&said_back(request), *spelling), *spelling);
            reply = worded(reply, kind, said.into_bytes());
        }
    }
    for edit in &forgery.edits {
        reply.body = edited(std::mem::take(&mut reply.body), edit);
    }
    reply.headers.retain(|(name, _)| !forgery.headers.iter().any(|(forged, _)| forged.eq_ignore_ascii_case(name)));
    reply.headers.extend(forgery.headers.iter().cloned());
    if before != (reply.headers.clone(), reply.body.clone()) {
        forgery.lies();
    }
    reply
}

fn worded(mut reply: Reply, kind: &str, body: Vec<u8>) -> Reply {
    reply.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("content-type"));
    reply.body(kind, body)
}

fn edited(body: Vec<u8>, edit: &Edit) -> Vec<u8> {
    if let Edit::Text(from, to) = edit {
        return replaced(&body, from.as_bytes(), to.as_bytes());
    }
    let Ok(mut document) = serde_json::from_slice::<Value>(&body) else { return body };
    match edit {
        Edit::Member(name, value) => {
            if let Some(members) = document.as_object_mut() {
                members.insert(name.clone(), value.clone());
            }
        }
        Edit::Each(name, value) => each(&mut document, name, value),
        Edit::Text(..) => {}
    }
    document.to_string().into_bytes()
}

/// Documents are not always UTF-8.
fn replaced(body: &[u8], from: &[u8], to: &[u8]) -> Vec<u8> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < body.len() {
        if !from.is_empty() && body[at..].starts_with(from) {
            out.extend_from_slice(to);
            at += from.len();
        } else {
            out.push(body[at]);
            at += 1;
        }
    }
    out
}

fn each(document: &mut Value, wanted: &str, other: &Value) {
    match document {
        Value::Object(members) => {
            for (name, value) in members {
                if name == wanted { value.clone_from(other) } else { each(value, wanted, other) }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| each(value, wanted, other)),
        _ => {}
    }
}

/// All that a request brings of secrets: its logins, the password of a Basic one by itself as well, and its body.
fn said_back(request: &Request) -> String {
    let mut said = String::new();
    for name in ["authorization", "private-token", "jenkins-crumb", "x-amz-security-token"] {
        said.extend(request.header(name).map(|value| format!("{value} ")));
    }
    said.extend(request.basic().map(|(user, password)| format!("{user}:{password} ")));
    said + &String::from_utf8_lossy(&request.body)
}

/// Under every name under which an error's words are looked for.
fn document(kind: &str, said: &str, spelling: Spelling) -> String {
    if kind.contains("json") {
        // What is escaped is a text of JSON as it stands.
        let quoted = if spelling == Spelling::Escaped { format!("\"{said}\"") } else { json!(said).to_string() };
        return format!(
            "{{\"message\":{quoted},\"Message\":{quoted},\"error\":{quoted},\"error_description\":{quoted},\"__type\":{quoted},\
             \"errors\":[{{\"message\":{quoted},\"exceptionName\":{quoted}}}]}}"
        );
    }
    if kind.contains("html") {
        return format!("<html><head><title>{said}</title></head><body>{said}</body></html>");
    }
    said.to_owned()
}

fn spelled(said: &str, spelling: Spelling) -> String {
    let each = |spell: fn(u8) -> String| said.bytes().map(spell).collect::<Vec<_>>().concat();
    match spelling {
        Spelling::Plain => said.to_owned(),
        Spelling::Base64 => STANDARD.encode(said),
        Spelling::Base64Url => URL_SAFE_NO_PAD.encode(said),
        Spelling::Percent => each(|byte| format!("%{byte:02x}")),
        Spelling::Escaped => each(|byte| format!("\\u{byte:04x}")),
        Spelling::Entities => each(|byte| format!("&#{byte};")),
        Spelling::Hex => each(|byte| format!("{byte:02x}")),
        Spelling::Reversed => said.chars().rev().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::leak::Search;

    fn request() -> Request {
        let login = format!("Basic {}", STANDARD.encode("bot:key-FAKE-0123456789"));
        Request::of("POST", "/place", &[("authorization", &login)], br#"{"token":"ghp_FAKE0123456789abcdef"}"#)
    }

    #[test]
    fn each_spelling_says_the_login_and_the_body_and_a_search_finds_both() {
        for spelling in Spelling::ALL {
            for kind in ["application/json", "text/html", "text/plain"] {
                let reply = forged(&Forgery::refusing(403).echoing(kind, spelling), &request(), None);
                let said = String::from_utf8(reply.body).unwrap();
                for secret in ["key-FAKE-0123456789", "ghp_FAKE0123456789abcdef"] {
                    assert!(Search::of([secret]).finds_in(&said), "{spelling:?} {kind}: {said}");
                }
            }
        }
    }

    #[test]
    fn the_truth_is_changed_where_that_was_asked_and_the_change_is_counted() {
        let forgery = Forgery::of_the_truth().with_member("next", "there").with_each("id", 7).with_text("c", "b");
        let truth = Reply::json(200, &json!({ "rows": [{ "id": 1, "a": "b" }] }));
        let reply = forged(&forgery, &request(), Some(truth));
        let body: Value = serde_json::from_slice(&reply.body).unwrap();
        assert_eq!(body, json!({ "rows": [{ "id": 7, "a": "c" }], "next": "there" }));
        assert_eq!(forgery.lied(), 1);
        forged(&forgery, &request(), Some(Reply::status(204)));
        assert_eq!(forgery.lied(), 1);
    }

    #[test]
    fn a_header_comes_as_often_as_it_was_given_and_in_place_of_the_true_one() {
        let forgery = Forgery::of_the_truth().with_header("Retry-After", "1").with_header("retry-after", "2");
        let reply = forged(&forgery, &request(), Some(Reply::status(503).header("retry-after", "5")));
        let values: Vec<_> = reply.headers.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["1", "2"]);
    }
}
