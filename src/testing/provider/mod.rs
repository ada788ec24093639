//! The laws of a [`Provider`](crate::Provider): what every implementation must keep, as tests that run against any.
//!
//! [`provider_conformance!`](crate::provider_conformance) makes a test of each; [`LAWS`] lists them for tables. What they
//! play with is a [`Source`]: a stateful fake of the system with its people, which you write once.

mod claims;
mod death;
mod ending;
mod fate;
mod guided;
mod issuing;
mod looking;
mod loss;
mod memory;
mod refusal;
mod rotation;
mod rows;
mod scene;
mod secrecy;
mod source;

pub use claims::*;
pub use death::*;
pub use ending::*;
pub use fate::*;
pub use guided::*;
pub use issuing::*;
pub use looking::a_look_harms_nothing;
pub use loss::*;
pub use memory::MemorySource;
pub use refusal::*;
pub use rotation::a_whole_rotation_goes_through;
pub use rows::*;
pub use secrecy::{no_secret_is_heard, no_secret_is_said};
pub use source::{Call, Person, Source, Terms};

pub use super::law::{Exception, NotApplicable, Ruling};

/// Where a law of providers plays: it raises a new source for each act.
pub type Stage = super::law::Stage<dyn Source>;

/// A law of providers, by its name.
pub type Law = super::law::Law<dyn Source>;

/// Every law, in the order of the table.
pub const LAWS: &[Law] = crate::provider_conformance!(@laws [list provider]);

/// Makes one test of each law of a [`Provider`](crate::Provider). The tests need `tokio` with its macros.
///
/// The expression is a function or closure that raises a [`Source`](crate::testing::provider::Source): the provider with a
/// current token, and its surroundings. It is called for every act. A test passes where its law does not apply, and prints
/// the reason.
///
/// ```
/// mod laws {
///     use tokenturn::testing::provider::MemorySource;
///
///     tokenturn::provider_conformance!(|| async { MemorySource::new() });
/// }
/// ```
///
/// A law by itself, as a table of many providers has it:
///
/// ```
/// use tokenturn::testing::provider::{MemorySource, Stage, a_revoked_token_is_not_known_any_more};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let stage = Stage::new(|| async { MemorySource::new() });
/// assert_eq!(a_revoked_token_is_not_known_any_more(stage).await, Ok(()));
/// # }
/// ```
#[macro_export]
macro_rules! provider_conformance {
    (@laws [$($how:tt)+]) => {
        $crate::__laws! { $($how)+;
            an_issued_token_inspects
            owner_and_scopes_are_what_was_asked
            the_life_is_what_was_asked
            a_malformed_rest_of_the_answer_does_not_lose_the_token
            a_guide_names_the_token_and_the_row_that_goes
            a_token_that_a_person_got_wrong_is_not_admitted
            a_look_harms_nothing
            a_revoked_token_is_not_known_any_more
            revoking_twice_is_a_success
            revoking_what_is_gone_already_is_a_success
            only_the_providers_own_word_is_death
            a_token_that_is_locked_out_is_not_called_dead
            the_label_finds_the_orphan_and_nothing_else_where_that_is_claimed
            the_status_of_an_id_is_the_truth_where_that_is_claimed
            an_id_ends_its_own_token_and_no_other_where_that_is_claimed
            the_predecessors_fate_is_as_claimed
            nothing_done_with_a_replaced_token_harms_its_successor
            another_is_issued_without_the_current_one_where_that_is_claimed
            a_dead_token_is_renewed_from_what_came_with_it_where_that_is_claimed
            a_lost_answer_to_an_issue_leaves_its_effect_unknown
            a_refused_or_unsent_issue_has_no_effect
            an_error_without_effect_has_minted_nothing
            a_second_revocation_settles_one_whose_answer_was_lost
            a_refused_key_of_our_own_is_permanent_and_no_word_on_the_token
            too_many_requests_are_transient_and_say_how_long_to_wait
            no_call_hangs
            claims_and_name_are_always_the_same
            what_is_not_claimed_is_unsupported
            a_whole_rotation_goes_through
            no_secret_is_said
        }
    };
    ($raise:expr) => {
        $crate::provider_conformance! { @laws [tests provider $raise] }
    };
}
