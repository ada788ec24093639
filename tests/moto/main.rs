//! The consumer against moto, which speaks the JSON protocol of CodePipeline and is not of our making.
//!
//! Set `TOKENTURN_MOTO_URL` to the address of a `moto_server` on this machine. It shows secrets and stores masks as they
//! stand, so a layer of ours stands before it, with the rule that AWS documents. `TOKENTURN_REQUIRE_SERVERS=1` makes these
//! tests fail where no moto is named.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it where it cannot go on")]

mod layer;

use std::env;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use serde_json::{Value, json};
use tokenturn::consumer::{Consumer, Installation, Slot};
use tokenturn::testing::admitted;
use tokenturn::{Answer, CodePipeline, CodePipelineSources, ErrorKind, Grant, Http, Token};
use url::Url;

use crate::layer::Layer;

const OLD: &str = "ghp_FAKEold1234567890";
const NEW: &str = "ghp_FAKEnew1234567890";
const OTHER: &str = "ghp_FAKEother1234567890";

/// Where moto is; nothing where none is named.
fn moto() -> Option<Url> {
    if let Ok(url) = env::var("TOKENTURN_MOTO_URL") {
        return Some(url.parse().unwrap());
    }
    assert_ne!(env::var("TOKENTURN_REQUIRE_SERVERS").as_deref(), Ok("1"), "TOKENTURN_MOTO_URL is not set");
    // Past the capture of the test harness: who runs the tests should see it.
    let _ = std::io::stderr().write_all(b"skipped: TOKENTURN_MOTO_URL is not set\n");
    None
}

fn name(kind: &str) -> String {
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
    format!("tokenturn-{kind}-{nanos:x}")
}

fn source(name: &str, repository: &str, token: &str) -> Value {
    json!({
        "name": name,
        "actionTypeId": { "category": "Source", "owner": "ThirdParty", "provider": "GitHub", "version": "1" },
        "runOrder": 1,
        "configuration": { "Owner": "acme", "Repo": repository, "Branch": "main", "OAuthToken": token },
        "outputArtifacts": [{ "name": name }],
        "inputArtifacts": [],
    })
}

/// A pipeline of this type with two GitHub sources, made in moto.
async fn create(layer: &Layer, name: &str, kind: &str) {
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": { "Service": "codepipeline.amazonaws.com" },
            "Action": "sts:AssumeRole",
        }],
    });
    layer.create_role(name, &trust.to_string()).await;
    let deploy = json!({
        "name": "Deploy",
        "actionTypeId": { "category": "Deploy", "owner": "AWS", "provider": "S3", "version": "1" },
        "configuration": { "BucketName": "site", "Extract": "true" },
        "inputArtifacts": [{ "name": "GitHub" }],
    });
    let mut pipeline = json!({
        "name": name,
        "roleArn": format!("arn:aws:iam::123456789012:role/{name}"),
        "artifactStore": { "type": "S3", "location": "bucket" },
        "stages": [
            { "name": "Source", "actions": [source("GitHub", "site", OLD), source("Lib", "lib", OTHER)] },
            { "name": "Deploy", "actions": [deploy] },
        ],
        "version": 1,
    });
    if kind == "V2" {
        pipeline["pipelineType"] = "V2".into();
        pipeline["executionMode"] = "QUEUED".into();
        pipeline["variables"] = json!([{ "name": "stage", "defaultValue": "test" }]);
        pipeline["triggers"] = json!([]);
    }
    layer.direct("CreatePipeline", &json!({ "pipeline": pipeline })).await;
}

fn aws(layer: &Layer) -> CodePipeline {
    let http = Http::builder().allow_plain_http_on_loopback().build().unwrap();
    let keys = Credentials::new("AKIAFAKEFAKEFAKEFAKE", "fakeSecretAccessKey", None, None, "test");
    let builder = CodePipeline::in_region(&http, "eu-central-1").credentials(keys);
    builder.endpoint(layer.base()).build().unwrap()
}

async fn turn(sources: &CodePipelineSources, secret: &str) -> Slot {
    let token = Token::new(secret).unwrap();
    let admitted = admitted(&token, Grant::of(&token, "build-bot")).unwrap();
    let slot = sources.preflight().await.unwrap();
    match sources.install(&admitted, &slot).await.unwrap() {
        Installation::Done(slot) => {
            let seen = sources.verify(&admitted, &slot).await.unwrap();
            assert_eq!((seen.works, seen.new), (Answer::Unknown, Answer::Proven), "{seen:?}");
            slot
        }
        Installation::Guided(_) => panic!("nobody is needed"),
    }
}

/// The pipeline as moto has it, past the layer; the tokens of its two sources taken out.
async fn stored(layer: &Layer, name: &str) -> (String, String, Value) {
    let mut all = layer.direct("GetPipeline", &json!({ "name": name })).await["pipeline"].take();
    let mut take = |at: usize| {
        let token = all.pointer_mut(&format!("/stages/0/actions/{at}/configuration/OAuthToken")).unwrap().take();
        token.as_str().unwrap().to_owned()
    };
    let (first, second) = (take(0), take(1));
    (first, second, all)
}

#[tokio::test]
async fn a_token_is_turned_over_and_back_in_pipelines_of_both_types() {
    let Some(moto) = moto() else { return };
    let layer = Layer::start(moto).await;
    for kind in ["V1", "V2"] {
        let name = name(kind);
        create(&layer, &name, kind).await;
        let (_, _, mut before) = stored(&layer, &name).await;
        let sources = aws(&layer).pipeline(&name).action("Source", "GitHub");
        for (turns, secret) in [NEW, OLD].into_iter().enumerate() {
            let slot = turn(&sources, secret).await;
            let (first, second, rest) = stored(&layer, &name).await;
            assert_eq!((first.as_str(), second.as_str()), (secret, OTHER), "{kind}");
            before["version"] = (turns + 2).into();
            assert_eq!(rest, before, "{kind}");
            assert_eq!(slot.detail("installed_version"), Some((turns + 2).to_string().as_str()));
        }
    }
}

#[tokio::test]
async fn pipelines_are_found_and_a_missing_one_is_said_so() {
    let Some(moto) = moto() else { return };
    let layer = Layer::start(moto).await;
    let name = name("found");
    create(&layer, &name, "V2").await;
    let found = aws(&layer).pipelines_of("acme", "lib").await.unwrap();
    let wanted = format!("codepipeline:eu-central-1:{name}:acme/lib");
    assert!(found.pipelines.iter().any(|sources| sources.name() == wanted), "{found:?}");
    let error = aws(&layer).pipeline("tokenturn-no-such").preflight().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
}
