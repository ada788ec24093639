//! What has happened in a run, in the order in which it became durable.

use serde::{Deserialize, Serialize};

use super::{Charter, Decision, Ending};
use crate::clock::Timestamp;
use crate::consumer::{Slot, Verification};
use crate::error::Problem;
use crate::guide::Guide;
use crate::name::{ConsumerName, Holder, Label, TokenId};
use crate::token::{Answer, Expiry, Fingerprint, Grant, Lack, Reason, Refusal};

/// One thing that has happened. `...ing` is written before the act, the past tense after it. None holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fact {
    /// The run began.
    Begun(Box<Charter>),
    /// An engine took the run up: what was in flight is unknown now, and what was read may be stale.
    Resumed {
        /// Which engine.
        by: Holder,
    },
    /// The token before was looked at.
    PredecessorLooked {
        /// How it stands.
        standing: Standing,
        /// Whose it is, where the provider said.
        owner: Option<String>,
    },
    /// A place was read without touching it.
    Preflighted {
        /// Which.
        consumer: ConsumerName,
        /// As it is.
        slot: Slot,
        /// What its check says of the token before, where that was alive.
        baseline: Option<Verification>,
        /// Whether it holds the new token, which this run never put there: an old copy of a journal does not know.
        #[serde(default)]
        new: Answer,
    },
    /// The provider is being asked for a token.
    Issuing {
        /// The how-manieth time in this run.
        attempt: u32,
        /// The name that the token gets.
        label: Label,
        /// When whatever this asks for must have arrived: not before is it looked for.
        look_after: Timestamp,
        /// Until when the token would live, as it was asked for.
        #[serde(default)]
        expiry: Expiry,
    },
    /// A person was asked to make the token.
    TokenAsked {
        /// Which attempt.
        attempt: u32,
        /// What the person does.
        guide: Guide,
    },
    /// A person was asked to agree elsewhere.
    IssuePending {
        /// Which attempt.
        attempt: u32,
        /// What the person does.
        guide: Guide,
        /// When to ask next.
        poll_after: Timestamp,
        /// Until when it makes sense to ask.
        until: Timestamp,
        /// Whether this shows that no poll before it has made a token.
        #[serde(default)]
        open: bool,
    },
    /// The provider is being asked whether the person has agreed; its answer may be the token.
    Collecting {
        /// Which attempt.
        attempt: u32,
        /// When whatever this asks for must have arrived: not before is it looked for.
        look_after: Timestamp,
    },
    /// There is a new token; its sealed value was stored with this very record.
    Issued {
        /// Which attempt.
        attempt: u32,
        /// How it came to us.
        origin: Origin,
        /// What may be shown of it.
        fingerprint: Fingerprint,
        /// Its id at the provider.
        id: Option<TokenId>,
        /// Whether a second secret came with it.
        companion: bool,
    },
    /// Tokens of a lost attempt were found; they are to be revoked.
    OrphansFound {
        /// Of which attempt.
        attempt: u32,
        /// Which.
        ids: Vec<TokenId>,
    },
    /// A token of a lost attempt may live, and cannot be found.
    OrphanPossible {
        /// Of which attempt.
        attempt: u32,
        /// The name it would carry.
        label: Label,
    },
    /// The value of a token that replaced the old one is lost for ever.
    TokenLost {
        /// Of which attempt.
        attempt: u32,
        /// The name it would carry.
        label: Label,
    },
    /// The new token is what it must be.
    Admitted {
        /// What the provider said of it.
        grant: Grant,
        /// What is worth a warning.
        warnings: Vec<Lack>,
    },
    /// The new token is not what it must be.
    Refused {
        /// Why.
        refusal: Refusal,
        /// What the provider said of it, if anything.
        grant: Option<Grant>,
    },
    /// The new token was found dead.
    CandidateDied,
    /// The new token is being put in place.
    Installing {
        /// Where.
        consumer: ConsumerName,
        /// When this write must have arrived: not before is another token written there.
        #[serde(default)]
        settled: Option<Timestamp>,
    },
    /// A person was asked to put the new token in place.
    InstallationAsked {
        /// Where.
        consumer: ConsumerName,
        /// What the person does.
        guide: Guide,
    },
    /// The far side took the new token.
    Installed {
        /// Where.
        consumer: ConsumerName,
        /// As the place is then.
        slot: Slot,
    },
    /// The new token was verified in place, as far as is asked for there.
    Verified {
        /// Where.
        consumer: ConsumerName,
        /// What was shown.
        verification: Verification,
    },
    /// A place turned out not to hold the new token: it is installed again.
    Relapsed {
        /// Where.
        consumer: ConsumerName,
        /// What was shown.
        verification: Verification,
        /// Since when it does not go well there.
        since: Timestamp,
        /// When to try again.
        again_at: Timestamp,
    },
    /// Every place has the new token: from here on, forward only.
    CutOver,
    /// The old token gets a time of grace.
    Draining {
        /// Until when.
        until: Timestamp,
    },
    /// The last look before the end of the old token: the new one lives, every place holds it.
    LastLooked,
    /// A token is being revoked.
    Revoking {
        /// Which.
        token: TokenRef,
        /// Why.
        reason: Reason,
    },
    /// The provider answered that it is gone, or will be.
    RevocationAnswered {
        /// Which.
        token: TokenRef,
        /// When to look whether it is.
        look_after: Timestamp,
    },
    /// A person was asked to delete a token.
    DeletionAsked {
        /// Which.
        token: TokenRef,
        /// What the person does.
        guide: Guide,
    },
    /// A token that should be dead is alive.
    StillAlive {
        /// Which.
        token: TokenRef,
    },
    /// A token is dead.
    Revoked {
        /// Which.
        token: TokenRef,
        /// How that is known.
        proof: Death,
    },
    /// A place was verified now that only the new token can pass.
    VerifiedAfter {
        /// Where.
        consumer: ConsumerName,
        /// What was shown.
        verification: Verification,
    },
    /// The run goes back.
    RollingBack {
        /// Why.
        because: Problem,
    },
    /// The old token is being put back.
    Restoring {
        /// Where.
        consumer: ConsumerName,
        /// When this write must have arrived: not before is another token written there.
        #[serde(default)]
        settled: Option<Timestamp>,
    },
    /// A person was asked to put the old token back.
    RestorationAsked {
        /// Where.
        consumer: ConsumerName,
        /// What the person does.
        guide: Guide,
    },
    /// The far side took the old token back.
    Restored {
        /// Where.
        consumer: ConsumerName,
        /// As the place is then.
        slot: Slot,
    },
    /// The old token was verified in place.
    RestoreVerified {
        /// Where.
        consumer: ConsumerName,
        /// What was shown.
        verification: Verification,
    },
    /// An act failed, and will be tried again.
    Stumbled {
        /// Which.
        act: super::Act,
        /// What went wrong.
        problem: Problem,
        /// Since when it does not go well.
        since: Timestamp,
        /// When to try again.
        again_at: Timestamp,
    },
    /// An act failed for good.
    GaveUp {
        /// Which.
        act: super::Act,
        /// What went wrong.
        problem: Problem,
    },
    /// The token was shown to a person, who puts it in place by hand.
    Revealed {
        /// For which place.
        consumer: ConsumerName,
    },
    /// A person decided.
    Decided {
        /// What.
        decision: Decision,
    },
    /// What a person was asked for was not done in time. Nothing follows from it but that it is told.
    Overdue {
        /// Until when it should have been done.
        since: Timestamp,
    },
    /// A token leaked.
    Emergency {
        /// Which.
        compromised: Compromised,
        /// What comes first.
        mode: Urgency,
    },
    /// The run is over.
    Ended {
        /// How.
        ending: Ending,
    },
}

/// How the token before stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Standing {
    /// The provider takes it.
    Live,
    /// The provider takes it, and it lacks what the consumers need: a copy of it would lack the same.
    Lacking,
    /// The provider does not know it.
    Dead,
    /// That could not be found out.
    Unknown,
}

/// How a new token came to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "closed by nature")]
pub enum Origin {
    /// The provider issued it to us.
    Minted,
    /// A person made it at our request and pasted it.
    Pasted,
    /// The caller handed it in.
    Given,
    /// It was the current one already.
    Kept,
}

/// A token of this run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "a run has no other")]
pub enum TokenRef {
    /// The one before.
    Old,
    /// The one of this attempt.
    New(u32),
    /// One that a lost attempt left behind.
    Found(TokenId),
}

/// How a token's death is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Death {
    /// This run saw it taken, and then refused, on the same path.
    Seen,
    /// The provider says so when asked for its id.
    Told,
    /// The provider said so when it was asked to end it; nothing better can be had.
    Answered,
    /// It was dead when it was first looked at.
    Found,
    /// A new one replaced it.
    Replaced,
    /// A person says so; nothing better can be had.
    Word,
}

/// Which token leaked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "a run has no other")]
pub enum Compromised {
    /// The one that is being replaced.
    Old,
    /// The one that replaces it.
    New,
}

/// What comes first when a token leaked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "closed by nature")]
pub enum Urgency {
    /// Revoke at once, and mend the consumers afterwards: they are down in between.
    RevokeFirst,
    /// Replace as fast as can be, without grace, and then revoke, even where a place could not be reached.
    ReplaceNow,
}
