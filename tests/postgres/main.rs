//! The journal in PostgreSQL, against a real server.
//!
//! `TOKENTURN_POSTGRES_URL` says where it is: each test makes a schema of its own there, and removes it.
//! `TOKENTURN_POSTGRES_BIN` is the folder of the server's programs, for those tests that start one of their own and kill it.
//! `TOKENTURN_REQUIRE_SERVERS=1` makes the tests fail where they are not set.
#![cfg(unix)]

mod due;
mod group;
mod killed;
mod laws;
mod lost;
mod opening;
mod place;
mod proxy;
mod secrets;
mod server;
mod support;
mod time;
mod tls;
mod told;

// The rounds of the test that kills workers, over this journal.
mod journal;

#[path = "../kill/books.rs"]
mod books;
#[path = "../kill/clock.rs"]
mod clock;
#[path = "../kill/drain.rs"]
mod drain;
#[path = "../kill/fleet.rs"]
mod fleet;
#[path = "../kill/planted.rs"]
mod planted;
#[path = "../kill/process.rs"]
mod process;
#[path = "../kill/remote.rs"]
mod remote;
#[path = "../kill/rounds.rs"]
mod rounds;
#[path = "../kill/serve.rs"]
mod serve;
#[path = "../kill/together.rs"]
mod together;
#[path = "../kill/trial.rs"]
mod trial;
#[path = "../kill/wire.rs"]
mod wire;
#[path = "../kill/worker.rs"]
mod worker;
#[path = "../kill/world.rs"]
mod world;
