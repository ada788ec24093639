//! Drives the rotations of many credentials: bounded, fair between tenants, and as safe as one.
//!
//! What a [`Fleet`] bounds is how many rotations are open at a time. How many requests are in flight, in total and for each
//! host and account, is bounded below it, by the `Http` that the services share.

mod builder;
mod catalog;
mod claims;
mod drive;
mod due;
mod inbox;
mod perform;
mod report;
mod room;
mod turn;

use std::sync::Arc;

use futures_util::future;
use tokio::sync::watch;

use crate::clock::Timestamp;
use crate::journal::Journal;
use crate::rotator::Rotator;

pub use builder::FleetBuilder;
pub use catalog::Catalog;
pub use inbox::{Inbox, InboxEntry};
pub use report::{Progress, Report, Summary, Tally, Turned};
pub use turn::{Tenant, Turn, Turns};

use builder::{Bounds, Listeners};
use claims::Claims;
use drive::Drive;
use due::DueTurns;
use room::{Mode, Room};

/// Drives the rotations of many credentials. Cheap to clone; clones share their bounds, and are paused and drained together.
///
/// It pulls turns only while there is room for them, so that memory grows with what is open and never with the fleet.
/// Places go round the tenants. A rotation that has to wait, for a person or for a later time, gives its place up at once:
/// it waits in the journal.
///
/// ```
/// use tokenturn::consumer::memory::MemoryConsumer;
/// use tokenturn::fleet::{Fleet, Tenant, Turn};
/// use tokenturn::provider::memory::MemoryProvider;
/// use tokenturn::{OldPolicy, Policy, Predecessor, Rotator};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> tokenturn::Result<()> {
/// let github = MemoryProvider::new();
/// let mut turns = Vec::new();
/// for n in 0..20 {
///     let bot = Rotator::builder(format!("bot-{n}"), github.clone())
///         .consumer(MemoryConsumer::new("ci", &github)?)
///         .policy(Policy::default().old(OldPolicy::Keep))
///         .build()?;
///     turns.push(Turn::new(bot, Predecessor::None));
/// }
///
/// let fleet = Fleet::builder().open(8).build()?;
/// let summary = fleet.run([Tenant::new("payments", turns.into_iter())]).await;
/// assert_eq!(summary.total().completed, 20);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Fleet {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    bounds: Bounds,
    listeners: Listeners,
    room: Room,
}

impl Fleet {
    /// Begins to put a fleet together.
    pub fn builder() -> FleetBuilder {
        FleetBuilder::default()
    }

    /// Drives every turn of these tenants, until each has ended in a report and nothing is open. Where the fleet is drained
    /// meanwhile, what was handed out and not begun is reported as put off.
    ///
    /// A rotation that panics, in a provider of somebody else say, is one report and stops nothing. When this future is
    /// dropped, so are the rotations: what was durable is found again by the next fleet over the same journal.
    pub async fn run(&self, tenants: impl IntoIterator<Item = Tenant>) -> Summary {
        Drive::new(self.inner.clone(), tenants).run().await
    }

    /// What must turn by then, of all that this journal knows, read page by page while there is room: open runs that can go
    /// on without a person, and credentials whose schedule says so. Hand it to [`run`](Self::run). Each is looked at again
    /// under its lease, so that of many workers one turns it.
    ///
    /// A credential that was never turned is not in the journal: hand it in yourself, once.
    pub fn due(&self, journal: Arc<dyn Journal>, catalog: Arc<dyn Catalog>, by: Timestamp) -> impl Turns + use<> {
        DueTurns::new(journal, catalog, by, self.inner.room.clone())
    }

    /// Goes on with every open run of this journal that can go on without a person by now, and returns when there is none
    /// left. Any number of workers may do so at a time: each run is claimed before it is touched, and when a worker dies,
    /// another goes on once the lease has run out. The summary has it under the tenant `claimed`.
    ///
    /// What cannot be gone on with is reported, and left alone for a minute or more.
    pub async fn work(&self, journal: Arc<dyn Journal>, catalog: Arc<dyn Catalog>) -> Summary {
        self.run([Tenant::new("claimed", Claims::new(journal, catalog))]).await
    }

    /// What has come of everything so far, and how much is open.
    #[must_use]
    pub fn progress(&self) -> Progress {
        self.inner.room.progress()
    }

    /// Begins nothing more, until [`resume`](Self::resume). What is open goes on.
    pub fn pause(&self) {
        self.inner.room.change(|mode| {
            if *mode == Mode::Going {
                *mode = Mode::Paused;
            }
        });
    }

    /// Begins again.
    pub fn resume(&self) {
        self.inner.room.change(|mode| {
            if *mode == Mode::Paused {
                *mode = Mode::Going;
            }
        });
    }

    /// Stops in good order: nothing more is begun, what is under way with the outside arrives and is written down, and the
    /// leases are given back. Open runs wait in the journal. This fleet begins nothing afterwards, and the rotators that were
    /// open are drained for good: build others. What was claimed and had no place yet is given back before
    /// [`work`](Self::work) returns.
    ///
    /// It takes as long as [`Rotator::drain`](crate::Rotator::drain) may.
    pub async fn drain(&self) {
        self.inner.room.change(|mode| *mode = Mode::Draining);
        let open = self.inner.room.open();
        future::join_all(open.iter().map(Rotator::drain)).await;
    }

    fn assemble(bounds: Bounds, listeners: Listeners) -> Self {
        let room = Room::new(bounds, watch::Sender::new(()));
        Self { inner: Arc::new(Inner { bounds, listeners, room }) }
    }
}
