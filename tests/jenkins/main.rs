//! Jenkins credentials through the consumer, against a fake that is held to a real Jenkins.

mod engine;
mod install;
mod login;
mod preflight;
mod trouble;
mod verify;
mod world;
