//! A git context as Codefresh prints it, and the one value in it that is replaced.

use serde_json::{Map, Value};
use zeroize::{Zeroize, Zeroizing};

use super::api::digest;
use crate::error::{Error, ErrorKind, Result};
use crate::http::Answer;
use crate::token::Token;

/// The kinds of context that log in with a token. Source: `context/create/git/types` (npm package `codefresh`).
const KINDS: &[&str] = &["git.github", "git.gitlab", "git.bitbucket", "git.stash", "git.bitbucket-server"];

/// Names under `metadata` that may change with every write.
const STAMPS: &[&str] = &["updatedAt", "updated_at", "modifiedAt", "lastModified", "revision", "version", "__v"];

/// Words in names of fields that hold secrets.
const SECRETS: &[&str] = &[
    "password",
    "token",
    "secret",
    "private",
    "sshkey",
    "ssh_key",
    "passphrase",
    "apikey",
    "api_key",
    "accesskey",
    "access_key",
    "credential",
];

/// How many names of fields an error lists.
const LISTED: usize = 10;

/// A git context, without its password: that is wiped when it is read, whatever form it came in.
pub(super) struct Document {
    whole: Map<String, Value>,
    /// Whether the password was an expression that leads to a secret store.
    expression: bool,
}

impl Document {
    /// Reads it. Order and unknown fields stay as they are.
    pub(super) fn read(answer: &Answer, name: &str) -> Result<Self> {
        let Ok(Value::Object(mut whole)) = answer.json::<Value>() else {
            return Err(answer.not_understood("it is not the object that Codefresh prints for a context"));
        };
        let mut expression = false;
        let auth = at_mut(&mut whole, &["spec", "data", "auth"]);
        if let Some(password) = auth.and_then(|auth| auth.get_mut("password")) {
            expression = any_text(password, &is_expression);
            wipe(password);
            *password = Value::Null;
        }
        let named = whole.get("metadata").and_then(|metadata| metadata.get("name")).and_then(Value::as_str);
        if named != Some(name) {
            return Err(answer.not_understood("it is not the context of this name"));
        }
        Ok(Self { whole, expression })
    }

    /// Refuses what cannot be written back without loss, and what is no place for a token.
    pub(super) fn check(&self, username: Option<&str>) -> Result<()> {
        let refuse = |text: &'static str| Err(Error::new(ErrorKind::Unsupported, text));
        let kind = self.text(&["spec", "type"]).unwrap_or_default();
        if !KINDS.contains(&kind) {
            return refuse(if kind == "git.github-app" {
                "the context is a GitHub App, which has no token of a person: rotate the app's key instead"
            } else {
                "the context is no git context that logs in with a token: check its name"
            });
        }
        if self.at(&["metadata", "system"]).and_then(Value::as_bool) == Some(true) {
            return refuse("the context belongs to Codefresh itself (`system`): use one of your own");
        }
        match self.text(&["spec", "data", "auth", "type"]) {
            Some("basic") => {}
            Some(_) => {
                return refuse(
                    "the context logs in by OAuth or in another way than by a token, and writing one would convert it: \
                     switch it over in Codefresh first, if that is what you want",
                );
            }
            None => {
                return refuse(
                    "Codefresh does not show how this context logs in (`spec.data.auth.type`), and writing a token might \
                     convert it: update it by hand",
                );
            }
        }
        if self.expression || self.at(&["spec", "data"]).is_some_and(|data| any_text(data, &is_expression)) {
            return refuse(
                "the context takes its login from a secret store (`${{secrets...}}`): rotate the token there, by a consumer \
                 of its own",
            );
        }
        if self.at(&["spec", "data", "secretStoreReferences"]).is_some_and(|stores| !is_empty(stores)) {
            return refuse(
                "the context refers to a secret store (`secretStoreReferences`): rotate the token there, by a consumer of \
                 its own",
            );
        }
        if any_text(&Value::Object(self.whole.clone()), &is_masked)
            || self.at(&["spec", "data"]).is_some_and(holds_other_secrets)
        {
            return refuse(
                "the context holds another secret beside its token, or a masked value, and Codefresh may have printed it so \
                 that writing it back would store the mask: update it by hand",
            );
        }
        self.check_username(kind, username)
    }

    fn check_username(&self, kind: &str, expected: Option<&str>) -> Result<()> {
        let there = self.text(&["spec", "data", "auth", "username"]).filter(|name| !name.is_empty());
        if matches!(kind, "git.bitbucket" | "git.stash" | "git.bitbucket-server") && there.is_none() {
            let text = "the context has no username, which Bitbucket wants with the token: mend it in Codefresh first";
            return Err(Error::new(ErrorKind::Unsupported, text));
        }
        if expected.is_some() && expected != there {
            let text =
                "the context logs in as another user than the one given with `username`: check which context it is";
            return Err(Error::new(ErrorKind::Configuration, text));
        }
        Ok(())
    }

    /// What changes when anything but the password changes.
    pub(super) fn version(&self) -> String {
        digest([Value::Object(self.whole.clone()).to_string().as_str()])
    }

    /// The whole with this token as its password.
    pub(super) fn with_password(&self, token: &Token) -> Result<Zeroizing<Vec<u8>>> {
        let missing = || Error::new(ErrorKind::Internal, "a context without a login was to be written");
        let mut whole = self.whole.clone();
        let auth = at_mut(&mut whole, &["spec", "data", "auth"]).and_then(Value::as_object_mut).ok_or_else(missing)?;
        auth.insert("type".to_owned(), Value::from("basic"));
        auth.insert("password".to_owned(), Value::from(token.expose()));
        let mut text = Zeroizing::new(Vec::with_capacity(64 * 1024));
        let written = serde_json::to_writer(&mut *text, &whole);
        if let Some(password) = at_mut(&mut whole, &["spec", "data", "auth", "password"]) {
            wipe(password);
        }
        match written {
            Ok(()) => Ok(text),
            Err(_) => Err(Error::new(ErrorKind::Internal, "a context could not be written as JSON")),
        }
    }

    /// The fields in which two differ, but for the password and what changes with every write, as an error may name them: the
    /// names are the far side's.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        let mut paths = Vec::new();
        differ("", &Value::Object(self.whole.clone()), &Value::Object(other.whole.clone()), &mut paths);
        paths.retain(|path| {
            let stamp = path.strip_prefix("metadata.").is_some_and(|name| STAMPS.contains(&name));
            !stamp && path != "spec.data.auth.password"
        });
        let more = paths.len().saturating_sub(LISTED);
        paths.truncate(LISTED);
        for path in &mut paths {
            path.retain(|c| c.is_ascii_graphic() || c == ' ');
        }
        if more > 0 {
            paths.push(format!("{more} more"));
        }
        paths
    }

    fn at(&self, path: &[&str]) -> Option<&Value> {
        let (first, rest) = path.split_first()?;
        rest.iter().try_fold(self.whole.get(*first)?, |value, name| value.get(name))
    }

    fn text(&self, path: &[&str]) -> Option<&str> {
        self.at(path)?.as_str()
    }
}

fn at_mut<'a>(whole: &'a mut Map<String, Value>, path: &[&str]) -> Option<&'a mut Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(whole.get_mut(*first)?, |value, name| value.get_mut(name))
}

/// Whether any text in a value is so.
fn any_text(value: &Value, is: &dyn Fn(&str) -> bool) -> bool {
    match value {
        Value::String(text) => is(text),
        Value::Array(values) => values.iter().any(|value| any_text(value, is)),
        Value::Object(fields) => fields.values().any(|value| any_text(value, is)),
        _ => false,
    }
}

/// Source: "Git provider integrations for pipelines" (Codefresh documentation), secret stores.
fn is_expression(text: &str) -> bool {
    text.contains("${{")
}

/// Whether a value stands for another. How Codefresh masks is not documented, so this knows the usual ways, and the
/// beginning of values that its services encrypt.
fn is_masked(text: &str) -> bool {
    let word = text.trim_matches(['[', ']', '<', '>', '(', ')', '/', '_', ' ']).to_ascii_lowercase();
    text.contains("***")
        || !text.is_empty() && text.chars().all(|c| matches!(c, '*' | '\u{2022}' | '\u{25cf}'))
        || text.starts_with("$$$crypto")
        || matches!(word.as_str(), "redacted" | "secret-redacted" | "masked" | "hidden" | "encrypted")
}

/// Whether a name of a field says that it holds a secret, and it holds something.
fn holds_other_secrets(data: &Value) -> bool {
    match data {
        Value::Object(fields) => fields.iter().any(|(name, value)| {
            let name = name.to_ascii_lowercase();
            let telling = name != "secretstorereferences" && SECRETS.iter().any(|word| name.contains(word));
            telling && !is_empty(value) || holds_other_secrets(value)
        }),
        Value::Array(values) => values.iter().any(holds_other_secrets),
        _ => false,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => true,
        Value::Number(_) => false,
        Value::String(text) => text.is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

fn differ(path: &str, one: &Value, other: &Value, found: &mut Vec<String>) {
    let (Value::Object(one), Value::Object(other)) = (one, other) else {
        if one != other {
            found.push(path.to_owned());
        }
        return;
    };
    let mut names: Vec<&String> = one.keys().chain(other.keys().filter(|name| !one.contains_key(*name))).collect();
    names.sort();
    for name in names {
        let below = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        match (one.get(name), other.get(name)) {
            (Some(one), Some(other)) => differ(&below, one, other, found),
            _ => found.push(below),
        }
    }
}

fn wipe(value: &mut Value) {
    if let Value::String(text) = value {
        text.zeroize();
    }
}
