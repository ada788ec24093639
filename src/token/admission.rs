//! What a token must be before it may be installed anywhere.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Access, Answer, Expiry, Fingerprint, Grant, Restriction, ScopeModel, ScopeSet, Token};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};

/// What to do about scopes that no consumer asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Excess {
    /// Say so and go on.
    #[default]
    Warn,
    /// Refuse the token: least privilege.
    Refuse,
}

/// What to do when the provider does not say what a token may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UnknownAccess {
    /// Refuse the token.
    #[default]
    Refuse,
    /// Admit it when at least one probe of a named private resource was made and every one succeeded.
    AcceptProbed,
}

/// What a token must be before it may be installed: scopes, owner, life, rights.
///
/// The `Rotator` fills in what its consumers require; what is left to choose is set by its policy. By itself it judges a
/// token outside of any rotation:
///
/// ```
/// use tokenturn::{Access, Grant, ScopeModel, ScopePolicy, ScopeSet, Timestamp, Token};
///
/// # fn main() -> tokenturn::Result<()> {
/// let policy = ScopePolicy::requiring(ScopeSet::of(["repo", "admin:repo_hook"]));
/// // A provider says this of a token; here we say it ourselves.
/// let grant = Grant::of(&Token::new("ghp_FAKE")?, "build-bot").with_access(Access::Scopes(ScopeSet::of(["repo"])));
/// let verdict = policy.judge(&grant, ScopeModel::GITHUB_CLASSIC, Timestamp::from_unix_seconds(1_800_000_000));
/// assert_eq!(verdict.lacks[0].to_string(), "scopes are missing: admin:repo_hook; tick them");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ScopePolicy {
    /// The scopes it must have, listed or implied.
    pub required: ScopeSet,
    /// What to do about others.
    pub excess: Excess,
    /// What to do when its scopes cannot be known.
    pub unknown: UnknownAccess,
    /// Whose token it may be. Empty: anybody's, when there is no predecessor to compare with.
    pub owners: Vec<String>,
    /// How long it must still live at least.
    pub minimum_life: Duration,
}

impl ScopePolicy {
    /// A policy that requires these scopes, warns of others, refuses unknown access and asks for a day of life.
    #[must_use]
    pub fn requiring(required: ScopeSet) -> Self {
        Self {
            required,
            excess: Excess::default(),
            unknown: UnknownAccess::default(),
            owners: Vec::new(),
            minimum_life: Duration::from_hours(24),
        }
    }

    /// Everything about a token that this policy minds, the grave and the slight.
    #[must_use]
    pub fn judge(&self, grant: &Grant, model: ScopeModel, now: Timestamp) -> Verdict {
        let mut lacks = Vec::new();
        let mut warnings = Vec::new();
        if let Expiry::At(end) = grant.expiry {
            if end <= now {
                lacks.push(Lack::Expired { at: end });
            } else if now.until(end) < self.minimum_life {
                lacks.push(Lack::TooShort { ends: end, seconds: self.minimum_life.as_secs() });
            }
        }
        if !self.owners.is_empty() && !self.owners.iter().any(|owner| owner.eq_ignore_ascii_case(&grant.owner)) {
            lacks.push(Lack::Owner { found: grant.owner.clone(), allowed: self.owners.clone() });
        }
        for restriction in &grant.restrictions {
            lacks.push(Lack::Restricted { restriction: restriction.clone() });
        }
        for probe in grant.probes.iter().filter(|probe| probe.answer != Answer::Proven) {
            let for_good = probe.for_good && probe.answer == Answer::Refuted;
            lacks.push(Lack::Right { resource: probe.resource.clone(), for_good });
        }
        match &grant.access {
            Access::Scopes(granted) => {
                let missing = model.missing(&self.required, granted);
                if !missing.is_empty() {
                    lacks.push(Lack::Missing { scopes: missing, for_good: !model.is_changeable() });
                }
                let excess = model.excess(&self.required, granted);
                if !excess.is_empty() {
                    let lack = Lack::Excess { scopes: excess };
                    if self.excess == Excess::Refuse { lacks.push(lack) } else { warnings.push(lack) }
                }
            }
            Access::Unknown | Access::Permissions(_) => {
                let probed = !grant.probes.is_empty() && self.unknown == UnknownAccess::AcceptProbed;
                if !self.required.is_empty() && !probed {
                    lacks.push(Lack::UnknownAccess);
                }
            }
            Access::Owner => {}
        }
        Verdict { lacks, warnings }
    }
}

/// What a policy minds about a token.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Verdict {
    /// For what it is refused.
    pub lacks: Vec<Lack>,
    /// What is worth a warning.
    pub warnings: Vec<Lack>,
}

/// Why a token was refused: everything at once, so that a person goes back only once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Refusal {
    /// Each thing that is wrong with it.
    pub lacks: Vec<Lack>,
}

impl Refusal {
    pub(crate) fn of(lacks: Vec<Lack>) -> Self {
        Self { lacks }
    }

    /// Whether a person can put all of it right without making another token.
    #[must_use]
    pub fn is_curable(&self) -> bool {
        self.lacks.iter().all(Lack::is_curable)
    }

    /// Whether no decision can overrule it: installing this token would be wrong whatever anybody says.
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.lacks.iter().any(Lack::is_final)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, lack) in self.lacks.iter().enumerate() {
            write!(f, "{}{lack}", if at == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// One thing that is wrong with a token.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "lack", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Lack {
    /// The provider does not know it: mistyped, cut short, revoked or expired.
    Dead {
        /// What looked odd about it, if anything did.
        hint: Option<super::Hint>,
    },
    /// Another credential holds this token already.
    HeldElsewhere {
        /// Which.
        credential: String,
    },
    /// It has expired.
    Expired {
        /// When.
        at: Timestamp,
    },
    /// It would expire too soon.
    TooShort {
        /// When it ends.
        ends: Timestamp,
        /// How long it should live at least, in seconds.
        seconds: u64,
    },
    /// It belongs to somebody else.
    Owner {
        /// Whose it is.
        found: String,
        /// Whose it may be.
        allowed: Vec<String>,
    },
    /// It is alive and does not work yet.
    Restricted {
        /// Why.
        restriction: Restriction,
    },
    /// It has not the right that was tried: scopes are not rights.
    Right {
        /// Which resource and right.
        resource: String,
        /// Whether nobody can give it to this very token afterwards.
        #[serde(default)]
        for_good: bool,
    },
    /// What it was to be tried on is not there, or is hidden from it: it may be of another account.
    Hidden {
        /// In the provider's words.
        said: String,
    },
    /// Scopes are missing.
    Missing {
        /// Which.
        scopes: ScopeSet,
        /// Whether those of a live token cannot be changed.
        #[serde(default)]
        for_good: bool,
    },
    /// It may do more than anybody asked for.
    Excess {
        /// What.
        scopes: ScopeSet,
    },
    /// The provider does not say what it may do.
    UnknownAccess,
}

impl Lack {
    fn is_curable(&self) -> bool {
        match self {
            Self::Restricted { .. } => true,
            // The scopes of a classic GitHub token can be ticked afterwards, the value stays. Not everywhere.
            Self::Missing { for_good, .. } | Self::Right { for_good, .. } => !for_good,
            _ => false,
        }
    }

    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Dead { .. } | Self::HeldElsewhere { .. } | Self::Expired { .. })
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dead { hint: None } => f.write_str("the provider does not know this token: copy it again, or make another"),
            Self::Dead { hint: Some(hint) } => {
                write!(f, "the provider does not know this token ({hint}): copy it again, or make another")
            }
            Self::HeldElsewhere { credential } => {
                write!(f, "the credential {credential} holds this token already: make one of its own")
            }
            Self::Expired { at } => write!(f, "it expired at {at}: make another"),
            Self::TooShort { ends, seconds } => {
                write!(f, "it ends at {ends}, sooner than the {} hours asked for: choose a longer life", seconds / 3600)
            }
            Self::Owner { found, allowed } => {
                write!(f, "it belongs to {found}, and should belong to {}: log in as that account", allowed.join(" or "))
            }
            Self::Restricted { restriction: Restriction::SingleSignOn { organizations } } if organizations.is_empty() => {
                f.write_str("an organisation wants it authorised for single sign-on: press \"Configure SSO\" beside the token")
            }
            Self::Restricted { restriction: Restriction::SingleSignOn { organizations } } => write!(
                f,
                "it must be authorised for single sign-on of {}: press \"Configure SSO\" beside the token",
                organizations.join(", ")
            ),
            Self::Restricted { restriction: Restriction::Approval { by } } => write!(
                f,
                "it waits for the approval of {}: ask for it",
                by.as_deref().unwrap_or("the organisation's owner")
            ),
            Self::Right { resource, for_good: false } => {
                write!(f, "it could not {resource}: give its owner that right")
            }
            Self::Right { resource, for_good: true } => write!(
                f,
                "it could not {resource}, and never will: make another, logged in as the right account and as the guide says"
            ),
            Self::Hidden { said } => write!(f, "{said}; then hand in this token again, or another"),
            Self::Missing { scopes, for_good: false } => write!(f, "scopes are missing: {scopes}; tick them"),
            Self::Missing { scopes, for_good: true } => {
                write!(f, "scopes are missing: {scopes}; they cannot be added to it later, so make another with them")
            }
            Self::Excess { scopes } => write!(f, "it may do more than is needed: {scopes}; untick them"),
            Self::UnknownAccess => f.write_str(
                "its provider does not say what it may do: name a private resource to try, and set the policy to accept that",
            ),
        }
    }
}

/// A token that may be installed. Only the engine makes one: what was not checked cannot be installed.
///
/// ```compile_fail
/// # use tokenturn::{AdmittedToken, Token};
/// let token = AdmittedToken { token: Token::new("ghp_FAKE").unwrap() };
/// ```
#[derive(Clone, Debug)]
pub struct AdmittedToken {
    token: Token,
    grant: Grant,
}

impl AdmittedToken {
    /// A token whose grant was judged, or an old one that was just seen alive and goes back where it was.
    pub(crate) fn new(token: Token, grant: Grant) -> Result<Self> {
        if grant.fingerprint == token.fingerprint() {
            return Ok(Self { token, grant });
        }
        Err(Error::new(
            ErrorKind::Internal,
            "what was said of one token was about to admit another: this is a mistake in the provider, report it",
        ))
    }

    /// The token.
    #[must_use]
    pub fn token(&self) -> &Token {
        &self.token
    }

    /// What its provider said of it.
    #[must_use]
    pub fn grant(&self) -> &Grant {
        &self.grant
    }

    /// What may be shown of it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.token.fingerprint()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Probe;
    use super::*;

    const NOW: i64 = 1_800_000_000;

    fn judge(policy: &ScopePolicy, grant: impl std::borrow::Borrow<Grant>) -> Vec<Lack> {
        policy.judge(grant.borrow(), ScopeModel::GITHUB_CLASSIC, Timestamp::from_unix_seconds(NOW)).lacks
    }

    fn grant(access: Access) -> Grant {
        Grant::of(&Token::new("tok").unwrap(), "bot").with_access(access).with_expiry(Expiry::Never)
    }

    #[test]
    fn single_sign_on_is_asked_for_in_the_name_of_the_organisations_where_they_are_known() {
        let said = |organizations: &[&str]| {
            let organizations = organizations.iter().map(|name| (*name).to_owned()).collect();
            Lack::Restricted { restriction: Restriction::SingleSignOn { organizations } }.to_string()
        };
        assert!(said(&[]).starts_with("an organisation wants it"), "{}", said(&[]));
        assert!(said(&["acme", "umbrella"]).contains("of acme, umbrella:"), "{}", said(&["acme", "umbrella"]));
    }

    #[test]
    fn everything_wrong_is_said_at_once() {
        let mut policy = ScopePolicy::requiring(ScopeSet::of(["repo", "admin:repo_hook"]));
        policy.owners = vec!["deploy-bot".into()];
        let lacks = judge(
            &policy,
            grant(Access::Scopes(ScopeSet::of(["repo"])))
                .with_expiry(Expiry::At(Timestamp::from_unix_seconds(NOW + 60)))
                .with_restriction(Restriction::SingleSignOn { organizations: vec!["acme".into()] }),
        );
        assert_eq!(lacks.len(), 4, "{lacks:?}");
        let text = Refusal::of(lacks).to_string();
        for part in ["belongs to bot", "admin:repo_hook", "acme", "sooner than the 24 hours"] {
            assert!(text.contains(part), "{part} not in: {text}");
        }
    }

    #[test]
    fn unknown_access_is_neither_everything_nor_nothing() {
        let mut policy = ScopePolicy::requiring(ScopeSet::of(["repo"]));
        assert_eq!(judge(&policy, grant(Access::Unknown)), [Lack::UnknownAccess]);
        policy.unknown = UnknownAccess::AcceptProbed;
        assert_eq!(judge(&policy, grant(Access::Unknown)), [Lack::UnknownAccess], "no probe was made");
        let probed = |answer| grant(Access::Unknown).with_probe(Probe::new("administer acme/site", answer));
        assert_eq!(judge(&policy, probed(Answer::Proven)), []);
        let lack = |for_good| Lack::Right { resource: "administer acme/site".into(), for_good };
        assert_eq!(judge(&policy, probed(Answer::Unknown)), [lack(false)]);
        let strange = |answer| grant(Access::Unknown).with_probe(Probe::new("administer acme/site", answer).for_good());
        assert_eq!(judge(&policy, strange(Answer::Refuted)), [lack(true)]);
        assert_eq!(judge(&policy, strange(Answer::Unknown)), [lack(false)], "not to know is no no");
    }

    #[test]
    fn what_can_never_be_added_to_a_token_is_not_curable() {
        let policy = ScopePolicy::requiring(ScopeSet::of(["repository:write", "repo", "REPO_READ", "api"]));
        let none = grant(Access::Scopes(ScopeSet::new()));
        let curable =
            |model| Refusal::of(policy.judge(&none, model, Timestamp::from_unix_seconds(NOW)).lacks).is_curable();
        assert!(curable(ScopeModel::GITHUB_CLASSIC) && curable(ScopeModel::BITBUCKET_DATA_CENTER));
        assert!(!curable(ScopeModel::BITBUCKET_CLOUD) && !curable(ScopeModel::GITLAB));
        assert!(!curable(ScopeModel::new("somebody's", &[])), "unless it says so");
        let right = |for_good| Refusal::of(vec![Lack::Right { resource: "read acme/site".into(), for_good }]);
        assert!(right(false).is_curable() && !right(true).is_curable());
        let approval = Restriction::Approval { by: None };
        assert!(Refusal::of(vec![Lack::Restricted { restriction: approval }]).is_curable());
        let hidden = Refusal::of(vec![Lack::Hidden { said: "it is not there".into() }]);
        assert!(!hidden.is_curable() && !hidden.is_final());
    }

    #[test]
    fn a_lack_that_was_written_down_before_it_could_be_for_good_is_read_as_curable() {
        for text in [r#"{"lack": "missing", "scopes": ["repo"]}"#, r#"{"lack": "right", "resource": "read acme/site"}"#]
        {
            let lack: Lack = serde_json::from_str(text).unwrap();
            assert!(lack.is_curable(), "{lack}");
        }
    }

    #[test]
    fn a_token_must_live_as_long_as_was_asked_for_and_no_longer() {
        let policy = ScopePolicy::requiring(ScopeSet::new());
        let ends = |seconds| {
            let end = Expiry::At(Timestamp::from_unix_seconds(NOW + seconds));
            judge(&policy, grant(Access::Unknown).with_expiry(end))
        };
        let day = 86_400;
        assert!(ends(day).is_empty());
        assert!(matches!(ends(day - 1)[..], [Lack::TooShort { .. }]) && matches!(ends(1)[..], [Lack::TooShort { .. }]));
        assert!(matches!(ends(0)[..], [Lack::Expired { .. }]));
    }

    #[test]
    fn excess_is_a_warning_unless_refused() {
        let mut policy = ScopePolicy::requiring(ScopeSet::of(["gist"]));
        let wide = || grant(Access::Scopes(ScopeSet::of(["gist", "repo"])));
        assert_eq!(judge(&policy, wide()), []);
        let now = Timestamp::from_unix_seconds(NOW);
        assert_eq!(policy.judge(&wide(), ScopeModel::GITHUB_CLASSIC, now).warnings.len(), 1);
        policy.excess = Excess::Refuse;
        assert_eq!(judge(&policy, wide()), [Lack::Excess { scopes: ScopeSet::of(["repo"]) }]);
    }

    #[test]
    fn one_tokens_grant_admits_no_other() {
        let other = Token::new("other").unwrap();
        assert_eq!(AdmittedToken::new(other, grant(Access::Unknown)).unwrap_err().kind(), ErrorKind::Internal);
    }

    #[test]
    fn no_decision_overrules_a_dead_token() {
        assert!(Refusal::of(vec![Lack::Dead { hint: None }]).is_final());
        assert!(!Refusal::of(vec![Lack::UnknownAccess]).is_final());
        assert!(Refusal::of(vec![Lack::Missing { scopes: ScopeSet::of(["repo"]), for_good: false }]).is_curable());
        assert!(!Refusal::of(vec![Lack::Dead { hint: None }]).is_curable());
    }
}
