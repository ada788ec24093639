//! A bounded run of every fuzz target, on any compiler: `cargo test --test fuzz_smoke -- --nocapture` prints what was tried.
//!
//! `TOKENTURN_FUZZ_SEED` takes another way through the inputs, `TOKENTURN_FUZZ_INPUTS` goes further, and
//! `TOKENTURN_FUZZ_TARGET` takes one target alone. `fuzz/` has the same targets for a fuzzer that looks for new ways.

mod dice;
mod mutate;
mod parts;
mod regressions;
mod seeds;
mod smoke;
