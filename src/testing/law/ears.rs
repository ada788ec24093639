//! Hears everything that is logged in one thread.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Metadata, Subscriber};

/// What was said, and by what.
#[derive(Clone, Default)]
pub(in crate::testing) struct Ears(Arc<Mutex<Vec<(String, String)>>>);

impl Ears {
    /// Hears what this thread logs, down to the finest level, until the guard goes.
    pub(in crate::testing) fn listen(&self) -> DefaultGuard {
        tracing::subscriber::set_default(self.clone())
    }

    /// Takes this down too.
    pub(in crate::testing) fn hear(&self, who: impl Into<String>, what: impl Into<String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push((who.into(), what.into()));
    }

    /// Everything so far: by what, and what.
    pub(in crate::testing) fn heard(&self) -> Vec<(String, String)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn log(&self, from: &Metadata<'_>, line: Line) {
        self.hear(format!("a log line of {}", from.target()), line.0);
    }
}

/// The fields of a log line.
#[derive(Default)]
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = write!(self.0, "{}={value:?} ", field.name());
    }
}

impl Subscriber for Ears {
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
        self.hear("a span", line.0);
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
