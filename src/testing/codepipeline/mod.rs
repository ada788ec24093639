//! An AWS CodePipeline, as far as source actions go, with the part of CloudFormation that tells which stack owns what.

mod calls;
mod edit;
mod executions;
mod reply;
mod signature;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use aws_credential_types::Credentials;
use serde_json::Value;
use url::Url;

use self::state::{Pipeline, State};
use super::server::{Reply, Request, Seen, Server, Service};
use super::trouble::Trouble;
use crate::error::{Error, ErrorKind, Result};

/// CodePipeline of `eu-central-1` on a loopback socket, and CloudFormation at the same address.
///
/// Every signature is computed again and must be right, with the right region, service and time. Of the traps that AWS
/// documents it has these: secrets are shown as `****`; `****` that comes back keeps the value where nothing else of its
/// action changed (`ActionConfigurationProperty.secret`), and is stored as it stands where another value changed (the other
/// side of that sentence, which nobody confirmed: the worse case); an update counts the version up whatever number was sent,
/// ends running executions as `Cancelled`, starts none, and looks at no token; versions of the past can be read; there is no
/// conditional write. A GitHub source that runs logs in with what is stored: which tokens GitHub takes,
/// [`accept_token`](Self::accept_token) and [`ask_github`](Self::ask_github) say; without either, all.
///
/// A pipeline that is missing is `PipelineNotFoundException` to an update, too; the service model names no error for that.
#[derive(Debug)]
pub struct CodePipelineFake {
    state: Arc<Shared>,
    server: Server,
    base: Url,
}

#[derive(Default)]
struct Shared(Mutex<State>);

/// What it holds is secret.
impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodePipeline")
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Service for Shared {
    async fn answer(&self, request: &Request) -> Reply {
        calls::answer(&mut self.lock(), request)
    }

    fn about(&self, request: &Request) -> Option<String> {
        calls::operation(request)
    }
}

impl CodePipelineFake {
    /// The region that it is in.
    pub const REGION: &'static str = "eu-central-1";

    /// Starts one, without pipelines.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unavailable`] when no socket can be opened.
    pub async fn start() -> Result<Self> {
        let state = Arc::new(Shared::default());
        let server = Server::start(state.clone()).await?;
        let base = server.url("/")?;
        Ok(Self { state, server, base })
    }

    /// Its address, as CodePipeline and as CloudFormation.
    #[must_use]
    pub fn base(&self) -> Url {
        self.base.clone()
    }

    /// Keys without an end.
    #[must_use]
    pub fn credentials(&self) -> Credentials {
        credentials(&state::long_term())
    }

    /// New keys of a session, which live until [`end_sessions`](Self::end_sessions).
    #[must_use]
    pub fn session(&self) -> Credentials {
        credentials(&self.state.lock().begin_session())
    }

    /// The keys of all sessions so far are over.
    pub fn end_sessions(&self) {
        self.state.lock().end_sessions();
    }

    /// Every secret that was handed out to ask with: none of them may show anywhere.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.state.lock().secrets()
    }

    // -- pipelines, past every interface --------------------------------------------------------------------------------

    /// Puts a pipeline there, or its next version, as a declaration in JSON with its secrets in the clear.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::InvalidInput`] for what is no declaration with a name.
    pub fn put(&self, declaration: &str) -> Result<()> {
        let wrong =
            || Error::new(ErrorKind::InvalidInput, "the fake takes a pipeline's declaration in JSON, with a name");
        let declaration: Value = serde_json::from_str(declaration).map_err(|_| wrong())?;
        let name = declaration.get("name").and_then(Value::as_str).ok_or_else(wrong)?.to_owned();
        let mut state = self.state.lock();
        let now = state.tick();
        state.pipelines.entry(name).or_insert_with(|| Pipeline::new(now)).push(declaration, now);
        Ok(())
    }

    /// Somebody else changes what is at this JSON pointer of the pipeline, which makes a version. The pointer must lead to
    /// something, or to a new member of an object.
    pub fn edit(&self, name: &str, pointer: &str, value: Value) {
        self.state.lock().edit(name, pointer, value);
    }

    /// As [`edit`](Self::edit), in the moment when the next update has arrived and was not done yet.
    pub fn edit_before_next_update(&self, name: &str, pointer: &str, value: Value) {
        self.state.lock().before_update.push((name.to_owned(), pointer.to_owned(), value));
    }

    /// As [`edit`](Self::edit), when the next update was done and is being answered.
    pub fn edit_after_next_update(&self, name: &str, pointer: &str, value: Value) {
        self.state.lock().after_update.push((name.to_owned(), pointer.to_owned(), value));
    }

    /// The pipeline as it is stored, secrets and all.
    #[must_use]
    pub fn stored(&self, name: &str) -> Option<Value> {
        self.state.lock().pipelines.get(name).map(|pipeline| pipeline.current().clone())
    }

    /// The token that is stored in an action.
    #[must_use]
    pub fn token_of(&self, name: &str, stage: &str, action: &str) -> Option<String> {
        let held = self.state.lock();
        let action = edit::action(held.pipelines.get(name)?.current(), stage, action)?;
        action.pointer("/configuration/OAuthToken")?.as_str().map(str::to_owned)
    }

    /// Everything else that is stored: the pipeline without its `OAuthToken`s and its version.
    #[must_use]
    pub fn rest_of(&self, name: &str) -> Option<Value> {
        let mut rest = self.stored(name)?;
        rest.as_object_mut()?.shift_remove("version");
        edit::each_configuration(&mut rest, &mut |configuration| {
            configuration.shift_remove("OAuthToken");
        });
        Some(rest)
    }

    /// How often the pipeline was written.
    #[must_use]
    pub fn version_of(&self, name: &str) -> Option<u64> {
        self.state.lock().pipelines.get(name).map(Pipeline::version)
    }

    /// Gives the pipeline a tag.
    pub fn tag(&self, name: &str, key: &str, value: &str) {
        if let Some(pipeline) = self.state.lock().pipelines.get_mut(name) {
            pipeline.tags.insert(key.to_owned(), value.to_owned());
        }
    }

    /// This stack has made the pipeline. CloudFormation knows it; the pipeline has no tag of it.
    pub fn stack(&self, stack: &str, name: &str) {
        self.state.lock().stacks.insert(name.to_owned(), stack.to_owned());
    }

    // -- executions -----------------------------------------------------------------------------------------------------

    /// GitHub takes this token; from now on those alone that it was told of.
    pub fn accept_token(&self, token: &str) {
        self.state.lock().accepted.get_or_insert_default().insert(token.to_owned());
    }

    /// GitHub no longer takes this token.
    pub fn refuse_token(&self, token: &str) {
        self.state.lock().accepted.get_or_insert_default().remove(token);
    }

    /// Whether GitHub takes a token, this says, which may look at a GitHub of the test.
    pub fn ask_github(&self, takes: impl Fn(&str) -> bool + Send + Sync + 'static) {
        self.state.lock().github = Some(state::GitHub(Arc::new(takes)));
    }

    /// Somebody pushes: the pipeline runs, as far as it goes. The execution's id.
    #[must_use]
    pub fn run(&self, name: &str) -> Option<String> {
        self.state.lock().run(name)
    }

    /// Whether what comes after the sources goes on running until [`finish`](Self::finish).
    pub fn hold(&self, yes: bool) {
        self.state.lock().holding = yes;
    }

    /// So many times somebody must look at its actions before an execution that begins now has run its sources.
    pub fn sources_take(&self, looks: u32) {
        self.state.lock().looks = looks;
    }

    /// What runs of the pipeline goes on to its end, or to an approval.
    pub fn finish(&self, name: &str) {
        self.state.lock().finish(name);
    }

    /// Somebody approves whatever waits for it.
    pub fn approve(&self, name: &str) {
        self.state.lock().approve(name);
    }

    /// The sources of the newest execution failed so, whatever the token.
    pub fn fail_sources(&self, name: &str, code: &str, message: &str) {
        self.state.lock().fail_sources(name, code, message);
    }

    /// What became of an execution: `InProgress`, `Succeeded`, `Failed`, `Cancelled`.
    #[must_use]
    pub fn status_of(&self, name: &str, execution: &str) -> Option<String> {
        let state = self.state.lock();
        let found = state.pipelines.get(name)?.executions.iter().find(|known| known.id == execution)?;
        Some(found.status.to_owned())
    }

    /// How many executions there were.
    #[must_use]
    pub fn executions_of(&self, name: &str) -> usize {
        self.state.lock().pipelines.get(name).map_or(0, |pipeline| pipeline.executions.len())
    }

    // -- what goes wrong ------------------------------------------------------------------------------------------------

    /// Takes a right away, as `codepipeline:UpdatePipeline`.
    pub fn deny(&self, right: &str) {
        self.state.lock().denied.insert(right.to_owned());
    }

    /// Takes a right away when the next update was done.
    pub fn deny_after_next_update(&self, right: &str) {
        self.state.lock().denied_after_update = Some(right.to_owned());
    }

    /// Gives it back.
    pub fn allow(&self, right: &str) {
        self.state.lock().denied.remove(right);
    }

    /// Whether AWS no longer knows any key.
    pub fn refuse_login(&self, yes: bool) {
        self.state.lock().login_refused = yes;
    }

    /// Whether the clock of whoever asks is wrong.
    pub fn out_of_time(&self, yes: bool) {
        self.state.lock().out_of_time = yes;
    }

    /// The next so many calls of this operation are too many.
    pub fn throttle(&self, operation: &str, times: u32) {
        self.state.lock().throttled.insert(operation.to_owned(), times);
    }

    /// How many entries one page of a list has; 100 unless set.
    pub fn page_size(&self, entries: usize) {
        self.state.lock().page = entries.max(1);
    }

    /// What happens to the next request whose line (`POST / UpdatePipeline`) contains `which`.
    pub fn trouble(&self, which: &str, trouble: Trouble) {
        self.server.plan(which, trouble);
    }

    /// Every request so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.server.seen()
    }

    /// How many updates arrived, done or not.
    #[must_use]
    pub fn writes(&self) -> usize {
        self.seen().iter().filter(|seen| seen.line.ends_with(" UpdatePipeline")).count()
    }

    /// Closes its socket: from now on connections are refused.
    pub fn stop(&self) {
        self.server.stop();
    }
}

fn credentials(keys: &state::Keys) -> Credentials {
    let builder = Credentials::builder()
        .provider_name("fake")
        .access_key_id(keys.id.as_str())
        .secret_access_key(keys.secret.as_str());
    match &keys.session {
        Some(token) => builder.session_token(token.as_str()).build(),
        None => builder.build(),
    }
}
