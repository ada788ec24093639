//! The classes of credentials that the fake has, and how their documents are read and printed.
//!
//! Reading is lenient as `XStream` in Jenkins is: what it does not know is dropped, what is missing is null, and the text of
//! an element is what stands before its first child, white space and all.

use std::fmt::Write as _;

use super::xml::Element;

/// A class of credentials.
#[derive(Debug)]
pub(super) struct Class {
    /// Its name as an element, with `_` doubled.
    pub(super) element: &'static str,
    plugin: &'static str,
    pub(super) type_name: &'static str,
    fields: &'static [Field],
}

#[derive(Debug)]
struct Field {
    name: &'static str,
    shape: Shape,
}

#[derive(Debug)]
enum Shape {
    Text,
    Flag,
    /// A flag that is set when it is missing, when the object is read.
    FlagOn,
    Secret,
    Nested(&'static [Field]),
}

/// The value of a field; a field that is null has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    Secret(String),
    Nested { class: Option<String>, values: Vec<(&'static str, Value)> },
}

/// A credential.
#[derive(Clone, Debug)]
pub(super) struct Credential {
    pub(super) class: &'static Class,
    pub(super) values: Vec<(&'static str, Value)>,
}

const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape }
}

const KEY_SOURCE: &[Field] = &[field("privateKey", Shape::Secret)];

const CLASSES: &[Class] = &[
    Class {
        element: "com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl",
        plugin: "credentials@1337.v60b_d7b_c7b_c9f",
        type_name: "Username with password",
        fields: &[
            field("scope", Shape::Text),
            field("id", Shape::Text),
            field("description", Shape::Text),
            field("username", Shape::Text),
            field("password", Shape::Secret),
            field("usernameSecret", Shape::Flag),
        ],
    },
    Class {
        element: "org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl",
        plugin: "plain-credentials@182.v468b_97b_9dcb_8",
        type_name: "Secret text",
        fields: &[
            field("scope", Shape::Text),
            field("id", Shape::Text),
            field("description", Shape::Text),
            field("secret", Shape::Secret),
        ],
    },
    Class {
        element: "org.jenkinsci.plugins.plaincredentials.impl.FileCredentialsImpl",
        plugin: "plain-credentials@182.v468b_97b_9dcb_8",
        type_name: "Secret file",
        fields: &[
            field("scope", Shape::Text),
            field("id", Shape::Text),
            field("description", Shape::Text),
            field("fileName", Shape::Text),
            field("secretBytes", Shape::Secret),
        ],
    },
    Class {
        element: "com.cloudbees.jenkins.plugins.sshcredentials.impl.BasicSSHUserPrivateKey",
        plugin: "ssh-credentials@337.v395d2403ccd4",
        type_name: "SSH Username with private key",
        fields: &[
            field("scope", Shape::Text),
            field("id", Shape::Text),
            field("description", Shape::Text),
            field("username", Shape::Text),
            field("usernameSecret", Shape::FlagOn),
            field("passphrase", Shape::Secret),
            field("privateKeySource", Shape::Nested(KEY_SOURCE)),
        ],
    },
    Class {
        element: "com.datapipe.jenkins.vault.credentials.common.VaultUsernamePasswordCredentialImpl",
        plugin: "hashicorp-vault-plugin@370.v946b_53544a_30",
        type_name: "Vault Username-Password Credential",
        fields: &[
            field("scope", Shape::Text),
            field("id", Shape::Text),
            field("description", Shape::Text),
            field("path", Shape::Text),
            field("usernameKey", Shape::Text),
            field("passwordKey", Shape::Text),
        ],
    },
];

impl Credential {
    /// What a document makes; nothing for a class that no plugin has.
    pub(super) fn of(document: &Element) -> Option<Self> {
        let class = CLASSES.iter().find(|class| class.element == document.name)?;
        Some(Self { class, values: values(class.fields, document) })
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|(key, _)| *key == name).and_then(|(_, value)| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })
    }

    pub(super) fn id(&self) -> &str {
        self.text("id").unwrap_or_default()
    }

    /// Its first secret, as it is stored.
    pub(super) fn secret(&self) -> Option<&str> {
        self.values.iter().find_map(|(_, value)| match value {
            Value::Secret(secret) => Some(secret.as_str()),
            _ => None,
        })
    }

    /// What lists show of it.
    pub(super) fn display_name(&self) -> String {
        let description = self.text("description").unwrap_or_default().trim();
        let user = self.text("username").filter(|_| self.text("usernameSecret") == Some("false"));
        match user {
            Some(user) if description.is_empty() => format!("{user}/******"),
            Some(user) => format!("{user}/****** ({description})"),
            None if description.is_empty() => self.id().to_owned(),
            None => description.to_owned(),
        }
    }

    /// Its document, the secrets hidden, as characters: the answer makes bytes of them.
    pub(super) fn printed(&self) -> String {
        let mut out = format!("<{} plugin=\"{}\">", self.class.element, self.class.plugin);
        print(&mut out, &self.values, 1);
        let _ = write!(out, "\n</{}>", self.class.element);
        out
    }
}

fn values(fields: &'static [Field], element: &Element) -> Vec<(&'static str, Value)> {
    let value = |field: &'static Field| {
        let child = element.children.iter().find(|child| child.name == field.name);
        let value = match (&field.shape, child) {
            (Shape::Text, Some(child)) => Value::Text(child.text.clone()),
            (Shape::Flag | Shape::FlagOn, Some(child)) => Value::Text((child.text.trim() == "true").to_string()),
            (Shape::FlagOn, None) => Value::Text("true".to_owned()),
            (Shape::Secret, Some(child)) => Value::Secret(child.text.clone()),
            (Shape::Nested(fields), Some(child)) => {
                Value::Nested { class: child.class.clone(), values: values(fields, child) }
            }
            (_, None) => return None,
        };
        Some((field.name, value))
    };
    fields.iter().filter_map(value).collect()
}

fn print(out: &mut String, values: &[(&str, Value)], depth: usize) {
    let indent = |out: &mut String, depth: usize| {
        out.push('\n');
        (0..depth).for_each(|_| out.push_str("  "));
    };
    for (name, value) in values {
        indent(out, depth);
        match value {
            Value::Text(text) => {
                let _ = write!(out, "<{name}>{}</{name}>", escaped(text));
            }
            Value::Secret(_) => {
                let _ = write!(out, "<{name}>");
                indent(out, depth + 1);
                out.push_str("<secret-redacted/>");
                indent(out, depth);
                let _ = write!(out, "</{name}>");
            }
            Value::Nested { class, values } => {
                let class = class.as_ref().map(|class| format!(" class=\"{}\"", escaped(class))).unwrap_or_default();
                let _ = write!(out, "<{name}{class}>");
                print(out, values, depth + 1);
                indent(out, depth);
                let _ = write!(out, "</{name}>");
            }
        }
    }
}

/// Text as `XStream`'s `PrettyPrintWriter` writes it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() => {
                let _ = write!(out, "&#x{:x};", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

/// Characters as ISO-8859-1, with `?` for each that has none there.
pub(super) fn latin1(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?')).collect()
}
