//! Every provider, as a source over its stateful fake.
//!
//! A new provider gets a module here with its source, a line in [`sources`], and one in `laws.rs` of the conformance test.

pub(crate) mod app;
pub(crate) mod app_user;
pub(crate) mod bitbucket_cloud;
pub(crate) mod cloudbees;
pub(crate) mod data_center;
pub(crate) mod github;
pub(crate) mod gitlab;
pub(crate) mod impersonation;
pub(crate) mod jenkins;
pub(crate) mod memory;
pub(crate) mod oauth_app;

use std::time::Duration;

use tokenturn::Guide;
use tokenturn::testing::law::NotApplicable;
use tokenturn::testing::provider::{MemorySource, Stage};

use super::http;

/// Every source, by the provider's name in the table.
pub(crate) fn sources() -> Vec<(&'static str, Stage)> {
    vec![
        ("memory", Stage::new(|| async { MemorySource::new() })),
        ("memory, replaced", Stage::new(|| async { memory::replaced() })),
        ("memory, renewed", Stage::new(|| async { memory::renewed() })),
        ("memory, capped", Stage::new(|| async { memory::capped() })),
        ("memory, by person", Stage::new(|| async { memory::guided() })),
        ("memory, agreed to", Stage::new(|| async { memory::polled() })),
        ("functions", Stage::new(|| async { memory::supplied() })),
        ("GitHub classic, revoked by the API", Stage::new(github::classic_by_api)),
        ("GitHub classic, revoked by a person", Stage::new(github::classic_by_person)),
        ("GitHub fine-grained", Stage::new(github::fine_grained)),
        ("GitHub OAuth app", Stage::new(oauth_app::of_app)),
        ("GitHub App", Stage::new(app::installed)),
        ("GitHub device flow", Stage::new(app_user::by_device)),
        ("GitHub, refreshed", Stage::new(app_user::refreshed)),
        ("GitHub, impersonation", Stage::new(impersonation::of_user)),
        ("GitLab, rotated", Stage::new(gitlab::rotated)),
        ("GitLab, user", Stage::new(gitlab::of_user)),
        ("GitLab, project", Stage::new(gitlab::of_project)),
        ("GitLab, group", Stage::new(gitlab::of_group)),
        ("GitLab, service account", Stage::new(gitlab::of_service_account)),
        ("Bitbucket Cloud, API token", Stage::new(bitbucket_cloud::api_token)),
        ("Bitbucket Cloud, repository", Stage::new(bitbucket_cloud::of_repository)),
        ("Bitbucket Data Center", Stage::new(data_center::of_user)),
        ("CloudBees Unify", Stage::new(cloudbees::unify)),
        ("Jenkins, API token", Stage::new(jenkins::of_user)),
    ]
}

const LIFE: Duration = Duration::from_hours(90 * 24);

fn not_applicable<T>(reason: &str) -> Result<T, NotApplicable> {
    Err(NotApplicable::because(reason))
}

fn person_makes<T>() -> Result<T, NotApplicable> {
    not_applicable("a person makes its tokens")
}

fn person_ends<T>() -> Result<T, NotApplicable> {
    not_applicable("a person ends its tokens")
}

fn no_person<T>() -> Result<T, NotApplicable> {
    not_applicable("no person makes its tokens")
}

fn no_key<T>() -> Result<T, NotApplicable> {
    not_applicable("it has no key of its own")
}

/// Which row a guide to an end names, if it knows one.
fn row_of(guide: &Guide) -> Option<String> {
    let step = guide.steps.iter().find(|step| step.key == "row")?;
    let (_, rest) = step.text.split_once("Find the row named ")?;
    rest.split('.').next().map(str::to_owned)
}

/// What a guide says in this step, replaced.
fn misread(guide: &Guide, key: &str, text: &str) -> Guide {
    let mut guide = guide.clone();
    for step in guide.steps.iter_mut().filter(|step| step.key == key) {
        text.clone_into(&mut step.text);
    }
    guide
}
