//! When tokens are due.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::journal::Current;
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::provider::{Fate, Issuer, ProviderCapabilities};
use tokenturn::schedule::{ChangeWindow, Freeze, Shift, Weekday, Why};
use tokenturn::testing::VirtualClock;
use tokenturn::{
    Clock, CredentialName, Due, ErrorKind, Expiry, Outcome, Policy, Predecessor, Rotator, RotatorBuilder, Schedule,
    ScopeSet, Timestamp,
};

/// A Tuesday.
const START: &str = "2030-01-01T00:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn days(count: u64) -> Duration {
    Duration::from_hours(count * 24)
}

fn hours(count: u64) -> Duration {
    Duration::from_hours(count)
}

fn day(count: u64) -> Timestamp {
    at(START).plus(days(count))
}

fn bot() -> CredentialName {
    CredentialName::new("bot").unwrap()
}

/// A token in use since the start.
fn in_use(expiry: Expiry) -> Current {
    Current::new("ba7816bf8f01cfea".parse().unwrap(), "github", at(START)).known_as(None, None, expiry)
}

fn living(count: u64) -> Current {
    in_use(Expiry::At(day(count)))
}

/// Without jitter.
fn exact() -> Schedule {
    Schedule::default().jitter_percent(0)
}

fn due(schedule: &Schedule, current: &Current, now: Timestamp) -> Due {
    schedule.due(&bot(), current, Issuer::Api, now)
}

fn guided(schedule: &Schedule, current: &Current, now: Timestamp) -> Due {
    schedule.due(&bot(), current, Issuer::Person, now)
}

// -- rules ------------------------------------------------------------------------------------------------------------

#[test]
fn a_token_of_ninety_days_is_due_on_day_sixty() {
    let due = due(&exact(), &living(90), day(1));
    assert_eq!((due.at, due.wanted, due.latest), (day(60), day(60), day(89)));
    assert_eq!((due.why, due.shift, due.overdue), (Why::TwoThirds, Shift::Unmoved, false));
    assert_eq!(guided(&exact(), &living(90), day(1)).at, day(60));
}

#[test]
fn a_token_of_thirty_days_is_due_on_day_twenty_whoever_makes_the_next() {
    let by_api = due(&exact(), &living(30), day(1));
    assert_eq!((by_api.at, by_api.latest), (day(20), day(29)));
    let by_person = guided(&exact(), &living(30), day(1));
    assert_eq!((by_person.at, by_person.latest, by_person.why), (day(20), day(22), Why::TwoThirds));
}

#[test]
fn a_person_has_half_the_life_of_a_token_of_seven_days_and_it_is_not_always_due() {
    let due = guided(&exact(), &living(7), day(1));
    let half = at(START).plus(hours(84));
    assert_eq!((due.at, due.latest, due.why), (half, half, Why::Lead));
    assert!(!due.is_due(day(3)) && due.is_due(day(4)));
}

#[test]
fn a_margin_longer_than_a_third_decides_and_takes_half_at_most() {
    let schedule = exact().margin(days(40));
    let long = due(&schedule, &living(90), day(1));
    assert_eq!((long.at, long.latest, long.why), (day(50), day(50), Why::Margin));
    assert_eq!(due(&schedule, &living(10), day(1)).at, day(5));
}

#[test]
fn a_token_without_a_known_end_is_due_at_the_greatest_age() {
    for expiry in [Expiry::Never, Expiry::Unknown] {
        let usual = due(&exact(), &in_use(expiry), day(1));
        assert_eq!((usual.at, usual.latest, usual.why), (day(90), day(90), Why::MaximumAge));
        assert_eq!(due(&exact().maximum_age(days(14)), &in_use(expiry), day(1)).at, day(14));
        assert_eq!(guided(&exact(), &in_use(expiry), day(1)).at, day(83));
    }
}

#[test]
fn a_greatest_age_bounds_a_token_whose_end_is_known() {
    let schedule = exact().maximum_age(days(45));
    let long = due(&schedule, &living(365), day(1));
    assert_eq!((long.at, long.latest, long.why), (day(45), day(45), Why::MaximumAge));
    let short = due(&schedule, &living(30), day(1));
    assert_eq!((short.at, short.why), (day(20), Why::TwoThirds));
    let between = due(&schedule, &living(60), day(1));
    assert_eq!((between.at, between.latest, between.why), (day(40), day(45), Why::TwoThirds));
}

#[test]
fn what_is_due_stays_due_since_then_and_is_overdue_after_the_latest_moment() {
    let due = |now| due(&exact(), &living(90), now);
    assert_eq!((due(day(70)).at, due(day(70)).overdue), (day(60), false));
    assert!(!due(day(89)).overdue);
    let late = due(day(90));
    assert_eq!((late.at, late.overdue), (day(89), true));
    assert!(late.is_due(day(90)));
}

#[test]
fn an_end_that_makes_no_sense_gives_an_answer() {
    let before = due(&exact(), &in_use(Expiry::At(at("2029-12-25T00:00:00Z"))), day(0));
    assert_eq!((before.at, before.overdue), (at("2029-12-25T00:00:00Z"), true));
    let equal = due(&exact(), &in_use(Expiry::At(day(0))), day(0));
    assert_eq!((equal.at, equal.overdue), (day(0), false));
    let far = due(&exact(), &in_use(Expiry::At(at("9999-12-30T00:00:00Z"))), day(0));
    assert!(far.at > at("7000-01-01T00:00:00Z") && !far.overdue);
    let endless = exact().maximum_age(Duration::MAX).margin(Duration::MAX).lead(Duration::MAX);
    assert!(guided(&endless, &in_use(Expiry::Never), day(0)).at > day(0));
}

// -- jitter -----------------------------------------------------------------------------------------------------------

#[test]
fn a_fleet_of_a_thousand_spreads_over_days() {
    let mut each: BTreeMap<u64, usize> = BTreeMap::new();
    for n in 0..1_000_u64 {
        let token = Current::new(format!("{n:016x}").parse().unwrap(), "github", at(START));
        let token = token.known_as(None, None, Expiry::At(day(90)));
        let name = CredentialName::new(format!("bot-{n}")).unwrap();
        let due = Schedule::default().due(&name, &token, Issuer::Api, day(0));
        assert!(day(54) <= due.at && due.at <= day(60), "{due}");
        *each.entry(day(0).until(due.at).as_secs() / 86_400).or_default() += 1;
    }
    assert_eq!(each.len(), 6, "{each:?}");
    assert!(each.values().all(|count| (100..250).contains(count)), "{each:?}");
}

#[test]
fn jitter_is_the_same_after_a_restart_and_another_for_the_next_token() {
    let schedule = Schedule::default();
    let first = due(&schedule, &living(90), day(0));
    assert_eq!(first, due(&schedule.clone(), &living(90), day(0)));
    assert_eq!(first.at, due(&schedule, &living(90), day(30)).at);
    let mut next = living(90);
    next.fingerprint = "0123456789abcdef".parse().unwrap();
    assert_ne!(first.at, due(&schedule, &next, day(0)).at);
    let other = CredentialName::new("other").unwrap();
    assert_ne!(first.at, schedule.due(&other, &living(90), Issuer::Api, day(0)).at);
}

// -- windows ----------------------------------------------------------------------------------------------------------

/// Saturdays from 22:00 to Sundays 02:00 in a place two hours ahead of UTC. Day 60 is a Saturday.
fn saturdays() -> ChangeWindow {
    ChangeWindow::new([Weekday::Saturday], 22, 0, hours(4)).utc_offset_minutes(120)
}

#[test]
fn what_is_due_outside_of_a_window_waits_for_the_next() {
    let schedule = exact().window(saturdays());
    let due = due(&schedule, &living(90), day(1));
    assert_eq!((due.wanted, due.at, due.shift), (day(60), day(60).plus(hours(20)), Shift::Later));
}

#[test]
fn what_is_due_inside_of_a_window_begins_at_once_past_midnight_too() {
    let schedule = exact().window(saturdays()).maximum_age(days(60) + hours(23));
    let due = due(&schedule, &in_use(Expiry::Never), day(1));
    assert_eq!((due.at, due.shift), (day(60).plus(hours(23)), Shift::Unmoved));
}

#[test]
fn a_window_that_was_missed_is_followed_by_the_next_one() {
    let schedule = exact().window(saturdays());
    let seen = |now| due(&schedule, &living(90), now);
    let open = day(60).plus(hours(20));
    assert_eq!(seen(open.plus(hours(1))).at, open);
    let missed = seen(open.plus(hours(4)));
    assert_eq!((missed.at, missed.shift, missed.overdue), (open.plus(days(7)), Shift::Later, false));
}

#[test]
fn where_the_next_window_is_too_late_the_last_one_before_counts() {
    let schedule = exact().window(saturdays()).maximum_age(days(64));
    let seen = |now| due(&schedule, &in_use(Expiry::Never), now);
    let open = day(60).plus(hours(20));
    assert_eq!((seen(day(1)).wanted, seen(day(1)).at, seen(day(1)).shift), (day(64), open, Shift::Earlier));
    let missed = seen(open.plus(hours(5)));
    assert_eq!((missed.at, missed.shift), (day(64), Shift::Overridden));
}

#[test]
fn without_any_window_in_time_the_end_of_the_token_counts_for_more() {
    let schedule = exact().window(saturdays());
    let short = in_use(Expiry::At(day(4)));
    let due = due(&schedule, &short, day(0));
    assert_eq!((due.at, due.latest, due.shift), (day(3), day(3), Shift::Overridden));
}

#[test]
fn a_freeze_is_waited_for_where_that_is_safe() {
    let schedule = exact().freeze(Freeze::new(day(50), day(70)));
    let due = due(&schedule, &living(90), day(1));
    assert_eq!((due.at, due.shift), (day(70), Shift::Later));
}

#[test]
fn a_freeze_that_outlasts_the_token_is_forestalled_with_the_time_that_a_run_needs() {
    let schedule = exact().freeze(Freeze::new(day(50), day(100)));
    let room = |due: &Due| due.at.until(day(50)).as_secs();
    let by_api = due(&schedule, &living(90), day(1));
    assert_eq!((room(&by_api), by_api.shift), (86_401, Shift::Earlier));
    let by_person = guided(&schedule, &living(90), day(1));
    assert_eq!((room(&by_person), by_person.shift), (8 * 86_400 + 1, Shift::Earlier));
    let inside = due(&schedule, &living(90), day(55));
    assert_eq!((inside.at, inside.shift), (day(89), Shift::Overridden));
}

#[test]
fn a_window_opens_when_the_freeze_over_its_beginning_ends() {
    let schedule = exact().window(saturdays()).freeze(Freeze::new(day(58), day(60).plus(hours(21))));
    assert_eq!(due(&schedule, &living(90), day(1)).at, day(60).plus(hours(21)));
}

// -- what anything gives ----------------------------------------------------------------------------------------------

prop_compose! {
    fn anything()(
        since in any::<i64>(), life in prop_oneof![any::<i64>(), -100_000..40_000_000_i64],
        kind in 0..4, near in any::<bool>(),
    ) -> Current {
        let since = if near { 1_893_456_000 + since % 10_000_000 } else { since };
        let expiry = match kind {
            0 => Expiry::Never,
            1 => Expiry::Unknown,
            _ => Expiry::At(Timestamp::from_unix_seconds(since.saturating_add(life))),
        };
        Current::new("ba7816bf8f01cfea".parse().unwrap(), "github", Timestamp::from_unix_seconds(since))
            .known_as(None, None, expiry)
    }
}

prop_compose! {
    /// Also such as `build()` refuses: the function is public.
    fn any_schedule()(
        margin in prop_oneof![0..2_000_000_u64, any::<u64>()], lead in prop_oneof![0..2_000_000_u64, any::<u64>()],
        age in prop::option::of(prop_oneof![1..20_000_000_u64, any::<u64>()]), jitter in any::<u8>(),
        windows in prop::collection::vec((0..7_usize, any::<u8>(), any::<u8>(), 0..1_000_000_u64, any::<i16>()), 0..3),
        freezes in prop::collection::vec((any::<i32>(), 0..5_000_000_i64), 0..3),
    ) -> Schedule {
        let mut schedule = Schedule::default()
            .margin(Duration::from_secs(margin))
            .lead(Duration::from_secs(lead))
            .jitter_percent(jitter);
        schedule.maximum_age = age.map(Duration::from_secs);
        for (day, hour, minute, lasts, offset) in windows {
            let window = ChangeWindow::new([Weekday::ALL[day]], hour, minute, Duration::from_secs(lasts));
            schedule = schedule.window(window.utc_offset_minutes(offset));
        }
        for (from, lasts) in freezes {
            let from = 1_893_456_000 + i64::from(from) % 40_000_000;
            let moment = Timestamp::from_unix_seconds;
            schedule = schedule.freeze(Freeze::new(moment(from), moment(from + lasts)));
        }
        schedule
    }
}

fn issuers() -> impl Strategy<Value = Issuer> {
    prop_oneof![Just(Issuer::Api), Just(Issuer::Person)]
}

proptest! {
    #[test]
    fn nothing_panics_and_every_answer_keeps_its_bounds(
        schedule in any_schedule(), token in anything(), issuer in issuers(), now in any::<i64>(),
    ) {
        let now = Timestamp::from_unix_seconds(now);
        let due = schedule.due(&bot(), &token, issuer, now);
        prop_assert!(due.at <= due.latest && due.wanted <= due.latest, "{due:?}");
        prop_assert_eq!(due.overdue, now > due.latest);
        prop_assert!(due.at >= token.since.min(due.latest), "{:?}", due);
        prop_assert_eq!(&due, &schedule.due(&bot(), &token, issuer, now));
    }

    #[test]
    fn later_looks_never_move_it_earlier(
        schedule in any_schedule(), token in anything(), issuer in issuers(), steps in prop::collection::vec(0..3_000_000_u64, 1..20),
    ) {
        let mut now = token.since;
        let mut before = schedule.due(&bot(), &token, issuer, now);
        for step in steps {
            now = now.plus(Duration::from_secs(step));
            let due = schedule.due(&bot(), &token, issuer, now);
            prop_assert!(due.at >= before.at, "{:?} then {:?}", before, due);
            prop_assert_eq!((due.wanted, due.latest, due.why), (before.wanted, before.latest, before.why));
            before = due;
        }
    }

    #[test]
    fn jitter_only_makes_it_earlier_and_by_half_of_the_time_at_most(
        schedule in any_schedule(), token in anything(), issuer in issuers(),
    ) {
        let jittered = schedule.due(&bot(), &token, issuer, token.since).wanted;
        let exact = schedule.clone().jitter_percent(0).due(&bot(), &token, issuer, token.since).wanted;
        prop_assert!(jittered <= exact);
        prop_assert!(jittered.until(exact).as_secs() * 2 <= token.since.until(exact).as_secs());
    }

    #[test]
    fn a_run_that_begins_when_it_is_due_begins_in_a_window_unless_that_was_overridden(
        day_of_week in 0..7_usize, hour in 0..24_u8, lasts in 1..48_u64, token in 1..100_u64, freeze in 0..100_u64, looked in 0..100_u64,
    ) {
        let window = ChangeWindow::new([Weekday::ALL[day_of_week]], hour, 0, hours(lasts));
        let frozen = Freeze::new(day(freeze), day(freeze + 9));
        let due = due(&Schedule::default().window(window).freeze(frozen), &living(token), day(looked));
        let begins = due.at.max(day(looked));
        // Day 6 is the first Monday; a window of the week before may be open still.
        let opens = day(6 + day_of_week as u64).plus(hours(hour.into())).minus(days(14));
        let into = opens.until(begins).as_secs() % days(7).as_secs();
        let open = into < hours(lasts).as_secs() && !(frozen.from <= begins && begins < frozen.until);
        prop_assert!(open || due.shift == Shift::Overridden, "{:?}", due);
    }
}

// -- configuration ----------------------------------------------------------------------------------------------------

#[test]
fn a_schedule_and_what_it_says_go_through_json_and_one_line() {
    let schedule = exact().maximum_age(days(64)).window(saturdays()).freeze(Freeze::new(day(70), day(80)));
    let text = serde_json::to_string(&schedule).unwrap();
    assert_eq!(serde_json::from_str::<Schedule>(&text).unwrap(), schedule);
    assert_eq!(serde_json::from_str::<Schedule>("{}").unwrap(), Schedule::default());
    let due = due(&schedule, &in_use(Expiry::Never), day(1));
    assert_eq!(serde_json::from_str::<Due>(&serde_json::to_string(&due).unwrap()).unwrap(), due);
    assert_eq!(
        due.to_string(),
        "due 2030-03-02T20:00:00Z, 2030-03-06T00:00:00Z at the latest: it is as old as it may become (moved before a time \
         in which nothing may begin)"
    );
}

#[test]
fn a_policy_that_was_written_before_there_were_schedules_has_the_default() {
    let mut policy = serde_json::to_value(Policy::default()).unwrap();
    policy.as_object_mut().unwrap().remove("schedule");
    assert_eq!(serde_json::from_value::<Policy>(policy).unwrap(), Policy::default());
}

#[test]
fn a_schedule_that_cannot_work_is_refused_by_build() {
    let cases = [
        (exact().margin(days(90)), "leaves nothing"),
        (exact().margin(days(5)).maximum_age(days(5)), "leaves nothing"),
        (exact().maximum_age(Duration::ZERO), "too old at once"),
        (exact().jitter_percent(51), "50 or less"),
        (exact().window(ChangeWindow::new([], 1, 0, hours(1))), "never opens"),
        (exact().window(ChangeWindow::new(Weekday::ALL, 1, 0, Duration::ZERO)), "never opens"),
        (exact().window(ChangeWindow::new(Weekday::ALL, 24, 0, hours(1))), "no time of the day"),
        (exact().window(ChangeWindow::new(Weekday::ALL, 1, 60, hours(1))), "no time of the day"),
        (exact().window(ChangeWindow::new(Weekday::ALL, 1, 0, days(8))), "longer than a week"),
        (exact().window(saturdays().utc_offset_minutes(i16::MIN)), "within 18 hours"),
        (exact().freeze(Freeze::new(day(2), day(1))), "before it begins"),
    ];
    for (schedule, part) in cases {
        let (builder, ..) = world(Issuer::Api, schedule);
        let error = builder.build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
        assert!(error.to_string().contains(part), "{part:?} is not in: {error}");
    }
}

// -- through a rotator ------------------------------------------------------------------------------------------------

/// A rotator of tokens that live for 90 days, the provider that issues them, and the clock of both.
fn world(issuer: Issuer, schedule: Schedule) -> (RotatorBuilder, MemoryProvider, VirtualClock) {
    let clock = VirtualClock::new();
    let shared: Arc<dyn Clock> = Arc::new(clock.clone());
    let can = ProviderCapabilities::new(issuer, Fate::Survives);
    let provider = MemoryProvider::with_clock(shared.clone()).with_capabilities(can);
    let ci = MemoryConsumer::new("ci", &provider).unwrap();
    let policy = Policy::default().lifetime(days(90)).schedule(schedule);
    (Rotator::builder("bot", provider.clone()).consumer(ci).policy(policy).clock(shared), provider, clock)
}

#[tokio::test]
async fn nothing_is_due_where_nothing_is_in_use() {
    let (builder, _, clock) = world(Issuer::Api, exact());
    assert_eq!(builder.build().unwrap().next_due(clock.now()).await.unwrap(), None);
}

#[tokio::test]
async fn the_token_in_use_is_due_by_its_own_end() {
    let (builder, _, clock) = world(Issuer::Api, exact());
    let bot = builder.build().unwrap();
    bot.rotate(Predecessor::None).await.unwrap();
    let due = bot.next_due(clock.now()).await.unwrap().unwrap();
    assert_eq!((due.why, clock.now().until(due.at)), (Why::TwoThirds, days(60)));
    assert!(!due.is_due(clock.now()));
    assert!(bot.next_due(due.at).await.unwrap().unwrap().is_due(due.at));
}

#[tokio::test]
async fn while_a_run_is_open_no_other_is_due() {
    let (builder, provider, clock) = world(Issuer::Person, exact());
    let bot = builder.build().unwrap();
    let run = bot.rotate(Predecessor::None).await.unwrap();
    assert!(matches!(run.outcome, Outcome::AwaitingPerson { .. }));
    let made = provider.mint("bot", ScopeSet::of(["repo"]));
    provider.amend(&made, |grant| grant.expiry = Expiry::At(clock.now().plus(days(7))));
    let run = bot.supply(run.id, made).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);
    let due = bot.next_due(clock.now()).await.unwrap().unwrap();
    assert_eq!((due.why, clock.now().until(due.at)), (Why::Lead, hours(84)));

    clock.advance(days(4));
    bot.rotate(Predecessor::Kept).await.unwrap();
    assert_eq!(bot.open_rotations().await.unwrap().len(), 1);
    assert_eq!(bot.next_due(clock.now()).await.unwrap(), None);
}
