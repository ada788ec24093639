//! How a journal is opened.

use std::fmt;
use std::time::Duration;

use secrecy::SecretString;

use super::failure::wrong;
use super::line::Line;
use super::tls::Tls;
use super::{PostgresJournal, address, schema};
use crate::error::Result;

/// How a [`PostgresJournal`] is opened.
#[derive(Clone)]
#[must_use]
pub struct PostgresOptions {
    schema: String,
    roots: Vec<Vec<u8>>,
    plain_on_this_machine: bool,
    connections: usize,
    timeout: Duration,
}

impl PostgresOptions {
    pub(super) fn new() -> Self {
        Self {
            schema: "tokenturn".into(),
            roots: Vec::new(),
            plain_on_this_machine: false,
            connections: 16,
            timeout: Duration::from_secs(10),
        }
    }

    /// In which schema of the database the journal is; `tokenturn` unless set. Journals of different names do not meet.
    pub fn schema(mut self, name: impl Into<String>) -> Self {
        self.schema = name.into();
        self
    }

    /// More certificates to trust beside the platform's, as PEM: those of an internal authority.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.roots.push(pem.into());
        self
    }

    /// Does without TLS where every host of the address is this very machine: its loopback, or a Unix socket.
    pub fn allow_plain_text_on_this_machine(mut self) -> Self {
        self.plain_on_this_machine = true;
        self
    }

    /// How many connections there are at most; 16 unless set. The database has a limit for all workers together.
    pub fn connections(mut self, connections: usize) -> Self {
        self.connections = connections;
        self
    }

    /// How long connecting, waiting for a connection that is free, and one statement may take, each; 10 seconds unless
    /// set. It should be a good deal less than a lease.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Opens the journal in the database at this address, or makes it; an older one is brought up to date. That alone
    /// needs a user who owns the schema, or may make it. To work, the right to read and write its tables is enough.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Configuration`](crate::ErrorKind::Configuration) when the address cannot be read or would do without
    /// TLS, the schema is of another program or of a newer version, or the server would lose what it has taken
    /// (`fsync=off`). [`ErrorKind::Journal`](crate::ErrorKind::Journal) when it cannot be reached or written.
    pub async fn open(self, address: &SecretString) -> Result<PostgresJournal> {
        if !is_name(&self.schema) {
            return Err(wrong(
                "a schema's name has 1 to 63 of a-z, 0-9 and _, and begins with a letter: choose another",
            ));
        }
        if self.connections == 0 || self.timeout < Duration::from_millis(1) {
            return Err(wrong("connections and timeout of the journal must be above zero"));
        }
        let address = address::read(address, self.plain_on_this_machine)?;
        let tls = if address.plain { None } else { Some(Tls::trusting(&self.roots)?) };
        let line = Line::new(address, tls, &self.schema, self.connections, self.timeout)?;
        schema::open(&line, &self.schema).await?;
        Ok(PostgresJournal::over(line, self.schema))
    }
}

/// Whether it is a name that needs no quotes, and is none of the database's own.
fn is_name(name: &str) -> bool {
    (1..=63).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_')
        && !name.starts_with("pg_")
}

impl fmt::Debug for PostgresOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresOptions")
            .field("schema", &self.schema)
            .field("plain_on_this_machine", &self.plain_on_this_machine)
            .field("connections", &self.connections)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn a_schema_has_a_name_that_needs_no_quotes() {
        assert!(is_name("tokenturn") && is_name("a") && is_name("team_7") && is_name(&"a".repeat(63)));
        for bad in ["", "A", "7a", "_a", "a-b", "a b", "a,b", "a\"", "pg_catalog", "\u{e4}", &"a".repeat(64)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
