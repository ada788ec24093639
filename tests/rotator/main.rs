//! Whole rotations over a world in memory.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit;
mod build;
mod check;
mod companion;
mod crash;
mod decisions;
mod device;
mod drain;
mod emergency;
mod ends;
mod failure;
mod floor;
mod guided;
mod lost;
mod manual;
mod old_copy;
mod overdue;
mod overlap;
mod patience;
mod plan;
mod records;
mod replace;
mod rescue;
mod retold;
mod scrub;
mod sources;
mod storm;
mod story;
mod world;
