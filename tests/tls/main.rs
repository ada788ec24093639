//! TLS is verified, always: whose certificate counts, and who we are.

#[expect(dead_code, reason = "other tests put TLS before a whole server")]
mod authority;

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
use secrecy::SecretString;
use tokenturn::provider::Provider;
use tokenturn::{Effect, Error, ErrorKind, GitHub, Grant, Http, HttpBuilder, Token};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use self::authority::{Authority, authority};

/// A server on loopback whose certificate is for `name`; it asks for a client certificate where `clients` is set.
async fn serve(authority: &Authority, name: &str, clients: Option<&Authority>) -> u16 {
    let acceptor = authority::acceptor(authority, name, clients);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else { return };
                let mut buffer = [0; 4096];
                let _ = stream.read(&mut buffer).await;
                let body = r#"{"login": "build-bot"}"#;
                let answer =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            });
        }
    });
    port
}

async fn look(http: HttpBuilder, port: u16) -> Result<Grant, Error> {
    let server = format!("https://localhost:{port}").parse().unwrap();
    let provider = GitHub::classic(&http.build().unwrap()).server(server).revoke_by_person().build().unwrap();
    provider.inspect(&Token::new("ghp_FAKE").unwrap()).await
}

fn assert_not_sent(error: &Error) {
    assert_eq!((error.kind(), error.effect()), (ErrorKind::Unavailable, Effect::None), "{error}");
    assert!(error.to_string().contains("nothing was sent"), "{error}");
}

#[tokio::test]
async fn a_certificate_of_nobody_we_trust_is_refused_and_one_of_an_added_root_is_not() {
    let ours = authority();
    let port = serve(&ours, "localhost", None).await;
    assert_not_sent(&look(Http::builder(), port).await.unwrap_err());
    let roots = [authority().pem(), ours.pem()].concat();
    assert_eq!(look(Http::builder().root_certificates(roots), port).await.unwrap().owner, "build-bot");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_though_its_root_is_trusted() {
    let ours = authority();
    let port = serve(&ours, "elsewhere.example", None).await;
    assert_not_sent(&look(Http::builder().root_certificates(ours.pem()), port).await.unwrap_err());
}

#[tokio::test]
async fn a_server_that_wants_to_know_us_gets_our_certificate() {
    let ours = authority();
    let port = serve(&ours, "localhost", Some(&ours)).await;
    let with_root = || Http::builder().root_certificates(ours.pem());
    assert_eq!(look(with_root(), port).await.unwrap_err().kind(), ErrorKind::Unavailable);
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(&key, &ours).unwrap();
    let pem = SecretString::from([certificate.pem(), key.serialize_pem()].concat());
    assert_eq!(look(with_root().client_certificate(pem), port).await.unwrap().owner, "build-bot");
}
