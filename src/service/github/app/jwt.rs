//! How an app shows who it is: a JSON Web Token, signed with its own key.
//!
//! Sources: "Generating a JSON Web Token (JWT) for a GitHub App" (GitHub documentation); RFC 7515, its compact form; RFC 7518
//! 3.3, `RS256`.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::clock::{Clock, Timestamp};
use crate::error::{Error, ErrorKind, Result};
use crate::http::Authorization;
use crate::token::Token;

/// So far back it says that it was signed: a clock that is ahead of GitHub's does no harm.
const BACK: i64 = 60;

/// So far ahead it ends, in seconds. GitHub takes 10 minutes at most, by its own clock.
const AHEAD: i64 = 9 * 60;

/// For so long one is presented again, before another is signed.
const REUSED: Duration = Duration::from_mins(8);

const HEADER: &str = r#"{"alg":"RS256","typ":"JWT"}"#;

/// An app's number and its key.
pub(super) struct AppKey {
    app: u64,
    pair: RsaKeyPair,
    clock: Arc<dyn Clock>,
    /// The newest that was signed, and when. It opens all that the app may do, so there are as few as can be.
    signed: Mutex<Option<(Token, Timestamp)>>,
}

impl AppKey {
    /// Reads a key in PEM, as PKCS#1 or PKCS#8.
    pub(super) fn read(app: u64, pem: &SecretString, clock: Arc<dyn Clock>) -> Result<Self> {
        let key = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes()).map_err(|_| unreadable())?;
        let key = Zeroizing::new(key);
        let pair = match &*key {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()),
            PrivateKeyDer::Pkcs8(der) => RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()),
            _ => return Err(unreadable()),
        };
        Ok(Self { app, pair: pair.map_err(|_| unreadable())?, clock, signed: Mutex::default() })
    }

    pub(super) fn app(&self) -> u64 {
        self.app
    }

    /// The app as who asks, and whether that was presented before. GitHub counts limits by app, so the budget does, whichever
    /// token is presented.
    pub(super) fn authorization(&self) -> Result<(Authorization, bool)> {
        let (token, again) = self.token()?;
        Ok((Authorization::bearer(&token)?.counted_as(format!("GitHub App {}", self.app)), again))
    }

    /// GitHub did not take it: the next one is signed anew.
    pub(super) fn forget(&self) {
        *self.signed.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn token(&self) -> Result<(Token, bool)> {
        let now = self.clock.now();
        let mut signed = self.signed.lock().unwrap_or_else(PoisonError::into_inner);
        // One from the future was signed before somebody set the clock right.
        if let Some((token, _)) = signed.as_ref().filter(|(_, at)| *at <= now && at.until(now) < REUSED) {
            return Ok((token.clone(), true));
        }
        let token = self.sign(now)?;
        *signed = Some((token.clone(), now));
        Ok((token, false))
    }

    fn sign(&self, now: Timestamp) -> Result<Token> {
        let now = now.unix_seconds();
        let claims = format!(r#"{{"iat":{},"exp":{},"iss":"{}"}}"#, now - BACK, now + AHEAD, self.app);
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(HEADER), URL_SAFE_NO_PAD.encode(claims));
        let mut signature = Zeroizing::new(vec![0; self.pair.public_modulus_len()]);
        let unsigned = |_| Error::new(ErrorKind::Internal, "the app's key signs nothing: report it");
        self.pair
            .sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
            .map_err(unsigned)?;
        let signature = Zeroizing::new(URL_SAFE_NO_PAD.encode(&*signature));
        Token::new(&Zeroizing::new(format!("{message}.{}", *signature)))
    }
}

impl fmt::Debug for AppKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AppKey({})", self.app)
    }
}

fn unreadable() -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        "the app's private key cannot be read: hand in the file that GitHub gave, PEM with all its line breaks, which begins \
         with BEGIN RSA PRIVATE KEY (PKCS#1) or BEGIN PRIVATE KEY (PKCS#8): an RSA key of 2048 bits or more, without a password",
    )
}
