//! The fifteen cases, in the order of the table.

use std::time::Duration;

use tokenturn::provider::Issuer;
use tokenturn::testing::law::Exception;
use tokenturn::testing::{Forgery, Trouble, admitted, provider};
use tokenturn::{Access, Clock as _, Error, Excess, Expiry, Grant, Label, ScopePolicy, Token, UnknownAccess};

use crate::attack::Attack;
use crate::attacks::{astray, bombs, echoes, lies, masks, pauses, slow};
use crate::player::{Played, Player, Service, judged, not_applicable, raised};
use crate::verdict::Visit;
use crate::{place, source};

/// A case: what is done, and what plays it on a service.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) play: fn(&Player) -> Played,
}

/// Every case. None may be left out for a service without a reason that stands in SECURITY.md.
pub(crate) const CASES: [Case; 15] = [
    Case { name: "redirects of all five kinds, to another host, port or scheme", play: redirects },
    Case { name: "pages elsewhere, in a circle, and without an end", play: pages },
    Case { name: "errors that say back what was sent, in every spelling", play: echoes },
    Case { name: "what is said and logged where nothing goes wrong", play: plainly },
    Case { name: "tokens with line breaks, NUL, spaces, non-ASCII, 64 KiB", play: unsendable },
    Case { name: "silence, drips, endless bodies, compressed zeros, giant headers", play: slowness },
    Case { name: "waits without sense", play: waits },
    Case { name: "headers and documents that cost their readers", play: costly },
    Case { name: "names, tokens and XML that break out", play: injected },
    Case { name: "masks in the place of secrets", play: masked },
    Case {
        name: "a kill at any boundary, a damaged journal, a full disk",
        play: |_| {
            not_applicable(
                "what is done when the process dies is the engine's: tests/crash, tests/kill and tests/journal",
            )
        },
    },
    Case {
        name: "an engine that wakes too late, two engines, a clock that jumps",
        play: |_| {
            not_applicable(
                "who holds the lease is the engine's and the journal's: tests/crash/rivals.rs and tests/journal",
            )
        },
    },
    Case { name: "a replaced token that is presented again", play: reused },
    Case { name: "another owner, fewer or more scopes, an end that is over", play: wrong },
    Case {
        name: "files, arguments, environment and memory of the process",
        play: |_| {
            not_applicable(
                "the process is one for all services: tests/hygiene, tests/journal/files.rs and tests/freed_memory",
            )
        },
    },
];

fn redirects(player: &Player) -> Played {
    player.in_turn(&astray::redirects(), 5)
}

/// Whoever follows pages without an end asks for more than this.
const MOST: usize = 300;

fn pages(player: &Player) -> Played {
    let mut links = player.on_all_requests(&astray::links())?;
    if let Service::Source(_) = &player.service {
        links += player.on_all_requests(&astray::members())?;
    }
    let mut visits = player.at_each(&astray::pages())?;
    for visit in &mut visits {
        let met = visit.met;
        visit.demand(met <= MOST, || format!("pages without an end: {met} requests were sent"));
    }
    judged(&visits).map(|pages| links + pages)
}

fn echoes(player: &Player) -> Played {
    player.overheard(&echoes::all(), 4)
}

fn plainly(player: &Player) -> Played {
    let nothing = Attack::new("nothing", Forgery::of_the_truth().lasting());
    player.overheard(&[nothing], 1).map(|_| 1)
}

fn unsendable(player: &Player) -> Played {
    match &player.service {
        Service::Place(_) => not_applicable("no such token is made, so none reaches a place: src/token/secret.rs"),
        Service::Source(_) => told_by_issuers(player, &lies::tokens()),
    }
}

/// Attacks on answers that bring a token. None of them is taken for one, and none is quoted.
fn told_by_issuers(player: &Player, attacks: &[Attack]) -> Played {
    let visits = player.at_each(attacks)?;
    let Service::Source(stage) = &player.service else { return Ok(0) };
    let issuer = player.runtime.block_on(raised(stage))?.provider().capabilities().issuer;
    let lied: Vec<_> = visits.into_iter().filter(|visit| visit.lied > 0 || !visit.wrong.is_empty()).collect();
    if lied.is_empty() && issuer == Issuer::Person {
        return not_applicable("a person makes its tokens, and no answer brings one: src/token/secret.rs");
    }
    let mut said = Visit::default();
    said.demand(!lied.is_empty(), || "no answer brought a token that could be forged".to_owned());
    for (who, what) in lied.iter().flat_map(|visit| visit.ears.heard()) {
        said.demand(!what.contains(lies::FORGED), || format!("{who} quotes a token"));
    }
    judged(&[said]).and_then(|_| judged(&lied))
}

fn slowness(player: &Player) -> Played {
    Ok(player.in_turn(&slow::drips(), 2)? + player.in_turn(&slow::floods(), 2)?)
}

fn waits(player: &Player) -> Played {
    player.in_turn(&pauses::all(), 3)
}

/// So many bytes may be allocated for one visit, in which a quarter of a megabyte comes that is made to be costly.
const WORK: u64 = 48 * 1024 * 1024;

fn costly(player: &Player) -> Played {
    Ok(player.counted(&bombs::headers(), 2, WORK)? + player.counted(&bombs::documents(), 2, WORK)?)
}

/// Tokens that would break out of XML, JSON, addresses, forms and shells.
const BREAKING: [&str; 4] = [
    "FAKE]]>&<!ENTITY/x\"SYSTEM'file:///etc/passwd'>&lt;x/>",
    "FAKE\",\"x\":{\"$y\":[\\u0041\\\\\"]}}#{z}${z}%00%0d%0a",
    "FAKE&#65;&amp;&lt;\\u0041%41+",
    "FAKE';--`id`$(id)../../..%2e%2e/?a=b&c=d#e+f;g",
];

fn injected(player: &Player) -> Played {
    let mut count = player.in_turn(&bombs::xml(), 2)? + player.in_turn(&lies::ids(), 3)?;
    if let Service::Place(stage) = &player.service {
        for text in BREAKING {
            let nothing = Attack::new(text, Forgery::of_the_truth());
            let token = Token::new(text).unwrap();
            let token = admitted(&token, Grant::of(&token, "build-bot")).unwrap();
            let visit = player.runtime.block_on(async {
                let visiting = place::visit_with(raised(stage).await?, 0, &nothing, &token);
                let visited = player.in_time(visiting).await;
                visited.unwrap_or_else(|wrong| Ok(Visit::gone_wrong(wrong))).map_err(Exception::from)
            })?;
            count += judged(&[visit])?;
        }
    }
    Ok(count)
}

fn masked(player: &Player) -> Played {
    if let Service::Source(_) = &player.service {
        return told_by_issuers(player, &masks::issued());
    }
    let visits = player.at_each(&masks::shown())?;
    let lied: Vec<_> = visits.into_iter().filter(|visit| visit.lied > 0 || !visit.wrong.is_empty()).collect();
    if lied.is_empty() { not_applicable("nothing that is read there holds a mask") } else { judged(&lied) }
}

fn reused(player: &Player) -> Played {
    match &player.service {
        Service::Place(_) => not_applicable("a place makes no tokens"),
        Service::Source(stage) => player
            .runtime
            .block_on(provider::nothing_done_with_a_replaced_token_harms_its_successor(stage.clone()))
            .map(|()| 1),
    }
}

fn wrong(player: &Player) -> Played {
    let Service::Source(stage) = &player.service else {
        return not_applicable(
            "which token is the right one is decided before it reaches a place: src/token/admission.rs",
        );
    };
    player.requests()?;
    let judging = async {
        let mut all = Vec::new();
        for attack in lies::grants() {
            match player.in_time(misled(stage, &attack)).await {
                Ok(told) => all.push((attack.name, told?)),
                Err(wrong) => return Err(Exception::Violated(format!("{}: {wrong}", attack.name))),
            }
        }
        for (name, told) in all.iter().filter(|(_, told)| *told == Told::Admitted) {
            // What is told in more than one way may be told in another.
            let seen = all.iter().any(|(other, told)| other == name && *told == Told::Refused);
            if !seen {
                return Err(Exception::Violated(format!("{name}: {told:?} all the same")));
            }
        }
        Ok(all.iter().filter(|(_, told)| *told == Told::Refused).count())
    };
    match player.runtime.block_on(judging) {
        Ok(0) => not_applicable("it says neither owner nor scopes nor end of a token"),
        came => came,
    }
}

/// What comes of a lie about a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    /// It was seen.
    Refused,
    /// It was not, and the provider tells such things.
    Admitted,
    /// The provider does not tell such things of its tokens.
    Nothing,
}

/// Has a token made, and a lie told about it when it is looked at.
async fn misled(stage: &provider::Stage, attack: &Attack) -> Result<Told, Exception> {
    let raised = raised(stage).await?;
    let (provider, current, terms) = (raised.provider(), raised.current(), raised.terms());
    let label = Label::new("tokenturn-0a1b2c3d4e5f6a7b-1").unwrap();
    let failed = |error: Error| Exception::Violated(format!("with nothing in its way: {error}"));
    let made = source::issued(&*raised, &*provider, &label, &current).await?.map_err(failed)?;
    let truth = provider.inspect(&made.token).await.map_err(failed)?;
    let mut policy = ScopePolicy::requiring(terms.scopes.clone());
    let lists = matches!(truth.access, Access::Scopes(_)) && !terms.scopes.is_empty();
    policy.unknown = if lists { UnknownAccess::Refuse } else { UnknownAccess::AcceptProbed };
    policy.excess = Excess::Refuse;
    policy.owners = terms.owner.into_iter().collect();
    policy.minimum_life = Duration::ZERO;
    let minds = |grant: &Grant| !policy.judge(grant, provider.scopes(), raised.clock().now()).lacks.is_empty();
    if minds(&truth) {
        return Err(Exception::Violated("a token that is as it was asked for is refused".to_owned()));
    }
    raised.trap(Trouble::Forged(attack.forgery.anew().lasting())).await?;
    let looked = raised.provider().inspect(&made.token).await;
    let tells = match attack.name.as_str() {
        lies::NO_SCOPES | lies::MORE_SCOPES => lists,
        lies::OVER => matches!(truth.expiry, Expiry::At(_)),
        _ => false,
    };
    Ok(match looked.as_ref().map_or(true, minds) {
        true => Told::Refused,
        false if tells => Told::Admitted,
        false => Told::Nothing,
    })
}
