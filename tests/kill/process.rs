//! The test binary, started again as something else.

use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use crate::planted::Plant;
use crate::{serve, worker};

/// What a process is to be.
const ROLE: &str = "TOKENTURN_KILL_ROLE";

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Role {
    World { seed: u64 },
    Worker(Orders),
}

/// What a worker is to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Orders {
    pub(crate) world: SocketAddr,
    /// Where the journal and its key are.
    pub(crate) directory: PathBuf,
    /// How far its clock is ahead.
    pub(crate) ahead: std::time::Duration,
    /// Whether it ends once each credential has come to rest.
    pub(crate) finish: bool,
    /// Whether others work at the same credentials.
    pub(crate) shared: bool,
    pub(crate) plant: Option<Plant>,
}

/// Not a test: what the others start. Without a role it has nothing to do.
#[test]
fn a_process_of_the_kill_test() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let role = serde_json::from_str(&role).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    match role {
        Role::World { seed } => runtime.block_on(serve::serve(seed)),
        Role::Worker(orders) => runtime.block_on(worker::work(orders)),
    }
    // Standard input is read by a thread that nothing else ends.
    runtime.shutdown_background();
}

/// A process that ends with the test.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    said: Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub(crate) fn start(role: &Role) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "process::a_process_of_the_kill_test", "--nocapture"])
            .env(ROLE, serde_json::to_string(role).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, said }
    }

    /// Waits until it says this, and gives back what comes after.
    pub(crate) fn hear(&mut self, what: &str) -> String {
        let rest = |line: std::io::Result<String>| Some(line.unwrap().split_once(what)?.1.trim().to_owned());
        self.said.find_map(rest).unwrap_or_else(|| panic!("it ended and never said {what:?}"))
    }

    /// SIGKILL: no handler, no destructor, nothing.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        let status = self.child.wait().unwrap();
        assert!(!status.success(), "it had ended by itself before it was killed: {status}");
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Closes its standard input, which tells it to come to rest.
    pub(crate) fn no_more(&mut self) {
        drop(self.child.stdin.take());
    }

    /// Waits until it has ended.
    pub(crate) fn ended(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
