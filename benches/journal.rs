//! How much the journal on disk takes: `cargo bench --bench journal`.
//!
//! Appends one after the other and from many tasks at once, and whole rotations over the provider in memory. A commit waits
//! for the disk once, and that wait is nearly all that there is; what queues up meanwhile shares the next one. At last a
//! journal is opened in which ten thousand rotations are open, and they are listed, as a process does that goes on after a crash.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::journal::{
    Batch, Claim, Head, HeadFilter, Journal, Lease, Mac, Page, Record, SealContext, Sealed, SealedValue, Seq,
    SqliteJournal, SqliteStats, Status, ValueId,
};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::testing::TestSealer;
use tokenturn::{CredentialName, Holder, Outcome, Policy, Predecessor, Result, Rotator, RunId, ScopeSet, Timestamp};

/// How long each way of appending is measured.
const SPAN: Duration = Duration::from_secs(3);
/// How many at once.
const MANY: usize = 64;
/// How many rotations are open when a journal is opened.
const FLEET: usize = 10_000;
/// How many heads a page has.
const PAGE: usize = 1000;

#[tokio::main]
async fn main() -> Result<()> {
    let folder = Folder::new();
    println!("journal: one SQLite file, every commit on disk before it is answered ({})", folder.0.display());
    println!();
    println!("{:<28} {:>10} {:>10} {:>14} {:>16}", "appends", "number", "per second", "group size", "commits/append");
    for tasks in [1, MANY] {
        appends(&folder.0.join(format!("appends-{tasks}")), tasks).await?;
    }
    println!();
    println!("{:<28} {:>10} {:>10} {:>14} {:>16}", "rotations", "number", "per second", "fsyncs each", "appends each");
    for (tasks, rounds) in [(1, 10), (MANY, 2)] {
        rotations(&folder.0.join(format!("rotations-{tasks}")), tasks, rounds).await?;
    }
    println!();
    println!("{:<28} {:>10} {:>10} {:>14} {:>16}", "taking up", "number", "open ms", "list ms", "both below 1 s");
    taking_up(&folder.0.join("taking-up")).await
}

/// Opens a journal in which many rotations are open, and lists them.
async fn taking_up(path: &Path) -> Result<()> {
    let journal = SqliteJournal::open(path)?;
    for from in (0..FLEET).step_by(MANY) {
        let open = |number| {
            let journal = &journal;
            async move {
                let lease = lease(journal, number).await?;
                journal.append(&lease, Seq::ZERO, &batch(&lease, Seq::ZERO)?).await?;
                journal.release(lease).await
            }
        };
        let all = join_all((from..FLEET.min(from + MANY)).map(open)).await;
        all.into_iter().collect::<Result<()>>()?;
    }
    journal.close().await?;
    let before = Instant::now();
    let journal = SqliteJournal::open(path)?;
    let opened = before.elapsed();
    let (filter, mut page, mut listed) = (HeadFilter::all().open(), Page::first(PAGE), 0);
    loop {
        let heads = journal.heads(&filter, page).await?;
        listed += heads.len();
        match heads.into_iter().next_back() {
            Some(last) => page = Page::after(last.credential, PAGE),
            None => break,
        }
    }
    let listing = before.elapsed().saturating_sub(opened);
    assert_eq!(listed, FLEET, "every one of them is listed");
    let (open, list) = (opened.as_secs_f64() * 1000.0, listing.as_secs_f64() * 1000.0);
    let below = if opened + listing < Duration::from_secs(1) { "yes" } else { "no" };
    println!("{:<28} {listed:>10} {open:>10.1} {list:>14.1} {below:>16}", "open rotations");
    Ok(())
}

async fn appends(path: &Path, tasks: usize) -> Result<()> {
    let journal = SqliteJournal::open(path)?;
    let leases =
        join_all((0..tasks).map(|number| lease(&journal, number))).await.into_iter().collect::<Result<Vec<_>>>()?;
    let (before, began) = (journal.stats(), Instant::now());
    let one = |lease: Lease| {
        let journal = &journal;
        async move {
            let mut last = Seq::ZERO;
            while began.elapsed() < SPAN {
                last = journal.append(&lease, last, &batch(&lease, last)?).await?;
            }
            Ok(last.get())
        }
    };
    let stored: u64 = join_all(leases.into_iter().map(one)).await.into_iter().sum::<Result<u64>>()?;
    let (spent, after) = (began.elapsed(), journal.stats());
    let commits = ratio(after.commits - before.commits, 1.0);
    let stored_f = ratio(stored, 1.0);
    let label = format!("{tasks} at once");
    println!(
        "{label:<28} {stored:>10} {:>10.0} {:>14.1} {:>16.3}",
        stored_f / spent.as_secs_f64(),
        stored_f / commits,
        commits / stored_f
    );
    Ok(())
}

async fn lease(journal: &SqliteJournal, number: usize) -> Result<Lease> {
    let name = CredentialName::new(format!("bot-{number}"))?;
    match journal.claim(&name, &Holder::new("bench")?, Duration::from_hours(1)).await? {
        Claim::Granted(lease) => Ok(lease),
        Claim::HeldFor(_) => unreachable!("nobody else is here"),
    }
}

/// A record and a sealed value of the usual size.
fn batch(lease: &Lease, last: Seq) -> Result<Batch> {
    let (seq, run) = (last.next(), RunId::new("0123456789abcdef")?);
    let fact = format!("{{\"fact\":\"verified\",\"consumer\":\"ci\",\"detail\":\"{}\"}}", "x".repeat(200));
    let at = Timestamp::from_unix_seconds(1_900_000_000);
    let mut head = Head::new(lease.credential.clone());
    (head.run, head.since, head.last, head.status) = (Some(run.clone()), Seq::ZERO.next(), seq, Status::Running);
    let mut batch = Batch::new(head);
    batch.records.push(Record::new(seq, lease.epoch, run.clone(), at, fact, Mac::new([7; 32])));
    if last == Seq::ZERO {
        let id = ValueId::new("current");
        let context = SealContext::new(lease.credential.clone(), run, lease.epoch, seq, id.clone());
        batch.keep.push(SealedValue::new(id, context, Sealed::from_bytes(vec![7; 150])));
    }
    Ok(batch)
}

async fn rotations(path: &Path, tasks: usize, rounds: usize) -> Result<()> {
    let journal = SqliteJournal::open(path)?;
    let provider = MemoryProvider::new();
    let mut bots = Vec::new();
    for number in 0..tasks {
        let place = MemoryConsumer::new("ci", &provider)?;
        let old = provider.mint("bot", ScopeSet::of(["repo"]));
        place.put(&old);
        let rotator = Rotator::builder(format!("bot-{number}"), provider.clone())
            .consumer(place)
            .policy(Policy::default().grace(Duration::ZERO))
            .journal(Arc::new(journal.clone()))
            .sealer(Arc::new(TestSealer::new()))
            .build()?;
        bots.push((rotator, old));
    }
    let (before, began) = (journal.stats(), Instant::now());
    let one = |(rotator, old): (Rotator, _)| async move {
        let mut run = rotator.rotate(Predecessor::Held(old)).await?;
        for _ in 1..rounds {
            assert!(matches!(run.outcome, Outcome::Completed(_)), "{:?}", run.outcome);
            run = rotator.rotate(Predecessor::Kept).await?;
        }
        Ok(())
    };
    join_all(bots.into_iter().map(one)).await.into_iter().collect::<Result<()>>()?;
    let (spent, count) = (began.elapsed(), ratio((tasks * rounds) as u64, 1.0));
    let after = journal.stats();
    let label = format!("{tasks} at once");
    println!(
        "{label:<28} {count:>10} {:>10.1} {:>14.2} {:>16.1}",
        count / spent.as_secs_f64(),
        ratio(waits(after) - waits(before), count),
        ratio(after.operations - before.operations, count)
    );
    Ok(())
}

/// How often the disk was waited for: once a commit, and twice when the log is emptied, for it and for the database.
fn waits(stats: SqliteStats) -> u64 {
    stats.commits + 2 * stats.checkpoints
}

fn ratio(number: u64, by: f64) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX)) / by
}

/// A directory for the time of the measurement.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        // Where the build lies is a disk; a temporary directory often is none.
        let root = option_env!("CARGO_TARGET_TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from);
        Self(root.join(format!("journal-bench-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
