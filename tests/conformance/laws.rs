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
    manual: || async { Ok(crate::manual::Desk::new()) };
    jenkins_secret_text: crate::jenkins::secret_text;
    jenkins_login: crate::jenkins::login;
    jenkins_own_key: crate::jenkins_key::own_key;
    codefresh_runtime: crate::codefresh::user_token;
    codefresh_oauth: crate::codefresh::oauth;
    codefresh_context: crate::codefresh::context;
    codepipeline: crate::codepipeline::quiet;
    codepipeline_started: crate::codepipeline::started;
    icr_listed: crate::icr::listed;
    icr_typed: || async { Ok(crate::icr::typed()) };
}
