//! What is kept when the database takes nothing, and how it comes back.

use std::fs;
use std::sync::Arc;

use tokenturn::journal::{Claim, InProcess, Journal, SealedValue, Sealer, Seq, SqliteJournal, ValueId};
use tokenturn::testing::VirtualClock;
use tokenturn::{Effect, ErrorKind, Holder, Token};

use crate::folder::Folder;
use crate::support::{batch, bot, claim, contains, kept, numbers, value};

/// What stands before the places.
const HEAD: usize = 4096;

fn open(folder: &Folder) -> SqliteJournal {
    SqliteJournal::open(folder.path("journal")).unwrap()
}

fn rescue_bytes(folder: &Folder) -> Vec<u8> {
    fs::read(folder.path("journal.rescue")).unwrap()
}

fn is_blank(folder: &Folder) -> bool {
    rescue_bytes(folder)[HEAD..].iter().all(|byte| *byte == 0)
}

#[tokio::test]
async fn what_was_rescued_is_back_when_the_journal_is_opened_and_its_place_is_overwritten() {
    let folder = Folder::new();
    let journal = open(&folder);
    let lease = claim(&journal, "bot", "a").await.unwrap();
    let mut lost = batch(&lease, 0);
    lost.keep = vec![value(&lease, "run-1/new-1", b"sealed-and-rescued")];
    journal.rescue(&lease, Seq::ZERO, &lost).await.unwrap();
    assert!(contains(&rescue_bytes(&folder), b"sealed-and-rescued"));
    assert!(numbers(&journal).await.is_empty());
    drop(journal);
    let journal = open(&folder);
    assert_eq!(numbers(&journal).await, [1]);
    assert_eq!(kept(&journal).await, [("run-1/new-1".to_owned(), b"sealed-and-rescued".to_vec())]);
    assert!(is_blank(&folder));
    assert_eq!(journal.recover().await.unwrap(), 0);
}

#[tokio::test]
async fn what_was_rescued_is_back_before_the_credential_is_claimed() {
    let folder = Folder::new();
    let journal = open(&folder);
    let lease = claim(&journal, "bot", "a").await.unwrap();
    journal.append(&lease, Seq::ZERO, &batch(&lease, 0)).await.unwrap();
    journal.rescue(&lease, Seq::new(1), &batch(&lease, 1)).await.unwrap();
    let again = claim(&journal, "bot", "a").await.unwrap();
    assert!(again.epoch > lease.epoch, "what comes back sets no epoch back");
    assert_eq!(numbers(&journal).await, [1, 2]);
    journal.append(&again, Seq::new(2), &batch(&again, 2)).await.unwrap();
    assert!(is_blank(&folder));
}

#[tokio::test]
async fn while_its_engine_has_the_credential_it_is_left_to_it_whoever_else_claims() {
    let folder = Folder::new();
    let clock = VirtualClock::new();
    let journal = SqliteJournal::options().clock(Arc::new(clock.clone())).open(folder.path("journal")).unwrap();
    let lease = claim(&journal, "bot", "a").await.unwrap();
    let first = batch(&lease, 0);
    journal.rescue(&lease, Seq::ZERO, &first).await.unwrap();
    claim(&journal, "other", "b").await.unwrap();
    let (bot, b) = (bot(), Holder::new("b").unwrap());
    let held = journal.claim(&bot, &b, lease.ttl).await.unwrap();
    assert!(matches!(held, Claim::HeldFor(_)) && numbers(&journal).await.is_empty());
    journal.append(&lease, Seq::ZERO, &first).await.expect("its next try is not fenced");
    journal.rescue(&lease, Seq::new(1), &batch(&lease, 1)).await.unwrap();
    clock.advance(lease.ttl);
    claim(&journal, "bot", "b").await.unwrap();
    assert_eq!(numbers(&journal).await, [1, 2]);
    assert!(is_blank(&folder));
}

#[tokio::test]
async fn another_process_brings_it_back_too() {
    let folder = Folder::new();
    let (journal, other) = (open(&folder), open(&folder));
    let lease = claim(&journal, "bot", "a").await.unwrap();
    journal.rescue(&lease, Seq::ZERO, &batch(&lease, 0)).await.unwrap();
    assert_eq!(other.recover().await.unwrap(), 1);
    assert_eq!(journal.recover().await.unwrap(), 0);
    assert_eq!(numbers(&journal).await, [1]);
}

#[tokio::test]
async fn what_was_stored_after_all_is_recognised() {
    let folder = Folder::new();
    let journal = open(&folder);
    let lease = claim(&journal, "bot", "a").await.unwrap();
    let first = batch(&lease, 0);
    for _ in 0..3 {
        journal.rescue(&lease, Seq::ZERO, &first).await.unwrap();
    }
    journal.append(&lease, Seq::ZERO, &first).await.unwrap();
    journal.append(&lease, Seq::new(1), &batch(&lease, 1)).await.unwrap();
    assert_eq!(journal.recover().await.unwrap(), 1, "kept once, however often it was tried");
    assert_eq!(numbers(&journal).await, [1, 2]);
    assert!(is_blank(&folder));
}

#[tokio::test]
async fn where_the_log_went_on_without_it_a_person_must_look_and_other_credentials_go_on() {
    let folder = Folder::new();
    let journal = open(&folder);
    let (old, other) = (claim(&journal, "bot", "a").await.unwrap(), claim(&journal, "other", "a").await.unwrap());
    let mut lost = batch(&old, 0);
    lost.keep = vec![value(&old, "run-1/new-1", b"nobody-else-has-it")];
    let new = claim(&journal, "bot", "a").await.unwrap();
    journal.append(&new, Seq::ZERO, &batch(&new, 0)).await.unwrap();
    journal.rescue(&old, Seq::ZERO, &lost).await.unwrap();
    let mut given_up = None;
    for journal in [journal, open(&folder)] {
        let error = claim(&journal, "bot", "a").await.unwrap_err();
        assert_eq!((error.kind(), error.effect(), error.subject()), (ErrorKind::Journal, Effect::None, Some("bot")));
        assert!(error.to_string().contains("person") && error.to_string().contains("journal.rescue"), "{error}");
        assert_eq!(journal.recover().await.unwrap_err().kind(), ErrorKind::Journal);
        claim(&journal, "other", "a").await.unwrap();
        assert!(contains(&rescue_bytes(&folder), b"nobody-else-has-it"));
        assert_eq!(numbers(&journal).await, [1]);
        // A person has looked, and gives it up.
        let left = journal.rescued().await.unwrap();
        assert_eq!((left.len(), left[0].credential.as_str()), (1, "bot"));
        assert!(left[0].run.is_some() && left[0].at.is_some() && left[0].why.contains("discard"), "{left:?}");
        let shown = serde_json::to_string(&left).unwrap();
        assert!(!shown.contains("nobody-else-has-it"), "{shown}");
        given_up = Some(serde_json::from_str::<Vec<tokenturn::journal::RescuedBatch>>(&shown).unwrap().remove(0));
    }
    let (journal, batch) = (open(&folder), given_up.unwrap());
    journal.discard(&batch).await.unwrap();
    assert!(is_blank(&folder) && journal.rescued().await.unwrap().is_empty());
    claim(&journal, "bot", "a").await.unwrap();
    assert_eq!(journal.discard(&batch).await.unwrap_err().kind(), ErrorKind::NotFound);
    drop(other);
}

#[tokio::test]
async fn it_works_while_the_database_is_gone() {
    let folder = Folder::new();
    let journal = open(&folder);
    let lease = claim(&journal, "bot", "a").await.unwrap();
    fs::rename(folder.path("journal"), folder.path("elsewhere")).unwrap();
    let error = journal.append(&lease, Seq::ZERO, &batch(&lease, 0)).await.unwrap_err();
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Journal, Effect::None));
    assert!(error.to_string().contains("removed or replaced"), "{error}");
    journal.rescue(&lease, Seq::ZERO, &batch(&lease, 0)).await.unwrap();
    fs::rename(folder.path("elsewhere"), folder.path("journal")).unwrap();
    drop(journal);
    assert_eq!(numbers(&open(&folder)).await, [1]);
}

#[tokio::test]
async fn it_may_lie_elsewhere_and_tells_journals_apart() {
    let (folder, other) = (Folder::new(), Folder::new());
    let at = |name: &str| SqliteJournal::options().rescue_at(other.path("rescued")).open(folder.path(name)).unwrap();
    let journal = at("journal");
    let lease = claim(&journal, "bot", "a").await.unwrap();
    journal.rescue(&lease, Seq::ZERO, &batch(&lease, 0)).await.unwrap();
    let stranger = at("another");
    claim(&stranger, "bot", "a").await.unwrap();
    assert!(numbers(&stranger).await.is_empty(), "it was rescued from another journal");
    assert_eq!(journal.recover().await.unwrap(), 1);
    assert!(!folder.path("journal.rescue").exists());
}

#[tokio::test]
async fn what_was_torn_while_it_was_written_counts_as_never_written() {
    let folder = Folder::new();
    let journal = open(&folder);
    let lease = claim(&journal, "bot", "a").await.unwrap();
    let mut lost = batch(&lease, 0);
    lost.keep = vec![value(&lease, "run-1/new-1", b"sealed")];
    journal.rescue(&lease, Seq::ZERO, &lost).await.unwrap();
    let whole = rescue_bytes(&folder);
    let end = whole.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    // A written byte is nine bits of trouble; the first eight are the mark, the next four the version.
    for at in (HEAD..HEAD + 8).chain(HEAD + 12..end) {
        let mut torn = whole.clone();
        torn[at] ^= 0x10;
        fs::write(folder.path("journal.rescue"), &torn).unwrap();
        assert_eq!(journal.recover().await.unwrap(), 0, "byte {at}");
    }
    for at in (HEAD + 12..end).step_by(7) {
        let mut torn = whole.clone();
        torn[at..].fill(0);
        fs::write(folder.path("journal.rescue"), &torn).unwrap();
        assert_eq!(journal.recover().await.unwrap(), 0, "cut at {at}");
    }
    assert!(numbers(&journal).await.is_empty());
    claim(&journal, "bot", "a").await.unwrap();
    fs::write(folder.path("journal.rescue"), &whole).unwrap();
    assert_eq!(journal.recover().await.unwrap(), 1);
}

#[tokio::test]
async fn a_place_of_a_newer_version_is_kept_and_nothing_is_claimed() {
    let folder = Folder::new();
    let journal = open(&folder);
    let lease = claim(&journal, "bot", "a").await.unwrap();
    journal.rescue(&lease, Seq::ZERO, &batch(&lease, 0)).await.unwrap();
    let mut newer = rescue_bytes(&folder);
    newer[HEAD + 8] = 2;
    fs::write(folder.path("journal.rescue"), &newer).unwrap();
    let error = claim(&journal, "bot", "a").await.unwrap_err();
    assert!(error.to_string().contains("newer version"), "{error}");
    drop(journal);
    let error = SqliteJournal::open(folder.path("journal")).unwrap_err();
    assert!(error.to_string().contains("newer version"), "{error}");
    assert_eq!(rescue_bytes(&folder), newer);
}

#[tokio::test]
async fn when_it_is_full_or_a_batch_too_large_it_says_so() {
    let folder = Folder::new();
    let journal = open(&folder);
    let lease = claim(&journal, "bot", "a").await.unwrap();
    let mut large = batch(&lease, 0);
    large.keep = vec![value(&lease, "run-1/new-1", &[7; 70_000])];
    assert!(journal.rescue(&lease, Seq::ZERO, &large).await.unwrap_err().to_string().contains("70"));
    for number in 0..16 {
        journal.rescue(&lease, Seq::new(number), &batch(&lease, number)).await.unwrap();
    }
    let error = journal.rescue(&lease, Seq::new(16), &batch(&lease, 16)).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Journal && error.to_string().contains("recover"), "{error}");
    assert_eq!(journal.recover().await.unwrap(), 16);
    journal.rescue(&lease, Seq::new(16), &batch(&lease, 16)).await.unwrap();
    assert_eq!(journal.recover().await.unwrap(), 1);
    assert_eq!(numbers(&journal).await, (1..=17).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_value_that_was_not_sealed_is_not_rescued() {
    let folder = Folder::new();
    let journal = Arc::new(open(&folder));
    let lease = claim(&journal, "bot", "a").await.unwrap();
    let token = Token::new("ghp_FAKEneverOnDisk").unwrap();
    let context = value(&lease, "current", b"").context;
    let mut plain = batch(&lease, 0);
    let sealed = InProcess::new().seal(&token, &context).await.unwrap();
    plain.keep = vec![SealedValue::new(ValueId::new("current"), context, sealed)];
    for answer in
        [journal.rescue(&lease, Seq::ZERO, &plain).await, journal.append(&lease, Seq::ZERO, &plain).await.map(|_| ())]
    {
        assert_eq!(answer.unwrap_err().kind(), ErrorKind::Configuration);
    }
    assert!(is_blank(&folder) && numbers(&journal).await.is_empty());
    assert_eq!(journal.load(&bot(), tokenturn::journal::Span::Head).await.unwrap().values.len(), 0);
}

#[tokio::test]
async fn a_rehearsal_finds_a_rescue_file_that_is_full_gone_or_replaced() {
    let folder = Folder::new();
    let journal = open(&folder);
    let lease = claim(&journal, "bot", "a").await.unwrap();
    for number in 0..16 {
        journal.rehearse(&lease, 100).await.unwrap();
        journal.rescue(&lease, Seq::new(number), &batch(&lease, number)).await.unwrap();
    }
    let error = journal.rehearse(&lease, 100).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Journal && error.to_string().contains("full"), "{error}");
    journal.recover().await.unwrap();
    journal.rehearse(&lease, 100).await.unwrap();
    fs::rename(folder.path("journal.rescue"), folder.path("elsewhere")).unwrap();
    fs::copy(folder.path("elsewhere"), folder.path("journal.rescue")).unwrap();
    for _ in 0..2 {
        let error = journal.rehearse(&lease, 100).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Journal && error.to_string().contains("journal.rescue"), "{error}");
        assert!(claim(&journal, "bot", "a").await.is_err(), "what was rescued there is not seen here");
        let _ = fs::remove_file(folder.path("journal.rescue"));
    }
    fs::rename(folder.path("elsewhere"), folder.path("journal.rescue")).unwrap();
    journal.rehearse(&lease, 100).await.unwrap();
}

#[tokio::test]
async fn another_try_is_written_over_the_first_and_uses_up_no_place() {
    let folder = Folder::new();
    let journal = open(&folder);
    let lease = claim(&journal, "bot", "a").await.unwrap();
    for number in 0..40_u8 {
        let mut again = batch(&lease, 0);
        again.keep = vec![value(&lease, "run-1/new-1", &[number])];
        journal.rescue(&lease, Seq::ZERO, &again).await.unwrap();
    }
    assert_eq!(journal.rescued().await.unwrap().len(), 1);
    assert_eq!(journal.recover().await.unwrap(), 1);
    assert_eq!(kept(&journal).await, [("run-1/new-1".to_owned(), vec![39])]);
}

#[tokio::test]
async fn a_journal_is_not_opened_with_another_rescue_file_while_its_own_holds_something() {
    let folder = Folder::new();
    let at = |name: &str| SqliteJournal::options().rescue_at(folder.path(name)).open(folder.path("journal"));
    let first = at("one").unwrap();
    let lease = claim(&first, "bot", "a").await.unwrap();
    first.rescue(&lease, Seq::ZERO, &batch(&lease, 0)).await.unwrap();
    let error = at("two").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().contains("/one") && error.to_string().contains("/two"), "{error}");
    assert_eq!(first.recover().await.unwrap(), 1);
    let second = at("two").unwrap();
    claim(&second, "bot", "a").await.unwrap();
    for error in [claim(&first, "bot", "a").await.unwrap_err(), first.rehearse(&lease, 100).await.unwrap_err()] {
        assert!(error.to_string().contains("/two"), "the first one would rescue where nobody looks: {error}");
    }
}

#[test]
fn a_deleted_rescue_file_is_made_anew_and_what_is_none_is_left_as_it_is() {
    let folder = Folder::new();
    drop(open(&folder));
    fs::remove_file(folder.path("journal.rescue")).unwrap();
    drop(open(&folder));
    fs::write(folder.path("journal.rescue"), "precious").unwrap();
    let error = SqliteJournal::open(folder.path("journal")).unwrap_err();
    assert!(error.kind() == ErrorKind::Configuration && error.to_string().contains("left as it is"), "{error}");
    assert_eq!(fs::read(folder.path("journal.rescue")).unwrap(), b"precious");
}
