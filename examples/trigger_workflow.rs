//! A token of CloudBees Unify is rotated, guided, and the new one starts a workflow. Against the fake: no account is needed.
//!
//! ```console
//! cargo run --example trigger_workflow
//! ```

use std::error::Error;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokenturn::consumer::{Consumer, ConsumerCapabilities, Installation, Proof, Slot, Verification};
use tokenturn::rotation::TokenRef;
use tokenturn::testing::CloudBeesFake;
use tokenturn::{AdmittedToken, Answer, Ask, CloudBees, Decision, Http, Outcome, Policy, Predecessor, Rotator};
use tokenturn::{Result, ScopeModel, ScopeSet, Token};

/// The deploy job, which holds the token.
#[derive(Clone)]
struct DeployJob(Arc<Mutex<Token>>);

impl DeployJob {
    fn token(&self) -> Token {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `POST /v2/components/{id}/trigger`, as "Trigger workflows remotely" (CloudBees documentation) shows it. It starts a
    /// run, so it is no way to try a token. What it answers is not documented; a status of the 200s is taken for a yes.
    async fn trigger(&self, unify: &url::Url, component: &str) -> std::result::Result<u16, Box<dyn Error>> {
        let answer = reqwest::Client::new()
            .post(unify.join(&format!("v2/components/{component}/trigger"))?)
            .bearer_auth(self.token().expose())
            .header("content-type", "application/json")
            .body(r#"{"branchName": "main", "workflowFileName": "deploy.yaml"}"#)
            .send()
            .await?;
        Ok(answer.status().as_u16())
    }
}

impl fmt::Debug for DeployJob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeployJob({:?})", self.token())
    }
}

#[async_trait::async_trait]
impl Consumer for DeployJob {
    #[expect(clippy::unnecessary_literal_bound, reason = "the trait's signature")]
    fn name(&self) -> &str {
        "deploy job"
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        // It can be read back, so that the token is the new one is certain; whether it works shows only in use.
        ConsumerCapabilities::new("deploy job").proving(Proof::Never, Proof::Always)
    }

    fn required_scopes(&self, _: ScopeModel) -> Option<ScopeSet> {
        Some(ScopeSet::new())
    }

    async fn preflight(&self) -> Result<Slot> {
        Ok(Slot::opaque())
    }

    async fn install(&self, token: &AdmittedToken, _: &Slot) -> Result<Installation> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = token.token().clone();
        Ok(Installation::Done(Slot::opaque()))
    }

    async fn verify(&self, token: &AdmittedToken, _: &Slot) -> Result<Verification> {
        let same = self.token() == *token.token();
        Ok(Verification::new(Answer::Unknown, if same { Answer::Proven } else { Answer::Refuted }))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let unify = CloudBeesFake::start().await?;
    unify.user("deploy-bot", &["acme.com"]);
    let old = unify.token("deploy-bot", "made by hand", 30);
    let job = DeployJob(Arc::new(Mutex::new(old.clone())));

    let http = Http::builder().allow_plain_http_on_loopback().build()?;
    let provider =
        CloudBees::unify(&http).address(unify.base()).organization("acme.com").account("deploy-bot").build()?;
    let bot = Rotator::builder("unify-deploy", provider)
        .consumer(job.clone())
        .policy(Policy::default().grace(Duration::ZERO).lifetime(Duration::from_hours(30 * 24)))
        .build()?;

    let mut run = bot.rotate(Predecessor::Held(old.clone())).await?;
    while let Outcome::AwaitingPerson { asks, .. } = &run.outcome {
        let ask = asks.first().ok_or("somebody is waited for, and nothing is asked")?.clone();
        println!("{}", ask.guide().ok_or("there is no guide")?);
        run = match ask {
            // Here a person clicks, copies and pastes.
            Ask::Token { guide, .. } => bot.supply(run.id, Token::new(&unify.generate("deploy-bot", &guide)?)?).await?,
            Ask::Deletion { .. } => {
                unify.delete("deploy-bot", "made by hand")?;
                bot.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await?
            }
            other => return Err(format!("nobody can do this here: {other:?}").into()),
        };
    }
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);

    let status = job.trigger(&unify.base(), "FAKE-component").await?;
    let runs = unify.runs();
    assert!(status == 200 && runs.len() == 1 && runs[0].token == job.token().fingerprint() && job.token() != old);
    println!("The new token {} started {} on {}.", runs[0].token, runs[0].file, runs[0].branch);
    Ok(())
}
