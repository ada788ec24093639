//! No secret leaves: whole runs, good and bad, and everything that they said is searched for what they knew.
#![expect(clippy::format_collect, reason = "a few bytes, and plain to read")]

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::ExposeSecret;
use tokenturn::testing::{GitHubFake, JenkinsFake, Trouble, VirtualClock};
use tokenturn::{Decision, Event, GitHub, Guide, Http, Jenkins, Outcome, Policy, Predecessor, Rotator, Run, Token};
use tracing_subscriber::fmt::MakeWriter;

const DOCUMENT: &str = "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl><id>api</id>\
    <description>d</description><secret>TOKEN</secret></org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>";

/// Everything that was said.
#[derive(Clone, Default)]
struct Ears(Arc<Mutex<Vec<u8>>>);

impl Ears {
    fn hear(&self, what: impl AsRef<str>) {
        self.0.lock().unwrap().extend_from_slice(what.as_ref().as_bytes());
    }

    fn heard(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Ears {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Ears {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// What programs log through the older facade goes to the same ears.
struct Logger(Ears);

impl log::Log for Logger {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        self.0.hear(format!("{} {}\n", record.target(), record.args()));
    }

    fn flush(&self) {}
}

fn forms(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
    let mut forms = vec![secret.to_owned(), secret.chars().rev().collect()];
    for skip in 0..3 {
        forms.push(STANDARD_NO_PAD.encode(&secret.as_bytes()[skip..]));
        forms.push(URL_SAFE_NO_PAD.encode(&secret.as_bytes()[skip..]));
    }
    forms.push(secret.bytes().map(|byte| format!("{byte:02x}")).collect());
    forms.push(secret.bytes().map(|byte| format!("%{byte:02X}")).collect());
    forms.push(secret.bytes().map(|byte| format!("{byte}, ")).collect());
    forms
}

/// The part of a secret that nothing else has: its last digits.
fn telling(secret: &str) -> &str {
    &secret[secret.len().saturating_sub(12)..]
}

struct World {
    ears: Ears,
    github: GitHubFake,
    jenkins: JenkinsFake,
    clock: VirtualClock,
    secrets: Vec<String>,
}

impl World {
    async fn start(ears: &Ears) -> Self {
        let clock = VirtualClock::new();
        let github = GitHubFake::start_with_clock(Arc::new(clock.clone())).await.unwrap();
        let jenkins = JenkinsFake::start().await.unwrap();
        let key = jenkins.api_token("admin").expose_secret().to_owned();
        Self { ears: ears.clone(), github, jenkins, clock, secrets: vec![key] }
    }

    fn rotator(&self) -> Rotator {
        let http = Http::builder().allow_plain_http_on_loopback().timeout(Duration::from_secs(1)).build().unwrap();
        let jenkins = Jenkins::at(&http, self.jenkins.base()).unwrap();
        let jenkins = jenkins.api_token("admin", self.jenkins.api_token("admin")).build().unwrap();
        let github = GitHub::classic(&http).server(self.github.base()).revoke_by_api().build().unwrap();
        let ears = self.ears.clone();
        let bot = Rotator::builder("bot", github)
            .consumer(jenkins.credential("api").test_connection())
            .policy(Policy::default().grace(Duration::ZERO).minimum_life(Duration::ZERO))
            .clock(Arc::new(self.clock.clone()))
            .observe(move |event: &Event| {
                ears.hear(format!("{event}\n{event:?}\n{}\n", serde_json::to_string(event).unwrap()));
            })
            .build()
            .unwrap();
        self.ears.hear(format!("{bot:?}{jenkins:?}{http:?}"));
        bot
    }

    fn say(&self, run: &tokenturn::Result<Run>) {
        match run {
            Ok(run) => self.ears.hear(format!("{run:?}\n{}\n", serde_json::to_string(run).unwrap())),
            Err(error) => {
                let problem = serde_json::to_string(&error.problem()).unwrap();
                self.ears.hear(format!("{error}\n{error:?}\n{error:#?}\n{problem}\n"));
            }
        }
    }

    /// A run in which one request of each kind goes wrong in this way; whatever comes of it.
    async fn run(&mut self, troubles: &[(&str, Trouble)]) {
        let old = self.github.classic("build-bot", "old", &["repo", "admin:repo_hook"]);
        self.jenkins.put("system/_", &DOCUMENT.replace("TOKEN", old.expose())).unwrap();
        self.secrets.push(old.expose().to_owned());
        let bot = self.rotator();
        let held = Predecessor::Held(old);
        self.ears.hear(format!("{held:?}"));
        if let Ok(plan) = bot.plan(&held).await {
            self.ears.hear(format!("{plan}{plan:?}{}", serde_json::to_string(&plan).unwrap()));
        }
        for (which, trouble) in troubles {
            let place = if which.contains("/ci") { &self.jenkins as &dyn Troubled } else { &self.github };
            place.trouble(which, trouble.clone());
        }
        let mut run = bot.rotate(held.clone()).await;
        for _ in 0..6 {
            self.say(&run);
            self.clock.advance(Duration::from_hours(1));
            let Ok(Run { id, outcome, .. }) = &run else { break };
            run = match outcome {
                Outcome::AwaitingPerson { asks, .. } => {
                    let Some(guide) = asks[0].guide().filter(|guide| guide.link.is_some()) else { break };
                    bot.supply(id.clone(), self.paste(guide)).await
                }
                Outcome::NeedsPerson { .. } => bot.resolve(id.clone(), Decision::Retry).await,
                outcome if outcome.is_over() => break,
                _ => bot.resume(id.clone()).await,
            };
        }
        if let Ok(check) = bot.check(&held).await {
            self.ears.hear(format!("{check:?}{}", serde_json::to_string(&check).unwrap()));
        }
        for event in bot.events(tokenturn::journal::Seq::ZERO).await.unwrap() {
            self.ears.hear(format!("{event:?}"));
        }
        for seen in [self.github.seen(), self.jenkins.seen()].concat() {
            self.ears.hear(seen.line);
        }
    }

    fn paste(&mut self, guide: &Guide) -> Token {
        let value = self.github.generate("build-bot", guide).unwrap();
        self.secrets.push(value.clone());
        Token::new(&value).unwrap()
    }
}

trait Troubled {
    fn trouble(&self, which: &str, trouble: Trouble);
}

impl Troubled for GitHubFake {
    fn trouble(&self, which: &str, trouble: Trouble) {
        Self::trouble(self, which, trouble);
    }
}

impl Troubled for JenkinsFake {
    fn trouble(&self, which: &str, trouble: Trouble) {
        Self::trouble(self, which, trouble);
    }
}

#[tokio::test]
async fn no_secret_is_in_anything_that_was_said_in_any_encoding() {
    let ears = Ears::default();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
    subscriber.with_writer(ears.clone()).init();
    log::set_boxed_logger(Box::new(Logger(ears.clone()))).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let mut world = World::start(&ears).await;
    world.run(&[]).await;
    let everywhere = ["GET /api/v3/user", "POST /api/v3/credentials", "GET /ci/", "POST /ci/credentials"];
    for trouble in [
        Trouble::Refuse(400),
        Trouble::Refuse(401),
        Trouble::Refuse(403),
        Trouble::Refuse(422),
        Trouble::FailAfter(500),
        Trouble::DropAfter,
        Trouble::Redirect("https://login.example/?back=x".into()),
        Trouble::Flood(9_000_000),
    ] {
        for which in everywhere {
            world.run(&[(which, trouble.clone())]).await;
        }
    }
    let heard = ears.heard();
    assert!(heard.contains("the rotation begins") && heard.contains("answered"), "it heard nothing");
    assert!(world.secrets.len() > 60, "{}", world.secrets.len());
    for secret in &world.secrets {
        for form in forms(secret).iter().chain(&forms(telling(secret))) {
            assert!(!heard.contains(form.as_str()), "a form of a secret was said: {form}");
        }
    }
}
