//! Filled by the part.
