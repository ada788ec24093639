//! The provider for `CloudBees` Unify against a stateful Unify on loopback, with people in it.

mod look;
mod people;
mod place;

use std::sync::Arc;
use std::time::Duration;

use tokenturn::testing::{CloudBeesFake, VirtualClock};
use tokenturn::{Ask, CloudBees, Guide, Http, Outcome, Policy, Predecessor, Rotator, Run, Token};
use tokenturn::{UnifyTokens, UnifyTokensBuilder};

use crate::place::Place;

pub(crate) const BOT: &str = "deploy-bot";
pub(crate) const OLD_ROW: &str = "ci, made by hand";

/// A Unify in which a bot holds a token that one place uses.
pub(crate) struct World {
    pub(crate) unify: Arc<CloudBeesFake>,
    pub(crate) clock: VirtualClock,
    pub(crate) old: Token,
    pub(crate) place: Place,
}

pub(crate) fn http() -> Http {
    Http::builder().allow_plain_http_on_loopback().build().unwrap()
}

impl World {
    pub(crate) async fn start() -> Self {
        let clock = VirtualClock::new();
        let unify = Arc::new(CloudBeesFake::start_with_clock(Arc::new(clock.clone())).await.unwrap());
        unify.user(BOT, &["acme.com"]);
        let old = unify.token(BOT, OLD_ROW, 30);
        let truth = unify.clone();
        let place = Place::holding(&old, move |token| truth.is_alive(token)).requiring(&[]);
        Self { unify, clock, old, place }
    }

    pub(crate) fn builder(&self) -> UnifyTokensBuilder {
        let clock = Arc::new(self.clock.clone());
        CloudBees::unify(&http()).address(self.unify.base()).account(BOT).clock(clock)
    }

    pub(crate) fn provider(&self) -> UnifyTokens {
        self.builder().organization("acme.com").build().unwrap()
    }

    pub(crate) fn rotator(&self) -> Rotator {
        self.with_policy(policy())
    }

    pub(crate) fn with_policy(&self, policy: Policy) -> Rotator {
        Rotator::builder(BOT, self.provider())
            .consumer(self.place.clone())
            .policy(policy)
            .clock(Arc::new(self.clock.clone()))
            .build()
            .unwrap()
    }

    /// A run that waits for a paste.
    pub(crate) async fn begin(&self, bot: &Rotator) -> (Run, Guide) {
        let run = bot.rotate(Predecessor::Held(self.old.clone())).await.unwrap();
        let guide = guide(&run);
        (run, guide)
    }

    /// A run that waits for the deletion of the old token, and the new one.
    pub(crate) async fn to_deletion(&self, bot: &Rotator) -> (Run, Token, String) {
        let (run, guide) = self.begin(bot).await;
        let new = Token::new(&self.unify.generate(BOT, &guide).unwrap()).unwrap();
        let run = bot.supply(run.id, new.clone()).await.unwrap();
        assert!(matches!(asks(&run), [Ask::Deletion { .. }]), "{run:?}");
        (run, new, guide.title.rsplit(' ').next().unwrap().to_owned())
    }
}

/// No grace, waits that are waited for, and a lifetime that the form offers.
pub(crate) fn policy() -> Policy {
    Policy::default().grace(Duration::ZERO).linger(Duration::from_mins(10)).lifetime(Duration::from_hours(30 * 24))
}

#[track_caller]
pub(crate) fn asks(run: &Run) -> &[Ask] {
    match &run.outcome {
        Outcome::AwaitingPerson { asks, .. } => asks,
        other => panic!("no person is asked: {other:#?}"),
    }
}

#[track_caller]
pub(crate) fn guide(run: &Run) -> Guide {
    asks(run)[0].guide().unwrap().clone()
}

#[track_caller]
pub(crate) fn stuck(run: &Run) -> String {
    match &run.outcome {
        Outcome::NeedsPerson { problems, .. } => {
            problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        }
        other => panic!("needs nobody: {other:#?}"),
    }
}
