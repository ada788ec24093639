//! Answers that say back what they were sent.

use tokenturn::testing::{Forgery, Spelling};

use crate::attack::Attack;

/// With which statuses, in turn.
const STATUSES: [u16; 5] = [400, 403, 404, 422, 500];

/// Every spelling in every kind of document with every status, cut in pieces so that no secret comes whole.
pub(crate) fn all() -> Vec<Attack> {
    let kinds = ["application/json", "text/html", "text/plain"];
    let attack = |at: usize| {
        let (spelling, kind) = (Spelling::ALL[at % 8], kinds[at % 3]);
        let status = STATUSES[at % STATUSES.len()];
        let forgery = Forgery::refusing(status).echoing(kind, spelling).in_pieces(11);
        Attack::new(format!("{status} with what was sent, {spelling:?} in {kind}"), forgery)
    };
    (0..24).map(attack).collect()
}
