//! The table, in Markdown. It says what a run has printed, and nothing else.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::case::Case;
use crate::contestant::{Contestant, K, LARGE};
use crate::kill::Killed;
use crate::measure::{Measured, number};

/// All that a run has found.
pub(crate) struct Results {
    pub(crate) kind: &'static str,
    pub(crate) steps: BTreeMap<usize, Vec<String>>,
    pub(crate) speed: BTreeMap<Case, Vec<(Contestant, Vec<Measured>)>>,
    pub(crate) killed: Vec<(Contestant, Vec<Killed>)>,
    pub(crate) skipped: Vec<(Contestant, String)>,
}

/// The journals that outlive their process.
const DURABLE: [(Contestant, &str); 2] = [(Contestant::Sqlite, "SQLite on disk"), (Contestant::Postgres, "PostgreSQL")];

/// The one in the middle, and the least and the most.
pub(crate) fn spread(values: impl Iterator<Item = f64>) -> Option<(f64, f64, f64)> {
    let mut all: Vec<f64> = values.collect();
    all.sort_by(f64::total_cmp);
    let middle = f64::midpoint(*all.get(all.len() / 2)?, *all.get(all.len().checked_sub(1)? / 2)?);
    Some((middle, *all.first()?, *all.last()?))
}

fn median(runs: &[Measured], what: impl Fn(&Measured) -> f64) -> f64 {
    spread(runs.iter().map(what)).map_or(0.0, |(middle, _, _)| middle)
}

impl Results {
    pub(crate) fn of(&self, case: Case, who: Contestant) -> Option<&[Measured]> {
        self.speed.get(&case)?.iter().find(|(one, _)| *one == who).map(|(_, runs)| runs.as_slice())
    }

    pub(crate) fn rate(&self, case: Case, who: Contestant) -> Option<f64> {
        self.of(case, who).map(|runs| median(runs, Measured::rate))
    }

    /// The largest fleet over one place at 50 ms, where nothing fails.
    pub(crate) fn main_case(&self) -> Option<Case> {
        self.largest(Contestant::Limit)
    }

    /// The largest fleet over one place that a contestant got at 50 ms, where nothing fails.
    pub(crate) fn largest(&self, who: Contestant) -> Option<Case> {
        let alike = |case: &Case| case.latency_ms > 0 && case.places == 1 && !case.faults;
        self.speed.keys().copied().filter(|case| alike(case) && self.of(*case, who).is_some()).max()
    }

    /// Which share of k/(t x RTT) the limit loop reached, at 50 ms with the largest fleet. One that is hardly larger than k
    /// shows nothing: most of its time is the beginning and the end.
    pub(crate) fn share_of_the_loop(&self) -> Option<f64> {
        let case = self.main_case().filter(|case| case.fleet >= 1000)?;
        let runs = self.of(case, Contestant::Limit)?;
        Some(median(runs, |run| bound_share(run, Contestant::Limit, case).unwrap_or_default()))
    }

    pub(crate) fn markdown(&self) -> String {
        let mut text = String::new();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let _ = writeln!(
            text,
            "# Side by side\n\nWritten by `bash benches/compare/run.sh`: a **{}** run on a machine with {cores} cores, which the \
             contestant shares with the world. At most {K} requests at a time where a contestant can be told; the world refuses those \
             beyond 100 with `429`. Every figure is the median of the interleaved rounds, with the least and the most in brackets where \
             there were more.\n",
            self.kind
        );
        match self.share_of_the_loop() {
            None => {
                text +=
                    "**This run is too small for its figures to mean anything**: it shows that everything runs.\n\n";
            }
            Some(share) if share < 0.9 => {
                let _ = writeln!(
                    text,
                    "**This run is void**: the bare loop itself reached {:.0} % of k/(t x RTT), and 90 % are needed for a limit.\n",
                    share * 100.0
                );
            }
            Some(_) => {}
        }
        text += "![Rotations a second, and what a SIGKILL cost](compare.svg)\n\n";
        self.bars(&mut text);
        self.kills(&mut text);
        for (case, rows) in &self.speed {
            speed(&mut text, *case, rows, self.rate(*case, Contestant::Limit));
        }
        self.trips(&mut text);
        self.notes(&mut text);
        text
    }

    fn bars(&self, text: &mut String) {
        *text += "## What is asked of us\n\n| bar | measured | |\n| --- | --- | --- |\n";
        let mut bar = |what: &str, measured: Option<(String, bool)>| {
            let (measured, held) = measured.map_or_else(
                || ("not in this run".to_owned(), ""),
                |(text, held)| (text, if held { "held" } else { "**missed**" }),
            );
            let _ = writeln!(text, "| {what} | {measured} | {held} |");
        };
        let share = self.share_of_the_loop();
        bar("the bare loop reaches 90 % of k/(t x RTT) at 50 ms", share.map(|share| (percent(share), share >= 0.9)));
        for (who, name) in DURABLE {
            let ours =
                self.main_case().and_then(|case| Some(self.rate(case, who)? / self.rate(case, Contestant::Limit)?));
            bar(
                &format!("{name}: at least 90 % of the loop at 50 ms"),
                ours.map(|share| (percent(share), share >= 0.9)),
            );
        }
        let sqlite = |latency_ms: u64, fleet: usize| {
            self.of(Case { latency_ms, fleet, places: 1, faults: false }, Contestant::Sqlite)
        };
        for latency in [0, 50] {
            let fsyncs = sqlite(latency, 1000).map(|runs| median(runs, |run| run.fsyncs().unwrap_or(f64::MAX)));
            bar(
                &format!("SQLite: at most 1.2 fsyncs a rotation at k = {K}, {latency} ms, 1,000 credentials"),
                fsyncs.map(|each| (format!("{each:.2}"), each <= 1.2)),
            );
        }
        let large = sqlite(0, LARGE);
        bar(
            "SQLite, 10,000 credentials under `ulimit -n 256`: all turned, never above the cap",
            large.map(|runs| {
                let turned = runs.iter().map(|run| run.truth.turned).min().unwrap_or_default();
                let peak = runs.iter().map(|run| run.counts.peak).max().unwrap_or_default();
                let beyond: u64 = runs.iter().map(|run| run.counts.beyond_the_cap).sum();
                (format!("{turned} turned, {peak} at a time at most"), turned == LARGE && beyond == 0)
            }),
        );
        bar(
            "the same within 100 MB",
            large.map(|runs| {
                let most = runs.iter().map(megabytes).fold(0.0, f64::max);
                (format!("{most:.0} MB"), most <= 100.0)
            }),
        );
        let flat = sqlite(0, 100)
            .zip(large)
            .map(|(few, many)| (median(few, Measured::cpu_per_thousand), median(many, Measured::cpu_per_thousand)));
        bar(
            "SQLite, cost flat from 100 to 10,000: CPU seconds per 1,000",
            flat.map(|(few, many)| (format!("{few:.2} and {many:.2}"), many <= few * 1.2)),
        );
        for (who, name) in DURABLE {
            let killed = self.killed.iter().find(|(one, _)| *one == who).map(|(_, kills)| kills);
            bar(
                &format!("{name}, killed: nothing lost, stale or unaccounted"),
                killed.map(|kills| {
                    let cost = kills.iter().map(Killed::cost).sum::<usize>();
                    (
                        format!("{cost} in {}", plural(kills.len(), "kill")),
                        cost == 0 && kills.iter().all(|kill| kill.note.is_none()),
                    )
                }),
            );
        }
        *text += "\n";
    }

    fn kills(&self, text: &mut String) {
        if self.killed.is_empty() {
            return;
        }
        *text += "## What a SIGKILL costs\n\nKilled with at least half of its requests under way, started once more, and given its time; \
                  then counted by the world alone, summed over the kills. *Lost*: credentials of which no place holds a live token. \
                  *Stale*: places that hold a dead one. *Unaccounted*: live tokens that no place holds. *A person*: credentials that are \
                  neither as they were nor turned, or of which it says so.\n\n\
                  | contestant | kills | under way then | lost | stale | unaccounted | a person | seconds to finish | |\n\
                  | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
        for (who, kills) in &self.killed {
            let sum = |what: fn(&Killed) -> usize| kills.iter().map(what).sum::<usize>();
            let flight = spread(kills.iter().map(|kill| number(kill.in_flight))).unwrap_or_default().0;
            let seconds = spread(kills.iter().map(|kill| kill.seconds)).unwrap_or_default().0;
            let notes: std::collections::BTreeSet<&str> = kills.iter().filter_map(|kill| kill.note).collect();
            let _ = writeln!(
                text,
                "| {} | {} | {flight:.0} | {} | {} | {} | {} | {seconds:.1} | {} |",
                who.name(),
                kills.len(),
                sum(|kill| kill.truth.lost),
                sum(|kill| kill.truth.stale),
                sum(|kill| kill.truth.unaccounted),
                sum(|kill| kill.needs_person),
                notes.into_iter().collect::<Vec<_>>().join("; ")
            );
        }
        *text += "\n";
    }

    fn trips(&self, text: &mut String) {
        *text += "## What our trips are for\n\nThe world wrote down what one rotation asks, and the bare loop asks the same. A script that \
                  issues, writes and revokes makes 2 and one more for each place.\n\n";
        for (places, steps) in &self.steps {
            let _ = writeln!(text, "{} trips with {}:\n", steps.len(), plural(*places, "place"));
            let mut before: Vec<String> = Vec::new();
            for (step, count) in in_order(steps) {
                let nth = before.iter().filter(|one| **one == step).count();
                let times = if count == 1 { String::new() } else { format!(" ({count} times)") };
                let _ = writeln!(text, "1. {step}{times}: {}", reason(&step, nth));
                before.push(step);
            }
            *text += "\n";
        }
    }

    fn notes(&self, text: &mut String) {
        *text += "## What to know when reading this\n\n\
            - A speed without what a crash costs says little: the bare loop and the scripts keep a list of what they have done, and no more.\n\
            - tokenturn holds twice as many rotations open as requests may be under way, so one that waits for the disk keeps no request \
              from being sent; a single rotation takes longer for it.\n\
            - The scripts check nothing: they issue, write each place and revoke. boto3 and the AWS command line read a pipeline before they \
              write it.\n\
            - Ours turns 10,000 with 256 files to open. At 0 ms the journal is a tax: the rows of the two that are durable, beside the one in \
              memory, say how large. Most of it is processor time, which the world wants too; behind a latency of 50 ms next to nothing of it is left.\n\
            - A `429` with a wait holds back everything that our key asks of that host, as servers want it to be: with faults that come at \
              random, and not because there was too much, that costs rate and wins nothing.\n\
            - rekey-core has no overlapping GitLab tokens and no place that is reached by HTTP but by other programs: it rotates by number, \
              its places are files, and it needs 2 trips. It has no bound on its requests, so what is beyond the cap is refused, and not \
              tried again. Started again it asks GitLab for its list, of which it reads the first page.\n\
            - Rates are those of credentials that the world found turned, over the time from the first request to the last answer: the start \
              of an interpreter is not in it, but for the AWS command line, which starts one for each call. Fleets of contestants that go one \
              by one are small, as their rate does not depend upon it.\n\
            - Memory is that of the contestant's process at its most; for the AWS command line, that of one call.\n";
        for (who, why) in &self.skipped {
            let _ = writeln!(text, "- {} was skipped: {why}.", who.name());
        }
    }
}

fn speed(text: &mut String, case: Case, rows: &[(Contestant, Vec<Measured>)], limit: Option<f64>) {
    let faults = if case.faults { ", 1 % refused with `429`, 1 % done and answered with `502`" } else { "" };
    let (fleet, places) = (plural(case.fleet, "credential"), plural(case.places, "place"));
    let _ = writeln!(text, "## {} ms, {fleet}, {places} each{faults}\n", case.latency_ms);
    *text += "| contestant | turned | trips each | a second | of k/(t x RTT) | of the loop | p50 / p99 ms | most at a time | above the cap \
              | CPU s per 1,000 | memory MB | fsyncs each | lost / stale / unaccounted |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n";
    for (who, runs) in rows {
        let Some(last) = runs.last() else { continue };
        let (rate, slowest, quickest) = spread(runs.iter().map(Measured::rate)).unwrap_or_default();
        let range = if runs.len() > 1 { format!(" ({slowest:.1} to {quickest:.1})") } else { String::new() };
        let share = bound_share(last, *who, case)
            .map_or(String::new(), |_| percent(median(runs, |run| bound_share(run, *who, case).unwrap_or_default())));
        let of_limit =
            limit.filter(|limit| who.is_ours() && *limit > 0.0).map_or(String::new(), |limit| percent(rate / limit));
        let middle = |percent: usize| median(runs, |run| run.percentile(percent).unwrap_or_default());
        let worst = |what: fn(&Measured) -> usize| runs.iter().map(what).max().unwrap_or_default();
        let beyond: u64 = runs.iter().map(|run| run.counts.beyond_the_cap).sum();
        let fsyncs = last
            .fsyncs()
            .map_or(String::new(), |_| format!("{:.2}", median(runs, |run| run.fsyncs().unwrap_or_default())));
        let _ = writeln!(
            text,
            "| {} | {} of {} | {:.1} | {rate:.1}{range} | {share} | {of_limit} | {:.0} / {:.0} | {} | {beyond} | {:.2} | {:.0} | {fsyncs} | {} / {} / {} |",
            who.name(),
            runs.iter().map(|run| run.truth.turned).min().unwrap_or_default(),
            case.fleet,
            median(runs, Measured::trips),
            middle(50),
            middle(99),
            worst(|run| run.counts.peak),
            median(runs, Measured::cpu_per_thousand),
            median(runs, megabytes),
            worst(|run| run.truth.lost),
            worst(|run| run.truth.stale),
            worst(|run| run.truth.unaccounted),
        );
    }
    *text += "\n";
}

fn megabytes(run: &Measured) -> f64 {
    number(usize::try_from(run.said.peak_kb).unwrap_or(usize::MAX)) / 1024.0
}

/// Which share of k/(t x RTT) that is, by its own k and t.
fn bound_share(run: &Measured, who: Contestant, case: Case) -> Option<f64> {
    let seconds = f64::from(u32::try_from(case.latency_ms).ok()?) / 1000.0;
    let k = number(who.k()?.min(case.fleet));
    (seconds > 0.0 && run.truth.turned > 0).then(|| run.rate() * run.trips() * seconds / k)
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn plural(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// Steps without the number of the place, and how often each is made in a row.
fn in_order(steps: &[String]) -> Vec<(String, usize)> {
    let mut all: Vec<(String, usize)> = Vec::new();
    for step in steps {
        let name = step.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end();
        match all.last_mut() {
            Some((one, count)) if one == name => *count += 1,
            _ => all.push((name.to_owned(), 1)),
        }
    }
    all
}

/// Why it is made, the first time, the second, and so on.
fn reason(step: &str, nth: usize) -> &'static str {
    match (step, nth) {
        ("look at the old one", 0) => "that it lives, whose it is, and what it may do: nothing is built upon a guess",
        ("look at the old one", 1) => "that it may go back where it was, before any place is tried with it",
        ("read place", 0) => "what is there, so that nobody's change is overwritten",
        ("try place", 0) => "that the check itself can be run, while nothing is at stake",
        ("issue", 0) => "the new token",
        ("look at the new one", 0) => "owner, scopes and end are as asked, before it goes anywhere",
        ("write place", 0) => "the new token goes in",
        ("try place", 1) => "that it works there, and is the new one",
        ("look at the new one", 1) => "the last look: it lives, before the old one goes",
        ("try place", 2) => "the last look: it is still there, before the old one goes",
        ("revoke the old one", 0) => "its end",
        ("look at the old one, dead", 0) => "that it is dead is seen, not believed",
        ("try place", 3) => "now that only the new one can pass",
        _ => "nobody has said why: say it in `reason`",
    }
}
