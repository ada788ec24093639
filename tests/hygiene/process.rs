//! A whole run in a process of its own, watched from outside: what it was started with, what it starts, what it writes.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use secrecy::ExposeSecret as _;
use tokenturn::journal::{KeyFile, KeySealer, SqliteJournal};
use tokenturn::testing::leak::Search;
use tokenturn::testing::{GitHubFake, JenkinsFake, VirtualClock};
use tokenturn::{GitHub, Http, Jenkins, Outcome, Policy, Predecessor, Rotator, Token};

use crate::child;
use crate::folder::Folder;

const DOCUMENT: &str = "<org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl><id>api</id>\
    <description>d</description><secret>TOKEN</secret></org.jenkinsci.plugins.plaincredentials.impl.StringCredentialsImpl>";

const PROXIES: [&str; 6] = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];

/// Tells the parent, and goes on when it has looked.
fn look(what: &str) {
    println!("@@ look {what}");
    std::io::stdout().flush().unwrap();
    std::io::stdin().lines().next().unwrap().unwrap();
}

fn told(secret: &str) {
    println!("@@ secret {secret}");
}

/// A run over the journal on disk, from a held token to a dead one. The parent reads this process's output through a pipe, and
/// it alone is told secrets.
#[tokio::test]
async fn a_whole_run() {
    let Some(state) = child::file().map(PathBuf::from) else { return };
    let before: BTreeMap<_, _> = std::env::vars_os().collect();
    let clock = VirtualClock::new();
    let github = GitHubFake::start_with_clock(Arc::new(clock.clone())).await.unwrap();
    let jenkins = JenkinsFake::start().await.unwrap();
    let old = github.classic("build-bot", "old", &["repo", "admin:repo_hook"]);
    jenkins.put("system/_", &DOCUMENT.replace("TOKEN", old.expose())).unwrap();
    let key = jenkins.api_token("admin");
    [old.expose(), key.expose_secret()].into_iter().for_each(told);
    let http = Http::builder().allow_plain_http_on_loopback().timeout(Duration::from_secs(20)).build().unwrap();
    let places = Jenkins::at(&http, jenkins.base()).unwrap().api_token("admin", key).build().unwrap();
    let sealer = KeySealer::new(&KeyFile::at(state.join("key"))).unwrap();
    let bot = Rotator::builder("bot", GitHub::classic(&http).server(github.base()).revoke_by_api().build().unwrap())
        .consumer(places.credential("api").test_connection())
        .policy(Policy::default().grace(Duration::from_hours(1)).minimum_life(Duration::ZERO))
        .journal(Arc::new(SqliteJournal::options().clock(Arc::new(clock.clone())).open(state.join("journal")).unwrap()))
        .sealer(Arc::new(sealer))
        .clock(Arc::new(clock.clone()))
        .build()
        .unwrap();
    let mut run = bot.rotate(Predecessor::Held(old)).await.unwrap();
    let Outcome::AwaitingPerson { asks, .. } = &run.outcome else { panic!("{run:?}") };
    let new = github.generate("build-bot", asks[0].guide().unwrap()).unwrap();
    told(&new);
    look("while a person is waited for");
    run = bot.supply(run.id, Token::new(&new).unwrap()).await.unwrap();
    look("while both tokens live");
    for _ in 0..4 {
        clock.advance(Duration::from_hours(2));
        if !run.outcome.is_over() {
            run = bot.resume(run.id).await.unwrap();
        }
    }
    assert!(matches!(run.outcome, Outcome::Completed(_)), "{run:?}");
    look("when it is over");
    for seen in [github.seen(), jenkins.seen()].concat() {
        println!("@@ seen {}", seen.line);
    }
    assert_eq!(before, std::env::vars_os().collect(), "it changed what its children would be given");
}

/// Everything below this directory, by its path there.
fn below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    fn add(folder: &Path, root: &Path, found: &mut BTreeMap<PathBuf, Vec<u8>>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                add(&path, root, found);
            } else {
                found.insert(path.strip_prefix(root).unwrap().to_owned(), fs::read(&path).unwrap());
            }
        }
    }
    let mut found = BTreeMap::new();
    add(folder, folder, &mut found);
    found
}

fn search_files(search: &Search, root: &Path, when: &str) -> usize {
    let files = below(root);
    for (path, bytes) in &files {
        let said = search.finds_as_it_is(bytes) || search.finds_in(&String::from_utf8_lossy(bytes));
        assert!(!said, "{} holds a secret {when}", path.display());
    }
    files.len()
}

/// What the system shows of this process, and that it has started no other.
#[cfg(target_os = "linux")]
fn search_process(search: &Search, id: u32, when: &str) {
    for name in ["cmdline", "environ", "comm", "status"] {
        let shown = fs::read(format!("/proc/{id}/{name}")).unwrap();
        assert!(!shown.is_empty() && !search.finds_as_it_is(&shown), "{name} shows a secret {when}");
        assert!(!search.finds_in(&String::from_utf8_lossy(&shown)), "{name} shows a secret {when}");
    }
    for task in fs::read_dir(format!("/proc/{id}/task")).unwrap() {
        let task = task.unwrap().path();
        assert_eq!(fs::read_to_string(task.join("children")).unwrap_or_default(), "", "it starts a process {when}");
        let name = fs::read(task.join("comm")).unwrap();
        assert!(!search.finds_as_it_is(&name), "a thread's name shows a secret {when}");
    }
}

#[cfg(not(target_os = "linux"))]
fn search_process(_: &Search, _: u32, _: &str) {}

#[test]
fn a_run_leaves_no_secret_in_arguments_environment_files_or_addresses_and_asks_no_proxy_of_the_environment() {
    let watched = Folder::new();
    for name in ["home", "tmp", "work", "state"] {
        fs::create_dir(watched.path(name)).unwrap();
    }
    let proxy = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    proxy.set_nonblocking(true).unwrap();
    let address = format!("http://{}", proxy.local_addr().unwrap());
    let mut command = child::command("", "process::a_whole_run", &watched.path("state"));
    command.env("HOME", watched.path("home")).env("TMPDIR", watched.path("tmp")).current_dir(watched.path("work"));
    command.envs(PROXIES.map(|name| (name, &address)));
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    let mut child = command.stdin(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
    let (id, mut stdin) = (child.id(), child.stdin.take().unwrap());
    let (mut secrets, mut seen, mut looks, mut files) = (Vec::new(), Vec::new(), 0, 0);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        let Some((_, said)) = line.split_once("@@ ") else { continue };
        let (kind, rest) = said.split_once(' ').unwrap();
        match kind {
            "secret" => secrets.push(rest.to_owned()),
            "seen" => seen.push(rest.to_owned()),
            _ => {
                let search = Search::of(&secrets);
                search_process(&search, id, rest);
                files += search_files(&search, &watched.path(""), rest);
                looks += 1;
                stdin.write_all(b"go on\n").unwrap();
            }
        }
    }
    assert!(child.wait().unwrap().success());
    let search = Search::of(&secrets);
    files += search_files(&search, &watched.path(""), "after the run");
    let left: Vec<_> = below(&watched.path("")).into_keys().collect();
    for path in &left {
        let name = path.to_str().unwrap();
        assert!(name == "state/key" || name.starts_with("state/journal"), "{name} was left behind");
    }
    let said: Vec<_> = seen.iter().filter(|line| search.finds_in(line)).collect();
    assert!(said.is_empty(), "an address holds a secret: {said:?}");
    assert!(proxy.accept().is_err(), "a proxy of the environment was asked");
    println!(
        "secrets {}, looks {looks}, files searched {files}, addresses {}, left {left:?}",
        secrets.len(),
        seen.len()
    );
    assert!(secrets.len() == 3 && looks == 3 && seen.len() > 10, "it saw nothing");
}

#[test]
fn the_watch_finds_what_is_left_in_a_file() {
    let folder = Folder::new();
    let secret = "ghp_FAKEq7Rz2Kd9Xw4Lm8Vb3Ns6Yt1";
    let search = Search::of([secret]);
    let found = || below(&folder.path("")).values().any(|bytes| search.finds_in(&String::from_utf8_lossy(bytes)));
    fs::create_dir(folder.path("deep")).unwrap();
    fs::write(folder.path("deep/file"), "nothing").unwrap();
    assert!(!found());
    let wide: Vec<u8> = [0xff, 0xfe].into_iter().chain(secret.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    fs::write(folder.path("deep/file"), wide).unwrap();
    assert!(found());
}
