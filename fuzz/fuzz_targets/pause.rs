#![no_main]

tokenturn_fuzz::target!("pause");
