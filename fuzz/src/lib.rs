//! What the targets share: each is one of `tokenturn::testing::fuzz`, which says what must hold of it.

pub use libfuzzer_sys;
pub use tokenturn::testing::fuzz;

/// A fuzzer for the target of this name.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        $crate::libfuzzer_sys::fuzz_target!(|input: &[u8]| {
            let target = $crate::fuzz::Target::named($name).expect("a target of this name");
            let _ = target.run(input);
        });
    };
}
