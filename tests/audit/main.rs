//! The audit in a file: what ties its lines, and what befalls the file.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod chain;
#[path = "../journal/child.rs"]
mod child;
mod engine;
mod file;
#[path = "../journal/folder.rs"]
mod folder;
#[cfg(unix)]
mod processes;
mod support;
