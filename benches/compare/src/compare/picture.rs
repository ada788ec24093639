//! The picture: rates, and beside each what a SIGKILL cost.

use std::fmt::Write as _;

use crate::case::Case;
use crate::contestant::Contestant;
use crate::kill::Killed;
use crate::table::Results;

const ROW: usize = 34;
const TOP: usize = 84;
const NAMES: usize = 250;
const BAR: f64 = 270.0;
const RIGHT: usize = 690;

pub(crate) fn svg(results: &Results) -> String {
    let rows: Vec<Row> = Contestant::ALL
        .into_iter()
        .filter_map(|who| results.largest(who).map(|case| row(results, who, case)))
        .collect();
    let Some(latency) = results.main_case().map(|case| case.latency_ms) else { return String::new() };
    let most = rows.iter().map(|row| row.rate).fold(1.0, f64::max);
    let costs = |who: Contestant| results.killed.iter().find(|(one, _)| *one == who).map(|(_, kills)| cost(kills));
    let worst = rows.iter().filter_map(|row| costs(row.who)).max().unwrap_or_default().max(1);
    let height = TOP + rows.len() * ROW + 44;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1060 {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"1060\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"28\" font-size=\"17\" fill=\"#1b1f24\">Rotations at {latency} ms, one place each ({} run)</text>\n\
         <text x=\"{NAMES}\" y=\"64\" fill=\"#57606a\">turned a second, and of how many</text>\n\
         <text x=\"{RIGHT}\" y=\"64\" fill=\"#57606a\">lost + stale + unaccounted after SIGKILLs</text>\n",
        results.kind
    );
    for (number, Row { who, rate, turned }) in rows.iter().enumerate() {
        let y = TOP + number * ROW;
        let colour = if who.is_ours() { "#1f6feb" } else { "#8c959f" };
        let _ = writeln!(
            text,
            "<text x=\"16\" y=\"{}\" fill=\"#1b1f24\">{}</text>\n\
             <rect x=\"{NAMES}\" y=\"{y}\" width=\"{:.1}\" height=\"20\" fill=\"{colour}\"/>\n\
             <text x=\"{:.1}\" y=\"{}\" fill=\"#1b1f24\">{rate:.1}<tspan dx=\"8\" fill=\"#57606a\">{turned}</tspan></text>",
            y + 15,
            who.name(),
            rate / most * BAR,
            f64::from(u16::try_from(NAMES).unwrap_or_default()) + rate / most * BAR + 6.0,
            y + 15
        );
        let Some(cost) = costs(*who) else {
            let _ = writeln!(text, "<text x=\"{RIGHT}\" y=\"{}\" fill=\"#57606a\">not killed</text>", y + 15);
            continue;
        };
        let width = f64::from(u32::try_from(cost).unwrap_or(u32::MAX))
            / f64::from(u32::try_from(worst).unwrap_or(u32::MAX))
            * BAR;
        let kills = results.killed.iter().find(|(one, _)| one == who).map_or(1, |(_, kills)| kills.len());
        let _ = writeln!(
            text,
            "<rect x=\"{RIGHT}\" y=\"{y}\" width=\"{width:.1}\" height=\"20\" fill=\"#cf222e\"/>\n\
             <text x=\"{:.1}\" y=\"{}\" fill=\"#1b1f24\">{cost} in {kills}</text>",
            f64::from(u16::try_from(RIGHT).unwrap_or_default()) + width + 6.0,
            y + 15
        );
    }
    let _ = writeln!(
        text,
        "<text x=\"16\" y=\"{}\" fill=\"#57606a\">Contestants make different numbers of trips: the table says how many. A loop that checks \
         nothing is quicker, and does not know what it left behind.</text>\n</svg>",
        height - 16
    );
    text
}

/// What is drawn of a contestant.
struct Row {
    who: Contestant,
    rate: f64,
    /// Of how large a fleet how many.
    turned: String,
}

fn row(results: &Results, who: Contestant, case: Case) -> Row {
    let turned = results.of(case, who).into_iter().flatten().map(|run| run.truth.turned).min().unwrap_or_default();
    Row { who, rate: results.rate(case, who).unwrap_or_default(), turned: format!("{turned} of {}", case.fleet) }
}

fn cost(kills: &[Killed]) -> usize {
    kills.iter().map(Killed::cost).sum()
}
