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
