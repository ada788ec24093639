//! One run of one contestant, counted by the world.

use std::path::PathBuf;
use std::process::Stdio;

use nix::sys::resource::{UsageWho, getrusage};
use tokenturn_compare::{Counts, Said, Setting, Truth};
use tokio::process::Command;

use crate::Whatever;
use crate::case::Case;
use crate::contestant::{Contestant, Paths};
use crate::world::World;

#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) said: Said,
    pub(crate) counts: Counts,
    pub(crate) truth: Truth,
    pub(crate) cpu: f64,
}

impl Measured {
    pub(crate) fn trips(&self) -> f64 {
        ratio(self.counts.requests, self.truth.turned)
    }

    pub(crate) fn rate(&self) -> f64 {
        if self.counts.seconds > 0.0 { number(self.truth.turned) / self.counts.seconds } else { 0.0 }
    }

    pub(crate) fn cpu_per_thousand(&self) -> f64 {
        self.cpu * 1000.0 / number(self.truth.turned.max(1))
    }

    /// The latency below which so many percent are, in milliseconds.
    pub(crate) fn percentile(&self, percent: usize) -> Option<f64> {
        let mut all = self.said.latencies_us.clone();
        all.sort_unstable();
        let at = (all.len() * percent).div_ceil(100).checked_sub(1)?;
        all.get(at).map(|us| number(usize::try_from(*us).unwrap_or(usize::MAX)) / 1000.0)
    }

    pub(crate) fn fsyncs(&self) -> Option<f64> {
        self.said.fsyncs.map(|count| ratio(count, self.truth.turned))
    }
}

pub(crate) fn number(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

pub(crate) fn ratio(count: u64, by: usize) -> f64 {
    number(usize::try_from(count).unwrap_or(usize::MAX)) / number(by.max(1))
}

/// A new world, and an empty directory for the contestant.
pub(crate) async fn prepare(paths: &Paths, world: &World, who: Contestant, case: Case) -> Whatever<PathBuf> {
    let directory = paths.scratch.join("contestant");
    let _ = std::fs::remove_dir_all(&directory);
    let places = directory.join("places");
    std::fs::create_dir_all(&places)?;
    private(&directory)?;
    let files = who.writes_files().then(|| places.display().to_string());
    let Case { latency_ms, fleet, places, faults } = case;
    let record = who == Contestant::Memory && fleet == 1;
    let members = world.set(&Setting { fleet, places, latency_ms, faults, cap: 100, files, record }).await?;
    std::fs::write(paths.scratch.join("fleet.tsv"), members)?;
    Ok(directory)
}

/// A journal wants a directory that is its owner's alone.
fn private(directory: &std::path::Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(directory, std::fs::Permissions::from_mode(0o700))
}

pub(crate) async fn run(paths: &Paths, world: &World, who: Contestant, case: Case) -> Whatever<Measured> {
    let directory = prepare(paths, world, who, case).await?;
    let before = cpu()?;
    let said = finish(who.command(paths, &world.address, case, &directory)).await?;
    let spent = cpu()? - before;
    Ok(Measured { said, truth: world.truth().await?, counts: world.counts().await?, cpu: spent })
}

/// Runs to its end: what it said.
pub(crate) async fn finish(mut command: Command) -> Whatever<Said> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::inherit()).output().await?;
    let text = String::from_utf8(output.stdout)?;
    let last = text.lines().last().ok_or_else(|| format!("{command:?} said nothing: {}", output.status))?;
    Ok(serde_json::from_str(last)?)
}

/// What all processes that have ended have used. The world has not.
fn cpu() -> Whatever<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let seconds = |time: nix::sys::time::TimeVal| {
        std::time::Duration::from_micros(u64::try_from(time.tv_sec() * 1_000_000 + time.tv_usec()).unwrap_or_default())
    };
    Ok((seconds(usage.user_time()) + seconds(usage.system_time())).as_secs_f64())
}
