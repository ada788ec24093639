//! An app, a place that uses a token of it, and a rotator with a journal that outlives it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use tokenturn::consumer::{ConsumerCapabilities, Installation, Proof, Slot, Verification};
use tokenturn::journal::MemoryJournal;
use tokenturn::testing::{GitHubFake, TestSealer, VirtualClock};
use tokenturn::{
    AdmittedToken, Answer, AppUserTokens, AppUserTokensBuilder, Ask, Consumer, Error, ErrorKind, Event, GitHub, Guide,
    Outcome, Policy, Result, Rotator, Run, ScopeModel, ScopeSet, Token,
};

use crate::http;

pub(crate) const APP: &str = "Iv1.fake";
pub(crate) const SECRET: &str = "app-secret-FAKE-5f0c";
pub(crate) const POLL: &str = "POST /login/oauth/access_token";

/// A place that holds a token and shows at GitHub whether it works. Clones share what it holds.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    github: Arc<GitHubFake>,
    held: Arc<Mutex<Option<Token>>>,
    broken: Arc<Mutex<bool>>,
}

impl Place {
    pub(crate) fn holds(&self) -> Option<Token> {
        self.held.lock().unwrap().clone()
    }

    pub(crate) fn put(&self, token: &Token) {
        *self.held.lock().unwrap() = Some(token.clone());
    }

    /// It refuses every token from now on.
    pub(crate) fn breaks(&self) {
        *self.broken.lock().unwrap() = true;
    }
}

#[async_trait]
impl Consumer for Place {
    fn name(&self) -> &'static str {
        "ci"
    }
    fn capabilities(&self) -> ConsumerCapabilities {
        ConsumerCapabilities::new("memory").proving(Proof::Always, Proof::Always)
    }
    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        (model == ScopeModel::GITHUB_CLASSIC).then(|| ScopeSet::of(["repo", "workflow"]))
    }
    async fn preflight(&self) -> Result<Slot> {
        Ok(Slot::at(self.holds().map_or_else(|| "empty".to_owned(), |held| held.fingerprint().to_string())))
    }
    async fn install(&self, token: &AdmittedToken, _: &Slot) -> Result<Installation> {
        if *self.broken.lock().unwrap() {
            return Err(Error::new(ErrorKind::PermissionDenied, "the place takes no token: mend it"));
        }
        self.put(token.token());
        self.preflight().await.map(Installation::Done)
    }
    async fn verify(&self, token: &AdmittedToken, _: &Slot) -> Result<Verification> {
        let say = |yes| if yes { Answer::Proven } else { Answer::Refuted };
        let held = self.holds();
        let works = held.as_ref().is_some_and(|held| self.github.is_alive(held));
        Ok(Verification::new(say(works), say(held.as_ref() == Some(token.token()))))
    }
}

pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    pub(crate) github: Arc<GitHubFake>,
    pub(crate) place: Place,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) sealer: Arc<TestSealer>,
    pub(crate) events: Arc<Mutex<Vec<String>>>,
}

impl World {
    /// An OAuth app with the device flow, whose tokens do not expire.
    pub(crate) async fn start() -> Self {
        let clock = VirtualClock::new();
        let shared = Arc::new(clock.clone());
        let github = Arc::new(GitHubFake::start_with_clock(shared.clone()).await.unwrap());
        github.device_flow_app(APP, SECRET);
        let place = Place { github: github.clone(), held: Arc::default(), broken: Arc::default() };
        let journal = Arc::new(MemoryJournal::pretending_to_be_durable(shared));
        Self { clock, github, place, journal, sealer: Arc::new(TestSealer::new()), events: Arc::default() }
    }

    /// An app whose tokens expire.
    pub(crate) async fn expiring() -> Self {
        let world = Self::start().await;
        world.github.expire_tokens_of(APP);
        world
    }

    fn at(&self, builder: AppUserTokensBuilder) -> AppUserTokensBuilder {
        builder.server(self.github.base()).clock(Arc::new(self.clock.clone())).account("build-bot")
    }

    pub(crate) fn device(&self) -> AppUserTokensBuilder {
        self.at(GitHub::device_flow(&http(), APP))
    }

    pub(crate) fn refreshed(&self) -> AppUserTokensBuilder {
        self.at(GitHub::refreshed(&http(), APP))
    }

    /// A rotator at the same journal, as after a restart.
    pub(crate) fn rotator(&self, provider: AppUserTokens) -> Rotator {
        let events = self.events.clone();
        let policy = Policy::default().grace(Duration::ZERO).minimum_life(Duration::from_hours(4)).owner("build-bot");
        Rotator::builder("bot", provider)
            .consumer(self.place.clone())
            .policy(policy)
            .journal(self.journal.clone())
            .sealer(self.sealer.clone())
            .accept_unrecoverable(true)
            .clock(Arc::new(self.clock.clone()))
            .observe(move |event: &Event| events.lock().unwrap().push(format!("{event:#} {event:?}")))
            .build()
            .unwrap()
    }

    pub(crate) fn by_device(&self) -> Rotator {
        self.rotator(self.device().client_secret(SecretString::from(SECRET)).build().unwrap())
    }

    pub(crate) fn by_refresh(&self) -> Rotator {
        self.rotator(self.refreshed().client_secret(SecretString::from(SECRET)).build().unwrap())
    }

    /// A token in use, given to the app before, with its refresh token.
    pub(crate) fn in_use(&self) -> (Token, Option<Token>) {
        let (token, refresh) = self.github.user_token(APP, "build-bot", "repo workflow", true);
        self.place.put(&token);
        (token, refresh)
    }

    /// Time for the next poll, and the poll.
    pub(crate) async fn poll(&self, bot: &Rotator, run: Run) -> Run {
        let Outcome::AwaitingPerson { asks, .. } = &run.outcome else { panic!("nobody is asked: {:?}", run.outcome) };
        let Ask::Token { polled: Some(at), .. } = &asks[0] else { panic!("nothing is polled: {asks:?}") };
        self.clock.advance(tokenturn::Clock::now(&self.clock).until(*at));
        bot.resume_due().await.unwrap().expect("it is time to ask")
    }

    /// Hours pass until the run is over, or a person is needed.
    pub(crate) async fn finish(&self, bot: &Rotator, mut run: Run) -> Run {
        while matches!(run.outcome, Outcome::BackingOff { .. } | Outcome::Draining { .. } | Outcome::Unfinished) {
            self.clock.advance(Duration::from_mins(10));
            run = bot.resume(run.id).await.unwrap();
        }
        run
    }

    pub(crate) fn sent(&self, line: &str) -> usize {
        self.github.seen().iter().filter(|seen| seen.line.starts_with(line)).count()
    }

    /// Nothing that was told repeats one of these.
    #[track_caller]
    pub(crate) fn assert_untold(&self, secrets: &[&str]) {
        let told = self.events.lock().unwrap().join("\n");
        assert!(!told.is_empty());
        for secret in secrets {
            assert!(!told.contains(secret), "{secret} was told");
        }
    }
}

/// What a person is asked.
#[track_caller]
pub(crate) fn guide(run: &Run) -> Guide {
    let Outcome::AwaitingPerson { asks, .. } = &run.outcome else { panic!("nobody is asked: {:?}", run.outcome) };
    asks[0].guide().unwrap().clone()
}

/// The code in a guide, as a person reads it.
#[track_caller]
pub(crate) fn code_in(guide: &Guide) -> String {
    let step = guide.steps.iter().find(|step| step.key == "user-code").unwrap_or_else(|| panic!("no code in {guide}"));
    step.text.strip_prefix("Type the code ").unwrap().split('.').next().unwrap().to_owned()
}

#[track_caller]
pub(crate) fn completed(run: &Run) {
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);
}
