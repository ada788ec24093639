//! The way forward, and what a person may decide on it.

use tokenturn::consumer::Verification;
use tokenturn::provider::Fate;
use tokenturn::rotation::{
    Act, Death, Decision, Fact, OldToken, Origin, Possession, Standing, Step, TokenRef, Wait, next,
};
use tokenturn::{Answer, Effect, ErrorKind, Guide, Lack, Reason, Restriction, Token, TokenId};

use super::{Story, at, grant, name, refused, version};
use crate::world::{guided, overlap, place, replace};

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
    let lost = lost.gave_up(Act::Revoke(found.clone()));
    assert!(next(&lost.0).iter().all(|step| *step == Step::Await(Wait::Decision)), "{:?}", next(&lost.0));
    lost.then(Fact::Revoked { token: found, proof: Death::Word }).does(&Act::Issue);
}

#[test]
fn what_came_of_a_request_is_searched_for_only_where_the_old_token_cannot_tell() {
    let unknown = |old, can| {
        let story = Story::after(old, can, &[place()]).asked_for(1);
        story.found(Standing::Unknown)
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
fn our_own_key_goes_last_where_places_are_down_too() {
    let story = Story::of(replace(), &[place().own_key(), place(), place().disruptive()]).looked();
    let read = |story: Story, at| story.read(at, version("1"), Answer::Refuted);
    let story = ["a", "b", "c"].into_iter().fold(story, read).issued();
    let install = |at| Step::Do(Act::Install(name(at)));
    assert_eq!(next(&story.0), [install("b"), install("c")]);
    story.installed("b").verified("b").installed("c").verified("c").does(&Act::Install(name("a")));
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

    let story = Story::of(overlap(), &places).found(Standing::Dead).read("a", version("1"), Answer::Refuted);
    let story = story.read("b", version("1"), Answer::Refuted).asked_for(1).came(1, Origin::Minted).admitted();
    assert_eq!(next(&story.0), [install("a"), install("b")], "so they do where it was dead before");
}
