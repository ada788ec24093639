//! The laws, for every journal there is.

use std::sync::Arc;

use tokenturn::journal::MemoryJournal;

mod memory {
    use super::*;

    tokenturn::journal_conformance!(volatile, |clock| Ok(Arc::new(MemoryJournal::with_clock(clock))));
}

#[cfg(feature = "sqlite")]
mod sqlite {
    use tokenturn::journal::SqliteJournal;

    use super::*;
    use crate::folder::Folder;

    tokenturn::journal_conformance!(rescuing, {
        let folder = Folder::new();
        move |clock| Ok(Arc::new(SqliteJournal::options().clock(clock).open(folder.path("journal"))?))
    });
}
