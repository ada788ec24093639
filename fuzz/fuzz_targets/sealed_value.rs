#![no_main]

tokenturn_fuzz::target!("sealed_value");
