//! Answers that never come, never end, or are more than anybody asked for.

use std::time::Duration;

use tokenturn::testing::Forgery;

use crate::attack::Attack;

/// A MiB of zeros, compressed. Such parts may stand behind each other.
const ZEROS: &[u8] = include_bytes!("zeros.gz");

const SECOND: Duration = Duration::from_secs(1);

fn both(name: &str, shaped: fn(Forgery) -> Forgery) -> [Attack; 2] {
    [
        Attack::new(format!("{name}, instead of doing it"), shaped(Forgery::refusing(200))),
        Attack::new(format!("{name}, after doing it"), shaped(Forgery::of_the_truth())),
    ]
}

/// What takes the whole time that a request may take.
pub(crate) fn drips() -> Vec<Attack> {
    let json = |forgery: Forgery| forgery.saying("application/json", "{\"a\":[1,2,3,4,5,6,7,8]}").byte_by_byte(SECOND);
    let mut attacks = both("silence", Forgery::silent).to_vec();
    attacks.extend(both("a head without a body", Forgery::stalling));
    attacks.push(Attack::new("a byte in a second", json(Forgery::refusing(200))));
    attacks
}

/// What is too much.
pub(crate) fn floods() -> Vec<Attack> {
    let gzip = || ZEROS.repeat(400);
    let giant = |forgery: Forgery| forgery.with_header("X-Giant", "a".repeat(1_000_000));
    let many = (0..500).fold(Forgery::of_the_truth(), |forgery, at| forgery.with_header(format!("X-{at}"), "a"));
    let bomb = Forgery::refusing(200).with_header("Content-Encoding", "gzip").saying("application/json", gzip());
    let mut attacks = both("a body without an end", Forgery::without_end).to_vec();
    attacks.push(Attack::new("a refusal without an end", Forgery::refusing(400).without_end()));
    attacks.extend(both("a header of a megabyte", giant));
    attacks.push(Attack::new("five hundred headers", many));
    attacks.push(Attack::new("400 MiB of zeros, compressed", bomb));
    attacks
}
