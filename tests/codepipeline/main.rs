//! Pipelines through the consumer, against a fake that checks every signature.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it where it cannot go on")]

mod discovery;
mod engine;
mod exchange;
mod idle;
mod install;
mod leaks;
mod login;
mod owner;
mod trouble;
mod verify;
mod world;
