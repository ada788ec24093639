//! The ways in which a value can say something of itself, and ears at each.

use std::any::type_name;
use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::error::Error as _;
use std::fmt::{Debug, Display};
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, Once};

use serde::Serialize;
use tokenturn::testing::leak::Ears;
use tokenturn::{Error, Event};

/// How a secret can get out: every value is asked for each that it has.
pub(crate) const CHANNELS: [&str; 13] = [
    "Debug",
    "Debug, pretty",
    "Display",
    "JSON",
    "an error's words",
    "an error's source",
    "a problem",
    "an event",
    "a panic",
    "tracing, message",
    "tracing, field",
    "tracing, span",
    "log",
];

/// What values said, and of which types there were some.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) ears: Ears,
    pub(crate) types: Mutex<BTreeSet<String>>,
}

/// Asks a value of every type for all that it can say: where it has a `Display` or is serialised, that too.
macro_rules! specimen {
    ($said:expr, $($value:expr),+ $(,)?) => {
        $({
            let value = &$value;
            let probe = $crate::channels::Probe(value);
            $said.take(value, probe.shown(), probe.json());
        })+
    };
}

/// Has a `shown` and a `json` of its own where its value has them, and else those of [`Otherwise`].
pub(crate) struct Probe<'a, T>(pub(crate) &'a T);

impl<T: Display> Probe<'_, T> {
    #[expect(clippy::unnecessary_wraps, reason = "as that of `Otherwise`")]
    pub(crate) fn shown(&self) -> Option<String> {
        Some(format!("{} {:#}", self.0, self.0))
    }
}

impl<T: Serialize> Probe<'_, T> {
    #[expect(clippy::unnecessary_wraps, reason = "as that of `Otherwise`")]
    pub(crate) fn json(&self) -> Option<String> {
        Some(serde_json::to_string(self.0).unwrap())
    }
}

/// What a value says that cannot.
pub(crate) trait Otherwise {
    fn shown(&self) -> Option<String> {
        None
    }

    fn json(&self) -> Option<String> {
        None
    }
}

impl<T> Otherwise for Probe<'_, T> {}

impl Said {
    pub(crate) fn take<T: Debug>(&self, value: &T, shown: Option<String>, json: Option<String>) {
        let name = name_of::<T>();
        let hear = |channel: &str, what: String| self.ears.hear(format!("{name}: {channel}"), what);
        hear("Debug", format!("{value:?}"));
        hear("Debug, pretty", format!("{value:#?}"));
        hear("a panic", panicking(|| failed(value).unwrap()));
        let each = |channel: &str, said: Vec<String>| said.into_iter().for_each(|said| hear(channel, said));
        each("Display", shown.into_iter().collect());
        each("JSON", json.into_iter().collect());
        each("tracing, message", traced(|| tracing::trace!("{value:?}")));
        each("tracing, field", traced(|| tracing::trace!(?value, "a field")));
        each("tracing, span", traced(|| drop(tracing::trace_span!("a span", ?value).entered())));
        each("log", logged(|| log::trace!("{value:?}")));
        self.types.lock().unwrap().insert(name);
    }

    /// What an error says beside that, with all that stands behind it.
    pub(crate) fn error(&self, error: &Error) {
        let hear = |channel: &str, what: String| self.ears.hear(format!("Error: {channel}"), what);
        hear("an error's words", format!("{error} {error:?} {error:#?} {:?}", error.subject()));
        let mut source = error.source();
        while let Some(cause) = source {
            hear("an error's source", format!("{cause} {cause:?} {cause:#?}"));
            source = cause.source();
        }
        let problem = error.problem();
        hear("a problem", format!("{problem} {problem:?} {}", serde_json::to_string(&problem).unwrap()));
    }
}

impl Said {
    /// What an event says to whoever observes.
    pub(crate) fn event(&self, event: &Event) {
        let json = serde_json::to_string(event).unwrap();
        self.ears.hear("Event: an event", format!("{event} {event:#} {event:?} {event:#?} {json}"));
    }
}

/// The name of a type without its path and without what it is made over.
fn name_of<T>() -> String {
    let name = type_name::<T>();
    let name = name.split('<').next().unwrap_or(name);
    name.rsplit("::").next().unwrap_or(name).to_owned()
}

thread_local! {
    static PANICKED: Cell<Option<String>> = const { Cell::new(None) };
    static EXPECTED: Cell<bool> = const { Cell::new(false) };
    static LOGGED: RefCell<Option<Ears>> = const { RefCell::new(None) };
}

/// What this thread logs by `tracing` on its way through this.
fn traced(act: impl FnOnce()) -> Vec<String> {
    let ears = Ears::new();
    let listening = ears.listen();
    act();
    drop(listening);
    ears.heard().into_iter().map(|(_, what)| what).collect()
}

/// What this thread logs by the older facade on its way through this, down to the finest level.
fn logged(act: impl FnOnce()) -> Vec<String> {
    let ears = Ears::new();
    hear_log(&ears);
    act();
    LOGGED.take();
    ears.heard().into_iter().map(|(_, what)| what).collect()
}

/// From now on these ears hear what this thread logs by the older facade, as rustls does.
pub(crate) fn hear_log(ears: &Ears) {
    static LOGGER: Once = Once::new();
    LOGGER.call_once(|| {
        log::set_logger(&Logger).unwrap();
        log::set_max_level(log::LevelFilter::Trace);
    });
    LOGGED.set(Some(ears.clone()));
}

struct Logger;

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let hear = |ears: &Ears| ears.hear(format!("a log line of {}", record.target()), record.args().to_string());
        LOGGED.with_borrow(|ears| ears.as_ref().map(hear));
    }

    fn flush(&self) {}
}

fn failed<T>(value: T) -> Result<(), T> {
    Err(value)
}

/// What the program's hook is told of this panic, and whoever catches it.
pub(crate) fn panicking(act: impl FnOnce()) -> String {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(
            move |info| {
                if EXPECTED.get() { PANICKED.set(Some(info.to_string())) } else { usual(info) }
            },
        ));
    });
    EXPECTED.set(true);
    let caught = panic::catch_unwind(AssertUnwindSafe(act)).unwrap_err();
    EXPECTED.set(false);
    let payload = caught.downcast_ref::<String>().cloned().unwrap_or_default();
    format!("{} {payload}", PANICKED.take().unwrap())
}
