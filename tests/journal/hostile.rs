//! A journal that somebody or something has changed: a clear error or a correct resume, and never a wrong act.

use std::fs;

use rusqlite::{Connection, params};
use tokenturn::ErrorKind;
use tokenturn::journal::{Journal as _, Seq, Span};

use crate::support::bot;
use crate::world::{Scene, Waiting};

/// A scene that is set up again whenever a resume was correct and has used it up.
struct Stage {
    scene: Scene,
    waiting: Waiting,
    refused: usize,
    resumed: usize,
}

impl Stage {
    async fn new(scene: Scene) -> Self {
        Self { scene, waiting: Waiting::at(scene).await, refused: 0, resumed: 0 }
    }

    /// Goes on from these bytes.
    async fn bytes(&mut self, bytes: &[u8], what: &str) {
        self.waiting.put(bytes);
        self.judge(what).await;
    }

    /// Goes on from the journal as this change leaves it.
    async fn change(&mut self, what: &str, change: impl FnOnce(&Connection)) {
        self.waiting.put(&self.waiting.bytes);
        change(&self.waiting.world.raw());
        self.judge(what).await;
    }

    async fn judge(&mut self, what: &str) {
        if self.waiting.goes_on("key", what).await {
            self.refused += 1;
        } else {
            self.resumed += 1;
            self.waiting = Waiting::at(self.scene).await;
        }
    }
}

/// Flips one bit in every byte of every row that this finds.
async fn flip_every_byte(table: &str, column: &str, rows: &str) -> (usize, usize) {
    let mut stage = Stage::new(Scene::Draining).await;
    let raw = stage.waiting.world.raw();
    let sql = format!("SELECT rowid, CAST({column} AS BLOB), typeof({column}) FROM {table} WHERE {rows}");
    let mut found = raw.prepare(&sql).unwrap();
    let rows: Vec<(i64, Vec<u8>, String)> = found
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    drop(found);
    drop(raw);
    assert!(!rows.is_empty(), "{table}.{column}");
    for (row, bytes, kind) in rows {
        for at in 0..bytes.len() {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << (at % 8);
            let sql = format!("UPDATE {table} SET {column} = CAST(?2 AS {kind}) WHERE rowid = ?1");
            let change = |raw: &Connection| {
                raw.execute(&sql, params![row, flipped]).unwrap();
            };
            Box::pin(stage.change(&format!("{table}.{column} of {row}, byte {at}"), change)).await;
        }
    }
    (stage.refused, stage.resumed)
}

const LAST: &str = "seq = (SELECT max(seq) FROM record)";
const NEWEST: &str = "seq > (SELECT max(seq) - 2 FROM record)";

#[tokio::test]
async fn a_flipped_bit_in_any_byte_of_the_last_records_is_found() {
    for (column, rows) in [("fact", NEWEST), ("mac", NEWEST), ("run", LAST), ("at", LAST)] {
        let (refused, resumed) = flip_every_byte("record", column, rows).await;
        assert!(refused > 0 && resumed == 0, "{column}: {refused} refused, {resumed} resumed");
    }
}

#[tokio::test]
async fn a_flipped_bit_in_any_byte_of_the_head_is_found() {
    let (refused, resumed) = flip_every_byte("head", "body", "true").await;
    // The name of a field that says nothing may change without changing what the head says.
    assert!(refused > 100 && resumed <= "current".len(), "{refused} refused, {resumed} resumed");
}

#[tokio::test]
async fn a_flipped_bit_in_any_byte_of_a_value_that_is_needed_is_found() {
    for column in ["sealed", "context", "id"] {
        let (refused, resumed) = flip_every_byte("value", column, "id LIKE '%/new-1'").await;
        assert!(refused > 0 && resumed == 0, "{column}: {refused} refused, {resumed} resumed");
    }
    // The old value is asked for last, and by then the rest was checked; what cannot be opened is not acted upon.
    flip_every_byte("value", "sealed", "id LIKE '%/old'").await;
}

#[tokio::test]
async fn a_flipped_bit_in_a_number_is_found_or_does_no_harm() {
    let mut stage = Stage::new(Scene::Draining).await;
    let columns = [
        ("record", "seq"),
        ("record", "epoch"),
        ("record", "credential"),
        ("head", "last"),
        ("head", "open"),
        ("head", "due_at"),
        ("head", "credential"),
        ("value", "credential"),
        ("credential", "epoch"),
        ("credential", "leased_until"),
        ("credential", "lease_length"),
        ("credential", "id"),
    ];
    for (table, column) in columns {
        for bit in [0, 1, 4, 30, 50, 62, 63] {
            let sql = format!(
                "UPDATE OR IGNORE {table} SET {column} = ({column} | ?1) - ({column} & ?1)
                 WHERE rowid = (SELECT max(rowid) FROM {table})"
            );
            let change = |raw: &Connection| {
                raw.execute(&sql, [1_i64 << bit]).unwrap();
            };
            stage.change(&format!("{table}.{column}, bit {bit}"), change).await;
        }
    }
    assert!(stage.refused > 0 && stage.resumed > 0, "{} {}", stage.refused, stage.resumed);
}

#[tokio::test]
async fn rows_that_were_swapped_removed_replayed_or_added_are_found() {
    let last = "(SELECT max(seq) FROM record)";
    let parts = "(epoch, run, at, fact, mac)";
    let replayed = format!(
        "UPDATE record SET {parts} = (SELECT epoch, run, at, fact, mac FROM record r WHERE r.seq = {last} - 1)
         WHERE seq = {last}"
    );
    let changes = [
        (
            "two swapped",
            format!(
                "UPDATE record SET seq = -1 WHERE seq = {last}; UPDATE record SET seq = seq + 1 WHERE seq = {last};
             UPDATE record SET seq = {last} - 1 WHERE seq = -1"
            ),
        ),
        ("the last removed", format!("DELETE FROM record WHERE seq = {last}")),
        (
            "the last removed, and the head says so",
            format!(
                "DELETE FROM record WHERE seq = {last};
             UPDATE head SET last = last - 1, body = json_set(body, '$.last', last - 1)"
            ),
        ),
        ("the first removed", "DELETE FROM record WHERE seq = 1".into()),
        ("one in the middle removed", format!("DELETE FROM record WHERE seq = {last} / 2")),
        (
            "one in the middle removed, and the rest moved up",
            format!(
                "DELETE FROM record WHERE seq = {last} / 2; UPDATE record SET seq = seq - 1 WHERE seq > {last} / 2;
             UPDATE head SET last = last - 1, body = json_set(body, '$.last', last - 1)"
            ),
        ),
        ("all removed", "DELETE FROM record".into()),
        ("an older one replayed", replayed),
        (
            "the last one twice",
            format!(
                "INSERT INTO record SELECT credential, seq + 1, epoch, run, at, fact, mac FROM record WHERE seq = {last}"
            ),
        ),
        (
            "the last one twice, and the head says so",
            format!(
            "INSERT INTO record SELECT credential, seq + 1, epoch, run, at, fact, mac FROM record WHERE seq = {last};
             UPDATE head SET last = last + 1, body = json_set(body, '$.last', last + 1)"
        ),
        ),
        ("the run begins later", "UPDATE head SET body = json_set(body, '$.since', 3)".into()),
        ("the run is another", "UPDATE head SET body = json_set(body, '$.run', 'another')".into()),
        ("the run is over", "UPDATE head SET body = json_set(body, '$.status', 'idle')".into()),
        ("the head has no tie", "UPDATE head SET body = json_remove(body, '$.tie')".into()),
        ("the head is of another credential", "UPDATE head SET body = json_set(body, '$.credential', 'b')".into()),
        ("the head is gone", "DELETE FROM head".into()),
        ("the credential has another name", "UPDATE credential SET name = 'another'".into()),
        (
            "the values are swapped",
            "UPDATE value SET sealed = (SELECT v.sealed FROM value v WHERE v.id <> value.id)".into(),
        ),
        (
            "the values' names are swapped",
            "UPDATE value SET id = id || 'x';
            UPDATE value SET id = replace(replace(id, '/newx', '/new'), 'x', '')"
                .into(),
        ),
        ("the values are gone", "DELETE FROM value".into()),
    ];
    for scene in [Scene::Draining, Scene::Issued] {
        let mut stage = Stage::new(scene).await;
        for (what, sql) in &changes {
            stage.change(what, |raw| raw.execute_batch(sql).unwrap()).await;
        }
        assert!(stage.refused >= changes.len() - 1, "{scene:?}: {}", stage.resumed);
    }
}

#[tokio::test]
async fn a_head_of_another_moment_does_not_fit() {
    let mut stage = Stage::new(Scene::Draining).await;
    let mut heads = stage.waiting.heads.clone();
    heads.dedup();
    let now = heads.pop().unwrap();
    assert!(heads.len() > 2, "{heads:?}");
    for head in heads.iter().filter(|head| **head != now) {
        stage.change(head, |raw| assert_eq!(raw.execute("UPDATE head SET body = ?1", [head]).unwrap(), 1)).await;
    }
    assert_eq!(stage.resumed, 0);
}

#[tokio::test]
async fn epochs_that_were_set_back_rise_again() {
    let mut stage = Stage::new(Scene::Draining).await;
    stage.change("no epoch", |raw| raw.execute_batch("UPDATE credential SET epoch = 0").unwrap()).await;
    assert_eq!(stage.resumed, 1);
}

#[tokio::test]
async fn another_key_opens_nothing_and_does_nothing() {
    for scene in [Scene::Draining, Scene::Issued] {
        let waiting = Waiting::at(scene).await;
        assert!(waiting.goes_on("another", "the wrong key").await);
        assert!(!waiting.goes_on("key", "the right key").await);
    }
}

#[tokio::test]
async fn a_file_that_was_cut_anywhere_is_found_or_makes_no_difference() {
    let mut stage = Stage::new(Scene::Draining).await;
    let length = stage.waiting.bytes.len();
    let pages = (0..length).step_by(4096);
    for at in pages.flat_map(|page| [page, page + 1, page + 99, page + 4095]).filter(|at| *at < length) {
        let cut = stage.waiting.bytes[..at].to_vec();
        stage.bytes(&cut, &format!("cut at {at}")).await;
    }
    assert!(stage.refused > 20, "{} {}", stage.refused, stage.resumed);
}

#[tokio::test]
async fn a_flipped_bit_anywhere_in_the_file_is_found_or_makes_no_difference() {
    let mut stage = Stage::new(Scene::Draining).await;
    let length = stage.waiting.bytes.len();
    // Every byte of the file's own header, and a sample of the rest that falls on every part of a page.
    for at in (0..100).chain((100..length).step_by(307)) {
        let mut flipped = stage.waiting.bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        stage.bytes(&flipped, &format!("byte {at}")).await;
    }
    assert!(stage.refused > 0 && stage.resumed > 0, "{} {}", stage.refused, stage.resumed);
}

#[tokio::test]
async fn a_journal_of_a_newer_version_or_that_can_only_be_read_does_nothing() {
    let mut stage = Stage::new(Scene::Draining).await;
    stage.change("newer", |raw| raw.execute_batch("PRAGMA user_version = 99").unwrap()).await;
    let mut read_only = stage.waiting.bytes.clone();
    read_only[18] = 9;
    stage.bytes(&read_only, "read only").await;
    assert_eq!(stage.refused, 2);
}

/// The database takes everything but the new token, as a disk that fills up at that moment.
#[tokio::test]
async fn a_token_that_the_database_does_not_take_is_rescued_and_found_when_it_does_again() {
    let world = crate::world::World::new();
    let rotator = world.rotator("key", |_| {}).unwrap();
    let raw = world.raw();
    raw.execute_batch(
        "CREATE TRIGGER full BEFORE INSERT ON record WHEN NEW.fact LIKE '%\"fact\":\"issued\"%'
         BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END",
    )
    .unwrap();
    let error = rotator.rotate(tokenturn::Predecessor::Held(world.old.clone())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    assert!(error.to_string().contains("rescue file"), "{error}");
    let new = world.provider.newest().unwrap();
    assert!(world.provider.is_alive(&world.old) && world.provider.is_alive(&new) && world.place.writes() == 0);
    world.clock.advance(std::time::Duration::from_hours(1));
    let error = rotator.resume_due().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Journal && world.provider.live() == 2, "it cannot be brought back yet: {error}");
    raw.execute_batch("DROP TRIGGER full").unwrap();
    drop((raw, rotator));
    let rescue = fs::read(world.folder.path("journal.rescue")).unwrap();
    assert!(rescue[4096..].iter().any(|byte| *byte != 0));
    let rotator = world.rotator("key", |_| {}).unwrap();
    let log = world.journal().unwrap().load(&bot(), Span::From(Seq::ZERO)).await.unwrap();
    assert!(log.records.last().unwrap().fact.contains("issued"));
    world.clock.advance(std::time::Duration::from_hours(1));
    rotator.resume(log.head.run.unwrap()).await.unwrap();
    assert_eq!(world.place.holds(), Some(new.fingerprint()));
    assert_eq!(world.provider.live(), 2, "none was issued besides");
    assert!(fs::read(world.folder.path("journal.rescue")).unwrap()[4096..].iter().all(|byte| *byte == 0));
}
