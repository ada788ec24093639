//! A Codefresh, as far as tokens for Git go.
