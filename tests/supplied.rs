//! A provider out of the caller's own functions, in whole rotations.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokenturn::consumer::ConsumerCapabilities;
use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::journal::Seq;
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::provider::{Candidate, Fate, Issuer, Liveness, Provider, Revocation, Supplied, Wish};
use tokenturn::rotation::{Death, Fact, OldEnd, TokenRef};
use tokenturn::testing::VirtualClock;
use tokenturn::{Ask, Decision, Effect, Error, ErrorKind, Grant, Guide, Label, Outcome, Policy, Predecessor};
use tokenturn::{RetiredToken, Rotator, Run, ScopeModel, Token, TokenId};

/// A system of the caller's: tokens by their label.
#[derive(Clone, Default)]
struct Vault {
    tokens: Arc<Mutex<Vec<(String, Token)>>>,
    /// How many answers to issuing are lost.
    lost: Arc<Mutex<u32>>,
    wishes: Arc<Mutex<Vec<Wish>>>,
}

impl Vault {
    fn put(&self, label: &str) -> Token {
        let token = Token::new(&format!("vault-FAKE-{label}")).unwrap();
        self.tokens.lock().unwrap().push((label.to_owned(), token.clone()));
        token
    }

    fn has(&self, token: &Token) -> bool {
        self.tokens.lock().unwrap().iter().any(|(_, kept)| kept == token)
    }

    fn newest(&self) -> Token {
        self.tokens.lock().unwrap().last().unwrap().1.clone()
    }

    /// Ended past its interface.
    fn drop(&self, token: &Token) {
        self.tokens.lock().unwrap().retain(|(_, kept)| kept != token);
    }

    fn issue(&self, wish: &Wish) -> tokenturn::Result<Candidate> {
        let token = self.put(wish.label.as_str());
        self.wishes.lock().unwrap().push(wish.clone());
        let mut lost = self.lost.lock().unwrap();
        if *lost > 0 {
            *lost -= 1;
            return Err(Error::new(ErrorKind::Unavailable, "the vault did not answer").with_effect(Effect::Unknown));
        }
        Ok(Candidate::new(token).with_id(TokenId::new(wish.label.as_str()).ok()))
    }

    fn inspect(&self, token: &Token) -> tokenturn::Result<Grant> {
        if self.has(token) {
            return Ok(Grant::of(token, "bot"));
        }
        Err(Error::new(ErrorKind::Unauthenticated, "the vault does not know this token"))
    }

    fn end(&self, token: &RetiredToken) -> Revocation {
        let ended = |label: &String, kept: &Token| {
            Some(kept) == token.value() || token.id().is_some_and(|id| id.as_str() == label)
        };
        self.tokens.lock().unwrap().retain(|(label, kept)| !ended(label, kept));
        Revocation::Done
    }

    /// A provider that issues and looks, and nothing else.
    fn bare(&self) -> Supplied {
        let (issues, looks) = (self.clone(), self.clone());
        Supplied::new(
            "vault",
            move |wish: Wish| {
                let vault = issues.clone();
                async move { vault.issue(&wish) }
            },
            move |token: Token| {
                let vault = looks.clone();
                async move { vault.inspect(&token) }
            },
        )
        .reissuing()
    }

    fn ending(&self) -> Supplied {
        let ends = self.clone();
        self.bare().ending_by_id(move |token: RetiredToken| {
            let vault = ends.clone();
            async move { Ok(vault.end(&token)) }
        })
    }

    fn finding(&self) -> Supplied {
        let finds = self.clone();
        self.ending().finding(move |label: Label| {
            let vault = finds.clone();
            async move {
                let tokens = vault.tokens.lock().unwrap();
                tokens.iter().filter(|(name, _)| name == label.as_str()).map(|(name, _)| TokenId::new(name)).collect()
            }
        })
    }
}

fn rotator(provider: Supplied) -> Rotator {
    let place = MemoryConsumer::new("ci", &MemoryProvider::new()).unwrap();
    Rotator::builder("bot", provider)
        .consumer(place.with_capabilities(ConsumerCapabilities::new("ci")))
        .policy(Policy::default().grace(Duration::ZERO).linger(Duration::from_hours(1)))
        .clock(Arc::new(VirtualClock::new()))
        .build()
        .unwrap()
}

#[tokio::test]
async fn the_callers_code_issues_and_ends() {
    let vault = Vault::default();
    let old = vault.put("old");
    let run = rotator(vault.ending()).rotate(Predecessor::Held(old.clone())).await.unwrap();
    let Outcome::Completed(completion) = &run.outcome else { panic!("{run:?}") };
    assert_eq!(completion.old, OldEnd::Dead(Death::Seen));
    assert!(!vault.has(&old));
    let wishes = vault.wishes.lock().unwrap();
    assert_eq!((wishes[0].owner.as_deref(), &wishes[0].current), (Some("bot"), &Some(old)));
}

#[tokio::test]
async fn what_was_not_handed_in_is_not_claimed() {
    let provider = Vault::default().bare();
    let can = provider.capabilities();
    assert_eq!((can.issuer, can.fate), (Issuer::Api, Fate::Survives));
    assert!(!can.finds_by_label && !can.status_by_id && !can.ends_by_id);
    assert_eq!(provider.scopes(), ScopeModel::NONE);
    let id = TokenId::new("x").unwrap();
    assert_eq!(provider.status(&id).await.unwrap_err().kind(), ErrorKind::Unsupported);
    let label = Label::new("x").unwrap();
    assert_eq!(provider.find(&label).await.unwrap_err().kind(), ErrorKind::Unsupported);
    let with = provider.with_status(|_| async { Ok(Liveness::Dead) }).with_fate(Fate::Dies);
    assert_eq!(with.status(&id).await.unwrap(), Liveness::Dead);
    assert!(with.capabilities().status_by_id && with.capabilities().fate == Fate::Dies);
}

#[tokio::test]
async fn without_a_function_that_ends_a_person_is_asked() {
    let vault = Vault::default();
    let old = vault.put("old");
    let bot = rotator(vault.bare());
    let run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
    let Outcome::AwaitingPerson { asks, .. } = &run.outcome else { panic!("{run:?}") };
    assert!(matches!(asks[0], Ask::Deletion { .. }));
    vault.tokens.lock().unwrap().retain(|(_, kept)| *kept != old);
    let run = bot.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{run:?}");
}

/// A token that only a person can end, at a provider that ends others by an interface; the first rotation waits for that.
async fn asked_to_end(vault: &Vault) -> (Rotator, Run, Token, Token) {
    let old = vault.put("old");
    let guided = |_| async { Ok(Revocation::Guided(Guide::new("End it by hand"))) };
    let bot = rotator(vault.bare().ending(guided));
    let run = bot.rotate(Predecessor::Held(old.clone())).await.unwrap();
    assert!(matches!(&run.outcome, Outcome::AwaitingPerson { asks, .. } if matches!(asks[0], Ask::Deletion { .. })));
    let new = vault.newest();
    (bot, run, old, new)
}

#[tokio::test]
async fn the_wrong_row_deleted_is_found_where_others_are_ended_by_an_interface() {
    let vault = Vault::default();
    let (bot, run, old, new) = asked_to_end(&vault).await;
    vault.drop(&new);
    let run = bot.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
    let Outcome::NeedsPerson { problems, .. } = &run.outcome else { panic!("nobody noticed: {run:?}") };
    assert!(problems[0].text.contains("wrong row"), "{problems:?}");
    assert!(vault.has(&old));
}

#[tokio::test]
async fn a_refusal_proves_no_death_while_the_other_token_is_refused_too() {
    let vault = Vault::default();
    let (bot, run, old, new) = asked_to_end(&vault).await;
    vault.drop(&new);
    vault.drop(&old);
    let run = bot.resolve(run.id, Decision::RevokedByHand(TokenRef::Old)).await.unwrap();
    assert!(matches!(run.outcome, Outcome::NeedsPerson { .. }), "{run:?}");
    let proven = async || {
        let events = bot.events(Seq::ZERO).await.unwrap();
        events.iter().any(|event| matches!(event.fact, Fact::Revoked { token: TokenRef::Old, .. }))
    };
    assert!(!proven().await, "whoever refuses both may refuse all");
    // Beside one that is taken, it is proven.
    let run = bot.resolve(run.id, Decision::Retry).await.unwrap();
    let Outcome::Completed(completion) = &run.outcome else { panic!("{run:?}") };
    assert_eq!(completion.old, OldEnd::Dead(Death::Seen));
    assert!(proven().await && vault.has(&vault.newest()));
}

#[test]
fn that_it_renews_is_claimed() {
    let provider = Vault::default().bare();
    assert!(!provider.capabilities().renews);
    assert!(provider.renewing().capabilities().renews);
}

#[tokio::test]
async fn a_lost_answer_is_looked_for_where_that_was_handed_in() {
    let vault = Vault::default();
    let old = vault.put("old");
    *vault.lost.lock().unwrap() = 1;
    let run = rotator(vault.finding()).rotate(Predecessor::Held(old)).await.unwrap();
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{run:?}");
    assert_eq!(vault.tokens.lock().unwrap().len(), 1, "the orphan was ended");
}

#[tokio::test]
async fn a_lost_answer_that_nobody_can_look_for_is_reported() {
    let vault = Vault::default();
    let old = vault.put("old");
    *vault.lost.lock().unwrap() = 1;
    let run = rotator(vault.ending()).rotate(Predecessor::Held(old)).await.unwrap();
    let Outcome::Completed(completion) = &run.outcome else { panic!("{run:?}") };
    assert_eq!(completion.orphans.len(), 1, "it may live, and is not silent: {completion:?}");
}

#[test]
fn what_is_printed_of_it_holds_no_function_and_no_secret() {
    let printed = format!("{:?}", Vault::default().ending());
    assert!(printed.contains("vault") && !printed.contains("FAKE"), "{printed}");
}
