//! The calls of CodePipeline.
//!
//! Source: the service model `codepipeline/2015-07-09`, JSON 1.1 with the target prefix `CodePipeline_20150709`.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::document::Document;
use super::request::{Signer, Unsigned};
use super::wire;
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::http::{Answer, Endpoint, Method};
use crate::token::Token;

/// The most pages of a history that are looked at, of a hundred each, the newest first.
const PAGES: usize = 3;

/// The most pages of a list that must be whole.
const ALL: usize = 1000;

/// CodePipeline in one region, and who asks there.
pub(super) struct Connection {
    pub(super) endpoint: Endpoint,
    /// Where CloudFormation is, as far as that is known.
    pub(super) formation: Option<Endpoint>,
    pub(super) signer: Signer,
}

/// A pipeline as it was at one moment.
pub(super) struct Reading {
    pub(super) document: Document,
    pub(super) arn: Option<String>,
    /// When it was updated, as CodePipeline writes it.
    pub(super) updated: Option<String>,
}

/// What came of one action in one execution.
pub(super) struct ActionRun {
    pub(super) execution: String,
    /// The version of the pipeline that was executed.
    pub(super) version: Option<u64>,
    pub(super) stage: String,
    pub(super) action: String,
    pub(super) status: String,
    /// When it began, in seconds since 1970.
    pub(super) at: f64,
    /// Why it failed, as the far side says it.
    pub(super) said: String,
    /// The same, cleaned.
    pub(super) quoted: Option<String>,
}

impl Connection {
    /// The pipeline as it is, or as it was at a version of the past.
    pub(super) async fn pipeline(&self, name: &str, version: Option<u64>) -> Result<Reading> {
        let mut input = json!({ "name": name });
        if let Some(version) = version {
            input["version"] = version.into();
        }
        let answer = self.read("GetPipeline", &input).await?;
        let got: wire::GotPipeline<'_> = serde_json::from_slice(answer.body())
            .map_err(|_| answer.not_understood("it is not a pipeline as CodePipeline tells it"))?;
        let document = Document::read(got.pipeline)?;
        let metadata = got.metadata;
        let updated = metadata.as_ref().and_then(|metadata| metadata.updated);
        Ok(Reading {
            document,
            updated: updated.map(|raw| raw.get().trim_matches('"').chars().take(40).collect()),
            arn: metadata.and_then(|metadata| metadata.pipeline_arn),
        })
    }

    /// Replaces the pipeline. What it answers is the number of the new version.
    pub(super) async fn update(&self, body: Zeroizing<Vec<u8>>, token: &Token) -> Result<u64> {
        let request = unsigned("UpdatePipeline", body);
        let make = || self.endpoint.call(Method::Post, &[]).carrying(token);
        let answer = self.signer.send(&request, make).await?;
        let updated: wire::Updated = answer.json()?;
        Ok(updated.pipeline.version)
    }

    /// Runs the pipeline. Twice with the same `request` is once.
    pub(super) async fn start(&self, name: &str, request: &str) -> Result<String> {
        let input = json!({ "name": name, "clientRequestToken": request });
        let request = unsigned("StartPipelineExecution", text(&input));
        let answer = self.signer.send(&request, || self.endpoint.call(Method::Post, &[])).await?;
        Ok(answer.json::<wire::Started>()?.pipeline_execution_id)
    }

    /// The names of all pipelines of the region.
    pub(super) async fn names(&self) -> Result<Vec<String>> {
        let (mut names, mut next) = (Vec::new(), None);
        for _ in 0..ALL {
            let page: wire::Listed = self.page("ListPipelines", json!({}), next.as_deref()).await?;
            names.extend(page.pipelines.into_iter().map(|pipeline| pipeline.name));
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(names)
    }

    pub(super) async fn state(&self, name: &str) -> Result<(wire::PipelineState, Answer)> {
        let answer = self.read("GetPipelineState", &json!({ "name": name })).await?;
        Ok((answer.json()?, answer))
    }

    /// The newest executions, whatever became of them.
    pub(super) async fn executions(&self, name: &str) -> Result<Vec<wire::ExecutionSummary>> {
        let (mut all, mut next) = (Vec::new(), None);
        for _ in 0..PAGES {
            let input = json!({ "pipelineName": name, "maxResults": 100 });
            let page: wire::Executions = self.page("ListPipelineExecutions", input, next.as_deref()).await?;
            all.extend(page.pipeline_execution_summaries);
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(all)
    }

    /// What came of the newest actions, or of those of one execution.
    pub(super) async fn action_runs(&self, name: &str, execution: Option<&str>) -> Result<Vec<ActionRun>> {
        let (mut all, mut next) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let mut input = json!({ "pipelineName": name, "maxResults": 100 });
            if let Some(id) = execution {
                input["filter"] = json!({ "pipelineExecutionId": id });
            }
            let answer = self.read("ListActionExecutions", &continued(input, next.as_deref())).await?;
            let page: wire::ActionExecutions = answer.json()?;
            all.extend(page.action_execution_details.into_iter().map(|detail| ActionRun::of(detail, &answer)));
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(all)
    }

    pub(super) async fn tags(&self, arn: &str) -> Result<Vec<wire::Tag>> {
        let (mut all, mut next) = (Vec::new(), None);
        for _ in 0..PAGES {
            let page: wire::Tags =
                self.page("ListTagsForResource", json!({ "resourceArn": arn }), next.as_deref()).await?;
            all.extend(page.tags);
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        Ok(all)
    }

    async fn page<T: DeserializeOwned>(&self, operation: &str, input: Value, next: Option<&str>) -> Result<T> {
        self.read(operation, &continued(input, next)).await?.json()
    }

    async fn read(&self, operation: &str, input: &Value) -> Result<Answer> {
        let request = unsigned(operation, text(input));
        self.signer.send(&request, || self.endpoint.call(Method::Post, &[]).reading()).await
    }
}

impl ActionRun {
    fn of(detail: wire::ActionExecutionDetail, answer: &Answer) -> Self {
        let result = detail.output.and_then(|output| output.execution_result);
        let (summary, details) =
            result.map(|result| (result.external_execution_summary, result.error_details)).unwrap_or_default();
        let said = said(summary, details);
        Self {
            execution: detail.pipeline_execution_id,
            version: detail.pipeline_version,
            stage: detail.stage_name,
            action: detail.action_name,
            status: detail.status,
            at: detail.start_time.unwrap_or_default(),
            quoted: answer.quotable(&said),
            said,
        }
    }
}

/// Why an action failed: wherever CodePipeline says it.
pub(super) fn said(summary: Option<String>, details: Option<wire::ErrorDetails>) -> String {
    let (code, message) = details.map(|details| (details.code, details.message)).unwrap_or_default();
    [code, message, summary].into_iter().flatten().collect::<Vec<_>>().join(": ")
}

/// After a write that was taken, whatever fails leaves open what became of it.
pub(super) fn after_write(error: Error) -> Error {
    error.with_effect(Effect::Unknown)
}

/// Names of pipelines, stages and actions. Source: `PipelineName` of the service model.
pub(super) fn check_name(name: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".@-_".contains(&byte);
    if (1..=100).contains(&name.len()) && name.bytes().all(plain) {
        return Ok(());
    }
    let text = "a pipeline's name has 1 to 100 letters, digits and . @ - _: correct it";
    Err(Error::new(ErrorKind::InvalidInput, text))
}

fn unsigned(operation: &str, body: Zeroizing<Vec<u8>>) -> Unsigned {
    Unsigned {
        service: "codepipeline",
        content_type: "application/x-amz-json-1.1",
        target: Some(format!("CodePipeline_20150709.{operation}")),
        body,
    }
}

fn continued(mut input: Value, next: Option<&str>) -> Value {
    if let Some(next) = next {
        input["nextToken"] = next.into();
    }
    input
}

fn text(input: &Value) -> Zeroizing<Vec<u8>> {
    Zeroizing::new(input.to_string().into_bytes())
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.endpoint.base(), self.signer.region)
    }
}
