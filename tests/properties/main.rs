//! What holds of all sets of scopes and of all histories of a run, tried on random ones.

mod issuing;
mod scopes;
