//! What people do: what they are asked, what they are not, and what they get wrong.

use super::*;

impl World {
    /// Everything that a person may do about `wait`. The first is what they should do.
    #[expect(clippy::too_many_lines, reason = "one arm a wait")]
    pub(crate) fn person(&self, setting: &Setting, state: &State, wait: &Wait) -> Vec<Turn> {
        let mut turns = Vec::new();
        let mut turn = |world: World, facts: Vec<Fact>, what| {
            let good = turns.is_empty();
            let mut world = world;
            if good || self.may_fail() || what == HELP {
                if !good && what != HELP {
                    world.spend();
                }
                turns.push(Turn { world, facts, good, what });
            }
        };
        let decided = |decision| vec![resumed(), Fact::Decided { decision }];
        match wait {
            Wait::Token if setting.who == Who::Person => {
                let attempt = attempts(state);
                let paste = |quality, world: &World| {
                    let mut world = world.clone();
                    world.mint(attempt, quality, Origin::Pasted, true);
                    world.pastes += 1;
                    (world, vec![resumed(), issued(setting, attempt, Origin::Pasted)])
                };
                let (world, facts) = paste(Quality::Good, self);
                turn(world, facts, "pastes");
                if self.pastes < 1 {
                    let mut regenerated = self.clone();
                    regenerated.old = regenerated.old.or(Some(Killer::Person));
                    let (world, facts) = paste(Quality::Good, &regenerated);
                    turn(world, facts, "regenerates");
                    let (world, facts) = paste(Quality::Curable, self);
                    turn(world, facts, "forgets a scope");
                    let (world, facts) = paste(Quality::Wrong, self);
                    turn(world, facts, "uses another account");
                    let (world, facts) = paste(Quality::Dead, self);
                    turn(world, facts, "cuts it short");
                }
            }
            Wait::Cure => {
                let mut cured = self.clone();
                let Some(Held::New(at)) = state.candidate().and_then(|token| self.held(&token)) else {
                    panic!("nothing to cure");
                };
                cured.tokens[at].quality = Quality::Good;
                turn(cured, decided(Decision::Retry), "cures");
                turn(self.clone(), decided(Decision::InstallAnyway), "insists");
            }
            Wait::Installation(consumer) => {
                let at = index(consumer);
                let mut placed = self.clone();
                placed.places[at] = state.to_reveal(consumer).and_then(|token| self.held(&token)).unwrap();
                placed.blind[at] = false;
                turn(placed, decided(Decision::Confirm(consumer.clone())), "puts it there");
                let mut lied = self.clone();
                lied.blind[at] = setting.fooled(at);
                turn(lied, decided(Decision::Confirm(consumer.clone())), "says so and did not");
            }
            Wait::Confirmation(consumer) => {
                turn(self.clone(), decided(Decision::Confirm(consumer.clone())), "confirms");
            }
            Wait::Deletion(token) => {
                let mut deleted = self.clone();
                deleted.kill(token, Killer::Us);
                turn(deleted, decided(Decision::RevokedByHand(token.clone())), "deletes");
                let mut claimed = self.clone();
                if !state.is_provable(token) {
                    // Nobody can tell then; the model grants that people who say so did so.
                    claimed.kill(token, Killer::Us);
                }
                turn(claimed, decided(Decision::RevokedByHand(token.clone())), "says so and did not");
                // Each makes a new token, so their number is bounded.
                let strayed = self.tokens.iter().filter(|token| token.killer == Some(Killer::Person)).count();
                let candidate = state.candidate().filter(|candidate| candidate != token && strayed < 2);
                if let Some(candidate) = candidate {
                    let mut wrong_row = self.clone();
                    wrong_row.kill(&candidate, Killer::Person);
                    if !state.is_provable(token) {
                        wrong_row.kill(token, Killer::Us);
                    }
                    turn(wrong_row, decided(Decision::RevokedByHand(token.clone())), "deletes the wrong row");
                }
                if state.candidate().as_ref() == Some(token) && self.old_lives() && state.old_is_live() {
                    // On the way back, every place has the old one again.
                    let mut wrong_row = self.clone();
                    wrong_row.old = Some(Killer::Person);
                    if !state.is_provable(token) {
                        wrong_row.kill(token, Killer::Us);
                    }
                    turn(wrong_row, decided(Decision::RevokedByHand(token.clone())), "deletes the row of the old one");
                }
            }
            _ => {}
        }
        let stuck = *wait == Wait::Decision;
        for decision in self.decisions(setting, state) {
            let helps = stuck && matches!(decision, Decision::Retry | Decision::Abandon);
            let allowed = helps || (setting.free_will && self.decisions < 2);
            if allowed && state.permits(&decision).is_ok() {
                let mut world = self.clone();
                if !helps {
                    world.decisions += 1;
                }
                world.end_by_person |= matches!(decision, Decision::KeepOld);
                turn(world, decided(decision), if helps { HELP } else { "decides" });
            }
        }
        turns
    }

    fn decisions(&self, setting: &Setting, state: &State) -> Vec<Decision> {
        let mut all = vec![Decision::Retry, Decision::Abandon, Decision::RollBack, Decision::KeepOld];
        let candidate = state.candidate().and_then(|token| self.held(&token));
        if matches!(candidate, Some(Held::New(at)) if self.tokens[at].quality == Quality::Wrong) {
            // Trying again makes nothing better of a token that is not what was asked for.
            all.swap(0, 1);
        }
        all.extend([Decision::InstallAnyway]);
        all.extend((0..setting.kinds.len()).map(|at| Decision::Forget(name(at))));
        all
    }

    /// Somebody finds out that a token leaked.
    pub(crate) fn alarm(&self, setting: &Setting, state: &State) -> Option<Turn> {
        let (compromised, mode) = setting.emergency.filter(|_| !self.alarmed)?;
        let applies = match compromised {
            Compromised::Old => self.old_exists,
            Compromised::New => state.candidate().is_some(),
        };
        (applies && self.may_fail()).then(|| Turn {
            world: World { alarmed: true, ..self.clone() },
            facts: vec![resumed(), Fact::Emergency { compromised, mode }],
            good: false,
            what: "leaked",
        })
    }

    /// The first new token expires, where what came with it outlives it.
    pub(crate) fn expiry(&self, setting: &Setting) -> Option<Turn> {
        let [Minted { alive: true, journaled: true, attempt, .. }] = self.tokens[..] else { return None };
        let mut world = self.clone();
        world.kill(&TokenRef::New(attempt), Killer::Person);
        world.spend();
        let turn = Turn { world, facts: vec![resumed()], good: false, what: "expired" };
        (setting.renews && self.may_fail()).then_some(turn)
    }
}
