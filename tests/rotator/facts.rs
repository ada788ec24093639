//! What facts add up to, told one by one: states that a whole run passes too quickly to be asked in between.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use tokenturn::consumer::{ConsumerCapabilities, Proof, Slot, Verification};
use tokenturn::provider::{Fate, ProviderCapabilities};
use tokenturn::rotation::{
    Act, Charter, Compromised, Death, Decision, Ending, Fact, OldEnd, OldToken, Origin, Outcome, Place, Possession,
    Standing, State, Step, TokenRef, Urgency, Wait, next,
};
use tokenturn::{
    Answer, ConsumerName, CredentialName, Effect, ErrorKind, Expiry, Grant, Guide, Holder, Label, Lack, Problem,
    Reason, Refusal, Restriction, RunId, Timestamp, Token, TokenId,
};

use crate::world::{guided, overlap, place, replace};

/// A run whose old token is at hand, told so far.
struct Story(State);

fn name(text: &str) -> ConsumerName {
    ConsumerName::new(text).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_unix_seconds(seconds)
}

fn version(text: &str) -> Slot {
    let mut slot = Slot::opaque();
    slot.version = Some(text.into());
    slot
}

fn grant() -> Grant {
    Grant::of(&Token::new("new").unwrap(), "bot")
}

fn refused(lack: Lack, grant: Option<Grant>) -> Fact {
    let refusal: Refusal = serde_json::from_value(serde_json::json!({ "lacks": [lack] })).unwrap();
    Fact::Refused { refusal, grant }
}

impl Story {
    fn of(can: ProviderCapabilities, places: &[ConsumerCapabilities]) -> Self {
        Self::after(OldToken::held(Possession::Held, Token::new("old").unwrap().fingerprint(), None), can, places)
    }

    fn after(old: OldToken, can: ProviderCapabilities, places: &[ConsumerCapabilities]) -> Self {
        let run = RunId::new("run").unwrap();
        let charter = Charter::new(run, CredentialName::new("bot").unwrap(), "model", can).with_predecessor(old);
        let names = ["a", "b", "c"].into_iter().map(name);
        let places = names.zip(places).map(|(name, can)| Place::new(name, can.clone()));
        Self(State::begin(places.fold(charter, Charter::with_place)))
    }

    fn then(mut self, fact: Fact) -> Self {
        self.0.apply(&fact).unwrap();
        self
    }

    fn looked(self) -> Self {
        self.then(Fact::PredecessorLooked { standing: Standing::Live, owner: None })
    }

    fn read(self, at: &str, slot: Slot, new: Answer) -> Self {
        self.then(Fact::Preflighted { consumer: name(at), slot, baseline: None, new })
    }

    fn asked_for(self, attempt: u32) -> Self {
        let label = Label::new(format!("bot-{attempt}")).unwrap();
        self.then(Fact::Issuing { attempt, label, look_after: at(60), expiry: Expiry::At(at(9000)) })
    }

    fn came(self, attempt: u32, origin: Origin) -> Self {
        let fingerprint = Token::new("new").unwrap().fingerprint();
        self.then(Fact::Issued { attempt, origin, fingerprint, id: None, companion: false })
    }

    /// The first token, minted and found good.
    fn issued(self) -> Self {
        self.looked().asked_for(1).came(1, Origin::Minted).admitted()
    }

    fn admitted(self) -> Self {
        self.then(Fact::Admitted { grant: grant(), warnings: Vec::new() })
    }

    /// It is in the first place.
    fn settled(self) -> Self {
        self.issued().installed("a").verified("a")
    }

    fn resumed(self) -> Self {
        self.then(Fact::Resumed { by: Holder::new("engine").unwrap() })
    }

    fn installed(self, at: &str) -> Self {
        let consumer = name(at);
        self.then(Fact::Installing { consumer: consumer.clone(), settled: None })
            .then(Fact::Installed { consumer, slot: Slot::opaque() })
    }

    fn verified(self, at: &str) -> Self {
        let verification = Verification::new(Answer::Proven, Answer::Proven);
        self.then(Fact::Verified { consumer: name(at), verification })
    }

    fn going_back(self) -> Self {
        self.then(Fact::RollingBack { because: Problem::new(ErrorKind::PermissionDenied, "no") })
    }

    fn restoring(self, at: &str) -> Self {
        self.then(Fact::Restoring { consumer: name(at), settled: None })
    }

    fn stumbled(self, act: Act, kind: ErrorKind, effect: Effect) -> Self {
        let mut problem = Problem::new(kind, "it did not go well");
        problem.effect = effect;
        self.then(Fact::Stumbled { act, problem, since: at(0), again_at: at(1) })
    }

    #[track_caller]
    fn does(&self, act: &Act) {
        assert_eq!(next(&self.0), [Step::Do(act.clone())]);
    }

    #[track_caller]
    fn awaits(&self, wait: &Wait) {
        assert_eq!(next(&self.0), [Step::Await(wait.clone())]);
    }

    #[track_caller]
    fn goes_back(&self) {
        let steps = next(&self.0);
        assert!(matches!(&steps[..], [Step::Record(fact)] if matches!(**fact, Fact::RollingBack { .. })), "{steps:?}");
    }

    fn decided(self, decision: Decision) -> Self {
        self.0.permits(&decision).unwrap();
        self.then(Fact::Decided { decision })
    }

    #[track_caller]
    fn forbids(&self, decision: &Decision, part: &str) {
        let error = self.0.permits(decision).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Refused, "{error}");
        assert!(error.to_string().contains(part), "{part:?} is not in: {error}");
    }

    /// What the first place may hold.
    fn held(&self) -> Vec<TokenRef> {
        self.0.holdings()[0].tokens.clone()
    }
}

#[test]
fn a_token_that_works_nowhere_or_of_which_nothing_is_known_is_not_installed_anyway() {
    let minted = || Story::of(overlap(), &[place()]).looked().asked_for(1).came(1, Origin::Minted);
    let hidden = Lack::Hidden { said: "not there".into() };
    minted().then(refused(hidden.clone(), None)).forbids(&Decision::InstallAnyway, "said nothing of this token");
    minted().then(refused(hidden, Some(grant()))).0.permits(&Decision::InstallAnyway).unwrap();
    let expired = Lack::Expired { at: at(0) };
    minted().then(refused(expired, Some(grant()))).forbids(&Decision::InstallAnyway, "would not work anywhere");
}

#[test]
fn a_token_that_a_person_keeps_is_no_longer_one_to_delete() {
    let asked = Story::of(guided(), &[place()]).settled().then(Fact::CutOver);
    let asked = asked.then(Fact::DeletionAsked { token: TokenRef::Old, guide: Guide::new("delete it") });
    let by_hand = Decision::RevokedByHand(TokenRef::Old);
    asked.0.permits(&by_hand).unwrap();
    asked.decided(Decision::KeepOld).forbids(&by_hand, "not to be deleted by hand now");
}

#[test]
fn a_place_that_somebody_wrote_to_while_nobody_looked_may_hold_the_new_token() {
    let story = |after: &str| {
        let story = Story::of(overlap(), &[place()]).looked().read("a", version("1"), Answer::Unknown).issued();
        story.resumed().read("a", version(after), Answer::Unknown)
    };
    assert_eq!(story("1").held(), [TokenRef::Old]);
    assert_eq!(story("2").held(), [TokenRef::Old, TokenRef::New(1)]);
}

#[test]
fn a_new_token_that_is_not_on_its_way_out_stays_when_the_old_one_dies_on_the_way_back() {
    let back = Story::of(overlap(), &[place(), place()]).settled().going_back();
    let alive = back.then(Fact::PredecessorLooked { standing: Standing::Dead, owner: None });
    assert!(!alive.0.is_rolling_back());
    assert_eq!(alive.0.candidate(), Some(TokenRef::New(1)));

    let back = Story::of(overlap(), &[place(), place()]).issued().going_back();
    let leaving = back.then(Fact::Revoking { token: TokenRef::New(1), reason: Reason::RolledBack });
    let leaving = leaving.then(Fact::PredecessorLooked { standing: Standing::Dead, owner: None });
    assert!(!leaving.0.is_rolling_back());
    assert_eq!(leaving.0.candidate(), None, "another is made");
}

#[test]
fn a_restoration_that_was_refused_leaves_no_trace_unless_one_before_it_may_have() {
    let settled = || Story::of(overlap(), &[place(), place()]).settled().going_back();
    let restore = || Act::Restore(name("a"));
    assert_eq!(settled().restoring("a").held(), [TokenRef::Old, TokenRef::New(1)]);
    let refused = settled().restoring("a").stumbled(restore(), ErrorKind::Busy, Effect::None);
    assert_eq!(refused.held(), [TokenRef::New(1)]);
    let lost = settled().restoring("a").stumbled(restore(), ErrorKind::Unavailable, Effect::Unknown);
    assert_eq!(lost.held(), [TokenRef::Old, TokenRef::New(1)]);
    let refused = lost.restoring("a").stumbled(restore(), ErrorKind::Busy, Effect::None);
    assert_eq!(refused.held(), [TokenRef::Old, TokenRef::New(1)]);
}

#[test]
fn what_does_not_hold_after_it_was_put_back_is_put_back_again_and_what_was_not_seen_is_looked_at_again() {
    let back = || {
        let story = Story::of(overlap(), &[place(), place()]).settled().going_back();
        let restored = Fact::Restored { consumer: name("a"), slot: Slot::opaque() };
        story.looked().restoring("a").then(restored)
    };
    let verify = || Act::VerifyRestored(name("a"));
    back().does(&verify());
    back().stumbled(verify(), ErrorKind::Unavailable, Effect::None).does(&verify());
    back().stumbled(verify(), ErrorKind::Unverified, Effect::None).does(&Act::Restore(name("a")));
}

#[test]
fn a_token_that_was_refused_for_what_it_is_was_seen_alive() {
    let minted = || Story::of(overlap(), &[place()]).looked().asked_for(1).came(1, Origin::Minted);
    let provable = |story: Story| story.0.is_provable(&TokenRef::New(1));
    assert!(provable(minted().then(refused(Lack::UnknownAccess, Some(grant())))));
    assert!(!provable(minted().then(refused(Lack::Dead { hint: None }, None))), "nor has it an id to ask for");
}

#[test]
fn an_end_that_did_not_come_or_is_not_known_is_asked_for_again_after_another_last_look() {
    let revoking = |story: Story| {
        let story = story.asked_for(1).came(1, Origin::Minted).admitted().installed("a").verified("a");
        let story = story.then(Fact::CutOver).then(Fact::LastLooked);
        story.does(&Act::Revoke(TokenRef::Old));
        story.then(Fact::Revoking { token: TokenRef::Old, reason: Reason::Superseded })
    };
    let seen = revoking(Story::of(overlap(), &[place()]).looked());
    seen.then(Fact::StillAlive { token: TokenRef::Old }).does(&Act::LastLook);
    let never_seen = revoking(Story::of(overlap(), &[place()]));
    let unknown = never_seen.stumbled(Act::Revoke(TokenRef::Old), ErrorKind::Unavailable, Effect::Unknown);
    unknown.does(&Act::LastLook);
    // Nobody saw it taken, so that it is refused would prove nothing.
    unknown.then(Fact::LastLooked).does(&Act::Revoke(TokenRef::Old));
}

#[test]
fn where_only_so_many_live_another_is_issued_once_what_an_attempt_left_behind_is_dead() {
    let mut can = overlap();
    can.fate = Fate::DiesBeyond(3);
    let orphan = || TokenId::new("7").unwrap();
    let lost = Story::of(can, &[place()]).looked().read("a", version("1"), Answer::Refuted).asked_for(1);
    let lost = lost.then(Fact::OrphansFound { attempt: 1, ids: vec![orphan()] });
    let found = TokenRef::Found(orphan());
    let because = Problem::new(ErrorKind::PermissionDenied, "no");
    let lost = lost.then(Fact::GaveUp { act: Act::Revoke(found.clone()), problem: because });
    assert!(next(&lost.0).iter().all(|step| *step == Step::Await(Wait::Decision)), "{:?}", next(&lost.0));
    lost.then(Fact::Revoked { token: found, proof: Death::Word }).does(&Act::Issue);
}

#[test]
fn what_came_of_a_request_is_searched_for_only_where_the_old_token_cannot_tell() {
    let unknown = |old, can| {
        let story = Story::after(old, can, &[place()]).asked_for(1);
        story.then(Fact::PredecessorLooked { standing: Standing::Unknown, owner: None })
    };
    let held = || OldToken::held(Possession::Held, Token::new("old").unwrap().fingerprint(), None);
    unknown(held(), replace()).awaits(&Wait::Decision);
    unknown(held(), replace().reissuing()).awaits(&Wait::Decision);
    let known = OldToken::known(TokenId::new("7").unwrap());
    unknown(known, replace().reissuing()).does(&Act::FindOrphans);
}

#[test]
fn after_a_restart_the_new_token_is_looked_at_before_the_cut_over_and_before_it_is_written_again() {
    let settled = || Story::of(overlap(), &[place()]).settled();
    settled().resumed().does(&Act::Admit);
    let over = || settled().then(Fact::CutOver).resumed();
    over().does(&Act::LastLook);
    let relapsed = Fact::Relapsed {
        consumer: name("a"),
        verification: Verification::new(Answer::Proven, Answer::Refuted),
        since: at(0),
        again_at: at(1),
    };
    over().then(relapsed).read("a", version("1"), Answer::Refuted).does(&Act::Admit);
}

#[test]
fn what_is_wrong_with_a_new_token_is_cured_only_while_no_place_has_it() {
    let lacking = || refused(Lack::Restricted { restriction: Restriction::Approval { by: None } }, Some(grant()));
    let minted = Story::of(overlap(), &[place(), place()]).looked();
    let minted = minted.read("a", version("1"), Answer::Refuted).read("b", version("1"), Answer::Refuted);
    minted.asked_for(1).came(1, Origin::Minted).then(lacking()).awaits(&Wait::Cure);
    let settled = Story::of(overlap(), &[place(), place()]).settled().resumed();
    settled.read("b", version("1"), Answer::Refuted).then(lacking()).awaits(&Wait::Decision);
}

#[test]
fn a_new_token_that_replaced_the_old_one_is_not_taken_back_though_it_was_refused() {
    let minted = |can| {
        let story = Story::of(can, &[place()]).looked().read("a", version("1"), Answer::Refuted);
        story.asked_for(1).came(1, Origin::Minted).then(refused(Lack::UnknownAccess, Some(grant())))
    };
    minted(overlap()).goes_back();
    minted(replace()).awaits(&Wait::Decision);
}

#[test]
fn our_own_key_goes_last_where_places_are_down_too() {
    let story = Story::of(replace(), &[place().own_key(), place(), place().disruptive()]).looked();
    let read = |story: Story, at| story.read(at, version("1"), Answer::Refuted);
    let story = ["a", "b", "c"].into_iter().fold(story, read).issued();
    let install = |at| Step::Do(Act::Install(name(at)));
    assert_eq!(next(&story.0), [install("b"), install("c")]);
    story.installed("b").verified("b").installed("c").verified("c").does(&Act::Install(name("a")));
}

#[test]
fn what_leaked_and_was_refused_its_end_after_a_restart_may_be_our_own_key_so_that_is_looked_at() {
    let leaked = Fact::Emergency { compromised: Compromised::Old, mode: Urgency::ReplaceNow };
    let story = Story::of(overlap(), &[place().own_key(), place()]).settled().installed("b").verified("b");
    let story = story.then(Fact::CutOver).then(leaked).resumed();
    let revoke = || Act::Revoke(TokenRef::Old);
    story.does(&revoke());
    let because = Problem::new(ErrorKind::PermissionDenied, "no");
    let story = story.then(Fact::GaveUp { act: revoke(), problem: because });
    story.does(&Act::Verify(name("a")));
    story.verified("a").does(&revoke());
}

#[test]
fn a_forgotten_place_keeps_the_old_token_alive_only_where_it_may_hold_it_and_never_what_leaked() {
    let both = Story::of(overlap(), &[place(), place()]).settled().installed("b").verified("b");
    both.decided(Decision::Forget(name("b"))).then(Fact::CutOver).does(&Act::LastLook);

    let forgotten = || Story::of(overlap(), &[place(), place()]).settled().decided(Decision::Forget(name("b")));
    let kept = Fact::Ended { ending: Ending::Completed { old: OldEnd::KeptForForgotten } };
    let over = forgotten().then(Fact::CutOver);
    assert_eq!(next(&over.0), [Step::Record(Box::new(kept))]);
    let leaked = Fact::Emergency { compromised: Compromised::Old, mode: Urgency::ReplaceNow };
    over.then(leaked).does(&Act::Revoke(TokenRef::Old));
}

#[test]
fn before_anything_is_put_back_or_the_new_token_goes_the_old_one_is_looked_at_once() {
    let back = Story::of(overlap(), &[place(), place()]).settled().going_back();
    back.does(&Act::LookAtPredecessor);
    back.looked().does(&Act::Restore(name("a")));

    let untouched = Story::of(overlap(), &[place()]).issued().going_back();
    untouched.does(&Act::LookAtPredecessor);
    untouched.looked().does(&Act::Revoke(TokenRef::New(1)));
}

#[test]
fn a_place_that_this_run_never_wrote_to_is_not_put_back_where_there_is_no_value_to_put_back() {
    let known = OldToken::known(TokenId::new("7").unwrap());
    let story = Story::after(known, overlap(), &[place()]).looked().read("a", version("1"), Answer::Unknown).issued();
    let back = story.resumed().read("a", version("2"), Answer::Unknown).going_back().looked();
    assert_eq!(back.held(), [TokenRef::Old, TokenRef::New(1)]);
    back.does(&Act::Preflight(name("a")));
}

#[test]
fn once_the_new_token_is_on_its_way_out_no_place_is_looked_at_for_it() {
    let back = Story::of(overlap(), &[place()]).issued().resumed().going_back().looked();
    back.does(&Act::Preflight(name("a")));
    let revoking = Fact::Revoking { token: TokenRef::New(1), reason: Reason::RolledBack };
    back.then(revoking).does(&Act::Prove(TokenRef::New(1)));
}

#[test]
fn what_leaked_and_could_not_go_first_is_not_waited_for() {
    let leaked = Fact::Emergency { compromised: Compromised::Old, mode: Urgency::RevokeFirst };
    let story = Story::of(overlap(), &[place()]).then(leaked);
    story.does(&Act::Revoke(TokenRef::Old));
    let because = Problem::new(ErrorKind::PermissionDenied, "no");
    story.then(Fact::GaveUp { act: Act::Revoke(TokenRef::Old), problem: because }).does(&Act::LookAtPredecessor);
}

#[test]
fn a_new_token_that_leaked_goes_before_its_places_have_another_only_where_that_was_asked_for() {
    let leaked = |mode| {
        let story = Story::of(overlap(), &[place(), place()]).settled();
        story.then(Fact::Emergency { compromised: Compromised::New, mode })
    };
    leaked(Urgency::RevokeFirst).does(&Act::Revoke(TokenRef::New(1)));
    leaked(Urgency::ReplaceNow).does(&Act::LookAtPredecessor);
}

#[test]
fn there_is_a_way_back_while_the_old_token_is_good_and_only_once() {
    let story = || Story::of(overlap(), &[place(), place()]).settled();
    assert!(story().0.may_roll_back());
    let back = story().going_back();
    assert!(!back.0.may_roll_back() && back.0.is_rolling_back());
    assert!(!story().then(Fact::CutOver).0.may_roll_back());
    let leaked = Fact::Emergency { compromised: Compromised::Old, mode: Urgency::ReplaceNow };
    assert!(!story().then(leaked).0.may_roll_back());
}

#[test]
fn the_only_token_that_lives_is_taken_back_only_where_it_was_refused_and_another_can_be_issued() {
    let story = |origin| {
        let dead = Fact::PredecessorLooked { standing: Standing::Dead, owner: None };
        Story::of(overlap(), &[place()]).then(dead).asked_for(1).came(1, origin)
    };
    assert!(!story(Origin::Minted).admitted().0.may_roll_back());
    let refused = refused(Lack::UnknownAccess, Some(grant()));
    assert!(story(Origin::Minted).then(refused.clone()).0.may_roll_back());
    assert!(!story(Origin::Kept).then(refused).0.may_roll_back());
}

#[test]
fn where_issuing_has_killed_a_token_that_we_never_had_all_places_go_at_once() {
    let places = [place(), place().disruptive()];
    let story = |can| {
        let story = Story::after(OldToken::absent(), can, &places);
        let read = story.read("a", version("1"), Answer::Refuted).read("b", version("1"), Answer::Refuted);
        next(&read.asked_for(1).came(1, Origin::Minted).admitted().0)
    };
    let install = |at| Step::Do(Act::Install(name(at)));
    assert_eq!(story(overlap()), [install("a")]);
    assert_eq!(story(replace()), [install("a"), install("b")]);

    let dead = Fact::PredecessorLooked { standing: Standing::Dead, owner: None };
    let story = Story::of(overlap(), &places).then(dead).read("a", version("1"), Answer::Refuted);
    let story = story.read("b", version("1"), Answer::Refuted).asked_for(1).came(1, Origin::Minted).admitted();
    assert_eq!(next(&story.0), [install("a"), install("b")], "so they do where it was dead before");
}

#[test]
fn a_place_counts_as_holding_the_new_token_alone_once_it_was_seen_or_where_nothing_can_be_seen() {
    let installed = |can| Story::of(overlap(), &[can, place()]).issued().installed("a").held();
    let proving = |works, new| ConsumerCapabilities::new("memory").proving(works, new);
    assert_eq!(installed(proving(Proof::Never, Proof::Never)), [TokenRef::New(1)]);
    assert_eq!(installed(proving(Proof::Never, Proof::Always)), [TokenRef::Old, TokenRef::New(1)]);
    assert_eq!(installed(proving(Proof::Always, Proof::Never)), [TokenRef::Old, TokenRef::New(1)]);
}

#[test]
fn why_a_token_goes_is_said_as_it_is() {
    let reason = |story: &Story, token| story.0.reason(&token);
    let story = Story::of(overlap(), &[place(), place()]).settled();
    assert_eq!(reason(&story, TokenRef::Old), Reason::Superseded);
    assert_eq!(reason(&story, TokenRef::New(1)), Reason::RolledBack);
    let leaked = |compromised| Fact::Emergency { compromised, mode: Urgency::ReplaceNow };
    let story = story.then(leaked(Compromised::New)).then(leaked(Compromised::Old));
    assert_eq!(reason(&story, TokenRef::Old), Reason::Compromised);
    assert_eq!(reason(&story, TokenRef::New(1)), Reason::Compromised);
    assert_eq!(reason(&story, TokenRef::Found(TokenId::new("7").unwrap())), Reason::Orphan);
}

#[test]
fn an_act_waits_for_what_it_depends_on() {
    let promised = Story::of(overlap(), &[place()]).settled().then(Fact::CutOver).then(Fact::LastLooked);
    let promised = promised.then(Fact::Revoking { token: TokenRef::Old, reason: Reason::Superseded });
    let promised = promised.then(Fact::RevocationAnswered { token: TokenRef::Old, look_after: at(30) });
    assert_eq!(promised.0.not_before(&Act::Prove(TokenRef::Old)), Some(at(30)));

    let busy = Story::of(overlap(), &[place()]).issued().then(Fact::Installing { consumer: name("a"), settled: None });
    let busy = busy.stumbled(Act::Install(name("a")), ErrorKind::Busy, Effect::None);
    let not_before = |act| busy.0.not_before(&act);
    assert_eq!(not_before(Act::Install(name("a"))), Some(at(1)));
    assert_eq!(not_before(Act::Preflight(name("a"))), Some(at(1)), "what is read is read right before it is written");
    assert_eq!(not_before(Act::Verify(name("a"))), None);
}

#[test]
fn no_place_is_written_before_the_last_write_of_another_token_must_have_arrived() {
    let story = Story::of(overlap(), &[place(), place()]).settled().installed("b").verified("b").going_back().looked();
    let story = story.then(Fact::Restoring { consumer: name("b"), settled: Some(at(50)) });
    let not_before = |story: &Story, act: fn(ConsumerName) -> Act, at| story.0.not_before(&act(name(at)));
    assert_eq!(not_before(&story, Act::Restore, "b"), None, "it is the same token");
    let dead = Fact::PredecessorLooked { standing: Standing::Dead, owner: None };
    let forward = story.then(dead);
    assert!(!forward.0.is_rolling_back());
    assert_eq!(not_before(&forward, Act::Install, "b"), Some(at(50)));
    assert_eq!(not_before(&forward, Act::Install, "a"), None);
}

#[test]
fn what_this_run_wrote_is_not_passed_over_on_the_way_back_though_it_cannot_be_put_back() {
    let known = OldToken::known(TokenId::new("7").unwrap());
    let back = Story::after(known, overlap(), &[place(), place()]).settled().going_back().looked();
    back.does(&Act::Restore(name("a")));
}

#[test]
fn what_a_check_says_no_to_is_told_and_what_was_put_back_does_not_count_as_lost_by_the_place() {
    let story = Story::of(overlap(), &[place(), place()]).settled();
    let meant = |act: Act, works, new| {
        let verification = Verification::new(works, new);
        story.0.verification(&act, &name("a"), verification, at(0), Some(at(1))).unwrap()
    };
    let told = |fact| match fact {
        Fact::Stumbled { problem, .. } => problem.text,
        other => panic!("no stumble: {other:?}"),
    };
    let relapsed = |fact| matches!(fact, Fact::Relapsed { .. });
    let (verify, restored) = (|| Act::Verify(name("a")), || Act::VerifyRestored(name("a")));
    assert!(relapsed(meant(verify(), Answer::Proven, Answer::Refuted)));
    assert!(told(meant(verify(), Answer::Refuted, Answer::Unknown)).contains("does not work there"));
    assert!(told(meant(verify(), Answer::Unknown, Answer::Unknown)).contains("could not show"));
    assert!(told(meant(restored(), Answer::Refuted, Answer::Proven)).contains("does not work there"));
    assert!(told(meant(restored(), Answer::Proven, Answer::Refuted)).contains("does not hold this token"));
    assert!(relapsed(meant(Act::VerifyAfter(name("a")), Answer::Refuted, Answer::Unknown)));
}

#[test]
fn why_a_run_is_stuck_is_said_as_it_is() {
    let why = |story: &Story| match story.0.outcome(at(0)) {
        Some(Outcome::NeedsPerson { problems, .. }) => problems[0].text.clone(),
        other => panic!("needs nobody: {other:?}"),
    };
    let unknown = || Fact::PredecessorLooked { standing: Standing::Unknown, owner: None };
    let asked = Story::of(replace(), &[place()]).asked_for(1).then(unknown());
    assert!(why(&asked).contains("what came of asking for a token"), "{}", why(&asked));
    // The new token leaked, and nobody can say whether the old one may be put back.
    let leaked = Fact::Emergency { compromised: Compromised::New, mode: Urgency::ReplaceNow };
    let back = Story::of(overlap(), &[place(), place()]).settled().then(leaked).then(unknown());
    assert!(why(&back).contains("cannot be looked at"), "{}", why(&back));
}

#[test]
fn what_a_person_made_and_nobody_took_is_told_of_at_the_end_while_it_may_live() {
    let orphans = |story: Story| story.then(Fact::Ended { ending: Ending::Abandoned }).0.orphans().len();
    let came = |origin| Story::of(guided(), &[place()]).looked().asked_for(1).came(1, origin);
    assert_eq!(orphans(came(Origin::Pasted)), 1);
    assert_eq!(orphans(came(Origin::Pasted).admitted()), 1, "told of once");
    assert_eq!(orphans(came(Origin::Pasted).then(Fact::CandidateDied)), 0);
    assert_eq!(orphans(came(Origin::Given)), 0, "it is its maker's");
    assert_eq!(came(Origin::Pasted).0.orphans().len(), 0, "it is in hand");
}

#[test]
fn states_that_differ_have_other_hashes() {
    let hash = |story: &Story| BuildHasherDefault::<DefaultHasher>::default().hash_one(&story.0);
    let story = || Story::of(overlap(), &[place()]);
    assert_eq!(hash(&story().settled()), hash(&story().settled()));
    let hashes =
        [story(), story().looked(), story().issued(), story().settled(), story().settled().then(Fact::CutOver)];
    assert_eq!(hashes.iter().map(hash).collect::<BTreeSet<_>>().len(), hashes.len());
}

#[test]
fn the_old_token_counts_as_alive_while_it_was_seen_taken_and_is_not_known_to_be_dead() {
    let story = || Story::of(overlap(), &[place()]);
    assert!(!story().0.old_is_live(), "nobody has looked");
    assert!(story().looked().0.old_is_live());
    assert!(!story().then(Fact::PredecessorLooked { standing: Standing::Unknown, owner: None }).0.old_is_live());
    let over = story().settled().then(Fact::CutOver).then(Fact::LastLooked);
    let revoking = over.then(Fact::Revoking { token: TokenRef::Old, reason: Reason::Superseded });
    assert!(!revoking.then(Fact::Revoked { token: TokenRef::Old, proof: Death::Seen }).0.old_is_live());
}

#[test]
fn polls_that_were_never_answered_are_remembered_until_the_last_must_have_arrived() {
    let guide = Guide::new("agree");
    let pending = Fact::IssuePending { attempt: 1, guide, poll_after: at(5), until: at(900), open: false };
    let polled = |story: Story, after| story.then(Fact::Collecting { attempt: 1, look_after: at(after) });
    let story = polled(Story::of(overlap(), &[place()]).looked().asked_for(1).then(pending), 30);
    assert_eq!(story.0.unanswered_polls(), None, "it is under way");
    let story = polled(story.stumbled(Act::Collect, ErrorKind::Unavailable, Effect::Unknown), 20);
    assert_eq!(story.0.unanswered_polls(), Some(at(30)));
    let story = story.stumbled(Act::Collect, ErrorKind::Unavailable, Effect::None);
    assert_eq!(story.0.unanswered_polls(), Some(at(30)));
}
