//! Signs requests and sends them: who asks, and the proof of it.
//!
//! Source: "AWS Signature Version 4 for API requests" (AWS IAM user guide).

use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;
use sha2::{Digest, Sha256};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

use super::region::Region;
use crate::error::{Error, ErrorKind, Result};
use crate::http::{Answer, Call};

/// Credentials this close to their end are fetched anew.
const MARGIN: Duration = Duration::from_mins(5);

/// How long credentials without an end are kept.
const KEPT: Duration = Duration::from_mins(15);

/// How long a provider may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// One request before it is signed.
pub(super) struct Unsigned {
    /// The service in whose name it is signed.
    pub(super) service: &'static str,
    pub(super) content_type: &'static str,
    /// `X-Amz-Target`, where the protocol has it.
    pub(super) target: Option<String>,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// Who asks, in which region.
pub(super) struct Signer {
    pub(super) region: Region,
    provider: SharedCredentialsProvider,
    kept: Mutex<Option<(Credentials, Instant)>>,
}

impl Signer {
    pub(super) fn new(region: Region, provider: SharedCredentialsProvider) -> Self {
        Self { region, provider, kept: Mutex::default() }
    }

    /// Signs and sends it. Credentials that were kept and are refused are fetched anew, once: a refusal changes nothing.
    pub(super) async fn send<'a>(
        &self,
        request: &Unsigned,
        make: impl Fn() -> Call<'a> + Send + Sync,
    ) -> Result<Answer> {
        let (credentials, was_kept) = self.credentials(None).await?;
        let sent = self.signed(make(), request, &credentials)?.send().await;
        let refused = |error: &Error| error.kind() == ErrorKind::Unauthenticated;
        if !sent.as_ref().is_err_and(refused) {
            return sent;
        }
        let same = |one: &Credentials, two: &Credentials| {
            one.access_key_id() == two.access_key_id() && one.session_token() == two.session_token()
        };
        match self.credentials(Some(&credentials)).await {
            Ok((fresh, _)) if was_kept && !same(&fresh, &credentials) => {
                self.signed(make(), request, &fresh)?.send().await
            }
            _ => sent,
        }
    }

    /// Credentials, and whether they were kept from before. Those that were refused are not given again.
    async fn credentials(&self, refused: Option<&Credentials>) -> Result<(Credentials, bool)> {
        let mut kept = self.kept.lock().await;
        if refused.is_some() {
            *kept = None;
        }
        if let Some((credentials, since)) = &*kept {
            let lives = credentials.expiry().map_or(since.elapsed() < KEPT, |end| end > SystemTime::now() + MARGIN);
            if lives {
                return Ok((credentials.clone(), true));
            }
        }
        let fresh = timeout(PATIENCE, self.provider.provide_credentials()).await;
        let fresh = fresh.map_err(|_| not_provided(None))?.map_err(|error| not_provided(Some(&error)))?;
        *kept = Some((fresh.clone(), Instant::now()));
        Ok((fresh, false))
    }

    fn signed<'a>(&self, call: Call<'a>, request: &Unsigned, credentials: &Credentials) -> Result<Call<'a>> {
        let broken =
            |_| Error::new(ErrorKind::Configuration, "a request to AWS could not be signed: check the address");
        let identity = credentials.clone().into();
        let parameters = v4::SigningParams::builder()
            .identity(&identity)
            .region(self.region.as_str())
            .name(request.service)
            .time(SystemTime::now())
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| Error::new(ErrorKind::Internal, "a request to AWS was signed without all that it needs"))?
            .into();
        let target = request.target.as_deref().map(|target| ("x-amz-target", target));
        let headers = [("content-type", request.content_type)].into_iter().chain(target);
        // The library logs what it is given; of the body it gets the digest alone.
        let body = SignableBody::Precomputed(hex(&Sha256::digest(&request.body)));
        let signable = SignableRequest::new("POST", call.url().as_str().to_owned(), headers, body).map_err(broken)?;
        let (instructions, signature) = sign(signable, &parameters).map_err(broken)?.into_parts();
        let signature = Zeroizing::new(signature);
        let mut call = call.body(request.content_type, request.body.clone());
        if let Some((name, value)) = target {
            call = call.plain_header(name, value);
        }
        for header in instructions.into_parts().0 {
            call = match header.name() {
                "authorization" => call.signed("aws", Zeroizing::new(header.value().to_owned()), &signature),
                "x-amz-security-token" => call.secret_header(header.name(), header.value()),
                name => call.plain_header(name, header.value()),
            };
        }
        Ok(call)
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("region", &self.region).finish_non_exhaustive()
    }
}

/// What a provider says of its failure may hold anything, so none of it is quoted.
fn not_provided(error: Option<&CredentialsError>) -> Error {
    let (kind, text) = match error {
        Some(CredentialsError::CredentialsNotLoaded(_)) => (
            ErrorKind::Configuration,
            "there are no AWS credentials where the provider looks: nothing was sent; set them up, or hand others in",
        ),
        Some(CredentialsError::InvalidConfiguration(_)) => (
            ErrorKind::Configuration,
            "the provider of the AWS credentials is not set up as it should be: nothing was sent; correct it",
        ),
        _ => (
            ErrorKind::Unavailable,
            "the provider of the AWS credentials failed or took too long: nothing was sent; see that it works, and try again",
        ),
    };
    Error::new(kind, text)
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
