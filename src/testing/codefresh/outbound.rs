//! Where Codefresh logs in by itself, with what it stores.

use bytes::Bytes;
use http_body_util::Empty;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::Url;

/// Whether the provider's API answers this path with 200 to this token.
pub(super) async fn reads(api: &Url, path: &str, token: &str) -> bool {
    get(&format!("{}/{path}", api.as_str().trim_end_matches('/')), token).await == Some(200)
}

/// The status of a GET over a socket of its own; nothing where nobody answers.
async fn get(url: &str, token: &str) -> Option<u16> {
    let url = Url::parse(url).ok()?;
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    let stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.ok()?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(connection);
    let request = hyper::Request::get(url.path())
        .header("host", format!("{host}:{port}"))
        .header("user-agent", "Codefresh fake")
        .header("authorization", format!("token {token}"));
    let response = sender.send_request(request.body(Empty::<Bytes>::new()).ok()?).await.ok()?;
    Some(response.status().as_u16())
}
