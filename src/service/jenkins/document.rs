//! The document of one credential: read, judged, and changed in one place and nowhere else.

#[cfg(feature = "testing")]
pub(crate) mod fuzz;
mod scan;
#[cfg(test)]
mod tests;

use std::ops::Range;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};
use crate::token::Token;

/// What Jenkins prints in place of a secret.
///
/// Source: `CredentialsStoreAction.SECRETS_REDACTED`. Nothing that still has it is ever sent: Jenkins would store what
/// stands around it.
const REDACTED: &str = "secret-redacted";

/// The credentials that can be written without loss: those with one secret, which is the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// "Username with password".
    UsernamePassword,
    /// "Secret text".
    SecretText,
}

impl Kind {
    fn of(class: &str) -> Option<Self> {
        match class {
            "com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl" => Some(Self::UsernamePassword),
            "org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl" => Some(Self::SecretText),
            _ => None,
        }
    }

    /// The element that holds the secret.
    fn secret(self) -> &'static str {
        match self {
            Self::UsernamePassword => "password",
            Self::SecretText => "secret",
        }
    }
}

/// A credential's document as Jenkins printed it.
#[derive(Clone, Debug)]
pub(super) struct Document {
    text: String,
    kind: Kind,
    fields: Vec<Field>,
    /// What stands inside the element of the secret.
    secret: Range<usize>,
    /// Whether it came in ISO-8859-1, with `?` for every character that has none there.
    lossy: bool,
}

/// One element below the root.
#[derive(Clone, Debug)]
struct Field {
    name: String,
    whole: Range<usize>,
    /// `None` where it is written as `<name/>`.
    inside: Option<Range<usize>>,
    /// What it says; `None` where it has elements of its own.
    says: Option<String>,
}

/// What is known of a credential beside its document, where the document may have lost characters.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known<'a> {
    pub(super) id: &'a str,
    pub(super) description: Option<&'a str>,
    pub(super) username: Option<&'a str>,
}

impl Document {
    /// Reads what Jenkins printed, and refuses what cannot be written back without loss.
    pub(super) fn read(text: String, lossy: bool) -> Result<Self> {
        let scanned = scan::scan(&text)?;
        let secret = match scanned.redacted.as_slice() {
            [] => {
                return Err(unsupported(
                    "it holds no secret of its own, so there is nothing to rotate here: rotate it where it is kept, a \
                     Vault for example",
                ));
            }
            [field] => *field,
            more => {
                return Err(unsupported(format!(
                    "it holds {} secrets, and writing one would blank the others: move the token to a credential of its \
                     own",
                    more.len()
                )));
            }
        };
        let Some(kind) = Kind::of(&scanned.root) else {
            let text = format!(
                "it is of the class {}: only \"Username with password\" and \"Secret text\" can be rotated",
                printable(&scanned.root)
            );
            return Err(unsupported(text));
        };
        let odd = || unsupported("its secret is not where this class keeps it: update it by hand");
        let field = secret.and_then(|at| scanned.fields.get(at)).filter(|field| field.name == kind.secret());
        let inside = field.and_then(|field| field.inside.clone()).ok_or_else(odd)?;
        if !scan::is_marker_alone(&text[inside.clone()], REDACTED) {
            return Err(odd());
        }
        for name in ["id", "description", "username", kind.secret()] {
            if scanned.fields.iter().filter(|field| field.name == name).count() > 1 {
                return Err(unsupported(format!("it has <{name}> twice: see what really answers there")));
            }
        }
        Ok(Self { kind, fields: scanned.fields, secret: inside, lossy, text })
    }

    pub(super) fn kind(&self) -> Kind {
        self.kind
    }

    /// The document as it was printed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// What a field says.
    pub(super) fn says(&self, name: &str) -> Option<&str> {
        self.field(name)?.says.as_deref()
    }

    /// Checks that the document is that of the credential that is known, and that nothing of it was lost in print.
    pub(super) fn check(&self, known: &Known<'_>) -> Result<()> {
        self.restored(known).map(|_| ())
    }

    /// The document with this token as its secret, ready to be sent. All else stays as it was printed; what the print
    /// lost is put right.
    pub(super) fn with_secret(&self, token: &Token, known: &Known<'_>) -> Result<Zeroizing<Vec<u8>>> {
        let mut changes = self.restored(known)?;
        changes.push((self.secret.clone(), token.expose()));
        changes.sort_by_key(|(span, _)| span.start);
        // Room for the longest form of everything: a buffer that grows leaves copies of the secret behind.
        let room = |text: &str| text.chars().map(|c| if c.is_ascii() { 6 } else { 10 }).sum::<usize>();
        let size = room(&self.text) + changes.iter().map(|(_, text)| room(text)).sum::<usize>();
        let mut sent = Zeroizing::new(Vec::with_capacity(size));
        let mut at = 0;
        for (span, text) in changes {
            push_ascii(&mut sent, &self.text[at..span.start]);
            push_escaped(&mut sent, text);
            at = span.end;
        }
        push_ascii(&mut sent, &self.text[at..]);
        debug_assert!(sent.len() <= size, "it grew");
        if sent.windows(REDACTED.len() + 1).any(|window| &window[1..] == REDACTED.as_bytes() && window[0] == b'<') {
            return Err(Error::new(
                ErrorKind::Internal,
                "a document was about to be sent with its secret still hidden",
            ));
        }
        Ok(sent)
    }

    /// The fields that `other` has otherwise, by name. The secret never shows.
    pub(super) fn differences(&self, other: &Self) -> Vec<String> {
        if self.text == other.text {
            return Vec::new();
        }
        let mut names: Vec<String> = Vec::new();
        let mut note = |field: &Field, mine: &Self, theirs: &Self| {
            let same = |there: &Field| theirs.text[there.whole.clone()] == mine.text[field.whole.clone()];
            if !theirs.fields.iter().any(|there| there.name == field.name && same(there)) {
                names.push(printable(&field.name));
            }
        };
        self.fields.iter().for_each(|field| note(field, self, other));
        other.fields.iter().for_each(|field| note(field, other, self));
        names.sort();
        names.dedup();
        if names.is_empty() { vec!["its order or attributes".to_owned()] } else { names }
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// What must be written in place of what the print lost.
    fn restored<'a>(&self, known: &Known<'a>) -> Result<Vec<(Range<usize>, &'a str)>> {
        let mut changes = Vec::new();
        for (name, known) in [("id", Some(known.id)), ("description", known.description), ("username", known.username)]
        {
            let printed = self.says(name).unwrap_or_default();
            match known {
                Some(known) if known == printed => {}
                Some(known) if self.lossy && prints_as(known, printed) => {
                    changes.extend(self.field(name).and_then(|field| field.inside.clone()).map(|span| (span, known)));
                }
                Some(_) => {
                    let text = match name {
                        "id" => "its document says another id, and writing it would rename it: look at it in Jenkins",
                        "username" => "it has another username than was expected: check which credential is meant",
                        _ => "its description changed while it was read: read it again",
                    };
                    let kind = if name == "description" { ErrorKind::Conflict } else { ErrorKind::Unsupported };
                    return Err(Error::new(kind, text));
                }
                None => {}
            }
        }
        let known = |name: &str| match name {
            "id" => true,
            "description" => known.description.is_some(),
            "username" => known.username.is_some(),
            other => other == self.kind.secret(),
        };
        let lost = self.fields.iter().find(|field| !known(&field.name) && self.text[field.whole.clone()].contains('?'));
        match lost {
            Some(field) if self.lossy => Err(unsupported(format!(
                "Jenkins printed a ? in <{}>, which may stand for a character that it could not print, and writing it back \
                 would lose that: {}",
                printable(&field.name),
                if field.name == "username" { "give the name with `expecting_username`" } else { "update it by hand" }
            ))),
            _ => Ok(changes),
        }
    }
}

/// Whether text in ISO-8859-1, with `?` for what it lacks, would read so. An encoder makes one `?` or two of a character
/// beyond the first plane.
fn prints_as(known: &str, printed: &str) -> bool {
    let print = |beyond: &str| -> String {
        let one = |c: char| match u32::from(c) {
            0..=0xFF => c.to_string(),
            0x100..=0xFFFF => "?".to_owned(),
            _ => beyond.to_owned(),
        };
        known.chars().map(one).collect()
    };
    print("?") == printed || print("??") == printed
}

/// Appends what was printed, in ASCII: what is beyond stands in text and attributes only, where a reference means the same.
fn push_ascii(sent: &mut Vec<u8>, text: &str) {
    for c in text.chars() {
        if c.is_ascii() { sent.push(c as u8) } else { push_reference(sent, c) }
    }
}

/// Appends text as an element holds it, without white space around it: Jenkins takes all of it.
fn push_escaped(sent: &mut Vec<u8>, text: &str) {
    for c in text.chars() {
        match c {
            '&' => sent.extend_from_slice(b"&amp;"),
            '<' => sent.extend_from_slice(b"&lt;"),
            '>' => sent.extend_from_slice(b"&gt;"),
            ' '..='~' | '\n' | '\t' => sent.push(c as u8),
            _ => push_reference(sent, c),
        }
    }
}

fn push_reference(sent: &mut Vec<u8>, c: char) {
    sent.extend_from_slice(format!("&#{};", u32::from(c)).as_bytes());
}

/// A name of the far side, as an error may show it.
fn printable(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(120).collect()
}

fn unsupported(text: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Unsupported, text)
}
