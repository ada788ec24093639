//! Prism's proxy, as a child of the test: its upstream is a fake on a port that is not known before.
//!
//! `TOKENTURN_GITHUB_CONTRACT` says in which folder it was installed: `tests/servers/github`. `TOKENTURN_REQUIRE_SERVERS=1`
//! makes these tests fail where it does not.

use std::env;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use url::Url;

/// Where Prism and GitHub's description are; nothing where they are not and need not be.
pub(crate) fn folder() -> Option<PathBuf> {
    const NAME: &str = "TOKENTURN_GITHUB_CONTRACT";
    if let Some(folder) = env::var_os(NAME) {
        return Some(folder.into());
    }
    assert_ne!(env::var("TOKENTURN_REQUIRE_SERVERS").as_deref(), Ok("1"), "{NAME} is not set");
    std::io::stdout().write_all(format!("skipped: {NAME} is not set\n").as_bytes()).unwrap();
    None
}

/// A proxy that holds every exchange to the description. It ends with this value, or with the test's process.
pub(crate) struct Prism {
    child: Child,
    address: Url,
}

impl Prism {
    /// Returns when it listens. `upstream` is the address that the description's paths are below.
    pub(crate) fn start(folder: &Path, upstream: &Url) -> Self {
        let mut command = Command::new("node");
        command.arg(folder.join("proxy.mjs")).arg(upstream.as_str());
        // It ends when its standard input does: with our end of the pipe.
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut said = String::new();
        let address = lines.find_map(|line| {
            said = format!("{said}{line}\n");
            line.split_once("Prism is listening on ").map(|(_, address)| address.trim().to_owned())
        });
        let Some(address) = address else { panic!("Prism did not start:\n{said}") };
        // A full pipe would hold it up.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, address: address.parse().unwrap() }
    }

    pub(crate) fn address(&self) -> &Url {
        &self.address
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
