//! Runs that are told to the core fact by fact: states that a whole run passes too quickly to be asked in between.

mod back;
mod forward;
mod leak;
mod said;

use tokenturn::consumer::{ConsumerCapabilities, Slot, Verification};
use tokenturn::provider::ProviderCapabilities;
use tokenturn::rotation::{
    Act, Charter, Decision, Fact, OldToken, Origin, Place, Possession, Standing, State, Step, TokenRef, Wait, next,
};
use tokenturn::{
    Answer, ConsumerName, CredentialName, Effect, ErrorKind, Expiry, Grant, Holder, Label, Lack, Problem, Refusal,
    RunId, Timestamp, Token,
};

/// A run whose old token is at hand, told so far.
pub(super) struct Story(pub(super) State);

pub(super) fn name(text: &str) -> ConsumerName {
    ConsumerName::new(text).unwrap()
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

pub(super) fn version(text: &str) -> Slot {
    let mut slot = Slot::opaque();
    slot.version = Some(text.into());
    slot
}

pub(super) fn grant() -> Grant {
    Grant::of(&Token::new("new").unwrap(), "bot")
}

pub(super) fn refused(lack: Lack, grant: Option<Grant>) -> Fact {
    let lacks = vec![lack];
    let refusal: Refusal = serde_json::from_value(serde_json::json!({ "lacks": lacks })).unwrap();
    Fact::Refused { refusal, grant }
}

impl Story {
    pub(super) fn of(can: ProviderCapabilities, places: &[ConsumerCapabilities]) -> Self {
        Self::after(OldToken::held(Possession::Held, Token::new("old").unwrap().fingerprint(), None), can, places)
    }

    pub(super) fn after(old: OldToken, can: ProviderCapabilities, places: &[ConsumerCapabilities]) -> Self {
        let run = RunId::new("run").unwrap();
        let charter = Charter::new(run, CredentialName::new("bot").unwrap(), "model", can).with_predecessor(old);
        let names = ["a", "b", "c"].into_iter().map(name);
        let places = names.zip(places).map(|(name, can)| Place::new(name, can.clone()));
        Self(State::begin(places.fold(charter, Charter::with_place)))
    }

    #[expect(clippy::needless_pass_by_value, reason = "a story reads better so")]
    pub(super) fn then(mut self, fact: Fact) -> Self {
        self.0.apply(&fact).unwrap();
        self
    }

    /// The old token was looked at, and is good.
    pub(super) fn looked(self) -> Self {
        self.found(Standing::Live)
    }

    pub(super) fn found(self, standing: Standing) -> Self {
        self.then(Fact::PredecessorLooked { standing, owner: None })
    }

    pub(super) fn read(self, at: &str, slot: Slot, new: Answer) -> Self {
        self.then(Fact::Preflighted { consumer: name(at), slot, baseline: None, new })
    }

    pub(super) fn asked_for(self, attempt: u32) -> Self {
        let label = Label::new(format!("bot-{attempt}")).unwrap();
        self.then(Fact::Issuing { attempt, label, look_after: at(60), expiry: Expiry::At(at(9000)) })
    }

    pub(super) fn came(self, attempt: u32, origin: Origin) -> Self {
        let fingerprint = Token::new("new").unwrap().fingerprint();
        self.then(Fact::Issued { attempt, origin, fingerprint, id: None, companion: false })
    }

    /// The first token, minted and found good.
    pub(super) fn issued(self) -> Self {
        self.looked().asked_for(1).came(1, Origin::Minted).admitted()
    }

    pub(super) fn admitted(self) -> Self {
        self.then(Fact::Admitted { grant: grant(), warnings: Vec::new() })
    }

    /// It is in the first place.
    pub(super) fn settled(self) -> Self {
        self.issued().installed("a").verified("a")
    }

    pub(super) fn resumed(self) -> Self {
        self.then(Fact::Resumed { by: Holder::new("engine").unwrap() })
    }

    pub(super) fn installed(self, at: &str) -> Self {
        let consumer = name(at);
        self.then(Fact::Installing { consumer: consumer.clone(), settled: None })
            .then(Fact::Installed { consumer, slot: Slot::opaque() })
    }

    pub(super) fn verified(self, at: &str) -> Self {
        let verification = Verification::new(Answer::Proven, Answer::Proven);
        self.then(Fact::Verified { consumer: name(at), verification })
    }

    pub(super) fn going_back(self) -> Self {
        self.then(Fact::RollingBack { because: Problem::new(ErrorKind::PermissionDenied, "no") })
    }

    pub(super) fn restoring(self, at: &str) -> Self {
        self.then(Fact::Restoring { consumer: name(at), settled: None })
    }

    pub(super) fn stumbled(self, act: Act, kind: ErrorKind, effect: Effect) -> Self {
        let mut problem = Problem::new(kind, "it did not go well");
        problem.effect = effect;
        self.then(Fact::Stumbled { act, problem, since: at(0), again_at: at(1) })
    }

    pub(super) fn gave_up(self, act: Act) -> Self {
        self.then(Fact::GaveUp { act, problem: Problem::new(ErrorKind::PermissionDenied, "no") })
    }

    #[track_caller]
    pub(super) fn does(&self, act: &Act) {
        assert_eq!(next(&self.0), [Step::Do(act.clone())]);
    }

    #[track_caller]
    pub(super) fn awaits(&self, wait: &Wait) {
        assert_eq!(next(&self.0), [Step::Await(wait.clone())]);
    }

    #[track_caller]
    pub(super) fn goes_back(&self) {
        let steps = next(&self.0);
        assert!(matches!(&steps[..], [Step::Record(fact)] if matches!(**fact, Fact::RollingBack { .. })), "{steps:?}");
    }

    pub(super) fn decided(self, decision: Decision) -> Self {
        self.0.permits(&decision).unwrap();
        self.then(Fact::Decided { decision })
    }

    #[track_caller]
    pub(super) fn forbids(&self, decision: &Decision, part: &str) {
        let error = self.0.permits(decision).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        assert!(error.to_string().contains(part), "{part:?} is not in: {error}");
    }

    /// What the first place may hold.
    pub(super) fn held(&self) -> Vec<TokenRef> {
        self.0.holdings()[0].tokens.clone()
    }
}
