//! Codefresh through its consumers, against a fake of what it publishes.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it where it cannot go on")]

mod context;
mod engine;
mod fake;
mod graphql;
mod hosts;
mod leaks;
mod oauth;
mod refused;
mod scopes;
mod trouble;
mod user_token;
mod world;
mod yoga;
