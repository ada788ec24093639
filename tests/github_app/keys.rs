//! Keys of apps, made for one run of the tests.

use std::sync::OnceLock;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::SecretString;

/// So many bytes of PKCS#8 stand before the PKCS#1 of an RSA key of 2048 bits: version, algorithm, and two lengths.
const FRAME: usize = 26;

fn pair() -> &'static (Vec<u8>, Vec<u8>) {
    static PAIR: OnceLock<(Vec<u8>, Vec<u8>)> = OnceLock::new();
    PAIR.get_or_init(made)
}

fn made() -> (Vec<u8>, Vec<u8>) {
    let key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&key).unwrap().as_ref().to_vec();
    (private, key.public_key().as_ref().to_vec())
}

pub(crate) fn pem(kind: &str, der: &[u8]) -> SecretString {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> = text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    SecretString::from(format!("-----BEGIN {kind}-----\n{}\n-----END {kind}-----\n", lines.join("\n")))
}

/// The public half, as the fake knows it.
pub(crate) fn public() -> &'static [u8] {
    &pair().1
}

pub(crate) fn private() -> &'static [u8] {
    &pair().0
}

pub(crate) fn pkcs8() -> SecretString {
    pem("PRIVATE KEY", private())
}

/// As GitHub hands it out.
pub(crate) fn pkcs1() -> SecretString {
    pem("RSA PRIVATE KEY", &private()[FRAME..])
}

/// Of another app.
pub(crate) fn other() -> SecretString {
    pem("PRIVATE KEY", &made().0)
}
