//! Who is open, and whether there is room for another.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::builder::Bounds;
use super::report::{Progress, Summary};
use super::turn::Turn;
use crate::name::CredentialName;
use crate::rotation::Outcome;
use crate::rotator::{Rotator, Run};

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
    open: BTreeMap<CredentialName, Option<Rotator>>,
    lanes: BTreeMap<String, usize>,
    /// Guided runs by the person whom they wait for, as far as this fleet has met them.
    asked: BTreeMap<String, BTreeMap<CredentialName, Rotator>>,
    so_far: Summary,
}

impl Taken {
    fn forget(&mut self, person: &str, credential: &CredentialName) {
        if let Some(asked) = self.asked.get_mut(person) {
            asked.remove(credential);
            if asked.is_empty() {
                self.asked.remove(person);
            }
        }
    }
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
        taken.open.insert(turn.credential().clone(), turn.rotator().cloned());
        taken.lanes.insert(turn.lane.clone(), in_lane + 1);
        Some(Seat { room: self.clone(), credential: turn.credential().clone(), lane: turn.lane.clone() })
    }

    /// Counts a guided run, if this person waits for no more than they should with it. Those who have been answered since
    /// are found out where it matters.
    pub(super) async fn ask(&self, person: &str, rotator: &Rotator) -> bool {
        if self.try_to_ask(person, rotator) {
            return true;
        }
        let asked: Vec<_> = self.lock().asked.get(person).into_iter().flat_map(BTreeMap::values).cloned().collect();
        for other in asked {
            let waits = |run: &Run| matches!(run.outcome, Outcome::AwaitingPerson { .. });
            if let Ok(runs) = other.open_rotations().await
                && !runs.iter().any(waits)
            {
                let mut taken = self.lock();
                // One that is just being begun waits for nobody yet.
                if !taken.open.contains_key(other.credential()) {
                    taken.forget(person, other.credential());
                }
            }
        }
        self.try_to_ask(person, rotator)
    }

    fn try_to_ask(&self, person: &str, rotator: &Rotator) -> bool {
        let mut taken = self.lock();
        let asked = taken.asked.entry(person.to_owned()).or_default();
        let may = asked.contains_key(rotator.credential()) || asked.len() < self.bounds.per_person;
        if may {
            asked.insert(rotator.credential().clone(), rotator.clone());
        }
        may
    }

    /// Counts a guided run that is open already.
    pub(super) fn recall(&self, person: &str, rotator: &Rotator) {
        let mut taken = self.lock();
        taken.asked.entry(person.to_owned()).or_default().insert(rotator.credential().clone(), rotator.clone());
    }

    /// It waits for this person no more.
    pub(super) fn answered(&self, person: &str, credential: &CredentialName) {
        self.lock().forget(person, credential);
    }

    pub(super) fn open(&self) -> Vec<Rotator> {
        self.lock().open.values().flatten().cloned().collect()
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
    pub(super) fn room(&self) -> &Room {
        &self.room
    }

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
