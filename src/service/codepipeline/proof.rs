//! Whether the token works there, and whether it is the new one.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::api::{ActionRun, Connection, Reading, said};
use super::document::Action;
use super::request::hex;
use crate::consumer::{Slot, Verification};
use crate::error::{Error, ErrorKind, Result};
use crate::token::{AdmittedToken, Answer};

/// The token that we wrote.
pub(super) const INSTALLED: &str = "installed";
/// The version that holds it.
pub(super) const VERSION: &str = "installed_version";
/// When that version was written, as CodePipeline tells it.
pub(super) const UPDATED: &str = "updated";

/// How long one look waits between two questions.
const PAUSE: Duration = Duration::from_secs(3);

/// What is asked of one pipeline.
pub(super) struct Question<'a> {
    pub(super) connection: &'a Connection,
    pub(super) name: &'a str,
    pub(super) reading: &'a Reading,
    pub(super) actions: &'a [&'a Action],
    pub(super) token: &'a AdmittedToken,
    pub(super) slot: &'a Slot,
    /// Whether the pipeline is run to find out, and for how long one look waits for its sources.
    pub(super) execution_within: Option<Duration>,
}

/// What the runs of one source show.
struct Shown {
    works: Answer,
    note: Option<String>,
    /// Whether it is not over.
    open: bool,
}

impl Question<'_> {
    pub(super) async fn answer(&self) -> Result<Verification> {
        let new = self.is_new();
        let (shown, runs) = self.look(None).await?;
        let over = shown.works == Answer::Refuted || (runs == self.actions.len() && !shown.open);
        let shown = match self.execution_within {
            Some(within) if new == Answer::Proven && !over => self.run(within, runs == 0).await?,
            _ => shown,
        };
        let verification = Verification::new(shown.works, new);
        let mut notes: Vec<String> = shown.note.into_iter().collect();
        match new {
            Answer::Proven => notes.insert(0, "the pipeline stands at the version that holds the token".to_owned()),
            Answer::Refuted => {
                notes.insert(0, "the pipeline stands at a version that was written with another token".to_owned());
            }
            Answer::Unknown if self.since().is_some() => {
                notes.insert(0, "the pipeline was edited since the token was written".to_owned());
            }
            Answer::Unknown => {}
        }
        Ok(if notes.is_empty() { verification } else { verification.with_note(notes.join("; ")) })
    }

    /// Whether the pipeline still stands as an installation left it, and whether that was of this token. The stored value
    /// is masked, so nothing else tells.
    pub(super) fn is_new(&self) -> Answer {
        let now = &self.reading.document;
        let stands = self.slot.version.as_deref() == Some(now.label().as_str())
            && self.slot.detail(VERSION) == Some(now.version.to_string().as_str())
            && self.slot.detail(UPDATED) == self.reading.updated.as_deref();
        match self.slot.detail(INSTALLED) {
            Some(installed) if stands && installed == self.token.fingerprint().to_string() => Answer::Proven,
            Some(_) if stands => Answer::Refuted,
            _ => Answer::Unknown,
        }
    }

    /// The version that was written with this token, where that is known.
    fn since(&self) -> Option<u64> {
        let ours = self.slot.detail(INSTALLED) == Some(self.token.fingerprint().to_string().as_str());
        self.slot.detail(VERSION).filter(|_| ours)?.parse().ok()
    }

    /// What the newest runs of the sources show, and how many there were of the version in question.
    async fn look(&self, execution: Option<&str>) -> Result<(Shown, usize)> {
        let runs = match self.connection.action_runs(self.name, execution).await {
            Ok(runs) => runs,
            Err(error) if error.kind() == ErrorKind::PermissionDenied && self.execution_within.is_none() => {
                return self.state().await;
            }
            Err(error) => return Err(error),
        };
        let version = self.reading.document.version;
        // Who runs an older version logs in with the token before.
        let is_meant = |run: &&ActionRun| match execution {
            Some(id) => run.execution == id,
            None => run.version == Some(version),
        };
        let mut all = Vec::new();
        let mut counted = 0;
        for action in self.actions {
            let own = runs.iter().filter(|run| run.stage == action.stage && run.action == action.name);
            let newest = own.filter(is_meant).max_by(|one, two| one.at.total_cmp(&two.at));
            counted += usize::from(newest.is_some());
            all.push(newest.map_or(nothing(), |run| self.judge(action, &run.status, &run.said, run.quoted.as_deref())));
        }
        Ok((together(all), counted))
    }

    /// The same by the state of the pipeline, which tells no versions: what changed after the update counts.
    async fn state(&self) -> Result<(Shown, usize)> {
        let updated: Option<f64> = self.reading.updated.as_deref().and_then(|at| at.parse().ok());
        let (state, answer) = self.connection.state(self.name).await?;
        let mut all = Vec::new();
        for action in self.actions {
            let around = state.stage_states.iter().find(|around| around.stage_name == action.stage);
            let own = around.and_then(|it| it.action_states.iter().find(|own| own.action_name == action.name));
            let run = own.and_then(|own| own.latest_execution.as_ref());
            let later = run.and_then(|run| run.last_status_change).zip(updated).is_some_and(|(at, from)| at > from);
            let status = run.and_then(|run| run.status.as_deref()).unwrap_or_default();
            // A run that began before the update and ended after it is not told apart, so success shows nothing here.
            all.push(if later && status == "Failed" {
                let details = run.and_then(|run| run.error_details.as_ref());
                let details =
                    details.map(|d| super::wire::ErrorDetails { code: d.code.clone(), message: d.message.clone() });
                let said = said(run.and_then(|run| run.summary.clone()), details);
                let quoted = answer.quotable(&said);
                let shown = self.judge(action, status, &said, quoted.as_deref());
                Shown { works: Answer::Unknown, ..shown }
            } else {
                nothing()
            });
        }
        let mut shown = together(all);
        let missing = "which executions ran since cannot be told: grant codepipeline:ListActionExecutions";
        shown.note = Some(shown.note.map_or(missing.to_owned(), |note| format!("{note}; {missing}")));
        Ok((shown, 0))
    }

    /// Runs the pipeline where nobody did, and waits for its sources; not for longer than `within`.
    async fn run(&self, within: Duration, start: bool) -> Result<Shown> {
        let execution = if start { Some(self.connection.start(self.name, &self.request()).await?) } else { None };
        let pause = PAUSE.min(within / 10).max(Duration::from_millis(10));
        let mut left = within;
        loop {
            let (shown, runs) = self.look(execution.as_deref()).await?;
            if runs == self.actions.len() && !shown.open {
                return Ok(shown);
            }
            let Some(less) = left.checked_sub(pause) else {
                let text =
                    "the execution that is to show that the token works is not over: it is looked at again later";
                return Err(Error::new(ErrorKind::Busy, text));
            };
            left = less;
            tokio::time::sleep(pause).await;
        }
    }

    /// The same for every look at the same installation, so that it is run once.
    fn request(&self) -> String {
        let version = self.reading.document.version;
        let all = format!("{} {} {version} {}", self.connection.signer.region, self.name, self.token.fingerprint());
        let digest = hex(&Sha256::digest(all)[..16]);
        [&digest[..8], &digest[8..12], &digest[12..16], &digest[16..20], &digest[20..]].join("-")
    }

    fn judge(&self, action: &Action, status: &str, said: &str, quoted: Option<&str>) -> Shown {
        let name = action.full_name();
        // Of a version that we did not write, a success shows nothing: somebody may have put another token there.
        let ours = self.since() == Some(self.reading.document.version);
        match status {
            "Succeeded" if ours => {
                Shown { works: Answer::Proven, note: Some(format!("{name} succeeded since")), open: false }
            }
            "Failed" => {
                let why = quoted.map(|words| format!(" ({words})")).unwrap_or_default();
                let refused = is_refusal(said);
                let works = if refused { Answer::Refuted } else { Answer::Unknown };
                let open = "; whether by the token is not certain: mend it and release a change";
                let note = format!("{name} failed{why}{}", if refused { "" } else { open });
                Shown { works, note: Some(note), open: false }
            }
            "InProgress" => Shown { works: Answer::Unknown, note: Some(format!("{name} runs")), open: true },
            "Abandoned" => Shown {
                works: Answer::Unknown,
                note: Some(format!("{name} was abandoned before it showed anything: release a change")),
                open: false,
            },
            _ => nothing(),
        }
    }
}

fn nothing() -> Shown {
    Shown { works: Answer::Unknown, note: None, open: false }
}

/// Whether every source shows that it works.
fn together(all: Vec<Shown>) -> Shown {
    let any = |answer: Answer| all.iter().any(|shown| shown.works == answer);
    let works = if any(Answer::Refuted) {
        Answer::Refuted
    } else if all.is_empty() || any(Answer::Unknown) {
        Answer::Unknown
    } else {
        Answer::Proven
    };
    let open = all.iter().any(|shown| shown.open);
    let notes: Vec<String> = all.into_iter().filter_map(|shown| shown.note).collect();
    Shown { works, note: (!notes.is_empty()).then(|| notes.join("; ")), open }
}

/// Whether a failure says that GitHub refused the token. The words are matched loosely, as no page lists them all; but they
/// must speak of GitHub or the token, for missing rights at AWS are worded alike.
///
/// Sources: "Troubleshooting CodePipeline" (user guide); aws/aws-cdk#8731, awslabs/landing-zone-accelerator-on-aws#301.
fn is_refusal(said: &str) -> bool {
    let said = said.to_ascii_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| said.contains(word));
    has(&["access token might be invalid", "invalid or has been revoked", "bad credentials"])
        || (said.contains("github")
            && has(&[
                "permissionerror",
                "insufficient permissions",
                "could not access the github repository",
                "unable to connect to the github repository",
                "unable to access the github repository",
            ]))
}

#[cfg(test)]
mod tests {
    use super::is_refusal;

    #[test]
    fn a_refused_token_is_known_by_many_words_and_a_missing_right_at_aws_is_none() {
        for said in [
            "PermissionError: Could not access the GitHub repository: \"site\". The access token might be invalid or has been \
             revoked. Edit the pipeline to reconnect with GitHub.",
            "Insufficient permissions: Unable to connect to the GitHub repository 'site'. Use the console to reconnect",
            "permissionerror: could not access the github repository",
        ] {
            assert!(is_refusal(said), "{said}");
        }
        for said in [
            "Insufficient permissions: The service role doesn't have the permissions required to access the Amazon S3 bucket",
            "PermissionError: access denied",
            "Failed to download the source: the branch does not exist at GitHub",
            "",
        ] {
            assert!(!is_refusal(said), "{said}");
        }
    }
}
