//! Whether an update would cut something off: CodePipeline ends running executions when a pipeline is updated.
//!
//! Source: "Edit a pipeline" (user guide): running actions are completed, then the execution fails; the status becomes
//! `Cancelled` (`PipelineExecution.status`, service model).

use super::api::Connection;
use super::document::{Document, Kind};
use crate::error::{Error, ErrorKind, Result};

/// An execution that an update would end.
pub(super) struct Running {
    id: String,
    /// Where it is, where that is seen.
    stage: Option<String>,
    /// The action that waits for somebody's approval.
    approval: Option<String>,
}

/// The executions that run or wait. Of the past the newest three hundred are looked at.
///
/// In parallel mode the state of a pipeline does not show every execution, so that one that waits for approval there may
/// count as running.
pub(super) async fn running(connection: &Connection, name: &str, document: &Document) -> Result<Vec<Running>> {
    let executions = connection.executions(name).await?;
    let mut running: Vec<Running> = executions
        .into_iter()
        .filter(|execution| matches!(execution.status.as_str(), "InProgress" | "Stopping"))
        .map(|execution| Running { id: execution.pipeline_execution_id, stage: None, approval: None })
        .collect();
    let (state, _) = connection.state(name).await?;
    for stage in state.stage_states {
        let Some(execution) = stage.latest_execution else { continue };
        let waiting = stage.action_states.iter().find(|action| {
            let category = document.action(&stage.stage_name, &action.action_name).map(|action| action.kind);
            let in_progress = |run: &super::wire::ActionExecution| {
                run.status.as_deref() == Some("InProgress") && (run.token.is_some() || category == Some(Kind::Approval))
            };
            action.latest_execution.as_ref().is_some_and(in_progress)
        });
        let busy = matches!(execution.status.as_str(), "InProgress" | "Stopping") || waiting.is_some();
        if !busy {
            continue;
        }
        let at = running.iter().position(|known| known.id == execution.pipeline_execution_id);
        let at = at.unwrap_or_else(|| {
            running.push(Running { id: execution.pipeline_execution_id, stage: None, approval: None });
            running.len() - 1
        });
        running[at].approval = waiting.map(|action| format!("{}/{}", stage.stage_name, action.action_name));
        running[at].stage = Some(stage.stage_name);
    }
    Ok(running)
}

impl Running {
    /// Whether it goes on only when a person says so.
    pub(super) fn waits_for_approval(&self) -> bool {
        self.approval.is_some()
    }

    /// For people.
    pub(super) fn describe(&self) -> String {
        let id = printable(&self.id);
        match (&self.approval, &self.stage) {
            (Some(action), _) => format!("execution {id} waits for approval in {}", printable(action)),
            (None, Some(stage)) => format!("execution {id} runs in stage {}", printable(stage)),
            (None, None) => format!("execution {id} runs or waits for its turn"),
        }
    }
}

/// Why the pipeline is not updated now, if it is not.
pub(super) fn refuse(running: &[Running]) -> Result<()> {
    let busy = |text: String| Err(Error::new(ErrorKind::Busy, text));
    if let Some(waiting) = running.iter().find(|running| running.waits_for_approval()) {
        return busy(format!(
            "{}, which never ends by itself, and an update would cancel it: approve or reject it, or choose \
             `proceed_while_running`",
            waiting.describe()
        ));
    }
    match running.first() {
        Some(first) => {
            let more = running.len() - 1;
            let more = if more == 0 { String::new() } else { format!(", and {more} more") };
            busy(format!(
                "{}{more}, and an update would cancel what runs: try again when it is over, or choose \
                 `proceed_while_running`",
                first.describe()
            ))
        }
        None => Ok(()),
    }
}

fn printable(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(210).collect()
}
