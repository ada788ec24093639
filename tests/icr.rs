//! The token of iCR, from a GitHub into the second field of the plugin's form: by a credential of Jenkins, or by hand.

use std::sync::Arc;
use std::time::Duration;

use tokenturn::consumer::Consumer;
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::testing::{GitHubFake, JenkinsFake, VirtualClock};
use tokenturn::{
    Answer, Ask, ConsumerName, Decision, ErrorKind, GitHub, Guide, Http, Icr, Jenkins, Outcome, Policy, Predecessor,
    Rotator, Run, ScopeModel, ScopeSet, Severity, Token,
};

const NEEDED: [&str; 3] = ["repo", "workflow", "notifications"];
const PLACE: &str = "system/_/icr-git-token";

const DOCUMENT: &str = "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>\
    <scope>GLOBAL</scope><id>icr-git-token</id><description>for iCR</description><secret>TOKEN</secret>\
    </org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>";

struct World {
    github: GitHubFake,
    jenkins: JenkinsFake,
    clock: VirtualClock,
    old: Token,
}

impl World {
    async fn start() -> Self {
        let clock = VirtualClock::new();
        let github = GitHubFake::start_with_clock(Arc::new(clock.clone())).await.unwrap();
        let old = github.classic("icr-bot", "icr", &NEEDED);
        let jenkins = JenkinsFake::start().await.unwrap();
        jenkins.put("system/_", &DOCUMENT.replace("TOKEN", old.expose())).unwrap();
        Self { github, jenkins, clock, old }
    }

    /// The form names a credential.
    fn listed(&self) -> Icr {
        let jenkins = Jenkins::at(&http(), self.jenkins.base()).unwrap();
        let jenkins = jenkins.api_token("admin", self.jenkins.api_token("admin")).build().unwrap();
        Icr::jenkins_credential(jenkins.credential("icr-git-token").test_connection())
    }

    fn rotator(&self, icr: Icr) -> Rotator {
        let github = GitHub::classic(&http()).server(self.github.base()).revoke_by_api().build().unwrap();
        Rotator::builder("icr-bot", github)
            .consumer(icr)
            .policy(Policy::default().grace(Duration::ZERO))
            .clock(Arc::new(self.clock.clone()))
            .build()
            .unwrap()
    }

    fn held(&self) -> Predecessor {
        Predecessor::Held(self.old.clone())
    }

    fn stored(&self) -> Option<Token> {
        self.jenkins.secret_of(PLACE).map(|secret| Token::new(&secret).unwrap())
    }

    /// A person makes a token as the guide says, and pastes it.
    async fn paste(&self, bot: &Rotator, run: Run) -> (Run, Token) {
        let token = Token::new(&self.github.generate("icr-bot", &guide(&run)).unwrap()).unwrap();
        (bot.supply(run.id, token.clone()).await.unwrap(), token)
    }

    /// Hours pass until the run is over or wants a person.
    async fn finish(&self, bot: &Rotator, mut run: Run) -> Run {
        while !run.outcome.is_over() && !matches!(run.outcome, Outcome::AwaitingPerson { .. }) {
            self.clock.advance(Duration::from_hours(1));
            run = bot.resume(run.id).await.unwrap();
        }
        run
    }

    fn assert_turned_over(&self, run: &Run, new: &Token) {
        assert!(matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);
        assert!(self.github.is_alive(new) && !self.github.is_alive(&self.old));
    }

    /// An analysis takes hours and mails people: nobody starts one to find out whether a token works.
    fn assert_no_analysis(&self) {
        let seen = self.jenkins.seen();
        let begun: Vec<_> = seen.iter().filter(|seen| seen.line.to_ascii_lowercase().contains("/build")).collect();
        assert!(begun.is_empty(), "{begun:?}");
    }
}

fn http() -> Http {
    Http::builder().allow_plain_http_on_loopback().timeout(Duration::from_secs(2)).build().unwrap()
}

fn ask(run: &Run) -> &Ask {
    let Outcome::AwaitingPerson { asks, .. } = &run.outcome else { panic!("nobody is asked: {:?}", run.outcome) };
    &asks[0]
}

fn guide(run: &Run) -> Guide {
    ask(run).guide().unwrap().clone()
}

fn typed() -> Icr {
    Icr::form_field("icr-nightly", "team/icr-nightly").unwrap()
}

#[tokio::test]
async fn a_credential_that_the_form_names_gets_the_new_token() {
    let world = World::start().await;
    let bot = world.rotator(world.listed());
    let plan = bot.plan(&world.held()).await.unwrap();
    assert!(!plan.is_blocked(), "{plan}");
    assert_eq!(plan.required, ScopeSet::of(NEEDED));
    let run = bot.rotate(world.held()).await.unwrap();
    let link = guide(&run).link.unwrap();
    let (_, scopes) = link.query_pairs().find(|(name, _)| name == "scopes").unwrap();
    assert_eq!(ScopeSet::parse(&scopes), ScopeSet::of(NEEDED), "these and no others are ticked");
    let (run, new) = world.paste(&bot, run).await;
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run, &new);
    assert_eq!(world.stored().as_ref(), Some(&new));
    assert_eq!(world.jenkins.field_of(PLACE, "description").as_deref(), Some("for iCR"));
    world.assert_no_analysis();
}

#[tokio::test]
async fn a_token_without_notifications_is_refused_and_says_which_scope_is_missing() {
    let world = World::start().await;
    let bot = world.rotator(world.listed());
    let run = bot.rotate(world.held()).await.unwrap();
    let short = world.github.classic("icr-bot", "by hand", &["repo", "workflow"]);
    let run = bot.supply(run.id, short.clone()).await.unwrap();
    let Ask::Cure { refusal, .. } = ask(&run) else { panic!("{run:?}") };
    let text = refusal.to_string();
    assert!(text.contains("notifications") && !text.contains("workflow"), "{text}");
    assert_eq!(world.stored().as_ref(), Some(&world.old), "it went nowhere");
    assert!(world.github.is_alive(&short), "it is not ours to revoke");
    world.github.tick("by hand", "notifications").unwrap();
    let run = bot.resolve(run.id, Decision::Retry).await.unwrap();
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run, &short);
    assert_eq!(world.stored().as_ref(), Some(&short));
}

#[tokio::test]
async fn fine_grained_tokens_are_refused_by_name_whatever_scopes_a_caller_names() {
    let world = World::start().await;
    let github = || GitHub::fine_grained(&http()).server(world.github.base()).revoke_by_person().build().unwrap();
    for icr in [world.listed(), typed()] {
        let name = icr.name().to_owned();
        for builder in [
            Rotator::builder("icr-bot", github()).consumer(icr.clone()),
            Rotator::builder("icr-bot", github()).consumer(icr).requires(&name, ScopeSet::of(["contents"])),
        ] {
            let error = builder.build().unwrap_err();
            assert_eq!((error.kind(), error.subject()), (ErrorKind::Configuration, Some(name.as_str())), "{error}");
            for part in ["github-fine-grained", "notifications", "GitHub::classic"] {
                assert!(error.to_string().contains(part), "{part} is not in: {error}");
            }
        }
    }
    assert!(world.github.seen().is_empty() && world.jenkins.seen().is_empty(), "nobody had to be asked");
}

#[tokio::test]
async fn a_field_of_the_form_is_filled_by_a_person_and_holds_the_old_token_until_then() {
    let world = World::start().await;
    let bot = world.rotator(typed());
    let run = bot.rotate(world.held()).await.unwrap();
    let (run, new) = world.paste(&bot, run).await;
    let Ask::Installation { consumer, guide, .. } = ask(&run).clone() else { panic!("{run:?}") };
    let text = guide.to_string();
    for part in ["team/icr-nightly", "second field", "Save", "Do not start an analysis"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert!(!text.contains(new.expose()), "a guide holds no secret");
    // However long it takes: nothing else ends the old token.
    world.clock.advance(Duration::from_hours(24 * 30));
    let run = bot.resume(run.id).await.unwrap();
    assert!(world.github.is_alive(&world.old));
    let field = bot.reveal(run.id.clone(), consumer.as_str()).await.unwrap();
    assert_eq!(field, new, "this is what the person types");
    let run = bot.resolve(run.id, Decision::Confirm(ConsumerName::new("icr-nightly").unwrap())).await.unwrap();
    let run = world.finish(&bot, run).await;
    world.assert_turned_over(&run, &new);
    assert!(world.jenkins.seen().is_empty(), "no program writes into the form");
}

#[tokio::test]
async fn both_places_belong_to_icr_and_claim_no_more_than_they_can_show() {
    let world = World::start().await;
    let (listed, typed) = (world.listed(), typed());
    for icr in [&listed, &typed] {
        assert_eq!(icr.capabilities().application, "OpenRefactory iCR");
        assert_eq!(icr.required_scopes(ScopeModel::GITHUB_CLASSIC), Some(ScopeSet::of(NEEDED)));
        assert_eq!(icr.required_scopes(ScopeModel::GITLAB), Some(ScopeSet::of(["api"])));
        assert_eq!(icr.required_scopes(ScopeModel::new("bitbucket", &[])), None, "that is not documented");
    }
    assert!(listed.name().starts_with("jenkins:") && listed.name().ends_with("system/_/icr-git-token"));
    assert!(!listed.capabilities().by_person && typed.capabilities().by_person);
    assert!(!typed.capabilities().proves_something());
    let token = tokenturn::testing::admitted(&world.old, tokenturn::Grant::of(&world.old, "icr-bot")).unwrap();
    let slot = typed.preflight().await.unwrap();
    let verification = typed.verify(&token, &slot).await.unwrap();
    assert_eq!((verification.works, verification.new), (Answer::Unknown, Answer::Unknown));
}

#[tokio::test]
async fn a_token_of_gitlab_needs_the_scope_api() {
    let gitlab = MemoryProvider::new().with_scopes(ScopeModel::GITLAB);
    let old = gitlab.mint("icr-bot", ScopeSet::of(["api"]));
    let bot = Rotator::builder("icr-bot", gitlab.clone())
        .consumer(typed())
        .policy(Policy::default().grace(Duration::ZERO))
        .build()
        .unwrap();
    let run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
    let run = bot.resolve(run.id, Decision::Confirm(ConsumerName::new("icr-nightly").unwrap())).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{run:?}");
    let short = gitlab.mint("icr-bot", ScopeSet::of(["read_api"]));
    let plan = bot.plan(&Predecessor::Held(short)).await.unwrap();
    let missing = plan.findings.iter().find(|finding| finding.text.contains("lacks scopes")).unwrap();
    assert_eq!(missing.severity, Severity::Warning);
    assert!(missing.text.ends_with("api"), "{}", missing.text);
}
