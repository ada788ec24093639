#![no_main]

tokenturn_fuzz::target!("github_headers");
