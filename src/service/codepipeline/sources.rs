//! The GitHub sources of one pipeline, as a consumer.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use super::APPLICATION;
use super::api::{Connection, Reading, after_write, check_name};
use super::document::{Action, Choice, Document, Kind};
use super::proof::{INSTALLED, Question, UPDATED, VERSION};
use super::{idle, owner};
use crate::consumer::{Consumer, ConsumerCapabilities, ConsumerTrips, Installation, Proof, Slot, Verification};
use crate::error::{Effect, Error, ErrorKind, Result};
use crate::service::gate;
use crate::token::{AdmittedToken, Answer, Scope, ScopeModel, ScopeSet};

/// What a pipeline's sources read, as `acme/site@main`.
const REPOSITORIES: &str = "repositories";

/// How often a pipeline is read after an update before it shows that, and the pause between.
const READS_AGAIN: usize = 5;
const PAUSE: Duration = Duration::from_millis(400);

/// How long one look waits for an execution, unless said otherwise.
const WITHIN: Duration = Duration::from_mins(1);

/// The GitHub sources ("version 1", by a token) of one pipeline of [`CodePipeline`](super::CodePipeline).
///
/// A pipeline is replaced as a whole and shows its secrets as `****`. So it is fetched, the token is put where `OAuthToken`
/// of the chosen actions stands, and every other byte goes back as it came, other masks included: `****` keeps the value
/// where nothing else of the action changed. Source: `ActionConfigurationProperty.secret` (API reference). What cannot be
/// written so without loss is refused by `preflight`: an action with another masked value, or without a token.
///
/// **An update cancels running executions.** Whether one runs is looked at immediately before each update, also where the
/// old token is put back; then it is [`ErrorKind::Busy`], and the run comes back later. An execution that waits for a
/// person's approval is named and refused before a token is issued.
///
/// **CodePipeline does not look at the token** when it takes it, and has no conditional write. That somebody edited the
/// pipeline in the moment of the update shows by its version: the text of the error says what was overwritten, the token is
/// in place, and the version before, which CodePipeline keeps, shows the edit.
///
/// | means | works | is the new one |
/// | --- | --- | --- |
/// | the version that the update made | - | yes, while the pipeline stands there; else unknown |
/// | the newest run of each source, of that version | yes; no, where GitHub refused the token; else unknown | - |
/// | [`start_execution`](Self::start_execution) | the same, waited for | the same |
///
/// Whether the token can read what the sources name is the provider's to try, as by `must_read` of the
/// [`GitHub`](crate::GitHub) provider's tokens; [`repositories`](Self::repositories) lists them.
///
/// All its GitHub sources are meant, unless some are chosen. Where one of them has had another token, that is replaced, and
/// cannot be put back.
///
/// Rights: `codepipeline:GetPipeline`, `UpdatePipeline`, `GetPipelineState`, `ListPipelineExecutions`,
/// `ListActionExecutions` and `ListTagsForResource` on the pipeline (`StartPipelineExecution` to start one);
/// `iam:PassRole` on the role of the pipeline and of its actions; `codestar-connections:PassConnection` and
/// `codeconnections:PassConnection` where another action uses a connection; `cloudformation:DescribeStackResources` for
/// [`stack`](Self::stack). Nothing tells before the write whether `UpdatePipeline` and `PassRole` are granted.
#[derive(Clone, Debug)]
#[must_use]
pub struct CodePipelineSources {
    connection: Arc<Connection>,
    pipeline: String,
    choice: Choice,
    name: Option<String>,
    default_name: String,
    proceed: bool,
    accept_drift: bool,
    stack: Option<String>,
    execution_within: Option<Duration>,
    required: Option<ScopeSet>,
}

impl CodePipelineSources {
    pub(super) fn new(connection: Arc<Connection>, pipeline: String) -> Self {
        let default_name = format!("codepipeline:{}:{pipeline}", connection.signer.region);
        Self {
            connection,
            pipeline,
            choice: Choice::default(),
            name: None,
            default_name,
            proceed: false,
            accept_drift: false,
            stack: None,
            execution_within: None,
            required: None,
        }
    }

    /// This action of this stage, and no other than those so named.
    pub fn action(mut self, stage: impl Into<String>, action: impl Into<String>) -> Self {
        let (stage, action) = (stage.into(), action.into());
        let before = if self.choice.actions.is_empty() { ":" } else { "+" };
        self.default_name = format!("{}{before}{stage}/{action}", self.default_name);
        self.choice.actions.push((stage, action));
        self
    }

    /// The sources that read this repository alone, as GitHub writes its owner and name.
    pub fn repository(mut self, owner: &str, name: &str) -> Self {
        self.default_name = format!("{}:{owner}/{name}", self.default_name);
        self.choice.repository = Some((owner.to_owned(), name.to_owned()));
        self
    }

    /// Its name in plans, events and the journal, in place of one like `codepipeline:eu-central-1:site`. Pipelines of the
    /// same name in two accounts need names of their own.
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Updates the pipeline while executions run or wait for approval: **they are cancelled**.
    pub fn proceed_while_running(mut self) -> Self {
        self.proceed = true;
        self
    }

    /// Updates the pipeline though a stack of CloudFormation manages it: the next deployment that touches the pipeline puts
    /// the old token back, unless the template's side is rotated too.
    pub fn accept_drift(mut self) -> Self {
        self.accept_drift = true;
        self
    }

    /// Asks CloudFormation which stack has the pipeline, where its tags do not tell; it is this one, supposedly. A stack
    /// that has it is refused, as by its tag, unless [`accept_drift`](Self::accept_drift) is chosen.
    pub fn stack(mut self, name: impl Into<String>) -> Self {
        self.stack = Some(name.into());
        self
    }

    /// Runs the pipeline once after the token was written, where nobody else did, and takes what its sources do as the
    /// proof. **This runs the whole pipeline: it may build, deploy and release.** Revoking the old token waits for it.
    ///
    /// An execution that fails for another reason than the token is not started again: mend it and release a change.
    pub fn start_execution(mut self) -> Self {
        self.execution_within.get_or_insert(WITHIN);
        self
    }

    /// As [`start_execution`](Self::start_execution); one look waits for so long, a minute unless set. Then the run comes
    /// back later.
    pub fn start_execution_within(mut self, one_look: Duration) -> Self {
        self.execution_within = Some(one_look);
        self
    }

    /// The scopes that a token needs here, in the provider's vocabulary, in place of `repo` and `admin:repo_hook`.
    pub fn requiring<S: Into<Scope>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.required = Some(ScopeSet::of(scopes));
        self
    }

    /// The repositories that its sources read, as `acme/site`: hand them to `must_read` of the provider, so that a token is
    /// tried on each before it goes anywhere.
    ///
    /// # Errors
    ///
    /// Where the pipeline cannot be read, or has no such source.
    pub async fn repositories(&self) -> Result<Vec<String>> {
        let document = self.read().await?.document;
        let read = |action: &&Action| action.repository.as_ref().map(|(owner, name)| format!("{owner}/{name}"));
        let mut all: Vec<String> = self.choice.of(&document)?.iter().filter_map(read).collect();
        all.sort();
        all.dedup();
        Ok(all)
    }

    /// Whether there is something to rotate.
    pub(super) async fn look(&self) -> Result<()> {
        self.choice.of(&self.read().await?.document).map(|_| ())
    }

    async fn read(&self) -> Result<Reading> {
        check_name(&self.pipeline)?;
        self.connection.pipeline(&self.pipeline, None).await
    }

    /// What a person should know of executions that run; an error where that can never change by itself.
    async fn executions(&self, document: &Document) -> Result<Option<String>> {
        let running = match idle::running(&self.connection, &self.pipeline, document).await {
            Ok(running) => running,
            Err(error) if self.proceed && error.kind() == ErrorKind::PermissionDenied => {
                return Ok(Some("whether an execution runs cannot be seen, and an update would cancel it".to_owned()));
            }
            Err(error) => return Err(error),
        };
        if !self.proceed && running.iter().any(idle::Running::waits_for_approval) {
            idle::refuse(&running)?;
        }
        Ok(running.first().map(|first| {
            let then = if self.proceed { "the update cancels it" } else { "the update waits until it is over" };
            format!("{}: {then}", first.describe())
        }))
    }

    /// What was overwritten by an update that made `written` of a pipeline that stood at `before`.
    async fn overwritten(&self, before: &Document, written: u64) -> Error {
        let last = written - 1;
        let theirs = self.connection.pipeline(&self.pipeline, Some(last)).await;
        let what = match theirs {
            Ok(theirs) if theirs.document.version == last => match before.differences(&theirs.document).as_slice() {
                [] => "nothing that can be seen, perhaps a masked value".to_owned(),
                pointers => {
                    let more = pointers.len().saturating_sub(20);
                    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
                    format!("{}{more}", pointers.iter().take(20).map(|p| printable(p)).collect::<Vec<_>>().join(", "))
                }
            },
            _ => "which could not be read".to_owned(),
        };
        let text = format!(
            "the token is in place, in version {written}, but somebody edited the pipeline in the moment of the update, and it \
             put back what they changed ({what}): version {last} still shows their edit; have them make it again"
        );
        // The run looks again and writes once more; nothing is wrong with the token.
        Error::new(ErrorKind::Conflict, text).with_effect(Effect::Unknown)
    }

    /// The pipeline after an update to this version. What is read right after a write may be from before it.
    async fn updated_to(&self, written: u64) -> Result<Reading> {
        for _ in 0..READS_AGAIN {
            let reading = self.read().await?;
            if reading.document.version >= written {
                return Ok(reading);
            }
            tokio::time::sleep(PAUSE).await;
        }
        let text =
            "CodePipeline took the token and goes on showing the pipeline as it was before: look again in a moment";
        Err(Error::new(ErrorKind::Busy, text))
    }
}

impl Reading {
    fn slot(&self) -> Slot {
        Slot::at(self.document.label())
    }
}

#[async_trait]
impl Consumer for CodePipelineSources {
    fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.default_name)
    }

    fn capabilities(&self) -> ConsumerCapabilities {
        let proof = if self.execution_within.is_some() { Proof::Always } else { Proof::Sometimes };
        ConsumerCapabilities::new(APPLICATION).proving(proof, proof).versioned().disruptive()
    }

    fn trips(&self) -> ConsumerTrips {
        let started = if self.execution_within.is_some() { 2 } else { 0 };
        ConsumerTrips::new(4, 6, 2 + started)
    }

    /// For GitHub `repo` and `admin:repo_hook`, as the user guide documents; other vocabularies are asked of the caller.
    fn required_scopes(&self, model: ScopeModel) -> Option<ScopeSet> {
        let documented = (model == ScopeModel::GITHUB_CLASSIC).then(|| ScopeSet::of(["repo", "admin:repo_hook"]));
        self.required.clone().or(documented)
    }

    async fn preflight(&self) -> Result<Slot> {
        let reading = self.read().await?;
        let actions = self.choice.of(&reading.document)?;
        let mut repositories: Vec<String> = actions.iter().filter_map(|action| action.reads()).collect();
        repositories.sort();
        repositories.dedup();
        let owner = owner::of(&self.connection, &self.pipeline, &reading, self.stack.as_deref()).await?;
        let mut slot = reading.slot().with_warning(owner.judge(self.accept_drift)?);
        if actions.len() > 1 && self.choice == Choice::default() {
            let all: Vec<String> = actions.iter().map(|action| printable(&action.full_name())).collect();
            slot = slot.with_warning(format!(
                "all its GitHub sources get the token ({}): where one has had another token, that is gone, and a roll back does \
                 not bring it back; choose with `action` or `repository`",
                all.join(", ")
            ));
        }
        if !repositories.is_empty() {
            slot = slot.with_detail(REPOSITORIES, repositories.join(", "));
        }
        if reading.document.actions.iter().any(|action| action.kind == Kind::Partner) {
            slot = slot.with_warning(
                "it has an action of a partner, and AWS warns that such an action may fail after its pipeline was updated by \
                 anything but the console: look at it afterwards",
            );
        }
        if let Some(warning) = self.executions(&reading.document).await? {
            slot = slot.with_warning(warning);
        }
        Ok(slot)
    }

    async fn install(&self, token: &AdmittedToken, expected: &Slot) -> Result<Installation> {
        check_name(&self.pipeline)?;
        let at = format!("codepipeline {} {}", self.connection.endpoint.base(), self.connection.signer.region);
        let gate = gate::before(format!("{at} {}", self.pipeline));
        let _held = gate.lock().await;
        let reading = self.unchanged(expected).await?;
        if self.question(token, expected, &reading, &[]).is_new() == Answer::Proven {
            // It stands as we left it: another update would only cancel what runs.
            return Ok(Installation::Done(expected.clone()));
        }
        if !self.proceed {
            idle::refuse(&idle::running(&self.connection, &self.pipeline, &reading.document).await?)?;
        }
        // The look for executions took its time.
        let before = self.unchanged(expected).await?.document;
        let body = before.with_token(&self.choice.of(&before)?, token.token())?;
        let written = self.connection.update(body, token.token()).await?;
        if written <= before.version {
            let text = "CodePipeline took the token and answered with a version that is not new: look at the pipeline before \
                        going on";
            return Err(after_write(Error::new(ErrorKind::Protocol, text)));
        }
        if written > before.version + 1 {
            return Err(self.overwritten(&before, written).await);
        }
        let after = self.updated_to(written).await.map_err(after_write)?;
        let changed = before.differences(&after.document);
        if after.document.version == written && !changed.is_empty() {
            let changed: Vec<String> = changed.iter().take(20).map(|pointer| printable(pointer)).collect();
            let text = format!(
                "CodePipeline took the token, and the pipeline is otherwise than it was sent at {}: look at it, and mend it, \
                 before going on",
                changed.join(", ")
            );
            return Err(after_write(Error::new(ErrorKind::Protocol, text)));
        }
        let mut slot = after.slot();
        slot.details.extend(expected.details.get(REPOSITORIES).map(|all| (REPOSITORIES.to_owned(), all.clone())));
        slot = slot.with_detail(INSTALLED, token.fingerprint().to_string()).with_detail(VERSION, written.to_string());
        if let Some(updated) = after.updated.filter(|_| after.document.version == written) {
            slot = slot.with_detail(UPDATED, updated);
        }
        Ok(Installation::Done(slot))
    }

    async fn verify(&self, token: &AdmittedToken, slot: &Slot) -> Result<Verification> {
        let reading = self.read().await?;
        let actions = self.choice.of(&reading.document)?;
        self.question(token, slot, &reading, &actions).answer().await
    }
}

impl CodePipelineSources {
    /// The pipeline, if it is as it was read.
    async fn unchanged(&self, expected: &Slot) -> Result<Reading> {
        let reading = self.read().await?;
        if expected.version.as_deref() == Some(reading.document.label().as_str()) {
            return Ok(reading);
        }
        let text = "somebody changed the pipeline since it was read, so nothing was written: read it again";
        Err(Error::new(ErrorKind::Conflict, text))
    }

    fn question<'a>(
        &'a self,
        token: &'a AdmittedToken,
        slot: &'a Slot,
        reading: &'a Reading,
        actions: &'a [&'a Action],
    ) -> Question<'a> {
        Question {
            connection: &self.connection,
            name: &self.pipeline,
            reading,
            actions,
            token,
            slot,
            execution_within: self.execution_within,
        }
    }
}

fn printable(pointer: &str) -> String {
    pointer.chars().filter(char::is_ascii_graphic).take(200).collect()
}
