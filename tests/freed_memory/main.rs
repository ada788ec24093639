//! What is left of secrets in memory that was given back: every block is searched before it goes.
//!
//! The heap of Rust alone is seen: not the stack, not what C libraries allocate, not what the kernel and its sockets hold.
#![expect(unsafe_code, reason = "an allocator is unsafe by its trait, and nothing else sees what is freed")]

#[path = "../tls/authority.rs"]
mod authority;
mod far;
mod heap;
mod measures;
