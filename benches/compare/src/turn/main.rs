//! The contestant of this crate: `turn JOURNAL WORLD FLEET PLACES K DIRECTORY` turns every token of the fleet's file, with at
//! most K requests under way, and goes on with what it finds begun in the directory.

#![forbid(unsafe_code)]

mod books;
mod journal;
mod limited;
mod place;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use tokenturn::fleet::{Fleet, Tenant, Turn, Turns};
use tokenturn::journal::Span;
use tokenturn::{GitLab, Http, Patience, Policy, Predecessor, Result, Rotator, Token};
use tokenturn_compare::{Done, KEY, Member, Said, peak_kb};
use tokio::sync::Semaphore;
use url::Url;

use books::Books;
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
    let mut said = drive(&desk, Member::read(fleet.as_ref())?, k * OPEN).await?;
    said.fsyncs = desk.kept.fsyncs();
    said.peak_kb = peak_kb();
    println!("{}", serde_json::to_string(&said)?);
    Ok(())
}

/// Drives the rotations of a fleet, so many open at a time. What has to wait, or is held by the process before this one, is
/// handed in again.
async fn drive(desk: &Arc<Desk>, members: impl Iterator<Item = Member> + Send + 'static, open: usize) -> Result<Said> {
    let books = Books::default();
    let (listener, heard_by) = (books.clone(), desk.clone());
    let fleet =
        Fleet::builder().open(open).per_lane(open).observe(move |report| listener.hear(report, &heard_by)).build()?;
    let turns = Members { rest: members, desk: desk.clone(), books: books.clone() };
    fleet.run([Tenant::new("fleet", turns)]).await;
    loop {
        let again = std::mem::take(&mut *books.again());
        if again.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        let turns = Members { rest: again.into_iter(), desk: desk.clone(), books: books.clone() };
        fleet.run([Tenant::new("fleet", turns)]).await;
    }
    Ok(std::mem::take(&mut *books.said()))
}

/// The members of a fleet, made into turns as there is room for them.
struct Members<I> {
    rest: I,
    desk: Arc<Desk>,
    books: Books,
}

#[async_trait]
impl<I: Iterator<Item = Member> + Send + 'static> Turns for Members<I> {
    async fn next(&mut self) -> Result<Option<Turn>> {
        for member in self.rest.by_ref() {
            let rotator = self.desk.rotator(&member)?;
            if !self.desk.has_done(&member, &rotator).await? {
                let held = Predecessor::Held(Token::new(&member.token)?);
                self.books.begun(member);
                return Ok(Some(Turn::new(rotator, held)));
            }
        }
        Ok(None)
    }
}

impl Desk {
    /// Whether a process before this one has turned it.
    async fn has_done(&self, member: &Member, rotator: &Rotator) -> Result<bool> {
        if !self.kept.durable {
            return Ok(self.before.contains(&member.name));
        }
        let head = self.kept.journal.load(rotator.credential(), Span::Head).await?.head;
        Ok(head.run.is_none() && head.current.is_some())
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
