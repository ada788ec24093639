//! What has no room for a secret: names, times, terms, plans of time.

use std::collections::BTreeMap;
use std::time::Duration;

use tokenturn::consumer::{ConsumerCapabilities, ConsumerTrips, Installation, Order, Proof, Slot, Verification};
use tokenturn::journal::Current;
use tokenturn::provider::{EndedBy, Fate, Issuer, Liveness, ProviderCapabilities, ProviderTrips};
use tokenturn::rotation::{OldPolicy, OnFailure};
use tokenturn::schedule::{ChangeWindow, Freeze, Shift, Weekday, Why};
use tokenturn::{
    Access, Answer, ConsumerName, CredentialName, Excess, Expiry, Format, GitLabAccessLevel, Grant, Guide, Hint,
    Holder, Label, Lack, Patience, Policy, Probe, Reason, Restriction, RunId, Schedule, Scope, ScopeModel, ScopePolicy,
    ScopeSet, SystemClock, Timestamp, TokenId, UnknownAccess,
};

use crate::canary;
use crate::channels::{Otherwise as _, Said};

pub(super) fn show(said: &Said) {
    let token = canary::token();
    let now = Timestamp::from_unix_seconds(1_900_000_000);
    let scopes = ScopeSet::of(["repo", "admin:org"]);
    specimen!(said, Scope::new("repo"), scopes, ScopeModel::GITHUB_CLASSIC, now, SystemClock::new());
    let restriction = Restriction::SingleSignOn { organizations: vec!["acme".to_owned()] };
    let grant = Grant::of(&token, "build-bot")
        .with_access(Access::Scopes(scopes.clone()))
        .with_expiry(Expiry::At(now))
        .with_restriction(restriction.clone())
        .with_probe(Probe::new("acme/site", Answer::Refuted).for_good());
    specimen!(said, grant, Access::Permissions(BTreeMap::new()), Access::Owner, Expiry::Never, Answer::Proven);
    specimen!(said, restriction, Probe::new("acme/site", Answer::Proven), Format::GitHubClassic, Hint::Trimmed);
    let strict = ScopePolicy::requiring(ScopeSet::of(["workflow"]));
    let verdict = strict.judge(&grant, ScopeModel::GITHUB_CLASSIC, now);
    let lack = Lack::Dead { hint: token.hints().first().copied() };
    specimen!(said, strict, verdict, lack, Excess::Warn, UnknownAccess::Refuse, Reason::Orphan);
    specimen!(said, CredentialName::new("bot").unwrap(), ConsumerName::new("a").unwrap(), TokenId::new("1").unwrap());
    specimen!(said, Holder::new("a").unwrap(), RunId::new("run-1").unwrap(), Label::new("tokenturn-1").unwrap());
    specimen!(
        said,
        ConsumerCapabilities::new("Jenkins"),
        Order::Canary,
        Proof::Always,
        Slot::at("1").with_warning("w")
    );
    specimen!(said, Installation::Done(Slot::opaque()), Verification::new(Answer::Proven, Answer::Unknown));
    specimen!(said, ProviderCapabilities::new(Issuer::Api, Fate::Dies), Issuer::Person, Fate::Survives, EndedBy::Api);
    specimen!(said, ConsumerTrips::new(1, 2, 3), ProviderTrips::new(1, 2, 3));
    specimen!(said, Liveness::Alive, OldPolicy::Keep, OnFailure::Hold, GitLabAccessLevel::Maintainer);
    let guide = Guide::new("Make a token").with_step("name", "Name it").with_deadline(now);
    specimen!(said, guide, guide.steps[0]);
    let patience = Patience::new(Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(3));
    specimen!(said, patience, Policy::default().patience(patience));
    let window = ChangeWindow::new(Weekday::ALL, 22, 0, Duration::from_hours(2));
    let freeze = Freeze::new(now, now.plus(Duration::from_hours(1)));
    let schedule = Schedule::default().window(window.clone()).freeze(freeze);
    let current = Current::new(token.fingerprint(), "github", now);
    let due = schedule.due(&CredentialName::new("bot").unwrap(), &current, Issuer::Api, now);
    specimen!(said, window, freeze, schedule, due, Weekday::Monday, Why::Margin, Shift::Later, current);
}
