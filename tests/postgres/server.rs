//! A server of a test's own, that can be killed.

use std::fs::{self, File, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

use crate::place::variable;

/// Whom the server runs as where the test is root, which it refuses: nobody.
const NOBODY: u32 = 65_534;

/// So many tenths of a second it may take to start.
const PATIENCE: u32 = 600;

/// A server with an empty database, on loopback.
#[derive(Debug)]
pub(crate) struct Server {
    programs: PathBuf,
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    process: Option<Child>,
}

impl Server {
    /// Starts one with these settings, where its programs are.
    pub(crate) fn start(settings: &[&str]) -> Option<Self> {
        let mut server = Self::prepare(settings)?;
        server.up();
        Some(server)
    }

    /// Makes its files and does not start it.
    pub(crate) fn prepare(settings: &[&str]) -> Option<Self> {
        let programs = PathBuf::from(variable("TOKENTURN_POSTGRES_BIN")?);
        let folder = tempfile::tempdir().unwrap();
        give(folder.path());
        let port = TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let server = Self { programs, folder, port, settings, process: None };
        let made = server
            .program("initdb")
            .arg("-D")
            .arg(server.data())
            .args(["-U", "tokenturn", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync"])
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        Some(server)
    }

    fn program(&self, name: &str) -> Command {
        let mut program = Command::new(self.programs.join(name));
        program.stdin(Stdio::null()).env_clear().env("PATH", "/usr/bin:/bin").current_dir(self.folder.path());
        if geteuid().is_root() {
            program.uid(NOBODY).gid(NOBODY);
        }
        program
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    pub(crate) fn address(&self) -> String {
        format!("postgres://tokenturn@127.0.0.1:{}/postgres", self.port)
    }

    /// A file beside the data that the server alone can read.
    pub(crate) fn file(&self, name: &str, content: &str) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
        give(&path);
        path.to_str().unwrap().to_owned()
    }

    /// Who may come from where, in place of everybody from this machine.
    pub(crate) fn admit(&self, rules: &str) {
        fs::write(self.data().join("pg_hba.conf"), rules).unwrap();
    }

    pub(crate) fn setting(&mut self, setting: &str) {
        self.settings.push(setting.to_owned());
    }

    /// Starts it, and waits until it takes connections. Where what was killed is not quite gone, it is tried again.
    pub(crate) fn up(&mut self) {
        let log = self.folder.path().join("log");
        for _ in 0..PATIENCE {
            let mut process = self.process.take().unwrap_or_else(|| self.spawn(&log));
            if process.try_wait().unwrap().is_none() {
                self.process = Some(process);
                if self.answers() {
                    return;
                }
            }
            thread::sleep(Duration::from_millis(100));
        }
        panic!("the server did not start: {}", fs::read_to_string(log).unwrap_or_default());
    }

    fn spawn(&self, log: &Path) -> Child {
        let log = File::options().create(true).append(true).open(log).unwrap();
        self.program("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string(), "-k", ""])
            .args(self.settings.iter().flat_map(|setting| ["-c", setting]))
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap()
    }

    /// Whether it takes connections.
    fn answers(&self) -> bool {
        let mut check = self.program("pg_isready");
        check.args(["-q", "-h", "127.0.0.1", "-p", &self.port.to_string()]);
        check.status().unwrap().success()
    }

    /// SIGKILL for the server and each of its processes at once: what they had in memory is gone.
    pub(crate) fn kill(&mut self) {
        let mut process = self.process.take().unwrap();
        let own = children(process.id());
        process.kill().unwrap();
        for child in own {
            // It may have ended by itself meanwhile.
            let _ = kill_process(child, Signal::KILL);
        }
        process.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.process.is_some() {
            self.kill();
        }
    }
}

/// Gives a file to whom the server runs as.
fn give(path: &Path) {
    if geteuid().is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
}

/// The processes whose parent is this one.
fn children(parent: u32) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let child = |entry: fs::DirEntry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
        let of: u32 = stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()?;
        (of == parent).then(|| Pid::from_raw(pid)).flatten()
    };
    processes.filter_map(child).collect()
}
