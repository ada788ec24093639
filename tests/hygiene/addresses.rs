//! An address is seen by whoever keeps logs on the way.

use secrecy::SecretString;
use tokenturn::testing::leak::{Ears, Search};
use tokenturn::{
    Bitbucket, CloudBees, CodePipeline, Codefresh, Error, ErrorKind, GitHub, GitLab, GitLabAccessLevel, Http, Jenkins,
    Result, UnifyTokens,
};
use url::Url;

const PASSWORD: &str = "pw-FAKE-t6Yu1Io4Pl9Kj2Mn7Bv3Cx";

/// What every service makes of this address for its own.
fn refusals(http: &Http, at: &Url) -> Vec<(&'static str, Option<Error>)> {
    fn of<T>(built: Result<T>) -> Option<Error> {
        built.err()
    }
    let at = || at.clone();
    let key = || SecretString::from("key-FAKE");
    let role = GitLabAccessLevel::Developer;
    let aws = aws_credential_types::Credentials::new("AKIAFAKE", "key-FAKE", None, None, "test");
    let aws = || CodePipeline::in_region(http, "eu-central-1").credentials(aws.clone());
    let unify = || -> Result<UnifyTokens> { CloudBees::unify(http).organization("acme").address(at()).build() };
    vec![
        ("GitHub, classic", of(GitHub::classic(http).revoke_by_api().server(at()).build())),
        ("GitHub, fine-grained", of(GitHub::fine_grained(http).revoke_by_person().server(at()).build())),
        ("GitHub, OAuth app", of(GitHub::oauth_app(http, "Iv1.fake", key()).server(at()).build())),
        ("GitHub, impersonation", of(GitHub::impersonation(http, at(), "build-bot", key()).build())),
        ("GitHub, device flow", of(GitHub::device_flow(http, "Iv1.fake").revoke_by_person().server(at()).build())),
        ("GitHub, refreshed", of(GitHub::refreshed(http, "Iv1.fake").client_secret(key()).server(at()).build())),
        ("GitLab, rotated", of(GitLab::personal(http).server(at()).build())),
        ("GitLab, user", of(GitLab::of_user(http, 7, key()).server(at()).build())),
        ("GitLab, project", of(GitLab::of_project(http, "acme/site", role, key()).server(at()).build())),
        ("Bitbucket Cloud", of(Bitbucket::api_tokens(http, "a@b.example").address(at()).build())),
        ("Bitbucket Data Center", of(Bitbucket::data_center(http, at()).login("a", key()).user_slug("a").build())),
        ("CloudBees Unify", of(unify())),
        ("Jenkins", of(Jenkins::at(http, at()).and_then(|jenkins| jenkins.api_token("admin", key()).build()))),
        ("Codefresh", of(Codefresh::at(http, at()).and_then(|codefresh| codefresh.api_key(key()).build()))),
        ("CodePipeline", of(aws().endpoint(at()).build())),
        ("CloudFormation", of(aws().cloudformation_endpoint(at()).build())),
        ("a proxy", of(Http::builder().proxy(at()).build())),
        ("a proxy with a login", of(Http::builder().proxy_with_login(at(), "user", key()).build())),
    ]
}

#[test]
fn an_address_with_a_login_in_it_is_refused_by_every_service_and_not_repeated() {
    let http = Http::builder().build().unwrap();
    let ears = Ears::new();
    for login in [format!("user:{PASSWORD}@"), format!("{PASSWORD}@"), format!(":{PASSWORD}@")] {
        let address: Url = format!("https://{login}ci.example").parse().unwrap();
        for (service, refused) in refusals(&http, &address) {
            let error = refused.unwrap_or_else(|| panic!("{service} takes a login in its address"));
            assert_eq!(error.kind(), ErrorKind::Configuration, "{service}: {error}");
            ears.hear(service, format!("{error} {error:?} {}", error.problem()));
        }
    }
    assert_eq!(Search::of([PASSWORD]).among(&ears), Vec::<String>::new());
}
