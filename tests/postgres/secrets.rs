//! What the journal says of the way to its database.

use tokenturn::ErrorKind;
use tokenturn::journal::PostgresJournal;

use crate::place::{Own, Place};
use crate::server::Server;

const PASSWORD: &str = "FAKE-pass-9f3c";

/// That neither of what a failure says has the password in it.
fn assert_silent(error: &tokenturn::Error) {
    let said = format!("{error} {error:?} {:?}", error.problem());
    assert!(!said.contains(PASSWORD) && !said.contains("9f3c"), "{said}");
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_repeated() {
    let Some(server) = Server::start(&[]) else { return };
    server.admit("host all all 127.0.0.1/32 scram-sha-256\n");
    let mut server = server;
    server.kill();
    server.up();
    let address = format!("postgres://tokenturn:{PASSWORD}@127.0.0.1:{}/postgres", server.port());
    let error = Place::new(&address, "tokenturn").open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    assert!(error.to_string().contains("password"), "{error}");
    assert_silent(&error);
}

#[tokio::test]
async fn no_failure_to_connect_repeats_the_address() {
    for rest in ["127.0.0.1:1/x", "127.0.0.1:port/x", "db.example.com/x?sslmode=disable", "127.0.0.1:1/x?odd=1"] {
        let address = format!("postgres://me:{PASSWORD}@{rest}");
        let error = Place::new(&address, "tokenturn").open().await.unwrap_err();
        assert_silent(&error);
    }
}

#[tokio::test]
async fn neither_the_journal_nor_its_options_show_where_the_database_is() {
    let options = PostgresJournal::options().schema("mine").root_certificates("FAKE-pass-9f3c");
    let said = format!("{options:?}");
    assert!(said.contains("mine") && !said.contains("9f3c"), "{said}");
    let Some(place) = Own::find() else { return };
    let journal = place.open().await.unwrap();
    let said = format!("{journal:?}");
    assert!(said.contains(&place.schema) && !said.contains("127.0.0.1"), "{said}");
}

#[tokio::test]
async fn text_goes_over_no_line_without_tls_unless_that_was_allowed() {
    let Some(place) = Own::find() else { return };
    let error = PostgresJournal::options().schema(&place.schema).open(&place.secret()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal, "{error}");
}
