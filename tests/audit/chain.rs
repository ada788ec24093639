//! What ties the lines, and what is found when they are not as they were.

use std::sync::Arc;

use proptest::prelude::*;
use tokenturn::ErrorKind;
use tokenturn::journal::InProcess;
use tokenturn::testing::TestSealer;

use crate::folder::Folder;
use crate::support::{keyed, log, plain};

async fn whole() -> Vec<u8> {
    log(&Folder::new().path("audit"), Arc::new(InProcess::new())).await
}

fn lines(log: &[u8]) -> Vec<&[u8]> {
    log.split_inclusive(|byte| *byte == b'\n').collect()
}

#[track_caller]
fn found_at(log: &[u8], line: usize) {
    let error = plain(log).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Audit);
    assert!(error.to_string().contains(&format!("at line {line}:")), "{error}");
}

#[tokio::test]
async fn a_log_says_what_observers_are_told_and_reads_as_json_line_by_line() {
    let log = whole().await;
    let said: Vec<serde_json::Value> =
        lines(&log).into_iter().map(|line| serde_json::from_slice(line).unwrap()).collect();
    assert_eq!(said[0]["format"], "tokenturn audit 1");
    assert_eq!((said[1]["credential"].as_str(), said[1]["seq"].as_u64()), (Some("bot"), Some(1)));
    assert_eq!(said[1]["fact"]["fact"], "draining");
    assert!(said[1]["text"].as_str().unwrap().contains("time of grace"));
    let verified = plain(&log).unwrap();
    assert_eq!((verified.lines, verified.known.len()), (6, 2));
    assert_eq!(said[5]["tie"].as_str(), Some(verified.last.to_string().as_str()));
}

#[tokio::test]
async fn any_change_of_one_byte_is_found() {
    let log = whole().await;
    for at in 0..log.len() {
        for bit in 0..8 {
            let mut changed = log.clone();
            changed[at] ^= 1 << bit;
            assert!(plain(&changed).is_err(), "byte {at}, bit {bit}");
        }
    }
}

#[tokio::test]
async fn a_line_that_was_removed_swapped_doubled_or_put_in_is_found_where_it_is() {
    let log = whole().await;
    let lines = lines(&log);
    for at in 0..lines.len() - 1 {
        let mut changed = lines.clone();
        changed.remove(at);
        found_at(&changed.concat(), at + 1);
        let mut changed = lines.clone();
        changed.swap(at, at + 1);
        found_at(&changed.concat(), at + 1);
        let mut changed = lines.clone();
        changed.insert(at + 1, lines[at]);
        found_at(&changed.concat(), at + 2);
        let mut changed = lines.clone();
        changed.insert(at + 1, b"\n");
        found_at(&changed.concat(), at + 2);
    }
}

#[tokio::test]
async fn a_log_that_was_cut_anywhere_but_between_lines_is_found() {
    let log = whole().await;
    for length in 0..log.len() {
        let cut = &log[..length];
        let between = cut.last() == Some(&b'\n');
        assert_eq!(plain(cut).is_ok(), between, "{length}");
    }
}

#[tokio::test]
async fn a_log_that_lost_its_last_lines_is_found_by_what_was_kept_of_it() {
    let log = whole().await;
    let kept = plain(&log).unwrap();
    let lines = lines(&log);
    let cut = plain(&lines[..lines.len() - 1].concat()).unwrap();
    assert!(cut.lines < kept.lines && cut.last != kept.last);
    // A log that only grew still says of its beginning what it said then.
    let earlier = plain(&lines[..3].concat()).unwrap();
    assert_eq!(plain(&log[..lines[..3].concat().len()]).unwrap(), earlier);
}

#[tokio::test]
async fn without_the_key_no_line_can_be_tied_again() {
    let folder = Folder::new();
    let log = log(&folder.path("audit"), Arc::new(TestSealer::new())).await;
    assert_eq!(keyed(&log).unwrap().lines, 6);
    // Whoever knows the function and not the key makes a log that verifies for themselves alone.
    let forged = whole().await;
    assert!(plain(&forged).is_ok());
    assert!(keyed(&forged).is_err() && plain(&log).is_err());
    let mixed = [lines(&log)[..2].concat(), lines(&forged)[2..].concat()].concat();
    assert!(keyed(&mixed).is_err());
}

#[test]
fn what_is_no_log_is_an_error_and_not_read_into_memory() {
    assert!(plain(b"").unwrap_err().to_string().contains("empty"));
    for bytes in [&b"\n"[..], b"{}\n", b"[[[[[[\n", b"\xff\xfe\n", b"{\"format\":\"tokenturn audit 2\"}\n"] {
        found_at(bytes, 1);
    }
    let endless = std::io::repeat(b'x');
    let error = tokenturn::audit::verify(endless, &InProcess::new()).unwrap_err();
    assert!(error.to_string().contains("longer than any"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_stands_in_place_of_a_part_is_found(
        from in 0_usize..1000, length in 0_usize..200, instead in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        static LOG: std::sync::OnceLock<Vec<u8>> = std::sync::OnceLock::new();
        let log = LOG.get_or_init(|| {
            tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(whole())
        });
        let from = from % log.len();
        let to = (from + length).min(log.len());
        let changed = [&log[..from], &instead, &log[to..]].concat();
        // What is cut off at the end of a line is another matter: see above.
        let cut = log.starts_with(&changed) && changed.last() == Some(&b'\n');
        prop_assert!(changed == *log || cut || plain(&changed).is_err());
    }
}
