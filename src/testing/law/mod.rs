//! What the laws of consumers and of providers have in common: what they answer, where they play, and what is said of secrets.

mod fault;
mod ruling;
mod said;
mod stage;
mod trips;

pub(super) use fault::fault;
pub use ruling::{Exception, NotApplicable, Ruling};
pub(super) use ruling::{demand, in_time, violated};
pub(super) use said::{json, no_secret_among, words};
pub use stage::{Law, Stage, rulings};
pub(super) use trips::Trips;

/// The laws of one kind as a list, or as tests: what the macros of consumers and of providers come to.
#[doc(hidden)]
#[macro_export]
macro_rules! __laws {
    (list $kind:ident; $($law:ident)+) => {
        &[$($crate::testing::law::Law::new(stringify!($law), |stage| {
            ::std::boxed::Box::pin($crate::testing::$kind::$law(stage))
        })),+]
    };
    (tests $kind:ident $raise:expr; $($law:ident)+) => {
        $(
            #[tokio::test]
            async fn $law() {
                let stage = $crate::testing::$kind::Stage::new($raise);
                match $crate::testing::$kind::$law(stage).await {
                    ::std::result::Result::Ok(()) => {}
                    ::std::result::Result::Err($crate::testing::law::Exception::NotApplicable(reason)) => {
                        ::std::println!("not applicable: {reason}");
                    }
                    ::std::result::Result::Err($crate::testing::law::Exception::Violated(text)) => {
                        ::std::panic!("{text}");
                    }
                }
            }
        )+
    };
}
