//! What a person is told, and what they get wrong.

#![expect(clippy::missing_errors_doc, reason = "a law answers why it was not shown to be kept")]

use super::super::law::{demand, in_time, violated};
use super::scene::{Basis, Scene, by_person, named, text};
use super::{Exception, NotApplicable, Person, Ruling, Stage};
use crate::clock::Clock as _;
use crate::provider::{Issuance, Revocation};
use crate::token::{Reason, RetiredToken, ScopePolicy, Token, UnknownAccess};

fn chooses_nothing() -> NotApplicable {
    NotApplicable::because("whoever agrees chooses nothing")
}

/// The guide that makes a token says what it must be called. One that ends a token names its row, and the row that must not
/// be mistaken for it.
pub async fn a_guide_names_the_token_and_the_row_that_goes(stage: Stage) -> Ruling {
    let scene = Scene::open(&stage).await?;
    by_person(&scene.can())?;
    let label = scene.label()?;
    let guide = match scene.try_ask(&label, Basis::token(&scene.current)).await? {
        Ok(Issuance::Guided(guide)) => guide,
        Ok(Issuance::Pending { .. }) => return Err(chooses_nothing().into()),
        other => return violated(format!("a person makes its tokens, and `issue` gives no guide: {other:?}")),
    };
    demand(text(&guide).contains(label.as_str()), || {
        "the guide does not say what to call the token: nobody finds the row again that must go one day".to_owned()
    })?;
    let (old, new) = (named("tokenturn-old-row-1")?, named("tokenturn-new-row-2")?);
    let retired = RetiredToken::new(None, None, None, Some(old.clone()), Reason::Superseded);
    match scene.provider.revoke(&retired.with_successor(Some(new.clone()))).await {
        Ok(Revocation::Guided(guide)) => {
            let said = text(&guide);
            demand(said.contains(old.as_str()), || {
                "the guide that ends a token does not name it: say which row goes".to_owned()
            })?;
            demand(said.contains(new.as_str()), || {
                "the guide that ends a token does not name its successor: people delete the wrong row".to_owned()
            })
        }
        other => violated(format!(
            "a token of which nothing but its label is known is ended by a person, and not so: {other:?}"
        )),
    }
}

/// A token that a person made with other scopes, or of another account, is not what was asked for, and that shows.
pub async fn a_token_that_a_person_got_wrong_is_not_admitted(stage: Stage) -> Ruling {
    let mut shown = Err(chooses_nothing().into());
    for person in [Person::WrongScopes, Person::WrongAccount] {
        let scene = Scene::open(&stage).await?;
        by_person(&scene.can())?;
        // What nobody can get wrong needs no look.
        let Some(token) = made_by(&scene, person).await? else {
            continue;
        };
        let mut policy = ScopePolicy::requiring(scene.terms.scopes.clone());
        policy.unknown = UnknownAccess::AcceptProbed;
        policy.owners = scene.terms.owner.clone().into_iter().collect();
        let now = scene.source.clock().now();
        match scene.try_inspect(&token).await? {
            Ok(grant) => demand(!policy.judge(&grant, scene.provider.scopes(), now).lacks.is_empty(), || {
                format!(
                    "a person made a token ({person:?}), and what `inspect` says of it is all that was asked for: say what the \
                     far side says"
                )
            })?,
            // Whoever waits for that to pass never tells the person.
            Err(error) => demand(!error.is_transient(), || {
                format!(
                    "a person made a token ({person:?}), and `inspect` says of it that waiting helps: say what is wrong with \
                     it, in an error that is permanent: {error}"
                )
            })?,
        }
        shown = Ok(());
    }
    shown
}

/// The token that comes of a guide which is followed like this; nothing where nobody can.
async fn made_by(scene: &Scene, person: Person) -> Result<Option<Token>, Exception> {
    let label = scene.label()?;
    let (guide, ticket) = match scene.try_ask(&label, Basis::token(&scene.current)).await? {
        Ok(Issuance::Guided(guide)) => (guide, None),
        Ok(Issuance::Pending { guide, ticket, .. }) => (guide, Some(ticket)),
        other => return violated(format!("a person makes its tokens, and `issue` gives no guide: {other:?}")),
    };
    match (scene.source.follow(&guide, person).await, ticket) {
        (Err(_), _) => Ok(None),
        (Ok(Some(token)), None) => Ok(Some(token)),
        (Ok(None), Some(ticket)) => match in_time("collect", scene.provider.collect(&ticket)).await? {
            Ok(Issuance::Minted(candidate)) => Ok(Some(candidate.token)),
            other => violated(format!(
                "somebody agreed ({person:?}), and `collect` gives no token: hand it over, as it lives, and let `inspect` say what \
                 it is: {other:?}"
            )),
        },
        (Ok(_), _) => violated("a paste belongs to `Guided`, and an agreement to `Pending`: answer the one that fits"),
    }
}
