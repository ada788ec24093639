#![no_main]

tokenturn_fuzz::target!("pipeline_json");
