#![no_main]

tokenturn_fuzz::target!("journal_run");
