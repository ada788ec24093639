//! What a SIGKILL costs: by the world's own state, after the contestant was started once more and had its time.

use std::process::Stdio;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokenturn_compare::Truth;

use crate::Whatever;
use crate::case::Case;
use crate::contestant::{Contestant, Paths};
use crate::measure::{finish, prepare};
use crate::world::World;

#[derive(Clone, Debug)]
pub(crate) struct Killed {
    /// How many requests were under way.
    pub(crate) in_flight: usize,
    pub(crate) truth: Truth,
    /// What it said that a person must do; without such a word, what the world finds neither begun nor done.
    pub(crate) needs_person: usize,
    pub(crate) seconds: f64,
    /// It ended before half of its requests were under way, or never came to an end afterwards.
    pub(crate) note: Option<&'static str>,
}

impl Killed {
    /// What is to be nought.
    pub(crate) fn cost(&self) -> usize {
        self.truth.lost + self.truth.stale + self.truth.unaccounted
    }
}

/// How long it may take after it was started again.
const TIME: Duration = Duration::from_mins(2);

/// Kills it once so much of the work is done and at least half of what it has at a time is under way.
pub(crate) async fn once(paths: &Paths, world: &World, who: Contestant, case: Case, after: u64) -> Whatever<Killed> {
    let directory = prepare(paths, world, who, case).await?;
    let command = || who.command(paths, &world.address, case, &directory);
    let mut process = command().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let half = who.k().unwrap_or(case.fleet).div_ceil(2).min(case.fleet);
    let mut in_flight = 0;
    let mut note = Some("it was done before it could be killed");
    while process.try_wait()?.is_none() {
        let counts = world.counts().await?;
        if counts.requests >= after && counts.in_flight >= half {
            (in_flight, note) = (counts.in_flight, None);
            let id = process.id().ok_or("it is gone")?;
            kill(Pid::from_raw(i32::try_from(id)?), Signal::SIGKILL)?;
            break;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    process.wait().await?;
    world.truth().await?;
    let begun = Instant::now();
    let mut again = command();
    again.kill_on_drop(true);
    let said = tokio::time::timeout(TIME, finish(again)).await;
    let truth = world.truth().await?;
    let said = if let Ok(said) = said {
        said?
    } else {
        note = Some("it did not come to an end");
        tokenturn_compare::Said::default()
    };
    let needs_person = said.needs_person.max(truth.unfinished);
    Ok(Killed { in_flight, truth, needs_person, seconds: begun.elapsed().as_secs_f64(), note })
}
