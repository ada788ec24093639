//! Jenkins credentials through the consumer, against a fake that is held to a real Jenkins.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it where it cannot go on")]

mod api_tokens;
mod engine;
mod install;
mod login;
mod own_key;
mod preflight;
mod rotations;
mod trouble;
mod verify;
mod world;
