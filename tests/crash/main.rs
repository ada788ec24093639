//! Crash enumeration: the real engine, in a world of its own, over a disk that keeps what was synced. One history counts
//! its boundaries; then the power is cut at each of them, and at each pair, and a new engine goes on to the end. What must
//! hold is judged by the outside and by what is on the disk.

mod backups;
mod broken;
mod enumerate;
mod everywhere;
mod flaws;
mod laws;
mod model;
mod people;
mod rivals;
mod scenario;
mod truth;
mod witness;
mod world;
