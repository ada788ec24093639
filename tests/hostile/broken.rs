//! Broken clients, one for each case.
