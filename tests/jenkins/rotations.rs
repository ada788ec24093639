//! Whole rotations of our own key to Jenkins.

use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokenturn::journal::MemoryJournal;
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::rotation::{Death, OldEnd, Urgency};
use tokenturn::testing::{TestSealer, Trouble, VirtualClock};
use tokenturn::{
    Consumer, Expiry, Http, Jenkins, JenkinsApiTokens, JenkinsKey, OnFailure, Outcome, Patience, Policy, Predecessor,
    Provider as _, Rotator, RotatorBuilder, Run, ScopeSet, Token, TokenId,
};

use crate::world::{LOGIN, OLD, World, login_document};

const DAY: Duration = Duration::from_hours(24);

/// A Jenkins, its key in one cell, and what outlives a process.
struct Keyed {
    world: World,
    clock: VirtualClock,
    journal: Arc<MemoryJournal>,
    sealer: Arc<TestSealer>,
    old: Token,
    key: JenkinsKey,
    jenkins: Jenkins,
}

impl Keyed {
    async fn start() -> Self {
        let (world, clock) = (World::start().await, VirtualClock::new());
        world.fake.use_clock(Arc::new(clock.clone()));
        let old = Token::new(world.fake.api_token("rotator").expose_secret()).unwrap();
        let journal = Arc::new(MemoryJournal::pretending_to_be_durable(Arc::new(clock.clone())));
        let (key, jenkins) = login(&world, &old);
        Self { world, clock, journal, sealer: Arc::new(TestSealer::new()), old, key, jenkins }
    }

    /// The process ends, and the next finds the old key where it always was.
    fn restart(&mut self) {
        (self.key, self.jenkins) = login(&self.world, &self.old);
    }

    fn tokens(&self) -> JenkinsApiTokens {
        let (_, uuid) = self.world.fake.api_tokens("rotator").into_iter().find(|(name, _)| name == "first").unwrap();
        self.jenkins.api_tokens().known(&self.old, TokenId::new(uuid).unwrap()).build().unwrap()
    }

    fn builder(&self, tokens: JenkinsApiTokens) -> RotatorBuilder {
        let moment = Duration::from_mins(1);
        Rotator::builder("jenkins-key", tokens)
            .policy(Policy::default().grace(DAY).patience(Patience::new(moment, moment, DAY)))
            .journal(self.journal.clone())
            .sealer(self.sealer.clone())
            .clock(Arc::new(self.clock.clone()))
            .consumer(self.jenkins.own_key().unwrap())
    }

    fn bot(&self) -> Rotator {
        self.builder(self.tokens()).build().unwrap()
    }

    fn held(&self) -> Predecessor {
        Predecessor::Held(self.old.clone())
    }

    /// Another rotator turns a credential over through a handle of the same key.
    async fn turn_a_credential(&self) {
        let provider = MemoryProvider::new();
        let old = provider.mint("build-bot", ScopeSet::of(["repo", "admin:repo_hook"]));
        self.world.fake.put("system/_", &login_document("git-pat", "d").replace(OLD, old.expose())).unwrap();
        let bot = Rotator::builder("bot", provider.clone())
            .consumer(self.jenkins.credential("git-pat"))
            .policy(Policy::default().grace(Duration::ZERO))
            .build()
            .unwrap();
        let run = bot.rotate(Predecessor::Held(old)).await.unwrap();
        assert!(matches!(run.outcome, Outcome::Completed(_)), "{run:?}");
        let stored = self.world.fake.secret_of(LOGIN).unwrap();
        assert!(provider.is_alive(&Token::new(&stored).unwrap()));
    }

    /// Goes on until it is over or waits for a person.
    async fn finish(&self, bot: &Rotator, mut run: Run) -> Run {
        for _ in 0..40 {
            let next = match run.outcome {
                Outcome::Draining { .. } => DAY,
                Outcome::BackingOff { .. } | Outcome::Unfinished => Duration::from_mins(2),
                _ => break,
            };
            self.clock.advance(next);
            run = bot.resume(run.id).await.unwrap();
        }
        run
    }

    /// The names of the tokens that live.
    fn names(&self) -> Vec<String> {
        self.world.fake.api_tokens("rotator").into_iter().map(|(name, _)| name).collect()
    }

    fn refused(&self) -> usize {
        self.world.fake.seen().iter().filter(|seen| seen.status == Some(401)).count()
    }
}

fn login(world: &World, token: &Token) -> (JenkinsKey, Jenkins) {
    let http = Http::builder().allow_plain_http_on_loopback().timeout(Duration::from_secs(20)).build().unwrap();
    let key = JenkinsKey::new("rotator", token.clone()).unwrap();
    let jenkins = Jenkins::at(&http, world.fake.base()).unwrap().key(&key).build().unwrap();
    (key, jenkins)
}

#[tokio::test]
async fn our_own_key_is_turned_over_while_others_go_on_through_the_same_handle() {
    let keyed = Keyed::start().await;
    keyed.turn_a_credential().await;
    let bot = keyed.bot();
    let run = bot.rotate(keyed.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Draining { .. }), "{run:?}");
    assert_ne!(keyed.key.fingerprint(), keyed.old.fingerprint());
    keyed.turn_a_credential().await;
    let run = keyed.finish(&bot, run).await;
    let Outcome::Completed(done) = &run.outcome else { panic!("{run:?}") };
    assert_eq!((done.old, done.fingerprint), (OldEnd::Dead(Death::Seen), Some(keyed.key.fingerprint())));
    assert!(done.orphans.is_empty() && keyed.names().len() == 1 && !keyed.world.fake.takes("rotator", &keyed.old));
    keyed.turn_a_credential().await;
    assert_eq!(keyed.refused(), 1, "the dead one was sent once, to see that it is dead");

    // And again, from what the journal kept: this time nobody is told a uuid.
    let bot = keyed.builder(keyed.jenkins.api_tokens().build().unwrap()).build().unwrap();
    let before = keyed.key.fingerprint();
    let run = bot.rotate(Predecessor::Kept).await.unwrap();
    let run = keyed.finish(&bot, run).await;
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{run:?}");
    assert!(keyed.key.fingerprint() != before && keyed.names().len() == 1);
    keyed.turn_a_credential().await;
}

#[tokio::test]
async fn a_lost_answer_is_told_by_its_label_and_no_second_token_is_lost() {
    let keyed = Keyed::start().await;
    keyed.world.fake.trouble("generateNewToken", Trouble::DropAfter);
    let bot = keyed.bot();
    let run = bot.rotate(keyed.held()).await.unwrap();
    let run = keyed.finish(&bot, run).await;
    let Outcome::Completed(done) = &run.outcome else { panic!("{run:?}") };
    let [orphan] = &done.orphans[..] else { panic!("{done:?}") };
    let label = orphan.label.clone().unwrap();
    assert_eq!(orphan.expiry, Expiry::Unknown);
    let names = keyed.names();
    assert!(names.len() == 2 && names[0] == label.as_str(), "the lost one, and the one in use: {names:?}");
    assert!(keyed.jenkins.api_tokens().build().unwrap().guide_to_delete(&label).to_string().contains(label.as_str()));
}

#[tokio::test]
async fn a_roll_back_puts_the_old_key_back_and_ends_the_new_one() {
    let keyed = Keyed::start().await;
    // The cell of another user takes no token of this one.
    let reader = Token::new(keyed.world.fake.api_token("reader").expose_secret()).unwrap();
    let other = JenkinsKey::new("reader", reader.clone()).unwrap();
    let http = Http::builder().allow_plain_http_on_loopback().build().unwrap();
    let other = Jenkins::at(&http, keyed.world.fake.base()).unwrap().key(&other).build().unwrap();
    let moment = Duration::from_mins(1);
    let policy = Policy::default().grace(DAY).on_failure(OnFailure::RollBack);
    let bot = keyed
        .builder(keyed.tokens())
        .consumer(other.own_key().unwrap())
        .policy(policy.patience(Patience::new(moment, moment, moment)))
        .build()
        .unwrap();
    let run = bot.rotate(keyed.held()).await.unwrap();
    let run = keyed.finish(&bot, run).await;
    assert!(matches!(&run.outcome, Outcome::RolledBack { orphans, .. } if orphans.is_empty()), "{run:?}");
    assert_eq!((keyed.key.fingerprint(), keyed.names()), (keyed.old.fingerprint(), vec!["first".to_owned()]));
    keyed.turn_a_credential().await;
    other.credential("git-pat").preflight().await.unwrap_err();
    assert!(keyed.world.fake.takes("reader", &reader));
}

#[tokio::test]
async fn after_a_restart_with_the_old_key_the_new_one_is_put_there_again_before_the_old_one_goes() {
    let mut keyed = Keyed::start().await;
    let run = keyed.bot().rotate(keyed.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Draining { .. }), "{run:?}");
    let new = keyed.key.fingerprint();
    keyed.restart();
    assert_eq!(keyed.key.fingerprint(), keyed.old.fingerprint());
    let bot = keyed.bot();
    let run = keyed.finish(&bot, run).await;
    let Outcome::Completed(done) = &run.outcome else { panic!("{run:?}") };
    assert_eq!((done.old, keyed.key.fingerprint()), (OldEnd::Dead(Death::Seen), new));
    assert_eq!(keyed.names().len(), 1);
    keyed.turn_a_credential().await;
}

#[tokio::test]
async fn a_key_that_leaked_is_ended_once_there_is_another_though_it_was_to_go_first() {
    let keyed = Keyed::start().await;
    let bot = keyed.bot();
    let run = bot.emergency(keyed.held(), Urgency::RevokeFirst).await.unwrap();
    let run = keyed.finish(&bot, run).await;
    let Outcome::Completed(done) = &run.outcome else { panic!("{run:?}") };
    assert_eq!((done.old, done.fingerprint), (OldEnd::Dead(Death::Seen), Some(keyed.key.fingerprint())));
    assert!(keyed.names().len() == 1 && !keyed.world.fake.takes("rotator", &keyed.old));
    keyed.turn_a_credential().await;
}

#[tokio::test]
async fn after_a_restart_with_a_key_that_leaked_the_new_one_is_put_there_again_to_end_it() {
    for mode in [Urgency::ReplaceNow, Urgency::RevokeFirst] {
        let mut keyed = Keyed::start().await;
        for _ in 0..3 {
            keyed.world.fake.trouble("/revoke", Trouble::Refuse(503));
        }
        let run = keyed.bot().emergency(keyed.held(), mode).await.unwrap();
        assert!(matches!(run.outcome, Outcome::BackingOff { .. }), "{run:?}");
        let new = keyed.key.fingerprint();
        assert_ne!(new, keyed.old.fingerprint(), "cut over");
        keyed.restart();
        let bot = keyed.bot();
        let run = keyed.finish(&bot, run).await;
        let Outcome::Completed(done) = &run.outcome else { panic!("{run:?}") };
        assert_eq!((done.old, keyed.key.fingerprint()), (OldEnd::Dead(Death::Seen), new));
        assert_eq!(keyed.names().len(), 1);
        keyed.turn_a_credential().await;
    }
}

#[tokio::test]
async fn the_key_goes_after_every_other_place_of_its_run() {
    let keyed = Keyed::start().await;
    // A job of another Jenkins logs in with the same token, which lies in a credential here.
    keyed.world.fake.put("system/_", &login_document("git-pat", "d").replace(OLD, keyed.old.expose())).unwrap();
    let place = keyed.jenkins.credential("git-pat").named("a place");
    let bot = keyed.builder(keyed.tokens()).consumer(place).requires("a place", ScopeSet::default()).build().unwrap();
    let plan = bot.plan(&keyed.held()).await.unwrap().to_string();
    let at = |name: &str| plan.find(&format!("install in {name}")).unwrap();
    assert!(at("a place") < at(keyed.jenkins.own_key().unwrap().name()), "{plan}");
    keyed.world.fake.trouble("POST /ci/credentials", Trouble::Refuse(503));
    let run = bot.rotate(keyed.held()).await.unwrap();
    assert!(matches!(run.outcome, Outcome::BackingOff { .. }), "{run:?}");
    assert_eq!(keyed.key.fingerprint(), keyed.old.fingerprint(), "not before the other place has it");
    let run = keyed.finish(&bot, run).await;
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{run:?}");
    let stored = Token::new(&keyed.world.fake.secret_of(LOGIN).unwrap()).unwrap();
    assert_eq!(stored.fingerprint(), keyed.key.fingerprint());
}

#[tokio::test]
async fn a_wrong_uuid_ends_nothing_and_a_person_is_told() {
    let keyed = Keyed::start().await;
    let wrong = TokenId::new("00000000-fake-4000-8000-000000000000").unwrap();
    let tokens = keyed.jenkins.api_tokens().known(&keyed.old, wrong).build().unwrap();
    assert!(tokens.capabilities().ends_by_id);
    let bot = keyed.builder(tokens).build().unwrap();
    let run = bot.rotate(keyed.held()).await.unwrap();
    let run = keyed.finish(&bot, run).await;
    assert!(matches!(run.outcome, Outcome::AwaitingPerson { .. }), "{run:?}");
    assert!(keyed.world.fake.takes("rotator", &keyed.old), "and nobody calls it done");
    let said = format!("{run:?}");
    crate::world::assert_silent(&keyed.world.fake, &said);
    assert!(said.contains("still works"), "{said}");
}

#[tokio::test]
async fn a_token_known_by_its_uuid_alone_is_never_our_own_key_by_mistake() {
    let keyed = Keyed::start().await;
    let (_, uuid) = keyed.world.fake.api_tokens("rotator").remove(0);
    let bot = keyed.builder(keyed.jenkins.api_tokens().build().unwrap()).build().unwrap();
    let run = bot.rotate(Predecessor::Known(TokenId::new(uuid).unwrap())).await.unwrap();
    let run = keyed.finish(&bot, run).await;
    assert!(matches!(run.outcome, Outcome::AwaitingPerson { .. }), "{run:?}");
    assert!(format!("{run:?}").contains("there should be no such row"), "{run:?}");
    assert!(!keyed.world.fake.takes("rotator", &keyed.old), "it was asked for with the new key");
    keyed.turn_a_credential().await;
}
