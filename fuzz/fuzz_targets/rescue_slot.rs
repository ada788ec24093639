#![no_main]

tokenturn_fuzz::target!("rescue_slot");
