//! The decision core against every world it can meet.
//!
//! For 0 to 4 consumers, each kind of issuer, fate of the predecessor and predecessor, every state that can be reached
//! is visited: each act may succeed, be refused, lose its answer, or be cut by a crash before or after its effect;
//! consumers lie and people err. The world keeps its own truth, and the promises of DESIGN.md are held against that.

mod broken;
mod explore;
mod world;

use std::io::Write as _;
use std::time::Duration;

use tokenturn::provider::{EndedBy, Fate};
use tokenturn::rotation::{Compromised, OldPolicy, OnFailure, Origin, Urgency};

use explore::{Count, Explorer, real};
use world::{Before, CACHED, FINAL, HONEST, Kind, MANUAL, MUTE, OWN, Setting, WEAK, Who};

const REVOKE: OldPolicy = OldPolicy::Revoke { grace: Duration::ZERO };

pub(crate) fn plain(kinds: &[Kind]) -> Setting {
    Setting {
        kinds: kinds.to_vec(),
        who: Who::Api,
        fate: Fate::Survives,
        reissues: true,
        renews: false,
        finds: true,
        ending: EndedBy::Api,
        guides: false,
        before: Before::Live,
        on_failure: OnFailure::RollBack,
        old: REVOKE,
        source: Origin::Minted,
        emergency: None,
        free_will: false,
        lost: 1,
        faults: None,
    }
}

/// Issuer, fate of the predecessor, and what the provider can do about lost answers.
fn providers() -> Vec<Setting> {
    let base = plain(&[]);
    vec![
        base.clone(),
        Setting { finds: false, ending: EndedBy::ApiLater, ..base.clone() },
        Setting { fate: Fate::Dies, finds: false, ..base.clone() },
        Setting { fate: Fate::Dies, finds: false, reissues: false, ..base.clone() },
        Setting { fate: Fate::Dies, finds: false, reissues: false, renews: true, ..base.clone() },
        Setting { who: Who::Person, ending: EndedBy::Person, on_failure: OnFailure::Hold, ..base.clone() },
        Setting { who: Who::Person, ending: EndedBy::ApiLater, finds: false, ..base.clone() },
        Setting { who: Who::Device, finds: false, ..base.clone() },
        Setting { guides: true, ..base },
    ]
}

/// Says it whether the test passes or not: the runner keeps what `println` prints of those that pass.
pub(crate) fn say(words: &str) {
    std::io::stdout().write_all(format!("{words}\n").as_bytes()).unwrap();
}

/// How much may go wrong in one run: with `TOKENTURN_WHOLE`, as much as each setting says. A build that is not optimised
/// takes hours for that.
fn bounded(faults: Option<u8>) -> Option<u8> {
    let whole = std::env::var_os("TOKENTURN_WHOLE").is_some();
    if whole { faults } else { Some(faults.map_or(1, |faults| faults.min(1))) }
}

fn walk(title: &str, settings: Vec<Setting>) {
    let mut total = Count::default();
    for mut setting in settings {
        setting.faults = bounded(setting.faults);
        match Explorer::walk(&setting, real, true) {
            Ok(count) => total += count,
            Err(broken) => panic!("{}: {}", broken.promise, broken.how),
        }
    }
    say(&format!(
        "{title}: {} settings, {} states, {} transitions, {} ends, {} waits, 0 promises broken",
        total.settings, total.states, total.transitions, total.ends, total.waits
    ));
    assert!(total.states > 0 && total.ends > 0);
}

#[test]
fn every_provider_and_predecessor_with_up_to_two_consumers() {
    let mut settings = Vec::new();
    for provider in providers() {
        for before in [Before::Live, Before::Dead, Before::Lacking, Before::Known, Before::Absent] {
            if before == Before::Lacking && provider.fate != Fate::Dies {
                // What the old token lacks matters only where it is copied.
                continue;
            }
            for kinds in [&[][..], &[HONEST], &[WEAK], &[MANUAL], &[HONEST, MANUAL], &[WEAK, FINAL]] {
                let faults = if kinds.len() < 2 { None } else { Some(3) };
                settings.push(Setting { before, faults, kinds: kinds.to_vec(), ..provider.clone() });
            }
        }
    }
    walk("providers", settings);
}

#[test]
fn three_and_four_consumers() {
    let mut settings = Vec::new();
    for provider in providers() {
        for kinds in [&[HONEST, WEAK, OWN][..], &[MUTE, FINAL, CACHED], &[MANUAL, MANUAL, HONEST]] {
            settings.push(Setting { kinds: kinds.to_vec(), faults: Some(2), ..provider.clone() });
        }
    }
    for on_failure in [OnFailure::RollBack, OnFailure::Hold] {
        settings.push(Setting { on_failure, faults: Some(2), ..plain(&[HONEST, WEAK, FINAL, OWN]) });
    }
    walk("more consumers", settings);
}

#[test]
fn whatever_people_decide() {
    let mut settings = Vec::new();
    for provider in providers() {
        for on_failure in [OnFailure::RollBack, OnFailure::Hold] {
            for kinds in [&[HONEST][..], &[WEAK, MANUAL]] {
                let kinds = kinds.to_vec();
                settings.push(Setting { kinds, on_failure, free_will: true, faults: Some(3), ..provider.clone() });
            }
        }
    }
    walk("decisions", settings);
}

#[test]
fn a_token_handed_in_or_kept() {
    let mut settings = Vec::new();
    for provider in providers().into_iter().take(3) {
        for (source, before) in
            [(Origin::Given, Before::Live), (Origin::Given, Before::Absent), (Origin::Kept, Before::Absent)]
        {
            for kinds in [&[HONEST][..], &[WEAK, MANUAL], &[HONEST, FINAL]] {
                settings.push(Setting {
                    source,
                    before,
                    kinds: kinds.to_vec(),
                    free_will: true,
                    faults: Some(3),
                    ..provider.clone()
                });
            }
        }
    }
    walk("given and kept", settings);
}

#[test]
fn what_becomes_of_the_old_token() {
    let mut settings = Vec::new();
    for provider in providers() {
        for old in [OldPolicy::Keep, OldPolicy::LetExpire] {
            settings.push(Setting { old, faults: Some(4), ..provider.clone() });
            settings.push(Setting { old, kinds: vec![HONEST, CACHED], faults: Some(3), ..provider.clone() });
        }
    }
    walk("old tokens", settings);
}

#[test]
fn a_leak_at_any_moment() {
    let mut settings = Vec::new();
    for (at, provider) in providers().into_iter().enumerate() {
        // Whoever issues, a leak cuts across the same run; three faults beside it are tried with one of them.
        let most = if at == 0 { Some(3) } else { Some(2) };
        for compromised in [Compromised::Old, Compromised::New] {
            for mode in [Urgency::RevokeFirst, Urgency::ReplaceNow] {
                let copied = provider.fate == Fate::Dies && !provider.reissues;
                if copied && (compromised == Compromised::New || mode == Urgency::RevokeFirst) {
                    // `emergency` refuses it: nothing would be left to issue from.
                    continue;
                }
                let emergency = Some((compromised, mode));
                for (kinds, faults) in [(&[HONEST][..], most), (&[WEAK, MANUAL], Some(2)), (&[OWN], Some(2))] {
                    settings.push(Setting { emergency, kinds: kinds.to_vec(), faults, ..provider.clone() });
                }
            }
        }
    }
    walk("leaks", settings);
}
