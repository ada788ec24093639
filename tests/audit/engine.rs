//! Whole rotations with the file, and what can be read in it.

use std::fs::OpenOptions;
use std::sync::Arc;
use std::time::Duration;

use tokenturn::audit::{AuditFile, AuditPolicy};
use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::journal::MemoryJournal;
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::rotation::{OldPolicy, Outcome};
use tokenturn::testing::TestSealer;
use tokenturn::{ErrorKind, Policy, Predecessor, Rotator, RotatorBuilder, ScopeSet, Token};

use crate::folder::Folder;
use crate::support::keyed;

/// A provider, one place, and what a run needs.
fn world() -> (MemoryProvider, Token, RotatorBuilder) {
    let provider = MemoryProvider::new();
    let old = provider.mint("bot", ScopeSet::of(["repo"]));
    let place = MemoryConsumer::new("ci", &provider).unwrap();
    place.put(&old);
    let builder = Rotator::builder("bot", provider.clone())
        .consumer(place)
        .policy(Policy::default().old(OldPolicy::Revoke { grace: Duration::ZERO }))
        .journal(Arc::new(MemoryJournal::new()));
    (provider, old, builder)
}

#[tokio::test]
async fn a_whole_run_stands_in_the_file_and_no_secret_does() {
    let folder = Folder::new();
    let path = folder.path("audit");
    let (provider, old, builder) = world();
    let audit = AuditFile::tied(&path, Arc::new(TestSealer::new())).unwrap();
    let bot = builder.audit(Arc::new(audit), AuditPolicy::Block).build().unwrap();
    let run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Completed(_)));
    let log = std::fs::read(&path).unwrap();
    let events = bot.events(tokenturn::journal::Seq::ZERO).await.unwrap();
    assert_eq!(keyed(&log).unwrap().lines, 1 + events.len() as u64);
    let text = String::from_utf8(log).unwrap();
    for token in [old, provider.newest().unwrap()] {
        assert!(!text.contains(token.expose()) && text.contains(&token.fingerprint().to_string()));
    }
}

#[tokio::test]
async fn a_file_that_somebody_has_changed_stops_the_run_and_is_said() {
    let folder = Folder::new();
    let path = folder.path("audit");
    let (provider, old, builder) = world();
    let audit = AuditFile::open(&path).unwrap();
    let bot = builder.audit(Arc::new(audit), AuditPolicy::Block).build().unwrap();
    OpenOptions::new()
        .append(true)
        .open(&path)
        .and_then(|mut file| std::io::Write::write_all(&mut file, b"x\n"))
        .unwrap();
    let error = bot.rotate(Predecessor::Held(old.clone())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Audit);
    assert!(error.to_string().contains("damaged at line 2"), "{error}");
    assert_eq!(provider.live(), 1);
    assert!(bot.open_rotations().await.unwrap().is_empty());
}

/// Older runs were tied with a key that was replaced and dropped, as `reseal` allows.
#[cfg(feature = "seal")]
#[tokio::test]
async fn an_audit_that_comes_after_a_key_was_dropped_begins_with_the_newest_run() {
    use tokenturn::journal::{Key, KeySealer, KeySource};
    use tokenturn::{Clock, SystemClock};

    let (old_key, new_key) = (Key::generate().unwrap(), Key::generate().unwrap());
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let journal = Arc::new(MemoryJournal::pretending_to_be_durable(clock));
    let provider = MemoryProvider::new();
    let place = MemoryConsumer::new("ci", &provider).unwrap();
    let bot = |keys: &dyn KeySource| {
        Rotator::builder("bot", provider.clone())
            .consumer(place.clone())
            .policy(Policy::default().old(OldPolicy::Revoke { grace: Duration::ZERO }))
            .journal(journal.clone())
            .sealer(Arc::new(KeySealer::new(keys).unwrap()))
    };
    bot(&old_key).build().unwrap().rotate(Predecessor::None).await.unwrap();
    let both = bot(&new_key.clone().replacing(old_key)).build().unwrap();
    both.rotate(Predecessor::Kept).await.unwrap();
    assert!(!both.reseal().await.unwrap().replaced_key_needed);
    drop(both);
    let folder = Folder::new();
    let audit = AuditFile::open(folder.path("audit")).unwrap();
    let only_new = bot(&new_key).audit(Arc::new(audit.clone()), AuditPolicy::Block).build().unwrap();
    let run = only_new.rotate(Predecessor::Kept).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Completed(_)));
    let text = std::fs::read_to_string(audit.path()).unwrap();
    assert_eq!(text.matches("\"fact\":\"begun\"").count(), 2, "the newest run before, and this one");
    assert!(crate::support::plain(text.as_bytes()).is_ok());
}
