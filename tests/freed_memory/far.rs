//! The far sides, in a process of their own: what they free is theirs.

use std::io::{Read as _, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use secrecy::ExposeSecret as _;
use tokenturn::testing::{GitHubFake, GitLabFake, JenkinsFake};
use tokenturn::{Guide, ScopeSet};
use url::Url;

const CHILD: &str = "TOKENTURN_TEST_CHILD";

const DOCUMENT: &str = "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl><id>api</id>\
    <description>d</description><secret>TOKEN</secret></org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>";

/// Serves until its input ends. A line of input is a guide, and a person follows it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn serves_in_a_process_of_its_own() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let (github, gitlab) = (GitHubFake::start().await.unwrap(), GitLabFake::start().await.unwrap());
    let jenkins = JenkinsFake::start().await.unwrap();
    let old = github.classic("build-bot", "old", &["repo", "admin:repo_hook"]);
    jenkins.put("system/_", &DOCUMENT.replace("TOKEN", old.expose())).unwrap();
    let _ = (&gitlab, ScopeSet::new());
    for said in
        [github.base().as_str(), jenkins.base().as_str(), old.expose(), jenkins.api_token("admin").expose_secret()]
    {
        println!("@@{said}");
    }
    std::io::stdout().flush().unwrap();
    let lines = tokio::task::spawn_blocking(move || {
        for line in std::io::stdin().lines() {
            let guide: Guide = serde_json::from_str(&line.unwrap()).unwrap();
            println!("@@{}", github.generate("build-bot", &guide).unwrap());
            std::io::stdout().flush().unwrap();
        }
    });
    lines.await.unwrap();
}

/// GitHub and Jenkins, elsewhere.
pub(crate) struct Far {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    pub(crate) github: Url,
    pub(crate) jenkins: Url,
    pub(crate) old: &'static str,
    pub(crate) key: &'static str,
}

impl Far {
    pub(crate) fn start() -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "far::serves_in_a_process_of_its_own", "--nocapture"]).env(CHILD, "1");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (stdin, mut stdout) = (child.stdin.take(), child.stdout.take().unwrap());
        let [github, jenkins, old, key] = [(); 4].map(|()| line(&mut stdout));
        Self { child, stdin, stdout, github: github.parse().unwrap(), jenkins: jenkins.parse().unwrap(), old, key }
    }

    /// A person there follows the guide.
    pub(crate) fn follow(&mut self, guide: &Guide) -> &'static str {
        let guide = serde_json::to_string(guide).unwrap();
        writeln!(self.stdin.as_mut().unwrap(), "{guide}").unwrap();
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
        let line: &mut [u8] = Box::leak(Box::new([0; 4096]));
        let mut length = 0;
        loop {
            from.read_exact(&mut line[length..=length]).unwrap();
            if line[length] == b'\n' {
                break;
            }
            length += 1;
        }
        if let Some(said) = std::str::from_utf8(&line[..length]).unwrap().split_once("@@") {
            return said.1;
        }
    }
}
