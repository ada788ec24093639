//! An answer that was made to do harm.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::Value;

/// An answer of a far side that means harm: what it says, and how it comes.
///
/// ```
/// use tokenturn::testing::Forgery;
///
/// let forged = Forgery::refusing(302).with_header("Location", "https://elsewhere.example/").lasting();
/// assert_eq!(forged.met(), 0);
/// ```
#[derive(Clone, Debug)]
pub struct Forgery {
    /// With which status it is refused; `None` where the request is done, and the true answer is changed.
    pub(super) status: Option<u16>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) words: Words,
    pub(super) edits: Vec<Edit>,
    pub(super) delivery: Delivery,
    pub(super) lasts: bool,
    met: Arc<AtomicUsize>,
    lied: Arc<AtomicUsize>,
}

/// What stands in the body before anything of it is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Words {
    /// The true ones.
    True,
    /// These, of this content type.
    These(String, Vec<u8>),
    /// What came, spelled so, in a document of this content type.
    Echo(String, Spelling),
}

/// How what came is said back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "a search for secrets must know each")]
pub enum Spelling {
    /// As it is.
    Plain,
    /// In base64.
    Base64,
    /// In base64 for addresses.
    Base64Url,
    /// With a percent escape for each character.
    Percent,
    /// With a backslash escape of JSON for each character.
    Escaped,
    /// With an entity of XML for each character.
    Entities,
    /// In hexadecimal.
    Hex,
    /// From its end to its beginning.
    Reversed,
}

impl Spelling {
    /// Every one.
    pub const ALL: [Self; 8] = [
        Self::Plain,
        Self::Base64,
        Self::Base64Url,
        Self::Percent,
        Self::Escaped,
        Self::Entities,
        Self::Hex,
        Self::Reversed,
    ];
}

/// What is changed in the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    /// A member of the object that the answer is, there or not.
    Member(String, Value),
    /// Every member of this name, at any depth.
    Each(String, Value),
    /// A text, wherever it stands.
    Text(String, String),
}

/// How the body comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// At once.
    Whole,
    /// In pieces of so many bytes.
    Pieces(usize),
    /// Byte by byte, with this pause after each.
    Slow(Duration),
    /// Without an end.
    Endless,
    /// The head comes, and nothing after it.
    Stalled,
    /// Nothing comes at all.
    Silent,
}

impl Forgery {
    fn new(status: Option<u16>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            words: Words::True,
            edits: Vec::new(),
            delivery: Delivery::Whole,
            lasts: false,
            met: Arc::default(),
            lied: Arc::default(),
        }
    }

    /// Nothing happens, and this is the status.
    #[must_use]
    pub fn refusing(status: u16) -> Self {
        Self { words: Words::These("text/plain".to_owned(), Vec::new()), ..Self::new(Some(status)) }
    }

    /// The request is done, and the answer is the true one but for what is changed.
    #[must_use]
    pub fn of_the_truth() -> Self {
        Self::new(None)
    }

    /// With a header, in place of true ones of this name. Given more than once, it comes more than once.
    #[must_use]
    pub fn with_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// With this body.
    #[must_use]
    pub fn saying(mut self, kind: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        self.words = Words::These(kind.into(), body.into());
        self
    }

    /// With a body that says back the login and the body of the request.
    #[must_use]
    pub fn echoing(mut self, kind: impl Into<String>, spelling: Spelling) -> Self {
        self.words = Words::Echo(kind.into(), spelling);
        self
    }

    /// Where the answer is an object of JSON, with this member, there or not.
    #[must_use]
    pub fn with_member(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.edits.push(Edit::Member(name.into(), value.into()));
        self
    }

    /// Where the answer is JSON, with this value in every member of this name.
    #[must_use]
    pub fn with_each(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.edits.push(Edit::Each(name.into(), value.into()));
        self
    }

    /// With this text in place of that one.
    #[must_use]
    pub fn with_text(mut self, to: impl Into<String>, in_place_of: impl Into<String>) -> Self {
        self.edits.push(Edit::Text(in_place_of.into(), to.into()));
        self
    }

    /// In pieces of so many bytes.
    #[must_use]
    pub fn in_pieces(self, bytes: usize) -> Self {
        self.delivered(Delivery::Pieces(bytes.max(1)))
    }

    /// Byte by byte, with this pause after each.
    #[must_use]
    pub fn byte_by_byte(self, pause: Duration) -> Self {
        self.delivered(Delivery::Slow(pause))
    }

    /// With a body that never ends.
    #[must_use]
    pub fn without_end(self) -> Self {
        self.delivered(Delivery::Endless)
    }

    /// The head comes, and never a body.
    #[must_use]
    pub fn stalling(self) -> Self {
        self.delivered(Delivery::Stalled)
    }

    /// Nothing ever comes.
    #[must_use]
    pub fn silent(self) -> Self {
        self.delivered(Delivery::Silent)
    }

    fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    /// It meets every request from then on.
    #[must_use]
    pub fn lasting(mut self) -> Self {
        self.lasts = true;
        self
    }

    /// The same, that has met nobody yet.
    #[must_use]
    pub fn anew(&self) -> Self {
        Self { met: Arc::default(), lied: Arc::default(), ..self.clone() }
    }

    /// How many requests it has met.
    #[must_use]
    pub fn met(&self) -> usize {
        self.met.load(Ordering::SeqCst)
    }

    /// How many true answers it has changed.
    #[must_use]
    pub fn lied(&self) -> usize {
        self.lied.load(Ordering::SeqCst)
    }

    #[cfg(feature = "http")]
    pub(super) fn meets(&self) {
        self.met.fetch_add(1, Ordering::SeqCst);
    }

    #[cfg(feature = "http")]
    pub(super) fn lies(&self) {
        self.lied.fetch_add(1, Ordering::SeqCst);
    }
}

impl PartialEq for Forgery {
    fn eq(&self, other: &Self) -> bool {
        // Not what was counted.
        let said = |forgery: &Self| (forgery.status, forgery.delivery, forgery.lasts);
        said(self) == said(other)
            && (&self.headers, &self.words, &self.edits) == (&other.headers, &other.words, &other.edits)
    }
}

impl Eq for Forgery {}
