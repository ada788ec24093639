//! What is found before anything is issued or written.

use tokenturn::consumer::{Consumer, Proof};
use tokenturn::{CodeManaged, Effect, ErrorKind, ScopeModel, ScopeSet};

use crate::world::{LOGIN, NEW, OLD, World, assert_error, assert_silent, at, install, jenkins, text_document};

const SSH: &str = "<com.cloudbees.jenkins.plugins.sshcredentials.impl.BasicSSHUserPrivateKey><id>ssh</id>\
    <username>git</username><passphrase>p</passphrase><privateKeySource class=\"K$DirectEntryPrivateKeySource\">\
    <privateKey>k</privateKey></privateKeySource></com.cloudbees.jenkins.plugins.sshcredentials.impl.BasicSSHUserPrivateKey>";
const FILE: &str = "<org.jenkinsci.plugins.plaincredentials.impl.FileCredentialsImpl><id>file</id><fileName>f</fileName>\
    <secretBytes>AA==</secretBytes></org.jenkinsci.plugins.plaincredentials.impl.FileCredentialsImpl>";
const VAULT: &str = "<com.datapipe.jenkins.vault.credentials.common.VaultUsernamePasswordCredentialImpl><id>vault</id>\
    <path>p</path></com.datapipe.jenkins.vault.credentials.common.VaultUsernamePasswordCredentialImpl>";
const BLANK: &str = "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl><id>blank</id>\
    </org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>";

#[tokio::test]
async fn nothing_is_written_by_looking() {
    let world = World::start().await;
    world.fake.use_credential(LOGIN);
    let credential = world.jenkins.credential("git-pat");
    let slot = credential.preflight().await.unwrap();
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(OLD));
    assert_eq!(credential.preflight().await.unwrap(), slot);
    assert!(slot.detail("fingerprint").is_some() && slot.warnings.is_empty());
    assert_eq!(world.writes(), 0);
    assert_eq!(credential.ask_for_update_permission().preflight().await.unwrap(), slot);
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(OLD), "the question was no write");
}

#[tokio::test]
async fn what_cannot_be_written_without_loss_is_refused() {
    let world = World::start().await;
    for document in [SSH, FILE, VAULT, BLANK] {
        world.fake.put("system/_", document).unwrap();
    }
    for (id, words) in [
        ("ssh", "2 secrets"),
        ("file", "FileCredentialsImpl"),
        ("vault", "nothing to rotate here"),
        ("blank", "nothing to rotate here"),
    ] {
        let error = world.jenkins.credential(id).preflight().await.unwrap_err();
        assert_error(&error, ErrorKind::Unsupported, Effect::None, words);
    }
    let error = world.jenkins.credential("git-pat").expecting_username("other").preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Unsupported, Effect::None, "another username");
    world.fake.read_only(true);
    let error = world.jenkins.credential("git-pat").preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Unsupported, Effect::None, "kept elsewhere");
    assert_eq!(world.writes(), 0);
}

#[tokio::test]
async fn what_is_not_there_may_be_hidden_and_the_text_says_so() {
    let world = World::start().await;
    world.fake.add_folder("team");
    for credential in [
        world.jenkins.credential("nope"),
        world.jenkins.credential("git-pat").in_folder("team"),
        jenkins(&world.fake, "reader").credential("git-pat"),
    ] {
        let error = credential.preflight().await.unwrap_err();
        assert_error(&error, ErrorKind::NotFound, Effect::None, "Credentials/View");
    }
    let error = world.jenkins.credential("git-pat").in_domain("nope").preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::NotFound, Effect::None, "no such domain");
}

#[tokio::test]
async fn a_missing_permission_is_named_before_anything_is_issued() {
    let world = World::start().await;
    world.fake.grant("reader", "Credentials/View");
    let credential = jenkins(&world.fake, "reader").credential("git-pat");
    let error = credential.clone().ask_for_update_permission().preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "reader lacks the permission Credentials/Update");
    assert_silent(&world.fake, &format!("{error:?}"));
    let slot = credential.preflight().await.unwrap();
    let error = install(&credential, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::PermissionDenied, Effect::None, "reader lacks the permission Credentials/Update");
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(OLD));
}

#[tokio::test]
async fn names_that_lead_elsewhere_are_refused_before_anything_is_sent() {
    let world = World::start().await;
    for credential in [
        world.jenkins.credential(""),
        world.jenkins.credential(".."),
        world.jenkins.credential("x").in_folder("a/../b"),
        world.jenkins.credential("x").in_domain("%2e%2E"),
    ] {
        assert!(credential.preflight().await.is_err());
    }
    assert!(world.fake.seen().iter().all(|seen| !seen.line.contains("config.xml")), "{:?}", world.fake.seen());
}

#[tokio::test]
async fn configuration_as_code_warns_or_refuses() {
    let world = World::start().await;
    world.fake.manage_by_code();
    let credential = world.jenkins.credential("git-pat");
    let slot = credential.preflight().await.unwrap();
    assert!(slot.warnings[0].contains("next reload puts the old token back"), "{slot:?}");
    crate::world::install(&credential, crate::world::NEW, &slot).await.unwrap();
    world.fake.reload_from_code();
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(OLD), "which is why");
    let error = credential.code_managed(CodeManaged::Refuse).preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Unsupported, Effect::None, "secret source");
}

#[tokio::test]
async fn a_check_that_could_show_nothing_is_refused() {
    let world = World::start().await;
    world.fake.grant("rotator", "Item/Read");
    world.fake.add_folder("team");
    world.fake.put("team/folder/_", &text_document("t", "")).unwrap();
    for (credential, words) in [
        (world.jenkins.credential("git-pat").test_connection(), "only \"Secret text\""),
        (world.jenkins.credential("t").in_folder("team").test_connection(), "whole Jenkins"),
        (
            world.jenkins.credential("git-text").test_repository("https://git.example.com/a".parse().unwrap(), "job"),
            "Username with password",
        ),
    ] {
        let error = credential.preflight().await.unwrap_err();
        assert_error(&error, ErrorKind::Configuration, Effect::None, words);
    }
    world.fake.put("system/github.com", &text_document("git-text", "")).unwrap();
    let error = world.jenkins.credential("git-text").test_connection().preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Configuration, Effect::None, "two domains");
    world.jenkins.credential("git-text").preflight().await.unwrap();
}

#[tokio::test]
async fn what_is_no_jenkins_is_said_to_be_none() {
    let mut server = mockito::Server::new_async().await;
    let mut answer = |status: usize, header: (&str, &str), body: &str| {
        server.reset();
        let mock = server.mock("GET", mockito::Matcher::Any).with_status(status).with_header(header.0, header.1);
        mock.with_body(body).create();
        at(&server.url()).credential("x")
    };
    let html = ("content-type", "text/html");
    let login = ("location", "https://sso.example.com/login?from=%2Fx&secret=1");
    let elsewhere = ("location", "https://idp.example.com/saml?SAMLRequest=x");
    for (status, header, body, kind, words) in [
        (200, html, "<html>Welcome</html>", ErrorKind::Protocol, "is this the address of a Jenkins"),
        (404, html, "<html>nginx</html>", ErrorKind::NotFound, "not from Jenkins"),
        (302, login, "", ErrorKind::Redirected, "login page on sso.example.com"),
        (302, elsewhere, "", ErrorKind::Redirected, "elsewhere on idp.example.com"),
        (401, ("www-authenticate", "Basic realm=\"proxy\""), "", ErrorKind::PermissionDenied, "in front of Jenkins"),
        (200, html, "{\"anonymous\":true}", ErrorKind::PermissionDenied, "Authorization header"),
    ] {
        let credential = answer(status, header, body);
        let error = credential.preflight().await.unwrap_err();
        assert_error(&error, kind, Effect::None, words);
    }
}

#[tokio::test]
async fn a_jenkins_that_is_starting_or_gone_may_be_tried_again() {
    let world = World::start().await;
    world.fake.starting(true);
    let error = world.jenkins.credential("git-pat").preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Unavailable, Effect::None, "starting");
    world.fake.stop();
    let error = world.jenkins.credential("git-pat").preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Unavailable, Effect::None, "");
}

#[tokio::test]
async fn it_says_what_it_can_do_and_what_it_needs() {
    let world = World::start().await;
    let plain = world.jenkins.credential("git-pat");
    let can = plain.capabilities();
    assert_eq!((can.application.as_str(), can.works, can.new), ("Jenkins", Proof::Never, Proof::Sometimes));
    assert!(can.restorable && !can.disruptive && can.confirmation.is_none());
    let tested = plain.clone().test_connection().cached_by_github_plugin().capabilities();
    assert_eq!((tested.works, tested.new), (Proof::Always, Proof::Sometimes));
    assert!(tested.confirmation.unwrap().contains("press Save"));
    assert_eq!(plain.clone().confirmed_by("restart").capabilities().confirmation.as_deref(), Some("restart"));
    let scopes = plain.required_scopes(ScopeModel::GITHUB_CLASSIC);
    assert_eq!(scopes, Some(ScopeSet::of(["repo", "admin:repo_hook"])));
    assert_eq!(plain.required_scopes(ScopeModel::NONE), None);
    assert_silent(&world.fake, &format!("{plain:?}"));
}

#[tokio::test]
async fn credentials_that_are_looked_at_together_share_what_is_the_same_for_all_of_them() {
    let world = World::start().await;
    let ids: Vec<String> = (0..20).map(|number| format!("pat-{number}")).collect();
    for id in &ids {
        world.fake.put("system/_", &text_document(id, "text")).unwrap();
    }
    let credentials: Vec<_> = ids.iter().map(|id| world.jenkins.credential(id.as_str())).collect();
    let looks = futures_util::future::join_all(credentials.iter().map(Consumer::preflight)).await;
    assert!(looks.iter().all(Result::is_ok));
    for shared in ["GET /ci/whoAmI", "GET /ci/credentials/store/system/api/json", "GET /ci/configuration-as-code"] {
        let asked = world.count(shared);
        assert!((1..10).contains(&asked), "{shared}: {asked}");
    }
    assert_eq!(world.count("config.xml"), 20, "each reads its own document");
    // Who comes later asks anew.
    world.fake.read_only(true);
    let error = credentials[0].preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Unsupported, Effect::None, "kept elsewhere");
}
