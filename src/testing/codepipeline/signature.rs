//! Who asks: every signature is computed again.

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4;

use super::super::server::Request;
use super::state::{Keys, State};

/// How far a clock may be off. Source: "AWS Signature Version 4" (IAM user guide).
const SKEW: Duration = Duration::from_mins(15);

/// Why a request is not let in: the name of the error, and its words.
pub(super) type Refusal = (&'static str, String);

/// The service in whose name a request is signed, if it is let in.
pub(super) fn admit(state: &State, request: &Request) -> Result<String, Refusal> {
    let refuse = |named: &'static str, text: &str| Err((named, text.to_owned()));
    let Some(authorization) = request.header("authorization") else {
        return refuse("MissingAuthenticationTokenException", "Missing Authentication Token");
    };
    let incomplete = || ("IncompleteSignatureException", "Authorization header requires all of its parts".to_owned());
    let rest = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or_else(incomplete)?;
    let part = |name: &str| rest.split(',').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let scope: Vec<&str> = part("Credential").ok_or_else(incomplete)?.split('/').collect();
    let [id, day, region, service, "aws4_request"] = scope.as_slice() else { return Err(incomplete()) };
    let known = state.keys(id).filter(|_| !state.login_refused);
    let Some((keys, lives)) = known else {
        return refuse("UnrecognizedClientException", "The security token included in the request is invalid.");
    };
    if request.header("x-amz-security-token").map(str::to_owned) != keys.session {
        return refuse("UnrecognizedClientException", "The security token included in the request is invalid.");
    }
    if !lives {
        return refuse("ExpiredTokenException", "The security token included in the request is expired");
    }
    let date = request.header("x-amz-date").ok_or_else(incomplete)?;
    let at = time(date).filter(|_| date.starts_with(day)).ok_or_else(incomplete)?;
    if state.out_of_time || off(at) > SKEW {
        let text =
            format!("Signature expired: {date} is now earlier than 20990101T000000Z (20990101T001500Z - 15 min.)");
        return Err(("InvalidSignatureException", text));
    }
    if *region != super::CodePipelineFake::REGION {
        return refuse("InvalidSignatureException", "Credential should be scoped to a valid region.");
    }
    let names: Vec<&str> = part("SignedHeaders").ok_or_else(incomplete)?.split(';').collect();
    let needed = ["host", "x-amz-date", "content-type"];
    let target = request.header("x-amz-target").is_some() && !names.contains(&"x-amz-target");
    if needed.iter().any(|name| !names.contains(name)) || target {
        return Err(incomplete());
    }
    let signature = again(request, &keys, (region, service), at, &names);
    if signature.is_none() || signature.as_deref() != part("Signature") {
        return refuse(
            "InvalidSignatureException",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key",
        );
    }
    Ok((*service).to_owned())
}

/// The signature that the request should have.
fn again(
    request: &Request,
    keys: &Keys,
    (region, service): (&str, &str),
    at: SystemTime,
    names: &[&str],
) -> Option<String> {
    let credentials = Credentials::new(&keys.id, &keys.secret, keys.session.clone(), None, "fake");
    let identity = credentials.into();
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region)
        .name(service)
        .time(at)
        .settings(SigningSettings::default())
        .build()
        .ok()?
        .into();
    // The signer adds these by itself.
    let own = ["host", "x-amz-date", "x-amz-security-token"];
    let headers =
        names.iter().filter(|name| !own.contains(name)).filter_map(|name| Some((*name, request.header(name)?)));
    let url = format!("http://{}{}", request.header("host")?, request.path);
    let signable = SignableRequest::new(&request.method, url, headers, SignableBody::Bytes(&request.body)).ok()?;
    Some(sign(signable, &parameters).ok()?.into_parts().1)
}

fn time(date: &str) -> Option<SystemTime> {
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", date).ok()?;
    let at = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(at.into())
}

fn off(at: SystemTime) -> Duration {
    let now = SystemTime::now();
    now.duration_since(at).or_else(|_| at.duration_since(now)).unwrap_or(Duration::MAX)
}
