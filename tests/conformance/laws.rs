//! One test of each law for each consumer.

macro_rules! held_to_the_laws {
    ($($name:ident: $raise:expr;)+) => {
        $(mod $name {
            tokenturn::consumer_conformance!($raise);
        })+
    };
}

held_to_the_laws! {
    memory: || async { tokenturn::testing::consumer::MemoryFarSide::new() };
    manual: || async { Ok(crate::stages::manual::Desk::new()) };
    jenkins_secret_text: crate::stages::jenkins::secret_text;
    jenkins_login: crate::stages::jenkins::login;
    jenkins_own_key: crate::stages::jenkins_key::own_key;
    codefresh_runtime: crate::stages::codefresh::user_token;
    codefresh_oauth: crate::stages::codefresh::oauth;
    codefresh_context: crate::stages::codefresh::context;
    codepipeline: crate::stages::codepipeline::quiet;
    codepipeline_started: crate::stages::codepipeline::started;
    icr_listed: crate::stages::icr::listed;
    icr_typed: || async { Ok(crate::stages::icr::typed()) };
}
