//! What runs: sources that log in, approvals that wait.

use serde_json::Value;

use super::state::State;

/// One execution.
pub(super) struct Execution {
    pub(super) id: String,
    pub(super) version: u64,
    pub(super) status: &'static str,
    pub(super) runs: Vec<Run>,
    /// So many looks until the sources are done.
    looks: u32,
}

/// One action of an execution.
pub(super) struct Run {
    pub(super) id: String,
    pub(super) stage: String,
    pub(super) action: String,
    pub(super) kind: Value,
    pub(super) status: &'static str,
    pub(super) at: f64,
    /// Why it failed.
    pub(super) failure: Option<(String, String)>,
}

impl Run {
    fn category(&self) -> &str {
        self.kind.get("category").and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn waits_for_approval(&self) -> bool {
        self.category() == "Approval" && self.status == "InProgress"
    }
}

impl Execution {
    /// The pipeline is updated: what runs is completed as far as it is, and goes no further.
    pub(super) fn cancel(&mut self) {
        if self.status == "InProgress" {
            self.status = "Cancelled";
            self.runs.iter_mut().filter(|run| run.status == "InProgress").for_each(|run| run.status = "Abandoned");
        }
    }
}

impl State {
    /// Begins an execution of the pipeline as it is.
    pub(super) fn run(&mut self, name: &str) -> Option<String> {
        let (id, looks) = (self.id(), self.looks);
        let pipeline = self.pipelines.get_mut(name)?;
        let version = pipeline.version();
        pipeline.executions.push(Execution { id: id.clone(), version, status: "InProgress", runs: Vec::new(), looks });
        self.go_on(name);
        Some(id)
    }

    /// Somebody looks at the actions of a pipeline.
    pub(super) fn looked(&mut self, name: &str) {
        if let Some(pipeline) = self.pipelines.get_mut(name) {
            pipeline.executions.iter_mut().for_each(|execution| execution.looks = execution.looks.saturating_sub(1));
        }
        self.go_on(name);
    }

    pub(super) fn approve(&mut self, name: &str) {
        self.settle(name, true);
    }

    pub(super) fn finish(&mut self, name: &str) {
        self.holding = false;
        self.settle(name, false);
    }

    pub(super) fn fail_sources(&mut self, name: &str, code: &str, message: &str) {
        let Some(pipeline) = self.pipelines.get_mut(name) else { return };
        let Some(execution) = pipeline.executions.last_mut() else { return };
        execution.status = "Failed";
        for run in execution.runs.iter_mut().filter(|run| run.category() == "Source") {
            run.status = "Failed";
            run.failure = Some((code.to_owned(), message.to_owned()));
        }
    }

    /// What runs succeeds: approvals, or all the rest.
    fn settle(&mut self, name: &str, approvals: bool) {
        let Some(pipeline) = self.pipelines.get_mut(name) else { return };
        for execution in pipeline.executions.iter_mut().filter(|execution| execution.status == "InProgress") {
            let running = execution.runs.iter_mut().filter(|run| run.status == "InProgress");
            running.filter(|run| (run.category() == "Approval") == approvals).for_each(|run| run.status = "Succeeded");
        }
        self.go_on(name);
    }

    /// Every execution goes as far as it can.
    fn go_on(&mut self, name: &str) {
        let Some(mut executions) =
            self.pipelines.get_mut(name).map(|pipeline| std::mem::take(&mut pipeline.executions))
        else {
            return;
        };
        for execution in executions.iter_mut().filter(|execution| execution.status == "InProgress") {
            self.advance(name, execution);
        }
        if let Some(pipeline) = self.pipelines.get_mut(name) {
            pipeline.executions = executions;
        }
    }

    fn advance(&mut self, name: &str, execution: &mut Execution) {
        let list = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |value: &Value| value.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        let declaration = self.pipelines.get(name).map(|pipeline| pipeline.current().clone()).unwrap_or_default();
        for stage in list(&declaration, "stages") {
            let stage_name = text(&stage);
            for action in list(&stage, "actions") {
                self.act(execution, &stage_name, &text(&action), &action);
            }
            let runs = execution.runs.iter().filter(|run| run.stage == stage_name);
            if runs.clone().any(|run| run.status == "Failed") {
                execution.status = "Failed";
                return;
            }
            if runs.clone().any(|run| run.status == "InProgress") {
                return;
            }
        }
        execution.status = "Succeeded";
    }

    fn act(&mut self, execution: &mut Execution, stage: &str, name: &str, action: &Value) {
        let at = self.tick();
        let known = execution.runs.iter().position(|run| run.stage == stage && run.action == name);
        let index = known.unwrap_or_else(|| {
            execution.runs.push(Run {
                id: format!("run-{at}"),
                stage: stage.to_owned(),
                action: name.to_owned(),
                kind: action.get("actionTypeId").cloned().unwrap_or_default(),
                status: "InProgress",
                at,
                failure: None,
            });
            execution.runs.len() - 1
        });
        let waits = execution.looks > 0;
        let run = &mut execution.runs[index];
        if run.status != "InProgress" {
            return;
        }
        match run.category() {
            "Source" if waits => {}
            "Source" => {
                let token = action.pointer("/configuration/OAuthToken").and_then(Value::as_str);
                if token.is_none_or(|token| self.takes(token)) {
                    run.status = "Succeeded";
                } else {
                    let repository = action.pointer("/configuration/Repo").and_then(Value::as_str).unwrap_or_default();
                    run.status = "Failed";
                    run.failure = Some((
                        "PermissionError".to_owned(),
                        format!(
                            "Could not access the GitHub repository: \"{repository}\". The access token might be invalid or has \
                             been revoked. Edit the pipeline to reconnect with GitHub."
                        ),
                    ));
                }
            }
            "Approval" => {}
            _ if self.holding => {}
            _ => run.status = "Succeeded",
        }
    }
}
