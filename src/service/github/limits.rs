//! What GitHub publishes of how many requests it takes.
//!
//! Source: "Rate limits for the REST API", <https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api>:
//! no more than 100 requests at a time; 900 points a minute, of which what reads costs one and what writes five; 80 requests
//! a minute and 500 an hour that make content; 2,000 requests an hour for OAuth access tokens. On a server of one's own they
//! are off by default. Whom the secondary limits count it does not say; the primary one counts users, so they are kept for
//! each account here, and for each token whose account is not known. The primary limit differs from user to user, and its
//! headers tell when it is spent.

use std::time::Duration;

use url::Url;

use crate::http::{Limits, Rate, Work};

const MINUTE: Duration = Duration::from_mins(1);
const HOUR: Duration = Duration::from_hours(1);

static API: Limits = Limits {
    in_flight: Some(100),
    rates: &[
        Rate { points: 900, within: MINUTE, cost: points },
        // An authorisation that is made is taken for content. An installation token is not: an app makes one for each
        // installation in each hour, however many those are.
        Rate { points: 80, within: MINUTE, cost: content },
        Rate { points: 500, within: HOUR, cost: content },
    ],
    throttles: false,
};

/// Where codes and refresh tokens become access tokens.
static LOGIN: Limits =
    Limits { in_flight: Some(100), rates: &[Rate { points: 2000, within: HOUR, cost: |_| 1 }], throttles: false };

fn points(work: Work) -> u32 {
    match work {
        Work::Read => 1,
        Work::Write | Work::Create => 5,
    }
}

fn content(work: Work) -> u32 {
    u32::from(work == Work::Create)
}

/// Those of the interface at this address.
pub(super) fn of_api(base: &Url) -> &'static Limits {
    if base.host_str() == Some("api.github.com") { &API } else { &Limits::NONE }
}

/// Those of the login pages at this address.
pub(super) fn of_login(base: &Url) -> &'static Limits {
    if base.host_str() == Some("github.com") { &LOGIN } else { &Limits::NONE }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn github_is_held_to_what_it_publishes_and_a_server_of_ones_own_is_not() {
        let at = |address: &str| address.parse::<Url>().unwrap();
        let api = of_api(&at("https://api.github.com/"));
        let costs = |work| api.rates.iter().map(|rate| (rate.points, (rate.cost)(work))).collect::<Vec<_>>();
        assert_eq!(api.in_flight, Some(100));
        assert_eq!(costs(Work::Read), [(900, 1), (80, 0), (500, 0)]);
        assert_eq!(costs(Work::Write), [(900, 5), (80, 0), (500, 0)]);
        assert_eq!(costs(Work::Create), [(900, 5), (80, 1), (500, 1)]);
        assert_eq!(of_login(&at("https://github.com/")).rates.len(), 1);
        for other in ["https://github.example.com/api/v3/", "https://api.acme.ghe.com/", "http://127.0.0.1:1/api/v3/"] {
            assert!(of_api(&at(other)).rates.is_empty() && of_login(&at(other)).in_flight.is_none(), "{other}");
        }
    }
}
