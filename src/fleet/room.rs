//! Who is open, and whether there is room for another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::builder::Bounds;
use super::report::{Progress, Summary};
use super::turn::Turn;
use crate::name::CredentialName;
use crate::rotator::Rotator;

/// Whether anything may begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Mode {
    #[default]
    Going,
    Paused,
    /// For good.
    Draining,
}

/// Who is open, and whether there is room for another. Clones share everything.
#[derive(Clone, Debug)]
pub(super) struct Room {
    bounds: Bounds,
    taken: Arc<Mutex<Taken>>,
    /// Rung when something may begin that could not before.
    bell: Arc<watch::Sender<()>>,
}

#[derive(Debug, Default)]
struct Taken {
    mode: Mode,
    /// What is open, of which one credential is never twice.
    open: BTreeMap<CredentialName, Rotator>,
    lanes: BTreeMap<String, usize>,
    so_far: Summary,
}

impl Room {
    pub(super) fn new(bounds: Bounds, bell: watch::Sender<()>) -> Self {
        Self { bounds, taken: Arc::default(), bell: Arc::new(bell) }
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Mode)) {
        change(&mut self.lock().mode);
        self.bell.send_replace(());
    }

    pub(super) fn mode(&self) -> Mode {
        self.lock().mode
    }

    /// Whether there is a place at all, whatever for.
    pub(super) fn has_place(&self) -> bool {
        let taken = self.lock();
        taken.mode == Mode::Going && taken.open.len() < self.bounds.open
    }

    /// A place for this turn, if it may begin now.
    pub(super) fn seat(&self, turn: &Turn) -> Option<Seat> {
        let mut taken = self.lock();
        let in_lane = taken.lanes.get(&turn.lane).copied().unwrap_or_default();
        let full = taken.open.len() >= self.bounds.open || in_lane >= self.bounds.per_lane;
        if taken.mode != Mode::Going || full || taken.open.contains_key(turn.credential()) {
            return None;
        }
        taken.open.insert(turn.credential().clone(), turn.rotator.clone());
        taken.lanes.insert(turn.lane.clone(), in_lane + 1);
        Some(Seat { room: self.clone(), credential: turn.credential().clone(), lane: turn.lane.clone() })
    }

    pub(super) fn open(&self) -> Vec<Rotator> {
        self.lock().open.values().cloned().collect()
    }

    pub(super) fn tally(&self, note: impl FnOnce(&mut Summary)) {
        note(&mut self.lock().so_far);
    }

    pub(super) fn progress(&self) -> Progress {
        let taken = self.lock();
        Progress { in_flight: taken.open.len(), so_far: taken.so_far.clone() }
    }

    pub(super) fn listen(&self) -> watch::Receiver<()> {
        self.bell.subscribe()
    }
}

/// A place among those that are open; given up when it is dropped, by a panic too.
#[derive(Debug)]
pub(super) struct Seat {
    room: Room,
    credential: CredentialName,
    lane: String,
}

impl Seat {
    pub(super) fn is_draining(&self) -> bool {
        self.room.mode() == Mode::Draining
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.room.lock();
        taken.open.remove(&self.credential);
        if let Some(in_lane) = taken.lanes.get_mut(&self.lane) {
            *in_lane -= 1;
            if *in_lane == 0 {
                taken.lanes.remove(&self.lane);
            }
        }
        drop(taken);
        self.room.bell.send_replace(());
    }
}
