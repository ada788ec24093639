//! The world of the examples: a GitHub, a Jenkins, a Codefresh and an AWS CodePipeline, all on loopback and without an
//! account, and a person who does as a guide says. Days pass there at once.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use tokenturn::testing::{CodePipelineFake, CodefreshFake, GitHubFake, JenkinsFake, VirtualClock};
use tokenturn::{
    Ask, CodePipeline, Codefresh, Decision, GitHub, Http, Jenkins, Outcome, PersonalTokens, Rotator, Run, Token,
};

const CREDENTIAL: &str = "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>\
    <scope>GLOBAL</scope><id>github-api</id><description>hooks and statuses</description><secret>TOKEN</secret>\
    </org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>";

const PIPELINE: &str = r#"{"name":"site","roleArn":"arn:aws:iam::123456789012:role/pipeline","artifactStore":
    {"type":"S3","location":"acme-artifacts"},"stages":[{"name":"Source","actions":[{"name":"GitHub","actionTypeId":
    {"category":"Source","owner":"ThirdParty","provider":"GitHub","version":"1"},"runOrder":1,"configuration":{"Owner":
    "acme","Repo":"site","Branch":"main","OAuthToken":"TOKEN"},"outputArtifacts":[{"name":"source"}]}]},{"name":"Deploy",
    "actions":[{"name":"S3","actionTypeId":{"category":"Deploy","owner":"AWS","provider":"S3","version":"1"},"runOrder":1,
    "configuration":{"BucketName":"acme-site","Extract":"true"},"inputArtifacts":[{"name":"source"}]}]}]}"#;

pub(crate) struct World {
    pub(crate) clock: VirtualClock,
    pub(crate) github: Arc<GitHubFake>,
    pub(crate) jenkins: JenkinsFake,
    pub(crate) codefresh: CodefreshFake,
    pub(crate) aws: CodePipelineFake,
}

/// What a program of yours would hold.
pub(crate) struct Handles {
    pub(crate) provider: PersonalTokens,
    pub(crate) jenkins: Jenkins,
    pub(crate) codefresh: Codefresh,
    pub(crate) aws: CodePipeline,
}

impl World {
    pub(crate) async fn start() -> Result<Self, Box<dyn Error>> {
        let clock = VirtualClock::new();
        let github = Arc::new(GitHubFake::start_with_clock(Arc::new(clock.clone())).await?);
        github.private_repository("acme/site", &["build-bot"]);
        github.revoke_after_logins(1);
        let (jenkins, codefresh) = (JenkinsFake::start().await?, CodefreshFake::start().await?);
        codefresh.add_runtime("production");
        codefresh.ask_provider(github.base().join("api/v3")?);
        let aws = CodePipelineFake::start().await?;
        let asked = github.clone();
        aws.ask_github(move |token| Token::new(token).is_ok_and(|token| asked.is_alive(&token)));
        Ok(Self { clock, github, jenkins, codefresh, aws })
    }

    /// Which tokens the three places hold when the example begins.
    pub(crate) fn put(&self, jenkins: &Token, codefresh: &Token, pipeline: &Token) -> tokenturn::Result<()> {
        self.jenkins.put("system/_", &CREDENTIAL.replace("TOKEN", jenkins.expose()))?;
        self.codefresh.put_user_token("production", "default", "rotator", codefresh);
        self.aws.put(&PIPELINE.replace("TOKEN", pipeline.expose()))
    }

    /// The far sides, as a program reaches them.
    pub(crate) fn handles(&self) -> Result<Handles, Box<dyn Error>> {
        let http = Http::builder().user_agent("example/1").allow_plain_http_on_loopback().build()?;
        let provider = GitHub::classic(&http).server(self.github.base()).account("build-bot");
        let jenkins = Jenkins::at(&http, self.jenkins.base())?;
        let codefresh = Codefresh::at(&http, self.codefresh.base())?;
        let aws = CodePipeline::in_region(&http, CodePipelineFake::REGION).endpoint(self.aws.base());
        Ok(Handles {
            provider: provider.must_read("acme/site").revoke_by_api().build()?,
            jenkins: jenkins.api_token("admin", self.jenkins.api_token("admin")).build()?,
            codefresh: codefresh.api_key(self.codefresh.api_key("rotator")).build()?,
            aws: aws.credentials(self.aws.credentials()).build()?,
        })
    }

    /// A person does what the run waits for, and days pass, until it is over or wants a decision.
    pub(crate) async fn until_it_stops(&self, bot: &Rotator, mut run: Run) -> Result<Run, Box<dyn Error>> {
        loop {
            run = match run.outcome.clone() {
                Outcome::AwaitingPerson { asks, .. } => self.person(bot, run, &asks).await?,
                Outcome::Draining { until, .. } => {
                    println!("\n(A day passes, in which the pipeline runs and old jobs end: until {until}.)\n");
                    self.aws.run("site").ok_or("the pipeline is gone")?;
                    self.clock.advance(Duration::from_hours(24));
                    bot.resume(run.id).await?
                }
                Outcome::BackingOff { until, .. } => {
                    println!("(It is tried again at {until}.)");
                    self.clock.advance(Duration::from_mins(15));
                    bot.resume(run.id).await?
                }
                _ => return Ok(run),
            };
        }
    }

    /// What a person would do at a prompt, a browser beside it.
    async fn person(&self, bot: &Rotator, run: Run, asks: &[Ask]) -> Result<Run, Box<dyn Error>> {
        match asks.first().ok_or("the run waits for nobody")? {
            Ask::Token { guide, refusal: None, .. } => {
                println!("\n{guide}");
                let paste = self.github.generate("build-bot", guide)?;
                println!(
                    "(The person follows the link, presses \"Generate token\", and pastes. Nothing of it is shown.)\n"
                );
                Ok(bot.supply(run.id, Token::new(&paste)?).await?)
            }
            Ask::Confirmation { consumer, text, .. } => {
                println!("\n{text}");
                self.jenkins.save_github_configuration();
                println!("(The person does, and confirms it.)\n");
                Ok(bot.resolve(run.id, Decision::Confirm(consumer.clone())).await?)
            }
            other => Err(format!("nobody was told how to do this: {other:?}").into()),
        }
    }

    /// What the servers themselves say, past every interface that the rotation used: whether each place holds its token.
    pub(crate) fn holds(&self, jenkins: &Token, codefresh: &Token, pipeline: &Token) -> Vec<(&'static str, bool)> {
        let is = |there: Option<String>, token: &Token| there.as_deref() == Some(token.expose());
        vec![
            ("Jenkins holds it", is(self.jenkins.secret_of("system/_/github-api"), jenkins)),
            ("Codefresh holds it", is(self.codefresh.user_token("production", "default", "rotator"), codefresh)),
            ("the pipeline holds it", is(self.aws.token_of("site", "Source", "GitHub"), pipeline)),
        ]
    }
}

/// Prints what is so, and fails where something is not.
pub(crate) fn assert_all(truth: &[(&str, bool)]) -> Result<(), Box<dyn Error>> {
    println!("\nThe servers' own state:");
    for (what, is_so) in truth {
        println!("  {} {what}", if *is_so { "yes" } else { "NO " });
    }
    if truth.iter().all(|(_, is_so)| *is_so) {
        Ok(())
    } else {
        Err("the servers' state is not what it should be".into())
    }
}
