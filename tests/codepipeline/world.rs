//! A CodePipeline with pipelines in it, and what the engine would hand to their consumers.

use std::time::Duration;

use serde_json::{Value, json};
use tokenturn::consumer::{Consumer, Installation, Slot};
use tokenturn::testing::{CodePipelineFake, admitted};
use tokenturn::{
    AdmittedToken, CodePipeline, CodePipelineSources, Effect, Error, ErrorKind, Grant, Http, HttpBuilder, Token,
};

pub(crate) const OLD: &str = "ghp_FAKEold1234567890";
pub(crate) const NEW: &str = "ghp_FAKEnew1234567890";
/// What the other source logs in with.
pub(crate) const OTHER: &str = "ghp_FAKEother1234567890";
/// Where the branch of the first source stands.
pub(crate) const BRANCH: &str = "/stages/0/actions/0/configuration/Branch";

pub(crate) struct World {
    pub(crate) fake: CodePipelineFake,
    pub(crate) aws: CodePipeline,
}

pub(crate) fn http() -> HttpBuilder {
    Http::builder().allow_plain_http_on_loopback().timeout(Duration::from_millis(700))
}

pub(crate) fn action(name: &str, kind: [&str; 3], configuration: impl Into<Value>) -> Value {
    let configuration: Value = configuration.into();
    let [category, owner, provider] = kind;
    json!({
        "name": name,
        "actionTypeId": { "category": category, "owner": owner, "provider": provider, "version": "1" },
        "configuration": configuration,
        "runOrder": 1,
    })
}

pub(crate) fn github(name: &str, repository: &str, token: &str) -> Value {
    let configuration = json!({ "Owner": "acme", "Repo": repository, "Branch": "main", "OAuthToken": token, "PollForSourceChanges": "false" });
    action(name, ["Source", "ThirdParty", "GitHub"], configuration)
}

pub(crate) fn connection(name: &str) -> Value {
    action(
        name,
        ["Source", "AWS", "CodeStarSourceConnection"],
        json!({ "ConnectionArn": "arn:x", "FullRepositoryId": "a/b" }),
    )
}

pub(crate) fn deploy() -> Value {
    action("Deploy", ["Deploy", "AWS", "S3"], json!({ "BucketName": "site" }))
}

pub(crate) fn approval() -> Value {
    action("Agree", ["Approval", "AWS", "Manual"], json!({}))
}

/// A pipeline of these sources, with these actions in a second stage, and with parts that nobody here knows.
pub(crate) fn pipeline(name: &str, sources: &[Value], then: &[Value]) -> String {
    json!({
        "name": name,
        "roleArn": "arn:aws:iam::111122223333:role/pipeline",
        "artifactStore": { "type": "S3", "location": "bucket" },
        "stages": [
            { "name": "Source", "actions": sources, "onFailure": { "result": "ROLLBACK" } },
            { "name": "Then", "actions": then },
        ],
        "executionMode": "QUEUED",
        "pipelineType": "V2",
        "x-future": { "a": [1, 2, { "b": null }] },
    })
    .to_string()
}

impl World {
    /// With the pipeline `site`: a source with the token in question, a source with another, and a deployment.
    pub(crate) async fn start() -> Self {
        let fake = CodePipelineFake::start().await.unwrap();
        let sources = [github("GitHub", "site", OLD), github("Lib", "lib", OTHER)];
        fake.put(&pipeline("site", &sources, &[deploy()])).unwrap();
        let aws = aws(&fake);
        Self { fake, aws }
    }

    /// The source of `site` that has the token in question.
    pub(crate) fn site(&self) -> CodePipelineSources {
        self.aws.pipeline("site").action("Source", "GitHub")
    }

    pub(crate) fn stored(&self) -> Option<String> {
        self.fake.token_of("site", "Source", "GitHub")
    }

    /// How many calls there were of this operation.
    pub(crate) fn count(&self, operation: &str) -> usize {
        self.fake.seen().iter().filter(|seen| seen.line == format!("POST / {operation}")).count()
    }
}

pub(crate) fn aws(fake: &CodePipelineFake) -> CodePipeline {
    let http = http().build().unwrap();
    let builder = CodePipeline::in_region(&http, CodePipelineFake::REGION).credentials(fake.credentials());
    builder.endpoint(fake.base()).cloudformation_endpoint(fake.base()).build().unwrap()
}

pub(crate) fn token(secret: &str) -> AdmittedToken {
    let token = Token::new(secret).unwrap();
    admitted(&token, Grant::of(&token, "build-bot")).unwrap()
}

/// Preflight and install, as the engine does it.
pub(crate) async fn turn(sources: &CodePipelineSources, secret: &str) -> Slot {
    let slot = sources.preflight().await.unwrap();
    install(sources, secret, &slot).await.unwrap()
}

pub(crate) async fn install(sources: &CodePipelineSources, secret: &str, slot: &Slot) -> Result<Slot, Error> {
    match sources.install(&token(secret), slot).await? {
        Installation::Done(slot) => Ok(slot),
        Installation::Guided(_) => panic!("nobody is needed"),
    }
}

/// The error is of this kind and effect, says these words, and gives nothing away.
#[track_caller]
pub(crate) fn assert_error(error: &Error, kind: ErrorKind, effect: Effect, words: &str) {
    let text = format!("{error} {error:?}");
    assert_eq!((error.kind(), error.effect()), (kind, effect), "{text}");
    assert!(text.contains(words), "no \"{words}\" in: {text}");
    for secret in ["FAKEnew", "FAKEold", "FAKEother", "fakeSecret", "fakeSession"] {
        assert!(!text.contains(secret), "{text}");
    }
}
