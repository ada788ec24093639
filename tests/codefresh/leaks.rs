//! No secret is in anything that is said, in any encoding.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use tokenturn::consumer::Consumer;
use tokenturn::testing::Trouble;

use crate::world::{NEW, OLD, World, codefresh, token};

fn forms(secret: &str) -> Vec<String> {
    let percent = secret.bytes().fold(String::new(), |text, byte| text + &format!("%{byte:02X}"));
    let mut forms = vec![secret.to_owned(), secret.chars().rev().collect(), percent];
    forms.extend((0..3).map(|skip| STANDARD_NO_PAD.encode(&secret.as_bytes()[skip..])));
    forms
}

/// What was logged.
#[derive(Clone, Default)]
struct Ears(Arc<Mutex<Vec<u8>>>);

impl io::Write for Ears {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_secret_is_in_any_error_debug_text_or_log() {
    let ears = Ears::default();
    let writer = ears.clone();
    let subscriber = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
    // For all tests here: what they log is searched too, as far as it is heard in time.
    subscriber.with_writer(move || writer.clone()).init();
    let world = World::start().await;
    let mut said: Vec<String> = Vec::new();
    let consumers: [Box<dyn Consumer>; 3] = [
        Box::new(world.user_token()),
        Box::new(world.context()),
        Box::new(world.codefresh.oauth_runtime("production").looking(1, Duration::ZERO)),
    ];
    said.push(format!("{:?} {consumers:?}", codefresh(&world.fake, "other")));
    let slot = world.user_token().preflight().await.unwrap();
    let contexts = world.context().preflight().await.unwrap();
    for (consumer, slot) in consumers.iter().zip([&slot, &contexts, &slot]) {
        for which in ["Me", "GetRuntime", "GitIntegrations", "Register", "GET /api", "PATCH"] {
            for trouble in [
                Trouble::Refuse(400),
                Trouble::Refuse(401),
                Trouble::Refuse(403),
                Trouble::DropAfter,
                Trouble::Redirect(format!("https://login.example/?key={}", world.fake.secrets()[0])),
                Trouble::Flood(9_000_000),
            ] {
                world.fake.trouble(which, trouble);
                said.push(format!("{:?}", consumer.preflight().await));
                said.push(format!("{:?}", consumer.install(&token(NEW), slot).await));
                said.push(format!("{:?}", consumer.verify(&token(NEW), slot).await));
            }
        }
    }
    said.push(String::from_utf8_lossy(&ears.0.lock().unwrap()).into_owned());
    let said = said.concat();
    assert!(said.contains("answered host"), "it heard no log");
    assert!(said.contains("Codefresh answered 401") && said.contains("Unavailable"), "it heard nothing: {said}");
    let secrets = [world.fake.secrets(), vec![OLD.to_owned(), NEW.to_owned()]].concat();
    for secret in secrets {
        for form in forms(&secret).iter().chain(&forms(&secret[secret.len() - 12..])) {
            assert!(!said.contains(form.as_str()), "a form of a secret was said: {form}");
        }
    }
}

#[tokio::test]
async fn a_login_or_query_in_a_given_address_is_not_shown() {
    let world = World::start().await;
    let address: url::Url =
        "https://FAKEname:FAKEpass@proxy.example.com/FAKEpath?key=FAKEquery#FAKEpart".parse().unwrap();
    let consumers: [Box<dyn Consumer>; 2] = [
        Box::new(world.user_token().app_proxy(address.clone())),
        Box::new(world.codefresh.oauth_runtime("production").app_proxy(address)),
    ];
    for consumer in consumers {
        let shown = format!("{consumer:?} {consumer:#?}");
        assert!(shown.contains("https://proxy.example.com") && !shown.contains("FAKE"), "{shown}");
        let error = consumer.preflight().await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains("FAKE"), "{error:?}");
    }
}
