//! The laws of a [`Consumer`](crate::Consumer): what every implementation must keep, as tests that run against any.
//!
//! [`consumer_conformance!`](crate::consumer_conformance) makes a test of each; [`LAWS`] lists them for tables. What they
//! play with is a [`FarSide`]: a stateful fake of the system, which you write once.

mod far_side;
mod issuer;
mod loss;
mod memory;
mod proof;
mod refusal;
mod rotation;
mod scene;
mod secrecy;
mod writing;

pub use far_side::FarSide;
pub use loss::*;
pub use memory::MemoryFarSide;
pub use proof::*;
pub use refusal::*;
pub use rotation::a_whole_rotation_goes_through;
pub use secrecy::{no_secret_is_heard, no_secret_is_said};
pub use writing::*;

pub use super::law::{Exception, NotApplicable, Ruling};

/// Where a law of consumers plays: it raises a new far side for each act.
pub type Stage = super::law::Stage<dyn FarSide>;

/// A law of consumers, by its name.
pub type Law = super::law::Law<dyn FarSide>;

/// Every law, in the order of the table.
pub const LAWS: &[Law] = crate::consumer_conformance!(@laws [list consumer]);

/// Makes one test of each law of a [`Consumer`](crate::Consumer). The tests need `tokio` with its macros.
///
/// The expression is a function or closure that raises a [`FarSide`](crate::testing::consumer::FarSide): the place, holding
/// the old token, and its surroundings. It is called for every act. A test passes where its law does not apply, and prints
/// the reason.
///
/// ```
/// mod laws {
///     use tokenturn::testing::consumer::MemoryFarSide;
///
///     tokenturn::consumer_conformance!(|| async { MemoryFarSide::new() });
/// }
/// ```
#[macro_export]
macro_rules! consumer_conformance {
    (@laws [$($how:tt)+]) => {
        $crate::__laws! { $($how)+;
            installing_reaches_the_far_side
            a_version_changes_with_every_write_where_that_is_claimed
            installing_twice_is_the_same_as_once
            the_old_token_can_be_put_back_where_that_is_claimed
            nothing_else_there_changes
            a_look_changes_nothing
            a_stale_slot_is_refused_without_effect
            a_refused_login_is_permanent_and_without_effect
            too_many_requests_are_transient_and_say_how_long_to_wait
            a_lost_answer_leaves_its_effect_unknown_and_another_look_settles_it
            a_request_that_never_arrived_is_never_called_done
            the_old_token_is_never_called_new
            works_and_new_are_proven_only_as_claimed
            a_dead_token_is_not_called_working
            claims_and_name_are_always_the_same
            a_whole_rotation_goes_through
            no_secret_is_said
        }
    };
    ($raise:expr) => {
        $crate::consumer_conformance! { @laws [tests consumer $raise] }
    };
}
