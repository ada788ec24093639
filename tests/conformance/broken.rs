//! Consumers that are broken on purpose: each law finds the one that breaks it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::consumer::{Consumer, ConsumerCapabilities, Installation, Proof, Slot, Verification};
use tokenturn::testing::Trouble;
use tokenturn::testing::consumer::{Exception, FarSide, LAWS, MemoryFarSide, NotApplicable, Stage};
use tokenturn::{AdmittedToken, Answer, Effect, Error, ErrorKind, Fingerprint, Result, ScopeModel, ScopeSet};

/// What is wrong with a consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flaw {
    Nothing,
    WritesNothing,
    CountsWrites,
    KeepsTheNewToken,
    ChangesASibling,
    WritesWhenItLooks,
    SeesAnotherSlotEachTime,
    IgnoresTheSlot,
    RefusesAStaleSlotAfterTheWrite,
    WaitsOutARefusedLogin,
    LooksWithoutALogin,
    TakesAPauseForARefusal,
    ForgetsTheWait,
    TakesALostAnswerForARefusal,
    TakesALostAnswerForDone,
    GivesUpWhatWasLost,
    CallsAnythingNew,
    CallsAnythingWorking,
    DeniesWhatItCannotTell,
    ClaimsTooMuch,
    ProvesMoreThanItClaims,
    HasANameForEachConnection,
    ChangesItsClaims,
    AsksForAPersonUnannounced,
    StaysAtOneVersion,
    CannotCheck,
    SaysItInAnError,
    SaysItInItsDebug,
    SaysItInALog,
    SaysItInASlot,
    SaysItInANote,
    QuotesWhatIsSaidBack,
}

use Flaw::*;

/// Each flaw, and a law that finds it.
const CAUGHT: &[(Flaw, &str)] = &[
    (WritesNothing, "installing_reaches_the_far_side"),
    (AsksForAPersonUnannounced, "installing_reaches_the_far_side"),
    (StaysAtOneVersion, "a_version_changes_with_every_write_where_that_is_claimed"),
    (CountsWrites, "installing_twice_is_the_same_as_once"),
    (KeepsTheNewToken, "the_old_token_can_be_put_back_where_that_is_claimed"),
    (ChangesASibling, "nothing_else_there_changes"),
    (WritesWhenItLooks, "a_look_changes_nothing"),
    (SeesAnotherSlotEachTime, "a_look_changes_nothing"),
    (IgnoresTheSlot, "a_stale_slot_is_refused_without_effect"),
    (RefusesAStaleSlotAfterTheWrite, "a_stale_slot_is_refused_without_effect"),
    (WaitsOutARefusedLogin, "a_refused_login_is_permanent_and_without_effect"),
    (LooksWithoutALogin, "a_refused_login_is_permanent_and_without_effect"),
    (TakesAPauseForARefusal, "too_many_requests_are_transient_and_say_how_long_to_wait"),
    (ForgetsTheWait, "too_many_requests_are_transient_and_say_how_long_to_wait"),
    (TakesALostAnswerForARefusal, "a_lost_answer_leaves_its_effect_unknown_and_another_look_settles_it"),
    (DeniesWhatItCannotTell, "a_lost_answer_leaves_its_effect_unknown_and_another_look_settles_it"),
    (TakesALostAnswerForDone, "a_request_that_never_arrived_is_never_called_done"),
    (GivesUpWhatWasLost, "a_request_that_never_arrived_is_never_called_done"),
    (CallsAnythingNew, "a_request_that_never_arrived_is_never_called_done"),
    (CallsAnythingNew, "the_old_token_is_never_called_new"),
    (CallsAnythingWorking, "a_dead_token_is_not_called_working"),
    (ClaimsTooMuch, "works_and_new_are_proven_only_as_claimed"),
    (ProvesMoreThanItClaims, "works_and_new_are_proven_only_as_claimed"),
    (DeniesWhatItCannotTell, "works_and_new_are_proven_only_as_claimed"),
    (HasANameForEachConnection, "claims_and_name_are_always_the_same"),
    (ChangesItsClaims, "claims_and_name_are_always_the_same"),
    (CannotCheck, "a_whole_rotation_goes_through"),
    (WritesNothing, "a_whole_rotation_goes_through"),
    (SaysItInAnError, "no_secret_is_said"),
    (SaysItInItsDebug, "no_secret_is_said"),
    (SaysItInALog, "no_secret_is_said"),
    (SaysItInASlot, "no_secret_is_said"),
    (SaysItInANote, "no_secret_is_said"),
    (QuotesWhatIsSaidBack, "no_secret_is_said"),
];

/// What the consumers of one place share.
#[derive(Default)]
struct Shared {
    sibling: Mutex<String>,
    connections: AtomicUsize,
    looks: AtomicUsize,
    said: Mutex<String>,
    /// The far side says back what it is sent.
    echoes: AtomicBool,
}

struct Broken {
    flaw: Flaw,
    place: MemoryConsumer,
    name: String,
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let said = if self.flaw == SaysItInItsDebug { self.shared.said.lock().unwrap().clone() } else { String::new() };
        write!(f, "Broken({}{said})", self.name)
    }
}

impl Broken {
    fn is(&self, flaw: Flaw) -> bool {
        self.flaw == flaw
    }

    fn write_beside(&self, text: &str) {
        self.shared.sibling.lock().unwrap().push_str(text);
    }

    async fn write(&self, token: &AdmittedToken, slot: &Slot) -> Result<Installation> {
        if self.is(AsksForAPersonUnannounced) {
            return Ok(Installation::Guided(tokenturn::Guide::new("Do it yourself")));
        }
        let current = self.place.preflight().await;
        if self.is(WritesNothing) || (self.is(KeepsTheNewToken) && self.place.writes() > 0) {
            return current.map(Installation::Done);
        }
        let slot =
            if self.is(IgnoresTheSlot) || self.is(StaysAtOneVersion) { current.as_ref().unwrap_or(slot) } else { slot };
        let installed = self.place.install(token, slot).await;
        let conflict = installed.as_ref().is_err_and(|error| error.kind() == ErrorKind::Conflict);
        if self.is(RefusesAStaleSlotAfterTheWrite) && conflict {
            self.place.install(token, &current?).await?;
        }
        if self.is(ChangesASibling) || (self.is(CountsWrites) && self.place.writes() > 1) {
            self.write_beside(" written");
        }
        installed
    }

    fn worded(&self, error: Error, token: &AdmittedToken) -> Error {
        let (kind, lost) = (error.kind(), error.effect() == Effect::Unknown);
        let new = |kind| Error::new(kind, "it went wrong: try again").with_effect(error.effect());
        match self.flaw {
            WaitsOutARefusedLogin if kind == ErrorKind::Unauthenticated => new(ErrorKind::Unavailable),
            TakesAPauseForARefusal if kind == ErrorKind::RateLimited => new(ErrorKind::PermissionDenied),
            ForgetsTheWait if kind == ErrorKind::RateLimited => new(kind),
            TakesALostAnswerForARefusal if lost => error.with_effect(Effect::None),
            GivesUpWhatWasLost if lost => new(ErrorKind::Protocol),
            SaysItInAnError => {
                let said =
                    base64::engine::general_purpose::STANDARD.encode(format!("bot:{}\n", token.token().expose()));
                Error::new(kind, format!("refused: Authorization: Basic {said}")).with_effect(error.effect())
            }
            QuotesWhatIsSaidBack if self.shared.echoes.load(Ordering::Relaxed) => {
                Error::new(kind, format!("refused: {}", token.token().expose())).with_effect(error.effect())
            }
            _ => error,
        }
    }
}

#[async_trait]
impl Consumer for Broken {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        let can = self.place.capabilities();
        match self.flaw {
            ProvesMoreThanItClaims => can.proving(Proof::Never, Proof::Always),
            ChangesItsClaims if self.place.writes() > 0 => can.disruptive(),
            _ => can,
        }
    }

    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        self.place.required_scopes(model)
    }

    async fn preflight(&self) -> Result<Slot> {
        let slot = self.place.preflight().await;
        match self.flaw {
            WritesWhenItLooks => self.write_beside(" looked"),
            StaysAtOneVersion => return slot.map(|_| Slot::at("1")),
            LooksWithoutALogin => return Ok(slot.unwrap_or_default()),
            SeesAnotherSlotEachTime => {
                let look = self.shared.looks.fetch_add(1, Ordering::Relaxed);
                return slot.map(|slot| slot.with_detail("look", look.to_string()));
            }
            WaitsOutARefusedLogin => {
                return slot.map_err(|error| Error::new(ErrorKind::Unavailable, error.to_string()));
            }
            _ => {}
        }
        slot
    }

    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        let secret = token.token().expose();
        secret.clone_into(&mut self.shared.said.lock().unwrap());
        if self.is(SaysItInALog) {
            let escaped: String = secret.bytes().map(|byte| format!("%{byte:02x}")).collect::<Vec<_>>().concat();
            tracing::trace!(body = %escaped, "sending");
        }
        match self.write(token, expected).await {
            Err(_) if self.is(TakesALostAnswerForDone) => Ok(Installation::Done(Slot::opaque())),
            Ok(Installation::Done(slot)) if self.is(SaysItInASlot) => {
                let hex = secret.bytes().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().concat();
                Ok(Installation::Done(slot.with_detail("hash", hex)))
            }
            done => done.map_err(|error| self.worded(error, token)),
        }
    }

    async fn verify(&self, token: &AdmittedToken, slot: &Slot) -> Result<Verification> {
        let seen = self.place.verify(token, slot).await?;
        Ok(match self.flaw {
            CannotCheck => {
                return Err(Error::new(ErrorKind::PermissionDenied, "the right to check is missing: grant it"));
            }
            CallsAnythingNew => Verification::new(seen.works, Answer::Proven),
            CallsAnythingWorking => Verification::new(Answer::Proven, seen.new),
            DeniesWhatItCannotTell => Verification::new(seen.works, Answer::Refuted),
            ClaimsTooMuch => Verification::new(Answer::Unknown, Answer::Unknown),
            SaysItInANote => seen.with_note(format!("logged in with {}", token.token().expose())),
            _ => seen,
        })
    }
}

/// A place in memory with something beside it, and a broken consumer.
struct BrokenPlace {
    memory: MemoryFarSide,
    flaw: Flaw,
    shared: Arc<Shared>,
    /// Nobody can look past its interfaces.
    blind: bool,
}

#[async_trait]
impl FarSide for BrokenPlace {
    fn consumer(&self) -> Arc<dyn Consumer> {
        let connection = self.shared.connections.fetch_add(1, Ordering::Relaxed);
        let name =
            if self.flaw == HasANameForEachConnection { format!("broken-{connection}") } else { "broken".into() };
        Arc::new(Broken { flaw: self.flaw, place: self.memory.place().clone(), name, shared: self.shared.clone() })
    }

    fn old_token(&self) -> AdmittedToken {
        self.memory.old_token()
    }

    fn new_token(&self) -> AdmittedToken {
        self.memory.new_token()
    }

    async fn stored(&self) -> Result<Option<Fingerprint>, NotApplicable> {
        if self.blind {
            return Err(NotApplicable::because("nobody can look there"));
        }
        self.memory.stored().await
    }

    async fn rest(&self) -> Result<String, NotApplicable> {
        Ok(self.shared.sibling.lock().unwrap().clone())
    }

    async fn change(&self) -> Result<(), NotApplicable> {
        self.memory.change().await
    }

    async fn trouble(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.shared.echoes.store(matches!(trouble, Trouble::Echo(_)), Ordering::Relaxed);
        self.memory.trouble(trouble).await
    }

    async fn trap(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.memory.trap(trouble).await
    }

    async fn refuse_login(&self) -> Result<(), NotApplicable> {
        self.memory.refuse_login().await
    }

    async fn throttle(&self, wait: Duration) -> Result<Duration, NotApplicable> {
        self.memory.throttle(wait).await
    }

    async fn unplug(&self) -> Result<(), NotApplicable> {
        self.memory.unplug().await
    }

    async fn kill(&self, token: &AdmittedToken) -> Result<(), NotApplicable> {
        self.memory.kill(token).await
    }

    async fn writes(&self) -> Result<usize, NotApplicable> {
        self.memory.writes().await
    }

    fn secrets(&self) -> Vec<String> {
        Vec::new()
    }
}

fn stage(flaw: Flaw) -> Stage {
    seen(flaw, false)
}

fn seen(flaw: Flaw, blind: bool) -> Stage {
    Stage::new(
        move || async move { Ok(BrokenPlace { memory: MemoryFarSide::new()?, flaw, shared: Arc::default(), blind }) },
    )
}

#[tokio::test]
async fn each_flaw_is_caught_by_the_law_that_is_meant_for_it() {
    for (flaw, name) in CAUGHT {
        let law = LAWS.iter().find(|law| law.name == *name).expect("a law of this name");
        let ruling = law.judge(stage(*flaw)).await;
        // A line of the source that lost its continuation leaves a gap in the words.
        let told = matches!(&ruling, Err(Exception::Violated(text)) if text.len() > 20 && !text.contains("    "));
        assert!(told, "{flaw:?}: {name}: {ruling:?}");
    }
}

#[tokio::test]
async fn a_refused_login_is_judged_where_nobody_can_look_past_the_interfaces() {
    let name = "a_refused_login_is_permanent_and_without_effect";
    let law = LAWS.iter().find(|law| law.name == name).expect("a law of this name");
    let ruling = law.judge(seen(LooksWithoutALogin, true)).await;
    assert!(matches!(&ruling, Err(Exception::Violated(text)) if text.contains("`preflight`")), "{ruling:?}");
    let ruling = law.judge(seen(Nothing, true)).await;
    assert!(matches!(&ruling, Err(Exception::NotApplicable(_))), "{ruling:?}");
}

#[tokio::test]
async fn without_a_flaw_every_law_is_kept() {
    for law in LAWS {
        assert_eq!(law.judge(stage(Nothing)).await, Ok(()), "{law:?}");
    }
}

#[test]
fn every_law_can_be_broken() {
    for law in LAWS {
        assert!(CAUGHT.iter().any(|(_, name)| *name == law.name), "nothing here breaks {law:?}");
    }
}
