//! `compare quick|full|small BINS LOOPS PYTHON SCRATCH OUT`: runs all contestants side by side, and writes the table and the
//! picture. It does nothing else: who wants to know what is measured reads `Plan`.

#![forbid(unsafe_code)]

mod case;
mod contestant;
mod kill;
mod measure;
mod picture;
mod table;
mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;

use case::Case;
use contestant::{Contestant, Paths};
use measure::Measured;
use table::Results;
use world::World;

pub(crate) type Whatever<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// What is measured.
struct Plan {
    kind: &'static str,
    /// Fleet, places, latency, and how many rounds.
    cases: Vec<(Case, usize)>,
    /// The largest fleet that the scripts are given, whose rate does not depend upon it.
    scripts: usize,
    kills: u64,
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
                scripts: 100,
                kills: 1,
            }),
            "quick" => Some(Self {
                kind: "quick",
                cases: vec![
                    case(50, 1, 1, 1),
                    case(50, 100, 1, 1),
                    case(50, 1000, 1, 2),
                    case(50, 100, 3, 1),
                    case(0, 1, 1, 1),
                    case(0, 100, 1, 3),
                    case(0, 1000, 1, 3),
                    case(0, 10_000, 1, 1),
                    faulty(100, 1),
                ],
                scripts: 100,
                kills: 2,
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
                Some(Self { kind: "full", cases, scripts: 1000, kills: 10 })
            }
            _ => None,
        }
    }
}

#[tokio::main]
async fn main() -> Whatever<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kind, bins, loops, python, scratch, out] = words.as_slice() else {
        return Err("compare quick|full|small BINS LOOPS PYTHON SCRATCH OUT".into());
    };
    let plan = Plan::of(kind).ok_or("there is no such run")?;
    let paths = Paths { bins: bins.into(), loops: loops.into(), python: python.into(), scratch: scratch.into() };
    std::fs::create_dir_all(&paths.scratch)?;
    let world = World::start(&paths.bins).await?;
    let mut results = Results {
        kind: plan.kind,
        steps: BTreeMap::new(),
        speed: BTreeMap::new(),
        killed: Vec::new(),
        skipped: Vec::new(),
    };
    steps(&paths, &world, &mut results).await?;
    for (case, rounds) in &plan.cases {
        speed(&paths, &world, *case, *rounds, plan.scripts, &mut results).await?;
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

async fn speed(
    paths: &Paths,
    world: &World,
    case: Case,
    rounds: usize,
    scripts: usize,
    results: &mut Results,
) -> Whatever<()> {
    let mut rows: Vec<(Contestant, Vec<Measured>)> = Vec::new();
    for round in 0..rounds {
        for who in Contestant::ALL {
            let skipped = results.skipped.iter().any(|(one, _)| *one == who);
            // The loop stops at the first fault, and those that have no second try say nothing new.
            if skipped || !who.fits(case, scripts) || (case.faults && who == Contestant::Limit) {
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

async fn kills(paths: &Paths, world: &World, count: u64, results: &mut Results) -> Whatever<()> {
    let case = Case { latency_ms: 50, fleet: KILLED, places: 1, faults: false };
    let mut rows: BTreeMap<Contestant, Vec<kill::Killed>> = BTreeMap::new();
    for round in 0..count {
        for who in Contestant::ALL {
            let skipped = results.skipped.iter().any(|(one, _)| *one == who);
            if skipped || !who.fits(case, KILLED) {
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
