#![no_main]

tokenturn_fuzz::target!("bitbucket_granted");
