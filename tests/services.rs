//! The README's tables of services say what the records of capabilities say, which is what the engine relies upon.

use std::fmt::Write as _;

use aws_credential_types::Credentials;
use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::RsaKeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;
use tokenturn::consumer::memory::MemoryConsumer;
use tokenturn::consumer::{Consumer, ConsumerCapabilities, Manual, Proof};
use tokenturn::provider::memory::MemoryProvider;
use tokenturn::provider::{EndedBy, Fate, Issuer, ProviderCapabilities, Supplied};
use tokenturn::{
    Bitbucket, CloudBees, CodePipeline, Codefresh, Error, ErrorKind, GitHub, GitLab, GitLabAccessLevel, Http, Icr,
    Jenkins, Provider,
};
use url::Url;

const README: &str = include_str!("../README.md");

/// How a table begins: the columns that a record answers. One more, in words, follows.
const PROVIDERS: &str =
    "| tokens | who issues | the token before | who ends it | an orphan is found by its name | beside that |";
const CONSUMERS: &str =
    "| place | shows that the token works | shows that it is the new one | who writes | beside that |";

fn http() -> Http {
    Http::builder().build().unwrap()
}

fn at(host: &str) -> Url {
    Url::parse(&format!("https://{host}.example.com")).unwrap()
}

fn key() -> SecretString {
    "FAKEkeyOfNobody".into()
}

/// A key of an app, made for this run.
fn private_key() -> SecretString {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).unwrap();
    format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der.as_ref())).into()
}

fn jenkins() -> Jenkins {
    Jenkins::at(&http(), at("jenkins")).unwrap().api_token("rotator", key()).build().unwrap()
}

/// One provider of each kind, under its name in the README.
fn providers() -> Vec<(&'static str, Box<dyn Provider>)> {
    let http = http();
    let role = GitLabAccessLevel::Developer;
    let unused = || Error::new(ErrorKind::Unsupported, "the record alone is looked at");
    let functions =
        Supplied::new("functions", move |_| async move { Err(unused()) }, move |_| async move { Err(unused()) });
    vec![
        ("GitHub: classic personal access tokens", Box::new(GitHub::classic(&http).revoke_by_api().build().unwrap())),
        (
            "GitHub: fine-grained personal access tokens",
            Box::new(GitHub::fine_grained(&http).revoke_by_api().build().unwrap()),
        ),
        ("GitHub: tokens of an OAuth app", Box::new(GitHub::oauth_app(&http, "Iv1.fake", key()).build().unwrap())),
        (
            "GitHub: tokens that a user gives an app by the device flow",
            Box::new(GitHub::device_flow(&http, "Iv1.fake").revoke_by_person().build().unwrap()),
        ),
        (
            "GitHub: tokens of an app that expire",
            Box::new(GitHub::refreshed(&http, "Iv1.fake").client_secret(key()).build().unwrap()),
        ),
        (
            "GitHub: installation tokens of a GitHub App",
            Box::new(GitHub::app(&http, 1, private_key()).installation(1).build().unwrap()),
        ),
        (
            "GitHub Enterprise Server: the impersonation token of a user",
            Box::new(GitHub::impersonation(&http, at("github"), "bot", key()).build().unwrap()),
        ),
        ("GitLab: personal access tokens", Box::new(GitLab::personal(&http).build().unwrap())),
        (
            "GitLab: personal access tokens, by an administrator",
            Box::new(GitLab::of_user(&http, 1, key()).server(at("gitlab")).build().unwrap()),
        ),
        ("GitLab: tokens of a project", Box::new(GitLab::of_project(&http, "acme/site", role, key()).build().unwrap())),
        ("GitLab: tokens of a group", Box::new(GitLab::of_group(&http, "acme", role, key()).build().unwrap())),
        (
            "GitLab: tokens of a service account",
            Box::new(GitLab::of_service_account(&http, "acme", 1, key()).build().unwrap()),
        ),
        (
            "Bitbucket Cloud: API tokens",
            Box::new(Bitbucket::api_tokens(&http, "bot@example.com").must_read("acme/site").build().unwrap()),
        ),
        (
            "Bitbucket Cloud: access tokens of a repository, project or workspace",
            Box::new(Bitbucket::repository_tokens(&http, "acme/site").must_read("acme/site").build().unwrap()),
        ),
        (
            "Bitbucket Data Center: HTTP access tokens",
            Box::new(Bitbucket::data_center(&http, at("bitbucket")).login("bot", key()).build().unwrap()),
        ),
        (
            "CloudBees Unify: personal access tokens",
            Box::new(CloudBees::unify(&http).organization("acme.com").build().unwrap()),
        ),
        ("Jenkins: API tokens, our own key there among them", Box::new(jenkins().api_tokens().build().unwrap())),
        ("functions of your own, [`provider::Supplied`]", Box::new(functions)),
        ("memory", Box::new(MemoryProvider::new())),
    ]
}

/// One consumer of each kind, with all of its checks switched on, under its name in the README.
fn consumers() -> Vec<(&'static str, Box<dyn Consumer>)> {
    let http = http();
    let jenkins = jenkins();
    let codefresh = Codefresh::cloud(&http).unwrap().api_key(key()).build().unwrap();
    let credentials = Credentials::new("AKIDFAKE", "fake", None, None, "fake");
    let aws = CodePipeline::in_region(&http, "eu-central-1").credentials(credentials).build().unwrap();
    vec![
        (
            "Jenkins: a credential, username with password or secret text",
            Box::new(jenkins.credential("git").test_connection()),
        ),
        ("Jenkins: our own key there", Box::new(jenkins.own_key().unwrap())),
        ("Codefresh GitOps: the Git user token of a runtime", Box::new(codefresh.runtime("prod"))),
        ("Codefresh GitOps: a runtime that logs in by OAuth2", Box::new(codefresh.oauth_runtime("prod"))),
        ("Codefresh pipelines: a git context", Box::new(codefresh.git_context("github").canary("acme", "site"))),
        ("AWS CodePipeline: GitHub sources (\"version 1\") of a pipeline", Box::new(aws.pipeline("site"))),
        ("the same, one execution started as a test", Box::new(aws.pipeline("site").start_execution())),
        (
            "AWS CodePipeline: a pipeline that a template makes",
            Box::new(CodePipeline::managed_by_template("site", "site", "site").unwrap()),
        ),
        (
            "OpenRefactory iCR: a credential of Jenkins",
            Box::new(Icr::jenkins_credential(jenkins.credential("icr").test_connection())),
        ),
        ("OpenRefactory iCR: a form", Box::new(Icr::form_field("icr", "team/icr").unwrap())),
        ("a place that only a person can update", Box::new(Manual::new("console", "console").unwrap())),
        ("memory", Box::new(MemoryConsumer::new("ci", &MemoryProvider::new()).unwrap())),
    ]
}

/// What stands in the columns of a provider.
fn of_provider(can: &ProviderCapabilities) -> [&'static str; 4] {
    let issuer = match can.issuer {
        Issuer::Api => "the API",
        Issuer::Person => "a person, guided",
    };
    let fate = match can.fate {
        Fate::Survives => "lives on",
        Fate::Dies => "dies",
        Fate::DiesBeyond(10) => "lives on; the eleventh ends the first",
        _ => panic!("the README has no words for {:?} yet", can.fate),
    };
    let ending = match can.ending {
        EndedBy::Api => "the API",
        EndedBy::ApiLater => "the API, a while later",
        EndedBy::Person => "a person",
        _ => panic!("the README has no words for {:?} yet", can.ending),
    };
    [issuer, fate, ending, if can.finds_by_label { "yes" } else { "no" }]
}

/// What stands in the columns of a consumer.
fn of_consumer(can: &ConsumerCapabilities) -> [&'static str; 3] {
    let shown = |proof: Proof| match proof {
        Proof::Always => "yes",
        Proof::Sometimes => "at times",
        Proof::Never => "no",
    };
    [shown(can.works), shown(can.new), if can.by_person { "a person, guided" } else { "the API" }]
}

/// The rows of the table that begins so, without the last column, which is in words.
fn told(head: &str) -> Vec<String> {
    let columns = head.matches(" | ").count();
    let lines = README.lines().skip_while(|line| *line != head).skip(2);
    let rows = lines.take_while(|line| line.starts_with('|')).map(|line| {
        let cells: Vec<_> = line.split(" | ").collect();
        assert_eq!(cells.len(), columns + 1, "this row has another number of cells than its head: {line}");
        format!("{} |", cells[..columns].join(" | "))
    });
    rows.collect()
}

/// The rows that the records give.
fn true_rows<'a, const N: usize>(records: impl Iterator<Item = (&'a str, [&'a str; N])>) -> Vec<String> {
    records.map(|(name, cells)| format!("| {name} | {} |", cells.join(" | "))).collect()
}

fn held_to(head: &str, rows: &[String]) {
    let told = told(head);
    let mut text = format!("the README's table \"{head}\" is not what the records say:");
    for row in told.iter().filter(|row| !rows.contains(row)) {
        let _ = write!(text, "\n- {row}");
    }
    for row in rows.iter().filter(|row| !told.contains(row)) {
        let _ = write!(text, "\n+ {row}");
    }
    assert!(told == rows, "{text}");
}

#[test]
fn the_readme_says_of_each_provider_what_its_record_says() {
    let providers = providers();
    held_to(PROVIDERS, &true_rows(providers.iter().map(|(name, one)| (*name, of_provider(&one.capabilities())))));
}

#[test]
fn the_readme_says_of_each_consumer_what_its_record_says() {
    let consumers = consumers();
    held_to(CONSUMERS, &true_rows(consumers.iter().map(|(name, one)| (*name, of_consumer(&one.capabilities())))));
}
