//! A value of every public type, made with secrets where it can hold one.

mod engine;
mod facts;
mod fakes;
mod fleet;
mod journals;
mod plain;
mod services;
mod tokens;

use crate::channels::Said;

/// Has each of them say all that it can.
pub(crate) async fn show(said: &Said) {
    Box::pin(tokens::show(said)).await;
    plain::show(said);
    facts::show(said);
    Box::pin(engine::show(said)).await;
    Box::pin(fleet::show(said)).await;
    Box::pin(journals::show(said)).await;
    Box::pin(services::show(said)).await;
    Box::pin(fakes::show(said)).await;
}
