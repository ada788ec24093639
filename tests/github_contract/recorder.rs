//! Between our client and Prism: takes `/api/v3` away, as the description is of github.com, and writes down what Prism says.

use std::convert::Infallible;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::HeaderMap;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::ledger::{Exchange, Ledger, Violation};
use crate::prism::Prism;

const PREFIX: &str = "/api/v3";

/// A GitHub Enterprise Server by its address, and a Prism behind it that holds all that passes to the description.
pub(crate) struct Recorder {
    address: SocketAddr,
    passage: Arc<Passage>,
    task: JoinHandle<()>,
}

struct Passage {
    prism: Prism,
    client: reqwest::Client,
    exchanges: Mutex<Vec<Exchange>>,
    /// What is still to happen, and after which exchange.
    events: Mutex<Vec<(String, Event)>>,
}

type Event = Box<dyn FnOnce() + Send>;

impl Recorder {
    /// `upstream` is the server that answers, by the address that people open.
    pub(crate) async fn start(folder: &Path, upstream: &Url) -> Self {
        let prism = Prism::start(folder, &upstream.join(PREFIX).unwrap());
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let passage = Arc::new(Passage { prism, client, exchanges: Mutex::default(), events: Mutex::default() });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, shared) = (listener.local_addr().unwrap(), passage.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let passage = shared.clone();
                let service = service_fn(move |request| pass(passage.clone(), request));
                tokio::spawn(
                    async move { http1::Builder::new().serve_connection(TokioIo::new(stream), service).await },
                );
            }
        });
        Self { address, passage, task }
    }

    pub(crate) fn base(&self) -> Url {
        format!("http://{}/", self.address).parse().unwrap()
    }

    /// What happens at the upstream after it answered the next request of this line (`GET /user`), and before our client hears
    /// of that.
    pub(crate) fn after(&self, line: &str, event: impl FnOnce() + Send + 'static) {
        self.passage.events.lock().unwrap().push((line.to_owned(), Box::new(event)));
    }

    /// All that passed so far.
    pub(crate) fn ledger(&self) -> Ledger {
        Ledger::of(self.passage.exchanges.lock().unwrap().clone())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.task.abort();
        // Prism's refusal looks like one of GitHub's to the provider that a test fails with: the reason is here alone.
        if std::thread::panicking() {
            for violation in self.ledger().violations() {
                let _ = std::io::stdout().write_all(format!("violation: {violation}\n").as_bytes());
            }
        }
    }
}

async fn pass(
    passage: Arc<Passage>,
    request: hyper::Request<hyper::body::Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let path = head.uri.path_and_query().unwrap().as_str().strip_prefix(PREFIX).unwrap();
    let url = passage.prism.address().join(path).unwrap();
    let mut onward = passage.client.request(head.method.clone(), url.clone()).headers(without_hop(&head.headers));
    if !body.is_empty() {
        onward = onward.body(body);
    }
    let answer = onward.send().await.unwrap();
    let (status, headers) = (answer.status(), without_hop(answer.headers()));
    let body = answer.bytes().await.unwrap();
    let violations = violations(&headers, &body);
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    let gives_reason = ["message", "documentation_url", "status"].iter().all(|member| said[member].is_string());
    let line = format!("{} {}", head.method, url.path());
    let mut events = passage.events.lock().unwrap();
    if let Some(at) = events.iter().position(|(awaited, _)| *awaited == line) {
        events.remove(at).1();
    }
    drop(events);
    passage.exchanges.lock().unwrap().push(Exchange { line, status: status.as_u16(), violations, gives_reason });
    let mut response = hyper::Response::new(Full::new(body));
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// The headers that are meant for the other end.
fn without_hop(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in ["host", "connection", "keep-alive", "content-length", "transfer-encoding"] {
        headers.remove(name);
    }
    headers
}

/// What Prism found wrong: in a header where it lets the answer pass, warnings included, and in the body of a refusal of its
/// own.
fn violations(headers: &HeaderMap, body: &[u8]) -> Vec<Violation> {
    let text = |name: &str| headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    if let Some(list) = text("sl-violations") {
        // A list that is too long for a header is cut off.
        return serde_json::from_str::<Vec<Value>>(&list)
            .map_or_else(|_| vec![Violation::saying(list)], |list| list.iter().map(Violation::of).collect());
    }
    if !text("content-type").is_some_and(|kind| kind.starts_with("application/problem+json")) {
        return Vec::new();
    }
    let problem: Value = serde_json::from_slice(body).unwrap_or_default();
    match problem["validation"].as_array() {
        Some(list) if !list.is_empty() => list.iter().map(Violation::of).collect(),
        _ => vec![Violation::saying(String::from_utf8_lossy(body).into_owned())],
    }
}
