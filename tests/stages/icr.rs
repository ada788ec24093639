//! The two places of iCR: a credential of Jenkins that the plugin's form names, and the form itself.

use std::sync::Arc;

use tokenturn::{Icr, Result};

use super::jenkins::{self, JenkinsPlace};
use super::manual::Desk;

pub(crate) async fn listed() -> Result<JenkinsPlace> {
    Ok(jenkins::secret_text().await?.seen_as(|credential| Arc::new(Icr::jenkins_credential(credential))))
}

pub(crate) fn typed() -> Desk {
    Desk::with(Icr::form_field("icr-nightly", "team/icr-nightly").unwrap())
}
