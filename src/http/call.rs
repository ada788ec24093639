//! One request, as a service describes it.

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde::Serialize;
use url::Url;
use zeroize::Zeroizing;

use super::authorization::{Authorization, secret_value};
use super::endpoint::Endpoint;
use super::rate::Work;
use crate::error::{Error, ErrorKind, Result};
use crate::token::{Redactor, Token};

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

/// One request. What is wrong with it is said when it is sent.
pub(crate) struct Call<'a> {
    pub(super) endpoint: &'a Endpoint,
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) headers: HeaderMap,
    pub(super) body: Option<Bytes>,
    /// Whose budget it is.
    pub(super) who: String,
    pub(super) secrets: Redactor,
    /// Whether it changes something out there.
    pub(super) writes: bool,
    /// Whether it may be sent twice.
    pub(super) repeatable: bool,
    /// What it is to those who count requests.
    pub(super) work: Work,
    /// Answers that are no errors beside 2xx.
    pub(super) accepted: Vec<u16>,
    pub(super) wrong: Option<Error>,
}

impl<'a> Call<'a> {
    pub(super) fn new(endpoint: &'a Endpoint, method: Method, url: Result<Url>) -> Self {
        let reads = method == Method::Get;
        let (url, wrong) = match url {
            Ok(url) => (url, None),
            Err(error) => (endpoint.base().clone(), Some(error)),
        };
        Self {
            endpoint,
            method,
            url,
            headers: HeaderMap::new(),
            body: None,
            who: "anonymous".to_owned(),
            secrets: Redactor::default(),
            writes: !reads,
            repeatable: reads,
            work: if reads { Work::Read } else { Work::Write },
            accepted: Vec::new(),
            wrong,
        }
    }

    /// Who asks.
    pub(crate) fn authorized(mut self, by: &Authorization) -> Self {
        self.headers.insert(by.name.clone(), by.header.clone());
        self.who.clone_from(&by.who);
        self.secrets = self.secrets.and(&by.secrets);
        self
    }

    /// A header that tells nothing.
    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        self
    }

    /// A header that no log shows and no error quotes. Its name may come from the far side.
    pub(crate) fn secret_header(mut self, name: &str, value: &str) -> Self {
        let name = HeaderName::try_from(name).map_err(|_| {
            Error::new(ErrorKind::Protocol, "the far side asks for a header of a name that no header can have")
        });
        match (name, secret_value(Zeroizing::new(value.to_owned()))) {
            (Ok(name), Ok(header)) => {
                self.headers.insert(name, header);
                self.secrets = self.secrets.knowing(value);
                self
            }
            (Err(error), _) | (_, Err(error)) => self.failing(error),
        }
    }

    /// A header that tells nothing, such as a date or the name of what is asked for.
    #[cfg(feature = "codepipeline")]
    pub(crate) fn plain_header(mut self, name: &'static str, value: &str) -> Self {
        match HeaderValue::from_str(value) {
            Ok(value) => {
                self.headers.insert(HeaderName::from_static(name), value);
                self
            }
            Err(_) => self.failing(Error::new(ErrorKind::Internal, "a request has a header that none can be")),
        }
    }

    /// A signature over this request, as the header that carries it. No log shows the header; of its parts only `secret`
    /// must not be quoted: the others are words that stand in many answers.
    #[cfg(feature = "codepipeline")]
    pub(crate) fn signed(mut self, who: &str, header: Zeroizing<String>, secret: &str) -> Self {
        match secret_value(header) {
            Ok(value) => {
                self.headers.insert(reqwest::header::AUTHORIZATION, value);
                who.clone_into(&mut self.who);
                self.secrets = self.secrets.knowing(secret);
                self
            }
            Err(error) => self.failing(error),
        }
    }

    /// Where it goes, as a signature covers it.
    #[cfg(feature = "codepipeline")]
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// One parameter in the address. Never a secret.
    pub(crate) fn query(mut self, name: &str, value: &str) -> Self {
        self.url.query_pairs_mut().append_pair(name, value);
        self
    }

    /// A body of JSON.
    pub(crate) fn json<T: Serialize>(self, body: &T) -> Self {
        let mut text = Zeroizing::new(Vec::with_capacity(4096));
        match serde_json::to_writer(&mut *text, body) {
            Ok(()) => self.body("application/json", text),
            Err(_) => self.failing(Error::new(ErrorKind::Internal, "a request could not be written as JSON")),
        }
    }

    /// A body as a form sends it.
    pub(crate) fn form(self, fields: &[(&str, &str)]) -> Self {
        let mut form = url::form_urlencoded::Serializer::new(String::with_capacity(1024));
        let text = form.extend_pairs(fields).finish();
        self.body("application/x-www-form-urlencoded", Zeroizing::new(text.into_bytes()))
    }

    /// A body. It is wiped when the last copy of it is gone.
    pub(crate) fn body(mut self, kind: &'static str, body: Zeroizing<Vec<u8>>) -> Self {
        self.headers.insert(reqwest::header::CONTENT_TYPE, HeaderValue::from_static(kind));
        self.body = Some(Bytes::from_owner(WipedBytes(body)));
        self
    }

    /// A token that its body carries: no error may quote it.
    pub(crate) fn carrying(mut self, token: &Token) -> Self {
        self.secrets = self.secrets.knowing(token.expose());
        self
    }

    /// It changes nothing out there, whatever its method says, and may be sent twice.
    pub(crate) fn reading(mut self) -> Self {
        self.writes = false;
        self.repeatable = true;
        self
    }

    /// By whom the far side counts it where it carries no login.
    #[cfg(feature = "github")]
    pub(crate) fn counted_as(mut self, who: &str) -> Self {
        who.clone_into(&mut self.who);
        self
    }

    /// It makes something new, which some vendors count by itself.
    #[cfg(feature = "github")]
    pub(crate) fn creating(mut self) -> Self {
        self.work = Work::Create;
        self
    }

    /// It may be sent twice: the second time changes nothing more.
    pub(crate) fn repeatable(mut self) -> Self {
        self.repeatable = true;
        self
    }

    /// These answers are no errors.
    pub(crate) fn accepting(mut self, statuses: &[u16]) -> Self {
        self.accepted.extend_from_slice(statuses);
        self
    }

    fn failing(mut self, error: Error) -> Self {
        self.wrong.get_or_insert(error);
        self
    }
}

struct WipedBytes(Zeroizing<Vec<u8>>);

impl AsRef<[u8]> for WipedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}
