//! The far sides, in a process of their own: what they free is theirs.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use secrecy::ExposeSecret as _;
use serde_json::json;
use tokenturn::testing::{CodePipelineFake, CodefreshFake, GitHubFake, GitLabFake, JenkinsFake, Trouble};
use tokenturn::{Guide, Token};

use crate::authority;

/// Tells a child which of them it is.
const CHILD: &str = "TOKENTURN_TEST_CHILD";

pub(crate) const PIPELINE: &str = "site";

const OLD: &str = "ghp_FAKEz8Xc4Vb1Nm6Qw3Er9Ty5Ui2Op7";

const DOCUMENT: &str = "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl><id>api</id>\
    <description>d</description><secret>TOKEN</secret></org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>";

fn say(said: &str) {
    println!("@@{said}");
    std::io::stdout().flush().unwrap();
}

/// Serves one of them until its input ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_in_a_process_of_its_own() {
    match std::env::var(CHILD).unwrap_or_default().as_str() {
        "github and jenkins" => github_and_jenkins().await,
        "gitlab" => gitlab().await,
        "codefresh" => codefresh().await,
        "codepipeline" => codepipeline().await,
        _ => {}
    }
}

/// What the parent wants, line by line: a guide to follow, or a request to answer with what it said.
async fn obey(obey: impl Fn(&str) + Send + 'static) {
    let lines = tokio::task::spawn_blocking(move || std::io::stdin().lines().for_each(|line| obey(&line.unwrap())));
    lines.await.unwrap();
}

async fn github_and_jenkins() {
    let (github, jenkins) = (GitHubFake::start().await.unwrap(), JenkinsFake::start().await.unwrap());
    let old = github.classic("build-bot", "old", &["repo", "admin:repo_hook"]);
    jenkins.put("system/_", &DOCUMENT.replace("TOKEN", old.expose())).unwrap();
    say(github.base().as_str());
    say(jenkins.base().as_str());
    say(old.expose());
    say(jenkins.api_token("admin").expose_secret());
    obey(move |line| {
        if let Some(which) = line.strip_prefix("echo ") {
            github.trouble(which, Trouble::Echo(403));
            jenkins.trouble(which, Trouble::Echo(403));
            return say("planned");
        }
        let guide: Guide = serde_json::from_str(line).unwrap();
        say(&github.generate("build-bot", &guide).unwrap());
    })
    .await;
}

async fn gitlab() {
    let gitlab = GitLabFake::start().await.unwrap();
    let (user, admin) = (gitlab.user("build-bot"), gitlab.administrator("admin"));
    let key = gitlab.personal(admin, "key", &["api", "admin_mode"]);
    let ours = authority::authority();
    say(gitlab.base().as_str());
    say(authority::before(&ours, &gitlab.base()).await.as_str());
    say(&ours.pem().replace('\n', "|"));
    say(key.expose());
    say(&user.to_string());
    obey(|_| {}).await;
}

async fn codefresh() {
    let fake = CodefreshFake::start().await.unwrap();
    let old = Token::new(OLD).unwrap();
    fake.private_repository("acme/site");
    fake.add_runtime("production");
    fake.put_user_token("production", "default", "rotator", &old);
    fake.put_context(
        "github",
        json!({
            "apiVersion": "v1", "kind": "context", "metadata": { "name": "github", "default": true, "system": false },
            "spec": { "type": "git.github", "data": {
                "sharingPolicy": "AllUsersInAccount", "behindFirewall": false, "sshClone": false,
                "secretStoreReferences": [], "auth": { "type": "basic", "password": OLD } } },
        }),
    );
    say(fake.base().as_str());
    say(fake.api_key("rotator").expose_secret());
    obey(move |token| {
        fake.accept(&Token::new(token).unwrap());
        say("accepted");
    })
    .await;
}

async fn codepipeline() {
    let fake = CodePipelineFake::start().await.unwrap();
    let source = json!({
        "name": "Ours", "runOrder": 1,
        "actionTypeId": { "category": "Source", "owner": "ThirdParty", "provider": "GitHub", "version": "1" },
        "configuration": { "Owner": "acme", "Repo": "site", "Branch": "main", "OAuthToken": OLD },
    });
    let deploy = json!({
        "name": "S3",
        "actionTypeId": { "category": "Deploy", "owner": "AWS", "provider": "S3", "version": "1" },
        "configuration": { "BucketName": "acme-site" },
    });
    let pipeline = json!({
        "name": PIPELINE, "roleArn": "arn:aws:iam::111122223333:role/pipeline",
        "stages": [{ "name": "Source", "actions": [source] }, { "name": "Deploy", "actions": [deploy] }],
    });
    fake.put(&pipeline.to_string()).unwrap();
    say(fake.base().as_str());
    obey(|_| {}).await;
}

/// One of them, elsewhere.
pub(crate) struct Far {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
}

impl Far {
    /// Starts it, and hears so many lines of it: addresses and secrets.
    pub(crate) fn start<const LINES: usize>(which: &'static str) -> (Self, [&'static str; LINES]) {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "far::serves_in_a_process_of_its_own", "--nocapture"]).env(CHILD, which);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let said = [(); LINES].map(|()| line(&mut stdout));
        (Self { stdin: child.stdin.take(), stdout, child }, said)
    }

    /// Tells it something, and hears its answer.
    pub(crate) fn ask(&mut self, what: &str) -> &'static str {
        let stdin = self.stdin.as_mut().unwrap();
        stdin.write_all(what.as_bytes()).unwrap();
        stdin.write_all(b"\n").unwrap();
        line(&mut self.stdout)
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

/// The next line with a mark. It is never freed, so that it is not found.
fn line(from: &mut ChildStdout) -> &'static str {
    loop {
        let line: &mut [u8] = Box::leak(vec![0; 4096].into_boxed_slice());
        let mut length = 0;
        loop {
            from.read_exact(&mut line[length..=length]).unwrap();
            if line[length] == b'\n' {
                break;
            }
            length += 1;
        }
        if let Some((_, said)) = std::str::from_utf8(&line[..length]).unwrap().split_once("@@") {
            return said;
        }
    }
}
