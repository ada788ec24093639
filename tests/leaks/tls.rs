//! Whole runs over TLS, of which the transport and its TLS tell all that they ever tell.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret;
use tokenturn::journal::Seq;
use tokenturn::testing::leak::{Ears, Search};
use tokenturn::testing::{GitHubFake, JenkinsFake, Trouble, VirtualClock};
use tokenturn::{Decision, Event, GitHub, Http, Jenkins, Outcome, Policy, Predecessor, Result, Rotator, Run, Token};

use crate::authority;
use crate::channels::hear_log;

const DOCUMENT: &str = "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl><id>api</id>\
    <description>d</description><secret>TOKEN</secret></org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>";

struct World {
    ears: Ears,
    github: GitHubFake,
    jenkins: JenkinsFake,
    clock: VirtualClock,
    secrets: Vec<String>,
}

impl World {
    async fn start() -> Self {
        let ears = Ears::new();
        hear_log(&ears);
        let clock = VirtualClock::new();
        let github = GitHubFake::start_with_clock(Arc::new(clock.clone())).await.unwrap();
        let jenkins = JenkinsFake::start().await.unwrap();
        let secrets = vec![jenkins.api_token("admin").expose_secret().to_owned()];
        Self { ears, github, jenkins, clock, secrets }
    }

    async fn rotator(&self) -> Rotator {
        let ours = authority::authority();
        let http = Http::builder().root_certificates(ours.pem()).timeout(Duration::from_secs(20)).build().unwrap();
        let jenkins = Jenkins::at(&http, authority::before(&ours, &self.jenkins.base()).await).unwrap();
        let jenkins = jenkins.api_token("admin", self.jenkins.api_token("admin")).build().unwrap();
        let server = authority::before(&ours, &self.github.base()).await;
        let ears = self.ears.clone();
        Rotator::builder("bot", GitHub::classic(&http).server(server).revoke_by_api().build().unwrap())
            .consumer(jenkins.credential("api"))
            .policy(Policy::default().grace(Duration::ZERO).minimum_life(Duration::ZERO))
            .clock(Arc::new(self.clock.clone()))
            .observe(move |event: &Event| ears.hear("an event", format!("{event} {event:?}")))
            .build()
            .unwrap()
    }

    fn say(&self, run: &Result<Run>) {
        match run {
            Ok(run) => self.ears.hear("a run", format!("{run:?} {}", serde_json::to_string(run).unwrap())),
            Err(error) => self.ears.hear("an error", format!("{error} {error:?} {}", error.problem())),
        }
    }

    /// A run in which this goes wrong, if anything; answers whether it was completed.
    async fn run(&mut self, trouble: Option<(&str, Trouble)>) -> bool {
        let old = self.github.classic("build-bot", "old", &["repo", "admin:repo_hook"]);
        self.jenkins.put("system/_", &DOCUMENT.replace("TOKEN", old.expose())).unwrap();
        self.secrets.push(old.expose().to_owned());
        let bot = self.rotator().await;
        if let Some((which, trouble)) = trouble {
            self.github.trouble(which, trouble.clone());
            self.jenkins.trouble(which, trouble);
        }
        let mut run = bot.rotate(Predecessor::Held(old)).await;
        for _ in 0..6 {
            self.say(&run);
            self.clock.advance(Duration::from_hours(1));
            let Ok(Run { id, outcome, .. }) = &run else { break };
            run = match outcome {
                Outcome::AwaitingPerson { asks, .. } => {
                    let guide = asks[0].guide().unwrap();
                    let value = self.github.generate("build-bot", guide).unwrap();
                    self.secrets.push(value.clone());
                    bot.supply(id.clone(), Token::new(&value).unwrap()).await
                }
                Outcome::NeedsPerson { .. } => bot.resolve(id.clone(), Decision::Retry).await,
                outcome if outcome.is_over() => break,
                _ => bot.resume(id.clone()).await,
            };
        }
        for event in bot.events(Seq::ZERO).await.unwrap() {
            self.ears.hear("an event of the journal", format!("{event:?}"));
        }
        matches!(run, Ok(Run { outcome: Outcome::Completed(_), .. }))
    }
}

#[tokio::test]
async fn no_secret_is_in_what_the_transport_and_its_tls_log_at_the_finest_level() {
    let mut world = World::start().await;
    let listening = world.ears.listen();
    assert!(world.run(None).await, "nothing was in its way: {:?}", world.ears.heard());
    for trouble in [Trouble::Echo(400), Trouble::Refuse(401), Trouble::DropAfter, Trouble::FailAfter(500)] {
        for which in ["GET /api/v3/user", "POST /api/v3/credentials", "POST /ci/credentials"] {
            world.run(Some((which, trouble.clone()))).await;
        }
    }
    drop(listening);
    let heard = world.ears.heard();
    let speakers: BTreeSet<_> =
        heard.iter().filter_map(|(who, _)| who.strip_prefix("a log line of ")?.split("::").next()).collect();
    for speaker in ["hyper_util", "reqwest", "rustls", "tokenturn"] {
        assert!(speakers.contains(speaker), "{speaker} was not heard: {speakers:?}");
    }
    let hits = Search::of(&world.secrets).among(&world.ears);
    println!(
        "over TLS: secrets {}, texts {}, heard {speakers:?}, hits {}",
        world.secrets.len(),
        heard.len(),
        hits.len()
    );
    assert!(hits.is_empty(), "{hits:?}");
}
