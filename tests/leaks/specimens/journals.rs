//! Where values are kept, the keys that they are sealed with, and what is read back.

use std::sync::Arc;
use std::time::Duration;

use tokenturn::audit::{AuditFile, AuditPolicy};
use tokenturn::journal::{
    Batch, Claim, Durability, Head, HeadFilter, InProcess, Journal, Key, KeyFile, KeyRing, KeySealer, KeySource, Lease,
    Log, Mac, MemoryJournal, Page, Record, SealContext, SealedValue, Sealer, Seq, Span, SqliteJournal, Status, ValueId,
};
use tokenturn::{CredentialName, Holder, RunId, Timestamp};

use crate::canary::{self, KEY};
use crate::channels::{Otherwise as _, Said};

pub(super) async fn show(said: &Said) {
    let key = || Key::from_bytes(&KEY).unwrap();
    let ring = key().replacing(Key::generate().unwrap());
    let sealer = KeySealer::new(&ring).unwrap();
    specimen!(said, key(), key().id(), ring, KeyRing::new(key()), sealer, InProcess::new());
    for weak in [&KEY[..31], canary::PASSWORD.as_bytes(), canary::TOKEN.as_bytes()] {
        said.error(&Key::from_bytes(weak).unwrap_err());
    }
    for text in [canary::TOKEN.to_owned(), format!("{KEY:?}"), format!("{:02x?}", &KEY[..20])] {
        said.error(&Key::from_text(&text).unwrap_err());
    }
    let folder = tempfile::tempdir().unwrap();
    let audit = AuditFile::tied(folder.path().join("audit"), Arc::new(KeySealer::new(&ring).unwrap())).unwrap();
    let verified = audit.verified().await.unwrap();
    specimen!(said, audit, verified, AuditPolicy::Block, AuditFile::open(folder.path().join("none").join("audit")));
    let file = KeyFile::at(folder.path().join("key"));
    specimen!(said, file, file.keys().unwrap(), KeyFile::existing(folder.path().join("none")).keys());

    let (bot, run) = (CredentialName::new("bot").unwrap(), RunId::new("run-1").unwrap());
    let value = ValueId::new("run-1/new-1");
    let context = SealContext::new(bot.clone(), run.clone(), 1, Seq::new(1), value.clone());
    for sealed in [
        sealer.seal(&canary::token(), &context).await.unwrap(),
        InProcess::new().seal(&canary::token(), &context).await.unwrap(),
    ] {
        let kept = SealedValue::new(value.clone(), context.clone(), sealed.clone());
        let mac = Mac::new([7; 32]);
        let at = Timestamp::from_unix_seconds(1_900_000_000);
        let record = Record::new(Seq::new(1), 1, run.clone(), at, "{\"fact\":\"cut_over\"}".to_owned(), mac);
        let mut head = Head::new(bot.clone());
        (head.run, head.last) = (Some(run.clone()), Seq::new(1));
        let mut batch = Batch::new(head.clone());
        (batch.records, batch.keep) = (vec![record.clone()], vec![kept.clone()]);
        specimen!(said, sealed, sealed.bytes(), kept, record, mac, head, batch);
        specimen!(said, Log::new(head, vec![record], vec![kept]), sealer.open(&sealed, &context).await);
        disk(said, &bot, &batch).await;
    }
    let lease = || Lease::new(bot.clone(), Holder::new("a").unwrap(), 1, Duration::from_mins(1));
    specimen!(said, lease(), Claim::HeldFor(Duration::ZERO), Claim::Granted(lease()), Durability::Durable);
    specimen!(said, value, context, Span::Head, Seq::ZERO, Page::first(3), HeadFilter::all(), Status::Idle);
    #[cfg(feature = "postgres")]
    database(said).await;
    #[cfg(feature = "keyring")]
    {
        let store = keyring_core::mock::Store::new().unwrap();
        let keychain = tokenturn::journal::Keychain::new(store, "tokenturn", "bot");
        specimen!(said, keychain, keychain.keys().unwrap());
    }
}

/// A batch in each journal, and in a rescue file that nobody brings back.
async fn disk(said: &Said, bot: &CredentialName, batch: &Batch) {
    let folder = tempfile::tempdir().unwrap();
    let options = SqliteJournal::options().rescue_at(folder.path().join("rescue"));
    specimen!(said, options);
    let disk = options.open(folder.path().join("journal")).unwrap();
    let holder = Holder::new("a").unwrap();
    for journal in [&disk as &dyn Journal, &MemoryJournal::new()] {
        let Claim::Granted(lease) = journal.claim(bot, &holder, Duration::from_mins(1)).await.unwrap() else {
            panic!("somebody else has it")
        };
        specimen!(
            said,
            journal.rescue(&lease, Seq::new(5), batch).await,
            journal.append(&lease, Seq::ZERO, batch).await
        );
        specimen!(
            said,
            journal.load(bot, Span::NewestRun).await,
            journal.heads(&HeadFilter::all(), Page::first(9)).await
        );
    }
    let rescued = disk.rescued().await.unwrap();
    for batch in &rescued {
        specimen!(said, *batch);
    }
    specimen!(said, disk, disk.stats(), MemoryJournal::new(), rescued);
}

/// Addresses of a database that nobody is at, with a password.
#[cfg(feature = "postgres")]
async fn database(said: &Said) {
    use tokenturn::journal::PostgresJournal;

    let options = || PostgresJournal::options().allow_plain_text_on_this_machine();
    specimen!(said, options().root_certificates(canary::TOKEN));
    for rest in ["127.0.0.1:1/x", "127.0.0.1:port/x", "127.0.0.1:1/x?sslmode=require", "127.0.0.1:1/x?odd=1"] {
        let address = format!("postgres://me:{}@{rest}", canary::PASSWORD).into();
        said.error(&options().open(&address).await.unwrap_err());
        said.error(&options().root_certificates(canary::TOKEN).open(&address).await.map(drop).unwrap_err());
    }
}
