//! What AWS does and moto does not: masks, and the few calls that moto lacks.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

const MASK: &str = "****";
const TARGET: &str = "CodePipeline_20150709.";
/// What moto tells services apart by. It checks no signature.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIAFAKE/20260101/eu-central-1/SERVICE/aws4_request, SignedHeaders=host, \
                      Signature=00";

/// A server on loopback before a moto. It ends with this value.
pub(crate) struct Layer {
    address: SocketAddr,
    moto: Arc<Moto>,
    task: JoinHandle<()>,
}

struct Moto {
    base: Url,
    client: reqwest::Client,
}

impl Layer {
    pub(crate) async fn start(base: Url) -> Self {
        let moto = Arc::new(Moto { base, client: reqwest::Client::builder().no_proxy().build().unwrap() });
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let (address, shared) = (listener.local_addr().unwrap(), moto.clone());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let moto = shared.clone();
                let service = service_fn(move |request| answer(moto.clone(), request));
                tokio::spawn(
                    async move { http1::Builder::new().serve_connection(TokioIo::new(stream), service).await },
                );
            }
        });
        Self { address, moto, task }
    }

    pub(crate) fn base(&self) -> Url {
        format!("http://{}/", self.address).parse().unwrap()
    }

    /// Asks moto past the layer.
    pub(crate) async fn direct(&self, operation: &str, input: &Value) -> Value {
        let (status, body) = self.moto.ask(operation, input).await;
        assert_eq!(status, 200, "{operation}: {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    /// A role for a pipeline; moto wants to see one.
    pub(crate) async fn create_role(&self, name: &str, trust: &str) {
        let pairs = [
            ("Action", "CreateRole"),
            ("Version", "2010-05-08"),
            ("RoleName", name),
            ("AssumeRolePolicyDocument", trust),
        ];
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = self.moto.client.post(self.moto.base.clone()).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let response = request.header("authorization", SIGNED.replace("SERVICE", "iam")).send().await.unwrap();
        assert_eq!(response.status().as_u16(), 200);
    }
}

impl Drop for Layer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Moto {
    async fn ask(&self, operation: &str, input: &Value) -> (u16, Vec<u8>) {
        let request = self.client.post(self.base.clone()).body(input.to_string());
        let request = request.header("content-type", "application/x-amz-json-1.1");
        let request = request.header("x-amz-target", format!("{TARGET}{operation}"));
        let response = request.header("authorization", SIGNED.replace("SERVICE", "codepipeline")).send().await.unwrap();
        (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
    }
}

impl Moto {
    /// Sends on what we sent: our signature, our headers, and this body.
    async fn forward(&self, headers: &hyper::HeaderMap, body: Vec<u8>) -> (u16, Vec<u8>) {
        let ours = ["authorization", "content-type", "x-amz-date", "x-amz-target", "x-amz-security-token"];
        let mut request = self.client.post(self.base.clone()).body(body);
        for (name, value) in ours.iter().filter_map(|name| Some((*name, headers.get(*name)?))) {
            request = request.header(name, value.as_bytes());
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.bytes().await.unwrap().to_vec())
    }
}

async fn answer(
    moto: Arc<Moto>,
    request: hyper::Request<hyper::body::Incoming>,
) -> Result<hyper::Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    let input: Value = serde_json::from_slice(&body).unwrap();
    let header =
        |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let signed = header("authorization");
    assert!(signed.starts_with("AWS4-HMAC-SHA256 Credential=AKIA") && signed.contains("/codepipeline/aws4_request"));
    let operation = header("x-amz-target").strip_prefix(TARGET).unwrap().to_owned();
    let (status, body) = match operation.as_str() {
        // Nothing runs, and nothing has a tag.
        "GetPipelineState" | "ListPipelineExecutions" | "ListActionExecutions" | "ListTagsForResource" => {
            (200, b"{}".to_vec())
        }
        "UpdatePipeline" => {
            let (_, current) = moto.ask("GetPipeline", &json!({ "name": input["pipeline"]["name"] })).await;
            let current: Value = serde_json::from_slice(&current).unwrap_or_default();
            let merged = merged(&current["pipeline"], &input["pipeline"]);
            // As it came, byte for byte, where no mask stands for a value.
            let body =
                if merged == input["pipeline"] { body } else { json!({ "pipeline": merged }).to_string().into_bytes() };
            masked(moto.forward(&head.headers, body).await)
        }
        _ => masked(moto.forward(&head.headers, body).await),
    };
    let response = hyper::Response::builder().status(status).header("content-type", "application/x-amz-json-1.1");
    Ok(response.body(Full::new(Bytes::from(body))).unwrap())
}

fn masked((status, body): (u16, Vec<u8>)) -> (u16, Vec<u8>) {
    let Ok(mut answer) = serde_json::from_slice::<Value>(&body) else { return (status, body) };
    for action in actions(&mut answer["pipeline"]) {
        if let Some(token) = action.pointer_mut("/configuration/OAuthToken") {
            *token = MASK.into();
        }
    }
    if answer["pipeline"].is_null() {
        return (status, body);
    }
    (status, answer.to_string().into_bytes())
}

/// A mask keeps its value where nothing else of its action changed, and is stored as it stands where something did.
fn merged(current: &Value, sent: &Value) -> Value {
    let (mut current, mut merged) = (current.clone(), sent.clone());
    let known: Vec<Value> = actions(&mut current).into_iter().map(|action| action.clone()).collect();
    for action in actions(&mut merged) {
        let Some(before) = known.iter().find(|known| known["name"] == action["name"]) else { continue };
        if action.pointer("/configuration/OAuthToken") != Some(&MASK.into()) {
            continue;
        }
        let mut whole = action.clone();
        whole["configuration"]["OAuthToken"] = before["configuration"]["OAuthToken"].clone();
        if whole == *before {
            *action = whole;
        }
    }
    merged
}

fn actions(pipeline: &mut Value) -> Vec<&mut Value> {
    let stages = pipeline.get_mut("stages").and_then(Value::as_array_mut).into_iter().flatten();
    stages.filter_map(|stage| stage.get_mut("actions")?.as_array_mut()).flatten().collect()
}
