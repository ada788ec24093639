//! One test of each law for each provider.

macro_rules! held_to_the_laws {
    ($($name:ident: $raise:expr;)+) => {
        $(mod $name {
            tokenturn::provider_conformance!($raise);
        })+
    };
}

held_to_the_laws! {
    memory: || async { tokenturn::testing::provider::MemorySource::new() };
    memory_replaced: || async { crate::providers::memory::replaced() };
    memory_renewed: || async { crate::providers::memory::renewed() };
    memory_capped: || async { crate::providers::memory::capped() };
    memory_by_person: || async { crate::providers::memory::guided() };
    memory_agreed_to: || async { crate::providers::memory::polled() };
    functions: || async { crate::providers::memory::supplied() };
    github_classic_by_api: crate::providers::github::classic_by_api;
    github_classic_by_person: crate::providers::github::classic_by_person;
    github_fine_grained: crate::providers::github::fine_grained;
    github_oauth_app: crate::providers::oauth_app::of_app;
    github_app: crate::providers::app::installed;
    github_device_flow: crate::providers::app_user::by_device;
    github_refreshed: crate::providers::app_user::refreshed;
    github_impersonation: crate::providers::impersonation::of_user;
    gitlab_rotated: crate::providers::gitlab::rotated;
    gitlab_user: crate::providers::gitlab::of_user;
    gitlab_project: crate::providers::gitlab::of_project;
    gitlab_group: crate::providers::gitlab::of_group;
    gitlab_service_account: crate::providers::gitlab::of_service_account;
    bitbucket_cloud_api_token: crate::providers::bitbucket_cloud::api_token;
    bitbucket_cloud_repository: crate::providers::bitbucket_cloud::of_repository;
    bitbucket_data_center: crate::providers::data_center::of_user;
    cloudbees_unify: crate::providers::cloudbees::unify;
    jenkins_api_token: crate::providers::jenkins::of_user;
}
