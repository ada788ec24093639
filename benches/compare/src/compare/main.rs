//! `compare quick|full|small|narrow BINS LOOPS PYTHON SCRATCH OUT`: runs all contestants side by side, and writes the table and the
//! picture. It does nothing else: who wants to know what is measured reads `Plan`.

#![forbid(unsafe_code)]

mod contestant;
mod kill;
mod measure;
mod picture;
mod table;
mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;

use contestant::{Contestant, Paths};
use measure::{Case, Measured};
use table::Results;
use world::World;

pub(crate) type Whatever<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What is measured.
struct Plan {
    kind: &'static str,
    /// Fleet, places, latency, and how many rounds.
    cases: Vec<(Case, usize)>,
    kills: u64,
    /// Whether a large fleet is turned under `ulimit -n 256`.
    narrow: bool,
}

/// The fleet that is killed.
const KILLED: usize = 200;

impl Plan {
    fn of(kind: &str) -> Option<Self> {
        let case = |latency_ms, fleet, places, rounds| (Case { latency_ms, fleet, places, faults: false }, rounds);
        let faulty = |fleet, rounds| (Case { latency_ms: 50, fleet, places: 1, faults: true }, rounds);
        match kind {
            "small" => Some(Self {
                kind: "small",
                cases: vec![
                    case(50, 1, 1, 1),
                    case(50, 100, 1, 1),
                    case(0, 100, 1, 2),
                    case(0, 100, 3, 1),
                    faulty(100, 1),
                ],
                kills: 1,
                narrow: false,
            }),
            "narrow" => Some(Self { kind: "narrow", cases: Vec::new(), kills: 0, narrow: true }),
            "quick" => Some(Self {
                kind: "quick",
                cases: vec![
                    case(50, 1, 1, 1),
                    case(50, 100, 1, 1),
                    case(50, 1000, 1, 3),
                    case(50, 200, 3, 1),
                    case(0, 1, 1, 1),
                    case(0, 100, 1, 3),
                    case(0, 1000, 1, 3),
                    case(0, 10_000, 1, 1),
                    faulty(100, 1),
                ],
                kills: 2,
                narrow: true,
            }),
            "full" => {
                let mut cases = Vec::new();
                for latency_ms in [0, 50] {
                    for fleet in [1, 100, 1000, 10_000] {
                        cases.extend(
                            [1, 3].map(|places| case(latency_ms, fleet, places, if fleet < 10_000 { 5 } else { 3 })),
                        );
                    }
                }
                cases.push(faulty(1000, 3));
                Some(Self { kind: "full", cases, kills: 10, narrow: true })
            }
            _ => None,
        }
    }
}

#[tokio::main]
async fn main() -> Whatever<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, bins, loops, python, scratch, out] = words.as_slice() else {
        return Err("compare quick|full|small|narrow BINS LOOPS PYTHON SCRATCH OUT".into());
    };
    let plan = Plan::of(kind).ok_or("there is no such run")?;
    let paths = Paths { bins: bins.into(), loops: loops.into(), python: python.into(), scratch: scratch.into() };
    std::fs::create_dir_all(&paths.scratch)?;
    let world = World::start(&paths.bins).await?;
    let mut results = Results {
        kind: plan.kind,
        date: today()?,
        steps: BTreeMap::new(),
        speed: BTreeMap::new(),
        killed: Vec::new(),
        narrow: None,
        skipped: Vec::new(),
    };
    steps(&paths, &world, &mut results).await?;
    for (case, rounds) in &plan.cases {
        speed(&paths, &world, *case, *rounds, &mut results).await?;
    }
    if plan.narrow {
        results.narrow = Some(narrow(&paths, &world).await?);
    }
    kills(&paths, &world, plan.kills, &mut results).await?;
    let text = results.markdown();
    let out = PathBuf::from(out);
    std::fs::write(out.join("RESULTS.md"), &text)?;
    std::fs::write(out.join("compare.svg"), picture::svg(&results))?;
    println!("{text}");
    match results.share_of_the_loop() {
        Some(share) if share < 0.9 => Err("this run is void: see the top of the table".into()),
        _ => Ok(()),
    }
}

/// Has the world write down what one rotation of ours asks.
async fn steps(paths: &Paths, world: &World, results: &mut Results) -> Whatever<()> {
    for places in [1, 3] {
        let case = Case { latency_ms: 0, fleet: 1, places, faults: false };
        let run = measure::run(paths, world, Contestant::Memory, case).await?;
        if run.truth.turned != 1 {
            return Err(
                format!("one rotation alone did not turn: {:?} {:?}", run.said.problems, run.counts.steps).into()
            );
        }
        let file = paths.scratch.join(format!("steps-{places}.json"));
        std::fs::write(file, serde_json::to_string(&run.counts.steps)?)?;
        results.steps.insert(places, run.counts.steps);
    }
    Ok(())
}

async fn speed(paths: &Paths, world: &World, case: Case, rounds: usize, results: &mut Results) -> Whatever<()> {
    let mut rows: Vec<(Contestant, Vec<Measured>)> = Vec::new();
    for round in 0..rounds {
        for who in Contestant::ALL {
            let skipped = results.skipped.iter().any(|(one, _)| *one == who);
            // The loop stops at the first fault, and those that have no second try say nothing new.
            if skipped || !who.fits(case.fleet, case.latency_ms) || (case.faults && who == Contestant::Limit) {
                continue;
            }
            let run = measure::run(paths, world, who, case).await?;
            if let Some(why) = run.said.skipped {
                results.skipped.push((who, why));
                continue;
            }
            eprintln!(
                "{case:?} round {round}: {}: {:.1}/s, {:?} {:?}",
                who.name(),
                run.rate(),
                run.truth,
                run.said.problems
            );
            match rows.iter_mut().find(|(one, _)| *one == who) {
                Some((_, runs)) => runs.push(run),
                None => rows.push((who, vec![run])),
            }
        }
    }
    results.speed.insert(case, rows);
    Ok(())
}

/// A large fleet by a process that may open few files.
async fn narrow(paths: &Paths, world: &World) -> Whatever<Measured> {
    let case = Case { latency_ms: 0, fleet: 10_000, places: 1, faults: false };
    let directory = measure::prepare(paths, world, Contestant::Sqlite, case).await?;
    let command = Contestant::Sqlite.command(paths, &world.address, case.places, &directory);
    let command = command.as_std();
    let mut narrow = tokio::process::Command::new("sh");
    narrow.args(["-c", "ulimit -n 256 && exec \"$0\" \"$@\""]).arg(command.get_program()).args(command.get_args());
    let said = measure::finish(narrow).await?;
    Ok(Measured { said, truth: world.truth().await?, counts: world.counts().await?, cpu: 0.0 })
}

async fn kills(paths: &Paths, world: &World, count: u64, results: &mut Results) -> Whatever<()> {
    let case = Case { latency_ms: 50, fleet: KILLED, places: 1, faults: false };
    let mut rows: BTreeMap<Contestant, Vec<kill::Killed>> = BTreeMap::new();
    for round in 0..count {
        for who in Contestant::ALL {
            let skipped = results.skipped.iter().any(|(one, _)| *one == who);
            if skipped || !who.fits(case.fleet, case.latency_ms) {
                continue;
            }
            let trips = match who {
                Contestant::Rekey => 2,
                Contestant::Requests(_) => 3,
                Contestant::Boto3(_) => 4,
                _ => results.steps.get(&1).map_or(0, Vec::len),
            };
            // At another part of the way each time.
            let after = (trips * KILLED) as u64 * (2 * round + 1) / (2 * count) * 3 / 4;
            let killed = kill::once(paths, world, who, case, after).await?;
            eprintln!("kill {round}: {}: {killed:?}", who.name());
            rows.entry(who).or_default().push(killed);
        }
    }
    results.killed = rows.into_iter().collect();
    Ok(())
}

fn today() -> Whatever<String> {
    let output = std::process::Command::new("date").args(["-u", "+%F"]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
