//! No secret leaves: not by any public type, not by any channel, in no encoding. What is searched with is searched first.

#[macro_use]
mod channels;
#[path = "../tls/authority.rs"]
mod authority;
mod canary;
#[path = "../github_app/keys.rs"]
#[expect(dead_code, reason = "the tests of GitHub Apps want more of it")]
mod keys;
mod planted;
mod runs;
mod specimens;
#[path = "../stages/mod.rs"]
#[expect(dead_code, reason = "other tests pin tables")]
mod stages;
mod surface;
mod tls;
