//! How the journal is opened, made, and refused.

use futures_util::future::join_all;
use tokenturn::ErrorKind;
use tokenturn::journal::{HeadFilter, Journal, Seq};

use crate::place::{Own, Place, connect};
use crate::server::Server;
use crate::support::{all, assert_whole, batch, lease};

#[tokio::test]
async fn many_that_open_at_once_make_one_journal() {
    let Some(place) = Own::find() else { return };
    for journal in join_all((0..6).map(|_| place.open())).await {
        let journal = journal.unwrap();
        let lease = lease(&journal, "bot", "me").await;
        let after = all(&journal, "bot").await.unwrap().head.last;
        journal.append(&lease, after, &batch(&lease, after)).await.unwrap();
    }
    let log = all(&place.open().await.unwrap(), "bot").await.unwrap();
    assert_eq!(log.head.last, Seq::new(6));
    assert_whole(&log);
}

#[tokio::test]
async fn a_journal_of_a_newer_version_is_refused_and_left_as_it_is() {
    let Some(place) = Own::find() else { return };
    let journal = place.open().await.unwrap();
    let held = lease(&journal, "bot", "me").await;
    place.admin().await.execute("UPDATE journal SET version = 9", &[]).await.unwrap();
    let error = place.open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("newer version"), "{error}");
    // Whoever has it open writes nothing into tables that it does not know.
    let refused = [
        journal.append(&held, Seq::ZERO, &batch(&held, Seq::ZERO)).await.map(drop),
        journal.rehearse(&held, 100).await,
        journal.claim(&held.credential, &held.holder, held.ttl).await.map(drop),
        journal.claim_due(&HeadFilter::all(), &held.holder, held.ttl, 1).await.map(drop),
    ];
    for error in refused.map(Result::unwrap_err) {
        assert_eq!(error.kind(), ErrorKind::Configuration, "{error}");
    }
    let version: i32 = place.admin().await.query_one("SELECT version FROM journal", &[]).await.unwrap().get(0);
    assert_eq!((version, all(&journal, "bot").await.unwrap().records.len()), (9, 0));
}

#[tokio::test]
async fn a_schema_of_another_program_is_refused_and_left_as_it_is() {
    for table in ["CREATE TABLE customer (name text)", "CREATE TABLE journal (entry text)"] {
        let Some(place) = Own::find() else { return };
        let admin = connect(&place.address).await;
        let schema = &place.schema;
        admin.batch_execute(&format!("CREATE SCHEMA {schema}; SET search_path = {schema}; {table}")).await.unwrap();
        let error = place.open().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{table}: {error}");
        let sql = "SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace($1) AND relkind = 'r'";
        let tables: i64 = admin.query_one(sql, &[schema]).await.unwrap().get(0);
        assert_eq!(tables, 1, "{table}");
    }
}

#[tokio::test]
async fn a_user_who_may_only_read_and_write_is_enough_once_the_tables_are_there() {
    let Some(place) = Own::find() else { return };
    place.open().await.unwrap();
    let (schema, admin) = (&place.schema, place.admin().await);
    let role = format!("{schema}_worker");
    let sql = format!(
        "CREATE ROLE {role} LOGIN PASSWORD 'fake-password'; GRANT USAGE ON SCHEMA {schema} TO {role};
         GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role};
         REVOKE INSERT, UPDATE, DELETE ON journal FROM {role}"
    );
    admin.batch_execute(&sql).await.unwrap();
    let mut url: url::Url = place.address.parse().unwrap();
    url.set_username(&role).unwrap();
    url.set_password(Some("fake-password")).unwrap();
    let journal = Place::new(url.as_str(), schema).open().await.unwrap();
    let lease = lease(&journal, "bot", "me").await;
    journal.rehearse(&lease, 1000).await.unwrap();
    journal.append(&lease, Seq::ZERO, &batch(&lease, Seq::ZERO)).await.unwrap();
    assert_whole(&all(&journal, "bot").await.unwrap());
    journal.release(lease).await.unwrap();
    drop(journal);
    admin.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
}

#[tokio::test]
async fn a_rehearsal_leaves_nothing_behind_and_needs_the_room_that_it_was_told() {
    let Some(place) = Own::find() else { return };
    let (journal, admin) = (place.open().await.unwrap(), place.admin().await);
    let lease = lease(&journal, "bot", "me").await;
    let sql = "SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn";
    let before = admin.query_one(&format!("SELECT ({sql})::float8"), &[]).await.unwrap().get::<_, f64>(0);
    journal.rehearse(&lease, 200_000).await.unwrap();
    let after = admin.query_one(&format!("SELECT ({sql})::float8"), &[]).await.unwrap().get::<_, f64>(0);
    assert!(after - before > 200_000.0, "so much was written: {}", after - before);
    let left: i64 = admin.query_one("SELECT count(*) FROM rehearsal", &[]).await.unwrap().get(0);
    assert_eq!(left, 0);
}

#[tokio::test]
async fn what_cannot_be_written_is_found_by_a_rehearsal() {
    let Some(place) = Own::find() else { return };
    let (journal, admin) = (place.open().await.unwrap(), place.admin().await);
    let lease = lease(&journal, "bot", "me").await;
    admin.batch_execute("ALTER TABLE rehearsal ADD CONSTRAINT full_disk CHECK (length(body) < 5000)").await.unwrap();
    journal.rehearse(&lease, 1000).await.unwrap();
    let error = journal.rehearse(&lease, 20_000).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Journal, tokenturn::Effect::None));
}

#[tokio::test]
async fn a_database_that_can_only_be_read_is_refused() {
    let Some(place) = Own::find() else { return };
    place.open().await.unwrap();
    let mut url: url::Url = place.address.parse().unwrap();
    url.query_pairs_mut().append_pair("options", "-c default_transaction_read_only=on");
    let error = Place::new(url.as_str(), &place.schema).open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal, "{error}");
}

#[tokio::test]
async fn a_server_that_would_forget_is_refused() {
    let Some(server) = Server::start(&["fsync=off"]) else { return };
    let error = Place::new(&server.address(), "tokenturn").open().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("fsync"), "{error}");
}
