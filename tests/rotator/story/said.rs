//! What a state says when it is asked.

use std::collections::BTreeSet;
use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};

use tokenturn::consumer::{ConsumerCapabilities, Proof, Verification};
use tokenturn::rotation::{Act, Compromised, Death, Ending, Fact, Origin, Outcome, Standing, TokenRef, Urgency};
use tokenturn::{Answer, ConsumerName, Effect, ErrorKind, Guide, Lack, Reason, TokenId};

use super::{Story, at, grant, name, refused};
use crate::world::{guided, overlap, place, replace};

#[test]
fn a_token_that_was_refused_for_what_it_is_was_seen_alive() {
    let minted = || Story::of(overlap(), &[place()]).looked().asked_for(1).came(1, Origin::Minted);
    let provable = |story: Story| story.0.is_provable(&TokenRef::New(1));
    assert!(provable(minted().then(refused(Lack::UnknownAccess, Some(grant())))));
    assert!(!provable(minted().then(refused(Lack::Dead { hint: None }, None))), "nor has it an id to ask for");
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
    let forward = story.found(Standing::Dead);
    assert!(!forward.0.is_rolling_back());
    assert_eq!(not_before(&forward, Act::Install, "b"), Some(at(50)));
    assert_eq!(not_before(&forward, Act::Install, "a"), None);
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
    let asked = Story::of(replace(), &[place()]).asked_for(1).found(Standing::Unknown);
    assert!(why(&asked).contains("what came of asking for a token"), "{}", why(&asked));
    // The new token leaked, and nobody can say whether the old one may be put back.
    let leaked = Fact::Emergency { compromised: Compromised::New, mode: Urgency::ReplaceNow };
    let back = Story::of(overlap(), &[place(), place()]).settled().then(leaked).found(Standing::Unknown);
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
    assert!(!story().found(Standing::Unknown).0.old_is_live());
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
