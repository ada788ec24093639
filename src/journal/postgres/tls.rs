//! TLS under the database's protocol: by rustls, and always verified.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::Verifier;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::{Connect, TlsConnector, client};

use super::failure::wrong;
use crate::error::Result;

/// Trusts what the platform trusts, and the roots that it was given.
#[derive(Clone)]
pub(super) struct Tls {
    config: Arc<ClientConfig>,
}

impl Tls {
    /// Certificates of these, as PEM, count beside the platform's.
    pub(super) fn trusting(roots: &[Vec<u8>]) -> Result<Self> {
        let mut trusted = Vec::new();
        for pem in roots {
            let before = trusted.len();
            for certificate in CertificateDer::pem_slice_iter(pem) {
                trusted.push(certificate.map_err(|_| wrong("a root certificate cannot be read: hand it in as PEM"))?);
            }
            if trusted.len() == before {
                return Err(wrong(
                    "there is no certificate in a root's PEM: hand in the one that begins with BEGIN CERTIFICATE",
                ));
            }
        }
        let provider = Arc::new(default_provider());
        let verifier = Verifier::new_with_extra_roots(trusted, provider.clone()).map_err(|_| {
            wrong("no certificates can be trusted: the platform has none, or a root that was handed in is none")
        })?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| wrong("TLS cannot be set up"))?
            .dangerous() // Its name for any verifier but the built-in one; the platform's verifies names and chains too.
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(Self { config: Arc::new(config) })
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> MakeTlsConnect<S> for Tls {
    type Stream = Secured<S>;
    type TlsConnect = Handshake;
    type Error = io::Error;

    fn make_tls_connect(&mut self, host: &str) -> io::Result<Handshake> {
        let host = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        Ok(Handshake { connector: self.config.clone().into(), host })
    }
}

/// One handshake with one host.
pub(super) struct Handshake {
    connector: TlsConnector,
    host: ServerName<'static>,
}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> TlsConnect<S> for Handshake {
    type Stream = Secured<S>;
    type Error = io::Error;
    type Future = Securing<S>;

    fn connect(self, stream: S) -> Securing<S> {
        Securing(self.connector.connect(self.host, stream))
    }
}

/// A handshake that is under way.
pub(super) struct Securing<S>(Connect<S>);

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Securing<S> {
    type Output = io::Result<Secured<S>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map_ok(|stream| Secured(Box::new(stream)))
    }
}

/// A line with TLS.
pub(super) struct Secured<S>(Box<client::TlsStream<S>>);

impl<S: AsyncRead + AsyncWrite + Unpin> TlsStream for Secured<S> {
    fn channel_binding(&self) -> ChannelBinding {
        // The certificate was verified; binding the login to it as well would need a reader of certificates.
        ChannelBinding::none()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secured<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, into)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secured<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
