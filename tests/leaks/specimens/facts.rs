//! What is written down and told: every fact, the state that follows, and what is to be done next.

use std::fs;

use serde_json::{Value, json};
use tokenturn::consumer::ConsumerCapabilities;
use tokenturn::provider::{Fate, Issuer, ProviderCapabilities};
use tokenturn::rotation::{
    Act, Ask, Charter, Completion, Compromised, Death, Decision, Ending, Fact, Floor, Holding, OldEnd, OldToken,
    Origin, Orphan, Outcome, Place, Possession, Source, Standing, State, Step, TokenRef, Urgency, Wait, next,
};
use tokenturn::{ConsumerName, CredentialName, Event, Expiry, Grant, Guide, Lack, RunId, TokenId};

use crate::canary;
use crate::channels::{Otherwise as _, Said};

fn charter() -> Charter {
    let token = canary::token();
    let place = Place::new(ConsumerName::new("a").unwrap(), ConsumerCapabilities::new("Jenkins"));
    Charter::new(
        RunId::new("run-1").unwrap(),
        CredentialName::new("bot").unwrap(),
        "github",
        ProviderCapabilities::new(Issuer::Api, Fate::Survives),
    )
    .with_predecessor(OldToken::held(Possession::Held, token.fingerprint(), None).with_companion(true))
    .with_place(place)
}

/// One of each, as a journal would read them back. What they say of tokens is of those that are secret.
fn facts() -> Vec<Fact> {
    let token = canary::token();
    let at = "2030-01-01T00:00:00Z";
    let slot = json!({ "version": "1" });
    let verification = json!({ "works": "proven", "new": "unknown" });
    let problem = json!({ "kind": "protocol", "effect": "unknown", "text": "it was not understood" });
    let guide = serde_json::to_value(Guide::new("Make a token")).unwrap();
    let grant = serde_json::to_value(Grant::of(&token, "build-bot")).unwrap();
    let refusal = json!({ "lacks": [{ "lack": "unknown_access" }] });
    let label = "tokenturn-bot-1";
    let fact = |name: &str, of: Value| {
        let mut fact = json!({ "fact": name });
        fact.as_object_mut().unwrap().extend(of.as_object().unwrap().clone());
        serde_json::from_value(fact).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    vec![
        Fact::Begun(Box::new(charter())),
        fact("resumed", json!({ "by": "engine" })),
        fact("predecessor_looked", json!({ "standing": "live", "owner": "build-bot" })),
        fact("preflighted", json!({ "consumer": "a", "slot": slot, "baseline": verification })),
        fact("issuing", json!({ "attempt": 1, "label": label, "look_after": at })),
        fact("token_asked", json!({ "attempt": 1, "guide": guide })),
        fact("issue_pending", json!({ "attempt": 1, "guide": guide, "poll_after": at, "until": at })),
        fact("collecting", json!({ "attempt": 1, "look_after": at })),
        fact(
            "issued",
            json!({ "attempt": 1, "origin": "minted", "fingerprint": token.fingerprint(), "companion": true }),
        ),
        fact("orphans_found", json!({ "attempt": 1, "ids": ["7"] })),
        fact("orphan_possible", json!({ "attempt": 1, "label": label })),
        fact("token_lost", json!({ "attempt": 1, "label": label })),
        fact("admitted", json!({ "grant": grant, "warnings": [] })),
        fact("refused", json!({ "refusal": refusal, "grant": grant })),
        fact("candidate_died", json!({})),
        fact("installing", json!({ "consumer": "a" })),
        fact("installation_asked", json!({ "consumer": "a", "guide": guide })),
        fact("installed", json!({ "consumer": "a", "slot": slot })),
        fact("verified", json!({ "consumer": "a", "verification": verification })),
        fact("relapsed", json!({ "consumer": "a", "verification": verification, "since": at, "again_at": at })),
        fact("cut_over", json!({})),
        fact("draining", json!({ "until": at })),
        fact("last_looked", json!({})),
        fact("revoking", json!({ "token": "old", "reason": "superseded" })),
        fact("revocation_answered", json!({ "token": "old", "look_after": at })),
        fact("deletion_asked", json!({ "token": "old", "guide": guide })),
        fact("still_alive", json!({ "token": "old" })),
        fact("revoked", json!({ "token": "old", "proof": "seen" })),
        fact("verified_after", json!({ "consumer": "a", "verification": verification })),
        fact("rolling_back", json!({ "because": problem })),
        fact("restoring", json!({ "consumer": "a" })),
        fact("restoration_asked", json!({ "consumer": "a", "guide": guide })),
        fact("restored", json!({ "consumer": "a", "slot": slot })),
        fact("restore_verified", json!({ "consumer": "a", "verification": verification })),
        fact("stumbled", json!({ "act": "issue", "problem": problem, "since": at, "again_at": at })),
        fact("gave_up", json!({ "act": "issue", "problem": problem })),
        fact("revealed", json!({ "consumer": "a" })),
        fact("decided", json!({ "decision": { "decision": "retry" } })),
        fact("overdue", json!({ "since": at })),
        fact("emergency", json!({ "compromised": "old", "mode": "revoke_first" })),
        fact("ended", json!({ "ending": { "ending": "abandoned" } })),
    ]
}

pub(super) fn show(said: &Said) {
    let facts = facts();
    let name = |fact: &Fact| format!("{fact:?}").split([' ', '(']).next().unwrap().to_owned();
    let shown: Vec<String> = facts.iter().map(name).collect();
    let missing: Vec<String> = variants().into_iter().filter(|name| !shown.contains(name)).collect();
    assert!(missing.is_empty(), "no event of these facts: {missing:?}");
    for (seq, fact) in facts.iter().enumerate() {
        let event =
            json!({ "credential": "bot", "run": "run-1", "seq": seq, "at": "2030-01-01T00:00:00Z", "fact": fact });
        let event: Event = serde_json::from_value(event).unwrap();
        specimen!(said, *fact, event);
        said.event(&event);
    }
    let charter = charter();
    let state = State::begin(charter.clone());
    specimen!(said, state, next(&state), charter, charter.predecessor, charter.places[0], charter.source, charter.old);
    specimen!(said, Step::Do(Act::Issue), Act::Issue, Wait::Token, TokenRef::Old, Floor::of(&charter.places[0].can));
    specimen!(
        said,
        Possession::Held,
        Origin::Minted,
        Standing::Live,
        Death::Seen,
        Compromised::Old,
        Urgency::ReplaceNow
    );
    specimen!(said, Source::Issue, Decision::Retry, Ending::Abandoned, OldEnd::Kept, Expiry::Never);
    let holding = json!({ "consumer": "a", "tokens": ["old"], "forgotten": false });
    let orphan = json!({ "label": "tokenturn-bot-1", "id": "7", "expiry": "never" });
    let completion = json!({
        "fingerprint": canary::token().fingerprint(), "old": "kept", "holdings": [holding], "orphans": [orphan],
    });
    let completion: Completion = serde_json::from_value(completion).unwrap();
    let (holding, orphan): (&Holding, &Orphan) = (&completion.holdings[0], &completion.orphans[0]);
    specimen!(said, *holding, *orphan, Outcome::Completed(completion.clone()), completion, TokenId::new("7").unwrap());
    let refusal = json!({ "ask": "cure", "refusal": { "lacks": [{ "lack": "dead", "hint": null }] } });
    let ask: Ask = serde_json::from_value(refusal).unwrap();
    let Ask::Cure { refusal, .. } = &ask else { panic!("{ask:?}") };
    specimen!(said, ask, *refusal, Lack::UnknownAccess);
}

/// The facts that there are, as they are written.
fn variants() -> Vec<String> {
    let text = fs::read_to_string([env!("CARGO_MANIFEST_DIR"), "/src/rotation/fact.rs"].concat()).unwrap();
    let (_, body) = text.split_once("pub enum Fact {").unwrap();
    let (body, _) = body.split_once("\n}").unwrap();
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    lines
        .filter(|line| line.starts_with(char::is_uppercase))
        .map(|line| line.split([' ', '(', ',']).next().unwrap().to_owned())
        .collect()
}
