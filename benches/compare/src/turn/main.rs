//! The contestant of this crate: `turn JOURNAL WORLD FLEET PLACES K DIRECTORY` turns every token of the fleet's file, with at
//! most K requests under way, and goes on with what it finds begun in the directory.

#![forbid(unsafe_code)]

mod journal;
mod limited;
mod place;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, stream};
use secrecy::SecretString;
use tokenturn::journal::Span;
use tokenturn::{
    Clock as _, ErrorKind, GitLab, Http, Outcome, Patience, Policy, Predecessor, Result, Rotator, Run, SystemClock,
    Token,
};
use tokenturn_compare::{Done, KEY, Member, Said, peak_kb};
use tokio::sync::Semaphore;
use url::Url;

use journal::Kept;
use limited::Limited;
use place::Place;

/// Rotations that are open at a time, for each request that may be under way: one that waits for the disk sends none.
const OPEN: usize = 2;

/// What the rotations share.
struct Desk {
    world: Url,
    places: usize,
    http: Http,
    client: reqwest::Client,
    permits: Arc<Semaphore>,
    kept: Kept,
    done: Done,
    /// What a run before this one says it has done, where nothing else remembers that.
    before: BTreeSet<String>,
}

/// How one credential came out, and what is said of why.
enum Came {
    Round(Duration),
    BeforeUs,
    ToAPerson(String),
    ToNothing(String),
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, world, fleet, places, k, directory] = words.as_slice() else {
        return Err("turn JOURNAL WORLD FLEET PLACES K DIRECTORY".into());
    };
    let (k, directory): (usize, PathBuf) = (k.parse()?, directory.into());
    let kept = match Kept::open(kind, &directory).await? {
        Ok(kept) => kept,
        Err(why) => {
            println!("{}", serde_json::to_string(&Said { skipped: Some(why), ..Said::default() })?);
            return Ok(());
        }
    };
    let (before, done) = Done::open(directory.join("done"))?;
    let desk = Arc::new(Desk {
        world: world.parse()?,
        places: places.parse()?,
        http: Http::builder().allow_plain_http_on_loopback().concurrency(k).build()?,
        client: reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(5)).build()?,
        permits: Arc::new(Semaphore::new(k)),
        done,
        before: if kept.durable { BTreeSet::new() } else { before },
        kept,
    });
    let mut said = drive(&desk, Member::read(fleet.as_ref())?, k * OPEN).await;
    said.fsyncs = desk.kept.fsyncs();
    said.peak_kb = peak_kb();
    println!("{}", serde_json::to_string(&said)?);
    Ok(())
}

/// Drives the rotations of a fleet, so many open at a time. What comes in is read as it is begun.
async fn drive(desk: &Arc<Desk>, fleet: impl Iterator<Item = Member>, open: usize) -> Said {
    let begin = |member: Member| {
        let desk = desk.clone();
        tokio::spawn(async move { desk.turn(member).await })
    };
    let mut all = stream::iter(fleet).map(begin).buffer_unordered(open);
    let mut said = Said::default();
    while let Some(came) = all.next().await {
        match came.unwrap_or_else(|error| Came::ToNothing(error.to_string())) {
            Came::Round(took) => {
                said.completed += 1;
                said.latencies_us.push(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
            }
            Came::BeforeUs => {}
            Came::ToAPerson(why) => {
                said.needs_person += 1;
                *said.problems.entry(why).or_default() += 1;
            }
            Came::ToNothing(why) => {
                said.failed += 1;
                *said.problems.entry(why).or_default() += 1;
            }
        }
    }
    said
}

impl Desk {
    async fn turn(&self, member: Member) -> Came {
        if self.before.contains(&member.name) {
            return Came::BeforeUs;
        }
        self.try_to(member).await.unwrap_or_else(|error| Came::ToNothing(error.to_string()))
    }

    async fn try_to(&self, member: Member) -> Result<Came> {
        let (rotator, begun) = (self.rotator(&member)?, Instant::now());
        let head = self.kept.journal.load(rotator.credential(), Span::Head).await?.head;
        if head.run.is_none() && head.current.is_some() {
            return Ok(Came::BeforeUs);
        }
        let mut open = head.run;
        loop {
            let step = match &open {
                Some(run) => rotator.resume(run.clone()).await,
                None => rotator.rotate(Predecessor::Held(Token::new(&member.token)?)).await,
            };
            let run = match step {
                Ok(run) => run,
                // The process before this one holds it until its lease runs out.
                Err(error) if error.kind() == ErrorKind::Busy => {
                    tokio::time::sleep(error.retry_after().unwrap_or(Duration::from_millis(100))).await;
                    continue;
                }
                Err(error) => return Err(error),
            };
            match self.came(&member, &run, begun) {
                Some(came) => return Ok(came),
                None => wait(&run).await,
            }
            open = (!run.outcome.is_over()).then_some(run.id);
        }
    }

    /// How it came out, if it did.
    fn came(&self, member: &Member, run: &Run, begun: Instant) -> Option<Came> {
        match &run.outcome {
            Outcome::Completed(_) => {
                if !self.kept.durable && self.done.write(&member.name).is_err() {
                    return Some(Came::ToNothing("what was done cannot be written down".to_owned()));
                }
                Some(Came::Round(begun.elapsed()))
            }
            Outcome::NeedsPerson { problems, .. } | Outcome::AwaitingPerson { problems, .. } => {
                let why: Vec<String> = problems.iter().map(ToString::to_string).collect();
                Some(Came::ToAPerson(why.join("; ")))
            }
            Outcome::Stopped { because, .. } => Some(Came::ToNothing(because.to_string())),
            _ => None,
        }
    }

    fn rotator(&self, member: &Member) -> Result<Rotator> {
        let key = SecretString::from(KEY);
        let gitlab = GitLab::of_user(&self.http, member.user, key).server(self.world.clone()).build()?;
        let places = (0..self.places).map(|number| Place {
            name: format!("place-{number}"),
            address: format!("{}places/{}/{number}", self.world, member.name),
            client: self.client.clone(),
            permits: self.permits.clone(),
        });
        Rotator::builder(&member.name, Limited { gitlab, permits: self.permits.clone() })
            .consumers(places)
            .policy(policy())
            .journal(self.kept.journal.clone())
            .sealer(self.kept.sealer.clone())
            .build()
    }
}

/// No time of grace, and leases that whoever takes over does not wait for long.
fn policy() -> Policy {
    Policy::default()
        .grace(Duration::ZERO)
        .lifetime(Duration::from_hours(90 * 24))
        .act_timeout(Duration::from_secs(4))
        .settle(Duration::from_secs(1))
        .lease(Duration::from_secs(5))
        .patience(Patience::new(Duration::from_millis(200), Duration::from_secs(2), Duration::from_mins(10)))
}

/// Until it may go on.
async fn wait(run: &Run) {
    if let Outcome::BackingOff { until, .. } | Outcome::Draining { until, .. } = &run.outcome {
        tokio::time::sleep(SystemClock::new().now().until(*until)).await;
    }
}
