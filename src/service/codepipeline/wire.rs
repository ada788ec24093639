//! What CodePipeline answers, as far as it is read.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

/// Source: `GetPipelineOutput` of the service model. Of a pipeline the text is kept as it came.
#[derive(Deserialize)]
pub(super) struct GotPipeline<'a> {
    #[serde(borrow)]
    pub(super) pipeline: &'a RawValue,
    #[serde(borrow, default)]
    pub(super) metadata: Option<Metadata<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Metadata<'a> {
    pub(super) pipeline_arn: Option<String>,
    #[serde(borrow, default)]
    pub(super) updated: Option<&'a RawValue>,
}

#[derive(Deserialize)]
pub(super) struct Updated {
    pub(super) pipeline: UpdatedPipeline,
}

#[derive(Deserialize)]
pub(super) struct UpdatedPipeline {
    pub(super) version: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Listed {
    #[serde(default)]
    pub(super) pipelines: Vec<ListedPipeline>,
    pub(super) next_token: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct ListedPipeline {
    pub(super) name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PipelineState {
    #[serde(default)]
    pub(super) stage_states: Vec<StageState>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StageState {
    pub(super) stage_name: String,
    pub(super) latest_execution: Option<StageExecution>,
    #[serde(default)]
    pub(super) action_states: Vec<ActionState>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct StageExecution {
    pub(super) pipeline_execution_id: String,
    pub(super) status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActionState {
    pub(super) action_name: String,
    pub(super) latest_execution: Option<ActionExecution>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActionExecution {
    pub(super) status: Option<String>,
    pub(super) summary: Option<String>,
    pub(super) last_status_change: Option<f64>,
    /// There while the action waits for an approval. It approves, so it is not kept.
    pub(super) token: Option<IgnoredAny>,
    pub(super) error_details: Option<ErrorDetails>,
}

#[derive(Deserialize)]
pub(super) struct ErrorDetails {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Executions {
    #[serde(default)]
    pub(super) pipeline_execution_summaries: Vec<ExecutionSummary>,
    pub(super) next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExecutionSummary {
    pub(super) pipeline_execution_id: String,
    pub(super) status: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActionExecutions {
    #[serde(default)]
    pub(super) action_execution_details: Vec<ActionExecutionDetail>,
    pub(super) next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActionExecutionDetail {
    pub(super) pipeline_execution_id: String,
    pub(super) pipeline_version: Option<u64>,
    pub(super) stage_name: String,
    pub(super) action_name: String,
    pub(super) status: String,
    pub(super) start_time: Option<f64>,
    pub(super) output: Option<ActionOutput>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ActionOutput {
    pub(super) execution_result: Option<ExecutionResult>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExecutionResult {
    pub(super) external_execution_summary: Option<String>,
    pub(super) error_details: Option<ErrorDetails>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Started {
    pub(super) pipeline_execution_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Tags {
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
    pub(super) next_token: Option<String>,
}

#[derive(Deserialize)]
pub(super) struct Tag {
    pub(super) key: String,
    pub(super) value: String,
}
