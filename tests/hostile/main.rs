//! What a hostile world does to every provider and every consumer of the stages: one table of cases and services, and of
//! every case that plays here something broken that it catches.
//!
//! A new service gets its stage in `tests/stages`, and stands in the table by that. A new case is a line in `CASES`.

mod attack;
mod attacks;
mod broken;
mod cases;
mod place;
mod player;
mod source;
#[path = "../stages/mod.rs"]
mod stages;
mod table;
mod verdict;
