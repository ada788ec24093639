//! Where Jenkins logs in by itself, with what it stores.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;
use url::Url;

/// What the GitHub plugin's "Test connection" answers.
///
/// The client reads who it is, then its rate limit, and fails over a limit that it misses.
pub(super) async fn verify_github(api: &str, token: &str) -> String {
    match logged_in(api.trim_end_matches('/'), token).await {
        Some((user, left)) => {
            format!("<div class=\"ok\">Credentials verified for user {}, rate limit: {left}</div>", html(&user))
        }
        None => "<div class=\"error\">Failed to validate the account</div>".to_owned(),
    }
}

async fn logged_in(api: &str, token: &str) -> Option<(String, u64)> {
    let header = format!("token {token}");
    let json = async |path: &str| -> Option<Value> {
        let (status, body) = get(&format!("{api}{path}"), Some(&header)).await?;
        if status == 200 { serde_json::from_slice(&body).ok() } else { None }
    };
    let user = json("/user").await?.get("login")?.as_str()?.to_owned();
    let limits = json("/rate_limit").await?;
    let resources = limits.get("resources")?;
    for resource in ["core", "search", "graphql", "integration_manifest"] {
        resources.get(resource)?.get("remaining")?.as_u64()?;
    }
    Some((user, resources.get("core")?.get("remaining")?.as_u64()?))
}

/// What the git plugin's check of a repository answers. Git asks without a login first.
pub(super) async fn list_repository(repository: &str, login: Option<(String, String)>) -> String {
    let url = format!("{}/info/refs?service=git-upload-pack", repository.trim_end_matches('/'));
    let mut answer = get(&url, None).await;
    if let (Some((401, _)), Some((user, password))) = (&answer, login) {
        answer = get(&url, Some(&format!("Basic {}", STANDARD.encode(format!("{user}:{password}"))))).await;
    }
    let words = match answer {
        Some((200, _)) => return "<div/>".to_owned(),
        Some((401 | 403, _)) => format!("fatal: Authentication failed for '{repository}/'"),
        Some((404, _)) => format!("fatal: repository '{repository}/' not found"),
        Some((status, _)) => {
            format!("fatal: unable to access '{repository}/': The requested URL returned error: {status}")
        }
        None => format!("fatal: unable to access '{repository}/': Failed to connect: Connection refused"),
    };
    format!(
        "<div class=\"error\">Failed to connect to repository : Command &quot;git ls-remote -h -- {0} HEAD&quot; returned \
         status code 128:<br>stdout: <br>stderr: {1}</div>",
        html(repository),
        html(&words)
    )
}

/// A GET over a socket of its own; nothing where nobody answers.
async fn get(url: &str, authorization: Option<&str>) -> Option<(u16, Vec<u8>)> {
    let url = Url::parse(url).ok()?;
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut request = hyper::Request::get(format!("{}{query}", url.path()))
        .header("host", format!("{host}:{port}"))
        .header("user-agent", "Jenkins fake");
    if let Some(authorization) = authorization {
        request = request.header("authorization", authorization);
    }
    let response = sender.send_request(request.body(Empty::<Bytes>::new()).ok()?).await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.into_body().collect().await.ok()?.to_bytes().to_vec()))
}

fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
