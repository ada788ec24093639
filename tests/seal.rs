//! Values sealed with a key: what opens, and everything that must not.

use std::collections::BTreeSet;

use tokenturn::journal::{Key, KeyRing, KeySealer, KeySource, Mac, SealContext, Sealed, Sealer, Seq, ValueId};
use tokenturn::{CredentialName, ErrorKind, RunId, Token};

const KEY: &str = "9cd5e9d112cc5f85b6b167982f755ee073baa9d4d7660995be142f0ec80aa742";
const SECRET: &str = "ghp_FAKE0FAKE1FAKE2FAKE3FAKE4FAKE5FAKE6";

/// What the first layout makes of [`SECRET`] with [`KEY`] at [`context`], put together by another implementation (HKDF,
/// AES-GCM and HMAC of Python's `cryptography`) from what the documentation says.
const FIRST_LAYOUT: &str = "\
    01caab764bca51c7030102030405060708090a0b0cfaa7a8a7987221776f0d02a6845c4b57ac7e653b1aa09e3f1ae50c\
    9b468624bd8ebda4dc7405baa941ae21fd3670f33865666768696a6b6c6d6e6f7042509884acfdd9fd191964e7603b0d\
    71117379fe6b5ea4d3b816cc031984838aa396738a22bca24ddcea42d52af8098c15200f0d86264a6fb71118fd58f1c5\
    c130af60b1adeef6044ee582fa3a394722";

fn key() -> Key {
    Key::from_text(KEY).unwrap()
}

fn sealer(source: &dyn KeySource) -> KeySealer {
    KeySealer::new(source).unwrap()
}

fn secret() -> Token {
    Token::new(SECRET).unwrap()
}

fn place(credential: &str, run: &str, epoch: u64, seq: u64, value: &str) -> SealContext {
    let (credential, run) = (CredentialName::new(credential).unwrap(), RunId::new(run).unwrap());
    SealContext::new(credential, run, epoch, Seq::new(seq), ValueId::new(value))
}

fn context() -> SealContext {
    place("bot", "run-1", 3, 17, "run-1/new-1")
}

async fn refused(sealer: &KeySealer, bytes: Vec<u8>, context: &SealContext) -> String {
    let error = sealer.open(&Sealed::from_bytes(bytes), context).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    assert!(!format!("{error:?}").contains("FAKE"), "{error:?}");
    error.to_string()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
}

#[tokio::test]
async fn a_value_of_every_length_opens_where_it_was_sealed() {
    let sealer = sealer(&key());
    assert!(sealer.is_persistent());
    for length in (1..200).chain([8191, 8192]) {
        let token = Token::new(&"x".repeat(length)).unwrap();
        let made = sealer.seal(&token, &context()).await.unwrap();
        assert!(sealer.open(&made, &context()).await.unwrap().expose() == token.expose(), "{length}");
        assert!(sealer.is_current(&made));
    }
}

#[tokio::test]
async fn the_sealed_bytes_tell_neither_the_value_nor_its_exact_length() {
    let sealer = sealer(&key());
    let mut lengths = BTreeSet::new();
    for length in [20, 36, 40, 56, 62] {
        let token = Token::new(&"FAKE".repeat(16)[..length]).unwrap();
        let made = sealer.seal(&token, &context()).await.unwrap();
        let bytes = made.bytes().unwrap();
        assert!(!bytes.windows(4).any(|part| part == b"FAKE"));
        lengths.insert(bytes.len());
    }
    assert_eq!(lengths.len(), 1, "{lengths:?}");
}

#[tokio::test]
async fn two_seals_of_one_value_have_nothing_in_common_but_version_and_key() {
    let sealer = sealer(&key());
    let mut seen = BTreeSet::new();
    let mut ones = 0;
    for _ in 0..256 {
        let made = sealer.seal(&secret(), &context()).await.unwrap();
        let bytes = made.bytes().unwrap().to_vec();
        assert_eq!(bytes[0], 1);
        assert_eq!(bytes[1..9], self::bytes(&sealer.current().to_string()));
        // Nonces, data key and value: each part is new every time.
        for (from, to) in [(9, 21), (21, 53), (69, 81), (81, 145)] {
            assert!(seen.insert(bytes[from..to].to_vec()));
        }
        ones += bytes[9..].iter().map(|byte| byte.count_ones()).sum::<u32>();
    }
    // Half of the bits are set: 256 seals of 152 bytes, within six deviations.
    let (bits, deviation) = (256 * 152 * 8, 280);
    assert!(ones.abs_diff(bits / 2) < 6 * deviation, "{ones} of {bits}");
}

#[tokio::test]
async fn a_changed_bit_a_missing_byte_and_one_too_many_are_found() {
    let sealer = sealer(&key());
    let made = sealer.seal(&secret(), &context()).await.unwrap();
    let whole = made.bytes().unwrap();
    for at in 0..whole.len() {
        for bit in 0..8 {
            let mut changed = whole.to_vec();
            changed[at] ^= 1 << bit;
            refused(&sealer, changed, &context()).await;
        }
        refused(&sealer, whole[..at].to_vec(), &context()).await;
        refused(&sealer, whole[at + 1..].to_vec(), &context()).await;
    }
    refused(&sealer, [whole, &[0]].concat(), &context()).await;
    refused(&sealer, [&[0], whole].concat(), &context()).await;
}

#[tokio::test]
async fn a_value_opens_in_no_other_place() {
    let sealer = sealer(&key());
    let made = sealer.seal(&secret(), &context()).await.unwrap();
    let elsewhere = [
        place("bot2", "run-1", 3, 17, "run-1/new-1"),
        place("bot", "run-2", 3, 17, "run-1/new-1"),
        place("bot", "run-1", 4, 17, "run-1/new-1"),
        place("bot", "run-1", 3, 18, "run-1/new-1"),
        place("bot", "run-1", 3, 17, "run-1/old"),
        // The same letters, cut elsewhere.
        place("botr", "un-1", 3, 17, "run-1/new-1"),
        place("bot", "run-", 13, 17, "run-1/new-1"),
        place("bot", "run-1", 31, 7, "run-1/new-1"),
        place("bot", "run-1", 3, 1, "7run-1/new-1"),
    ];
    for place in elsewhere {
        refused(&sealer, made.bytes().unwrap().to_vec(), &place).await;
    }
}

#[tokio::test]
async fn parts_of_two_values_do_not_make_a_third() {
    let sealer = sealer(&key());
    let (one, two) = (Token::new("memory-token-one").unwrap(), Token::new("memory-token-two").unwrap());
    let there = place("bot", "run-1", 3, 18, "current");
    let one = sealer.seal(&one, &context()).await.unwrap().bytes().unwrap().to_vec();
    let two = sealer.seal(&two, &there).await.unwrap().bytes().unwrap().to_vec();
    refused(&sealer, two.clone(), &context()).await;
    refused(&sealer, one.clone(), &there).await;
    // The data key of one before the value of the other.
    for context in [context(), there] {
        refused(&sealer, [&one[..69], &two[69..]].concat(), &context).await;
        refused(&sealer, [&two[..69], &one[69..]].concat(), &context).await;
    }
}

#[tokio::test]
async fn a_value_of_another_key_names_the_key_that_is_missing() {
    let old = Key::generate().unwrap();
    let made = sealer(&old).seal(&secret(), &context()).await.unwrap();
    let text = refused(&sealer(&key()), made.bytes().unwrap().to_vec(), &context()).await;
    assert!(text.contains(&old.id().to_string()) && text.contains("`replacing`"), "{text}");
    // The right name over the wrong key.
    let mut renamed = made.bytes().unwrap().to_vec();
    renamed.splice(1..9, bytes(&key().id().to_string()));
    refused(&sealer(&key()), renamed, &context()).await;
}

#[tokio::test]
async fn a_replaced_key_still_opens_and_ties_and_seals_nothing_more() {
    let old = Key::generate().unwrap();
    let before = sealer(&old);
    let made = before.seal(&secret(), &context()).await.unwrap();
    let tie = before.mac(&Mac::GENESIS, b"a record").unwrap();

    let after = sealer(&key().replacing(old.clone()));
    assert_eq!(after.open(&made, &context()).await.unwrap(), secret());
    assert!(after.ties(&Mac::GENESIS, b"a record", &tie).unwrap());
    assert!(!after.is_current(&made));

    let anew = after.seal(&secret(), &context()).await.unwrap();
    assert!(after.is_current(&anew));
    refused(&before, anew.bytes().unwrap().to_vec(), &context()).await;
    let tie = after.mac(&Mac::GENESIS, b"a record").unwrap();
    assert!(!before.ties(&Mac::GENESIS, b"a record", &tie).unwrap());

    let dropped = sealer(&key());
    assert_eq!(dropped.open(&anew, &context()).await.unwrap(), secret());
    refused(&dropped, made.bytes().unwrap().to_vec(), &context()).await;
}

#[test]
fn a_tie_fits_one_message_after_one_record_and_nothing_else() {
    let sealer = sealer(&key());
    let first = sealer.mac(&Mac::GENESIS, b"one").unwrap();
    let second = sealer.mac(&first, b"two").unwrap();
    assert!(sealer.ties(&first, b"two", &second).unwrap());
    assert!(!sealer.ties(&Mac::GENESIS, b"two", &second).unwrap());
    assert!(!sealer.ties(&first, b"twp", &second).unwrap());
    for bit in 0..256 {
        let mut changed = *second.as_bytes();
        changed[bit / 8] ^= 1 << (bit % 8);
        assert!(!sealer.ties(&first, b"two", &Mac::new(changed)).unwrap());
    }
}

#[tokio::test]
async fn nothing_shows_a_key_or_a_value() {
    let (key, old) = (key(), Key::generate().unwrap());
    let ring: KeyRing = key.clone().replacing(old);
    let sealer = sealer(&ring);
    let made = sealer.seal(&secret(), &context()).await.unwrap();
    let shown = format!("{key:?} {ring:?} {sealer:?} {made:?} {:#?}", (&key, &ring, &sealer, &made));
    assert!(shown.contains(&key.id().to_string()));
    assert!(!shown.contains("FAKE"));
    let numbers = format!("{:?}", bytes(KEY));
    for form in [&KEY[..8], &KEY[56..], &numbers[1..20], "nNXp0"] {
        assert!(!shown.contains(form), "{shown}");
    }
}

/// A value that a release has sealed must open with every later one, so the layout and all that is derived is held here.
#[tokio::test]
async fn what_the_first_layout_sealed_still_opens() {
    let sealer = sealer(&key());
    assert_eq!(key().id().to_string(), "caab764bca51c703");
    let made = Sealed::from_bytes(bytes(FIRST_LAYOUT));
    assert_eq!(sealer.open(&made, &context()).await.unwrap().expose(), SECRET);
    assert!(sealer.is_current(&made));
    let tie = sealer.mac(&Mac::GENESIS, b"a record").unwrap();
    assert_eq!(tie.to_string(), "41b1e4df61bf674deaad1fade9e280b3c271233577698354d20dfdf924f6e267");
}

#[tokio::test]
async fn what_is_sealed_now_has_the_layout_that_is_documented() {
    let made = sealer(&key()).seal(&secret(), &context()).await.unwrap();
    assert_eq!(made.bytes().unwrap().len(), bytes(FIRST_LAYOUT).len());
    assert_eq!(made.bytes().unwrap()[..9], bytes(FIRST_LAYOUT)[..9]);
}
