//! Many credentials at a time: bounded, fair, and as safe as one.

mod bounds;
mod drain;
mod ends;
mod world;
