//! What the processes of the comparison tell each other.

#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// The key of an administrator in the world. It is made up, and opens nothing else.
pub const KEY: &str = "glpat-KEYOFTHEADMINISTRATOR";

/// How the world is to be.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setting {
    /// How many credentials there are, each with a live token.
    pub fleet: usize,
    /// How many places hold each.
    pub places: usize,
    /// How long an answer takes.
    pub latency_ms: u64,
    /// One percent of the requests is refused with `429`, and one percent is done and answered with `502`.
    pub faults: bool,
    /// So many requests at a time are answered, and those beyond are refused with `429`.
    pub cap: usize,
    /// Where places that are files lie; else the world itself is the place.
    pub files: Option<String>,
    /// Whether the steps are written down.
    pub record: bool,
}

/// What the world has counted since it was set.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Counts {
    pub requests: u64,
    pub in_flight: usize,
    pub peak: usize,
    pub beyond_the_cap: u64,
    pub refused: u64,
    pub broken: u64,
    /// From the first request to the last answer.
    pub seconds: f64,
    /// The steps in their order, where they are written down.
    pub steps: Vec<String>,
}

/// What is so, by the world's own state.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Truth {
    /// Credentials that turned: their first token is dead, one other lives, and every place holds that.
    pub turned: usize,
    /// Credentials of which no place holds a live token.
    pub lost: usize,
    /// Places that hold a dead token.
    pub stale: usize,
    /// Live tokens that no place holds.
    pub unaccounted: usize,
    /// Credentials that are neither as they were nor turned.
    pub unfinished: usize,
}

/// What a contestant says when it is done: nothing of it is believed about tokens.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Said {
    #[serde(default)]
    pub completed: usize,
    /// What it left to a person.
    #[serde(default)]
    pub needs_person: usize,
    #[serde(default)]
    pub failed: usize,
    /// How long each took, in microseconds.
    #[serde(default)]
    pub latencies_us: Vec<u64>,
    /// The most memory that it had.
    #[serde(default)]
    pub peak_kb: u64,
    /// How often it waited for the disk, where it counts that.
    #[serde(default)]
    pub fsyncs: Option<u64>,
    /// Why it did not run, where it did not.
    #[serde(default)]
    pub skipped: Option<String>,
    /// What went wrong, and how often.
    #[serde(default)]
    pub problems: BTreeMap<String, usize>,
}

/// One credential as the fleet's file has it: name, number of its user, number of its token, its value.
#[derive(Clone, Debug)]
pub struct Member {
    pub name: String,
    pub user: u64,
    pub id: u64,
    pub token: String,
}

impl Member {
    #[must_use]
    pub fn line(&self) -> String {
        format!("{}\t{}\t{}\t{}\n", self.name, self.user, self.id, self.token)
    }

    /// The members that a file has, read as they are asked for.
    ///
    /// # Errors
    ///
    /// When there is no such file.
    pub fn read(path: &Path) -> std::io::Result<impl Iterator<Item = Self> + use<>> {
        use std::io::BufRead as _;
        let file = std::io::BufReader::new(std::fs::File::open(path)?);
        Ok(file.lines().map_while(Result::ok).filter_map(|line| {
            let mut parts = line.split('\t');
            let mut next = || parts.next().map(str::to_owned);
            Some(Self { name: next()?, user: next()?.parse().ok()?, id: next()?.parse().ok()?, token: next()? })
        }))
    }
}

/// The most memory that this process had, in kilobytes.
#[must_use]
pub fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok()).unwrap_or_default()
}

/// A token as a place shows it: by the first bytes of its hash.
#[must_use]
pub fn mark(token: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(token.as_bytes());
    let first = digest.iter().take(8).fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
    format!("{first:016x}")
}

/// What has been rotated, for contestants without a journal: a line each, as scripts do.
#[derive(Debug)]
pub struct Done(std::sync::Mutex<std::fs::File>);

impl Done {
    /// The names that a run before this one has written down, and where to write on.
    ///
    /// # Errors
    ///
    /// When the file cannot be had.
    pub fn open(path: impl AsRef<Path>) -> std::io::Result<(std::collections::BTreeSet<String>, Self)> {
        let before = std::fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_owned).collect();
        let file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
        Ok((before, Self(std::sync::Mutex::new(file))))
    }

    /// Writes one down.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn write(&self, name: &str) -> std::io::Result<()> {
        use std::io::Write as _;
        let mut file = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        file.write_all(format!("{name}\n").as_bytes())
    }
}
