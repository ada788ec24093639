//! A visit to a place: look, install, verify.

use tokenturn::consumer::Installation;
use tokenturn::testing::Trouble;
use tokenturn::testing::consumer::FarSide;
use tokenturn::testing::law::NotApplicable;
use tokenturn::{AdmittedToken, Answer, Effect, Fingerprint};

use crate::attack::Attack;
use crate::verdict::Visit;

/// Plays the attack on the request of this number, and sees what the place and the consumer say then.
pub(crate) async fn visit(far: Box<dyn FarSide>, at: usize, attack: &Attack) -> Result<Visit, NotApplicable> {
    let new = far.new_token();
    visit_with(far, at, attack, &new).await
}

/// The same with another token to install.
pub(crate) async fn visit_with(
    far: Box<dyn FarSide>,
    at: usize,
    attack: &Attack,
    new: &AdmittedToken,
) -> Result<Visit, NotApplicable> {
    for _ in 0..at {
        far.trap(Trouble::Pass).await?;
    }
    far.trap(Trouble::Forged(attack.forgery.clone())).await?;
    let mut visit = Visit::default();
    let (consumer, rest) = (far.consumer(), far.rest().await.ok());
    let looked = consumer.preflight().await;
    visit.hear("preflight", &looked);
    if let Ok(slot) = looked {
        let installed = consumer.install(new, &slot).await;
        visit.hear("install", &installed);
        far.settle().await;
        let holds = far.stored().await;
        match installed {
            Ok(Installation::Done(slot)) => {
                visit.demand(is(&holds, new), || {
                    "`install` says that it is done, and the place holds another".to_owned()
                });
                let asked = consumer.verify(new, &slot).await;
                visit.hear("verify", &asked);
                let proven = asked.is_ok_and(|seen| seen.new == Answer::Proven);
                visit.demand(!proven || is(&holds, new), || "`verify` proves what is not there".to_owned());
            }
            Err(error) if error.effect() == Effect::None => visit.demand(is(&holds, &far.old_token()), || {
                format!("`install` says that nothing happened, and the place holds another than before: {error}")
            }),
            _ => {}
        }
    }
    let holds = far.stored().await;
    let ours = is(&holds, new) || is(&holds, &far.old_token());
    visit.demand(ours, || "the place holds neither the old token nor the new one".to_owned());
    visit.demand(rest == far.rest().await.ok(), || "what lies beside the token is otherwise than before".to_owned());
    visit.ears.hear("Debug of the consumer", format!("{consumer:?} {consumer:#?} {:?}", consumer.capabilities()));
    (visit.met, visit.lied) = (attack.forgery.met(), attack.forgery.lied());
    Ok(visit)
}

/// Whether this token is there, or nobody can look.
fn is(holds: &Result<Option<Fingerprint>, NotApplicable>, token: &AdmittedToken) -> bool {
    holds.as_ref().map_or(true, |holds| *holds == Some(token.fingerprint()))
}
