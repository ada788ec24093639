//! Every consumer and every provider of the stages is held to its laws, over its stateful fake; and every law can be broken.
//!
//! One that is new gets its stage in `tests/stages`, and a line in one of the two `laws.rs`.

mod broken;
mod laws;
mod providers;
#[path = "../stages/mod.rs"]
mod stages;
mod table;
