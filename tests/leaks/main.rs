//! No secret leaves: not by any public type, not by any channel, in no encoding. What is searched with is searched first.

#[macro_use]
mod channels;
#[path = "../tls/authority.rs"]
mod authority;
mod canary;
mod planted;
mod runs;
mod specimens;
#[path = "../stages/mod.rs"]
#[expect(dead_code, reason = "other tests pin tables")]
mod stages;
mod surface;
mod tls;
