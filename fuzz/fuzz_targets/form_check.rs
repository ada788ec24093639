#![no_main]

tokenturn_fuzz::target!("form_check");
