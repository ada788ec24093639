//! What a run keeps, sealed, while a person has a code to enter.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::token::Token;

/// A device code, and all that the next poll must know, so that a restart forgets none of it: the interval above all.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    pub(super) device_code: Token,
    pub(super) asked: Asked,
}

/// What was asked of whom, and how the asking stands.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    /// What the person types.
    pub(super) user_code: String,
    /// Seconds between polls.
    pub(super) interval: u64,
    /// Until when the code counts.
    pub(super) ends: Timestamp,
    /// Until when the person is asked, with other codes.
    pub(super) until: Timestamp,
    /// The scopes, between spaces.
    pub(super) scopes: String,
    /// Who should sign in.
    pub(super) account: Option<String>,
}

impl Ticket {
    /// As one secret. The part beside the device code is encoded, as a guide says some of it aloud, and what stands in a
    /// secret as it is would be withheld there.
    pub(super) fn sealed(&self) -> Result<Token> {
        let asked = serde_json::to_vec(&self.asked)
            .map_err(|_| Error::new(ErrorKind::Internal, "what a person is asked could not be written down"))?;
        let text = zeroize::Zeroizing::new(format!("{}.{}", self.device_code.expose(), URL_SAFE_NO_PAD.encode(asked)));
        Token::new(&text)
    }

    /// What was sealed.
    pub(super) fn opened(ticket: &Token) -> Result<Self> {
        let foreign = || {
            let text = "this is no ticket of the device flow: resume the run with the provider that it began with";
            Error::new(ErrorKind::InvalidInput, text)
        };
        let (device_code, asked) = ticket.expose().rsplit_once('.').ok_or_else(foreign)?;
        let asked = URL_SAFE_NO_PAD.decode(asked).map_err(|_| foreign())?;
        Ok(Self {
            device_code: Token::new(device_code).map_err(|_| foreign())?,
            asked: serde_json::from_slice(&asked).map_err(|_| foreign())?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_says_nothing_aloud_and_survives_a_restart() {
        let asked = Asked {
            user_code: "WDJB-MJHT".into(),
            interval: 10,
            ends: Timestamp::from_unix_seconds(1_900_000_900),
            until: Timestamp::from_unix_seconds(1_900_003_600),
            scopes: "admin:repo_hook repo".into(),
            account: Some("build-bot".into()),
        };
        let device_code = Token::new("device.FAKE").unwrap();
        let sealed = Ticket { device_code: device_code.clone(), asked }.sealed().unwrap();
        for said in ["WDJB", "repo_hook", "build-bot"] {
            assert!(!sealed.expose().contains(said), "{said}");
        }
        let opened = Ticket::opened(&sealed).unwrap();
        assert_eq!((opened.device_code, opened.asked.interval), (device_code, 10));
        assert_eq!(opened.asked.user_code, "WDJB-MJHT");
        assert_eq!(Ticket::opened(&Token::new("ghp_FAKE.!").unwrap()).unwrap_err().kind(), ErrorKind::InvalidInput);
    }
}
