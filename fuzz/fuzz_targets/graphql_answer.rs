#![no_main]

tokenturn_fuzz::target!("graphql_answer");
