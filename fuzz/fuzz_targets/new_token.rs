#![no_main]

tokenturn_fuzz::target!("new_token");
