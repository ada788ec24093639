//! Plays attacks on one service, and gathers what came of them.

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{FutureExt as _, StreamExt as _, stream};
use tokenturn::testing::law::{Exception, NotApplicable, Stage};
use tokenturn::testing::leak::{Ears, Search};
use tokenturn::testing::{Forgery, consumer, provider};

use crate::attack::Attack;
use crate::stages::elsewhere;
use crate::verdict::Visit;
use crate::{place, source};

/// So many visits at once: what never answers is waited for together.
const AT_ONCE: usize = 8;

/// Whoever is not back by then has no timeout.
const LIMIT: Duration = Duration::from_mins(1);

static ALONE: Mutex<()> = Mutex::new(());

/// Waits for the turn of a test: side by side they would take the time from each other that their requests have.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A service of the stages.
#[derive(Clone)]
pub(crate) enum Service {
    Place(consumer::Stage),
    Source(provider::Stage),
}

/// How many attacks were played, or why that was not shown to go well.
pub(crate) type Played = Result<usize, Exception>;

/// One service, and the runtime of one thread on which it is played.
pub(crate) struct Player {
    pub(crate) service: Service,
    pub(crate) runtime: tokio::runtime::Runtime,
    /// Whoever is not back by then has no timeout.
    pub(crate) limit: Duration,
}

impl Player {
    pub(crate) fn new(service: Service) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        Self { service, runtime, limit: LIMIT }
    }

    /// So many of the attacks on every request, in turn, so that each is played somewhere.
    pub(crate) fn in_turn(&self, attacks: &[Attack], each: usize) -> Played {
        none_is_led_astray(|| {
            let turns = turns(attacks, self.requests()?, each);
            judged(&self.runtime.block_on(self.visits(turns))?)
        })
    }

    /// Every attack on all requests at once.
    pub(crate) fn on_all_requests(&self, attacks: &[Attack]) -> Played {
        none_is_led_astray(|| {
            let lasting = |attack: &Attack| Attack::new(attack.name.clone(), attack.forgery.anew().lasting());
            let all = attacks.iter().map(|attack| (0, lasting(attack))).collect();
            judged(&self.runtime.block_on(self.visits(all))?)
        })
    }

    /// The same as in turn, one after the other: what each allocates is counted.
    pub(crate) fn counted(&self, attacks: &[Attack], each: usize, most: u64) -> Played {
        let turns = turns(attacks, self.requests()?, each);
        let mut played = 0;
        for (at, attack) in turns {
            let name = attack.name.clone();
            let mut came = None;
            let work = allocation_counter::measure(|| {
                came = Some(self.runtime.block_on(self.visits(vec![(at, attack)])));
            });
            played += judged(&came.unwrap_or(Ok(Vec::new()))?)?;
            if work.bytes_total > most {
                return Err(Exception::Violated(format!(
                    "{name} at request {at}: {} bytes were allocated",
                    work.bytes_total
                )));
            }
        }
        Ok(played)
    }

    /// The same as in turn, and nothing that is said or logged holds a secret.
    pub(crate) fn overheard(&self, attacks: &[Attack], each: usize) -> Played {
        let turns = turns(attacks, self.requests()?, each);
        let ears = Ears::new();
        let listening = ears.listen();
        let visits = self.runtime.block_on(self.visits(turns))?;
        drop(listening);
        for (who, what) in visits.iter().flat_map(|visit| visit.ears.heard()) {
            ears.hear(who, what);
        }
        let secrets = self.runtime.block_on(self.secrets())?;
        match Search::of(secrets).among(&ears).first() {
            Some(who) => Err(Exception::Violated(format!("{who} says a secret"))),
            None => judged(&visits),
        }
    }

    /// Every attack on every request, and what came of each.
    pub(crate) fn at_each(&self, attacks: &[Attack]) -> Result<Vec<Visit>, Exception> {
        let requests = self.requests()?;
        let all = attacks.iter().flat_map(|attack| (0..requests).map(move |at| (at, attack.anew())));
        self.runtime.block_on(self.visits(all.collect()))
    }

    /// How many requests a visit makes.
    pub(crate) fn requests(&self) -> Result<usize, Exception> {
        let nothing = Attack::new("nothing", Forgery::of_the_truth().lasting());
        let visits = self.runtime.block_on(self.visits(vec![(0, nothing)]))?;
        judged(&visits)?;
        Ok(visits.iter().map(|visit| visit.met).sum())
    }

    /// Each attack on the request of its number.
    pub(crate) async fn visits(&self, attacks: Vec<(usize, Attack)>) -> Result<Vec<Visit>, Exception> {
        let visits = stream::iter(attacks).map(|(at, attack)| async move {
            let mut visit = self.visit(at, &attack).await?;
            // On a busy machine, something else may have failed before.
            if visit.met == 0 && visit.wrong.is_empty() {
                visit = self.visit(at, &attack).await?;
                visit.demand(visit.met > 0, || "the attack met no request".to_owned());
            }
            for wrong in &mut visit.wrong {
                *wrong = format!("{} at request {at}: {wrong}", attack.name);
            }
            Ok(visit)
        });
        visits.buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().collect()
    }

    async fn visit(&self, at: usize, attack: &Attack) -> Result<Visit, Exception> {
        let visiting = async {
            Ok::<_, Exception>(match &self.service {
                Service::Place(stage) => place::visit(raised(stage).await?, at, attack).await?,
                Service::Source(stage) => source::visit(raised(stage).await?, at, attack).await?,
            })
        };
        self.in_time(visiting).await.unwrap_or_else(|wrong| Ok(Visit::gone_wrong(wrong)))
    }

    /// What comes of it, unless it hangs or panics.
    pub(crate) async fn in_time<T>(&self, future: impl Future<Output = T>) -> Result<T, String> {
        match tokio::time::timeout(self.limit, AssertUnwindSafe(future).catch_unwind()).await {
            Ok(Ok(came)) => Ok(came),
            Ok(Err(_)) => Err("it panicked".to_owned()),
            Err(_) => Err(format!("it was not back after {:?}", self.limit)),
        }
    }

    async fn secrets(&self) -> Result<Vec<String>, Exception> {
        Ok(match &self.service {
            Service::Place(stage) => {
                let far = raised(stage).await?;
                let tokens = [far.old_token(), far.new_token()].map(|token| token.token().expose().to_owned());
                far.secrets().into_iter().chain(tokens).collect()
            }
            Service::Source(stage) => {
                let source = raised(stage).await?;
                let current = source.current();
                let tokens = [Some(current.token), current.companion].into_iter().flatten();
                source.secrets().into_iter().chain(tokens.map(|token| token.expose().to_owned())).collect()
            }
        })
    }
}

/// Whatever is played, nobody comes where they were not sent.
fn none_is_led_astray(play: impl FnOnce() -> Played) -> Played {
    let before = elsewhere().visits();
    let played = play()?;
    // Who connects is counted by another thread.
    std::thread::sleep(Duration::from_millis(20));
    match elsewhere().visits() - before {
        0 => Ok(played),
        visits => Err(Exception::Violated(format!("another host was asked {visits} times"))),
    }
}

/// Raises it again where a busy machine took the time from its first requests.
pub(crate) async fn raised<S: ?Sized>(stage: &Stage<S>) -> Result<Box<S>, Exception> {
    for again in 0..6 {
        if let Ok(raised) = stage.raise().await {
            return Ok(raised);
        }
        tokio::time::sleep(Duration::from_millis(500 << again)).await;
    }
    stage.raise().await
}

/// So many of them on every request, in turn; on again from the first request until each was.
fn turns(attacks: &[Attack], requests: usize, each: usize) -> Vec<(usize, Attack)> {
    let all = if requests == 0 { 0 } else { attacks.len().max(each * requests) };
    (0..all).map(|turn| (turn / each % requests, attacks[turn % attacks.len()].anew())).collect()
}

/// The first thing that went wrong, or how many there were.
pub(crate) fn judged(visits: &[Visit]) -> Played {
    match visits.iter().flat_map(|visit| &visit.wrong).next() {
        Some(wrong) => Err(Exception::Violated(wrong.clone())),
        None => Ok(visits.len()),
    }
}

/// It does not apply to a service, for this reason.
pub(crate) fn not_applicable(reason: &str) -> Played {
    Err(NotApplicable::because(reason).into())
}
