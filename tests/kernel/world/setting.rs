//! What is given when a run begins.

use super::*;

/// What a consumer of the model is like.
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    pub(crate) works: Proof,
    pub(crate) new: Proof,
    pub(crate) by_person: bool,
    pub(crate) restorable: bool,
    pub(crate) own_key: bool,
    pub(crate) confirmed: bool,
}

pub(crate) const HONEST: Kind = Kind {
    works: Proof::Always,
    new: Proof::Always,
    by_person: false,
    restorable: true,
    own_key: false,
    confirmed: false,
};
/// Its check passes with the old token too.
pub(crate) const WEAK: Kind = Kind { new: Proof::Never, ..HONEST };
pub(crate) const MUTE: Kind = Kind { works: Proof::Never, new: Proof::Never, ..HONEST };
pub(crate) const FINAL: Kind = Kind { restorable: false, ..HONEST };
pub(crate) const MANUAL: Kind = Kind { by_person: true, ..MUTE };
pub(crate) const CACHED: Kind = Kind { confirmed: true, ..HONEST };
pub(crate) const OWN: Kind = Kind { own_key: true, ..HONEST };

/// How the token before stands when the run begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Before {
    Live,
    Dead,
    Lacking,
    Known,
    Absent,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Who {
    Api,
    Person,
    Device,
}

/// One corner of the model.
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) kinds: Vec<Kind>,
    pub(crate) who: Who,
    pub(crate) fate: Fate,
    pub(crate) reissues: bool,
    /// Whether it issues from what came with the old token, be that alive or not.
    pub(crate) renews: bool,
    pub(crate) finds: bool,
    pub(crate) ending: EndedBy,
    /// Whether its interface asks a person to end a token all the same.
    pub(crate) guides: bool,
    pub(crate) before: Before,
    pub(crate) on_failure: OnFailure,
    pub(crate) old: OldPolicy,
    pub(crate) source: Origin,
    pub(crate) emergency: Option<(Compromised, Urgency)>,
    /// Whether people may decide whatever is permitted, or only what leads on.
    pub(crate) free_will: bool,
    /// How many answers may get lost on the way to a token: each of them makes another one.
    pub(crate) lost: u8,
    /// How often in a run an act fails, a place lies, a person errs or a process dies; `None` is without bound.
    pub(crate) faults: Option<u8>,
}

pub(crate) fn name(at: usize) -> ConsumerName {
    static NAMES: LazyLock<Vec<ConsumerName>> =
        LazyLock::new(|| (0..4).map(|at| ConsumerName::new(format!("c{at}")).unwrap()).collect());
    NAMES[at].clone()
}

pub(crate) fn now() -> Timestamp {
    Timestamp::from_unix_seconds(0)
}

fn print(of: &str) -> Fingerprint {
    Token::new(of).unwrap().fingerprint()
}

impl Setting {
    pub(crate) fn charter(&self) -> Charter {
        let issuer = if self.who == Who::Api { Issuer::Api } else { Issuer::Person };
        let mut can = ProviderCapabilities::new(issuer, self.fate).ended_by(self.ending).ending_by_id();
        if self.reissues {
            can = can.reissuing();
        }
        if self.renews {
            can = can.renewing();
        }
        if self.finds {
            can = can.finding_by_label().with_status_by_id();
        }
        let predecessor = match self.before {
            Before::Absent => OldToken::absent(),
            Before::Known => OldToken::known(TokenId::new("old").unwrap()),
            _ => OldToken::held(Possession::Held, print("old"), None).with_companion(self.renews),
        };
        let source = match self.source {
            Origin::Given => Source::Given(print("given")),
            Origin::Kept => Source::Kept(print("given")),
            _ => Source::Issue,
        };
        let run = RunId::new("run").unwrap();
        let charter = Charter::new(run, CredentialName::new("bot").unwrap(), "model", can)
            .with_predecessor(predecessor)
            .with_source(source)
            .with_on_failure(self.on_failure)
            .with_old(self.old);
        self.kinds.iter().enumerate().fold(charter, |charter, (at, kind)| {
            let mut can = ConsumerCapabilities::new("model").proving(kind.works, kind.new);
            can.by_person = kind.by_person;
            can.restorable = kind.restorable;
            can.own_key = kind.own_key;
            can.confirmation = kind.confirmed.then(|| "restart it".to_owned());
            charter.with_place(Place::new(name(at), can))
        })
    }

    /// Whether a place can be fooled: it said yes, did nothing, and no check of it tells old from new.
    pub(super) fn fooled(&self, at: usize) -> bool {
        self.kinds[at].new != Proof::Always
    }
}
