//! Nothing that is said or logged gives a secret away.

use std::io;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use tokenturn::CodePipeline;
use tokenturn::consumer::Consumer;
use tokenturn::testing::{CodePipelineFake, Trouble};
use tracing_subscriber::fmt::MakeWriter;

use crate::world::{NEW, OLD, World, http, install, token};

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

impl MakeWriter<'_> for Ears {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn neither_the_token_nor_the_keys_show_in_what_is_said_and_logged() {
    let ears = Ears::default();
    let log = tracing_subscriber::fmt().with_max_level(tracing_subscriber::filter::LevelFilter::TRACE);
    let _heard = tracing::subscriber::set_default(log.with_writer(ears.clone()).finish());
    let world = World::start().await;
    let http = http().build().unwrap();
    let builder = CodePipeline::in_region(&http, CodePipelineFake::REGION).credentials(world.fake.session());
    let aws = builder.endpoint(world.fake.base()).build().unwrap();
    let site = aws.pipeline("site");
    let mut said = vec![format!("{aws:?} {site:?} {:?}", world.fake)];
    let slot = site.preflight().await.unwrap();
    for trouble in [Trouble::DropAfter, Trouble::FailAfter(500), Trouble::Refuse(400), Trouble::Refuse(403)] {
        world.fake.trouble("UpdatePipeline", trouble);
        let slot = site.preflight().await.unwrap();
        said.push(format!("{:?}", install(&site, NEW, &slot).await.unwrap_err()));
    }
    world.fake.deny("codepipeline:UpdatePipeline");
    let error = install(&site, NEW, &site.preflight().await.unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("is not authorized to perform"), "harmless words are quoted: {error}");
    said.push(format!("{slot:?} {error:?}"));
    world.fake.allow("codepipeline:UpdatePipeline");
    let slot = install(&site, NEW, &site.preflight().await.unwrap()).await.unwrap();
    said.push(format!("{slot:?} {:?}", site.verify(&token(NEW), &slot).await));
    said.push(String::from_utf8_lossy(&ears.0.lock().unwrap()).into_owned());
    let said = said.join(" ");
    assert!(said.contains("answered"), "something was logged");
    let keys = world.fake.secrets();
    for secret in keys.iter().map(String::as_str).chain([OLD, NEW]) {
        let escaped: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        for form in [secret.to_owned(), STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(secret), escaped] {
            assert!(!said.contains(&form), "{secret} shows");
        }
    }
}
