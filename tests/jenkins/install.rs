//! What a write changes, and what it does not.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokenturn::consumer::Consumer;
use tokenturn::{Effect, ErrorKind};

use crate::world::{
    DOCUMENT, LOGIN, NEW, OLD, TEXT, World, assert_error, at, install, jenkins, login_document, mock_credential,
    text_document, turn,
};

#[tokio::test]
async fn the_token_is_replaced_and_every_sibling_stays() {
    let world = World::start().await;
    turn(&world.jenkins.credential("git-pat"), NEW).await;
    let field = |name: &str| world.fake.field_of(LOGIN, name);
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(NEW));
    assert_eq!(field("description").as_deref(), Some("d & <x>"));
    assert_eq!(field("username").as_deref(), Some("build-bot"));
    assert_eq!(field("usernameSecret").as_deref(), Some("true"));
    assert_eq!(field("scope").as_deref(), Some("GLOBAL"));
    assert_eq!(world.fake.type_of(LOGIN), Some("Username with password"));
    turn(&world.jenkins.credential("git-text"), NEW).await;
    assert_eq!(world.fake.secret_of(TEXT).as_deref(), Some(NEW));
    assert_eq!(world.fake.field_of(TEXT, "scope").as_deref(), Some("SYSTEM"));
}

#[tokio::test]
async fn what_was_null_stays_null() {
    let world = World::start().await;
    let bare = "<com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl><id>bare</id><username>b</username>\
                <password>x</password></com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl>";
    world.fake.put("system/_", bare).unwrap();
    turn(&world.jenkins.credential("bare"), NEW).await;
    assert_eq!(world.fake.secret_of("system/_/bare").as_deref(), Some(NEW));
    for name in ["scope", "description", "usernameSecret"] {
        assert_eq!(world.fake.field_of("system/_/bare", name), None, "{name}");
    }
}

#[tokio::test]
async fn descriptions_that_the_document_cannot_print_survive() {
    let world = World::start().await;
    for description in
        ["caf\u{e9} \u{65e5}\u{672c} \u{1f600} ??", "tab\there &amp; \u{20ac}", "one&#13;\n two \u{65e5}", "\u{e9}"]
    {
        world.fake.put("system/_", &text_document("odd", description)).unwrap();
        let before = world.fake.field_of("system/_/odd", "description");
        turn(&world.jenkins.credential("odd"), NEW).await;
        assert_eq!(world.fake.field_of("system/_/odd", "description"), before);
        assert_eq!(world.fake.secret_of("system/_/odd").as_deref(), Some(NEW));
    }
}

#[tokio::test]
async fn a_document_that_does_not_say_its_charset_is_read_as_what_else_is_known_says() {
    for (bytes, described, words) in [
        (b"caf\xe9".to_vec(), Some("caf\u{e9}"), None),
        ("caf\u{e9}".into(), Some("caf\u{e9}"), None),
        ("caf\u{e9}".into(), Some("caf\u{c3}\u{a9}"), None),
        ("caf\u{e9}".into(), None, Some("two charsets")),
        ("caf\u{e9}".into(), Some("tea"), Some("changed while it was read")),
    ] {
        let mut server = mockito::Server::new_async().await;
        mock_credential(&mut server, described, move |_| {
            let (before, after) = DOCUMENT.split_once("  <secret>").unwrap();
            [before.as_bytes(), b"<description>", &bytes, b"</description>  <secret>", after.as_bytes()].concat()
        });
        server.mock("POST", mockito::Matcher::Any).with_status(500).create_async().await;
        let read = at(&server.url()).credential("x").preflight().await;
        match words {
            None => drop(read.unwrap()),
            Some(words) => assert!(read.unwrap_err().to_string().contains(words), "{words}"),
        }
    }
}

#[tokio::test]
async fn usernames_that_the_document_cannot_print_are_shown_elsewhere_or_asked_for() {
    let world = World::start().await;
    let odd = login_document("odd", "d").replace("build-bot", "\u{65e5}\u{672c}");
    world.fake.put("system/_", &odd.replace("<usernameSecret>true", "<usernameSecret>false")).unwrap();
    turn(&world.jenkins.credential("odd"), NEW).await;
    assert_eq!(world.fake.field_of("system/_/odd", "username").as_deref(), Some("\u{65e5}\u{672c}"));
    world.fake.put("system/_", &odd).unwrap();
    let hidden = world.jenkins.credential("odd");
    let error = hidden.preflight().await.unwrap_err();
    assert_error(&error, ErrorKind::Unsupported, Effect::None, "expecting_username");
    turn(&hidden.expecting_username("\u{65e5}\u{672c}"), NEW).await;
    assert_eq!(world.fake.field_of("system/_/odd", "username").as_deref(), Some("\u{65e5}\u{672c}"));
}

#[tokio::test]
async fn credentials_are_found_in_folders_and_domains_and_under_odd_ids() {
    let world = World::start().await;
    world.fake.grant("rotator", "Item/Read");
    for folder in ["team", "team/my app"] {
        world.fake.add_folder(folder);
    }
    let jenkins = &world.jenkins;
    for (domain, id, credential) in [
        ("system/git hub.com", "a b", jenkins.credential("a b").in_domain("git hub.com")),
        ("system/_", "a/b", jenkins.credential("a/b")),
        ("system/_", "100%+\u{e9}", jenkins.credential("100%+\u{e9}")),
        ("team/folder/_", "x", jenkins.credential("x").in_folder("team")),
        ("team/my app/folder/d", "x", jenkins.credential("x").in_folder("/team/my app/").in_domain("d")),
    ] {
        world.fake.put(domain, &text_document(id, "d")).unwrap();
        turn(&credential, NEW).await;
        let name = format!("{domain}/{id}");
        assert_eq!(world.fake.secret_of(&name).as_deref(), Some(NEW), "{name}");
        assert!(credential.name().ends_with(&format!("/ci:{name}")), "{}", credential.name());
    }
    assert_eq!(jenkins.credential("x").named("mine").name(), "mine");
}

#[tokio::test]
async fn a_token_with_characters_of_markup_is_stored_as_it_is() {
    let world = World::start().await;
    let odd = "a&amp;<b>'\"]]>--{AQAAA=}%41?";
    turn(&world.jenkins.credential("git-text"), odd).await;
    assert_eq!(world.fake.secret_of(TEXT).as_deref(), Some(odd));
}

#[tokio::test]
async fn installing_twice_is_the_same_as_once_and_the_old_token_can_go_back() {
    let world = World::start().await;
    let credential = world.jenkins.credential("git-pat");
    let slot = turn(&credential, NEW).await;
    install(&credential, NEW, &slot).await.unwrap();
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(NEW));
    turn(&credential, OLD).await;
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(OLD));
}

#[tokio::test]
async fn a_credential_that_changed_since_it_was_read_is_left_alone() {
    let world = World::start().await;
    let credential = world.jenkins.credential("git-pat");
    let slot = credential.preflight().await.unwrap();
    let writes = world.writes();
    world.fake.put("system/_", &login_document("git-pat", "edited")).unwrap();
    let error = install(&credential, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Conflict, Effect::None, "read it again");
    // Of a change of the secret alone only the fingerprint tells.
    world.fake.use_credential(LOGIN);
    let slot = credential.preflight().await.unwrap();
    world.fake.put("system/_", &login_document("git-pat", "edited")).unwrap();
    let error = install(&credential, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Conflict, Effect::None, "replaced its secret");
    assert_eq!(world.writes(), writes);
    assert_eq!(world.fake.secret_of(LOGIN).as_deref(), Some(OLD));
}

#[tokio::test]
async fn a_used_credential_shows_that_a_200_was_a_lie() {
    let world = World::start().await;
    let credential = world.jenkins.credential("git-pat");
    world.fake.use_credential(LOGIN);
    let slot = credential.preflight().await.unwrap();
    world.fake.lying(true);
    let error = install(&credential, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Unverified, Effect::None, "wrote nothing");
    world.fake.lying(false);
    install(&credential, NEW, &slot).await.unwrap();
}

#[tokio::test]
async fn a_credential_that_is_otherwise_after_the_write_is_said_so() {
    let mut server = mockito::Server::new_async().await;
    let reads = AtomicUsize::new(0);
    mock_credential(&mut server, None, move |_| {
        let later = reads.fetch_add(1, Ordering::SeqCst) > 1;
        if later { DOCUMENT.replace("  <scope>GLOBAL</scope>\n", "").into() } else { DOCUMENT.into() }
    });
    server.mock("POST", mockito::Matcher::Any).create_async().await;
    let credential = at(&server.url()).credential("x");
    let slot = credential.preflight().await.unwrap();
    let error = install(&credential, NEW, &slot).await.unwrap_err();
    assert_error(&error, ErrorKind::Protocol, Effect::Unknown, "scope is otherwise than before");
}

#[tokio::test]
async fn writes_to_one_store_are_done_one_after_the_other() {
    let world = World::start().await;
    let other = jenkins(&world.fake, "rotator");
    let (one, two) = (world.jenkins.credential("git-pat"), other.credential("git-text"));
    let slots = (one.preflight().await.unwrap(), two.preflight().await.unwrap());
    let before = world.fake.seen().len();
    let (first, second) = tokio::join!(install(&one, NEW, &slots.0), install(&two, NEW, &slots.1));
    first.unwrap();
    second.unwrap();
    let ids: Vec<bool> = world.fake.seen().split_off(before).iter().map(|seen| seen.line.contains("git-pat")).collect();
    assert_eq!(ids.len(), 10, "each reads twice in two requests and writes once");
    assert!(ids[..5].iter().all(|id| *id == ids[0]) && ids[5..].iter().all(|id| *id != ids[0]), "{ids:?}");
}
