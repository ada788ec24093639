//! Hears everything that is logged.

use std::collections::{BTreeSet, HashMap};
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};

/// So much of two texts in a row is looked at as one, in bytes. Of a secret that is longer than it either part is found by itself.
const SEAM: usize = 160;

/// What was said, and by what. Clones hear and know the same.
#[derive(Clone, Default)]
pub struct Ears(Arc<Mutex<Vec<(String, String)>>>);

/// For as long as this lives, what its thread logs is heard.
#[must_use]
pub struct Listening {
    _until: DefaultGuard,
}

impl Ears {
    /// Ears that have heard nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Hears what this thread logs by `tracing`, down to the finest level, until the guard goes. What is logged by the older
    /// `log` has one ear for the whole process, which is the program's; let it call [`hear`](Self::hear).
    pub fn listen(&self) -> Listening {
        Listening { _until: tracing::subscriber::set_default(Subscribed(self.clone())) }
    }

    /// Hears what every thread of this process logs by `tracing`, from now to its end. False where somebody else does.
    #[must_use]
    pub fn listen_everywhere(&self) -> bool {
        tracing::subscriber::set_global_default(Subscribed(self.clone())).is_ok()
    }

    /// Takes this down too.
    pub fn hear(&self, who: impl Into<String>, what: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((who.into(), what.into()));
    }

    /// Everything so far: by what, and what.
    #[must_use]
    pub fn heard(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, each once, and where two texts of one speaker meet: a short secret may be spread over two lines of a log.
    pub(super) fn all(&self) -> BTreeSet<(String, String)> {
        let mut all = BTreeSet::new();
        let mut ends: HashMap<String, String> = HashMap::new();
        for (who, what) in self.heard() {
            let begins = String::from_utf8_lossy(&what.as_bytes()[..what.len().min(SEAM)]).into_owned();
            let ended = String::from_utf8_lossy(&what.as_bytes()[what.len().saturating_sub(SEAM)..]).into_owned();
            if let Some(before) = ends.insert(who.clone(), ended) {
                all.insert((who.clone(), before + &begins));
            }
            all.insert((who, what));
        }
        all
    }
}

impl fmt::Debug for Ears {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ears")
    }
}

impl fmt::Debug for Listening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listening")
    }
}

struct Subscribed(Ears);

impl Subscribed {
    fn log(&self, from: &Metadata<'_>, line: Line) {
        self.0.hear(format!("a log line of {}", from.target()), line.text());
    }
}

/// A log line: its message, and its fields after it.
#[derive(Default)]
struct Line {
    message: String,
    fields: String,
}

impl Line {
    fn text(mut self) -> String {
        self.message.push_str(&self.fields);
        self.message
    }
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

impl Subscriber for Subscribed {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line::default();
        span.record(&mut line);
        self.log(span.metadata(), line);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line::default();
        values.record(&mut line);
        self.0.hear("a span", line.text());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line::default();
        event.record(&mut line);
        self.log(event.metadata(), line);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}
