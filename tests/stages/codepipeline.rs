//! An AWS CodePipeline with a pipeline of two GitHub sources, of which one is ours.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokenturn::consumer::Consumer;
use tokenturn::testing::consumer::{FarSide, NotApplicable};
use tokenturn::testing::{CodePipelineFake, Trouble, admitted};
use tokenturn::{AdmittedToken, CodePipeline, CodePipelineSources, Fingerprint, Grant, Result, Token};

use super::http;

const PIPELINE: &str = "site";
const OTHERS: &str = "ghp_FAKEofTheOtherSource1";

/// What is chosen of the consumer.
type Chosen = fn(CodePipelineSources) -> CodePipelineSources;

/// One source of a pipeline, and another beside it.
pub(crate) struct PipelinePlace {
    fake: CodePipelineFake,
    old: AdmittedToken,
    new: AdmittedToken,
    chosen: Chosen,
    /// Somebody else runs it, and the consumer does not.
    runs_by_itself: bool,
    edits: AtomicUsize,
}

/// A pipeline that the consumer does not start.
pub(crate) async fn quiet() -> Result<PipelinePlace> {
    PipelinePlace::start(|sources| sources, true).await
}

/// A pipeline that is run as the proof.
pub(crate) async fn started() -> Result<PipelinePlace> {
    PipelinePlace::start(|sources| sources.start_execution_within(Duration::from_secs(10)), false).await
}

fn source(name: &str, repository: &str, token: &str) -> Value {
    json!({
        "name": name, "runOrder": 1, "x-future": 1.0,
        "actionTypeId": { "category": "Source", "owner": "ThirdParty", "provider": "GitHub", "version": "1" },
        "configuration": { "Owner": "acme", "Repo": repository, "Branch": "main", "OAuthToken": token },
    })
}

fn pipeline(token: &str) -> String {
    json!({
        "name": PIPELINE,
        "roleArn": "arn:aws:iam::111122223333:role/pipeline",
        "stages": [
            { "name": "Source", "actions": [source("Ours", "site", token), source("Theirs", "lib", OTHERS)] },
            { "name": "Deploy", "actions": [{ "name": "S3",
                "actionTypeId": { "category": "Deploy", "owner": "AWS", "provider": "S3", "version": "1" },
                "configuration": { "BucketName": "acme-site" } }] },
        ],
        "x-future": { "kept": [1, 2, { "as": "it was" }] },
    })
    .to_string()
}

impl PipelinePlace {
    async fn start(chosen: Chosen, runs_by_itself: bool) -> Result<Self> {
        let fake = CodePipelineFake::start().await?;
        let [old, new] = ["ghp_FAKEpipelineOld123456", "ghp_FAKEpipelineNew123456"].map(Token::new);
        let (old, new) = (old?, new?);
        for token in [old.expose(), new.expose(), OTHERS] {
            fake.accept_token(token);
        }
        fake.put(&pipeline(old.expose()))?;
        let of = |token: &Token| admitted(token, Grant::of(token, "build-bot"));
        Ok(Self { old: of(&old)?, new: of(&new)?, fake, chosen, runs_by_itself, edits: AtomicUsize::new(0) })
    }
}

#[async_trait]
impl FarSide for PipelinePlace {
    fn consumer(&self) -> Arc<dyn Consumer> {
        let aws = CodePipeline::in_region(&http(), CodePipelineFake::REGION).endpoint(self.fake.base());
        let aws = aws.credentials(self.fake.credentials()).build().unwrap();
        Arc::new((self.chosen)(aws.pipeline(PIPELINE).action("Source", "Ours")))
    }

    fn old_token(&self) -> AdmittedToken {
        self.old.clone()
    }

    fn new_token(&self) -> AdmittedToken {
        self.new.clone()
    }

    async fn stored(&self) -> Result<Option<Fingerprint>, NotApplicable> {
        let secret = self.fake.token_of(PIPELINE, "Source", "Ours");
        Ok(secret.and_then(|secret| Token::new(&secret).ok()).map(|token| token.fingerprint()))
    }

    async fn rest(&self) -> Result<String, NotApplicable> {
        let other = self.fake.token_of(PIPELINE, "Source", "Theirs");
        Ok(format!("{other:?} {}", self.fake.rest_of(PIPELINE).unwrap_or_default()))
    }

    async fn change(&self) -> Result<(), NotApplicable> {
        let edit = self.edits.fetch_add(1, Ordering::Relaxed);
        self.fake.edit(PIPELINE, "/stages/1/actions/0/configuration/BucketName", json!(format!("bucket-{edit}")));
        Ok(())
    }

    async fn trouble(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.fake.trouble("UpdatePipeline", trouble);
        Ok(())
    }

    async fn trap(&self, trouble: Trouble) -> Result<(), NotApplicable> {
        self.fake.trouble("", trouble);
        Ok(())
    }

    async fn refuse_login(&self) -> Result<(), NotApplicable> {
        self.fake.refuse_login(true);
        Ok(())
    }

    async fn throttle(&self, _: Duration) -> Result<Duration, NotApplicable> {
        // AWS does not say how long.
        self.fake.throttle("UpdatePipeline", 1);
        Ok(Duration::ZERO)
    }

    async fn unplug(&self) -> Result<(), NotApplicable> {
        self.fake.stop();
        Ok(())
    }

    async fn kill(&self, token: &AdmittedToken) -> Result<(), NotApplicable> {
        self.fake.refuse_token(token.token().expose());
        if self.runs_by_itself {
            // What ran before logged in while the token lived.
            self.fake.run(PIPELINE).ok_or_else(|| NotApplicable::because("the pipeline is not there"))?;
        }
        Ok(())
    }

    async fn writes(&self) -> Result<usize, NotApplicable> {
        Ok(self.fake.writes())
    }

    fn requests(&self) -> Option<u64> {
        Some(super::sent())
    }

    fn secrets(&self) -> Vec<String> {
        self.fake.secrets()
    }
}
