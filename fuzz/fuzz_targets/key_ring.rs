#![no_main]

tokenturn_fuzz::target!("key_ring");
