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
    memory_replaced: || async { crate::stages::providers::memory::replaced() };
    memory_renewed: || async { crate::stages::providers::memory::renewed() };
    memory_capped: || async { crate::stages::providers::memory::capped() };
    memory_by_person: || async { crate::stages::providers::memory::guided() };
    memory_agreed_to: || async { crate::stages::providers::memory::polled() };
    functions: || async { crate::stages::providers::memory::supplied() };
    github_classic_by_api: crate::stages::providers::github::classic_by_api;
    github_classic_by_person: crate::stages::providers::github::classic_by_person;
    github_fine_grained: crate::stages::providers::github::fine_grained;
    github_oauth_app: crate::stages::providers::oauth_app::of_app;
    github_app: crate::stages::providers::app::installed;
    github_device_flow: crate::stages::providers::app_user::by_device;
    github_refreshed: crate::stages::providers::app_user::refreshed;
    github_impersonation: crate::stages::providers::impersonation::of_user;
    gitlab_rotated: crate::stages::providers::gitlab::rotated;
    gitlab_user: crate::stages::providers::gitlab::of_user;
    gitlab_project: crate::stages::providers::gitlab::of_project;
    gitlab_group: crate::stages::providers::gitlab::of_group;
    gitlab_service_account: crate::stages::providers::gitlab::of_service_account;
    bitbucket_cloud_api_token: crate::stages::providers::bitbucket_cloud::api_token;
    bitbucket_cloud_repository: crate::stages::providers::bitbucket_cloud::of_repository;
    bitbucket_data_center: crate::stages::providers::data_center::of_user;
    cloudbees_unify: crate::stages::providers::cloudbees::unify;
    jenkins_api_token: crate::stages::providers::jenkins::of_user;
}
