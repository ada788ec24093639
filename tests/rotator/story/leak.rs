//! A token leaked.

use tokenturn::rotation::{Act, Compromised, Decision, Ending, Fact, OldEnd, Step, TokenRef, Urgency, next};

use super::{Story, name};
use crate::world::{overlap, place};

#[test]
fn what_leaked_and_was_refused_its_end_after_a_restart_may_be_our_own_key_so_that_is_looked_at() {
    let leaked = Fact::Emergency { compromised: Compromised::Old, mode: Urgency::ReplaceNow };
    let story = Story::of(overlap(), &[place().own_key(), place()]).settled().installed("b").verified("b");
    let story = story.then(Fact::CutOver).then(leaked).resumed();
    let revoke = || Act::Revoke(TokenRef::Old);
    story.does(&revoke());
    let story = story.gave_up(revoke());
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
fn what_leaked_and_could_not_go_first_is_not_waited_for() {
    let leaked = Fact::Emergency { compromised: Compromised::Old, mode: Urgency::RevokeFirst };
    let story = Story::of(overlap(), &[place()]).then(leaked);
    story.does(&Act::Revoke(TokenRef::Old));
    story.gave_up(Act::Revoke(TokenRef::Old)).does(&Act::LookAtPredecessor);
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
