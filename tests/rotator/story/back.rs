//! The way back.

use tokenturn::consumer::{Slot, Verification};
use tokenturn::rotation::{Act, Compromised, Fact, OldToken, Origin, Standing, TokenRef, Urgency, Wait};
use tokenturn::{Answer, Effect, ErrorKind, Lack, Reason, TokenId};

use super::{Story, grant, name, refused, version};
use crate::world::{overlap, place, replace};

#[test]
fn a_new_token_that_is_not_on_its_way_out_stays_when_the_old_one_dies_on_the_way_back() {
    let back = Story::of(overlap(), &[place(), place()]).settled().going_back();
    let alive = back.found(Standing::Dead);
    assert!(!alive.0.is_rolling_back());
    assert_eq!(alive.0.candidate(), Some(TokenRef::New(1)));

    let back = Story::of(overlap(), &[place(), place()]).issued().going_back();
    let leaving = back.then(Fact::Revoking { token: TokenRef::New(1), reason: Reason::RolledBack });
    let leaving = leaving.found(Standing::Dead);
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
fn a_new_token_that_replaced_the_old_one_is_not_taken_back_though_it_was_refused() {
    let minted = |can| {
        let story = Story::of(can, &[place()]).looked().read("a", version("1"), Answer::Refuted);
        story.asked_for(1).came(1, Origin::Minted).then(refused(Lack::UnknownAccess, Some(grant())))
    };
    minted(overlap()).goes_back();
    minted(replace()).awaits(&Wait::Decision);
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
    let story = |origin| Story::of(overlap(), &[place()]).found(Standing::Dead).asked_for(1).came(1, origin);
    assert!(!story(Origin::Minted).admitted().0.may_roll_back());
    let refused = refused(Lack::UnknownAccess, Some(grant()));
    assert!(story(Origin::Minted).then(refused.clone()).0.may_roll_back());
    assert!(!story(Origin::Kept).then(refused).0.may_roll_back());
}

#[test]
fn what_this_run_wrote_is_not_passed_over_on_the_way_back_though_it_cannot_be_put_back() {
    let known = OldToken::known(TokenId::new("7").unwrap());
    let back = Story::after(known, overlap(), &[place(), place()]).settled().going_back().looked();
    back.does(&Act::Restore(name("a")));
}

#[test]
fn a_place_that_was_seen_to_hold_the_old_token_or_not_the_new_one_is_not_looked_at_again() {
    let back = |baseline, new| {
        let read = Fact::Preflighted { consumer: name("a"), slot: Slot::opaque(), baseline, new };
        Story::of(overlap(), &[place()]).issued().resumed().then(read).going_back().looked()
    };
    let revoke = Act::Revoke(TokenRef::New(1));
    back(None, Answer::Unknown).does(&Act::Preflight(name("a")));
    back(None, Answer::Refuted).does(&revoke);
    back(Some(Verification::new(Answer::Proven, Answer::Proven)), Answer::Unknown).does(&revoke);
}

#[test]
fn forward_again_means_only_where_the_old_token_was_put_back() {
    let both = Story::of(overlap(), &[place(), place()]).settled().installed("b").verified("b");
    let back = both.going_back().looked().restoring("b");
    let back = back.then(Fact::Restored { consumer: name("b"), slot: Slot::opaque() });
    let forward = back.found(Standing::Dead);
    forward.does(&Act::Preflight(name("b")));
}
