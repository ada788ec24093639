#![no_main]

tokenturn_fuzz::target!("config_xml");
