//! A visit to a source: look, issue, look again, ask by id and by label, revoke.

use tokenturn::provider::{Candidate, Fate, Issuance, IssueRequest, Provider, Revocation};
use tokenturn::testing::law::NotApplicable;
use tokenturn::testing::provider::{Person, Source};
use tokenturn::testing::{Trouble, retired_pair};
use tokenturn::{CredentialName, Effect, Error, ErrorKind, Label, Token};

use crate::attack::Attack;
use crate::verdict::Visit;

/// Plays the attack on the request of this number, and sees what the source and the provider say then.
pub(crate) async fn visit(source: Box<dyn Source>, at: usize, attack: &Attack) -> Result<Visit, NotApplicable> {
    for _ in 0..at {
        source.trap(Trouble::Pass).await?;
    }
    source.trap(Trouble::Forged(attack.forgery.clone())).await?;
    let mut visit = Visit::default();
    let (provider, current) = (source.provider(), source.current());
    looked(&*source, &*provider, &current.token, &mut visit).await;
    let before = source.living().await.ok();
    let label = Label::new("tokenturn-0a1b2c3d4e5f6a7b-1").unwrap();
    let issued = issued(&*source, &*provider, &label, &current).await?;
    visit.hear("issue", &issued);
    match issued {
        Err(error) if error.effect() == Effect::None => {
            let living = source.living().await.ok();
            let lives = source.lives(&current.token).await.unwrap_or(true);
            visit.demand(living == before && lives, || {
                format!("`issue` says that nothing happened, and of {before:?} tokens {living:?} live: {error}")
            });
        }
        Err(_) => {}
        Ok(made) => {
            let lives = source.lives(&made.token).await.unwrap_or(true);
            visit.demand(lives, || "`issue` gave a token that never was one".to_owned());
            afterwards(&*source, &*provider, &label, &made, &mut visit).await;
        }
    }
    if provider.capabilities().fate == Fate::Survives {
        let lives = source.lives(&current.token).await.unwrap_or(true);
        visit.demand(lives, || "the current token was ended, and nobody had asked for that".to_owned());
    }
    visit.ears.hear("Debug of the provider", format!("{provider:?} {provider:#?} {:?}", provider.capabilities()));
    (visit.met, visit.lied) = (attack.forgery.met(), attack.forgery.lied());
    Ok(visit)
}

/// Has a token made, with what a person does for it.
pub(crate) async fn issued(
    source: &dyn Source,
    provider: &dyn Provider,
    label: &Label,
    current: &Candidate,
) -> Result<Result<Candidate, Error>, NotApplicable> {
    let (name, terms) = (CredentialName::new("deploy-bot").unwrap(), source.terms());
    let request = IssueRequest::new(&name, label, &terms.scopes)
        .with_lifetime(terms.lifetime)
        .with_owner(terms.owner.as_deref())
        .with_current(Some(&current.token), current.companion.as_ref());
    Ok(match provider.issue(&request).await {
        Ok(Issuance::Minted(candidate)) => Ok(candidate),
        Ok(Issuance::Guided(guide)) => {
            source.follow(&guide, Person::Careful).await?.map(Candidate::new).ok_or_else(nothing)
        }
        Ok(Issuance::Pending { guide, ticket, .. }) => {
            source.follow(&guide, Person::Careful).await?;
            match provider.collect(&ticket).await {
                Ok(Issuance::Minted(candidate)) => Ok(candidate),
                Ok(_) => Err(nothing()),
                Err(error) => Err(error),
            }
        }
        Err(error) => Err(error),
    })
}

fn nothing() -> Error {
    Error::new(ErrorKind::Busy, "nobody made a token yet: wait").with_effect(Effect::Unknown)
}

/// What is asked about a token that was just made, and its end.
async fn afterwards(source: &dyn Source, provider: &dyn Provider, label: &Label, made: &Candidate, visit: &mut Visit) {
    looked(source, provider, &made.token, visit).await;
    let can = provider.capabilities();
    if let Some(id) = made.id.as_ref().filter(|_| can.status_by_id) {
        let status = provider.status(id).await;
        visit.hear("status", &status);
    }
    if can.finds_by_label {
        let found = provider.find(label).await;
        visit.hear("find", &found);
    }
    let ended = provider.revoke(&retired_pair(&made.token, made.companion.as_ref())).await;
    visit.hear("revoke", &ended);
    if let Ok(Revocation::Accepted { .. }) = ended {
        source.settle().await;
    }
}

/// Looks at a token. One that lives is not called dead.
async fn looked(source: &dyn Source, provider: &dyn Provider, token: &Token, visit: &mut Visit) {
    let looked = provider.inspect(token).await;
    visit.hear("inspect", &looked);
    let dead = looked.is_err_and(|error| error.kind() == ErrorKind::Unauthenticated);
    let lives = source.lives(token).await.unwrap_or(false);
    visit.demand(!(dead && lives), || "`inspect` calls a token dead that lives, and nobody had said so".to_owned());
}
