//! The rotation itself, pure: what has happened goes in, what is to be done comes out.
//!
//! ```text
//!  Fact, Fact, Fact ... ──State::apply──> State ──next──> Step, Step ...
//!                                           │
//!                                           └──outcome──> what a caller sees
//! ```
//!
//! There is no input or output here, no clock, no secret, and nothing asynchronous. The engine loads facts, asks
//! [`next`], performs, writes facts down, and asks again. The order of a run:
//!
//! ```text
//! Begun ─> look at the old token ─> read every place ─> Issuing ─> Issued ─> Admitted
//!   ─> each place, in order: Installing ─> Installed ─> Verified
//!   ─> CutOver ─> Draining ─> LastLooked ─> Revoking ─> Revoked ─> each place: VerifiedAfter ─> Ended
//!
//! before CutOver, where there is a way back:
//!   RollingBack ─> each touched place, last first: Restoring ─> Restored ─> RestoreVerified ─> Revoking ─> Revoked ─> Ended
//! ```

mod apply;
mod charter;
mod decision;
mod fact;
mod meaning;
mod next;
mod outcome;
mod question;
mod report;
mod state;
mod step;
mod view;

pub use charter::{Charter, Floor, OldPolicy, OldToken, OnFailure, Place, Possession, Source};
pub use decision::Decision;
pub use fact::{Compromised, Death, Fact, Origin, Standing, TokenRef, Urgency};
pub use next::next;
pub use outcome::{Ask, Completion, Ending, Holding, OldEnd, Orphan, Outcome};
pub use state::State;
pub use step::{Act, Step, Wait};

use crate::consumer::Order;
