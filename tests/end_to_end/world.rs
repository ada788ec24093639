//! A GitHub, a Jenkins, and the people around them.

use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokenturn::journal::MemoryJournal;
use tokenturn::testing::{GitHubFake, JenkinsFake, VirtualClock};
use tokenturn::{
    Ask, Decision, Event, GitHub, Guide, Http, Jenkins, Outcome, PersonalTokensBuilder, Policy, Predecessor, Rotator,
    RotatorBuilder, Run, Token,
};

pub(crate) const TEXT: &str = "system/_/github-api";
pub(crate) const LOGIN: &str = "team/folder/_/git-pat";
pub(crate) const OLD_ROW: &str = "ci since August";

const TEXT_DOCUMENT: &str = "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>\
    <scope>GLOBAL</scope><id>github-api</id><description>hooks</description><secret>TOKEN</secret>\
    </org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>";

const LOGIN_DOCUMENT: &str = "<com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl>\
    <scope>GLOBAL</scope><id>git-pat</id><description>d\u{e9}p\u{f4}t</description><username>build-bot</username>\
    <password>TOKEN</password><usernameSecret>true</usernameSecret>\
    </com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl>";

pub(crate) struct World {
    pub(crate) github: GitHubFake,
    pub(crate) jenkins: JenkinsFake,
    pub(crate) clock: VirtualClock,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) old: Token,
    pub(crate) events: Arc<Mutex<Vec<String>>>,
}

impl World {
    pub(crate) async fn start() -> Self {
        let clock = VirtualClock::new();
        let github = GitHubFake::start_with_clock(Arc::new(clock.clone())).await.unwrap();
        github.private_repository("acme/site", &["build-bot"]);
        let old = github.classic("build-bot", OLD_ROW, &["repo", "admin:repo_hook"]);
        let jenkins = JenkinsFake::start().await.unwrap();
        jenkins.add_folder("team");
        jenkins.add_job("team/site");
        jenkins.put("system/_", &TEXT_DOCUMENT.replace("TOKEN", old.expose())).unwrap();
        jenkins.put("team/folder/_", &LOGIN_DOCUMENT.replace("TOKEN", old.expose())).unwrap();
        let journal = Arc::new(MemoryJournal::with_clock(Arc::new(clock.clone())));
        Self { github, jenkins, clock, journal, old, events: Arc::default() }
    }

    pub(crate) fn provider(&self) -> PersonalTokensBuilder {
        GitHub::classic(&http()).server(self.github.base()).must_administer("acme/site")
    }

    /// Another engine at the same journal, as after a restart.
    pub(crate) fn builder(&self, provider: PersonalTokensBuilder) -> RotatorBuilder {
        let http = http();
        let jenkins = Jenkins::at(&http, self.jenkins.base()).unwrap();
        let jenkins = jenkins.api_token("admin", self.jenkins.api_token("admin")).build().unwrap();
        let git = self.github.git_url("acme/site").unwrap();
        let events = self.events.clone();
        Rotator::builder("build-bot", provider.build().unwrap())
            .consumer(jenkins.credential("github-api").named("text").test_connection())
            .consumer(jenkins.credential("git-pat").in_folder("team").named("login").test_repository(git, "team/site"))
            .policy(policy())
            .journal(self.journal.clone())
            .clock(Arc::new(self.clock.clone()))
            .observe(move |event: &Event| events.lock().unwrap().push(format!("{event:#}")))
    }

    pub(crate) fn rotator(&self) -> Rotator {
        self.builder(self.provider().revoke_by_api()).build().unwrap()
    }

    pub(crate) fn held(&self) -> Predecessor {
        Predecessor::Held(self.old.clone())
    }

    /// Begins a run, which waits for its token then.
    pub(crate) async fn begin(&self, bot: &Rotator) -> (Run, Guide) {
        let run = bot.rotate(self.held()).await.unwrap();
        let guide = token_guide(&run);
        (run, guide)
    }

    /// A person follows the guide, and pastes.
    pub(crate) async fn paste(&self, bot: &Rotator, run: &Run) -> (Run, Token) {
        let token = Token::new(&self.github.generate("build-bot", &token_guide(run)).unwrap()).unwrap();
        (bot.supply(run.id.clone(), token.clone()).await.unwrap(), token)
    }

    /// Days pass, people do as they are asked, until the run is over or wants a decision.
    pub(crate) async fn finish(&self, bot: &Rotator, mut run: Run) -> Run {
        for _ in 0..40 {
            run = match run.outcome.clone() {
                Outcome::AwaitingPerson { asks, .. } => match &asks[0] {
                    Ask::Token { .. } => self.paste(bot, &run).await.0,
                    Ask::Deletion { token, .. } => {
                        self.github.delete(OLD_ROW).unwrap();
                        bot.resolve(run.id, Decision::RevokedByHand(token.clone())).await.unwrap()
                    }
                    other => panic!("nobody was told how to do this: {other:?}"),
                },
                Outcome::Draining { .. } | Outcome::BackingOff { .. } | Outcome::Unfinished => {
                    self.clock.advance(Duration::from_hours(25));
                    bot.resume(run.id).await.unwrap()
                }
                _ => return run,
            };
        }
        panic!("the run does not end: {:?}", run.outcome);
    }

    /// What both places hold, if it is the same.
    pub(crate) fn in_use(&self) -> Option<Token> {
        let (text, login) = (self.jenkins.secret_of(TEXT)?, self.jenkins.secret_of(LOGIN)?);
        (text == login).then(|| Token::new(&text).unwrap())
    }

    /// The run did what it should, by the servers' own state: one live token, in use everywhere, and nothing else changed.
    pub(crate) fn assert_turned_over(&self, run: &Run) {
        let Outcome::Completed(completion) = &run.outcome else { panic!("not completed: {:?}", run.outcome) };
        let new = self.in_use().expect("both places hold the same token");
        assert_ne!(new, self.old);
        assert_eq!(completion.fingerprint, Some(new.fingerprint()));
        assert!(self.github.is_alive(&new) && !self.github.is_alive(&self.old));
        assert_eq!(
            self.github.rows("build-bot").len(),
            1,
            "nothing was left behind: {:?}",
            self.github.rows("build-bot")
        );
        assert_eq!(completion.orphans, []);
        self.assert_siblings_kept();
        assert!(!self.github.is_locked("build-bot"));
    }

    pub(crate) fn assert_siblings_kept(&self) {
        for (field, value) in
            [("description", "d\u{e9}p\u{f4}t"), ("username", "build-bot"), ("usernameSecret", "true")]
        {
            assert_eq!(self.jenkins.field_of(LOGIN, field).as_deref(), Some(value), "{field}");
        }
        assert_eq!(self.jenkins.field_of(TEXT, "description").as_deref(), Some("hooks"));
    }

    pub(crate) fn happened(&self, words: &str) -> bool {
        self.events.lock().unwrap().iter().any(|event| event.contains(words))
    }
}

/// Says it whether the test passes or not.
pub(crate) fn say(words: &str) {
    std::io::stdout().write_all(format!("{words}\n").as_bytes()).unwrap();
}

pub(crate) fn policy() -> Policy {
    Policy::default().lifetime(Duration::from_hours(90 * 24)).act_timeout(Duration::from_secs(20))
}

pub(crate) fn http() -> Http {
    Http::builder().allow_plain_http_on_loopback().timeout(Duration::from_secs(2)).build().unwrap()
}

pub(crate) fn token_guide(run: &Run) -> Guide {
    match &run.outcome {
        Outcome::AwaitingPerson { asks, .. } => match &asks[0] {
            Ask::Token { guide, .. } => guide.clone(),
            other => panic!("no token is asked for: {other:?}"),
        },
        other => panic!("no token is asked for: {other:?}"),
    }
}
