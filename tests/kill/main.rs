//! Real processes, really killed. A world that outlives every worker holds the truth; workers rotate its credentials over
//! a journal on disk and are killed with SIGKILL at random instants. What the world says in the end is all that counts.
#![cfg(unix)]

mod books;
mod clock;
mod drain;
mod fleet;
mod journal;
mod laws;
mod planted;
mod process;
mod remote;
mod rounds;
mod serve;
mod together;
mod trial;
mod wire;
mod worker;
mod world;
