//! What the world answers.

use bytes::Bytes;
use http_body_util::Full;
use hyper::Response;
use serde_json::Value;

#[derive(Clone)]
pub(crate) struct Answer {
    status: u16,
    kind: &'static str,
    body: Vec<u8>,
    wait: bool,
}

impl Answer {
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self { status, kind: "application/json", body: body.to_string().into_bytes(), wait: false }
    }

    pub(crate) fn aws(status: u16, body: &Value) -> Self {
        Self { kind: "application/x-amz-json-1.1", ..Self::json(status, body) }
    }

    pub(crate) fn text(text: String) -> Self {
        Self { status: 200, kind: "text/plain", body: text.into_bytes(), wait: false }
    }

    pub(crate) fn empty(status: u16) -> Self {
        Self { status, kind: "text/plain", body: Vec::new(), wait: false }
    }

    /// It wants a pause of a second.
    pub(crate) fn too_many() -> Self {
        Self { status: 429, kind: "text/plain", body: b"Retry later\n".to_vec(), wait: true }
    }

    pub(crate) fn response(self) -> Response<Full<Bytes>> {
        let mut response = Response::builder().status(self.status).header("content-type", self.kind);
        if self.wait {
            response = response.header("retry-after", "1");
        }
        response.body(Full::new(self.body.into())).unwrap_or_default()
    }
}
