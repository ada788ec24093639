//! The picture: rates, and beside each what a SIGKILL cost.

use std::fmt::Write as _;

use crate::contestant::Contestant;
use crate::kill::Killed;
use crate::table::Results;

const ROW: usize = 34;
const TOP: usize = 84;
const NAMES: usize = 250;
const BAR: f64 = 300.0;
const RIGHT: usize = 690;

pub(crate) fn svg(results: &Results) -> String {
    let Some(case) = results.main_case() else { return String::new() };
    let rows: Vec<(Contestant, f64)> =
        Contestant::ALL.into_iter().filter_map(|who| results.rate(case, who).map(|rate| (who, rate))).collect();
    let most = rows.iter().map(|(_, rate)| *rate).fold(1.0, f64::max);
    let costs = |who: Contestant| results.killed.iter().find(|(one, _)| *one == who).map(|(_, kills)| cost(kills));
    let worst = rows.iter().filter_map(|(who, _)| costs(*who)).max().unwrap_or_default().max(1);
    let height = TOP + rows.len() * ROW + 44;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1060 {height}\" font-family=\"sans-serif\" font-size=\"13\">\n\
         <rect width=\"1060\" height=\"{height}\" fill=\"#ffffff\"/>\n\
         <text x=\"16\" y=\"28\" font-size=\"17\" fill=\"#1b1f24\">Turned at {} ms, {} credentials, one place each ({} run, {})</text>\n\
         <text x=\"{NAMES}\" y=\"64\" fill=\"#57606a\">rotations a second</text>\n\
         <text x=\"{RIGHT}\" y=\"64\" fill=\"#57606a\">lost + stale + unaccounted after SIGKILLs</text>\n",
        case.latency_ms, case.fleet, results.kind, results.date
    );
    for (number, (who, rate)) in rows.iter().enumerate() {
        let y = TOP + number * ROW;
        let colour = if who.is_ours() { "#1f6feb" } else { "#8c959f" };
        let _ = writeln!(
            text,
            "<text x=\"16\" y=\"{}\" fill=\"#1b1f24\">{}</text>\n\
             <rect x=\"{NAMES}\" y=\"{y}\" width=\"{:.1}\" height=\"20\" fill=\"{colour}\"/>\n\
             <text x=\"{:.1}\" y=\"{}\" fill=\"#1b1f24\">{rate:.1}</text>",
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

fn cost(kills: &[Killed]) -> usize {
    kills.iter().map(|kill| kill.truth.lost + kill.truth.stale + kill.truth.unaccounted).sum()
}
