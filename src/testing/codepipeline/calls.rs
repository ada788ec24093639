//! From a request to an answer.

use serde_json::{Value, json};

use super::super::server::{Reply, Request};
use super::executions::{Execution, Run};
use super::state::{Pipeline, State};
use super::{edit, reply, signature};

/// What a request asks for.
pub(super) fn operation(request: &Request) -> Option<String> {
    match request.header("x-amz-target") {
        Some(target) => target.strip_prefix("CodePipeline_20150709.").map(str::to_owned),
        None => request.field("Action"),
    }
}

type Answered = Result<Value, (&'static str, String)>;

pub(super) fn answer(state: &mut State, request: &Request) -> Reply {
    let operation = operation(request).unwrap_or_default();
    let formation = request.header("x-amz-target").is_none();
    let (expected, refuse): (_, fn(&str, &str) -> Reply) = if formation {
        ("cloudformation", |named, text| reply::xml_refusal(named.trim_end_matches("Exception"), text))
    } else {
        ("codepipeline", reply::refusal)
    };
    match signature::admit(state, request) {
        Ok(service) if service == expected => {}
        Ok(_) => return refuse("InvalidSignatureException", "Credential should be scoped to correct service."),
        Err((named, text)) => return refuse(named, &text),
    }
    if let Some(left) = state.throttled.get_mut(&operation).filter(|left| **left > 0) {
        *left -= 1;
        return refuse("ThrottlingException", "Rate exceeded");
    }
    let right = format!("{expected}:{operation}");
    if state.denied.contains(&right) {
        let text = format!(
            "User: arn:aws:iam::111122223333:user/rotator is not authorized to perform: {right} on resource: * because no \
             identity-based policy allows the {right} action"
        );
        return refuse("AccessDeniedException", &text);
    }
    if formation {
        return stack(state, request, &operation);
    }
    let Ok(input) = serde_json::from_slice::<Value>(&request.body) else {
        return refuse("SerializationException", "");
    };
    match call(state, &operation, &input) {
        Ok(output) => reply::json(&output),
        Err((named, text)) => refuse(named, &text),
    }
}

fn stack(state: &State, request: &Request, operation: &str) -> Reply {
    let id = request.field("PhysicalResourceId").unwrap_or_default();
    match state.stacks.get(&id) {
        _ if operation != "DescribeStackResources" => reply::xml_refusal("InvalidAction", "no such action"),
        Some(stack) => reply::stack(stack, &id),
        None => reply::xml_refusal("ValidationError", &format!("Stack for {id} does not exist")),
    }
}

fn call(state: &mut State, operation: &str, input: &Value) -> Answered {
    let text = |key: &str| input.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    match operation {
        "GetPipeline" => get(state, &text("name"), input.get("version").and_then(Value::as_u64)),
        "UpdatePipeline" => update(state, input),
        "ListPipelines" => {
            let entry = |(name, pipeline): (&String, &Pipeline)| json!({ "name": name, "version": pipeline.version(), "created": pipeline.created });
            let all = state.pipelines.iter().map(entry).collect();
            Ok(page(state, "pipelines", all, input))
        }
        "GetPipelineState" => Ok(state_of(&text("name"), find(state, &text("name"))?)),
        "ListPipelineExecutions" => {
            let entry = |execution: &Execution| json!({ "pipelineExecutionId": execution.id, "status": execution.status, "startTime": 1_800_000_000.0 });
            let all = find(state, &text("pipelineName"))?.executions.iter().rev().map(entry).collect();
            Ok(page(state, "pipelineExecutionSummaries", all, input))
        }
        "ListActionExecutions" => {
            let name = text("pipelineName");
            find(state, &name)?;
            state.looked(&name);
            let only = input.pointer("/filter/pipelineExecutionId").and_then(Value::as_str);
            let executions = find(state, &name)?.executions.iter().rev();
            let runs = executions
                .filter(|execution| only.is_none_or(|id| id == execution.id))
                .flat_map(|execution| execution.runs.iter().rev().map(|run| detail(execution, run)));
            let all = runs.collect();
            Ok(page(state, "actionExecutionDetails", all, input))
        }
        "StartPipelineExecution" => {
            let name = text("name");
            find(state, &name)?;
            let request = text("clientRequestToken");
            let id = match state.started.get(&request) {
                Some(id) if !request.is_empty() => id.clone(),
                _ => state.run(&name).unwrap_or_default(),
            };
            state.started.insert(request, id.clone());
            Ok(json!({ "pipelineExecutionId": id }))
        }
        "ListTagsForResource" => {
            let arn = text("resourceArn");
            let name = arn.rsplit(':').next().unwrap_or_default();
            let Some(pipeline) = state.pipelines.get(name) else {
                return Err(("ResourceNotFoundException", "Resource not found".to_owned()));
            };
            let all = pipeline.tags.iter().map(|(key, value)| json!({ "key": key, "value": value })).collect();
            Ok(page(state, "tags", all, input))
        }
        _ => Err(("UnknownOperationException", String::new())),
    }
}

fn find<'a>(state: &'a State, name: &str) -> Result<&'a Pipeline, (&'static str, String)> {
    state.pipelines.get(name).ok_or_else(|| {
        let text = format!("Account '111122223333' does not have a pipeline with name '{name}'");
        ("PipelineNotFoundException", text)
    })
}

fn get(state: &State, name: &str, version: Option<u64>) -> Answered {
    let pipeline = find(state, name)?;
    let at = version.unwrap_or(pipeline.version()).checked_sub(1).and_then(|at| usize::try_from(at).ok());
    let Some(declaration) = at.and_then(|at| pipeline.versions.get(at)) else {
        return Err(("PipelineVersionNotFoundException", "The version does not exist".to_owned()));
    };
    Ok(json!({
        "metadata": {
            "created": pipeline.created,
            "pipelineArn": format!("arn:aws:codepipeline:{}:111122223333:{name}", super::CodePipelineFake::REGION),
            "updated": pipeline.updated,
        },
        "pipeline": edit::masked(declaration),
    }))
}

fn update(state: &mut State, input: &Value) -> Answered {
    if input.as_object().is_none_or(|members| members.keys().any(|key| key != "pipeline")) {
        return Err(("ValidationException", "The input has a member that is not known".to_owned()));
    }
    let sent = &input["pipeline"];
    let name = sent.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    find(state, &name)?;
    if let Some(refused) = edit::refused(sent) {
        return Err(refused);
    }
    for (name, pointer, value) in std::mem::take(&mut state.before_update) {
        state.edit(&name, &pointer, value);
    }
    let now = state.tick();
    let mut written = Value::Null;
    if let Some(pipeline) = state.pipelines.get_mut(&name) {
        pipeline.push(edit::merged(pipeline.current(), sent), now);
        written = edit::masked(pipeline.current());
    }
    state.denied.extend(state.denied_after_update.take());
    for (name, pointer, value) in std::mem::take(&mut state.after_update) {
        state.edit(&name, &pointer, value);
    }
    Ok(json!({ "pipeline": written }))
}

/// The newest execution that has reached each stage.
fn state_of(name: &str, pipeline: &Pipeline) -> Value {
    let stages = pipeline.current().get("stages").and_then(Value::as_array).cloned().unwrap_or_default();
    let stages = stages.iter().map(|stage| {
        let stage_name = stage.get("name").and_then(Value::as_str).unwrap_or_default();
        let reached = |execution: &&Execution| execution.runs.iter().any(|run| run.stage == stage_name);
        let Some(execution) = pipeline.executions.iter().rev().find(reached) else {
            return json!({ "stageName": stage_name, "actionStates": [] });
        };
        let runs = execution.runs.iter().filter(|run| run.stage == stage_name);
        let status = ["Failed", "InProgress", "Abandoned"].into_iter().find(|s| runs.clone().any(|r| r.status == *s));
        let status = match status {
            Some("Abandoned") => "Cancelled",
            other => other.unwrap_or("Succeeded"),
        };
        let actions: Vec<Value> = runs.map(action_state).collect();
        json!({
            "stageName": stage_name,
            "latestExecution": { "pipelineExecutionId": execution.id, "status": status },
            "actionStates": actions,
        })
    });
    json!({ "pipelineName": name, "pipelineVersion": pipeline.version(), "stageStates": stages.collect::<Vec<_>>() })
}

fn action_state(run: &Run) -> Value {
    let mut latest = json!({ "actionExecutionId": run.id, "status": run.status, "lastStatusChange": run.at });
    if run.waits_for_approval() {
        latest["token"] = "fake-approval-token".into();
    }
    if let Some((code, message)) = &run.failure {
        latest["errorDetails"] = json!({ "code": code, "message": message });
    }
    json!({ "actionName": run.action, "latestExecution": latest })
}

fn detail(execution: &Execution, run: &Run) -> Value {
    let mut result = json!({});
    if let Some((code, message)) = &run.failure {
        result = json!({ "externalExecutionSummary": message, "errorDetails": { "code": code, "message": message } });
    }
    json!({
        "pipelineExecutionId": execution.id,
        "actionExecutionId": run.id,
        "pipelineVersion": execution.version,
        "stageName": run.stage,
        "actionName": run.action,
        "startTime": run.at,
        "lastUpdateTime": run.at,
        "status": run.status,
        "input": { "actionTypeId": run.kind },
        "output": { "executionResult": result },
    })
}

/// One page of a list; the token of the next is where it begins.
fn page(state: &State, key: &str, all: Vec<Value>, input: &Value) -> Value {
    let from = input.get("nextToken").and_then(Value::as_str).and_then(|at| at.parse().ok()).unwrap_or(0_usize);
    let asked = input.get("maxResults").and_then(Value::as_u64).and_then(|most| usize::try_from(most).ok());
    let size = asked.unwrap_or(state.page).min(state.page);
    let (whole, rest) = (all.len(), all.into_iter().skip(from).take(size));
    let mut answer = json!({ key: rest.collect::<Vec<_>>() });
    if from + size < whole {
        answer["nextToken"] = (from + size).to_string().into();
    }
    answer
}
