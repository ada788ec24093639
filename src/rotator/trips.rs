//! What a run asks of whom: the requests of each act, if all goes well.

use std::collections::BTreeMap;

use super::Inner;
use crate::consumer::{ConsumerCapabilities, ConsumerTrips, Proof};
use crate::name::ConsumerName;
use crate::provider::ProviderTrips;
use crate::rotation::{Act, OldPolicy, State, TokenRef};

/// What each call costs, at the provider and at every place.
pub(super) struct Costs {
    provider: (String, ProviderTrips),
    places: BTreeMap<ConsumerName, ConsumerTrips>,
}

/// Requests, by the name of whoever gets them.
pub(super) type Trips = BTreeMap<String, u32>;

impl Costs {
    pub(super) fn of(inner: &Inner) -> Self {
        let places = inner.places.iter().zip(&inner.consumers);
        Self {
            provider: (inner.provider.name().to_owned(), inner.provider.trips()),
            places: places.map(|(place, consumer)| (place.name.clone(), consumer.trips())).collect(),
        }
    }

    /// What an act sends. It says again what `act` does, so that a test holds both against what is counted outside.
    pub(super) fn of_act(&self, state: &State, act: &Act) -> Trips {
        let (provider, asks) = &self.provider;
        let charter = state.charter();
        let at_provider = |requests: u32| Trips::from([(provider.clone(), requests)]);
        let look = |token: &TokenRef| match token {
            TokenRef::Old if !charter.predecessor.has_value() => asks.status,
            TokenRef::Found(_) => asks.status,
            _ => asks.inspect,
        };
        let trips = match act {
            Act::LookAtPredecessor if charter.predecessor.has_value() => at_provider(asks.inspect),
            Act::LookAtPredecessor if charter.predecessor.id.is_some() && charter.can.status_by_id => {
                at_provider(asks.status)
            }
            Act::LookAtPredecessor => Trips::new(),
            Act::Preflight(name) => {
                let old = state.candidate().is_none() && state.old_is_live() && charter.predecessor.has_value();
                self.at(state, name, |costs, can| {
                    let tried = old && can.proves_something() && !can.by_person;
                    costs.preflight + if tried { costs.verify } else { 0 }
                })
            }
            Act::Issue => at_provider(asks.issue),
            Act::Admit => at_provider(asks.inspect),
            Act::Install(name) | Act::Restore(name) => self.at(state, name, |costs, _| costs.install),
            Act::Verify(name) | Act::VerifyAfter(name) => self.at(state, name, check),
            Act::VerifyRestored(name) => self.at(state, name, |costs, _| costs.verify),
            Act::LastLook => {
                let quiet = matches!(charter.old, OldPolicy::Revoke { grace } if !grace.is_zero())
                    && charter.can.tells_last_use
                    && charter.predecessor.has_value();
                let mut trips = at_provider(asks.inspect * if quiet { 2 } else { 1 });
                let provable = state.taking_part().filter(|(place, _)| place.can.proves_something());
                trips.extend(provable.flat_map(|(place, _)| self.at(state, &place.name, check)));
                trips
            }
            Act::Revoke(_) => at_provider(asks.revoke),
            // Where a person says that it is deleted, the other one is asked as well: people delete the wrong row.
            Act::Prove(token) if state.is_claimed(token) => at_provider(look(token) + asks.inspect),
            Act::Prove(token) => at_provider(look(token)),
            Act::FindOrphans | Act::Collect => at_provider(1),
        };
        trips.into_iter().filter(|(_, requests)| *requests > 0).collect()
    }

    fn at(
        &self,
        state: &State,
        name: &ConsumerName,
        count: impl Fn(ConsumerTrips, &ConsumerCapabilities) -> u32,
    ) -> Trips {
        let known = self.places.get(name).zip(state.place(name));
        known.map(|(costs, (place, _))| (name.to_string(), count(*costs, &place.can))).into_iter().collect()
    }
}

/// A check, and a look at the version where that alone tells which token is there.
fn check(costs: ConsumerTrips, can: &ConsumerCapabilities) -> u32 {
    costs.verify + if can.versioned && can.new == Proof::Never { costs.preflight } else { 0 }
}
