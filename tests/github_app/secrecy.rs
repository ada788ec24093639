//! The key, what it signs and the tokens show nowhere.

use std::fmt::Write as _;
use std::io;
use std::sync::{Arc, Mutex};

use secrecy::ExposeSecret;
use tokenturn::provider::Provider as _;
use tokenturn::testing::{Trouble, retired};

use crate::{World, issue, keys};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn neither_logs_nor_errors_nor_debug_texts_hold_a_secret_though_the_far_side_says_them_back() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    let _scope = tracing::subscriber::set_default(subscriber);
    let world = World::start().await;
    world.fake.stateless_app_tokens();
    let builder = world.builder().organization("acme");
    let mut said = format!("{builder:?}");
    let provider = builder.build().unwrap();
    for status in [400, 401, 403, 404, 409, 422, 500] {
        for at in ["GET /api/v3/orgs/acme/installation", "POST /api/v3/app/installations/42/access_tokens"] {
            for _ in 0..3 {
                world.fake.trouble(at, Trouble::Echo(status));
            }
            while let Err(error) = issue(&provider, &["contents=read"]).await {
                let _ = write!(said, "{error} {error:?}");
            }
        }
    }
    let candidate = issue(&provider, &["contents=read"]).await.unwrap();
    let token = candidate.token.clone();
    for status in [401, 403, 404] {
        world.fake.trouble("/api/v3/installation/", Trouble::Echo(status));
        let _ = write!(said, "{:?}", provider.inspect(&token).await);
        world.fake.trouble("/api/v3/installation/", Trouble::Echo(status));
        let _ = write!(said, "{:?}", provider.revoke(&retired(&token)).await);
    }
    let _ = write!(said, "{provider:?} {candidate:?} {:?}", provider.inspect(&token).await);
    said.push_str(&String::from_utf8_lossy(&log.0.lock().unwrap()));
    assert!(said.contains("not quoted"), "the far side did say them back");
    // What every JWT begins with, ours and those in tokens; any part of a token; any line of the key.
    let (value, key) = (token.expose(), keys::pkcs8());
    let mut secrets = vec!["eyJ".to_owned(), "FAKE".to_owned(), "PRIVATE KEY-----".to_owned()];
    secrets.extend((8..value.len() - 8).step_by(8).map(|at| value[at..at + 8].to_owned()));
    secrets.extend(key.expose_secret().lines().filter(|line| line.len() > 32).map(|line| line[..16].to_owned()));
    for secret in secrets {
        assert!(!said.contains(&secret), "{secret} shows in: {said}");
    }
}
