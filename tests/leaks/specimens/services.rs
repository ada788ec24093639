//! The connection and every service, each with keys that must not be seen.

use tokenturn::testing::CodePipelineFake;
use tokenturn::{
    AppUserTokensBuilder, Bitbucket, CloudBees, CodeManaged, CodePipeline, Codefresh, GitHub, GitLab,
    GitLabAccessLevel, Http, Icr, Jenkins, JenkinsKey, Token, TokenId,
};
use url::Url;

use crate::canary::{API_KEY, PASSWORD, SESSION, TOKEN, secret, token};
use crate::channels::{Otherwise as _, Said};
use crate::stages::providers::app::keys;

fn at(host: &str) -> Url {
    format!("https://{host}.example").parse().unwrap()
}

/// Shows a builder and what it builds, or the error.
macro_rules! built {
    ($said:expr, $($builder:expr),+ $(,)?) => {
        $({
            specimen!($said, $builder);
            let built = $builder.build();
            if let Ok(built) = &built {
                specimen!($said, *built);
            }
            if let Err(error) = &built {
                $said.error(error);
            }
        })+
    };
}

pub(super) async fn show(said: &Said) {
    let proxied = || Http::builder().proxy_with_login(at("proxy"), "user", secret(PASSWORD));
    let http = proxied().build().unwrap();
    let unusable = format!("-----BEGIN PRIVATE KEY-----\n{API_KEY}\n-----END PRIVATE KEY-----");
    let login: Url = format!("https://user:{SESSION}@proxy.example").parse().unwrap();
    built!(
        said,
        proxied(),
        Http::builder().client_certificate(secret(&unusable)),
        Http::builder().proxy(login.clone())
    );
    built!(
        said,
        Http::builder().root_certificates(unusable.clone()),
        Http::builder().client_certificate(keys::pkcs8())
    );
    github(said, &http);
    gitlab(said, &http);
    others(said, &http);
    places(said, &http).await;
}

fn github(said: &Said, http: &Http) {
    built!(said, GitHub::classic(http).revoke_by_api(), GitHub::fine_grained(http).revoke_by_person());
    built!(said, GitHub::oauth_app(http, "Iv1.fake", secret(PASSWORD)).server(at("github")));
    built!(
        said,
        GitHub::app(http, 1, keys::pkcs8()).installation(2),
        GitHub::app(http, 1, secret(TOKEN)).installation(2)
    );
    built!(said, GitHub::impersonation(http, at("github"), "build-bot", secret(TOKEN)));
    let with_secret = |builder: AppUserTokensBuilder| builder.client_secret(secret(PASSWORD)).revoke_by_api();
    built!(said, with_secret(GitHub::device_flow(http, "Iv1.fake")), with_secret(GitHub::refreshed(http, "Iv1.fake")));
}

fn gitlab(said: &Said, http: &Http) {
    let role = GitLabAccessLevel::Developer;
    built!(said, GitLab::personal(http), GitLab::of_user(http, 7, secret(TOKEN)).server(at("gitlab")));
    built!(
        said,
        GitLab::of_project(http, "acme/site", role, secret(TOKEN)),
        GitLab::of_group(http, "a", role, secret(""))
    );
    built!(said, GitLab::of_service_account(http, "acme", 7, secret(TOKEN)));
}

fn others(said: &Said, http: &Http) {
    built!(said, Bitbucket::api_tokens(http, "a@b.example"), Bitbucket::repository_tokens(http, "acme/site"));
    let center = || Bitbucket::data_center(http, at("bitbucket")).known(&token(), TokenId::new("1").unwrap());
    built!(said, center().login("admin", secret(PASSWORD)), CloudBees::unify(http).organization("acme"));
}

async fn places(said: &Said, http: &Http) {
    let jenkins = || Jenkins::at(http, at("jenkins")).unwrap();
    let key = JenkinsKey::new("admin", Token::new(API_KEY).unwrap()).unwrap();
    built!(
        said,
        jenkins().key(&key),
        jenkins().api_token("admin", secret(API_KEY)),
        jenkins().password("a", secret(PASSWORD))
    );
    let handle = jenkins().key(&key).build().unwrap();
    built!(said, handle.api_tokens().known(&token(), TokenId::new("1").unwrap()));
    let credential = || handle.credential("git").test_connection();
    specimen!(said, key, credential(), handle.own_key(), CodeManaged::Warn, JenkinsKey::new("a:b", token()));
    specimen!(said, handle.own_key().unwrap(), Icr::jenkins_credential(credential()), Icr::form_field("git", "scan"));
    let codefresh = || Codefresh::at(http, at("codefresh")).unwrap();
    built!(said, codefresh().api_key(secret(API_KEY)), codefresh().api_key(secret(&format!("{API_KEY}\n"))));
    let handle = codefresh().api_key(secret(API_KEY)).build().unwrap();
    specimen!(said, handle.runtime("r"), handle.oauth_runtime("r"), handle.git_context("c"));
    // Every key of AWS that there is: the fake's are made up, and these are ours.
    let credentials = aws_credential_types::Credentials::new("AKIAFAKE", PASSWORD, Some(SESSION.into()), None, "test");
    let aws = || CodePipeline::in_region(http, CodePipelineFake::REGION).credentials(credentials.clone());
    built!(said, aws());
    let aws = aws().endpoint(at("aws")).build().unwrap();
    specimen!(said, aws.pipeline("site"), aws.pipelines().await, tokenturn::PipelinesFound::default());
}
