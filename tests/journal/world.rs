//! A credential whose run waits in a journal on disk, and what must not happen to it.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::Connection;
use tokenturn::consumer::memory::{Fault, MemoryConsumer};
use tokenturn::journal::SqliteJournal;
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::rotation::{OldPolicy, Outcome};
use tokenturn::testing::{TestSealer, VirtualClock};
use tokenturn::{ErrorKind, Event, Policy, Predecessor, Result, Rotator, RunId, ScopeSet, Token};

use crate::folder::Folder;

/// Where the run waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scene {
    /// The new token is stored, and installed nowhere.
    Issued,
    /// Only the old token is left to be revoked.
    Draining,
}

pub(crate) struct World {
    pub(crate) folder: Folder,
    pub(crate) clock: VirtualClock,
    pub(crate) provider: MemoryProvider,
    pub(crate) place: MemoryConsumer,
    pub(crate) old: Token,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = VirtualClock::new();
        let provider = MemoryProvider::with_clock(Arc::new(clock.clone()));
        let old = provider.mint("bot", ScopeSet::of(["repo"]));
        let place = MemoryConsumer::new("place", &provider).unwrap();
        place.put(&old);
        Self { folder: Folder::new(), clock, provider, place, old }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path("journal")
    }

    pub(crate) fn journal(&self) -> Result<SqliteJournal> {
        SqliteJournal::options().clock(Arc::new(self.clock.clone())).open(self.path())
    }

    /// A rotator that opens the journal anew, with this key, and tells what becomes durable.
    pub(crate) fn rotator(&self, key: &str, observe: impl Fn(&Event) + Send + Sync + 'static) -> Result<Rotator> {
        Rotator::builder("bot", self.provider.clone())
            .consumer(self.place.clone())
            .policy(Policy::default().old(OldPolicy::Revoke { grace: Duration::from_hours(24) }).linger(Duration::ZERO))
            .journal(Arc::new(self.journal()?))
            .sealer(Arc::new(TestSealer::with_key(key)))
            .clock(Arc::new(self.clock.clone()))
            .observe(move |event: &Event| observe(event))
            .build()
    }

    /// The database, past everything that guards it.
    pub(crate) fn raw(&self) -> Connection {
        let raw = Connection::open(self.path()).unwrap();
        raw.execute_batch("PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF").unwrap();
        raw
    }
}

/// A world whose run waits, with the journal closed and the time for going on come.
pub(crate) struct Waiting {
    pub(crate) world: World,
    pub(crate) run: RunId,
    /// The journal as it lies there.
    pub(crate) bytes: Vec<u8>,
    /// How the credential stood after each record.
    pub(crate) heads: Vec<String>,
    scene: Scene,
    writes: usize,
    live: usize,
}

impl Waiting {
    pub(crate) async fn at(scene: Scene) -> Self {
        let world = World::new();
        if scene == Scene::Issued {
            world.place.plan_fault("install", Fault::Refused(ErrorKind::Unavailable));
        }
        let heads = Arc::new(std::sync::Mutex::new(Vec::new()));
        let (seen, path) = (heads.clone(), world.path());
        let rotator = world.rotator("key", move |_| {
            let head = Connection::open(&path).unwrap().query_row("SELECT body FROM head", [], |row| row.get(0));
            seen.lock().unwrap().push(head.unwrap());
        });
        let run = rotator.unwrap().rotate(Predecessor::Held(world.old.clone())).await.unwrap();
        let waits = match scene {
            Scene::Issued => matches!(run.outcome, Outcome::BackingOff { .. }),
            Scene::Draining => matches!(run.outcome, Outcome::Draining { .. }),
        };
        assert!(waits, "{:?}", run.outcome);
        world.clock.advance(Duration::from_hours(25));
        let bytes = fs::read(world.path()).unwrap();
        assert!(!world.folder.path("journal-wal").exists(), "nobody has it open");
        let (writes, live) = (world.place.writes(), world.provider.live());
        assert_eq!(live, 2);
        let heads = heads.lock().unwrap().clone();
        Self { world, run: run.id, bytes, heads, scene, writes, live }
    }

    /// Puts other bytes in the journal's place.
    pub(crate) fn put(&self, bytes: &[u8]) {
        for name in ["journal-wal", "journal-shm"] {
            let _ = fs::remove_file(self.world.folder.path(name));
        }
        fs::write(self.world.path(), bytes).unwrap();
    }

    /// Goes on from what lies there, with this key. Either all ends well, or nothing is done and an error says so. Whether
    /// the world is as it was.
    pub(crate) async fn goes_on(&self, key: &str, what: &str) -> bool {
        let World { provider, place, old, .. } = &self.world;
        let gone_on = async {
            let rotator = self.world.rotator(key, |_| {})?;
            match rotator.resume_due().await? {
                Some(run) => Ok(run),
                None => rotator.resume(self.run.clone()).await,
            }
        };
        let gone_on = gone_on.await;
        let untouched = provider.is_alive(old) && provider.live() == self.live && place.writes() == self.writes;
        match gone_on {
            Ok(run) => {
                let new = provider.newest().unwrap();
                let held = place.holds().unwrap();
                assert!(held == new.fingerprint() || (held == old.fingerprint() && provider.is_alive(old)), "{what}");
                assert!(provider.is_alive(&new), "{what}");
                let expected = match self.scene {
                    Scene::Draining => matches!(run.outcome, Outcome::Completed(_)),
                    Scene::Issued => matches!(run.outcome, Outcome::Draining { .. }),
                };
                assert!(expected, "{what}: {:?}", run.outcome);
            }
            Err(error) => {
                assert!(untouched, "{what}: {error}");
                let kinds = [ErrorKind::Journal, ErrorKind::Configuration, ErrorKind::Busy, ErrorKind::NotFound];
                assert!(kinds.contains(&error.kind()), "{what}: {error:?}");
                assert!(error.to_string().contains([':', ';', ',']), "{what}: it says what to do: {error}");
            }
        }
        untouched
    }
}
