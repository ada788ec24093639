//! Many credentials at a time: bounded, fair, and as safe as one.

mod bounds;
mod drain;
mod due;
mod ends;
mod inbox;
mod workers;
mod world;
