//! The laws that every journal keeps.

use std::sync::Arc;

use crate::place::Own;
use crate::told::{Tell, Told};

tokenturn::journal_conformance!(durable, {
    let Some(place) = Own::find() else { return };
    move |clock| Ok(Arc::new(Told::new(&place, clock, Tell::Time)))
});
