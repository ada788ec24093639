//! What came of an act, as a fact.

use super::state::State;
use super::{Act, Fact};
use crate::clock::Timestamp;
use crate::consumer::Verification;
use crate::error::{Effect, ErrorKind, Problem};
use crate::name::ConsumerName;
use crate::token::Answer;

impl State {
    /// What it means that an act failed: it is tried again then, or given up.
    #[must_use]
    pub fn failure(act: Act, problem: Problem, since: Timestamp, again_at: Option<Timestamp>) -> Fact {
        match again_at {
            Some(again_at) => Fact::Stumbled { act, problem, since, again_at },
            None => Fact::GaveUp { act, problem },
        }
    }

    /// What a verification of `consumer` in the course of `act` means. Nothing, where it suffices for a last look.
    ///
    /// A no to "is it the new one?" means that the token is installed again, and so does, once every place was verified,
    /// a no to "does it work?". Before that, a token that does not work may only need time to be known everywhere.
    #[must_use]
    pub fn verification(
        &self,
        act: &Act,
        consumer: &ConsumerName,
        verification: Verification,
        since: Timestamp,
        again_at: Option<Timestamp>,
    ) -> Option<Fact> {
        let floor = self.place(consumer).map(|(place, _)| place.floor).unwrap_or_default();
        let consumer = consumer.clone();
        if floor.is_met_by(&verification) {
            return match act {
                Act::Verify(_) => Some(Fact::Verified { consumer, verification }),
                Act::VerifyAfter(_) => Some(Fact::VerifiedAfter { consumer, verification }),
                Act::VerifyRestored(_) => Some(Fact::RestoreVerified { consumer, verification }),
                _ => None,
            };
        }
        let not_there = match act {
            Act::Verify(_) => verification.new == Answer::Refuted,
            Act::VerifyRestored(_) => false,
            _ => verification.is_refuted(),
        };
        if let (true, Some(again_at)) = (not_there, again_at) {
            return Some(Fact::Relapsed { consumer, verification, since, again_at });
        }
        let what = match (verification.works, verification.new) {
            (Answer::Refuted, _) => "the token does not work there",
            (_, Answer::Refuted) => "the place does not hold this token, though it took it",
            _ => "the check could not show what the policy asks for: look there, or ask for less by `Floor`",
        };
        let text = match &verification.note {
            Some(note) => format!("{what} ({note})"),
            None => what.to_owned(),
        };
        let mut problem = Problem { subject: Some(consumer.to_string()), ..Problem::new(ErrorKind::Unverified, text) };
        let mut act = act.clone();
        if let (true, None, Act::Verify(consumer)) = (verification.is_refuted(), again_at, &act) {
            // To try again after that means to install again.
            act = Act::Install(consumer.clone());
            problem.effect = Effect::Unknown;
        }
        Some(Self::failure(act, problem, since, again_at))
    }
}
