//! Who is compared, and how each is started.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use crate::case::Case;

/// Requests at a time, where a contestant can be told.
pub(crate) const K: usize = 64;
/// From this fleet on, ours runs under `ulimit -n 256`.
pub(crate) const LARGE: usize = 10_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Contestant {
    Limit,
    Memory,
    Sqlite,
    Postgres,
    Rekey,
    Requests(usize),
    Boto3(usize),
    AwsCli,
}

/// Where everything lies.
pub(crate) struct Paths {
    pub(crate) bins: PathBuf,
    pub(crate) loops: PathBuf,
    pub(crate) python: PathBuf,
    pub(crate) scratch: PathBuf,
}

impl Contestant {
    pub(crate) const ALL: [Self; 10] = [
        Self::Limit,
        Self::Memory,
        Self::Sqlite,
        Self::Postgres,
        Self::Rekey,
        Self::Requests(16),
        Self::Requests(1),
        Self::Boto3(16),
        Self::Boto3(1),
        Self::AwsCli,
    ];

    pub(crate) fn name(self) -> String {
        let threads = |count| if count == 1 { "one by one".to_owned() } else { format!("{count} threads") };
        match self {
            Self::Limit => "the limit: a bare loop, nothing kept".to_owned(),
            Self::Memory => "tokenturn, journal in memory".to_owned(),
            Self::Sqlite => "tokenturn, SQLite on disk".to_owned(),
            Self::Postgres => "tokenturn, PostgreSQL".to_owned(),
            Self::Rekey => "rekey-core 0.1.0".to_owned(),
            Self::Requests(count) => format!("Python requests, {}", threads(count)),
            Self::Boto3(count) => format!("Python boto3, {}", threads(count)),
            Self::AwsCli => "AWS command line".to_owned(),
        }
    }

    pub(crate) fn is_ours(self) -> bool {
        matches!(self, Self::Memory | Self::Sqlite | Self::Postgres)
    }

    /// How many requests it has under way; `None` where it knows no bound.
    pub(crate) fn k(self) -> Option<usize> {
        match self {
            Self::Limit | Self::Memory | Self::Sqlite | Self::Postgres => Some(K),
            Self::Rekey => None,
            Self::Requests(threads) | Self::Boto3(threads) => Some(threads),
            Self::AwsCli => Some(1),
        }
    }

    /// Whether it is given this fleet: the rate of `scripts` does not depend upon its size, and they get no larger one than that.
    pub(crate) fn fits(self, case: Case, scripts: usize) -> bool {
        match self {
            Self::AwsCli => case.fleet <= 1,
            Self::Boto3(1) | Self::Requests(1) if case.latency_ms > 0 => case.fleet <= 1,
            Self::Requests(1) | Self::Boto3(1) => case.fleet <= scripts.min(100),
            Self::Requests(_) | Self::Boto3(_) => case.fleet <= scripts,
            _ => true,
        }
    }

    /// Whether its places are files.
    pub(crate) fn writes_files(self) -> bool {
        self == Self::Rekey
    }

    /// How it is started. Ours turns a large fleet with few files to open.
    pub(crate) fn command(self, paths: &Paths, world: &str, case: Case, directory: &Path) -> Command {
        let whole = self.plain(paths, world, case.places, directory);
        if !self.is_ours() || case.fleet < LARGE {
            return whole;
        }
        let whole = whole.as_std();
        let mut narrow = Command::new("sh");
        narrow.args(["-c", "ulimit -n 256 && exec \"$0\" \"$@\""]).arg(whole.get_program()).args(whole.get_args());
        narrow
    }

    fn plain(self, paths: &Paths, world: &str, places: usize, directory: &Path) -> Command {
        let bin = |name: &str| Command::new(paths.bins.join(name));
        let (fleet, places) = (paths.scratch.join("fleet.tsv"), places.to_string());
        let mut command = match self {
            Self::Limit => bin("limit"),
            Self::Memory | Self::Sqlite | Self::Postgres => bin("turn"),
            Self::Rekey => bin("rekey"),
            Self::AwsCli => {
                let mut bash = Command::new("bash");
                bash.arg(paths.loops.join("aws_cli.sh"));
                bash
            }
            Self::Requests(_) | Self::Boto3(_) => {
                let script = if let Self::Requests(_) = self { "requests_loop.py" } else { "boto3_loop.py" };
                let mut python = Command::new(&paths.python);
                python.arg(paths.loops.join(script));
                python
            }
        };
        match self {
            Self::Memory => _ = command.arg("memory"),
            Self::Sqlite => _ = command.arg("sqlite"),
            Self::Postgres => _ = command.arg("postgres"),
            _ => {}
        }
        command.arg(world).arg(fleet).arg(&places);
        match self {
            Self::Rekey => command.arg(directory.join("places")),
            Self::AwsCli => command.arg(&paths.python),
            Self::Requests(threads) | Self::Boto3(threads) => command.arg(threads.to_string()),
            _ => command.arg(K.to_string()),
        };
        command.arg(directory);
        if self == Self::Limit {
            command.arg(paths.scratch.join(format!("steps-{places}.json")));
        }
        command
    }
}
