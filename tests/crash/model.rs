//! The disk that these histories are written to is a journal as any other: it keeps the laws of one.

use std::sync::{Arc, OnceLock};

use tokenturn::journal::MemoryJournal;
use tokenturn::testing::{Power, Powered};

tokenturn::journal_conformance!(durable, {
    let disk = OnceLock::new();
    move |clock| {
        let disk: &MemoryJournal = disk.get_or_init(|| MemoryJournal::pretending_to_be_durable(clock));
        Ok(Arc::new(Powered::new(disk.clone(), &Power::steady())))
    }
});
