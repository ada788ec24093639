//! A value of every public type, made with secrets where it can hold one.

mod engine;
mod facts;
mod fakes;
mod journals;
mod plain;
mod services;
mod tokens;

use crate::channels::Said;

/// Has each of them say all that it can.
pub(crate) async fn show(said: &Said) {
    tokens::show(said).await;
    plain::show(said);
    facts::show(said);
    engine::show(said).await;
    journals::show(said).await;
    services::show(said).await;
    fakes::show(said).await;
}
