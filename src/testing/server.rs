//! Serves a fake on a loopback socket.

use std::convert::Infallible;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinHandle;
use url::Url;

use super::forge::forged;
use super::forgery::Delivery;
use super::trouble::{Trouble, Troubles};
use crate::error::{Error, ErrorKind, Result};

/// A request as a fake sees it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    /// The path as it came, percent escapes and all.
    pub(super) path: String,
    pub(super) query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// One by itself.
    #[cfg(test)]
    pub(super) fn of(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { method: method.to_owned(), path: path.to_owned(), query: Vec::new(), headers, body: body.to_vec() }
    }

    /// A header, whatever the case of its name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The path's segments, each with its percent escapes resolved.
    pub(super) fn segments(&self) -> Vec<String> {
        let decoded = |segment: &str| {
            // The form decoder takes a plus for a space; in a path it is a plus.
            let segment = segment.replace('+', "%2B");
            url::form_urlencoded::parse(segment.as_bytes()).map(|(key, _)| key.into_owned()).next().unwrap_or_default()
        };
        self.path.split('/').skip(1).map(decoded).collect()
    }

    /// A parameter of the address.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A field of the form that it carries.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        url::form_urlencoded::parse(&self.body).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }

    /// The user and password of Basic authentication.
    pub(super) fn basic(&self) -> Option<(String, String)> {
        let encoded = self.header("authorization")?.strip_prefix("Basic ")?;
        let pair = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
        pair.split_once(':').map(|(user, password)| (user.to_owned(), password.to_owned()))
    }

    /// The token of `Bearer` or `token` authentication.
    pub(super) fn token(&self) -> Option<&str> {
        let header = self.header("authorization")?;
        header.strip_prefix("Bearer ").or_else(|| header.strip_prefix("token "))
    }
}

/// What a fake answers.
#[derive(Clone, Debug)]
pub(super) struct Reply {
    pub(super) status: u16,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    /// A bare status.
    pub(super) fn status(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }

    /// With a header.
    pub(super) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With a body.
    pub(super) fn body(mut self, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("Content-Type", kind)
    }

    /// JSON.
    pub(super) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::status(status).body("application/json; charset=utf-8", body.to_string())
    }
}

/// The system that a fake imitates.
#[async_trait]
pub(super) trait Service: Send + Sync + 'static {
    async fn answer(&self, request: &Request) -> Reply;

    /// What a request is about where all of them go to one path; it stands at the end of its line.
    fn about(&self, _: &Request) -> Option<String> {
        None
    }
}

/// One request that a fake has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Seen {
    /// Its method and path with the query, as `POST /a/b?c=d`; where all go to one path, what it is about as well.
    pub line: String,
    /// What came of it; nothing where it was never answered.
    pub status: Option<u16>,
}

/// A fake being served. It ends with this value.
pub(super) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
    /// Keeps the port from anybody else for as long as this fake is there, be it stopped: who asks it then is refused, and not
    /// answered by the next fake.
    _port: TcpSocket,
}

struct Shared {
    service: Arc<dyn Service>,
    troubles: Troubles,
    seen: Mutex<Vec<Seen>>,
    load: Arc<Load>,
}

/// How many requests are being answered, and how many were at most.
#[derive(Debug, Default)]
struct Load {
    now: AtomicUsize,
    most: AtomicUsize,
}

/// One request that is being answered, to the last byte.
struct Busy(Arc<Load>);

impl Busy {
    fn with(load: &Arc<Load>) -> Self {
        let now = load.now.fetch_add(1, Ordering::SeqCst) + 1;
        load.most.fetch_max(now, Ordering::SeqCst);
        Self(load.clone())
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.now.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A socket with this address, which others of ours may have as well as long as they do not listen.
fn socket_at(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

impl Server {
    #[expect(clippy::unused_async, reason = "needs a runtime, and every fake is started as if it took time")]
    pub(super) async fn start(service: Arc<dyn Service>) -> Result<Self> {
        let no_socket = |_| Error::new(ErrorKind::Unavailable, "no socket could be opened on 127.0.0.1 for a fake");
        let port = socket_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).map_err(no_socket)?;
        let address = port.local_addr().map_err(no_socket)?;
        let listener = socket_at(address).and_then(|socket| socket.listen(1024)).map_err(no_socket)?;
        let shared =
            Arc::new(Shared { service, troubles: Troubles::default(), seen: Mutex::default(), load: Arc::default() });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Ok(Self { address, shared, task, _port: port })
    }

    /// Its address, with this path.
    pub(super) fn url(&self, path: &str) -> Result<Url> {
        Url::parse(&format!("http://{}{path}", self.address))
            .map_err(|_| Error::new(ErrorKind::Internal, "a fake's address is no address"))
    }

    pub(super) fn plan(&self, which: &str, trouble: Trouble) {
        self.shared.troubles.plan(which, trouble);
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.shared.seen().clone()
    }

    /// How many requests were being answered at once at most.
    pub(super) fn most_at_once(&self) -> usize {
        self.shared.load.most.load(Ordering::SeqCst)
    }

    /// Closes its socket: from now on connections are refused.
    pub(super) fn stop(&self) {
        self.task.abort();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.address)
    }
}

impl Shared {
    fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    // What is being served ends with the listener.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = shared.clone();
        connections.spawn(async move {
            let service = service_fn(move |request| serve(shared.clone(), request));
            // A client that hangs up is no trouble of ours.
            let _ =
                http1::Builder::new().timer(TokioTimer::new()).serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}

type Body = UnsyncBoxBody<Bytes, Infallible>;

/// Dropping a connection is an error to the library that serves it.
#[derive(Debug, thiserror::Error)]
#[error("dropped on purpose")]
struct Dropped;

async fn serve(shared: Arc<Shared>, request: hyper::Request<Incoming>) -> Result<hyper::Response<Body>, Dropped> {
    let busy = Busy::with(&shared.load);
    let (head, body) = request.into_parts();
    let mut line = format!("{} {}", head.method, head.uri);
    let body = body.collect().await.map_err(|_| Dropped)?.to_bytes().to_vec();
    let query = head.uri.query().unwrap_or_default().as_bytes();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let request = Request {
        method: head.method.to_string(),
        path: head.uri.path().to_owned(),
        query: url::form_urlencoded::parse(query).into_owned().collect(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect(),
        body,
    };
    if let Some(about) = shared.service.about(&request) {
        line = format!("{line} {about}");
    }
    // So that who searches a log for secrets searches addresses too.
    tracing::trace!(line, "a fake is asked");
    let at = {
        let mut seen = shared.seen();
        seen.push(Seen { line: line.clone(), status: None });
        seen.len() - 1
    };
    let trouble = shared.troubles.take(&line);
    let (reply, delivery) = troubled(&*shared.service, &request, trouble).await?;
    if delivery == Delivery::Silent {
        std::future::pending::<()>().await;
    }
    shared.seen()[at].status = Some(reply.status);
    respond(reply, delivery, busy)
}

/// What comes of a request, and how the answer comes.
async fn troubled(
    service: &dyn Service,
    request: &Request,
    trouble: Option<Trouble>,
) -> Result<(Reply, Delivery), Dropped> {
    let reply = match trouble {
        None | Some(Trouble::Pass) => service.answer(request).await,
        Some(Trouble::Refuse(status)) => Reply::status(status),
        Some(Trouble::Echo(status)) => echo(status, request),
        Some(Trouble::Wait(seconds)) => Reply::status(429).header("Retry-After", seconds.to_string()),
        Some(Trouble::Redirect(to)) => Reply::status(302).header("Location", to),
        Some(Trouble::DropBefore) => return Err(Dropped),
        Some(Trouble::DropAfter) => {
            service.answer(request).await;
            return Err(Dropped);
        }
        Some(Trouble::FailAfter(status)) => {
            service.answer(request).await;
            Reply::status(status)
        }
        Some(Trouble::Silence) => return Ok((Reply::status(0), Delivery::Silent)),
        Some(Trouble::SilenceAfter) => return Ok((service.answer(request).await, Delivery::Silent)),
        Some(Trouble::Slow(pause)) => return Ok((service.answer(request).await, Delivery::Slow(pause))),
        Some(Trouble::Flood(bytes)) => Reply { body: vec![b' '; bytes], ..service.answer(request).await },
        Some(Trouble::Garble(but)) => garbled(service.answer(request).await, &but),
        Some(Trouble::Forged(forgery)) => {
            forgery.meets();
            let truth = if forgery.status.is_none() { Some(service.answer(request).await) } else { None };
            return Ok((forged(&forgery, request, truth), forgery.delivery));
        }
    };
    Ok((reply, Delivery::Whole))
}

/// Says back what came.
fn echo(status: u16, request: &Request) -> Reply {
    let login = request.header("authorization").or_else(|| request.header("private-token")).unwrap_or_default();
    let message = format!("bad request: {login} {}", String::from_utf8_lossy(&request.body));
    // Where errors are a list, as in GraphQL, the message is looked for there.
    Reply::json(status, &serde_json::json!({ "message": message, "errors": [{ "message": message }] }))
}

/// The same answer with nothing in it as it should be, but for these members.
fn garbled(reply: Reply, but: &[String]) -> Reply {
    let mut body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap_or_default();
    garble(&mut body, but);
    Reply { body: body.to_string().into_bytes(), ..reply }
}

fn garble(body: &mut serde_json::Value, but: &[String]) {
    for (name, value) in body.as_object_mut().into_iter().flatten().filter(|(name, _)| !but.contains(name)) {
        let inside = but.iter().filter_map(|but| but.strip_prefix(name.as_str())?.strip_prefix('.'));
        let inside: Vec<String> = inside.map(str::to_owned).collect();
        if !inside.is_empty() {
            garble(value, &inside);
        } else if value.is_string() {
            *value = serde_json::json!({"at": 1});
        } else {
            *value = "garbled".into();
        }
    }
}

fn respond(reply: Reply, delivery: Delivery, busy: Busy) -> Result<hyper::Response<Body>, Dropped> {
    let mut response = hyper::Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value.as_bytes());
    }
    let body = match delivery {
        Delivery::Whole | Delivery::Silent => Full::new(Bytes::from(reply.body)).boxed_unsync(),
        Delivery::Slow(pause) => in_pieces(reply.body, 1, pause, busy),
        Delivery::Pieces(bytes) => in_pieces(reply.body, bytes, Duration::ZERO, busy),
        Delivery::Endless => {
            let more = move || std::future::ready(Some((Ok(Frame::data(Bytes::from_static(&[b' '; 4096]))), ())));
            StreamBody::new(stream::unfold((), move |()| more())).boxed_unsync()
        }
        Delivery::Stalled => StreamBody::new(stream::pending()).boxed_unsync(),
    };
    response.body(body).map_err(|_| Dropped)
}

/// So many bytes at a time, with this pause after each.
fn in_pieces(body: Vec<u8>, bytes: usize, pause: Duration, busy: Busy) -> Body {
    let pieces = stream::unfold((body, 0, busy), move |(body, at, busy)| async move {
        let piece = body.get(at..).filter(|rest| !rest.is_empty())?;
        let piece = Bytes::copy_from_slice(&piece[..bytes.min(piece.len())]);
        tokio::time::sleep(pause).await;
        let next = at + piece.len();
        Some((Ok(Frame::data(piece)), (body, next, busy)))
    });
    StreamBody::new(pieces).boxed_unsync()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever asks it was not to.
    struct Untouched;

    #[async_trait]
    impl Service for Untouched {
        async fn answer(&self, _: &Request) -> Reply {
            Reply::status(200)
        }
    }

    #[tokio::test]
    async fn an_echo_refuses_and_says_back_the_login_and_the_body() {
        let request =
            Request::of("POST", "/place", &[("authorization", "Bearer key-FAKE")], br#"{"token":"ghp_FAKE"}"#);
        let (reply, delivery) = troubled(&Untouched, &request, Some(Trouble::Echo(403))).await.unwrap();
        assert_eq!((reply.status, delivery), (403, Delivery::Whole));
        let body: serde_json::Value = serde_json::from_slice(&reply.body).unwrap();
        for at in ["/message", "/errors/0/message"] {
            let message = body.pointer(at).and_then(serde_json::Value::as_str).unwrap();
            assert!(message.contains("Bearer key-FAKE") && message.contains(r#""token":"ghp_FAKE""#), "{message}");
        }
    }
}
