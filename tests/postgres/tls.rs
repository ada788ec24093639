//! TLS to the database is verified, always.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokenturn::ErrorKind;
use tokenturn::journal::{Journal as _, PostgresJournal, PostgresOptions, Seq};

use crate::server::Server;
use crate::support::{all, assert_whole, batch, lease};

type Authority = CertifiedIssuer<'static, KeyPair>;

/// One that nobody knows yet.
fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A server that takes nothing without TLS, and whose certificate is for `name`.
fn server(authority: &Authority, name: &str) -> Option<Server> {
    let mut server = Server::prepare(&["ssl=on"])?;
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, authority).unwrap();
    let (key, certificate) =
        (server.file("server.key", &key.serialize_pem()), server.file("server.crt", &certificate.pem()));
    server.setting(&format!("ssl_key_file={key}"));
    server.setting(&format!("ssl_cert_file={certificate}"));
    server.admit("hostssl all all 127.0.0.1/32 trust\nhostssl all all ::1/128 trust\n");
    server.up();
    Some(server)
}

async fn open(options: PostgresOptions, server: &Server) -> tokenturn::Result<PostgresJournal> {
    let address = format!("postgres://tokenturn@localhost:{}/postgres", server.port());
    options.open(&address.into()).await
}

#[tokio::test]
async fn a_certificate_of_nobody_we_trust_is_refused_and_one_of_an_added_root_is_not() {
    let ours = authority();
    let Some(server) = server(&ours, "localhost") else { return };
    let trusting = |authority: &Authority| PostgresJournal::options().root_certificates(authority.pem());
    for refused in [PostgresJournal::options(), trusting(&authority())] {
        let error = open(refused, &server).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Journal);
        assert!(error.to_string().contains("certificate"), "{error}");
    }
    let journal = open(trusting(&ours), &server).await.unwrap();
    let lease = lease(&journal, "bot", "me").await;
    journal.append(&lease, Seq::ZERO, &batch(&lease, Seq::ZERO)).await.unwrap();
    assert_whole(&all(&journal, "bot").await.unwrap());
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused_though_its_root_is_trusted() {
    let ours = authority();
    let Some(server) = server(&ours, "elsewhere.example") else { return };
    let error = open(PostgresJournal::options().root_certificates(ours.pem()), &server).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal, "{error}");
}

#[tokio::test]
async fn a_root_that_is_none_is_found_when_it_is_opened() {
    for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        let options = PostgresJournal::options().root_certificates(pem);
        let error = options.open(&"postgres://me@db.example.com/x".into()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration, "{pem:?}: {error}");
    }
}
