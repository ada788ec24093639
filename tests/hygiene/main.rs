//! What a process leaves where others can look: arguments, environment, files, addresses, rights.
#![cfg(unix)]

mod addresses;
#[path = "../journal/child.rs"]
#[expect(dead_code, reason = "this child is listened to while it runs")]
mod child;
mod files;
#[path = "../journal/folder.rs"]
mod folder;
mod process;
