//! Where tokens are used: a small place of its own kind, and pipelines in the dialect of AWS CodePipeline. Both write to the
//! same places.

use serde_json::{Value, json};
use tokenturn_compare::mark;

use super::Asked;
use super::answer::Answer;
use super::state::State;

/// `GET` reads the version, `PUT` writes where that is still so, `POST` tries the token that is there.
pub(crate) fn answer(state: &mut State, asked: &Asked, path: &[&str]) -> (String, Answer) {
    let [credential, number] = path else {
        return ("something else".to_owned(), Answer::empty(404));
    };
    let Some(place) = state.place(credential, number) else {
        return ("something else".to_owned(), Answer::empty(404));
    };
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    match asked.method.as_str() {
        "GET" => (format!("read place {number}"), Answer::json(200, &json!({"version": place.version}))),
        "PUT" => {
            let step = format!("write place {number}");
            if body["version"].as_u64().is_some_and(|expected| expected != place.version) {
                return (step, Answer::json(412, &json!({"version": place.version})));
            }
            let Some(token) = body["token"].as_str() else {
                return (step, Answer::empty(400));
            };
            token.clone_into(&mut place.holds);
            place.version += 1;
            (step, Answer::json(200, &json!({"version": place.version})))
        }
        "POST" => {
            let (holds, version) = (place.holds.clone(), place.version);
            let body = json!({"works": state.lives(&holds), "holds": mark(&holds), "version": version});
            (format!("try place {number}"), Answer::json(200, &body))
        }
        _ => ("something else".to_owned(), Answer::empty(405)),
    }
}

/// A pipeline is called as its credential and place are: `bot-7-0`. Its token is masked when it is read, and an update
/// replaces the whole.
pub(crate) fn pipeline(state: &mut State, asked: &Asked, target: &str) -> (String, Answer) {
    let body: Value = serde_json::from_slice(&asked.body).unwrap_or_default();
    let (call, name) = match target.rsplit('.').next() {
        Some("GetPipeline") => ("GetPipeline", body["name"].as_str()),
        Some("UpdatePipeline") => ("UpdatePipeline", body["pipeline"]["name"].as_str()),
        _ => ("something else", None),
    };
    let found =
        name.and_then(|name| name.rsplit_once('-')).and_then(|(credential, place)| state.place(credential, place));
    let (Some(place), Some(name)) = (found, name) else {
        let body = json!({"__type": "PipelineNotFoundException", "message": "there is no such pipeline"});
        return (call.to_owned(), Answer::aws(400, &body));
    };
    if call == "UpdatePipeline" {
        let token = body["pipeline"]["stages"][0]["actions"][0]["configuration"]["OAuthToken"].as_str();
        let Some(token) = token.filter(|token| *token != "****") else {
            let body = json!({"__type": "ValidationException", "message": "the action needs a token"});
            return (call.to_owned(), Answer::aws(400, &body));
        };
        token.clone_into(&mut place.holds);
        place.version += 1;
    }
    let pipeline = structure(name, place.version);
    let answer = match call {
        "GetPipeline" => {
            json!({"pipeline": pipeline, "metadata": {"pipelineArn": format!("arn:aws:codepipeline:eu-central-1:000000000000:{name}")}})
        }
        _ => json!({"pipeline": pipeline}),
    };
    (call.to_owned(), Answer::aws(200, &answer))
}

fn structure(name: &str, version: u64) -> Value {
    let id = |category: &str, owner: &str, provider: &str| json!({"category": category, "owner": owner, "provider": provider, "version": "1"});
    json!({
        "name": name, "version": version, "roleArn": "arn:aws:iam::000000000000:role/pipeline",
        "artifactStore": {"type": "S3", "location": "artifacts"},
        "stages": [
            {"name": "Source", "actions": [{"name": "Source", "actionTypeId": id("Source", "ThirdParty", "GitHub"), "runOrder": 1,
                "configuration": {"Owner": "acme", "Repo": "site", "Branch": "main", "OAuthToken": "****"},
                "outputArtifacts": [{"name": "source"}], "inputArtifacts": []}]},
            {"name": "Build", "actions": [{"name": "Build", "actionTypeId": id("Build", "AWS", "CodeBuild"), "runOrder": 1,
                "configuration": {"ProjectName": "site"}, "outputArtifacts": [], "inputArtifacts": [{"name": "source"}]}]}
        ]
    })
}
