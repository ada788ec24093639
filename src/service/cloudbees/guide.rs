//! What a person must do on the user profile.
//!
//! Source: "Manage personal access tokens" (`CloudBees` Unify documentation). The page has no link that could be filled in.

use std::time::Duration;

use url::Url;

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::guide::Guide;
use crate::provider::IssueRequest;
use crate::token::RetiredToken;

const DAY: u64 = 24 * 60 * 60;

/// What the form offers without a calendar, in days.
const OFFERED: [u64; 4] = [7, 30, 60, 90];

/// What a builder was told that a guide says.
#[derive(Clone, Debug, Default)]
pub(super) struct Hints {
    /// As whom to sign in.
    pub(super) account: Option<String>,
    /// Where people open Unify.
    pub(super) page: Option<Url>,
    /// What to write into the field for it.
    pub(super) description: Option<String>,
}

/// How long a token lives, as the form offers it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Days(u64),
    /// A date in the calendar.
    Custom(Timestamp),
}

impl Choice {
    /// The choice for this lifetime: never a shorter one.
    fn of(life: Duration, now: Timestamp) -> Self {
        let days = life.as_secs().div_ceil(DAY);
        if OFFERED.contains(&days) {
            return Self::Days(days);
        }
        // At which hour of its day a token ends is not documented: the day after cannot be too early.
        Self::Custom(now.plus(Duration::from_secs(days.saturating_add(1).saturating_mul(DAY))))
    }

    /// The expiration date as the list shows it. Who comes late finds a number of days counted from then.
    fn listed(self) -> String {
        match self {
            Self::Days(days) => format!("{days} days after the day on which you make it, a day more or less"),
            Self::Custom(end) => format!("{}, a day more or less", date(end)),
        }
    }

    fn text(self) -> String {
        match self {
            Self::Days(days) => format!("Duration: {days} days."),
            Self::Custom(end) => format!("Duration: Custom, then {} in the calendar.", date(end)),
        }
    }
}

/// How to make a token. Nobody can be asked for its end later, so its life must be said.
pub(super) fn issue(hints: &Hints, request: &IssueRequest<'_>, now: Timestamp) -> Result<Guide> {
    let Some(life) = request.lifetime else {
        let text = "CloudBees tells nobody when a token ends, so without a lifetime it would end unnoticed: set `Policy::lifetime`, \
                    as to 30 days";
        return Err(Error::new(ErrorKind::InvalidInput, text));
    };
    let choice = Choice::of(life, now);
    let description = hints.description.as_deref().unwrap_or("made for a rotation, deleted after the next one");
    Ok(begin(format!("Make a CloudBees Unify token named {}", request.label), hints)
        .with_step(
            "before",
            "CloudBees shows the token once. Copy it straight into the prompt that asks for it and nowhere else, and leave \
             the page open until it was accepted.",
        )
        .with_step("sign-in", sign_in(hints))
        .with_step("open", "Select your account name, then \"User profile\", then the tab \"Personal access tokens\".")
        .with_step("generate", "Select \"Generate token\".")
        .with_step("name", format!("Name: {}", request.label))
        .with_step("description", format!("Description: {description}"))
        .with_step("duration", choice.text())
        .with_step("copy", "Select \"Generate\", then \"Copy\", and hand the token in at the prompt.")
        .with_step(
            "read-off",
            format!(
                "Read name and expiration date off the list: {} and {}. If either is another, delete that row and make the \
                 token again: nobody can ask CloudBees for them later.",
                request.label,
                choice.listed()
            ),
        ))
}

/// How to delete a token.
pub(super) fn delete(hints: &Hints, token: &RetiredToken) -> Guide {
    let row = match token.label() {
        Some(label) => format!("Find the row named {label}."),
        None => "Find the row of the token that was replaced, by its name and its expiration date.".to_owned(),
    };
    let not = match token.successor() {
        Some(label) => format!(" Not the row named {label}: that is the token in use now."),
        None => String::new(),
    };
    begin("Delete a CloudBees Unify token that is no longer used".to_owned(), hints)
        .with_step("sign-in", sign_in(hints))
        .with_step("open", "Select your account name, then \"User profile\", then the tab \"Personal access tokens\".")
        .with_step("row", format!("{row}{not}"))
        .with_step(
            "delete",
            "Delete that row. It cannot be undone. Then say here that it was deleted: both tokens are asked then, the old \
             one whether it is dead and the new one whether it is alive.",
        )
}

fn begin(title: String, hints: &Hints) -> Guide {
    let guide = Guide::new(title);
    match &hints.page {
        Some(page) => guide.with_link(page.clone()),
        None => guide,
    }
}

fn sign_in(hints: &Hints) -> String {
    let whom = hints.account.as_deref().unwrap_or("the account that the old token belongs to");
    format!(
        "Sign in to CloudBees Unify as {whom}. Whose token it is cannot be asked later: look at the account name first."
    )
}

/// `2026-01-31`.
fn date(at: Timestamp) -> String {
    at.to_string().chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_one_of_four_or_a_date_and_never_shorter() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        let choice = |days: u64| Choice::of(Duration::from_secs(days * DAY), now);
        for days in [7, 30, 60, 90] {
            assert_eq!(choice(days).text(), format!("Duration: {days} days."));
        }
        assert_eq!(Choice::of(Duration::from_secs(29 * DAY + 1), now), Choice::Days(30));
        for (days, end) in [(1, "2026-01-03"), (8, "2026-01-10"), (45, "2026-02-16"), (91, "2026-04-03")] {
            assert_eq!(choice(days).text(), format!("Duration: Custom, then {end} in the calendar."));
            let midnight: Timestamp = format!("{end}T00:00:00Z").parse().unwrap();
            assert!(now.until(midnight).as_secs() >= days * DAY, "{days} days would end sooner");
        }
    }
}
