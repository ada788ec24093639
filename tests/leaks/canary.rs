//! Secrets that stand nowhere else: whoever says a part of one was told it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use tokenturn::Token;
use tokenturn::testing::leak::Search;

use crate::stages::providers::app::keys;

pub(crate) const TOKEN: &str = "ghp_FAKEq7Rz2Kd9Xw4Lm8Vb3Ns6Yt1Hc5Jg0Pf";
pub(crate) const COMPANION: &str = "ghr_FAKEc3Wv8Bn5Mx1Zs6Dq9Tf2Gh7Kp4Rj0Ly";
pub(crate) const TICKET: &str = "device-FAKE-u4Ea9Io2Sd7Fk1Gm6Hz3Xc8Vq5Bw";
pub(crate) const API_KEY: &str = "5fFAKE8d2a6c.k9Jt4Nb7Wx2Rm5Zq1Hf6Lc3Ps8";
pub(crate) const PASSWORD: &str = "pw-FAKE/t6Yu+1Io=4Pl?9Kj&2Mn%7Bv#3Cx";
pub(crate) const SESSION: &str = "FwoGZXFAKEr8Td3Yh6Uj1Ik9Ol4Pm7Zn2Xb5Cv";
pub(crate) const KEY: [u8; 32] = [
    0x9e, 0x37, 0xd4, 0x61, 0x0b, 0xf2, 0x8c, 0x55, 0x13, 0xa9, 0x7e, 0xc0, 0x42, 0xeb, 0x26, 0x98, 0x6d, 0x01, 0xb7,
    0x3f, 0xd8, 0x84, 0x5a, 0xe3, 0x19, 0xcc, 0x70, 0xa5, 0x2e, 0x97, 0x48, 0xfb,
];

pub(crate) fn token() -> Token {
    Token::new(TOKEN).unwrap()
}

pub(crate) fn companion() -> Token {
    Token::new(COMPANION).unwrap()
}

pub(crate) fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

/// All of them, and the private key line by line, as text and as bytes.
pub(crate) fn all() -> Vec<Vec<u8>> {
    let texts = [TOKEN, COMPANION, TICKET, API_KEY, PASSWORD, SESSION].map(|text| text.as_bytes().to_vec());
    let private = keys::pkcs8();
    let lines = private.expose_secret().lines().filter(|line| line.len() == 64);
    let lines = lines.flat_map(|line| [line.as_bytes().to_vec(), STANDARD.decode(line).unwrap()]);
    texts.into_iter().chain([KEY.to_vec()]).chain(lines).collect()
}

pub(crate) fn search() -> Search {
    Search::of(all())
}
