//! The GitHub token of a Jenkins, turned over through the rotator: real sockets, stateful servers, people who err.

mod crash;
mod guided;
mod trouble;
mod world;
