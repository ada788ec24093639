//! The journal of the workers that are killed, and what seals it.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use tokenturn::Clock;
use tokenturn::journal::{Journal, KeyFile, KeySealer, Sealer};

use crate::place::{self, Place};
use crate::told::{Tell, Told};

/// The file that names another server than that of all tests.
const ADDRESS: &str = "address";

/// Whether there is a server, without which no trial begins.
pub(crate) fn is_there() -> bool {
    place::address().is_some()
}

/// Has a trial in this directory use this server.
pub(crate) fn use_server(directory: &Path, address: &str) {
    fs::write(directory.join(ADDRESS), address).unwrap();
}

/// The schema of a trial in this directory.
pub(crate) fn place(directory: &Path) -> Place {
    let name = directory.file_name().unwrap().as_encoded_bytes();
    let name = name.iter().fold(String::new(), |name, byte| format!("{name}{byte:02x}"));
    let address = fs::read_to_string(directory.join(ADDRESS)).ok().or_else(place::address).unwrap();
    Place::new(&address, &format!("kill_{name}"))
}

pub(crate) fn journal(directory: &Path, clock: Arc<dyn Clock>) -> Arc<dyn Journal> {
    Arc::new(Told::new(&place(directory), clock, Tell::Ahead))
}

pub(crate) fn sealer(directory: &Path) -> Arc<dyn Sealer> {
    Arc::new(KeySealer::new(&KeyFile::at(directory.join("key"))).unwrap())
}

/// Removes what a trial in this directory has left.
pub(crate) fn remove(directory: &Path) {
    place::aside(place(directory));
}
