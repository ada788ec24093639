//! What a plan says, and that it changes nothing.

use tokenturn::consumer::memory::{Fault, MemoryConsumer};
use tokenturn::consumer::{ConsumerCapabilities, Manual, Proof};
use tokenturn::journal::Seq;
use tokenturn::provider::{EndedBy, Fate};
use tokenturn::testing::{Moment, Power, Powered, TestSealer};
use tokenturn::{
    Access, Clock, ErrorKind, Expiry, Plan, Policy, Predecessor, Rotator, ScopeSet, Severity, StepKind, TokenId,
};

use crate::world::{World, completed, guided, overlap, place, replace, repo, seconds};

async fn plan(world: &World) -> Plan {
    world.rotator().plan(&world.held()).await.unwrap()
}

#[track_caller]
fn says(plan: &Plan, severity: Severity, part: &str) {
    let found = plan.findings.iter().any(|finding| finding.severity == severity && finding.to_string().contains(part));
    assert!(found, "{severity:?} {part:?} is not in:\n{plan}");
}

#[track_caller]
fn does_not_say(plan: &Plan, part: &str) {
    assert!(!plan.to_string().contains(part), "{part:?} is in:\n{plan}");
}

fn kinds(plan: &Plan) -> Vec<StepKind> {
    let mut kinds: Vec<StepKind> = plan.steps.iter().map(|step| step.kind).collect();
    kinds.dedup();
    kinds
}

#[tokio::test]
async fn the_steps_come_in_the_order_in_which_they_will_happen() {
    use StepKind::{Admit, Install, Issue, LastLook, Read, Revoke, Verify, Wait};
    let world = World::new();
    let plan = world.with_policy(Policy::default()).plan(&world.held()).await.unwrap();
    assert_eq!(kinds(&plan), [Read, Issue, Admit, Install, Verify, Wait, LastLook, Revoke, Verify], "{plan}");
    assert!(!plan.is_blocked() && plan.required == repo());
}

#[tokio::test]
async fn the_plan_is_what_then_happens() {
    let world = World::new().with_b(place().irreversible());
    let plan = plan(&world).await;
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    let installed: Vec<String> = world
        .facts()
        .iter()
        .filter_map(|fact| match fact {
            tokenturn::rotation::Fact::Installing { consumer, .. } => Some(consumer.to_string()),
            _ => None,
        })
        .collect();
    let steps = plan.steps.iter().filter(|step| step.kind == StepKind::Install);
    assert_eq!(steps.map(|step| step.consumer.as_ref().unwrap().to_string()).collect::<Vec<_>>(), installed);
}

/// How many calls crossed this power.
fn calls(power: &Power) -> u32 {
    let sent = power.trail().into_iter().filter(|boundary| boundary.moment == Moment::Before);
    u32::try_from(sent.count()).unwrap()
}

#[tokio::test]
async fn a_plan_says_how_many_requests_are_then_sent() {
    for (can, weak) in
        [(overlap(), false), (replace(), false), (overlap(), true), (overlap().telling_last_use(), false)]
    {
        let mut world = World::of(can);
        if weak {
            // The version alone tells what is there.
            world = world.with_a(ConsumerCapabilities::new("memory").proving(Proof::Always, Proof::Never).versioned());
            world = world.with_b(ConsumerCapabilities::new("memory"));
        }
        let powers: [Power; 3] = std::array::from_fn(|_| Power::steady());
        let rotator = || {
            let builder = Rotator::builder("bot", Powered::new(world.provider.clone(), &powers[0]));
            let builder = builder.consumer(Powered::new(world.a.clone(), &powers[1]));
            let builder = builder.consumer(Powered::new(world.b.clone(), &powers[2])).policy(crate::world::swift());
            let builder = builder.journal(world.journal.clone()).clock(std::sync::Arc::new(world.clock.clone()));
            builder.sealer(std::sync::Arc::new(TestSealer::new())).accept_unrecoverable(true).build().unwrap()
        };
        let plan = rotator().plan(&world.held()).await.unwrap();
        let before = powers.each_ref().map(calls);
        completed(&rotator().rotate(world.held()).await.unwrap());
        let sent = powers.each_ref().map(calls);
        for (at, name) in ["memory", "a", "b"].into_iter().enumerate() {
            assert_eq!(plan.trips()[name], sent[at] - before[at], "{name} in\n{plan}");
        }
    }
}

#[tokio::test]
async fn a_plan_changes_nothing_and_writes_nothing_down() {
    let world = World::new();
    plan(&world).await;
    assert_eq!((world.provider.live(), world.a.writes()), (1, 0));
    assert!(world.rotator().events(Seq::ZERO).await.unwrap().is_empty());
    assert!(world.kept().await.is_empty());
}

#[tokio::test]
async fn a_plan_reads_well_on_a_terminal() {
    let world = World::new().with_b(place().irreversible().disruptive());
    let text = world.with_policy(Policy::default()).plan(&world.held()).await.unwrap().to_string();
    let expected = "\
Plan for bot: a new token of memory, with scopes repo
   1. look at the old token
   2. read a
   3. read b
   4. issue a token
   5. check the new token
   6. install in a
   7. verify in a
   8. install in b, which disturbs what runs there, from where the old token cannot be put back  [cannot be undone]
   9. verify in b
  10. leave the old token alive for 1 day, for what still runs with it
  11. look at everything once more
  12. revoke the old token  [cannot be undone]
  13. see that the old token is dead
  14. verify in a with the new token alone
  15. verify in b with the new token alone
Requests, if nothing is tried again:
   6  to a: 2 in step 2, 1 in step 6, 1 in step 7, 1 in step 11, 1 in step 14
   6  to b: 2 in step 3, 1 in step 8, 1 in step 9, 1 in step 11, 1 in step 15
   6  to memory: 1 in step 1, 1 in step 4, 1 in step 5, 1 in step 11, 1 in step 12, 1 in step 13
Before you begin:
  warning  b: the old token cannot be put back there: once it is written, the run goes forward only
  warning  b: writing it disturbs what runs there
  note     the old token is alive; it belongs to bot
  note     when a place fails for good, the old token goes back everywhere and the new one is revoked, where that is \
possible
";
    assert_eq!(text, expected);
}

#[tokio::test]
async fn a_plan_goes_through_json_and_back() {
    let plan = plan(&World::new()).await;
    assert_eq!(serde_json::from_str::<Plan>(&serde_json::to_string(&plan).unwrap()).unwrap(), plan);
}

#[tokio::test]
async fn what_a_person_does_is_marked() {
    let world = World::of(guided()).with_a(place().confirmed_by_person("Save the form."));
    let manual = Manual::new("console", "iCR").unwrap().requiring(["repo"]);
    let rotator = world.builder().consumer(manual).build().unwrap();
    let plan = rotator.plan(&world.held()).await.unwrap();
    let by_person: Vec<StepKind> = plan.steps.iter().filter(|step| step.by_person).map(|step| step.kind).collect();
    assert_eq!(by_person, [StepKind::Issue, StepKind::Install, StepKind::Confirm, StepKind::Revoke], "{plan}");
    says(&plan, Severity::Info, "a person makes the token");
    says(&plan, Severity::Info, "a person deletes the old token");
    says(&plan, Severity::Info, "console: a person puts the token there");
    says(&plan, Severity::Info, "a: before the old token goes, a person must do and confirm this: Save the form.");
    says(&plan, Severity::Info, "both tokens stay alive and a person decides");
}

#[tokio::test]
async fn without_a_live_old_token_there_is_no_way_back() {
    let world = World::new();
    let rotator = world.rotator();
    let plan = rotator.plan(&Predecessor::None).await.unwrap();
    says(&plan, Severity::Info, "there is no rollback and no revoke");
    assert!(!kinds(&plan).contains(&StepKind::Revoke));
    world.provider.kill(&world.old);
    let plan = rotator.plan(&world.held()).await.unwrap();
    says(&plan, Severity::Warning, "the old token is dead: there is no rollback and no revoke");
    assert!(!kinds(&plan).contains(&StepKind::Revoke) && !plan.is_blocked());
}

#[tokio::test]
async fn an_old_token_that_must_be_copied_and_cannot_be_blocks() {
    let world = World::of(replace());
    says(&plan(&world).await, Severity::Warning, "issuing ends the old token at once");
    assert!(plan(&world).await.steps.iter().any(|step| step.kind == StepKind::Issue && step.irreversible));
    world.provider.amend(&world.old, |grant| grant.access = Access::Scopes(ScopeSet::of(["gist"])));
    let lacking = plan(&world).await;
    assert!(lacking.is_blocked());
    says(&lacking, Severity::Warning, "lacks scopes that the consumers need: repo");
    world.provider.kill(&world.old);
    assert!(plan(&world).await.is_blocked());
    // Where it need not be copied, it blocks nothing.
    let world = World::new();
    world.provider.amend(&world.old, |grant| grant.access = Access::Scopes(ScopeSet::of(["gist"])));
    assert!(!plan(&world).await.is_blocked());
}

#[tokio::test]
async fn a_place_that_cannot_be_read_or_checked_blocks() {
    let world = World::new();
    world.a.plan_fault("preflight", Fault::Refused(ErrorKind::PermissionDenied));
    world.b.plan_fault("verify", Fault::Refused(ErrorKind::Unavailable));
    let plan = plan(&world).await;
    says(&plan, Severity::Blocker, "a: it cannot be read: refused on purpose");
    says(&plan, Severity::Blocker, "b: its check cannot be run");
    says(&plan, Severity::Blocker, "tried again for a while");
    assert_eq!(plan.findings[0].severity, Severity::Blocker, "the gravest come first");
}

#[tokio::test]
async fn a_place_that_holds_something_else_is_said() {
    let world = World::new();
    world.a.put(&world.provider.mint("bot", repo()));
    world.b.put(&tokenturn::Token::new("dead").unwrap());
    let plan = plan(&world).await;
    says(&plan, Severity::Warning, "a: it does not hold the old token now");
    says(&plan, Severity::Warning, "b: what it holds does not work now");
}

#[tokio::test]
async fn what_places_and_the_provider_warn_of_is_passed_on() {
    let mut world = World::of(overlap().with_caution("it mails the owner").ended_by(EndedBy::ApiLater));
    world.a = world.a.clone().warning("managed elsewhere");
    let plan = plan(&world).await;
    says(&plan, Severity::Warning, "memory: it mails the owner");
    says(&plan, Severity::Warning, "a: managed elsewhere");
    assert!(plan.to_string().contains("which takes effect later"));
}

#[tokio::test]
async fn places_that_prove_little_are_said() {
    let mute = ConsumerCapabilities::new("memory");
    let half = ConsumerCapabilities::new("memory").proving(Proof::Always, Proof::Never);
    let plan = plan(&World::new().with_a(mute).with_b(half)).await;
    says(&plan, Severity::Warning, "a: it can prove nothing");
    says(&plan, Severity::Info, "b: it cannot show that the token is the new one before");
}

#[tokio::test]
async fn a_token_shared_by_several_applications_is_too_wide_for_each() {
    let world = World::new();
    let hooks = MemoryConsumer::new("hooks", &world.provider)
        .unwrap()
        .with_capabilities(ConsumerCapabilities::new("hooks").proving(Proof::Always, Proof::Always))
        .requiring(Some(ScopeSet::of(["admin:repo_hook"])));
    let rotator = world.builder().consumer(hooks).build().unwrap();
    let plan = rotator.plan(&world.held()).await.unwrap();
    says(&plan, Severity::Warning, "hooks, memory share this token: their vendors advise one token for each");
    says(&plan, Severity::Info, "a: it does not need admin:repo_hook");
    says(&plan, Severity::Info, "hooks: it does not need repo");
    assert_eq!(plan.required, ScopeSet::of(["admin:repo_hook", "repo"]));
    does_not_say(&self::plan(&world).await, "does not need");
}

#[tokio::test]
async fn an_old_token_near_its_end_is_said() {
    let world = World::new();
    let end = world.clock.now().plus(seconds(3 * 86_400));
    world.provider.amend(&world.old, |grant| grant.expiry = Expiry::At(end));
    says(&plan(&world).await, Severity::Warning, "the old token ends in 3 days");
    let later = world.clock.now().plus(seconds(30 * 86_400));
    world.provider.amend(&world.old, |grant| grant.expiry = Expiry::At(later));
    does_not_say(&plan(&world).await, "ends in");
}

#[tokio::test]
async fn a_token_that_is_not_the_kept_one_is_said() {
    let world = World::new();
    completed(&world.rotator().rotate(world.held()).await.unwrap());
    says(&plan(&world).await, Severity::Blocker, "the journal keeps another token as current");
    let plan = world.rotator().plan(&Predecessor::Kept).await.unwrap();
    does_not_say(&plan, "keeps another");
    world.provider.kill(&world.newest());
    let plan = self::plan(&world).await;
    says(&plan, Severity::Warning, "the journal keeps another token as current");
    assert!(!plan.is_blocked());
}

#[tokio::test]
async fn an_open_run_is_said() {
    let world = World::new();
    let run = world.with_policy(Policy::default()).rotate(world.held()).await.unwrap();
    says(&plan(&world).await, Severity::Info, &format!("the rotation {} is open", run.id));
}

#[tokio::test]
async fn an_old_token_known_by_its_id_alone_is_said() {
    let world = World::new();
    let known = Predecessor::Known(TokenId::new("1").unwrap());
    let plan = world.rotator().plan(&known).await.unwrap();
    says(&plan, Severity::Warning, "it cannot be put back");
    assert!(kinds(&plan).contains(&StepKind::Revoke));
    let mut can = overlap();
    can.status_by_id = false;
    can.ends_by_id = false;
    let world = World::of(can);
    let plan = world.rotator().plan(&known).await.unwrap();
    says(&plan, Severity::Warning, "its death cannot be seen");
    says(&plan, Severity::Warning, "a person must delete the old one");
}

#[tokio::test]
async fn a_provider_with_few_places_for_tokens_is_said() {
    let mut can = overlap();
    can.fate = Fate::DiesBeyond(2);
    says(&plan(&World::of(can)).await, Severity::Warning, "it lets 2 tokens live");
}

#[tokio::test]
async fn a_kept_token_that_is_not_there_is_an_error() {
    let error = World::new().rotator().plan(&Predecessor::Kept).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test(start_paused = true)]
async fn a_plan_does_not_wait_for_ever() {
    let world = World::new();
    world.a.plan_fault("preflight", Fault::Hangs);
    world.provider.plan_fault("inspect", Fault::Hangs);
    let plan = plan(&world).await;
    says(&plan, Severity::Blocker, "a: it cannot be read: there was no answer");
    says(&plan, Severity::Warning, "could not be found out");
}

#[tokio::test]
async fn one_rotator_plans_for_many_readers_at_once() {
    let world = World::new();
    let rotator: Rotator = world.rotator();
    let (held, other) = (world.held(), world.held());
    let (one, two) = tokio::join!(rotator.plan(&held), rotator.plan(&other));
    assert_eq!(one.unwrap(), two.unwrap());
}
