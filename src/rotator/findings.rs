//! What is worth knowing before a rotation.

use std::collections::BTreeSet;
use std::time::Duration;

use super::check::days_left;
use super::look::{Books, Look, Sight};
use super::plan::{Finding, Severity};
use super::rehearsal::Span;
use super::{Inner, Predecessor};
use crate::consumer::{Proof, Verification};
use crate::error::{ErrorKind, Problem};
use crate::provider::{EndedBy, Fate, Issuer};
use crate::rotation::{OldPolicy, OnFailure, Place, Standing};
use crate::token::{Access, Answer, Expiry, ScopeSet};

/// What was seen before the findings are written.
pub(super) struct Seen<'a> {
    pub(super) books: &'a Books,
    pub(super) predecessor: &'a Predecessor,
    pub(super) look: &'a Look,
    pub(super) standing: Standing,
    pub(super) sights: &'a [Sight],
}

/// Everything worth knowing. `stops` is why the run would end before it has changed anything.
pub(super) fn all(inner: &Inner, seen: &Seen<'_>, stops: Option<&Problem>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(stops.map(|problem| Finding::new(Severity::Blocker, problem.subject.as_deref(), &problem.text)));
    about_journal(seen, &mut findings);
    about_predecessor(inner, seen, &mut findings);
    about_provider(inner, seen, &mut findings);
    for (sight, place) in seen.sights.iter().zip(&inner.places) {
        about_sight(sight, &mut findings);
        about_place(place, &mut findings);
    }
    about_sharing(inner, &mut findings);
    about_failure(inner, &mut findings);
    findings
}

fn info(subject: Option<&str>, text: impl Into<String>) -> Finding {
    Finding::new(Severity::Info, subject, text)
}

fn warning(subject: Option<&str>, text: impl Into<String>) -> Finding {
    Finding::new(Severity::Warning, subject, text)
}

fn about_journal(seen: &Seen<'_>, findings: &mut Vec<Finding>) {
    if let (true, Some(run)) = (seen.books.head.status.is_open(), &seen.books.head.run) {
        findings
            .push(info(None, format!("the rotation {run} is open: `rotate` goes on with that instead of a new one")));
    }
    if let (Some(token), Some(current)) = (seen.predecessor.value(), seen.books.current())
        && token.fingerprint() != current.fingerprint
    {
        let text = format!(
            "the journal keeps another token as current, {}: make sure that the one handed in is in use",
            current.fingerprint
        );
        findings.push(warning(None, text));
    }
}

fn about_predecessor(inner: &Inner, seen: &Seen<'_>, findings: &mut Vec<Finding>) {
    match (seen.standing, seen.look) {
        (_, Look::Absent) => {
            let text = "there is no old token: this is a first installation, there is no rollback and no revoke";
            findings.push(info(None, text));
        }
        (Standing::Dead, _) => {
            findings.push(warning(None, "the old token is dead: there is no rollback and no revoke"));
        }
        (Standing::Lacking, Look::Grant(grant)) => {
            let granted = if let Access::Scopes(granted) = &grant.access { granted.clone() } else { ScopeSet::new() };
            let missing = inner.provider.scopes().missing(&inner.whole, &granted);
            findings.push(warning(None, format!("the old token lacks scopes that the consumers need: {missing}")));
        }
        (_, Look::Grant(grant)) => {
            findings.push(info(None, format!("the old token is alive; it belongs to {}", grant.owner)));
        }
        (_, Look::Id(_)) => {
            let text = "the old token is alive; its value is not at hand, so it cannot be put back: there is no rollback once \
                        a consumer was written";
            findings.push(warning(None, text));
        }
        (_, Look::Blind) => {
            let text = "of the old token the id alone is known, and the provider does not tell how it stands: it cannot be \
                        put back, and its death cannot be seen";
            findings.push(warning(None, text));
        }
        (_, Look::Failed(error)) => {
            findings
                .push(warning(None, format!("how the old token stands could not be found out: {}", error.problem())));
        }
    }
    let Look::Grant(grant) = seen.look else { return };
    let now = inner.clock.now();
    let soon = days_left(grant, now).filter(|days| *days < 7);
    if let (Some(days), Expiry::At(end)) = (soon, grant.expiry) {
        let span = Span(Duration::from_hours(24).saturating_mul(u32::try_from(days).unwrap_or(0)));
        findings
            .push(warning(None, format!("the old token ends in {span}, at {end}: what is not done by then has none")));
    }
}

fn about_provider(inner: &Inner, seen: &Seen<'_>, findings: &mut Vec<Finding>) {
    let can = inner.provider.capabilities();
    let name = Some(inner.provider.name());
    findings.extend(can.cautions.iter().map(|caution| warning(name, caution)));
    match can.fate {
        Fate::Survives => {}
        Fate::Dies if matches!(seen.look, Look::Absent) => {}
        Fate::Dies => {
            let text = "issuing ends the old token at once: consumers fail until each has the new one, and there is no way back";
            findings.push(warning(name, text));
            if !can.reissues {
                let text = "if the answer with the new token is lost, nothing can issue another: a person must make one by hand";
                findings.push(warning(name, text));
            }
        }
        Fate::DiesBeyond(most) => {
            let text =
                format!("it lets {most} tokens live, and issuing ends the oldest beyond that: see that none is needed");
            findings.push(warning(name, text));
        }
    }
    if can.issuer == Issuer::Person {
        findings.push(info(name, "a person makes the token: the run waits for it, across restarts"));
    }
    let revokes = matches!(inner.policy.old, OldPolicy::Revoke { .. }) && !matches!(seen.look, Look::Absent);
    if revokes && can.ending == EndedBy::Person {
        findings.push(info(name, "a person deletes the old token at the end: the run waits for it"));
    }
    if revokes && matches!(seen.predecessor, Predecessor::Known(_)) && can.ending != EndedBy::Person && !can.ends_by_id
    {
        findings.push(warning(name, "it ends no token by its id alone: a person must delete the old one"));
    }
    match inner.policy.old {
        OldPolicy::Keep => findings.push(info(None, "the old token stays alive, as the policy says")),
        OldPolicy::LetExpire => findings.push(info(None, "the old token is left to expire, as the policy says")),
        OldPolicy::Revoke { .. } => {}
    }
}

fn about_sight(sight: &Sight, findings: &mut Vec<Finding>) {
    let name = Some(sight.name.as_str());
    let unable = |what: &str, problem: &Problem| {
        let transient = matches!(
            problem.kind,
            ErrorKind::Busy | ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Conflict
        );
        let again = if transient { " (tried again for a while, once the run has begun)" } else { "" };
        Finding::new(Severity::Blocker, name, format!("{what}: {}{again}", problem.text))
    };
    match &sight.slot {
        Ok(slot) => findings.extend(slot.warnings.iter().map(|text| warning(name, text))),
        Err(problem) => findings.push(unable("it cannot be read", problem)),
    }
    match &sight.verification {
        Some(Err(problem)) => findings.push(unable("its check cannot be run", problem)),
        Some(Ok(verification)) => findings.extend(refuted(verification).map(|text| warning(name, text))),
        None => {}
    }
}

/// What a check minds about the token in use.
fn refuted(verification: &Verification) -> Option<String> {
    let what = match (verification.works, verification.new) {
        (Answer::Refuted, _) => "what it holds does not work now",
        (_, Answer::Refuted) => "it does not hold the old token now",
        _ => return None,
    };
    let note = verification.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
    Some(format!("{what}{note}: is it in use, and is this the right token?"))
}

fn about_place(place: &Place, findings: &mut Vec<Finding>) {
    let name = Some(place.name.as_str());
    let can = &place.can;
    if can.by_person {
        findings.push(info(name, "a person puts the token there: the run waits for it"));
    } else if !can.proves_something() {
        let text = "it can prove nothing: whether the token works there shows only in use";
        findings.push(warning(name, text));
    } else if can.new == Proof::Never {
        findings.push(info(name, "it cannot show that the token is the new one before the old one is dead"));
    }
    if !can.restorable {
        findings.push(warning(
            name,
            "the old token cannot be put back there: once it is written, the run goes forward only",
        ));
    }
    if can.disruptive {
        findings.push(warning(name, "writing it disturbs what runs there"));
    }
    if let Some(what) = &can.confirmation {
        findings.push(info(name, format!("before the old token goes, a person must do and confirm this: {what}")));
    }
}

/// The vendors' advice is one token for each application.
fn about_sharing(inner: &Inner, findings: &mut Vec<Finding>) {
    let applications: BTreeSet<&str> = inner.places.iter().map(|place| place.can.application.as_str()).collect();
    if applications.len() < 2 {
        return;
    }
    let names = applications.into_iter().collect::<Vec<_>>().join(", ");
    let text = format!(
        "{names} share this token: their vendors advise one token for each, which may do no more than it needs"
    );
    findings.push(warning(None, text));
    for (name, own) in &inner.required {
        let unneeded = inner.provider.scopes().excess(own, &inner.whole);
        if !unneeded.is_empty() {
            findings.push(info(Some(name.as_str()), format!("it does not need {unneeded}")));
        }
    }
}

fn about_failure(inner: &Inner, findings: &mut Vec<Finding>) {
    findings.push(info(None, match inner.on_failure() {
        OnFailure::Hold => "when a place fails for good, both tokens stay alive and a person decides",
        OnFailure::RollBack => {
            "when a place fails for good, the old token goes back everywhere and the new one is revoked, where that is possible"
        }
    }));
}
