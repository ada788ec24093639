//! The consumer against a real Jenkins, where there is one.
//!
//! Set `JENKINS_URL` (with the context path), `JENKINS_USER` and `JENKINS_API_TOKEN` of somebody who may create, update and
//! delete credentials and domains of the system store, and folders. The test makes what it needs under names of its own and
//! removes it, also after a failure. `TOKENTURN_REQUIRE_LIVE_JENKINS=1` makes it fail where no Jenkins is named.
//!
//! The same steps run against the fake, so that they are right when they meet a real one.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails it where it cannot go on")]

use std::env;
use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use secrecy::{ExposeSecret, SecretString};
use tokenturn::consumer::{Consumer, Installation, Slot};
use tokenturn::testing::{JenkinsFake, admitted};
use tokenturn::{Answer, ErrorKind, Grant, Http, Jenkins, JenkinsCredential, Token};
use url::Url;

const LOGIN: &str = "com.cloudbees.plugins.credentials.impl.UsernamePasswordCredentialsImpl";
const TEXT: &str = "org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl";
const FOLDER: &str = "com.cloudbees.hudson.plugins.folder.Folder";
const DOMAIN: &str = "com.cloudbees.plugins.credentials.domains.Domain";

/// A Jenkins, and requests to it past the consumer.
#[derive(Clone)]
struct Live {
    base: Url,
    user: String,
    api_token: SecretString,
    client: reqwest::Client,
    /// What this run calls its things.
    name: String,
}

/// One credential to make and rotate.
struct Case {
    /// The path to its domain, below the address.
    domain: String,
    id: String,
    document: String,
    credential: JenkinsCredential,
}

impl Live {
    fn new(base: Url, user: String, api_token: SecretString) -> Self {
        let nanos = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos();
        let client = reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build().unwrap();
        Self { base, user, api_token, client, name: format!("tokenturn-live-{nanos:x}") }
    }

    async fn send(&self, method: &str, path: &str, body: Option<String>) -> (u16, Vec<u8>) {
        let url = format!("{}/{path}", self.base.as_str().trim_end_matches('/'));
        let mut call = self.client.request(method.parse().unwrap(), url);
        call = call.basic_auth(&self.user, Some(self.api_token.expose_secret()));
        if let Some(body) = body {
            call = call.header("content-type", "application/xml; charset=utf-8").body(body);
        }
        let answer = call.send().await.unwrap();
        (answer.status().as_u16(), answer.bytes().await.unwrap().to_vec())
    }

    async fn post(&self, path: &str, body: String) {
        let (status, body) = self.send("POST", path, Some(body)).await;
        assert_eq!(status, 200, "POST {path}: {}", String::from_utf8_lossy(&body));
    }

    async fn get(&self, path: &str) -> Vec<u8> {
        let (status, body) = self.send("GET", path, None).await;
        assert_eq!(status, 200, "GET {path}: {}", String::from_utf8_lossy(&body));
        body
    }

    fn jenkins(&self) -> Jenkins {
        let http = Http::builder().allow_plain_http_on_loopback().build().unwrap();
        let builder = Jenkins::at(&http, self.base.clone()).unwrap();
        builder.api_token(&self.user, self.api_token.clone()).build().unwrap()
    }

    /// A folder of its own, where Jenkins has folders.
    async fn make_folder(&self) -> bool {
        let folder = format!(
            "<{FOLDER}><actions/><icon class=\"com.cloudbees.hudson.plugins.folder.icons.StockFolderIcon\"/><views/>\
             <viewsTabBar class=\"hudson.views.DefaultViewsTabBar\"/><primaryView>All</primaryView><healthMetrics/></{FOLDER}>"
        );
        let (status, body) = self.send("POST", &format!("createItem?name={}", self.name), Some(folder)).await;
        let page = String::from_utf8_lossy(&body);
        assert!(![401, 403].contains(&status), "this user may not create folders: {page}");
        // An unknown class is an error of Jenkins' own; anything else is no sign of a missing plugin.
        assert!((200..300).contains(&status) || status == 500, "POST createItem: {status} {page}");
        if status == 500 {
            say("skipped the folder: the folders plugin is not there");
        }
        (200..300).contains(&status)
    }

    fn cases(&self, with_folder: bool) -> Vec<Case> {
        let (system, folder) =
            ("credentials/store/system/domain", format!("job/{}/credentials/store/folder/domain", self.name));
        let id = |what: &str| format!("{} {what}", self.name);
        let described = "caf\u{e9} \u{65e5}\u{672c} &lt;x&gt; &amp; ?";
        let login = |id: &str, description: &str, rest: &str| {
            format!(
                "<{LOGIN}><scope>GLOBAL</scope><id>{id}</id><description>{description}</description>\
                 <username>build-bot</username><password>ghp_FAKEold1234567890</password>{rest}</{LOGIN}>"
            )
        };
        let text = |id: &str, description: &str| {
            format!(
                "<{TEXT}><scope>SYSTEM</scope><id>{id}</id><description>{description}</description>\
                 <secret>ghp_FAKEold1234567890</secret></{TEXT}>"
            )
        };
        let jenkins = self.jenkins();
        let case = |domain: String, id: String, document: String| Case {
            domain,
            credential: jenkins.credential(&id),
            id,
            document,
        };
        let mut cases = vec![
            case(
                format!("{system}/_"),
                id("hidden"),
                login(&id("hidden"), described, "<usernameSecret>true</usernameSecret>"),
            ),
            case(
                format!("{system}/_"),
                id("shown"),
                login(&id("shown"), "d", "<usernameSecret>false</usernameSecret>"),
            ),
            case(format!("{system}/_"), id("bare"), login(&id("bare"), "", "")),
            case(format!("{system}/_"), id("text"), text(&id("text"), described)),
        ];
        let mut inside = case(format!("{system}/{}", self.name), id("domain"), text(&id("domain"), "d"));
        inside.credential = inside.credential.in_domain(&self.name);
        cases.push(inside);
        if with_folder {
            let mut below = case(format!("{folder}/_"), id("folder"), login(&id("folder"), described, ""));
            below.credential = below.credential.in_folder(&self.name);
            cases.push(below);
        }
        cases
    }

    async fn rotate(&self, case: &Case) {
        let at = format!("{}/credential/{}", case.domain, case.id.replace(' ', "%20"));
        self.post(&format!("{}/createCredentials", case.domain), case.document.clone()).await;
        let (document, described) =
            (format!("{at}/config.xml"), format!("{at}/api/json?tree=id,description,displayName"));
        let before = (self.get(&document).await, self.get(&described).await);
        let (old, new) = (token("ghp_FAKEold1234567890"), token("ghp_FAKEnew1234567890"));
        let read = case.credential.preflight().await.unwrap();
        let written = install(&case.credential, &new, &read).await;
        let verification = case.credential.verify(&new, &written).await.unwrap();
        assert_ne!(verification.new, Answer::Refuted, "{}", case.id);
        assert_eq!((self.get(&document).await, self.get(&described).await), before, "{}", case.id);
        // Back, and once more.
        let written = install(&case.credential, &old, &case.credential.preflight().await.unwrap()).await;
        install(&case.credential, &new, &written).await;
        assert_eq!((self.get(&document).await, self.get(&described).await), before, "{}", case.id);
    }

    /// Somebody edits between the look and the write.
    async fn conflict(&self, case: &Case) {
        let read = case.credential.preflight().await.unwrap();
        let edited = case.document.replace("<description>d<", "<description>edited<");
        let at = format!("{}/credential/{}", case.domain, case.id.replace(' ', "%20"));
        self.post(&format!("{at}/config.xml"), edited).await;
        let error = case.credential.install(&token("ghp_FAKEother1234567890"), &read).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    }

    async fn run(self) {
        let domain = format!("<{DOMAIN}><name>{}</name><specifications/></{DOMAIN}>", self.name);
        self.post("credentials/store/system/createDomain", domain).await;
        let cases = self.cases(self.make_folder().await);
        for case in &cases {
            self.rotate(case).await;
        }
        self.conflict(&cases[1]).await;
        let missing = self.jenkins().credential(format!("{} nope", self.name)).preflight().await.unwrap_err();
        assert_eq!(missing.kind(), ErrorKind::NotFound, "{missing}");
    }

    /// Removes whatever a run made, as far as it came.
    async fn clean_up(&self) {
        for case in self.cases(false) {
            let at = format!("{}/credential/{}/config.xml", case.domain, case.id.replace(' ', "%20"));
            self.send("DELETE", &at, None).await;
        }
        let domain = format!("credentials/store/system/domain/{}/config.xml", self.name);
        self.send("DELETE", &domain, None).await;
        self.send("POST", &format!("job/{}/doDelete", self.name), Some(String::new())).await;
        let left = self.get("credentials/store/system/api/json?tree=domains[urlName,credentials[id]]").await;
        assert!(!String::from_utf8_lossy(&left).contains(&self.name), "something of {} is left", self.name);
        assert_eq!(self.send("GET", &format!("job/{}/api/json", self.name), None).await.0, 404);
    }

    /// Runs, and cleans up whatever came of it.
    async fn run_and_clean_up(self) {
        let outcome = tokio::spawn(self.clone().run()).await;
        self.clean_up().await;
        outcome.unwrap();
    }
}

fn token(secret: &str) -> tokenturn::AdmittedToken {
    let token = Token::new(secret).unwrap();
    admitted(&token, Grant::of(&token, "build-bot")).unwrap()
}

async fn install(credential: &JenkinsCredential, token: &tokenturn::AdmittedToken, slot: &Slot) -> Slot {
    match credential.install(token, slot).await.unwrap() {
        Installation::Done(slot) => slot,
        Installation::Guided(guide) => panic!("{guide}"),
    }
}

fn say(words: &str) {
    let mut out = std::io::stdout();
    out.write_all(format!("{words}\n").as_bytes()).unwrap();
}

#[tokio::test]
async fn credentials_of_a_real_jenkins_keep_everything_but_their_secret() {
    let Ok(address) = env::var("JENKINS_URL") else {
        assert_ne!(env::var("TOKENTURN_REQUIRE_LIVE_JENKINS").as_deref(), Ok("1"), "JENKINS_URL is not set");
        say("skipped: JENKINS_URL is not set");
        return;
    };
    let user = env::var("JENKINS_USER").expect("JENKINS_URL is set, so JENKINS_USER must be");
    let api_token = env::var("JENKINS_API_TOKEN").expect("JENKINS_URL is set, so JENKINS_API_TOKEN must be");
    Live::new(address.parse().unwrap(), user, api_token.into()).run_and_clean_up().await;
}

#[tokio::test]
async fn the_same_steps_pass_against_the_fake() {
    let fake = JenkinsFake::start().await.unwrap();
    Live::new(fake.base(), "admin".into(), fake.api_token("admin")).run_and_clean_up().await;
    fake.without_folders(true);
    Live::new(fake.base(), "admin".into(), fake.api_token("admin")).run_and_clean_up().await;
}

#[tokio::test]
async fn a_failed_run_leaves_nothing_behind() {
    let fake = JenkinsFake::start().await.unwrap();
    let live = Live::new(fake.base(), "admin".into(), fake.api_token("admin"));
    fake.lying(true);
    fake.trouble("hidden/config.xml", tokenturn::testing::Trouble::Refuse(418));
    let failed = tokio::spawn(live.clone().run_and_clean_up()).await;
    assert!(failed.is_err());
    live.clean_up().await;
}
